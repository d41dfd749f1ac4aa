package tenant

// pingGuide is the guide of Ping Identity's PingOne (R28).
func pingGuide() Guide {
	return Guide{
		Provider: ProviderPing,
		Name:     "Ping Identity",
		Authority: GuideAuthority{
			Pattern: "https://auth.pingone.{region}/{environment-id}/as",
			Placeholders: []GuidePlaceholder{
				{
					Name: "region", Label: "Region", Example: "eu",
					Format: GuideFormat{OneOf: []string{"com", "eu", "ca", "asia", "com.au", "sg"}, Expected: "com, eu, ca, asia, com.au, sg"},
				},
				{
					Name: "environment-id", Label: "Environment ID", Example: "3f9a1c52-7b6e-4a0e-9a53-1f2d5b7c8e90",
					Format: GuideFormat{GUID: true, Expected: "00000000-0000-0000-0000-000000000000"},
				},
			},
			Example: "https://auth.pingone.eu/3f9a1c52-7b6e-4a0e-9a53-1f2d5b7c8e90/as",
			Find:    note("authority.find", "The application's Configuration, URLs, shows the Issuer ID. PingFederate and Advanced Identity Cloud have addresses of your own: enter their issuer."),
			Domains: []string{"pingone.com", "pingone.eu", "pingone.ca", "pingone.asia", "pingone.com.au", "pingone.sg", "pingidentity.com"},
			OwnHost: true,
		},
		ClientID:     GuideCredential{Label: "Client ID"},
		ClientSecret: GuideCredential{Label: "Client Secret"},
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretBasic, Supported: []string{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientAuthNone},
			Note: note("client_auth", "Under Configuration choose Client Secret Basic as Token Endpoint Authentication Method. PingOne takes the chosen one alone."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("offline_access needs the grant type Refresh Token in the application.")},
		}},
		OIDC: []GuideStep{
			step("oidc.add", "In the PingOne admin console open Applications, Applications, and add one of the type OIDC Web App. Name it {app}.", enter("Application Name", placeApp)),
			step("oidc.configure", "Under Configuration keep the response type Code and the grant type Authorization Code, and enter the redirect URI.",
				enter("Redirect URIs", placeRedirect)),
			step("oidc.auth", "Choose Client Secret Basic as Token Endpoint Authentication Method, and S256 under PKCE Enforcement if you like."),
			step("oidc.initiate", "Enter the sign-in address for a tile in the application portal.", enter("Initiate Login URI", placeInitiate), optional),
			step("oidc.scopes", "Under Resource Access add the scopes profile and email."),
			step("oidc.keep", "Copy these and enable the application with the switch at the top.",
				keep("Issuer ID", FieldAuthority), keep("Client ID", FieldClientID), keep("Client Secret", FieldClientSecret)),
			step("oidc.assign", "Under Access choose the groups whose members may sign in. Without a group everybody may."),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMOwnApp,
			Summary:  note("scim.summary", "PingOne provisions by a connection of its own with a rule, not by the OIDC application."),
			Steps: []GuideStep{
				step("scim.connection", "Open Integrations, Provisioning, and choose New Connection, then Identity Store, then the tile SCIM."),
				step("scim.connect", "Enter these with the SCIM version 2.0 and OAuth 2 Bearer Token as Authentication Method. Users Resource is /Users, Groups Resource /Groups. Test the connection.",
					enter("SCIM Base URL", placeSCIM), enter("OAuth Access Token", placeKey)),
				step("scim.preferences", "Keep userName as the unique user identifier, and choose Disable as the action for people who are removed."),
				step("scim.rule", "Add a rule from PingOne to the connection, with a filter for the people, and the groups under Group Provisioning. Enable the connection and the rule."),
			},
			Mapping: []GuideMapping{
				{Target: "userName", Source: "Email Address", Note: says("It must be in one of the associated domains.")},
				{Target: "externalId", Source: "User ID", Note: says("It is the sub of a sign-in, so that both find the same person.")},
			},
			Groups: note("scim.groups", "Groups of the rule are sent with their members."),
		},
		Claims: claims(
			"PingOne's user ID, which stays.",
			"With the scope email.",
			"With the scope email, if the environment verifies addresses.",
			"With the scope profile.",
			"Only with an attribute mapping of the application, such as groups from Group Names.",
		),
		Notes: []GuideText{
			note("note.method", "If a test sign-in says that the client was refused, the Token Endpoint Authentication Method is the first thing to look at."),
			note("note.enabled", "New applications are disabled until their switch is on."),
		},
		Errors: []GuideError{
			{
				ID: "client_auth", Kind: ErrorKindClientAuth, Places: inToken, Codes: []string{codeInvalidClient}, Text: "Unsupported authentication method", Common: true, Who: WhoProviderAdmin,
				Example: "Request denied: Unsupported authentication method (Correlation ID: 11111111-2222-3333-4444-555555555555)",
				What:    says("The application has another Token Endpoint Authentication Method than the connection uses."),
				Fix:     says("A PingOne administrator chooses Client Secret Basic under Configuration, or the owner runs the test sign-in here, which finds the other way."),
			},
			{
				ID: "client_secret", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeInvalidClient}, Text: "Request denied: Invalid client credentials", Who: WhoOwner,
				Example: "Request denied: Invalid client credentials (Correlation ID: 11111111-2222-3333-4444-555555555555)",
				What:    says("The client ID or secret is wrong."),
				Fix:     says("The owner compares the client ID and replaces the secret here by the one under Configuration of the application."),
			},
		},
		Sources: []GuideSource{
			source("https://docs.pingidentity.com/pinggateway/2025.3/pingone/oidc-ping.html", "steps of the console, resource access"),
			source("https://developer.pingidentity.com/pingone-api/getting-started/simple-sso-workflow/step-2-create-a-web-application.html", "web application, redirect URIs"),
			source("https://docs.pingidentity.com/r/en-us/pingone/pingone_create_provisioning_connection", "SCIM connection, fields"),
			source("https://docs.pingidentity.com/pingone/integrations/p1_scim_provisioning_features.html", "what the provisioner can do"),
		},
	}
}

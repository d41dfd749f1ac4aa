package tenant

// auth0Guide is the guide of Auth0 (R27).
func auth0Guide() Guide {
	return Guide{
		Provider: ProviderAuth0,
		Name:     "Auth0",
		Authority: GuideAuthority{
			Pattern: "https://{auth0-domain}/",
			Placeholders: []GuidePlaceholder{{
				Name: "auth0-domain", Label: "Domain", Format: GuideFormat{Domain: true, Expected: "acme.eu.auth0.com"}, Example: "acme.eu.auth0.com",
			}},
			Example: "https://acme.eu.auth0.com/",
			Find:    note("authority.find", "The application's Settings show the Domain. Use your custom domain if you have one."),
			Domains: []string{"auth0.com"},
			OwnHost: true,
		},
		ClientID:     GuideCredential{Label: "Client ID"},
		ClientSecret: GuideCredential{Label: "Client Secret"},
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretPost, Supported: []string{ClientSecretPost, ClientSecretBasic, ClientPrivateKeyJWT, ClientAuthNone},
			Note: note("client_auth", "On the tab Credentials choose Client Secret (Post)."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("offline_access needs the grant type Refresh Token in the application's advanced settings.")},
			{"groups", says("Auth0 has no scope groups and leaves it out.")},
		}},
		OIDC: []GuideStep{
			step("oidc.create", "In the Auth0 Dashboard open Applications, Applications, and choose Create Application, then Regular Web Applications. Name it {app}.", enter("Name", placeApp)),
			step("oidc.redirect", "On the tab Settings enter the redirect URI.", enter("Allowed Callback URLs", placeRedirect)),
			step("oidc.initiate", "Enter the sign-in address as well, so that Auth0 can send people there.", enter("Application Login URI", placeInitiate), optional),
			step("oidc.keep", "Copy these from Basic Information, then save. The authority is https:// and the Domain.",
				keep("Domain", FieldAuthority), keep("Client ID", FieldClientID), keep("Client Secret", FieldClientSecret)),
			step("oidc.auth", "On the tab Credentials make sure that the authentication method is Client Secret (Post)."),
			step("oidc.connections", "On the tab Connections enable those that your people sign in with."),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMByCode,
			Summary:  note("scim.summary", "Auth0 has no provisioning to switch on for an application of your own. An event stream with an Action sends people by SCIM; the code is yours to keep. Otherwise let accounts be made at sign-in."),
			Steps: []GuideStep{
				step("scim.stream", "Make an event stream for user.created, user.updated and user.deleted with an Action as its destination, from Auth0's template for outbound SCIM."),
				step("scim.connect", "Give the Action the base URL and, as a secret, the key.", enter("SCIM base URL", placeSCIM), enter("SCIM token", placeKey)),
			},
			Mapping: []GuideMapping{
				{Target: "externalId", Source: "user_id", Note: says("It is the sub of a sign-in, so that both find the same person.")},
				{Target: "userName", Source: "email", Note: says("It must be in one of the associated domains.")},
			},
			Groups: note("scim.groups", "The template sends people alone, no groups."),
		},
		Claims: claims(
			"Auth0's user ID with the connection's name in front. It changes when somebody signs in by another connection.",
			"With the scope email.",
			"From the user's profile. Addresses that nobody confirmed are refused at a first sign-in.",
			"With the scope profile.",
			"Auth0 sends none. An Action can add claims, under a name that is a URL.",
		),
		Notes: []GuideText{
			note("note.slash", "The issuer ends in a slash. It is accepted with and without."),
			note("note.domain", "A custom domain is an issuer of its own. Enter the one at which people sign in."),
		},
		Errors: []GuideError{
			{
				ID: "redirect_uri", Kind: ErrorKindRedirectURI, Places: onPage, Text: "Callback URL mismatch", Who: WhoProviderAdmin,
				Example: "Callback URL mismatch. The provided redirect_uri is not in the list of allowed callback URLs.",
				What:    says("The redirect URI is not registered."),
				Fix:     says("An Auth0 administrator copies it from here, exactly, to Allowed Callback URLs of the application."),
			},
			{
				ID: "client_id", Kind: ErrorKindClientRejected, Places: onPage, Text: "Unknown client", Common: true, Who: WhoOwner,
				Example: "invalid_request: Unknown client: AbCdEfGh",
				What:    says("There is no application with this client ID."),
				Fix:     says("The owner compares the client ID and the authority with the application's Settings."),
			},
			{
				ID: "blocked", Kind: ErrorKindAccount, Places: inAnswer, Codes: []string{"unauthorized", codeAccessDenied}, Text: "user is blocked", Common: true, Who: WhoProviderAdmin,
				Example: "user is blocked",
				What:    says("The person's account is blocked at Auth0."),
				Fix:     says("An Auth0 administrator unblocks it under User Management, Users."),
			},
			{
				ID: "connections", Kind: ErrorKindSetup, Places: inAnswer, Codes: []string{codeInvalidRequest, codeUnauthorized, codeAccessDenied}, Text: "no connections enabled for the client", Who: WhoProviderAdmin,
				Example: "no connections enabled for the client",
				What:    says("Nobody can sign in at the application, because no connection is enabled for it."),
				Fix:     says("An Auth0 administrator enables one on the application's tab Connections."),
			},
			{
				ID: "organization", Kind: ErrorKindSetup, Places: inAnswer, Codes: []string{codeInvalidRequest, codeAccessDenied}, Text: "parameter organization is required for this client", Who: WhoProviderAdmin,
				Example: "parameter organization is required for this client",
				What:    says("The application is for members of Auth0 organizations alone, which is not asked for here."),
				Fix:     says("An Auth0 administrator lets individuals sign in too, on the application's tab Login Experience, or has Auth0 prompt for the organization."),
			},
			{
				ID: "grant", Kind: ErrorKindSetup, Places: inToken, Codes: []string{codeUnauthorized}, Text: "Grant type 'authorization_code' not allowed for the client", Who: WhoProviderAdmin,
				Example: "Grant type 'authorization_code' not allowed for the client.",
				What:    says("The application may not use the authorization code."),
				Fix:     says("An Auth0 administrator ticks Authorization Code under Advanced Settings, Grant Types, of the application."),
			},
			{
				ID: "client_secret", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeAccessDenied, codeInvalidClient}, Text: "Unauthorized", Common: true, Who: WhoOwner,
				Example: "Unauthorized",
				What:    says("The client secret is wrong."),
				Fix:     says("The owner replaces it here by the one in the application's Settings."),
			},
		},
		Sources: []GuideSource{
			source("https://auth0.com/docs/get-started/applications/application-settings", "domain, callback URLs, application login URI, credentials"),
			source("https://auth0.com/docs/customize/events/send-outbound-scim", "outbound SCIM with event streams"),
			source("https://auth0.com/docs/get-started/applications/credentials", "client secret by post or basic"),
			source("https://passportjs.org/tutorials/auth0/register/", "steps of the Dashboard"),
		},
	}
}

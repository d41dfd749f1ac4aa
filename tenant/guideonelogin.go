package tenant

// oneLoginGuide is the guide of OneLogin (R28).
func oneLoginGuide() Guide {
	return Guide{
		Provider: ProviderOneLogin,
		Name:     "OneLogin",
		Authority: GuideAuthority{
			Pattern: "https://{subdomain}.onelogin.com/oidc/2",
			Placeholders: []GuidePlaceholder{
				{Name: "subdomain", Label: "Subdomain", Example: "acme"},
			},
			Example: "https://acme.onelogin.com/oidc/2",
			Find:    note("authority.find", "The application's tab SSO shows the Issuer URL."),
			Domains: []string{"onelogin.com"},
			OwnHost: true,
		},
		ClientID:     GuideCredential{Label: "Client ID"},
		ClientSecret: GuideCredential{Label: "Client Secret"},
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretBasic, Supported: []string{ClientSecretBasic, ClientSecretPost, ClientAuthNone},
			Note: note("client_auth", "On the tab SSO, Token Endpoint, choose Basic as Authentication Method. OneLogin takes the secret in the chosen way alone."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("OneLogin gives refresh tokens only where the application allows them.")},
		}},
		OIDC: []GuideStep{
			step("oidc.add", "In Administration open Applications and choose Add App. Search for OpenId Connect and choose OpenId Connect (OIDC)."),
			step("oidc.name", "Name it {app} and save.", enter("Display Name", placeApp)),
			step("oidc.urls", "On the tab Configuration enter both addresses and save.", enter("Redirect URIs", placeRedirect), enter("Login Url", placeInitiate)),
			step("oidc.sso", "On the tab SSO copy these. Application Type is Web, and the Authentication Method of the Token Endpoint is Basic.",
				keep("Client ID", FieldClientID), keep("Client Secret", FieldClientSecret), keep("Issuer URL", FieldAuthority)),
			step("oidc.groups", "On the tab Parameters set a value for Groups if roles are to follow groups at sign-in, and ask for the scope groups.", optional),
			step("oidc.assign", "On the tab Access choose the roles whose people are to sign in, or assign the application to users."),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMOwnApp,
			Summary:  note("scim.summary", "The OpenId Connect application has no provisioning in OneLogin. Add a second one: SCIM Provisioner with SAML (SCIM v2 Enterprise)."),
			Steps: []GuideStep{
				step("scim.add", "In Applications choose Add App and search for SCIM Provisioner with SAML (SCIM v2 Enterprise). Hide it from the portal."),
				step("scim.connect", "On the tab Configuration enter both values, then enable the API Connection.",
					enter("SCIM Base URL", placeSCIM), enter("SCIM Bearer Token", placeKey)),
				step("scim.enable", "On the tab Provisioning enable provisioning. Choose what happens to people who are removed: Suspend is the mildest."),
				step("scim.groups", "On the tab Parameters include Groups in user provisioning, and on the tab Rules set groups from your roles or directory groups.", optional),
				step("scim.assign", "On the tab Access choose the roles to provision."),
			},
			Mapping: []GuideMapping{
				{Target: "userName", Source: "Email", Note: says("It must be in one of the associated domains.")},
			},
			Groups: note("scim.groups_note", "OneLogin sends groups by rules, and reads those that exist here first. Groups made from rules appear with the next change of a person."),
		},
		Claims: claims(
			"OneLogin's user ID, which stays.",
			"With the scope email.",
			"OneLogin does not state it.",
			"With the scope profile.",
			"Only with the scope groups and a value under Parameters.",
		),
		Notes: []GuideText{
			note("note.method", "If a test sign-in says that the client was refused, the Authentication Method of the Token Endpoint is the first thing to look at."),
			note("note.save", "OneLogin shows the client secret after the application was saved once."),
		},
		Errors: []GuideError{
			{
				ID: "client_auth_post", Kind: ErrorKindClientAuth, Places: inToken, Text: "client_secret must be provided in the body", Common: true, Who: WhoProviderAdmin,
				Example: "client_secret must be provided in the body",
				What:    says("The application is set to POST, and the connection sends the secret in the header."),
				Fix:     says("A OneLogin administrator chooses Basic on the application's tab SSO, or the owner runs the test sign-in here, which finds the other way."),
			},
			{
				ID: "client_auth_basic", Kind: ErrorKindClientAuth, Places: inToken, Text: "client_secret must be provided in the Authorization header", Common: true, Who: WhoProviderAdmin,
				Example: "client_secret must be provided in the Authorization header",
				What:    says("The application is set to Basic, and the connection sends the secret in the body."),
				Fix:     says("A OneLogin administrator chooses POST on the application's tab SSO, or the owner runs the test sign-in here, which finds the other way."),
			},
			{
				ID: "client", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeInvalidClient}, Who: WhoOwner,
				Example: "invalid_client: client authentication failed",
				What:    says("OneLogin refused the client ID or secret, or takes the secret in another way."),
				Fix:     says("The owner compares the client ID and replaces the secret here; a OneLogin administrator checks the Authentication Method on the application's tab SSO."),
			},
			{
				ID: "redirect_uri", Kind: ErrorKindRedirectURI, Places: onPage, Text: "redirect_uri did not match any", Common: true, Who: WhoProviderAdmin,
				Example: "redirect_uri did not match any client's registered redirect_uris",
				What:    says("The redirect URI is not registered."),
				Fix:     says("A OneLogin administrator copies it from here, exactly, to Redirect URIs on the application's tab Configuration."),
			},
		},
		Sources: []GuideSource{
			source("https://jetbrains.com/help/ide-services/onelogin.html", "steps of the console, authentication method, issuer path /oidc/2"),
			source("https://github.com/onelogin/onelogin-oidc-java/pull/15", "the authentication method must fit the application"),
			source("https://github.com/openshift/origin/issues/18675", "what the token endpoint answers for the other method"),
			source("https://workos.com/docs/integrations/onelogin-scim.md", "SCIM: application, base URL, bearer token, groups"),
		},
	}
}

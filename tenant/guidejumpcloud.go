package tenant

// jumpCloudGuide is the guide of JumpCloud (R22 to R24).
func jumpCloudGuide() Guide {
	return Guide{
		Provider: ProviderJumpCloud,
		Name:     "JumpCloud",
		Authority: GuideAuthority{
			Fixed:   []string{"https://oauth.id.jumpcloud.com/", "https://oauth.id.eu.jumpcloud.com/", "https://oauth.id.in.jumpcloud.com/"},
			Pattern: "https://oauth.id.jumpcloud.com/",
			Others: []GuidePattern{
				{"https://oauth.id.eu.jumpcloud.com/", note("authority.eu", "For organisations whose Admin Portal is console.eu.jumpcloud.com.")},
				{"https://oauth.id.in.jumpcloud.com/", note("authority.in", "For organisations whose Admin Portal is console.in.jumpcloud.com.")},
			},
			Example: "https://oauth.id.jumpcloud.com/",
			Find:    note("authority.find", "It is the same for every customer of one of JumpCloud's regions. The slash at the end belongs to it."),
			Hosts:   []string{"oauth.id.jumpcloud.com", "oauth.id.eu.jumpcloud.com", "oauth.id.in.jumpcloud.com"},
		},
		ClientID:     GuideCredential{Label: "Client ID"},
		ClientSecret: GuideCredential{Label: "Client Secret"},
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretPost, Supported: []string{ClientSecretPost, ClientSecretBasic, ClientAuthNone},
			Note: note("client_auth", "Choose Client Secret POST as Client Authentication Type. JumpCloud takes the secret in the chosen way alone."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("offline_access needs the grant type Refresh Token in the application, and is refused without it.")},
			{"groups", says("JumpCloud has no scope groups. The groups attribute of the application sends them without one.")},
		}},
		OIDC: []GuideStep{
			step("oidc.add", "In the Admin Portal open SSO Applications and choose Add New Application, then Custom Application, then Manage Single Sign-On with Configure SSO with OIDC."),
			step("oidc.name", "Name it {app} and choose Configure Application.", enter("Display Label", placeApp)),
			step("oidc.urls", "On the tab SSO enter both addresses.", enter("Redirect URIs", placeRedirect), enter("Login URL", placeInitiate)),
			step("oidc.auth", "Choose Client Secret POST as Client Authentication Type."),
			step("oidc.scopes", "Under Attribute Mapping tick the standard scopes Email and Profile. The mapping itself needs no change."),
			step("oidc.groups", "Tick include group attribute and name it groups if roles are to follow groups at sign-in.", optional),
			step("oidc.activate", "Choose Activate and copy both. The secret is not shown again.", keep("Client ID", FieldClientID), keep("Client Secret", FieldClientSecret)),
			step("oidc.assign", "On the tab User Groups tick the groups whose members are to sign in, and save. Nobody else gets in."),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMOwnApp,
			Summary:  note("scim.summary", "JumpCloud provisions from the tab Identity Management. If your OIDC application does not have it, add a second custom application that exports users."),
			Steps: []GuideStep{
				step("scim.add", "In SSO Applications choose Add New Application, then Custom Application, then Export users to this app (Identity Management)."),
				step("scim.connect", "On the tab Identity Management choose SCIM 2.0 and enter both values with the address of a test user in one of your associated domains. Test the connection, then activate and save.",
					enter("Base URL", placeSCIM), enter("Token Key", placeKey)),
				step("scim.groups", "Tick Enable management of User Groups and Group Membership in this application."),
				step("scim.assign", "On the tab User Groups tick the groups to provision, and save."),
			},
			Mapping: []GuideMapping{
				{Target: "userName", Source: "email", Note: says("It must be in one of the associated domains.")},
			},
			Groups: note("scim.groups_note", "Groups that are bound to the application are sent with their members."),
			Notes: []GuideText{
				note("scim.test", "When it is activated, JumpCloud makes a test user and a test group and removes both. They show in the audit log."),
			},
		},
		Claims: claims(
			"JumpCloud's user ID, which stays.",
			"With the standard scope Email.",
			"JumpCloud states it with the scope Email, and it must be true: its issuer speaks for all of its customers.",
			"With the standard scope Profile.",
			"Only with the groups attribute of the application.",
		),
		Notes: []GuideText{
			note("note.method", "If a test sign-in says that the client was refused, the Client Authentication Type is the first thing to look at."),
			note("note.shared", "All customers of one of JumpCloud's regions have the same issuer. The client ID tells them apart."),
			note("note.slash", "The issuer ends in a slash. It is accepted with and without."),
		},
		Errors: []GuideError{
			{
				ID: "client_auth", Kind: ErrorKindClientAuth, Places: inToken, Codes: []string{codeInvalidClient}, Text: "The OAuth 2.0 Client supports client authentication method", Common: true, Who: WhoProviderAdmin,
				Example: "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method). The OAuth 2.0 Client supports client authentication method 'client_secret_basic', but method 'client_secret_post' was requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept 'client_secret_post'.",
				What:    says("The application is set up for another Client Authentication Type than the connection uses."),
				Fix:     says("A JumpCloud administrator chooses Client Secret POST on the application's tab SSO, or the owner runs the test sign-in here, which finds the other way."),
			},
			{
				ID: "client", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeInvalidClient}, Who: WhoOwner,
				Example: "invalid_client: Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method).",
				What:    says("JumpCloud refused the client ID or secret, or takes the secret in another way."),
				Fix:     says("A JumpCloud administrator checks that the Client Authentication Type is Client Secret POST; the owner compares the client ID and replaces the secret here."),
			},
			{
				ID: "redirect_uri", Kind: ErrorKindRedirectURI, Places: onPage, Text: "The 'redirect_uri' parameter does not match any of the OAuth 2.0 Client's pre-registered redirect urls", Common: true, Who: WhoProviderAdmin,
				Example: "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed. The 'redirect_uri' parameter does not match any of the OAuth 2.0 Client's pre-registered redirect urls.",
				What:    says("The redirect URI is not registered."),
				Fix:     says("A JumpCloud administrator copies it from here, exactly, to Redirect URIs on the application's tab SSO."),
			},
			{
				ID: "scope", Kind: ErrorKindSetup, Places: inAnswer, Codes: []string{codeInvalidScope}, Who: WhoProviderAdmin,
				Example: "invalid_scope: The requested scope is invalid, unknown, or malformed. The OAuth 2.0 Client is not allowed to request scope 'email'.",
				What:    says("The application may not ask for one of the scopes."),
				Fix:     says("A JumpCloud administrator ticks the standard scopes Email and Profile on the application's tab SSO; the owner removes additional scopes that JumpCloud does not have."),
			},
			{
				ID: "denied", Kind: ErrorKindNotAssigned, Places: inAnswer, Codes: []string{codeAccessDenied}, Text: "The resource owner or authorization server denied the request", Common: true, Who: WhoProviderAdmin,
				Example: "The resource owner or authorization server denied the request.",
				What:    says("JumpCloud did not let the person in. Usually none of their user groups has the application."),
				Fix:     says("A JumpCloud administrator ticks a group of theirs on the application's tab User Groups."),
			},
		},
		Sources: []GuideSource{
			source("https://jumpcloud.com/support/sso-with-oidc", "custom OIDC application, client authentication type, scopes, user groups"),
			source("https://docs.scalekit.com/guides/integrations/sso-integrations/jumpcloud-oidc", "steps of the Admin Portal"),
			source("https://docs.byo.propelauth.com/scim/example-setup-guides/jumpcloud", "identity management: base URL, token key, test user"),
			source("https://help.kisi.io/marketplace/identity_management/scim/jumpcloud", "management of user groups"),
		},
	}
}

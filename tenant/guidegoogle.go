package tenant

// googleGuide is the guide of Google Workspace (R16, R25, R54).
func googleGuide() Guide {
	return Guide{
		Provider: ProviderGoogle,
		Name:     "Google Workspace",
		Authority: GuideAuthority{
			Fixed:   []string{"https://accounts.google.com"},
			Pattern: "https://accounts.google.com",
			Example: "https://accounts.google.com",
			Find:    note("authority.find", "It is the same for every customer of Google."),
			Hosts:   []string{"accounts.google.com"},
		},
		ClientID: GuideCredential{
			Label: "Client ID", Format: GuideFormat{Suffix: ".apps.googleusercontent.com", Expected: "….apps.googleusercontent.com"},
			Hint: note("client_id.hint", "Google's client IDs end in .apps.googleusercontent.com."),
		},
		ClientSecret: GuideCredential{Label: "Client secret"},
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretBasic, Supported: []string{ClientSecretBasic, ClientSecretPost},
			Note: note("client_auth", "Nothing has to be chosen: Google takes the secret in the header and in the body."),
		},
		Scopes: GuideScopes{
			Extra: []string{"email"},
			Unwanted: []GuideScope{
				{"offline_access", says("Google has no scope offline_access and refuses the sign-in. Refresh tokens are asked for in Google's own way where they are needed.")},
				{"groups", says("Google has no scope groups and refuses the sign-in. It sends no groups.")},
			},
		},
		OIDC: []GuideStep{
			step("oidc.project", "In the Google Cloud console choose a project of your organisation, or make one."),
			step("oidc.consent", "Open Google Auth Platform and get started: name the app {app}, and choose the audience Internal, so that accounts of your organisation alone can sign in.",
				enter("App name", placeApp)),
			step("oidc.client", "Under Clients choose Create client, then the application type Web application."),
			step("oidc.redirect", "Add the redirect URI under Authorized redirect URIs, and create the client. It can take from minutes to hours until Google knows it.",
				enter("Authorized redirect URIs", placeRedirect)),
			step("oidc.credentials", "Copy both at once, since the secret may not be shown again.", keep("Client ID", FieldClientID), keep("Client secret", FieldClientSecret)),
			step("oidc.scope", "Enter email as an additional scope here.", keep("email", FieldScopes)),
			step("oidc.admin", "If your organisation blocks applications, allow this client in the Admin console under Security, Access and data control, API controls.", optional),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMNone,
			Summary:  note("scim.summary", "Google Workspace provisions applications of its own catalogue alone. It sends nothing to one that you registered yourself: let accounts be made at sign-in."),
			Groups:   note("scim.groups", "Groups of Google Workspace don't come here, neither by provisioning nor with a sign-in."),
		},
		Claims: claims(
			"Google's account ID, which stays.",
			"With the scope email.",
			"Google states it, and it must be true: its issuer speaks for everybody's accounts.",
			"With the scope profile.",
			"Google sends none.",
		),
		Notes: []GuideText{
			note("note.hd", "A sign-in must be of a Google Workspace account (claim hd) of one of the associated domains. Personal Gmail accounts are refused."),
			note("note.groups", "There are no groups in Google's tokens. Roles are given by hand."),
			note("note.shared", "All customers of Google have the same issuer. The client ID and the domain tell them apart."),
		},
		Errors: []GuideError{
			{
				ID: "redirect_uri_mismatch", Kind: ErrorKindRedirectURI, Places: pageOrToken, Codes: []string{"redirect_uri_mismatch"}, Who: WhoProviderAdmin,
				Example: "Error 400: redirect_uri_mismatch",
				What:    says("The redirect URI is not registered."),
				Fix:     says("An administrator copies it from here, exactly, to Authorized redirect URIs of the client. It can take from minutes to hours until Google knows it."),
			},
			{
				ID: "org_internal", Kind: ErrorKindAccount, Places: onPage, Codes: []string{"org_internal"}, Who: WhoPerson,
				Example: "Error 403: org_internal — This client is restricted to users within its organization.",
				What:    says("The account that was chosen is not of the organisation whose project has the client."),
				Fix:     says("The person chooses their work account. If that is the one they chose, an administrator makes the client in a project of their organisation."),
			},
			{
				ID: "admin_policy_enforced", Kind: ErrorKindPolicy, Places: onPage, Codes: []string{"admin_policy_enforced"}, Who: WhoProviderAdmin,
				Example: "Error 400: admin_policy_enforced",
				What:    says("The organisation's administrators don't allow this application."),
				Fix:     says("A Workspace administrator allows the client ID in the Admin console under Security, Access and data control, API controls."),
			},
			{
				ID: "testing", Kind: ErrorKindSetup, Places: onPage, Text: "has not completed the Google verification process", Who: WhoProviderAdmin,
				Example: "Error 403: access_denied — Example has not completed the Google verification process. The app is currently being tested, and can only be accessed by developer-approved testers.",
				What:    says("The app is still being tested, so that its testers alone get in."),
				Fix:     says("An administrator sets the audience to Internal in Google Auth Platform."),
			},
			{
				ID: "deleted_client", Kind: ErrorKindClientRejected, Places: pageOrToken, Codes: []string{"deleted_client", "disabled_client"}, Who: WhoProviderAdmin,
				Example: "Error 401: deleted_client",
				What:    says("The client was deleted or disabled."),
				Fix:     says("An administrator restores it or makes a new one; then the owner enters its ID and secret here."),
			},
			{
				ID: "client_secret", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeInvalidClient}, Text: "The provided client secret is invalid", Who: WhoOwner,
				Example: "The provided client secret is invalid.",
				What:    says("The client secret is wrong, or was disabled."),
				Fix:     says("The owner replaces it here. If it is lost, an administrator adds a secret to the client."),
			},
			{
				ID: "client", Kind: ErrorKindClientRejected, Places: pageOrToken, Codes: []string{codeInvalidClient}, Who: WhoOwner,
				Example: "Error 401: invalid_client — The OAuth client was not found.",
				What:    says("Google has no such client, or its secret is wrong."),
				Fix:     says("The owner compares the client ID and secret with those of the client in Google Auth Platform."),
			},
			{
				ID: "scope", Kind: ErrorKindSetup, Places: inAnswer, Codes: []string{codeInvalidScope}, Who: WhoOwner,
				Example: "Error 400: invalid_scope — Some requested scopes were invalid. {valid=[openid, email, profile], invalid=[groups]}",
				What:    says("Google does not have one of the additional scopes."),
				Fix:     says("The owner removes it here."),
			},
		},
		Sources: []GuideSource{
			source("https://support.google.com/cloud/answer/15544987", "Google Auth Platform, audience"),
			source("https://developers.google.com/identity/openid-connect/reference", "issuer, claims"),
			source("https://dev.to/curioustore_48788631d0e2e/google-cloud-oauth-consent-screen-oauth-client-id-2026-new-ui-2908", "steps of the console in 2026"),
			source("https://github.com/sameerasw/tasks/issues/2", "what Google's page shows for another redirect URI"),
		},
	}
}

package tenant

// oktaGuide is the guide of Okta (R12, R26).
func oktaGuide() Guide {
	return Guide{
		Provider: ProviderOkta,
		Name:     "Okta",
		Authority: GuideAuthority{
			Pattern: "https://{okta-domain}",
			Placeholders: []GuidePlaceholder{{
				Name: "okta-domain", Label: "Okta domain", Format: GuideFormat{Domain: true, Expected: "acme.okta.com"}, Example: "acme.okta.com",
			}},
			Others: []GuidePattern{
				{"https://{okta-domain}/oauth2/default", note("authority.custom", "A custom authorization server, where your Okta has API Access Management and the application is meant to use one.")},
			},
			Example: "https://acme.okta.com",
			Find:    note("authority.find", "The menu under your name in the Admin Console shows the Okta domain. Leave -admin out."),
			Domains: []string{"okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil", "okta-cx.com"},
			OwnHost: true,
		},
		ClientID: GuideCredential{
			Label: "Client ID", Format: GuideFormat{Prefix: "0oa", Expected: "0oa…"},
			Hint: note("client_id.hint", "Okta's client IDs begin with 0oa."),
		},
		ClientSecret: GuideCredential{Label: "Client secret"},
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretBasic, Supported: []string{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientAuthNone},
			Note: note("client_auth", "Under General, Client Credentials, choose Client secret."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("offline_access needs the grant type Refresh Token in the application, and is refused without it. Applications from Okta's catalogue don't have it.")},
			{"groups", says("The scope groups works at the Okta domain itself once the application has a groups claim filter under Sign On. Provisioning is the better way.")},
		}},
		OIDC: []GuideStep{
			step("oidc.create", "In the Admin Console open Applications, Applications, and choose Create App Integration, then OIDC - OpenID Connect, then Web Application."),
			step("oidc.name", "Name it {app} and keep the grant type Authorization Code.", enter("App integration name", placeApp)),
			step("oidc.redirect", "Replace the example under Sign-in redirect URIs.", enter("Sign-in redirect URIs", placeRedirect)),
			step("oidc.assign", "Under Assignments limit access to selected groups, or skip it and assign people later on the tab Assignments. Nobody else gets in. Save."),
			step("oidc.credentials", "On the tab General copy both.", keep("Client ID", FieldClientID), keep("Client secret", FieldClientSecret)),
			step("oidc.authority", "The authority is https:// and your Okta domain.", keep("Okta domain", FieldAuthority)),
			step("oidc.tile", "For a tile on the dashboard edit General Settings: Login initiated by Either Okta or App, Redirect to app to initiate login.",
				enter("Initiate login URI", placeInitiate), optional),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMOwnApp,
			Summary:  note("scim.summary", "An OIDC application of Okta's classic wizard has no provisioning: make a second application for it, of the kind SWA or SAML 2.0. If yours has a tab Provisioning, as those of the newer wizard can have, use that."),
			Steps: []GuideStep{
				step("scim.app", "In Applications choose Create App Integration, then SWA - Secure Web Authentication (or SAML 2.0). Any sign-in page will do: hide its icon from users."),
				step("scim.enable", "On the tab General edit App Settings and set Provisioning to SCIM."),
				step("scim.connect", "On the tab Provisioning, Integration, enter both values, with userName as the unique identifier field for users and HTTP Header as the authentication mode. Tick Push New Users, Push Profile Updates and Push Groups, then test and save.",
					enter("SCIM connector base URL", placeSCIM), enter("Authorization (Bearer)", placeKey)),
				step("scim.actions", "Under Provisioning, To App, enable Create Users, Update User Attributes and Deactivate Users."),
				step("scim.assign", "On the tab Assignments assign the people."),
				step("scim.push", "On the tab Push Groups add the groups whose members are to become teams or roles."),
			},
			Mapping: []GuideMapping{
				{Target: "userName", Source: "user.login", Note: says("It must be an address in one of the associated domains.")},
				{Target: "externalId", Source: "user.getInternalProperty(\"id\")", Note: says("Okta sends its own user ID, which is the sub of a sign-in at the Okta domain.")},
			},
			Groups: note("scim.groups", "Use Push Groups. Okta says that a group should not be used for assigning and for pushing at once, since memberships may then come late."),
			Notes: []GuideText{
				note("scim.delete", "Okta never deletes people; it deactivates them."),
				note("scim.bearer", "Okta sends what is in the field Authorization after the word Bearer. Enter the key alone."),
			},
		},
		Claims: claims(
			"Okta's user ID, the same for all applications at the Okta domain. A custom authorization server may send the user name: keep it as it is.",
			"With the scope email, from the profile.",
			"With the scope email; true unless your Okta says otherwise.",
			"With the scope profile.",
			"Only with a groups claim filter under Sign On and the scope groups.",
		),
		Notes: []GuideText{
			note("note.admin", "The address with -admin is that of the Admin Console. It signs nobody in."),
			note("note.server", "The Okta domain and a custom authorization server are two issuers. An application takes the one that you enter here."),
			note("note.secret", "Client secrets don't expire. Two can be active at a time, so that one can be replaced without a gap."),
		},
		Errors: []GuideError{
			{
				ID: "not_assigned", Kind: ErrorKindNotAssigned, Places: inAnswer, Codes: []string{codeAccessDenied}, Text: "User is not assigned to the client application", Who: WhoProviderAdmin,
				Example: "User is not assigned to the client application.",
				What:    says("The person is not assigned to the application."),
				Fix:     says("An Okta administrator adds them, or a group of theirs, under Assignments of the application."),
			},
			{
				ID: "policy", Kind: ErrorKindSetup, Places: anywhere, Codes: []string{codeAccessDenied}, Text: "Policy evaluation failed for this request", Who: WhoProviderAdmin,
				Example: "Policy evaluation failed for this request, please check the policy configurations.",
				What:    says("No access policy of the authorization server lets this application in."),
				Fix:     says("An Okta administrator adds the application to an access policy with a rule, under Security, API, of that authorization server. Or the owner uses the Okta domain without /oauth2/… as the authority."),
			},
			{
				ID: "redirect_uri", Kind: ErrorKindRedirectURI, Places: onPage, Text: "'redirect_uri' parameter must be a Login redirect URI", Who: WhoProviderAdmin,
				Example: "Your request resulted in an error. The 'redirect_uri' parameter must be a Login redirect URI in the client app settings: https://acme-admin.okta.com/admin/app/oidc_client/instance/0oa1#tab-general",
				What:    says("The redirect URI is not registered."),
				Fix:     says("An Okta administrator copies it from here, exactly, to Sign-in redirect URIs on the application's tab General."),
			},
			{
				ID: "client_secret", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeInvalidClient}, Text: "The client secret supplied for a confidential client is invalid", Who: WhoOwner,
				Example: "The client secret supplied for a confidential client is invalid.",
				What:    says("The client secret is wrong, or was deactivated."),
				Fix:     says("The owner replaces it here by the one on the application's tab General."),
			},
			{
				ID: "client_id", Kind: ErrorKindClientRejected, Places: pageOrToken, Codes: []string{codeInvalidClient}, Text: "Invalid value for 'client_id' parameter", Who: WhoOwner,
				Example: "Invalid value for 'client_id' parameter.",
				What:    says("There is no active application with this client ID."),
				Fix:     says("The owner compares the client ID with the one on the application's tab General. An Okta administrator checks that the application is active."),
			},
			{
				ID: "scope", Kind: ErrorKindSetup, Places: anywhere, Codes: []string{codeInvalidScope}, Text: "One or more scopes are not configured for the authorization server resource", Who: WhoOwner,
				Example: "One or more scopes are not configured for the authorization server resource.",
				What:    says("One of the additional scopes does not exist at this authorization server."),
				Fix:     says("The owner removes it here, or an Okta administrator adds it to the authorization server."),
			},
		},
		Sources: []GuideSource{
			source("https://help.okta.com/en-us/Content/Topics/Apps/Apps_App_Integration_Wizard_OIDC.htm", "app integration, initiate login URI"),
			source("https://developer.okta.com/docs/guides/add-an-external-idp/register-app-in-okta/", "redirect URIs, assignments"),
			source("https://stytch.com/docs/multi-tenant-auth/enterprise-ready/scim/okta.md", "SCIM at a SAML or SWA application"),
			source("https://docs.sim.ai/platform/enterprise/scim/okta.md", "which applications can have SCIM"),
			source("https://github.com/tailscale/tailscale/issues/3334", "what Okta answers for people who are not assigned"),
		},
	}
}

package tenant

// keycloakGuide is the guide of Keycloak (R28).
func keycloakGuide() Guide {
	return Guide{
		Provider: ProviderKeycloak,
		Name:     "Keycloak",
		Authority: GuideAuthority{
			Pattern: "https://{host}/realms/{realm}",
			Placeholders: []GuidePlaceholder{
				{Name: "host", Label: "Host", Format: GuideFormat{Domain: true, Expected: "sso.acme.com"}, Example: "sso.acme.com"},
				{Name: "realm", Label: "Realm", Example: "acme"},
			},
			Others: []GuidePattern{
				{"https://{host}/auth/realms/{realm}", note("authority.old", "For Keycloak before version 17, and where the relative path /auth was kept.")},
			},
			Example:  "https://sso.acme.com/realms/acme",
			Find:     note("authority.find", "Realm settings, OpenID Endpoint Configuration, shows the issuer."),
			PathPart: "/realms/",
			OwnHost:  true,
		},
		ClientID:     GuideCredential{Label: "Client ID"},
		ClientSecret: GuideCredential{Label: "Client secret"},
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretBasic, Supported: []string{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientAuthNone},
			Note: note("client_auth", "On the tab Credentials choose Client Id and Secret, which is taken in the header and in the body."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("With offline_access Keycloak makes a session that no sign-out there ends. Refresh tokens come without it.")},
			{"groups", says("Keycloak has no scope groups unless somebody made one, and then refuses the sign-in. Add a mapper for group membership to the client instead.")},
		}},
		OIDC: []GuideStep{
			step("oidc.create", "In the admin console, in your realm, open Clients and choose Create client, with the client type OpenID Connect. The client ID is yours to choose.",
				keep("Client ID", FieldClientID)),
			step("oidc.capability", "Switch Client authentication on and keep Standard flow. No other flow is needed."),
			step("oidc.redirect", "Enter the redirect URI and save.", enter("Valid redirect URIs", placeRedirect)),
			step("oidc.initiate", "Enter the sign-in address as the home URL, so that people find the application in the account console.", enter("Home URL", placeInitiate), optional),
			step("oidc.secret", "On the tab Credentials copy the secret.", keep("Client Secret", FieldClientSecret)),
			step("oidc.pkce", "On the tab Advanced, Advanced settings, choose S256 as Proof Key for Code Exchange Code Challenge Method.", optional),
			step("oidc.logout", "Under Logout settings enter the backchannel logout URL, so that sessions end together. Switch Backchannel logout session required on.",
				enter("Backchannel logout URL", placeBackchannel), optional),
			step("oidc.verified", "Make sure that people have an email address with Email verified on: Keycloak states it as it is."),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMNone,
			Summary:  note("scim.summary", "Keycloak itself sends nothing by SCIM. Extensions by others do; they need the base URL and a key. Otherwise let accounts be made at sign-in."),
			Steps: []GuideStep{
				step("scim.extension", "If you use an extension, give it both values, and the user's ID as externalId.",
					enter("SCIM endpoint", placeSCIM), enter("Bearer token", placeKey), optional),
			},
			Mapping: []GuideMapping{
				{Target: "externalId", Source: "id", Note: says("It is the sub of a sign-in, so that both find the same person.")},
			},
			Groups: note("scim.groups", "That depends on the extension."),
		},
		Claims: claims(
			"The user's ID in the realm, which stays.",
			"With the client scope email.",
			"With the client scope email; refused if it is false.",
			"With the client scope profile.",
			"Only with a mapper Group Membership and the token claim name groups. Full group path on gives names with slashes.",
		),
		Notes: []GuideText{
			note("note.reach", "Keycloak must be reachable from the Internet, with a certificate that browsers trust."),
			note("note.hostname", "The issuer follows the hostname setting. If it differs from the address that you enter, the check names both."),
		},
		Errors: []GuideError{
			{
				ID: "client_secret", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeUnauthorized, codeInvalidClient}, Text: "Invalid client or Invalid client credentials", Who: WhoOwner,
				Example: "Invalid client or Invalid client credentials",
				What:    says("The client ID or secret is wrong."),
				Fix:     says("The owner replaces the secret here by the one on the client's tab Credentials. A Keycloak administrator checks that Client authentication is on."),
			},
			{
				ID: "client_secret_old", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeUnauthorized, codeInvalidClient}, Text: "Invalid client credentials", Common: true, Who: WhoOwner,
				Example: "INVALID_CREDENTIALS: Invalid client credentials",
				What:    says("The client ID or secret is wrong."),
				Fix:     says("The owner replaces the secret here by the one on the client's tab Credentials. A Keycloak administrator checks that Client authentication is on."),
			},
			{
				ID: "standard_flow", Kind: ErrorKindSetup, Places: inAnswer, Codes: []string{codeUnauthorized, "unsupported_response_type"}, Text: "Standard flow is disabled for the client", Who: WhoProviderAdmin,
				Example: "Client is not allowed to initiate browser login with given response_type. Standard flow is disabled for the client.",
				What:    says("The client may not sign people in by browser."),
				Fix:     says("A Keycloak administrator switches Standard flow on, under Capability config of the client."),
			},
			{
				ID: "redirect_uri", Kind: ErrorKindRedirectURI, Places: onPage, Text: "Invalid parameter: redirect_uri", Who: WhoProviderAdmin,
				Example: "We are sorry... Invalid parameter: redirect_uri",
				What:    says("The redirect URI is not registered."),
				Fix:     says("A Keycloak administrator copies it from here, exactly, to Valid redirect URIs of the client."),
			},
			{
				ID: "client_id", Kind: ErrorKindClientRejected, Places: onPage, Text: "Client not found", Common: true, Who: WhoOwner,
				Example: "We are sorry... Client not found.",
				What:    says("The realm has no client with this client ID."),
				Fix:     says("The owner compares the client ID, and the realm in the authority."),
			},
			{
				ID: "scope", Kind: ErrorKindSetup, Places: inAnswer, Codes: []string{codeInvalidScope}, Text: "Invalid scopes", Common: true, Who: WhoOwner,
				Example: "Invalid scopes: openid profile email groups",
				What:    says("The client does not have one of the additional scopes."),
				Fix:     says("The owner removes it here, or a Keycloak administrator adds it on the client's tab Client scopes."),
			},
		},
		Sources: []GuideSource{
			source("https://docs.redhat.com/ja/documentation/red_hat_build_of_keycloak/26.2/html/server_administration_guide/assembly-managing-clients_server_administration_guide", "clients and their settings"),
			source("https://developers.frontegg.com/agent-link/configuration/authentication/keycloak", "steps of the admin console"),
			source("https://github.com/keycloak/keycloak/issues/16923", "what the token endpoint answers for wrong credentials"),
			source("https://github.com/goharbor/harbor/issues/21259", "a client as administrators set it up"),
		},
	}
}

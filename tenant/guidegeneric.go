package tenant

// genericGuide is the guide of every other provider (R28).
func genericGuide() Guide {
	return Guide{
		Provider: ProviderGeneric,
		Name:     "Other OpenID Connect provider",
		Authority: GuideAuthority{
			Pattern: "https://{issuer}",
			Placeholders: []GuidePlaceholder{
				{Name: freePlaceholder, Label: "Issuer without https://", Example: "login.example.com/tenant"},
			},
			Example: "https://login.example.com/tenant",
			Find:    note("authority.find", "It is the issuer: the address before /.well-known/openid-configuration."),
			OwnHost: true,
		},
		ClientID:     GuideCredential{Label: "Client ID"},
		ClientSecret: GuideCredential{Label: "Client secret"},
		ClientAuth: GuideClientAuth{
			Supported: []string{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientAuthNone},
			Note:      note("client_auth", "The provider's metadata says what it takes. The secret in the header (client_secret_basic) is the usual way."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("offline_access asks for a refresh token. Some providers refuse it, and it may need an administrator's consent.")},
		}},
		OIDC: []GuideStep{
			step("oidc.create", "At your provider register a web application for OpenID Connect with the authorization code flow and a client secret. Name it {app}.", enter("Name", placeApp)),
			step("oidc.urls", "Enter the redirect URI, and the sign-in address where there is a field for it (initiate login URI).",
				enter("Redirect URI", placeRedirect), enter("Initiate login URI", placeInitiate)),
			step("oidc.scopes", "Allow the scopes openid, profile and email, and make sure that the claims below are sent."),
			step("oidc.keep", "Copy these.", keep("Issuer", FieldAuthority), keep("Client ID", FieldClientID), keep("Client secret", FieldClientSecret)),
			step("oidc.logout", "If the provider has back-channel logout, enter the address for it, so that sessions end together.",
				enter("Backchannel logout URI", placeBackchannel), optional),
			step("oidc.key", "If the provider checks a signature (private_key_jwt) instead of a secret, give it the address of our public keys.",
				enter("JWKS URI", placeJWKS), optional),
			step("oidc.assign", "Give the application to the people who are to sign in."),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMSameApp,
			Summary:  note("scim.summary", "If your provider sends SCIM 2.0 to applications of your own, it needs the base URL and a key."),
			Steps: []GuideStep{
				step("scim.connect", "Enter both values where the provider asks for a SCIM 2.0 endpoint with a bearer token.",
					enter("SCIM base URL", placeSCIM), enter("Bearer token", placeKey)),
				step("scim.assign", "Choose the people and groups to share, then switch provisioning on."),
			},
			Mapping: []GuideMapping{
				{Target: "userName", Source: "the e-mail address", Note: says("It must be in one of the associated domains.")},
				{Target: "externalId", Source: "the user's permanent ID", Note: says("Best the one that a sign-in brings as sub, so that both find the same person.")},
				{Target: "active", Source: "whether the account is enabled", Note: says("It is what takes access away.")},
			},
			Groups: note("scim.groups", "Groups with their members are welcome, in any order. Members who are not shared are kept for later."),
		},
		Claims: claims(
			"The user's permanent ID, at most 255 characters.",
			"With the scope email.",
			"Must not be false. Where the provider does not send it, your administrators vouch for the addresses.",
			"With the scope profile.",
			"An array of names, where roles are to follow groups at sign-in.",
		),
		Notes: []GuideText{
			note("note.oidc", "SAML applications don't work here."),
			note("note.signature", "ID tokens must be signed with RS256, ES256, PS256 or EdDSA, not with the client secret."),
		},
		Errors: []GuideError{
			{
				ID: "client_auth", Kind: ErrorKindClientAuth, Places: inToken, Codes: []string{codeInvalidClient}, Text: "supports client authentication method", Who: WhoProviderAdmin,
				Example: "The OAuth 2.0 Client supports client authentication method 'client_secret_post', but method 'client_secret_basic' was requested.",
				What:    says("The application at the provider is set up for another way of client authentication than the connection uses."),
				Fix:     says("The provider's administrator changes the token endpoint authentication method, or the owner runs the test sign-in here, which finds the other way."),
			},
			{
				ID: "client_secret_missing", Kind: ErrorKindClientAuth, Places: inToken, Text: "client_secret must be provided in the", Who: WhoProviderAdmin,
				Example: "client_secret must be provided in the body",
				What:    says("The application at the provider is set up for another way of client authentication than the connection uses."),
				Fix:     says("The provider's administrator changes the token endpoint authentication method, or the owner runs the test sign-in here, which finds the other way."),
			},
			{
				ID: "client", Kind: ErrorKindClientRejected, Places: inToken, Codes: []string{codeInvalidClient, codeUnauthorized}, Who: WhoOwner,
				Example: "invalid_client",
				What:    says("The provider refused the client ID, or its secret or key."),
				Fix:     says("The owner compares the client ID and replaces the secret; has the secret expired? If both are right, the provider may take the secret in another way: the test sign-in here tries it."),
			},
			{
				ID: "redirect_uri", Kind: ErrorKindRedirectURI, Places: onPage, Codes: []string{"redirect_uri_mismatch", "invalid_redirect_uri"}, Who: WhoProviderAdmin,
				Example: "Error: redirect_uri_mismatch",
				What:    says("The redirect URI is not registered."),
				Fix:     says("The provider's administrator copies it from here, exactly, to the application."),
			},
			{
				ID: "scope", Kind: ErrorKindSetup, Places: inAnswer, Codes: []string{codeInvalidScope}, Who: WhoOwner,
				Example: "invalid_scope",
				What:    says("The provider does not have one of the scopes, or the application may not ask for it."),
				Fix:     says("The owner removes additional scopes here, or the provider's administrator allows them."),
			},
		},
		Sources: []GuideSource{
			source("https://openid.net/specs/openid-connect-core-1_0.html", "claims, client authentication, errors"),
		},
	}
}

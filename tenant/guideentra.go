package tenant

// entraGuide is the guide of Microsoft Entra ID (R17 to R21).
func entraGuide() Guide {
	return Guide{
		Provider: ProviderEntra,
		Name:     "Microsoft Entra ID",
		Authority: GuideAuthority{
			Pattern: "https://login.microsoftonline.com/{tenant-id}/v2.0",
			Placeholders: []GuidePlaceholder{{
				Name: "tenant-id", Label: "Directory (tenant) ID",
				Format:  GuideFormat{GUID: true, Domain: true, Expected: "00000000-0000-0000-0000-000000000000"},
				Example: "8a3b0b5e-6a55-4b7e-9a0a-5c6a1a4d7c11",
			}},
			Others: []GuidePattern{
				{"https://login.microsoftonline.com/{tenant-id}", note("authority.v1", "The old v1.0 address. Use it only if your set-up needs v1.0 tokens.")},
				{"https://login.microsoftonline.us/{tenant-id}/v2.0", note("authority.us", "For directories of the US government cloud.")},
				{"https://login.partner.microsoftonline.cn/{tenant-id}/v2.0", note("authority.cn", "For directories of the cloud that 21Vianet runs in China.")},
			},
			Example: "https://login.microsoftonline.com/8a3b0b5e-6a55-4b7e-9a0a-5c6a1a4d7c11/v2.0",
			Find:    note("authority.find", "The overview of the app registration shows the Directory (tenant) ID. Put it into the address."),
			Hosts:   []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"},
		},
		ClientID: GuideCredential{
			Label:        "Application (client) ID",
			Format:       GuideFormat{GUID: true, Expected: "00000000-0000-0000-0000-000000000000"},
			Hint:         note("client_id.hint", "Entra's client IDs are GUIDs. Copy the Application (client) ID, not the name or the Object ID."),
			MistakenHint: note("client_id.mistaken", "This is the directory (tenant) ID that the authority names. The client ID is called Application (client) ID."),
		},
		ClientSecret: GuideCredential{
			Label:        "Value",
			Mistaken:     GuideFormat{GUID: true},
			MistakenHint: note("client_secret.mistaken", "This looks like the Secret ID. Entra shows two columns: copy the Value."),
		},
		SecretMonths: 24,
		ClientAuth: GuideClientAuth{
			Recommended: ClientSecretBasic, Supported: []string{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT},
			Note: note("client_auth", "Nothing has to be chosen: a registration with a client secret takes it in the header and in the body."),
		},
		Scopes: GuideScopes{Unwanted: []GuideScope{
			{"offline_access", says("offline_access is needed only if sessions are to be checked while nobody is there. It must be among the API permissions, or an administrator is asked for consent.")},
			{"groups", says("Entra has no scope named groups. Group claims are switched on under Token configuration; provisioning is the better way.")},
		}},
		OIDC: []GuideStep{
			step("oidc.register", "In the Microsoft Entra admin center open App registrations and choose New registration. Name it {app}, and choose the accounts of this organisational directory only (single tenant).",
				enter("Name", placeApp)),
			step("oidc.redirect", "Under Authentication add the platform Web with the redirect URI. Leave implicit grant off.",
				enter("Redirect URI", placeRedirect)),
			step("oidc.ids", "On the Overview page copy both IDs. The Directory (tenant) ID goes into the authority.",
				keep("Application (client) ID", FieldClientID), keep("Directory (tenant) ID", FieldAuthority)),
			step("oidc.secret", "Under Certificates & secrets choose New client secret. Copy the Value at once, since it is not shown again, and note when it expires: 24 months are the most.",
				keep("Value", FieldClientSecret), keep("Expires", FieldSecretExpiry)),
			step("oidc.permissions", "Under API permissions add the delegated permissions openid, profile and email of Microsoft Graph. They need no administrator's consent; where your directory asks for one anyway, choose Grant admin consent."),
			step("oidc.email", "Under Token configuration choose Add optional claim, ID, and tick email, given_name and family_name. Accept to turn on the Microsoft Graph permissions for them."),
			step("oidc.assign", "Open the application under Enterprise applications. If Properties says that assignment is required, add everybody who is to sign in under Users and groups."),
			step("oidc.tile", "For a tile in My Apps, set the home page URL under Branding & properties, and Visible to users under the enterprise application's Properties.",
				enter("Home page URL", placeInitiate), optional),
			step("oidc.logout", "If sessions are to end together, enter the front-channel logout URL of {app} under Authentication. Entra knows no back-channel logout.", optional),
		},
		SCIM: GuideSCIM{
			Outgoing: SCIMOwnApp,
			Summary:  note("scim.summary", "Entra provisions from an enterprise application that is not from the gallery. An app registration by itself has no provisioning: make a second application for it."),
			Steps: []GuideStep{
				step("scim.app", "Under Enterprise applications choose New application, then Create your own application, then to integrate any other application that you don't find in the gallery."),
				step("scim.connect", "Open Provisioning and choose New configuration. Enter both values, choose Test Connection, then Create.",
					enter("Tenant URL", placeSCIM), enter("Secret Token", placeKey)),
				step("scim.mapping", "Under Attribute mapping, Provision Microsoft Entra ID Users, map objectId to externalId and userPrincipalName to userName. Delete mappings that you do not need."),
				step("scim.scope", "Under Users and groups assign the people and groups to provision, and leave the scope at assigned users and groups."),
				step("scim.try", "Choose Provision on demand for one person, look at the result, then Start provisioning. Entra sends changes about every 40 minutes."),
			},
			Mapping: []GuideMapping{
				{Target: "externalId", Source: "objectId", Note: says("By default Entra sends the mail nickname, which may change. The object ID is the oid that a sign-in brings, so that both find the same person.")},
				{Target: "userName", Source: "userPrincipalName", Note: says("It must be in one of the associated domains.")},
				{Target: `emails[type eq "work"].value`, Source: "mail", Note: says("People without a mailbox have none. Map userPrincipalName then.")},
				{Target: "active", Source: "Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")", Note: says("Leave it as it is: it is what takes access away.")},
			},
			Groups: note("scim.groups", "Assigned groups are sent with their members. Members of nested groups are not: assign those groups as well."),
			Notes: []GuideText{
				note("scim.flag", "Entra's old way of writing changes and the one of the flag aadOptscim062020 are both understood. The flag is not needed."),
				note("scim.quarantine", "After many errors Entra puts provisioning into quarantine and tries less often. Correct the cause, then restart provisioning."),
			},
		},
		Claims: claims(
			"Entra makes it for each application: it changes with the client ID. oid and tid, which stay, are kept beside it.",
			"An optional claim, which guests have by themselves. People without a mailbox have none.",
			"Entra does not state it for work accounts. Where xms_edov is sent, it must be true.",
			"With the scope profile.",
			"Switched on under Token configuration. Above 200 groups Entra leaves them out; nothing is then removed.",
		),
		Notes: []GuideText{
			note("note.multitenant", "common, organizations and consumers serve every Entra customer. The authority must name your directory."),
			note("note.guests", "Guests sign in with the address of their own organisation. Unless that is one of the associated domains, they are refused."),
			note("note.secret", "A client secret lasts 24 months at most. Enter its expiry, and the owners are reminded."),
			note("note.v1", "If the manifest asks for v1.0 tokens, they name another issuer than the v2.0 authority, and are refused."),
		},
		Errors: entraErrors(),
		Sources: []GuideSource{
			source("https://learn.microsoft.com/entra/identity-platform/quickstart-register-app", "registration, redirect URI, client secrets of at most 24 months"),
			source("https://learn.microsoft.com/entra/identity-platform/reference-error-codes", "error codes"),
			source("https://learn.microsoft.com/entra/identity-platform/optional-claims-reference", "the email claim, xms_edov"),
			source("https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups", "SCIM: tenant URL, secret token, attribute mapping, cycle"),
			source("https://github.com/goauthentik/authentik/issues/9682", "an app registration has no provisioning, a second application has"),
		},
	}
}

func entraErrors() []GuideError {
	denied := []string{codeAccessDenied, codeConsent, codeInteraction, codeInvalidGrant}
	client := []string{codeInvalidClient, codeUnauthorized}
	return []GuideError{
		{
			ID: "AADSTS50105", Kind: ErrorKindNotAssigned, Places: anywhere, Codes: denied, Text: "AADSTS50105", Who: WhoProviderAdmin,
			Example: "AADSTS50105: Your administrator has configured the application Example ('11111111-2222-3333-4444-555555555555') to block users unless they are specifically granted ('assigned') access to the application. The signed in user '{EmailHidden}' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator.",
			What:    says("The person is not assigned to the application."),
			Fix:     says("An Entra administrator adds them, or a group of theirs, under Enterprise applications, Users and groups. Members of nested groups don't count."),
		},
		{
			ID: "AADSTS65001", Kind: ErrorKindConsent, Places: anywhere, Codes: denied, Text: "AADSTS65001", Who: WhoProviderAdmin,
			Example: "AADSTS65001: The user or administrator has not consented to use the application with ID '11111111-2222-3333-4444-555555555555' named 'Example'. Send an interactive authorization request for this user and resource.",
			What:    says("Nobody has consented to the application."),
			Fix:     says("An Entra administrator grants admin consent under API permissions of the app registration."),
		},
		{
			ID: "AADSTS65004", Kind: ErrorKindConsent, Places: inAnswer, Codes: denied, Text: "AADSTS65004", Who: WhoPerson,
			Example: "AADSTS65004: User declined to consent to access the app.",
			What:    says("The person declined to consent to the application."),
			Fix:     says("They sign in again and accept, or an Entra administrator grants admin consent for everybody."),
		},
		{
			ID: "AADSTS90094", Kind: ErrorKindConsent, Places: anywhere, Codes: denied, Text: "AADSTS90094", Who: WhoProviderAdmin,
			Example: "AADSTS90094: The grant requires admin permission.",
			What:    says("The directory lets administrators alone consent to applications."),
			Fix:     says("An Entra administrator grants admin consent under API permissions of the app registration."),
		},
		{
			ID: "AADSTS90095", Kind: ErrorKindConsent, Places: inAnswer, Codes: denied, Text: "AADSTS90095", Who: WhoProviderAdmin,
			Example: "AADSTS90095: Admin consent is required. The user can request it in the admin consent workflow.",
			What:    says("The directory wants an administrator to consent, and the person can ask for it there."),
			Fix:     says("An Entra administrator answers the request under Admin consent requests, or grants admin consent under API permissions."),
		},
		{
			ID: "AADSTS7000222", Kind: ErrorKindSecretExpired, Places: inToken, Codes: client, Text: "AADSTS7000222", Who: WhoOwner,
			Example: "AADSTS7000222: The provided client secret keys for app '11111111-2222-3333-4444-555555555555' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
			What:    says("The client secret has expired."),
			Fix:     says("An Entra administrator makes a new one under Certificates & secrets; the owner replaces it here."),
		},
		{
			ID: "AADSTS7000215", Kind: ErrorKindClientRejected, Places: inToken, Codes: client, Text: "AADSTS7000215", Who: WhoOwner,
			Example: "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '11111111-2222-3333-4444-555555555555'.",
			What:    says("The client secret is wrong."),
			Fix:     says("The owner replaces it here by the Value of a client secret, not its Secret ID. If the Value is lost, make a new one under Certificates & secrets."),
		},
		{
			ID: "AADSTS7000218", Kind: ErrorKindClientAuth, Places: inToken, Text: "AADSTS7000218", Who: WhoOwner,
			Example: "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
			What:    says("The application did not prove itself, although the registration asks for it."),
			Fix:     says("The owner enters a client secret here. In Entra the redirect URI must be of the platform Web."),
		},
		{
			ID: "AADSTS700016", Kind: ErrorKindClientRejected, Places: pageOrToken, Text: "AADSTS700016", Who: WhoOwner,
			Example: "AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
			What:    says("The directory has no application with this client ID."),
			Fix:     says("The owner compares the client ID with the Application (client) ID, and the authority with the Directory (tenant) ID, of the same app registration."),
		},
		{
			ID: "AADSTS7000112", Kind: ErrorKindSetup, Places: anywhere, Codes: []string{codeUnauthorized, codeInvalidClient, codeAccessDenied}, Text: "AADSTS7000112", Who: WhoProviderAdmin,
			Example: "AADSTS7000112: Application '11111111-2222-3333-4444-555555555555'(Example) is disabled.",
			What:    says("The application is disabled in the directory."),
			Fix:     says("An Entra administrator sets Enabled for users to sign-in under the enterprise application's Properties."),
		},
		{
			ID: "AADSTS50011", Kind: ErrorKindRedirectURI, Places: pageOrToken, Text: "AADSTS50011", Who: WhoProviderAdmin,
			Example: "AADSTS50011: The redirect URI 'https://app.example.com/sso/signin-oidc/1' specified in the request does not match the redirect URIs configured for the application '11111111-2222-3333-4444-555555555555'.",
			What:    says("The redirect URI is not registered."),
			Fix:     says("An Entra administrator copies it from here, exactly, to Authentication, platform Web, of the app registration."),
		},
		{
			ID: "AADSTS50020", Kind: ErrorKindAccount, Places: inAnswer, Codes: denied, Text: "AADSTS50020", Who: WhoPerson,
			Example: "AADSTS50020: User account '{EmailHidden}' from identity provider 'live.com' does not exist in tenant 'Contoso' and cannot access the application '11111111-2222-3333-4444-555555555555'(Example) in that tenant. The account needs to be added as an external user in the tenant first.",
			What:    says("The account that was chosen belongs to another directory, or is a personal one."),
			Fix:     says("The person signs out at Microsoft and chooses their work account. If they are to come in with the other one, an Entra administrator invites it as a guest."),
		},
		{
			ID: "AADSTS50034", Kind: ErrorKindAccount, Places: onPage, Text: "AADSTS50034", Who: WhoPerson,
			Example: "AADSTS50034: The user account {EmailHidden} does not exist in the contoso.onmicrosoft.com directory. To sign into this application, the account must be added to the directory.",
			What:    says("The directory has no such account."),
			Fix:     says("The person checks the address. If it is right, the authority names another directory than theirs."),
		},
		{
			ID: "AADSTS90072", Kind: ErrorKindAccount, Places: inAnswer, Codes: denied, Text: "AADSTS90072", Who: WhoPerson,
			Example: "AADSTS90072: User account '{EmailHidden}' from identity provider 'https://sts.windows.net/99999999-8888-7777-6666-555555555555/' does not exist in tenant 'Contoso' and cannot access the application '11111111-2222-3333-4444-555555555555' in that tenant.",
			What:    says("The account that was chosen is not in this directory."),
			Fix:     says("The person signs out at Microsoft and chooses their work account, or an Entra administrator invites the other one as a guest."),
		},
		{
			ID: "AADSTS53003", Kind: ErrorKindPolicy, Places: anywhere, Codes: denied, Text: "AADSTS53003", Who: WhoProviderAdmin,
			Example: "AADSTS53003: Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
			What:    says("A Conditional Access policy of the organisation blocked the sign-in."),
			Fix:     says("An Entra administrator finds the policy in the sign-in log and lets the application pass, or tells the person what is missing."),
		},
		{
			ID: "AADSTS530032", Kind: ErrorKindPolicy, Places: anywhere, Codes: denied, Text: "AADSTS530032", Who: WhoProviderAdmin,
			Example: "AADSTS530032: Access has been blocked by a security policy that the tenant administrator has configured.",
			What:    says("A security policy of the organisation blocked the sign-in."),
			Fix:     says("An Entra administrator finds the policy in the sign-in log and lets the application pass, or tells the person what is missing."),
		},
		{
			ID: "AADSTS90002", Kind: ErrorKindSetup, Places: pageOrToken, Text: "AADSTS90002", Who: WhoOwner,
			Example: "AADSTS90002: Tenant '99999999-8888-7777-6666-555555555555' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
			What:    says("Entra has no directory with the ID in the authority."),
			Fix:     says("The owner compares the authority with the Directory (tenant) ID. A directory of another cloud has another host, such as login.microsoftonline.us."),
		},
		{
			ID: "AADSTS70011", Kind: ErrorKindSetup, Places: anywhere, Codes: []string{codeInvalidScope}, Text: "AADSTS70011", Who: WhoOwner,
			Example: "AADSTS70011: The provided value for the input parameter 'scope' is not valid. The scope groups is not valid.",
			What:    says("One of the additional scopes does not exist."),
			Fix:     says("The owner removes it here."),
		},
	}
}

// Package oidc signs people in at their own organisation's OpenID Connect provider: one handler for any number of
// tenants, each with a provider that the tenant's owner set up.
//
//	login, err := oidc.NewHandler(oidc.Config{
//		BaseURL:  "https://app.example.com/sso",
//		Store:    st,       // store.Store
//		Secrets:  service,  // *tenant.Service
//		Keys:     keyring,  // *tenant.Keyring
//		Accounts: accounts, // finds the host's accounts
//		OnLogin:  oidc.LoginFunc(startSession),
//	})
//	mux.Handle(login.Mount())
//
// The handler serves {base}/login, which finds the tenant by e-mail domain (or by iss, when a provider's portal starts
// the sign-in) and sends the browser to the provider, and {base}/signin-oidc/{connection}, where the provider's answer
// arrives. [Handler.RedirectURI] is what the administrator registers there. After all checks, the account is found and
// the host's OnLogin makes its session, in one transaction. Where several connections serve a domain, the login page
// lets people choose theirs by name.
//
// Beside it: [Checker] looks at a provider before anybody relies on it, [Handler.StartTest] tries a connection without
// signing anybody in, and [Handler.SignInMethods] tells the host's own login whom to send to the provider.
//
// A host that wants something of the provider, such as a fresh authentication before a dangerous action, starts the
// sign-in itself ([Handler.StartLogin]). With Config.RefreshTokens it gets refresh tokens, sealed, and asks with
// [Handler.Refresh] whether somebody may still sign in.
//
// # Logout
//
// [Handler.StartLogout] ends the session at the provider after the host has ended its own. With Config.Sessions providers
// can end sessions here: by a signed token at {base}/backchannel-logout/{connection} ([Handler.BackchannelLogoutURI]), or
// by a page in the person's browser at {base}/frontchannel-logout/{connection} ([Handler.FrontchannelLogoutURI]).
//
// [Handler.Run] ends sessions that no provider ends: of people whom a directory set inactive or deleted, of identities
// that were unlinked, of connections that were suspended, deleted or lead elsewhere now, and those that began while any
// of it happened. It reads the journal, so that none is lost whenever a process stops.
//
// # Accounts
//
// A person is known by tenant, connection, issuer and subject, byte by byte. At the first sign-in the account is found
// by the asserted e-mail address, which must be in a verified domain that the connection serves and not be marked as unverified;
// the account must belong to the tenant already, and not be linked with anybody else at this connection. With
// Config.ExternalIDClaim a provisioned user's externalId finds the account before the address does. Users that the
// directory deactivated are refused, and nobody joins a tenant by signing in, unless the connection allows accounts to
// be made just in time: for addresses in the tenant's domains, or for everybody whom its provider lets in. An account
// that was made for an address which nobody proved ([NewAccount]) is never found by that address.
//
// # Providers in trouble
//
// Config.OnAlarm hears, once each, when a provider begins to refuse the application (its secret has expired, say) and when
// it accepts it again, and when a provider's document changes or can't be used any more. Sign-in then goes on with what
// the document said before; [Handler.RefreshProviders] keeps up with changes, and [Handler.Run] calls it daily.
//
// # Regions
//
// With Config.Regions all addresses are the current region's, and the login page offers all regions. The answer to a
// sign-in of another one is refused with [CodeOtherRegion] and leads there; refresh tokens and test reports of another
// don't open.
//
// # Client authentication
//
// A connection has a client secret, sent in a header or in the body; a test sign-in finds out which ([TestResult]), and
// uses the secret that waits to be put in force, if there is one (tenant.Service.StageSecret). With
// Config.ClientKeys it can have none and use private_key_jwt: the host signs with keys whose public halves are at
// [Handler.JWKSURI]. Requests are pushed to the provider directly (RFC 9126) where it offers that.
//
// # Groups and roles
//
// [Login].Claims has what a host wants of the ID token. To have groups or roles of a claim mapped to teams and roles by
// rules of the tenant, Config.Claims is a provisioning.Engine, see [ClaimsHook].
//
// # Errors
//
// Every refused sign-in matches one of [ErrRequest] (400), [ErrDenied] (403) and [ErrUnavailable] (503), and has a stable
// code ([CodeOf]); where a provider tells what its administrator forgot, such as to assign the person or to renew a
// secret, the code says so, and the page has the sentence of the provider's guide (tenant.Explain) for them. The browser gets a plain page, a program that accepts only JSON gets problem+json; both carry code
// and correlation ID, never what a provider sent. A refused logout is answered with 400 and JSON, as its specification
// wants.
//
// # Security
//
// State, nonce and PKCE (S256) are always on; each connection has a redirect URI of its own, and iss is checked where
// it is sent or announced (RFC 9207, RFC 9700). An unfinished sign-in travels in a sealed cookie that only the browser
// that started it has, for ten minutes; it is used once, on whichever replica. Starting one writes nothing to the
// database. ID tokens are accepted with one pinned algorithm for each connection, from the keys of the provider's key
// set; JSON is decoded case-sensitively, and a repeated member refuses the document. Providers are asked through one
// client that refuses private addresses when it dials and follows no redirects; documents, keys, sizes and times are
// bounded. A host must start a new session with a new ID in OnLogin.
//
// Logout tokens, which anybody may send, are verified with the connection's algorithm and keys as well, and used once.
// An ID token is none, nor the reverse. A token of one connection ends sessions of its own tenant and issuer alone.
//
// # Compatibility
//
// Providers with the code flow, an asymmetric ID token signature (RS256, ES256, PS256, EdDSA and their longer
// siblings), and client_secret_basic, client_secret_post, private_key_jwt or no client authentication: Entra (v2.0 and
// v1.0 tenant authorities), Okta, Auth0, Google Workspace, JumpCloud, Keycloak, Ping, OneLogin, dex and others. Userinfo
// may be signed. Encrypted ID tokens and encrypted userinfo are refused with a code that says so.
package oidc

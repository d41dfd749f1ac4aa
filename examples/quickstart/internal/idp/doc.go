// Package idp is the quick start's identity provider: it stands for the Entra, Okta or Google of the customers'
// organisations. Each organisation is a [Directory] with users, groups, an OpenID Connect issuer of its own and
// a SCIM client that pushes the directory the way such a provider does.
//
//	p, err := idp.New(idp.Config{BaseURL: "http://127.0.0.1:8081", Directories: directories})
//	go http.Serve(listener, p)
//	acme, _ := p.Directory("acme")
//	err = acme.SetSCIM(baseURL, token)
//	report, err := acme.Push(ctx)
//
// All that the methods do can be done at its pages too: switch a user off, change a group, push.
//
// # Security
//
// This is no identity provider for real people. Its pages ask nobody who they are, it shows passwords and the client's
// secret, and it forgets everything when the program ends. Keep it on loopback. What it does keep to, because relying
// parties depend on it: codes go to registered redirect URIs alone, PKCE is required, forms refuse cross-site posts, and a
// SCIM token is never shown and never sent to another base URL than the one it was entered for.
//
// # Compatibility
//
// The sign-in is that of package oidctest (code flow, PKCE with S256, RS256). The SCIM client has the dialects of
// Entra without its compliance flag and of Okta, see [Dialect].
package idp

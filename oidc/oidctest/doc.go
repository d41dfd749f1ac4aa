// Package oidctest is an OpenID Connect provider for tests and demonstrations: it answers discovery, authorization
// (code flow with PKCE), token, userinfo and key requests, with users and clients of your choice, and can be told to
// misbehave in the ways in which real providers, and attackers, do.
//
// In a test it signs everybody in without a page:
//
//	idp := oidctest.NewServer(t)              // on loopback, closed when the test ends
//	idp.SetUsers(oidctest.User{Subject: "u1", Email: "ada@acme.example"})
//	idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) { c["iss"] = "https://evil.example" }})
//
// In a demonstration it shows a login page, and the program serves it itself:
//
//	p, err := oidctest.New(oidctest.Config{Issuer: "http://127.0.0.1:8081", LoginPage: true, Users: users, Clients: clients})
//	http.Serve(listener, p)
//
// [Misbehaviours] lists faults by the name that the OpenID Foundation's conformance suite has for them, so that a
// relying party can be run through all of them in one loop. Beside the code flow it has refresh tokens (with the scope
// offline_access), pushed authorization requests, private_key_jwt, signed userinfo, and an end_session_endpoint that
// tells clients by token and by frame. [Provider.SendLogout] sends a logout token to a back-channel
// logout address, [LogoutMisbehaviours] lists what can be wrong with one.
//
// It is strict where providers and the conformance suite are strict: whatever a test is about, a relying party must not
// repeat parameters, put tokens into addresses, redeem a code twice, or send a redirect URI, client authentication or code
// verifier that does not fit. [Provider.Violations] lists what was broken, and a [Server] fails its test for it.
//
// # Security
//
// This is no identity provider for real people: passwords are compared as they are, nothing survives a restart, and
// it does on request what a provider must never do. Keep it on loopback.
//
// # Compatibility
//
// The package imports the standard library and go-jose. It works with any relying party, not only with package oidc.
package oidctest

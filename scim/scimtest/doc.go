// Package scimtest is a set of SCIM clients that behave like the identity providers which customers have: Microsoft
// Entra ID in both of its PATCH styles, Okta, OneLogin, JumpCloud, Google Workspace and Ping. Each plays a life through: it
// probes the server, looks users up, creates, changes, deactivates and deletes them, pushes groups, repeats what it
// has sent already, and looks after every step whether the server did what it answered.
//
// In a test, with one call:
//
//	scimtest.Run(t, scimtest.Config{BaseURL: srv.URL + "/scim/v2/acme", Token: key, UserDomain: "acme.example"})
//
// In a program, as a report to read or to store as JSON:
//
//	report, err := scimtest.Check(ctx, scimtest.Config{BaseURL: base, Token: key})
//	fmt.Print(report)
//
// A failed step tells what was expected, why the provider depends on it, and what was sent and came back.
//
// The server has to be one where users and groups may be made: each provider's script makes a handful, with random
// names in [Config.UserDomain], and deletes them at the end, also when a step failed. What could not be deleted, the
// report names.
//
// # Security
//
// Use a directory made for tests: the scripts write. The token is sent to BaseURL alone and is in no report; requests
// and answers are, cut to a few kilobytes, so a report holds what the server told about its users.
//
// # Compatibility
//
// The package imports the standard library alone and knows nothing of package scim: any SCIM 2.0 server with users and
// groups can be run against (RFC 7643, RFC 7644). Where a provider takes several answers, such as 200 and 204 for a
// PATCH, all of them pass. Steps are added as providers are found to depend on more: a server that passes today may
// fail a later version.
package scimtest

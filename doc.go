// Package tenantgate gives a Go application what its enterprise customers ask for:
// sign-in with the customer's own OpenID Connect provider, users provisioned over SCIM
// 2.0, directory groups turned into teams and roles, verified domains, break-glass
// accounts and API keys. It runs in the application's own process and database.
//
// This package is the tour; the code is in the packages below.
//
// # Who is who
//
// The host is the application that imports us. A tenant is one of its customers, the
// owner is the person there who sets sign-on up, the staff are the host's people who
// review it. The tenant's identity provider signs people in and provisions them.
//
// # Three ways through the house
//
// An owner sets sign-on up with [github.com/tenantgate/tenantgate/tenant.Service]: a
// request with domains, authority and client is checked at once, the domains are
// proven, the staff approves, a test sign-in shows that it works, and the connection
// becomes active. An API key lets the tenant's directory in.
//
// Somebody signs in through [github.com/tenantgate/tenantgate/oidc.Handler]: the
// tenant is found by e-mail domain, the provider's answer passes every check, the
// account is matched, and the host's hook makes its own session in the transaction
// that records the sign-in.
//
// A group changes at [github.com/tenantgate/tenantgate/scim.Handler]: the change and
// its event are stored in one transaction, and
// [github.com/tenantgate/tenantgate/provisioning.Engine], which follows the journal,
// brings the host's accounts, teams and roles to what the tenant's rules say. It takes
// away only what it gave, and shows what it will do before it does it.
//
// # Storage
//
// Package [github.com/tenantgate/tenantgate/store] holds the contracts; adapters for
// PostgreSQL and SQLite work on the host's own *sql.DB, one in memory serves tests. A
// host's own adapter passes the suite in store/storetest.
//
// # Where to begin
//
// Run go run -C examples ./quickstart, then read examples/minimal.
package tenantgate

// Package realidp signs in, refreshes and signs out through package oidc at identity providers that others wrote:
// oidc-provider, Keycloak, dex, Ory Hydra, and the provider of zitadel/oidc. It is a nested module so that what they need
// stays out of the library's go.mod; it is never published. Dex and Hydra are built in modules of their own, whose
// dependencies would disturb each other.
//
// A provider's test makes one tour of everything that it offers, with applications on loopback and a client that does
// what a browser does: it keeps cookies, follows redirects, fills in forms, loads frames, and leaves SameSite cookies
// behind. What a provider's discovery document announces must be in the tour, and what the tour lacks must not be
// announced. Where a provider and this library do not get on, the test says so and fails when that changes.
//
// The tests install oidc-provider with npm, download Keycloak with Maven into the user's cache folder, and build dex and
// Hydra with the go command. Where one of these, or the network, is missing they skip and say so; with CI=true they
// fail. With PROVIDER_REPORT_DIR set they write there a table of what worked, for people.
package realidp

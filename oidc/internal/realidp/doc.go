// Package realidp signs in through package oidc at identity providers that others wrote. It is a nested module so that
// what they need stays out of the library's go.mod; it is never published.
//
// The tests install oidc-provider with npm ci. Where npm, node or the network is missing they skip and say so; with
// CI=true they fail.
package realidp

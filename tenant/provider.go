package tenant

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// ProviderRequest is what a [ProviderChecker] is to check.
type ProviderRequest struct {
	TenantID     string
	ConnectionID string
	// Authority is normalised by [ParseAuthority].
	Authority string
	// Provider is the kind of provider, a Provider… constant.
	Provider string
	ClientID string
	// ClientAuth is the way of authenticating that the owner chose; empty leaves it to
	// the check.
	ClientAuth string
	// Scopes are all that a sign-in will ask for.
	Scopes []string
}

// ProviderReport is what a check found.
type ProviderReport struct {
	// Findings name what is wrong or worth a look, and what is in order
	// ([SeverityOK]), in the order in which it was checked.
	Findings []Finding
	// Issuer is the issuer exactly as the metadata states it; empty if the metadata
	// could not be read or its issuer does not fit the authority.
	Issuer string
	// SharedIssuer says that the issuer serves many customers, as Google's does.
	SharedIssuer bool
	// ClientAuth is the way of authenticating to use: the request's own if it named
	// one, otherwise the best that provider and we both know; empty if there is none.
	ClientAuth string
	// SigningAlg is the algorithm to pin ID tokens to, empty if none is acceptable.
	SigningAlg string
	// Metadata is what the document said, to fall back on when it can't be had; nil if it
	// was not in order. FetchedAt is filled in by the Service.
	Metadata *store.ProviderMetadata
	// ScopesSupported are those that the metadata lists; empty if it lists none.
	ScopesSupported []string
}

// ProviderChecker looks at a provider before anybody relies on it: package oidc has
// the implementation, the host plugs it into [Config].
//
// It fetches the authority's metadata and key set as a sign-in would, with the same
// client and the same bounds, and checks (R34): status 200 and JSON; the issuer equals
// the authority, apart from a trailing slash and Entra's documented pairs; https
// endpoints for authorization, token and keys; the code flow; an acceptable signing
// algorithm; a way of client authentication; a usable key. Each fault is a finding
// with [FieldAuthority] (or [FieldClientAuth]) and one of the codes
// discovery_not_found, discovery_timeout, discovery_invalid_json,
// discovery_incomplete, discovery_blocked_address, discovery_redirect,
// issuer_mismatch, unsupported_auth_method, jwks_unreachable, no_usable_key and
// tls_error. A scope that the metadata does not list is a warning, scope_unknown.
// Findings never hold what the provider sent beyond a short, cleaned excerpt.
//
// A provider at fault is a report, not an error. An error says that the check could
// not be made (the context ended, for example), and then nothing is stored. It needs
// no client secret and must not sign anybody in. Implementations are safe for
// concurrent use.
type ProviderChecker interface {
	CheckProvider(ctx context.Context, req ProviderRequest) (ProviderReport, error)
}

// ProviderCheckerFunc is a function as a [ProviderChecker].
type ProviderCheckerFunc func(ctx context.Context, req ProviderRequest) (ProviderReport, error)

// CheckProvider calls f.
func (f ProviderCheckerFunc) CheckProvider(ctx context.Context, req ProviderRequest) (ProviderReport, error) {
	return f(ctx, req)
}

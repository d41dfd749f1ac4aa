package scim

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

// ErrUnauthorized says that a bearer key is not good for a tenant: unknown,
// revoked, expired, another tenant's, or of a tenant that doesn't exist. An
// [Authenticator] must not tell these apart to its caller.
var ErrUnauthorized = errors.New("scim: not authorized")

// Scopes of an API key.
const (
	// ScopeRead allows to read users, groups and other resources.
	ScopeRead = tenant.ScopeSCIMRead
	// ScopeWrite allows to change them, and to read them.
	ScopeWrite = tenant.ScopeSCIMWrite
)

// may says whether a key's scopes cover one of ours; no scopes cover nothing.
func may(p tenant.Principal, scope string) bool {
	return slices.Contains(p.Scopes, scope) || scope == ScopeRead && slices.Contains(p.Scopes, ScopeWrite)
}

// Authenticator decides whether a bearer key is good for a tenant. It is called
// on every request, by several goroutines at once.
type Authenticator interface {
	// Authenticate returns the principal of the key at this tenant. An error
	// matching ErrUnauthorized gives 401, an *Error that answer (a good key of a
	// directory that is switched off, say); any other is logged and gives 503, so
	// that the identity provider tries again.
	Authenticate(ctx context.Context, tenantID, bearer string) (tenant.Principal, error)
}

// OriginAuthenticator is an optional interface of [Authenticator], for one that tells from where a bad key was presented.
type OriginAuthenticator interface {
	// AuthenticateFrom is Authenticate of a request that came from there, by Config.Origin.
	AuthenticateFrom(ctx context.Context, tenantID, bearer string, from tenant.Origin) (tenant.Principal, error)
}

// AuthenticatorFunc is an [Authenticator] made of a function.
type AuthenticatorFunc func(ctx context.Context, tenantID, bearer string) (tenant.Principal, error)

// Authenticate calls f.
func (f AuthenticatorFunc) Authenticate(ctx context.Context, tenantID, bearer string) (tenant.Principal, error) {
	return f(ctx, tenantID, bearer)
}

// APIKeys is the [Authenticator] of the keys that tenants' owners make with s.
func APIKeys(s *tenant.Service) Authenticator { return apiKeys{s} }

type apiKeys struct{ s *tenant.Service }

var _ OriginAuthenticator = apiKeys{}

// Authenticate implements [Authenticator].
func (a apiKeys) Authenticate(ctx context.Context, tenantID, bearer string) (tenant.Principal, error) {
	return principal(a.s.AuthenticateAPIKey(ctx, tenantID, bearer))
}

// AuthenticateFrom implements [OriginAuthenticator].
func (a apiKeys) AuthenticateFrom(ctx context.Context, tenantID, bearer string, from tenant.Origin) (tenant.Principal, error) {
	return principal(a.s.AuthenticateAPIKeyFrom(ctx, tenantID, bearer, from))
}

// principal brings what the tenant package refuses to our terms.
func principal(p tenant.Principal, err error) (tenant.Principal, error) {
	var refused *tenant.Error
	switch {
	case errors.Is(err, tenant.ErrBadAPIKey):
		return tenant.Principal{}, ErrUnauthorized
	case errors.Is(err, tenant.ErrForbidden) && errors.As(err, &refused):
		return tenant.Principal{}, &Error{Status: http.StatusForbidden, Detail: refused.Message}
	case err != nil:
		return tenant.Principal{}, err
	}
	return p, nil
}

// principalOf asks the authenticator.
func (h *Handler) principalOf(r *http.Request, tenantID, token string) (tenant.Principal, error) {
	if a, ok := h.cfg.Authenticator.(OriginAuthenticator); ok && h.cfg.Origin != nil {
		return a.AuthenticateFrom(r.Context(), tenantID, token, h.cfg.Origin.Of(r))
	}
	return h.cfg.Authenticator.Authenticate(r.Context(), tenantID, token)
}

// bearer takes the token out of the Authorization header (RFC 6750 section
// 2.1), or takes the whole header for it if bare is set; anything else gives "".
func bearer(r *http.Request, bare bool) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, token, ok := strings.Cut(strings.TrimSpace(values[0]), " ")
	switch {
	case ok && strings.EqualFold(scheme, "Bearer"):
		return strings.TrimSpace(token)
	case !ok && bare && !strings.EqualFold(scheme, "Bearer"):
		return scheme
	}
	return ""
}

// authenticate answers the same whatever is wrong with key or tenant.
func (h *Handler) authenticate(r *http.Request, tenantID, token string) (tenant.Principal, error) {
	if token == "" || tenantID == "" {
		return tenant.Principal{}, errUnauthorized()
	}
	p, err := h.principalOf(r, tenantID, token)
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, ErrUnauthorized):
		return tenant.Principal{}, errUnauthorized()
	}
	var e *Error
	if errors.As(err, &e) {
		return tenant.Principal{}, e
	}
	h.log.ErrorContext(r.Context(), "scim: authentication failed", "tenant", tenantID, "error", err)
	return tenant.Principal{}, &Error{Status: http.StatusServiceUnavailable, Detail: "The API key can't be checked right now. Try again."}
}

func errUnauthorized() *Error {
	return &Error{
		Status: http.StatusUnauthorized,
		Detail: "The API key is missing or is not valid for this base URL. Send it as \"Authorization: Bearer KEY\".",
	}
}

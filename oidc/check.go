package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// Codes of the check of a provider beside those of package tenant: warnings, with which sign-in works, and what is in
// order.
const (
	CodeIssuerTrailingSlash = "issuer_trailing_slash"
	CodeEntraTenantName     = "entra_tenant_name"
	CodeNoPKCE              = "pkce_not_advertised"
	CodeSharedIssuer        = "shared_issuer"
	CodeDiscoveryRead       = "discovery_read" // in order
	CodeKeysRead            = "keys_read"      // in order
)

func finding(severity tenant.Severity, code, message string) tenant.Finding {
	return tenant.Finding{Field: tenant.FieldAuthority, Code: code, Severity: severity, Message: message}
}

// CheckerConfig configures [NewChecker]. The zero value is the safe choice.
type CheckerConfig struct {
	// HTTPClient talks to providers. Nil means tenant.NewOutboundClient. Redirects are not followed, whatever it says.
	HTTPClient *http.Client
	// PrivateKeyJWT says that the application has keys (Config.ClientKeys), so that a provider which offers private_key_jwt
	// alone can be used.
	PrivateKeyJWT bool
	// InsecureAllowLoopback allows providers at http://127.0.0.1, ::1 and localhost. For tests and demos.
	InsecureAllowLoopback bool
}

// Checker implements tenant.ProviderChecker. It is safe for concurrent use and keeps nothing: each check asks the
// provider anew.
type Checker struct {
	out      *outbound
	haveKeys bool
}

// NewChecker makes a checker for tenant's configuration.
func NewChecker(cfg CheckerConfig) *Checker {
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = tenant.NewOutboundClient(tenant.OutboundConfig{InsecureAllowLoopback: cfg.InsecureAllowLoopback})
	}
	return &Checker{out: newOutbound(cfg.HTTPClient, cfg.InsecureAllowLoopback), haveKeys: cfg.PrivateKeyJWT}
}

var _ tenant.ProviderChecker = (*Checker)(nil)

// checkTimeout bounds the two requests of a check together.
const checkTimeout = 20 * time.Second

// CheckProvider implements tenant.ProviderChecker: it fetches the provider's discovery document and keys and applies
// R34. It returns an error only if ctx ended.
func (c *Checker) CheckProvider(ctx context.Context, req tenant.ProviderRequest) (tenant.ProviderReport, error) {
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	r := c.check(limited, req)
	if err := ctx.Err(); err != nil {
		return tenant.ProviderReport{}, fmt.Errorf("oidc: check of the provider: %w", err)
	}
	return r, nil
}

func (c *Checker) check(ctx context.Context, req tenant.ProviderRequest) tenant.ProviderReport {
	var r tenant.ProviderReport
	m, err := discover(ctx, c.out, req.Authority)
	if err != nil {
		r.Findings = append(r.Findings, findingOf(err, discoveryURL(req.Authority)))
		return r
	}
	r.Findings = append(r.Findings, finding(tenant.SeverityOK, CodeDiscoveryRead, "The provider's metadata was read."))
	r.Findings = append(r.Findings, m.check(req.Authority, c.out)...)
	r.ScopesSupported = m.scopes
	r.SigningAlg, _ = m.signingAlg()
	if matchIssuer(req.Authority, m.issuer) != issuerDiffers {
		r.Issuer = m.issuer
		r.SharedIssuer = isSharedIssuer(m.issuer)
	}
	var ok bool
	if r.ClientAuth, ok = m.authMethod(req.ClientAuth, req.Provider, c.haveKeys); !ok {
		r.Findings = append(r.Findings, c.authFinding(m, req.ClientAuth))
	}
	r.Findings = append(r.Findings, scopeFindings(m, req.Scopes)...)
	if r.SharedIssuer {
		r.Findings = append(r.Findings, finding(tenant.SeverityWarning, CodeSharedIssuer,
			"This issuer serves many customers. It must vouch for each e-mail address, and Google's hosted domain must be one of yours."))
	}
	if r.Issuer != "" && !hasErrors(r.Findings) {
		r.Metadata = m.snapshot()
	}
	if !hasErrors(r.Findings) {
		r.Findings = append(r.Findings, c.checkKeys(ctx, m, r.SigningAlg))
	}
	return r
}

// authFinding says why there is no way for the client to authenticate.
func (c *Checker) authFinding(m *metadata, configured string) tenant.Finding {
	if configured != "" {
		f := finding(tenant.SeverityError, tenant.CodeUnsupportedAuthMethod, fmt.Sprintf("The client authentication %s is not supported here.", shown(configured)))
		f.Field = tenant.FieldClientAuth
		return f
	}
	ours := []string{authBasic, authPost}
	if c.haveKeys {
		ours = append(ours, authPrivateKey)
	}
	f := finding(tenant.SeverityError, tenant.CodeUnsupportedAuthMethod, "The token endpoint offers no client authentication that is supported here.")
	f.Expected, f.Got = strings.Join(ours, ", "), shown(strings.Join(m.authMethods, ", "))
	return f
}

func hasErrors(findings []tenant.Finding) bool {
	return slices.ContainsFunc(findings, func(f tenant.Finding) bool { return f.Severity == tenant.SeverityError })
}

// scopeFindings warns about scopes that the provider does not list. Many providers take more than they list.
func scopeFindings(m *metadata, scopes []string) []tenant.Finding {
	if len(m.scopes) == 0 || len(m.scopes) == maxListItems {
		return nil
	}
	var found []tenant.Finding
	for _, scope := range scopes {
		if !slices.Contains(m.scopes, scope) {
			f := finding(tenant.SeverityWarning, tenant.CodeScopeUnknown, fmt.Sprintf("The provider does not list the scope %s.", shown(scope)))
			f.Field = tenant.FieldScopes
			found = append(found, f)
		}
	}
	return found
}

// checkKeys fetches the key set and looks for one key that fits the pinned algorithm.
func (c *Checker) checkKeys(ctx context.Context, m *metadata, alg string) tenant.Finding {
	body, err := c.out.get(ctx, m.jwksURI, maxKeySetBytes, tenant.CodeJWKSUnreachable)
	if err != nil {
		return findingOf(err, m.jwksURI)
	}
	keys, err := parseJWKS(body)
	if err != nil {
		return finding(tenant.SeverityError, tenant.CodeNoUsableKey, "The provider's key set is invalid: "+err.Error()+".")
	}
	if !slices.ContainsFunc(keys, func(k publicKey) bool { return k.fits("", alg) }) {
		return finding(tenant.SeverityError, tenant.CodeNoUsableKey, fmt.Sprintf("The provider publishes no key for %s signatures.", alg))
	}
	return finding(tenant.SeverityOK, CodeKeysRead, fmt.Sprintf("The provider publishes a key for %s signatures.", alg))
}

// findingOf turns a failed request into a finding. The address is the owner's own or was checked before.
func findingOf(err error, url string) tenant.Finding {
	if f, ok := errors.AsType[*failure](err); ok {
		return finding(tenant.SeverityError, f.code, fmt.Sprintf("%s: %s.", shown(url), f.reason))
	}
	return finding(tenant.SeverityError, tenant.CodeDiscoveryNotFound, fmt.Sprintf("%s could not be read.", shown(url)))
}

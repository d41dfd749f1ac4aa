package oidc

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

// published is a provider that answers with its discovery document and its keys.
type published struct{ discovery, keys []byte }

func (p published) RoundTrip(r *http.Request) (*http.Response, error) {
	body := p.keys
	if strings.HasSuffix(r.URL.Path, wellKnown) {
		body = p.discovery
	}
	return canned{http.StatusOK, "application/json", body}.RoundTrip(r)
}

// TestCheckTellsAboutTheIssuer: what a check says beside errors, for the providers whose issuer is not the authority, and
// for the one that all customers share (R20, R25).
func TestCheckTellsAboutTheIssuer(t *testing.T) {
	t.Parallel()
	named := func(issuer string) func(map[string]any) { return func(m map[string]any) { m["issuer"] = issuer } }
	for name, tt := range map[string]struct {
		provider, authority string
		change              func(map[string]any)
		issuer              string
		codes               []string
	}{
		"shared by all customers": {
			"google", "https://accounts.google.com", func(map[string]any) {}, "https://accounts.google.com",
			[]string{CodeDiscoveryRead, CodeSharedIssuer, CodeKeysRead},
		},
		"one customer's": {
			"okta", "https://acme.okta.com", func(map[string]any) {}, "https://acme.okta.com",
			[]string{CodeDiscoveryRead, CodeKeysRead},
		},
		"a tenant by its domain name": {
			"entra", "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0", func(map[string]any) {}, "https://login.microsoftonline.com/" + someGUID + "/v2.0",
			[]string{CodeDiscoveryRead, CodeEntraTenantName, CodeNoPKCE, CodeKeysRead},
		},
		"v1.0": {
			"entra", "https://login.microsoftonline.com/" + someGUID, named("https://sts.windows.net/" + someGUID + "/"), "https://sts.windows.net/" + someGUID + "/",
			[]string{CodeDiscoveryRead, tenant.CodeAuthorityEntraV1, CodeNoPKCE, CodeKeysRead},
		},
		"v1.0 of the cloud for China": {
			"entra", "https://login.partner.microsoftonline.cn/" + someGUID, named("https://sts.chinacloudapi.cn/" + someGUID + "/"), "https://sts.chinacloudapi.cn/" + someGUID + "/",
			[]string{CodeDiscoveryRead, tenant.CodeAuthorityEntraV1, CodeNoPKCE, CodeKeysRead},
		},
		"v1.0 tokens with the v2.0 document": {
			"entra", "https://login.microsoftonline.com/" + someGUID + "/v2.0", named("https://sts.windows.net/" + someGUID + "/"), "",
			[]string{CodeDiscoveryRead, tenant.CodeIssuerMismatch, CodeNoPKCE},
		},
		"for many tenants": {
			"entra", "https://login.microsoftonline.com/common/v2.0", named("https://login.microsoftonline.com/{tenantid}/v2.0"), "",
			[]string{CodeDiscoveryRead, tenant.CodeIssuerMismatch, CodeNoPKCE},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var doc map[string]any
			require.NoError(t, json.Unmarshal(documents(t, "discovery")[tt.provider], &doc))
			tt.change(doc)
			body, err := json.Marshal(doc)
			require.NoError(t, err)
			checker := NewChecker(CheckerConfig{HTTPClient: &http.Client{Transport: published{body, documents(t, "keys")[tt.provider]}}})
			r, err := checker.CheckProvider(t.Context(), tenant.ProviderRequest{Authority: tt.authority})
			require.NoError(t, err)
			var codes []string
			for _, f := range r.Findings {
				codes = append(codes, f.Code)
				require.NotEmpty(t, f.Message)
			}
			require.Equal(t, tt.codes, codes)
			require.Equal(t, tt.issuer, r.Issuer, "the provider's own spelling, or none")
		})
	}
}

// refusedSignIn signs somebody in at a provider with a fault: it is refused with the code, and nothing is left of it.
func (a *app) refusedSignIn(email string, status int, code string) {
	a.t.Helper()
	before, had := a.loginCount(), a.held()
	p := a.signIn(email)
	require.Equal(a.t, status, p.status, p.body)
	require.Contains(a.t, p.body, code)
	require.Empty(a.t, p.session)
	require.Equal(a.t, before, a.loginCount())
	require.Equal(a.t, had, a.held())
}

// TestEncryptedToken: an encrypted ID token is told apart from one that is broken, since the administrator can switch
// encryption off.
func TestEncryptedToken(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	idp := oidctest.NewServer(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	idp.SetFaults(oidctest.Faults{IDToken: func(string) string { return "a.b.c.d.e" }})
	a.refusedSignIn(oidctest.DefaultEmail, http.StatusForbidden, CodeTokenEncrypted)
	idp.SetFaults(oidctest.Faults{})
	require.Equal(t, http.StatusOK, a.signIn(oidctest.DefaultEmail).status)
}

// TestSecretUnreadable: R38. The key that sealed the client secret is gone: nobody signs in, nothing of the secret or of
// the key is told, and the provider hears nothing.
func TestSecretUnreadable(t *testing.T) {
	t.Parallel()
	old, now := ring(t, "o"), ring(t, "n")
	a := newApp(t, func(c *Config) { c.Secrets = service(t, c.Store, now) })
	idp := oidctest.NewServer(t)
	c := a.connect(idp, "acme", "acme.example", sealed(t, old, oidctest.DefaultClientSecret))
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	a.refusedSignIn(oidctest.DefaultEmail, http.StatusServiceUnavailable, CodeSecretUnreadable)
	require.Zero(t, idp.Count(oidctest.Token))
	require.NotContains(t, a.log.String(), oidctest.DefaultClientSecret)

	a.change(c, sealed(t, now, oidctest.DefaultClientSecret)) // the owner enters it again
	require.Equal(t, http.StatusOK, a.signIn(oidctest.DefaultEmail).status)
}

package oidc

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const someGUID = "7d4a1b6e-0c2f-4b7e-9a55-0123456789ab"

// TestIssuerMatch is T11: exact, a trailing slash, Microsoft's pairs, and nothing else.
func TestIssuerMatch(t *testing.T) {
	t.Parallel()
	ms := "https://login.microsoftonline.com/"
	for _, tt := range []struct {
		authority, issuer string
		want              issuerMatch
	}{
		{"https://idp.example", "https://idp.example", issuerExact},
		{"https://x.auth0.com", "https://x.auth0.com/", issuerSlash},
		{"https://oauth.id.jumpcloud.com/", "https://oauth.id.jumpcloud.com/", issuerExact},
		{"https://idp.example/", "https://idp.example", issuerSlash},
		{"https://idp.example", "https://idp.example//", issuerDiffers},
		{"https://idp.example", "https://IDP.example", issuerDiffers},
		{"https://idp.example", "https://idp.example.evil", issuerDiffers},
		{"https://idp.example", "http://idp.example", issuerDiffers},
		{"https://idp.example", "", issuerDiffers},
		{ms + someGUID + "/v2.0", ms + someGUID + "/v2.0", issuerExact},
		{ms + someGUID, "https://sts.windows.net/" + someGUID + "/", issuerEntraV1},
		{ms + someGUID + "/", "https://sts.windows.net/" + someGUID + "/", issuerEntraV1},
		{ms + "contoso.onmicrosoft.com", "https://sts.windows.net/" + someGUID + "/", issuerEntraV1},
		{ms + "contoso.onmicrosoft.com/v2.0", ms + someGUID + "/v2.0", issuerEntraName},
		{"https://login.microsoftonline.us/" + someGUID, "https://sts.windows.net/" + someGUID + "/", issuerEntraV1},
		{ms + someGUID + "/v2.0", "https://sts.windows.net/" + someGUID + "/", issuerDiffers},
		{ms + someGUID, "https://sts.windows.net/11111111-1111-1111-1111-111111111111/", issuerDiffers},
		{ms + someGUID, "https://sts.windows.net.evil/" + someGUID + "/", issuerDiffers},
		{"https://evil.example/" + someGUID, "https://sts.windows.net/" + someGUID + "/", issuerDiffers},
		{ms + "common/v2.0", ms + "{tenantid}/v2.0", issuerDiffers},
		{ms + "common/v2.0", ms + someGUID + "/v2.0", issuerDiffers},
	} {
		require.Equal(t, tt.want, matchIssuer(tt.authority, tt.issuer), "%s names %s", tt.authority, tt.issuer)
	}
	require.Equal(t, "https://idp.example/.well-known/openid-configuration", discoveryURL("https://idp.example/"))
	require.Equal(t, "https://idp.example/realms/a/.well-known/openid-configuration", discoveryURL("https://idp.example/realms/a"))
}

// codes of the findings that are errors.
func errorCodes(r tenant.ProviderReport) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Severity == tenant.SeverityError {
			out = append(out, f.Code)
		}
	}
	return out
}

// TestR34Check: each fault of a provider's documents gives its code.
func TestR34Check(t *testing.T) {
	t.Parallel()
	discovery := func(f oidctest.Fault) oidctest.Faults {
		return oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Discovery: f}}
	}
	keys := func(f oidctest.Fault) oidctest.Faults {
		return oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Keys: f}}
	}
	metadata := func(name string, value any) oidctest.Faults {
		return oidctest.Faults{Metadata: func(m map[string]any) {
			if m[name] = value; value == nil {
				delete(m, name)
			}
		}}
	}
	for _, tt := range []struct {
		name   string
		faults oidctest.Faults
		code   string
	}{
		{"good", oidctest.Faults{}, ""},
		{"404", discovery(oidctest.Fault{Status: 404, Body: "<script>"}), tenant.CodeDiscoveryNotFound},
		{"500", discovery(oidctest.Fault{Status: 500}), tenant.CodeDiscoveryNotFound},
		{"html", discovery(oidctest.Fault{Body: "<html>"}), tenant.CodeDiscoveryInvalidJSON},
		{"null (T1)", discovery(oidctest.Fault{Body: "null"}), tenant.CodeDiscoveryInvalidJSON},
		{"member twice", discovery(oidctest.Fault{Body: `{"issuer":"a","issuer":"b"}`}), tenant.CodeDiscoveryInvalidJSON},
		{"huge", discovery(oidctest.Fault{Endless: 1 << 30}), tenant.CodeDiscoveryNotFound},
		{"redirect", discovery(oidctest.Fault{Redirect: "http://127.0.0.1:1/"}), tenant.CodeDiscoveryRedirect},
		{"301", discovery(oidctest.Fault{Status: 301, Redirect: "/elsewhere"}), tenant.CodeDiscoveryRedirect},
		{"issuer", metadata("issuer", "https://evil.example"), tenant.CodeIssuerMismatch},
		{"ISSUER in capitals is another name", oidctest.Faults{Metadata: func(m map[string]any) {
			m["ISSUER"] = m["issuer"]
			delete(m, "issuer")
		}}, tenant.CodeIssuerMismatch},
		{"no authorization_endpoint", metadata("authorization_endpoint", nil), tenant.CodeDiscoveryIncomplete},
		{"javascript:", metadata("authorization_endpoint", "javascript:alert(1)"), tenant.CodeDiscoveryIncomplete},
		{"relative", metadata("token_endpoint", "/token"), tenant.CodeDiscoveryIncomplete},
		{"user in URL", metadata("jwks_uri", "https://a:b@idp.example/keys"), tenant.CodeDiscoveryIncomplete},
		{"number", metadata("jwks_uri", 7), tenant.CodeDiscoveryIncomplete},
		{"no code", metadata("response_types_supported", []string{"id_token"}), tenant.CodeDiscoveryIncomplete},
		{"only none", metadata("id_token_signing_alg_values_supported", []string{"none", "HS256"}), tenant.CodeNoUsableKey},
		{"only private_key_jwt", metadata("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), tenant.CodeUnsupportedAuthMethod},
		{"jwks 404", keys(oidctest.Fault{Status: 404}), tenant.CodeJWKSUnreachable},
		{"jwks null", keys(oidctest.Fault{Body: "null"}), tenant.CodeNoUsableKey},
		{"jwks empty", keys(oidctest.Fault{Body: `{"keys":[]}`}), tenant.CodeNoUsableKey},
		{"jwks at a private address", metadata("jwks_uri", "https://10.0.0.1/keys"), tenant.CodeDiscoveryBlocked},
		{"jwks on a name that resolves to loopback, http", metadata("jwks_uri", "http://idp.example/keys"), tenant.CodeDiscoveryIncomplete},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetFaults(tt.faults)
			r, err := NewChecker(CheckerConfig{InsecureAllowLoopback: true}).CheckProvider(t.Context(), tenant.ProviderRequest{
				Authority: idp.Issuer(), Scopes: []string{"openid", "groups", "weird"},
			})
			require.NoError(t, err)
			if tt.code == "" {
				require.Empty(t, errorCodes(r))
				require.Equal(t, idp.Issuer(), r.Issuer)
				require.Equal(t, "RS256", r.SigningAlg)
				require.Equal(t, "client_secret_basic", r.ClientAuth)
				require.Contains(t, r.ScopesSupported, "email")
				var warned bool
				for _, f := range r.Findings {
					warned = warned || f.Code == tenant.CodeScopeUnknown && strings.Contains(f.Message, "weird")
				}
				require.True(t, warned)
				return
			}
			require.Equal(t, []string{tt.code}, errorCodes(r), "%+v", r.Findings)
			for _, f := range r.Findings {
				require.NotContains(t, f.Message, "<script>")
			}
		})
	}
}

// TestR34Unreachable: nothing listens, a plain-text port, a certificate that nobody knows, a slow server, a blocked address.
func TestR34Unreachable(t *testing.T) {
	t.Parallel()
	tlsServer := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tlsServer.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	slow := oidctest.NewServer(t)
	slow.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Discovery: {Delay: time.Minute}}})
	drip := oidctest.NewServer(t)
	drip.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{
		oidctest.Discovery: {Body: strings.Repeat(" ", 1000), Drip: 50 * time.Millisecond},
	}})
	quick := tenant.NewOutboundClient(tenant.OutboundConfig{InsecureAllowLoopback: true, Timeout: 300 * time.Millisecond})
	for _, tt := range []struct {
		authority string
		allow     bool
		code      string
	}{
		{tlsServer.URL, true, tenant.CodeTLSError},
		{strings.Replace(plain.URL, "http:", "https:", 1), true, tenant.CodeTLSError},
		{slow.Issuer(), true, tenant.CodeDiscoveryTimeout},
		{drip.Issuer(), true, tenant.CodeDiscoveryTimeout},
		{"https://127.0.0.1:1", true, tenant.CodeDiscoveryNotFound},
		{tlsServer.URL, false, tenant.CodeDiscoveryBlocked},
		{plain.URL, false, tenant.CodeDiscoveryBlocked},
		{"https://169.254.169.254", true, tenant.CodeDiscoveryBlocked},
		{"https://[::ffff:10.0.0.1]", true, tenant.CodeDiscoveryBlocked},
		{"file:///etc/passwd", true, tenant.CodeDiscoveryBlocked},
	} {
		cfg := CheckerConfig{InsecureAllowLoopback: tt.allow}
		if tt.code == tenant.CodeDiscoveryTimeout {
			cfg.HTTPClient = quick
		}
		r, err := NewChecker(cfg).CheckProvider(t.Context(), tenant.ProviderRequest{Authority: tt.authority})
		require.NoError(t, err)
		require.Equal(t, []string{tt.code}, errorCodes(r), "%s %+v", tt.authority, r.Findings)
		require.Empty(t, r.Issuer)
	}
}

// TestTrailingSlashIssuer: the issuer of the document is what counts from then on.
func TestTrailingSlashIssuer(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServerConfig(t, oidctest.Config{Issuer: "/"})
	require.True(t, strings.HasSuffix(idp.Issuer(), "/"))
	typed := strings.TrimSuffix(idp.Issuer(), "/")
	r, err := NewChecker(CheckerConfig{InsecureAllowLoopback: true}).CheckProvider(t.Context(), tenant.ProviderRequest{Authority: typed})
	require.NoError(t, err)
	require.Empty(t, errorCodes(r))
	require.Equal(t, idp.Issuer(), r.Issuer)

	a := newApp(t)
	a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.Authority, c.Issuer = typed, r.Issuer })
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)

	a = newApp(t)
	a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.Authority, c.Issuer = typed, typed })
	require.Equal(t, 503, a.signIn(oidctest.DefaultEmail).status, "never anything but the exact issuer")
}

// TestIssuerWithPath: Keycloak's realms.
func TestIssuerWithPath(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServerConfig(t, oidctest.Config{Issuer: "/realms/acme"})
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
}

// TestDiscoveryIsShared: sign-ins ask for the metadata and the keys once.
func TestDiscoveryIsShared(t *testing.T) {
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	for range 5 {
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
	}
	require.Equal(t, 1, acme.Count(oidctest.Discovery))
	require.Equal(t, 1, acme.Count(oidctest.Keys))
}

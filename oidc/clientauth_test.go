package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func testKeys(t *testing.T) (rsaKey *rsa.PrivateKey, p256 *ecdsa.PrivateKey, ed ed25519.PrivateKey) {
	t.Helper()
	var err error
	rsaKey, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, ed, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return rsaKey, p256, ed
}

func clientAuth(method string) func(*store.Connection) {
	return func(c *store.Connection) { c.ClientAuth = method }
}

// TestS18_PrivateKeyJWT: S18. The provider of the test takes an assertion once, for a minute, with its issuer as a string
// for audience, signed by a key that it fetched from us.
func TestS18_PrivateKeyJWT(t *testing.T) {
	proves(t)
	t.Parallel()
	rsaKey, p256, ed := testKeys(t)
	for alg, key := range map[string]ClientKey{
		"RS256": {ID: "a", Signer: rsaKey},
		"PS256": {ID: "b", Signer: rsaKey, Alg: "PS256"},
		"ES256": {ID: "c", Signer: p256},
		"EdDSA": {ID: "d", Signer: ed},
	} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, func(c *Config) { c.ClientKeys = []ClientKey{key} })
			idp := oidctest.NewServerConfig(t, oidctest.Config{
				Clients:        []oidctest.Client{{ID: oidctest.DefaultClientID, AuthMethod: "private_key_jwt", JWKSURI: a.handler.JWKSURI()}},
				PushedRequests: true,
			})
			a.connect(idp, "acme", "acme.example", clientAuth("private_key_jwt"))
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			for range 2 { // each assertion has an ID of its own
				p := a.signIn(oidctest.DefaultEmail)
				require.Equal(t, 200, p.status, p.body)
			}
			require.Equal(t, 2, idp.Count(oidctest.PushedRequest))
			require.NotContains(t, a.log.String(), "client_assertion")
		})
	}
}

// TestS18_AssertionAudience: S18. A document that names another issuer, token endpoint or host changes nothing about the
// audience: it is what the connection was reviewed with.
func TestS18_AssertionAudience(t *testing.T) {
	proves(t)
	t.Parallel()
	_, p256, _ := testKeys(t)
	keys, err := newClientKeys([]ClientKey{{ID: "k", Signer: p256}})
	require.NoError(t, err)
	now := time.Now()
	seen := map[string]bool{}
	for range 3 {
		raw, err := keys.assertion(t.Context(), "client", "https://idp.example/", nil, now)
		require.NoError(t, err)
		tok, err := parseToken(raw, tokenForm{name: "assertion", maxBytes: 4096})
		require.NoError(t, err)
		require.JSONEq(t, `"https://idp.example/"`, string(tok.claims.get("aud")))
		require.JSONEq(t, `"client"`, string(tok.claims.get("iss")))
		require.JSONEq(t, `"client"`, string(tok.claims.get("sub")))
		exp, _, err := tok.claims.date("exp")
		require.NoError(t, err)
		require.LessOrEqual(t, exp.Sub(now), time.Minute)
		jti, _ := tok.claims.str("jti")
		require.False(t, seen[jti], "jti used twice")
		seen[jti] = true
	}
}

// TestClientKeyChoice: the first key that the provider takes signs; with none the sign-in says so before anything is
// sent.
func TestClientKeyChoice(t *testing.T) {
	t.Parallel()
	rsaKey, p256, _ := testKeys(t)
	keys, err := newClientKeys([]ClientKey{{ID: "rsa", Signer: rsaKey}, {ID: "ec", Signer: p256}})
	require.NoError(t, err)
	kid := func(accepted ...string) string {
		raw, err := keys.assertion(t.Context(), "client", "https://idp.example", accepted, time.Now())
		require.NoError(t, err)
		tok, err := parseToken(raw, tokenForm{name: "assertion", maxBytes: 4096})
		require.NoError(t, err)
		kid, _ := tok.header.str("kid")
		return kid
	}
	require.Equal(t, "rsa", kid())
	require.Equal(t, "ec", kid("ES256", "EdDSA"))
	_, err = keys.assertion(t.Context(), "client", "https://idp.example", []string{"HS256"}, time.Now())
	require.Equal(t, CodeAuthUnsupported, CodeOf(err))
}

func TestClientKeysAreChecked(t *testing.T) {
	t.Parallel()
	rsaKey, p256, ed := testKeys(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it must be refused
	require.NoError(t, err)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader,
		&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}}, &x509.Certificate{}, p256.Public(), p256)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		keys []ClientKey
		want string
	}{
		"no ID":                 {[]ClientKey{{Signer: ed}}, "ID"},
		"ID with a space":       {[]ClientKey{{ID: "a b", Signer: ed}}, "ID"},
		"no signer":             {[]ClientKey{{ID: "a"}}, "Signer"},
		"small RSA":             {[]ClientKey{{ID: "a", Signer: small}}, "2048"},
		"curve without alg":     {[]ClientKey{{ID: "a", Signer: p224}}, "P-256"},
		"alg of another kind":   {[]ClientKey{{ID: "a", Signer: ed, Alg: "RS256"}}, "EdDSA"},
		"symmetric alg":         {[]ClientKey{{ID: "a", Signer: rsaKey, Alg: "HS256"}}, "RS256 or PS256"},
		"one ID twice":          {[]ClientKey{{ID: "a", Signer: ed}, {ID: "a", Signer: p256}}, "another key"},
		"foreign certificate":   {[]ClientKey{{ID: "a", Signer: ed, Certificate: cert}}, "Certificate"},
		"fitting certificate":   {[]ClientKey{{ID: "a", Signer: p256, Certificate: cert}}, ""},
		"several, all in order": {[]ClientKey{{ID: "a", Signer: p256}, {ID: "b", Signer: ed}, {ID: "c", Signer: rsaKey}}, ""},
	} {
		_, err := newClientKeys(tt.keys)
		if tt.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, tt.want, name)
		require.ErrorContains(t, err, "Config.ClientKeys", name)
	}
}

// TestJWKS: only public halves are published, and nothing without keys.
func TestJWKS(t *testing.T) {
	t.Parallel()
	rsaKey, p256, ed := testKeys(t)
	a := newApp(t, func(c *Config) {
		c.ClientKeys = []ClientKey{{ID: "r", Signer: rsaKey}, {ID: "e", Signer: p256}, {ID: "d", Signer: ed}}
	})
	p := a.browser().get(a.handler.JWKSURI())
	require.Equal(t, 200, p.status)
	require.Equal(t, "application/jwk-set+json", p.header.Get("Content-Type"))
	var doc struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(p.body), &doc))
	require.Len(t, doc.Keys, 3)
	for _, k := range doc.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "x5c"} {
			require.NotContains(t, k, private)
		}
		require.Equal(t, "sig", k["use"])
		require.NotEmpty(t, k["alg"])
	}
	require.Equal(t, 404, newApp(t).browser().get(a.url+"/sso/nothing").status)
	b := newApp(t)
	require.Equal(t, 404, b.browser().get(b.handler.JWKSURI()).status)
}

// TestPublicClient: with "none" the client ID alone is sent, and PKCE protects the code.
func TestPublicClient(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServerConfig(t, oidctest.Config{Clients: []oidctest.Client{{ID: oidctest.DefaultClientID, AuthMethod: "none"}}})
	a := newApp(t, func(c *Config) {
		c.Secrets = SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) {
			t.Error("a public client has no secret to open")
			return tenant.Secret{}, nil
		})
	})
	a.connect(idp, "acme", "acme.example", clientAuth("none"))
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	p := a.signIn(oidctest.DefaultEmail)
	require.Equal(t, 200, p.status, p.body)
}

// TestPrivateKeyJWTWithoutKeys: the connection asks for what the host can't do.
func TestPrivateKeyJWTWithoutKeys(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example", clientAuth("private_key_jwt"))
	p := a.signIn(oidctest.DefaultEmail)
	require.Equal(t, http.StatusServiceUnavailable, p.status)
	require.Contains(t, p.body, CodeAuthUnsupported)
	require.Zero(t, idp.Count(oidctest.Token))
}

// TestAuthMethodChoice: what is sent where the connection says nothing.
func TestAuthMethodChoice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		listed   string
		haveKeys bool
		want     string
	}{
		{"", false, "client_secret_basic"},
		{"client_secret_post", false, "client_secret_post"},
		{"client_secret_post client_secret_basic", true, "client_secret_basic"},
		{"private_key_jwt client_secret_post", true, "client_secret_post"},
		{"private_key_jwt", true, "private_key_jwt"},
		{"private_key_jwt", false, ""},
		{"none", true, ""},
		{"tls_client_auth", true, ""},
	} {
		m := &metadata{authMethods: strings.Fields(tt.listed)}
		got, ok := m.authMethod("", "", tt.haveKeys)
		require.Equal(t, tt.want, got, tt)
		require.Equal(t, tt.want != "", ok, tt)
	}
	m := &metadata{}
	_, ok := m.authMethod("client_secret_jwt", "", true)
	require.False(t, ok)
}

// TestMethodFoundByTest: R22. A test sign-in tries the other way of sending the secret, and tells which one worked; a
// real sign-in does not try.
func TestMethodFoundByTest(t *testing.T) {
	t.Parallel()
	for _, push := range []bool{false, true} {
		var results []TestResult
		idp := oidctest.NewServerConfig(t, oidctest.Config{
			Clients:        []oidctest.Client{{ID: oidctest.DefaultClientID, Secret: oidctest.DefaultClientSecret, AuthMethod: "client_secret_post"}},
			PushedRequests: push,
		})
		a := newApp(t, func(c *Config) {
			c.OnTest = TestFunc(func(_ context.Context, r TestResult) error {
				results = append(results, r)
				return r.Err
			})
		})
		c := a.connect(idp, "acme", "acme.example", clientAuth("client_secret_basic"))
		a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
		require.Contains(t, a.signIn(oidctest.DefaultEmail).body, CodeClientRejected)
		require.NotEmpty(t, idp.Violations())

		a.mux.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
			a.handler.StartTest(w, r, TestRequest{TenantID: "acme", ConnectionID: c.ID, ReturnTo: "/result"})
		})
		p := a.browser().get(a.url + "/test")
		require.Equal(t, 200, p.status, p.body)
		require.Len(t, results, 1)
		require.NoError(t, results[0].Err)
		require.Equal(t, "client_secret_post", results[0].ClientAuth)
		require.NotEmpty(t, idp.Violations(), "the other way was tried first")
	}
}

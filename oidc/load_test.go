package oidc

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// signedToken makes a key, a cache that holds it, and an ID token that it signed.
func signedToken(tb testing.TB, alg string) (*keyCache, string, expectation, jose.Signer) {
	tb.Helper()
	key, err := oidctest.GenerateKey("k", alg)
	require.NoError(tb, err)
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: key.Private, KeyID: "k"},
	}, (&jose.SignerOptions{}).WithType("JWT"))
	require.NoError(tb, err)
	signed, err := signer.Sign([]byte(`{"iss":"https://idp.example","sub":"s","aud":"client","exp":4102444800,"iat":1700000000,` +
		`"nonce":"n","email":"ada@acme.example","email_verified":true,"name":"Ada Lovelace","groups":["a","b","c"]}`))
	require.NoError(tb, err)
	raw, err := signed.CompactSerialize()
	require.NoError(tb, err)
	pub := publicKey{id: "k", key: key.Private.Public()}
	cache := newKeyCache(nil, time.Now, time.Second, 10)
	cache.sets.put("https://idp.example/keys", []publicKey{pub}, 1)
	return cache, raw, expectation{
		issuer: "https://idp.example", clientID: "client", jwksURI: "https://idp.example/keys", alg: alg, nonce: "n",
	}, signer
}

// BenchmarkVerifyIDToken is our whole check of a token; "bare" is the signature alone, as a yardstick.
func BenchmarkVerifyIDToken(b *testing.B) {
	for _, alg := range []string{"RS256", "ES256"} {
		cache, raw, want, _ := signedToken(b, alg)
		v := &verifier{keys: cache, now: time.Now, skew: DefaultClockSkew}
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.verify(b.Context(), raw, want); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/bare", func(b *testing.B) {
			jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			require.NoError(b, err)
			keys, err := cache.sets.get(b.Context(), want.jwksURI)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jws.Verify(keys[0].key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// direct is a provider without a network, whose requests are counted by the provider itself.
type direct struct{ idp *oidctest.Provider }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.idp.ServeHTTP(w, req)
	return w.Result(), nil
}

// firstSignIns lets many people sign in at once at a provider that nobody has asked for anything yet.
func firstSignIns(tb testing.TB, idp *oidctest.Provider, people int) {
	tb.Helper()
	c := newCallbacks(tb, func(c *Config) { c.HTTPClient = &http.Client{Transport: direct{idp}} })
	c.conn.SigningAlg = "EdDSA"
	_, err := c.store.UpdateConnection(tb.Context(), "acme", c.conn)
	require.NoError(tb, err)
	ask := func(target string, cookies []*http.Cookie) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, target, http.NoBody)
		for _, c := range cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, req)
		return w
	}
	var wg sync.WaitGroup
	for range people {
		wg.Go(func() {
			start := ask("/sso/login?email=ada@acme.example&return_to=/in", nil)
			page := httptest.NewRecorder()
			idp.ServeHTTP(page, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, start.Header().Get("Location"), http.NoBody))
			done := ask(page.Header().Get("Location"), start.Result().Cookies())
			if done.Code != http.StatusSeeOther || done.Header().Get("Location") != "/in" {
				tb.Errorf("status %d: %s", done.Code, done.Body)
			}
		})
	}
	wg.Wait()
}

func quickProvider(tb testing.TB) *oidctest.Provider {
	tb.Helper()
	key, err := oidctest.GenerateKey("k", "EdDSA")
	require.NoError(tb, err)
	p, err := oidctest.New(oidctest.Config{
		Issuer: instantIssuer, Keys: []oidctest.Key{key}, Users: []oidctest.User{{Subject: "s1", Email: "ada@acme.example"}},
		Clients: []oidctest.Client{{ID: oidctest.DefaultClientID, Secret: oidctest.DefaultClientSecret}},
	})
	require.NoError(tb, err)
	return p
}

// TestThousandFirstSignIns is T12: a thousand people at once cause one discovery and one key request.
func TestThousandFirstSignIns(t *testing.T) {
	t.Parallel()
	idp := quickProvider(t)
	firstSignIns(t, idp, 1000)
	require.Equal(t, 1, idp.Count(oidctest.Discovery))
	require.Equal(t, 1, idp.Count(oidctest.Keys))
	require.Equal(t, 1000, idp.Count(oidctest.Token))
}

// BenchmarkThousandFirstSignIns is what those cost, the provider's work included, and the requests that they cause.
func BenchmarkThousandFirstSignIns(b *testing.B) {
	idp := quickProvider(b)
	for b.Loop() {
		firstSignIns(b, idp, 1000)
	}
	b.ReportMetric(float64(idp.Count(oidctest.Discovery))/float64(b.N), "discoveries/op")
	b.ReportMetric(float64(idp.Count(oidctest.Keys))/float64(b.N), "key-requests/op")
}

// BenchmarkTenantMemory is what the metadata and two RSA keys each of 100,000 tenants take, in MiB, and what it costs to
// look one of them up.
func BenchmarkTenantMemory(b *testing.B) {
	const tenants = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := newProviders(nil, time.Now, time.Second)
	doc := string(documents(b, "discovery")["entra"])
	set := string(documents(b, "keys")["entra"])
	moduli := regexp.MustCompile(`"n": "[^"]+"`).FindAllString(set, -1)
	require.GreaterOrEqual(b, len(moduli), 2)
	authority := func(i int) string { return fmt.Sprintf("https://login.microsoftonline.com/%036d/v2.0", i) }
	keysURL := func(i int) string {
		return fmt.Sprintf("https://login.microsoftonline.com/%036d/discovery/v2.0/keys", i)
	}
	for i := range tenants {
		m, err := parseMetadata([]byte(strings.ReplaceAll(doc, someGUID, fmt.Sprintf("%036d", i))))
		require.NoError(b, err)
		p.docs.put(authority(i), m, 1)
		// Keys of one size, and no two alike.
		keys, err := parseJWKS([]byte(fmt.Sprintf(`{"keys":[{"kty":"RSA","use":"sig","kid":"%043d","e":"AQAB",%s},{"kty":"RSA","use":"sig","kid":"%043d","e":"AQAB",%s}]}`,
			2*i, moduli[0], 2*i+1, moduli[1])))
		require.NoError(b, err)
		require.Len(b, keys, 2)
		p.keys.sets.put(keysURL(i), keys, len(keys))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Equal(b, tenants, len(p.docs.entries), "the metadata of all")
	require.Equal(b, tenants, len(p.keys.sets.entries), "the keys of all")
	i := 0
	for b.Loop() {
		i = (i + 7919) % tenants
		if _, err := p.docs.get(b.Context(), authority(i)); err != nil {
			b.Fatal(err)
		}
		if _, err := p.keys.sets.get(b.Context(), keysURL(i)); err != nil {
			b.Fatal(err)
		}
	}
	mib := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
	b.ReportMetric(mib, "MiB")
	if mib > 300 {
		b.Errorf("%.0f MiB, expected at most 300", mib)
	}
	runtime.KeepAlive(p)
}

// put stores a document as if it had been fetched just now.
func (r *remote[T]) put(key string, doc T, weight int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entryLocked(key)
	r.weight += weight + entryWeight - e.weight
	e.doc, e.have, e.fetched, e.weight = doc, true, r.now(), weight+entryWeight
	r.evictLocked(e)
}

package oidc

import (
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
	cache.sets.mu.Lock()
	e := cache.sets.entryLocked("https://idp.example/keys")
	e.doc, e.have, e.fetched = []publicKey{pub}, true, time.Now()
	cache.sets.mu.Unlock()
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

// TestConcurrentFirstSignIns is T12 over HTTP: many people at once, one discovery and one key request.
func TestConcurrentFirstSignIns(t *testing.T) {
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if p := a.signIn("ada@acme.example"); p.status != 200 {
				t.Errorf("status %d: %s", p.status, p.body)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, acme.Count(oidctest.Discovery))
	require.Equal(t, 1, acme.Count(oidctest.Keys))
}

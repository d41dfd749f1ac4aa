package oidc

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
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

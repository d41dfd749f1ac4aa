package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

func jwkJSON(t testing.TB, alg string, change func(map[string]any)) string {
	t.Helper()
	key, err := oidctest.GenerateKey("k", alg)
	require.NoError(t, err)
	raw, err := json.Marshal(jose.JSONWebKey{Key: key.Private.Public(), KeyID: "k", Use: "sig"})
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw, &m))
	if change != nil {
		change(m)
	}
	raw, err = json.Marshal(m)
	require.NoError(t, err)
	return string(raw)
}

// TestParseJWK: which keys are taken, and that x5c is dropped unread.
func TestParseJWK(t *testing.T) {
	t.Parallel()
	set := func(name string, v any) func(map[string]any) { return func(m map[string]any) { m[name] = v } }
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // the point of the test
	require.NoError(t, err)
	weakJSON, err := json.Marshal(jose.JSONWebKey{Key: &weak.PublicKey})
	require.NoError(t, err)
	for _, tt := range []struct {
		name string
		jwk  string
		ok   bool
	}{
		{"RSA", jwkJSON(t, "RS256", nil), true},
		{"EC", jwkJSON(t, "ES256", nil), true},
		{"Ed25519", jwkJSON(t, "EdDSA", nil), true},
		{"broken x5c", jwkJSON(t, "RS256", set("x5c", []string{"!"})), true},
		{"x5c of another key, x5t, x5u", jwkJSON(t, "RS256", func(m map[string]any) { m["x5c"], m["x5t"], m["x5u"] = 1, 2, "https://x" }), true},
		{"no use", jwkJSON(t, "RS256", func(m map[string]any) { delete(m, "use") }), true},
		{"use enc", jwkJSON(t, "RS256", set("use", "enc")), false},
		{"use null", jwkJSON(t, "RS256", set("use", nil)), false},
		{"key_ops verify", jwkJSON(t, "RS256", set("key_ops", []string{"verify"})), true},
		{"key_ops encrypt", jwkJSON(t, "RS256", set("key_ops", []string{"encrypt"})), false},
		{"private", jwkJSON(t, "RS256", set("d", "AQAB")), false},
		{"symmetric", `{"kty":"oct","k":"AAAA"}`, false},
		{"weak", string(weakJSON), false},
		{"even exponent", jwkJSON(t, "RS256", set("e", "Ag")), false},
		{"giant modulus", fmt.Sprintf(`{"kty":"RSA","e":"AQAB","n":%q}`, strings.Repeat("x", 20_000)), false},
		{"point off the curve", jwkJSON(t, "ES256", set("x", "AAAA")), false},
		{"secp256k1", `{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}`, false},
		{"unknown kty", `{"kty":"ML-DSA"}`, false},
		{"kid too long", jwkJSON(t, "RS256", set("kid", strings.Repeat("k", maxKeyIDBytes+1))), false},
		{"null", `null`, false},
		{"string", `"x"`, false},
		{"kty twice", `{"kty":"RSA",` + jwkJSON(t, "RS256", nil)[1:], false},
	} {
		_, ok := parseJWK([]byte(tt.jwk))
		require.Equal(t, tt.ok, ok, tt.name)
	}
}

func TestParseJWKS(t *testing.T) {
	t.Parallel()
	good := jwkJSON(t, "RS256", nil)
	keys, err := parseJWKS([]byte(`{"keys":[null,1,{"kty":"RSA"},` + good + `]}`))
	require.NoError(t, err)
	require.Len(t, keys, 1)

	for _, bad := range []string{"", "null", "[]", "{}", `{"keys":null}`, `{"keys":{}}`, `{"keys":[],"keys":[]}`, `{"KEYS":[` + good + `]}`} {
		keys, err := parseJWKS([]byte(bad))
		require.True(t, err != nil || len(keys) == 0, "%s", bad)
	}
	many := strings.Repeat(good+",", 200) + good
	keys, err = parseJWKS([]byte(`{"keys":[` + many + `]}`))
	require.NoError(t, err)
	require.Len(t, keys, maxJWKSKeys)
	_, err = parseJWKS([]byte(`{"keys":[` + strings.Repeat("1,", 10_000) + `1]}`))
	require.Error(t, err, "S15: a set of 10,000 keys")
}

func TestKeyFits(t *testing.T) {
	t.Parallel()
	parse := func(alg string, change func(map[string]any)) publicKey {
		k, ok := parseJWK([]byte(jwkJSON(t, alg, change)))
		require.True(t, ok)
		return k
	}
	anyRSA := parse("RS256", nil)
	require.True(t, anyRSA.fits("k", "RS256"))
	require.True(t, anyRSA.fits("", "PS512"))
	require.False(t, anyRSA.fits("other", "RS256"))
	require.False(t, anyRSA.fits("k", "ES256"))
	rs := parse("RS256", func(m map[string]any) { m["alg"] = "RS256" })
	require.False(t, rs.fits("k", "PS256"), "T4: the key's own alg counts")
	ec := parse("ES256", func(m map[string]any) { delete(m, "kid") })
	require.True(t, ec.fits("any", "ES256"))
	require.False(t, ec.fits("any", "ES384"), "one curve for each algorithm")
	require.True(t, parse("EdDSA", nil).fits("k", "EdDSA"))
}

// TestS15_UnknownKeyIDs is T4 through real HTTP: tokens with 1000 different unknown key IDs.
func TestS15_UnknownKeyIDs(t *testing.T) {
	proves(t)
	t.Parallel()
	idp := oidctest.NewServer(t)
	out := newOutbound(tenant.NewOutboundClient(tenant.OutboundConfig{InsecureAllowLoopback: true}), true)
	cache := newKeyCache(out, time.Now, 5*time.Second, 100)
	set := pinned{cache: cache, url: idp.Issuer() + "/keys", alg: "EdDSA"}
	other, err := oidctest.GenerateKey("", "EdDSA")
	require.NoError(t, err)
	for i := range 1000 {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: other.Private, KeyID: fmt.Sprint("k", i)}}, nil)
		require.NoError(t, err)
		signed, err := signer.Sign([]byte(`{}`))
		require.NoError(t, err)
		raw, err := signed.CompactSerialize()
		require.NoError(t, err)
		token, err := parseToken(raw, idTokenForm)
		require.NoError(t, err)
		require.ErrorIs(t, set.verify(t.Context(), token), errNoKey)
	}
	require.LessOrEqual(t, idp.Count(oidctest.Keys), 1+forcedBurst)
}

// settledHeap is the size of the heap when what earlier tests left behind is gone.
func settledHeap() float64 {
	var m runtime.MemStats
	for last := uint64(math.MaxUint64); ; {
		runtime.GC()
		runtime.ReadMemStats(&m)
		if m.HeapAlloc+m.HeapAlloc/200 >= last {
			return float64(m.HeapAlloc)
		}
		last = m.HeapAlloc
		time.Sleep(10 * time.Millisecond)
	}
}

// TestKeyMemory: 100,000 sets of two keys stay under 300 MiB. It measures a hundredth of them.
func TestKeyMemory(t *testing.T) {
	const sets = 1_000
	body := []byte(`{"keys":[` + jwkJSON(t, "RS256", nil) + `,` + jwkJSON(t, "RS256", func(m map[string]any) {
		m["x5c"] = []string{strings.Repeat("A", 10_000)}
	}) + `]}`)
	cache := newKeyCache(nil, time.Now, time.Second, defaultKeyBudget)
	before := settledHeap()
	for i := range sets {
		keys, err := parseJWKS(body)
		require.NoError(t, err)
		cache.sets.mu.Lock()
		e := cache.sets.entryLocked(fmt.Sprintf("https://login.example.com/%036d/discovery/v2.0/keys", i))
		e.doc, e.have = keys, true
		cache.sets.mu.Unlock()
	}
	each := (settledHeap() - before) / sets
	runtime.KeepAlive(cache)
	t.Logf("%.0f bytes for each set of two RSA keys", each)
	require.Less(t, each, float64(300<<20)/100_000)
}

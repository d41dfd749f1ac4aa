package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
)

// signer is a key of a provider and a token that it signed.
type signer struct {
	key  crypto.PublicKey
	text string
}

// signers has one for each algorithm that we accept.
func signers(tb testing.TB) map[string]signer {
	tb.Helper()
	all := map[string]signer{}
	for _, alg := range signingAlgs {
		key, err := newKey(alg)
		require.NoError(tb, err)
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, nil)
		require.NoError(tb, err)
		signed, err := s.Sign([]byte(`{"sub":"s"}`))
		require.NoError(tb, err)
		text, err := signed.CompactSerialize()
		require.NoError(tb, err)
		all[alg] = signer{key.Public(), text}
	}
	return all
}

func newKey(alg string) (crypto.Signer, error) {
	switch alg {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

// both says what we, and what go-jose, think of a signature by alg. Where go-jose can't say, it thinks nothing of it.
func both(tb testing.TB, alg string, key crypto.PublicKey, header, payload string, signature []byte) (ours, theirs bool) {
	tb.Helper()
	input := b64(header) + "." + b64(payload)
	jws, err := jose.ParseSignedCompact(input+"."+base64.RawURLEncoding.EncodeToString(signature), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err == nil {
		_, err = jws.Verify(key)
	}
	return verifies(alg, key, input, signature), err == nil
}

// TestSignatures_LikeGoJose: an independent implementation accepts and refuses the same signatures.
func TestSignatures_LikeGoJose(t *testing.T) {
	t.Parallel()
	all := signers(t)
	for alg, made := range all {
		parts := strings.Split(made.text, ".")
		plain := func(part string) string {
			b, err := base64.RawURLEncoding.DecodeString(part)
			require.NoError(t, err)
			return string(b)
		}
		signature := []byte(plain(parts[2]))
		half := len(signature) / 2
		flipped := slices.Clone(signature)
		flipped[len(flipped)-1] ^= 1
		for name, sig := range map[string][]byte{
			"as made": signature, "none": nil, "cut": signature[1:], "cut at the end": signature[:len(signature)-1], "with a zero before": append([]byte{0}, signature...),
			"with a zero after": append(slices.Clone(signature), 0), "flipped": flipped, "zeros": make([]byte, len(signature)),
			"halves exchanged": slices.Concat(signature[half:], signature[:half]), "twice": slices.Concat(signature, signature),
		} {
			ours, theirs := both(t, alg, made.key, plain(parts[0]), plain(parts[1]), sig)
			require.Equal(t, theirs, ours, "%s, %s", alg, name)
			require.Equal(t, name == "as made", ours, "%s, %s", alg, name)
		}
		for other, by := range all {
			ours, theirs := both(t, alg, by.key, plain(parts[0]), plain(parts[1]), signature)
			require.Equal(t, theirs, ours, "%s with the key of %s", alg, other)
			require.Equal(t, alg == other, ours, "%s with the key of %s", alg, other)
			ours, theirs = both(t, other, made.key, strings.ReplaceAll(plain(parts[0]), alg, other), plain(parts[1]), signature)
			require.Equal(t, theirs, ours, "%s's signature as %s", alg, other)
		}
		for _, odd := range []string{"", "none", "HS256", "RS1", strings.ToLower(alg)} {
			require.False(t, verifies(odd, made.key, parts[0]+"."+parts[1], signature), odd)
		}
		for _, key := range []crypto.PublicKey{nil, []byte("a secret"), "text"} {
			require.False(t, verifies(alg, key, parts[0]+"."+parts[1], signature))
		}
		for _, hash := range []string{"", "x", b64("0123456789abcdef")} {
			require.Equal(t, hash != "" && rp.VerifyAccessToken("access", hash, jose.SignatureAlgorithm(alg)) == nil, isHashOf("access", hash, alg))
		}
		_, digest := digestOf(alg, "access")
		hash := b64(string(digest[:len(digest)/2]))
		require.NoError(t, rp.VerifyAccessToken("access", hash, jose.SignatureAlgorithm(alg)))
		require.True(t, isHashOf("access", hash, alg))
		require.False(t, isHashOf("Access", hash, alg))
		require.False(t, isHashOf("", hash, alg))
	}
}

// FuzzSignature: whatever a header, a payload and a signature are, go-jose thinks the same of them.
func FuzzSignature(f *testing.F) {
	all := signers(f)
	for i, alg := range signingAlgs {
		parts := strings.Split(all[alg].text, ".")
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		require.NoError(f, err)
		f.Add(uint8(i), uint8(i), `{"sub":"s"}`, signature) //nolint:gosec // ten
	}
	f.Fuzz(func(t *testing.T, alg, key uint8, payload string, signature []byte) {
		a, by := signingAlgs[int(alg)%len(signingAlgs)], signingAlgs[int(key)%len(signingAlgs)]
		ours, theirs := both(t, a, all[by].key, `{"alg":"`+a+`"}`, payload, signature)
		if ours != theirs {
			t.Fatalf("%s by a key for %s over %q: %v, go-jose says %v", a, by, payload, ours, theirs)
		}
	})
}

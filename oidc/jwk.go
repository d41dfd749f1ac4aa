package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	stdjson "encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxJWKSEntries = 1000 // of a document; more is refused
	maxJWKSKeys    = 64   // that we keep of it
	maxJWKBytes    = 16 << 10
	maxKeyIDBytes  = 512
	minRSABits     = 2048
)

// publicKey is a signature key of a provider: nothing is kept of it but what a check needs.
type publicKey struct {
	id  string // kid; "" when the provider gave none
	alg string // "" when the provider left it open
	key crypto.PublicKey
}

// parseJWKS reads a JWK Set (RFC 7517 section 5). A key that can't be used is skipped and never spoils the others:
// keys for encryption, unknown types and curves, malformed, weak, symmetric and private ones. Certificates (x5c, x5t,
// x5u) are dropped unread: they cost memory, are attacked territory, and nobody would check them.
func parseJWKS(body []byte) ([]publicKey, error) {
	doc, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	var raws []stdjson.RawMessage
	if stdjson.Unmarshal(doc.get("keys"), &raws) != nil || !doc.has("keys") {
		return nil, errors.New("keys must be an array")
	}
	if len(raws) > maxJWKSEntries {
		return nil, errors.New("more keys than any provider needs")
	}
	keys := make([]publicKey, 0, min(len(raws), 4))
	for _, raw := range raws {
		if len(raw) > maxJWKBytes && len(keys) > 0 {
			continue
		}
		if k, ok := parseJWK(raw); ok {
			keys = append(keys, k)
		}
		if len(keys) == maxJWKSKeys {
			break
		}
	}
	return slices.Clip(keys), nil
}

// parseJWK reads one key; ok is false when it is none that verifies signatures.
func parseJWK(raw []byte) (k publicKey, ok bool) {
	defer func() {
		if recover() != nil {
			k, ok = publicKey{}, false
		}
	}()
	obj, err := parseObject(raw)
	if err != nil {
		return publicKey{}, false
	}
	if use, given := obj.str("use"); given && use != "sig" || !given && obj.has("use") {
		return publicKey{}, false
	}
	if ops := obj.strs("key_ops"); len(ops) > 0 && !slices.Contains(ops, "verify") {
		return publicKey{}, false
	}
	if obj.has("d") || obj.has("k") {
		return publicKey{}, false // private or symmetric: published by mistake, so no longer a proof of anything
	}
	bare := make(object, 0, 6)
	for _, m := range obj {
		switch string(m.name) {
		case "kty", "crv", "x", "y", "n", "e":
			bare = append(bare, m)
		}
	}
	data, err := stdjson.Marshal(bare)
	if err != nil {
		return publicKey{}, false
	}
	var parsed jose.JSONWebKey
	if parsed.UnmarshalJSON(data) != nil || !parsed.Valid() || !parsed.IsPublic() {
		return publicKey{}, false
	}
	switch key := parsed.Key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits || key.E < 3 || key.E&1 == 0 {
			return publicKey{}, false
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return publicKey{}, false
	}
	k = publicKey{key: parsed.Key}
	k.id, _ = obj.str("kid")
	k.alg, _ = obj.str("alg")
	// The strings are cut out of a copy, so that the document itself can be freed.
	k.id, k.alg = strings.Clone(k.id), strings.Clone(k.alg)
	if len(k.id) > maxKeyIDBytes || len(k.alg) > 64 {
		return publicKey{}, false
	}
	return k, true
}

// fits tells whether the key may verify a signature made with alg by a key called id.
func (k publicKey) fits(id, alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	if id != "" && k.id != "" && k.id != id {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		// RFC 7518 section 3.4 ties each algorithm to one curve.
		switch key.Curve.Params().BitSize {
		case 256:
			return alg == "ES256"
		case 384:
			return alg == "ES384"
		case 521:
			return alg == "ES512"
		}
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

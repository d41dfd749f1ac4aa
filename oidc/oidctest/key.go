package oidctest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Key signs ID tokens. Give [Config] keys of your own for output that does not change between runs.
type Key struct {
	// ID is the kid; empty leaves it out of tokens and of the key set.
	ID string
	// Alg is RS256, PS256, ES256 or EdDSA.
	Alg string
	// Private is an *rsa.PrivateKey, *ecdsa.PrivateKey (P-256) or ed25519.PrivateKey, fitting Alg.
	Private crypto.Signer
	// HideAlg leaves alg out of the key set.
	HideAlg bool
}

// GenerateKey makes a new key for RS256, PS256, ES256 or EdDSA.
func GenerateKey(id, alg string) (Key, error) {
	k := Key{ID: id, Alg: alg}
	var err error
	switch alg {
	case "RS256", "PS256":
		k.Private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		k.Private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k.Private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("oidctest: algorithm %q is none of RS256, PS256, ES256, EdDSA", alg)
	}
	return k, err
}

// jwk is the key as the key set shows it.
func (k Key) jwk() jose.JSONWebKey {
	pub := jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: k.Alg, Use: "sig"}
	if k.HideAlg {
		pub.Algorithm = ""
	}
	return pub
}

// decoys are keys that a relying party must pass over. The points are the base points of their curves, the modulus is any
// odd number of 2048 bits: nobody can sign with them here.
func decoys() []map[string]any {
	return []map[string]any{
		{
			"kty": "EC", "use": "sig", "crv": "secp256k1", "kid": "decoy-secp256k1",
			"x": "eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g", "y": "SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg",
		},
		{"kty": "RSA", "use": "enc", "kid": "decoy-rsa-enc", "e": "AQAB", "n": b64(bytes.Repeat([]byte{0xc5}, 256))},
		{
			"kty": "EC", "use": "enc", "crv": "P-256", "kid": "decoy-ec-enc",
			"x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
		},
	}
}

// sign makes a compact JWS of any header and payload, be they nonsense. alg picks how: one of the key's algorithms,
// "HS256" with secret, or "none".
func sign(header map[string]any, payload []byte, alg string, k Key, secret []byte) (string, error) {
	head, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("oidctest: header: %w", err)
	}
	input := b64(head) + "." + b64(payload)
	sum := sha256.Sum256([]byte(input))
	var sig []byte
	switch alg {
	case "none":
	case "HS256":
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		sig = mac.Sum(nil)
	case "RS256":
		sig, err = k.Private.Sign(rand.Reader, sum[:], crypto.SHA256)
	case "PS256":
		sig, err = k.Private.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case "ES256":
		priv, ok := k.Private.(*ecdsa.PrivateKey)
		if !ok {
			return "", fmt.Errorf("oidctest: ES256 needs an *ecdsa.PrivateKey, the key is %T", k.Private)
		}
		r, s, signErr := ecdsa.Sign(rand.Reader, priv, sum[:])
		if signErr != nil {
			return "", signErr
		}
		sig = make([]byte, 64)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
	case "EdDSA":
		sig, err = k.Private.Sign(rand.Reader, []byte(input), crypto.Hash(0))
	default:
		return "", fmt.Errorf("oidctest: can't sign with %q", alg)
	}
	if err != nil {
		return "", fmt.Errorf("oidctest: sign: %w", err)
	}
	return input + "." + b64(sig), nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

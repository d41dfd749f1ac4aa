package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"math/big"
)

// verifies tells whether the signature over input is the key's, by an algorithm of RFC 7518 section 3 or EdDSA of RFC 8037.
// The token is taken apart once, by parseToken: what was checked before and what the signature is over are the same bytes.
// The key is one that fits, see publicKey.fits. A key of the wrong kind verifies nothing.
//
// It runs under recover: a panic in a library must cost one sign-in, not a process.
func verifies(alg string, key crypto.PublicKey, input string, signature []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if k, is := key.(ed25519.PublicKey); is {
		return alg == "EdDSA" && ed25519.Verify(k, []byte(input), signature)
	}
	hash, digest := digestOf(alg, input)
	switch k := key.(type) {
	case *rsa.PublicKey:
		switch alg {
		case "RS256", "RS384", "RS512":
			return rsa.VerifyPKCS1v15(k, hash, digest, signature) == nil
		case "PS256", "PS384", "PS512":
			return rsa.VerifyPSS(k, hash, digest, signature, nil) == nil
		}
	case *ecdsa.PublicKey:
		// RFC 7518 section 3.4: two numbers of one length, that of the curve.
		size := (k.Curve.Params().BitSize + 7) / 8
		switch alg {
		case "ES256", "ES384", "ES512":
			return size == curveBytes[alg] && len(signature) == 2*size &&
				ecdsa.Verify(k, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
		}
	}
	return false
}

// curveBytes is the length of a coordinate on the one curve of each algorithm.
var curveBytes = map[string]int{"ES256": 32, "ES384": 48, "ES512": 66}

// digestOf hashes with the algorithm's hash, which is SHA-512 for EdDSA (its own, which at_hash takes too). An algorithm that is
// not accepted has none.
func digestOf(alg, input string) (crypto.Hash, []byte) {
	switch alg {
	case "RS256", "PS256", "ES256":
		sum := sha256.Sum256([]byte(input))
		return crypto.SHA256, sum[:]
	case "RS384", "PS384", "ES384":
		sum := sha512.Sum384([]byte(input))
		return crypto.SHA384, sum[:]
	case "RS512", "PS512", "ES512", "EdDSA":
		sum := sha512.Sum512([]byte(input))
		return crypto.SHA512, sum[:]
	}
	return 0, nil
}

// isHashOf tells whether at_hash belongs to the access token: it is the left half of its hash (OpenID Connect Core section
// 3.1.3.6).
func isHashOf(accessToken, atHash, alg string) bool {
	_, digest := digestOf(alg, accessToken)
	if accessToken == "" || len(digest) == 0 {
		return false
	}
	want := base64.RawURLEncoding.EncodeToString(digest[:len(digest)/2])
	return subtle.ConstantTimeCompare([]byte(want), []byte(atHash)) == 1
}

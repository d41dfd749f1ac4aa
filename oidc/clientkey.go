package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
)

// ClientKey is a private key with which the application proves to providers who it is, instead of by a shared secret
// (private_key_jwt, OpenID Connect Core section 9). Providers read its public half at [Handler.JWKSURI].
type ClientKey struct {
	// ID is the key's kid: visible ASCII, at most 128 bytes, different for each key.
	ID string
	// Signer holds the key, in memory or in a device: RSA with at least 2048 bits, ECDSA on P-256, P-384 or P-521, or
	// Ed25519. It must be safe for concurrent use.
	Signer crypto.Signer
	// Alg is the algorithm. Empty means RS256 for RSA, which may also have PS256, and the only one there is for the others.
	Alg string
	// Certificate is that of the key, for providers such as Entra that know clients by certificate: assertions then
	// carry its SHA-256 thumbprint (x5t#S256). Nil for all others.
	Certificate *x509.Certificate
}

const (
	jwksPath       = "/jwks.json"
	assertionLife  = 60 * time.Second
	assertionType  = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxClientKeyID = 128
)

// clientKeys are the keys of Config.ClientKeys, ready to sign.
type clientKeys struct {
	signers []clientSigner
	public  []byte // the JWK Set
}

type clientSigner struct {
	alg    string
	signer jose.Signer
}

// newClientKeys checks the keys. Without any it returns nil.
func newClientKeys(keys []ClientKey) (*clientKeys, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	set, out := jose.JSONWebKeySet{}, &clientKeys{}
	for i, k := range keys {
		alg, err := k.algorithm()
		if err == nil && slices.ContainsFunc(keys[:i], func(o ClientKey) bool { return o.ID == k.ID }) {
			err = fmt.Errorf("ID %q is another key's too", k.ID)
		}
		var s jose.Signer
		if err == nil {
			s, err = k.joseSigner(alg)
		}
		if err != nil {
			return nil, fmt.Errorf("oidc: Config.ClientKeys[%d]: %w", i, err)
		}
		out.signers = append(out.signers, clientSigner{alg: alg, signer: s})
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Signer.Public(), KeyID: k.ID, Algorithm: alg, Use: "sig"})
	}
	var err error
	if out.public, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("oidc: Config.ClientKeys: %w", err)
	}
	return out, nil
}

// algorithm checks a key and tells its algorithm.
func (k ClientKey) algorithm() (string, error) {
	if k.ID == "" || len(k.ID) > maxClientKeyID || strings.ContainsFunc(k.ID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("the ID must be 1 to %d visible ASCII characters", maxClientKeyID)
	}
	if k.Signer == nil {
		return "", errors.New("the Signer is required")
	}
	var algs []string
	switch key := k.Signer.Public().(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return "", fmt.Errorf("an RSA key needs at least %d bits, this one has %d", minRSABits, key.N.BitLen())
		}
		algs = []string{"RS256", "PS256"}
	case *ecdsa.PublicKey:
		algs = []string{map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Curve.Params().BitSize]}
	case ed25519.PublicKey:
		algs = []string{"EdDSA"}
	}
	switch {
	case len(algs) == 0 || algs[0] == "":
		return "", errors.New("the key must be RSA, ECDSA on P-256, P-384 or P-521, or Ed25519")
	case k.Alg == "":
		return algs[0], nil
	case !slices.Contains(algs, k.Alg):
		return "", fmt.Errorf("a key of this kind signs with %s, not with %q", strings.Join(algs, " or "), k.Alg)
	}
	return k.Alg, nil
}

func (k ClientKey) joseSigner(alg string) (jose.Signer, error) {
	opts := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", k.ID)
	if k.Certificate != nil {
		if public, ok := k.Signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(k.Certificate.PublicKey) {
			return nil, errors.New("the Certificate is of another key")
		}
		sum := sha256.Sum256(k.Certificate.Raw)
		opts = opts.WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: cryptosigner.Opaque(k.Signer)}, opts)
	if err != nil {
		return nil, fmt.Errorf("the key can't sign with %s: %w", alg, err)
	}
	return s, nil
}

// assertion makes a client assertion (RFC 7523 section 3). Its audience is the issuer that the connection was reviewed
// with, as a single string, and never a value that a provider's document names: an assertion for one provider must be
// worthless at any other. accepted are the algorithms that the provider lists; none listed means any.
func (ks *clientKeys) assertion(ctx context.Context, clientID, issuer string, accepted []string, now time.Time) (string, error) {
	i := slices.IndexFunc(ks.signers, func(s clientSigner) bool { return len(accepted) == 0 || slices.Contains(accepted, s.alg) })
	if i < 0 {
		return "", unavailable(CodeAuthUnsupported, "the provider accepts client assertions with none of the algorithms of the application's keys", nil)
	}
	payload, err := json.Marshal(map[string]any{
		"iss": clientID, "sub": clientID, "aud": issuer, "jti": randomText(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", unavailable(CodeInternal, "the client assertion could not be made", err)
	}
	if err := ctx.Err(); err != nil {
		return "", unavailable(CodeInternal, "the browser went away", err)
	}
	jws, err := ks.signers[i].signer.Sign(payload)
	if err != nil {
		return "", unavailable(CodeInternal, "the application's key could not sign the client assertion", err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		return "", unavailable(CodeInternal, "the client assertion could not be made", err)
	}
	return raw, nil
}

// JWKSURI is where providers find the public keys of Config.ClientKeys, which the administrator registers for
// private_key_jwt. Nothing is served there without keys.
func (h *Handler) JWKSURI() string { return strings.TrimSuffix(h.base.String(), "/") + jwksPath }

// serveJWKS answers with the public keys (RFC 7517 section 5).
func (h *Handler) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	head := w.Header()
	head.Set("Content-Type", "application/jwk-set+json")
	head.Set("Cache-Control", "public, max-age=300")
	head.Set("X-Content-Type-Options", "nosniff")
	w.Write(h.clientKeys.public)
}

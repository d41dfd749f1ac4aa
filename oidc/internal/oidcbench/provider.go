package oidcbench

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Issuer is the provider's issuer.
const Issuer = "https://idp.example"

// Provider is an http.RoundTripper: a provider whose documents are there already and whose ID tokens were signed before
// anything is measured. It is not safe for concurrent use.
type Provider struct {
	key      *rsa.PrivateKey
	metadata []byte
	keys     []byte
	tokens   [][]byte      // token responses, each given once, in this order
	took     time.Duration // what answering took
}

// NewProvider makes a provider with one RSA key.
func NewProvider() (*Provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("oidcbench: %w", err)
	}
	p := &Provider{key: key}
	if p.metadata, err = json.Marshal(map[string]any{
		"issuer": Issuer, "authorization_endpoint": Issuer + "/authorize", "token_endpoint": Issuer + "/token",
		"userinfo_endpoint": Issuer + "/userinfo", "jwks_uri": Issuer + "/keys", "end_session_endpoint": Issuer + "/logout",
		"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"}, "authorization_response_iss_parameter_supported": true,
		"scopes_supported": []string{"openid", "profile", "email", "offline_access"},
	}); err != nil {
		return nil, fmt.Errorf("oidcbench: %w", err)
	}
	if p.keys, err = json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
	}}}); err != nil {
		return nil, fmt.Errorf("oidcbench: %w", err)
	}
	return p, nil
}

// RoundTrip implements http.RoundTripper.
func (p *Provider) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	defer func() { p.took += time.Since(began) }()
	body := p.metadata
	switch req.URL.Path {
	case "/keys":
		body = p.keys
	case "/token":
		body, p.tokens = p.tokens[0], p.tokens[1:]
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}, nil
}

// signed is what a bare check of a token needs.
type signed struct{ digest, signature []byte }

// queue signs an ID token for a nonce, which the next token request gets.
func (p *Provider) queue(nonce string) (signed, error) {
	now, access := time.Now(), sha256.Sum256([]byte("access"))
	claims, err := json.Marshal(map[string]any{
		"iss": Issuer, "sub": "subject-1", "aud": ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": now.Unix(), "nonce": nonce, "email": Email, "email_verified": true, "name": "Ada Lovelace", "sid": "session-1",
		"at_hash": base64.RawURLEncoding.EncodeToString(access[:16]), "preferred_username": Email, "groups": []string{"a", "b", "c"},
	})
	if err != nil {
		return signed{}, err
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"k"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, p.key, crypto.SHA256, sum[:])
	if err != nil {
		return signed{}, err
	}
	body, err := json.Marshal(map[string]any{
		"access_token": "access", "token_type": "Bearer", "expires_in": 600, "scope": "openid profile email",
		"id_token": input + "." + base64.RawURLEncoding.EncodeToString(signature),
	})
	p.tokens = append(p.tokens, body)
	return signed{sum[:], signature}, err
}

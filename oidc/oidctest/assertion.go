package oidctest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	assertionType    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxAssertionLife = time.Minute
)

// checkAssertion checks a client assertion (private_key_jwt, OpenID Connect Core section 9) as strictly as FAPI 2.0 does:
// the audience is the issuer alone, as a string; it lives for a minute at most; its ID is new.
func (p *Provider) checkAssertion(r *http.Request) (Client, bool) {
	if _, _, basic := r.BasicAuth(); basic || r.PostForm.Has("client_secret") || r.PostForm.Get("client_assertion_type") != assertionType {
		return Client{}, false
	}
	client, ok := p.client(r.PostForm.Get("client_id"))
	if !ok || client.AuthMethod != "private_key_jwt" {
		return Client{}, false
	}
	jws, err := jose.ParseSignedCompact(r.PostForm.Get("client_assertion"),
		[]jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA})
	if err != nil {
		return Client{}, false
	}
	keys, err := clientKeys(r.Context(), client.JWKSURI)
	if err != nil {
		return Client{}, false
	}
	for _, k := range keys.Key(jws.Signatures[0].Header.KeyID) {
		if k.Algorithm != jws.Signatures[0].Header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(k); err == nil {
			return client, p.acceptAssertion(client, payload)
		}
	}
	return Client{}, false
}

func (p *Provider) acceptAssertion(client Client, payload []byte) bool {
	var c struct {
		Issuer   string  `json:"iss"`
		Subject  string  `json:"sub"`
		Audience string  `json:"aud"`
		ID       string  `json:"jti"`
		Issued   float64 `json:"iat"`
		Expires  float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &c) != nil {
		return false
	}
	now := p.now()
	exp := time.Unix(int64(c.Expires), 0)
	if c.Issuer != client.ID || c.Subject != client.ID || c.Audience != p.issuer || c.ID == "" ||
		!now.Before(exp) || exp.After(now.Add(maxAssertionLife+time.Second)) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jtis[c.ID] {
		return false
	}
	makeRoom(p.jtis)
	p.jtis[c.ID] = true
	return true
}

// clientKeys fetches a client's key set.
func clientKeys(ctx context.Context, address string) (*jose.JSONWebKeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("oidctest: the client's keys: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("oidctest: the client's keys: %w", err)
	}
	defer res.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&set); err != nil {
		return nil, fmt.Errorf("oidctest: the client's keys: %w", err)
	}
	return &set, nil
}

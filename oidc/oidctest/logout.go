package oidctest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// LogoutEvent is the member of the events claim that makes a token a logout token (OpenID Connect Back-Channel Logout
// 1.0 section 2.4).
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout says what a logout token is about.
type Logout struct {
	// ClientID is the audience. Empty means the first client.
	ClientID string
	// Subject and SessionID are the claims sub and sid. An empty one is left out.
	Subject   string
	SessionID string
	// TokenID is the claim jti. Empty means a random one.
	TokenID string
	// Faults spoil the token: those for ID tokens (Claims, Header, Payload, Alg, SignWith, IDToken) do the same here, all
	// others are not looked at.
	Faults Faults
}

// LogoutToken signs a logout token, valid for two minutes.
func (p *Provider) LogoutToken(l Logout) (string, error) {
	client, err := p.logoutClient(l.ClientID)
	if err != nil {
		return "", err
	}
	now := p.now()
	claims := map[string]any{
		"iss": p.issuer, "aud": client.ID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": l.TokenID,
		"events": map[string]any{LogoutEvent: map[string]any{}},
	}
	if l.TokenID == "" {
		claims["jti"] = random()
	}
	if l.Subject != "" {
		claims["sub"] = l.Subject
	}
	if l.SessionID != "" {
		claims["sid"] = l.SessionID
	}
	return p.signer(l.Faults).token(claims, "logout+jwt", client)
}

func (p *Provider) logoutClient(id string) (Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		if id == "" || c.ID == id {
			return c, nil
		}
	}
	return Client{}, fmt.Errorf("oidctest: no client %q is registered", id)
}

// LogoutAnswer is what a relying party answered.
type LogoutAnswer struct {
	Status int
	Header http.Header
	// Body is at most 64 KiB of the body.
	Body []byte
}

// SendLogout posts a logout token to a back-channel logout address of a relying party (section 2.5), as a provider
// does when somebody's session ends. A nil client means one with a timeout of ten seconds. The error is about the
// request alone; whether the token was accepted is in the answer's status.
func (p *Provider) SendLogout(ctx context.Context, client *http.Client, address string, l Logout) (LogoutAnswer, error) {
	token, err := p.LogoutToken(l)
	if err != nil {
		return LogoutAnswer{}, err
	}
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return LogoutAnswer{}, fmt.Errorf("oidctest: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		return LogoutAnswer{}, fmt.Errorf("oidctest: send the logout token: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return LogoutAnswer{}, fmt.Errorf("oidctest: read the answer to the logout token: %w", err)
	}
	return LogoutAnswer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

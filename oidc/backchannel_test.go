package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// revoker is a host's sessions: it remembers what it was told to end.
type revoker struct {
	mu   sync.Mutex
	got  []Revocation
	fail error
}

func (s *revoker) RevokeSessions(_ context.Context, _ store.Store, r Revocation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.got = append(s.got, r)
	return nil
}

func (s *revoker) all() []Revocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Revocation{}, s.got...)
}

// twoKeys is a provider that signs with RS256 and publishes a key for ES256 beside it.
func twoKeys(t *testing.T) *oidctest.Server {
	t.Helper()
	rsa, err := oidctest.GenerateKey("rsa", "RS256")
	require.NoError(t, err)
	ec, err := oidctest.GenerateKey("ec", "ES256")
	require.NoError(t, err)
	return oidctest.NewServerConfig(t, oidctest.Config{Keys: []oidctest.Key{rsa, ec}})
}

// logoutApp is a host whose tenant acme has one user, Ada, at a provider, and takes its logout tokens.
func logoutApp(t *testing.T) (*app, *oidctest.Server, store.Connection, *revoker) {
	t.Helper()
	idp, sessions := twoKeys(t), &revoker{}
	a := newApp(t, func(c *Config) { c.Sessions = sessions })
	c := a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.SigningAlg = "RS256" })
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	return a, idp, c, sessions
}

func (a *app) logOut(idp *oidctest.Server, connectionID string, l oidctest.Logout) oidctest.LogoutAnswer {
	a.t.Helper()
	answer, err := idp.SendLogout(a.t.Context(), nil, a.handler.BackchannelLogoutURI(connectionID), l)
	require.NoError(a.t, err)
	require.Equal(a.t, "no-store", answer.Header.Get("Cache-Control"))
	return answer
}

// refusedLogout checks that an answer is a refusal with a code.
func refusedLogout(t *testing.T, answer oidctest.LogoutAnswer, kind, code string) {
	t.Helper()
	require.Equal(t, 400, answer.Status)
	require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	var body struct {
		Error, Code   string
		CorrelationID string `json:"correlation_id"`
	}
	require.NoError(t, json.Unmarshal(answer.Body, &body))
	require.Equal(t, kind, body.Error, "%s", answer.Body)
	if code != "" {
		require.Equal(t, code, body.Code, "%s", answer.Body)
	}
	require.NotEmpty(t, body.CorrelationID)
}

// TestS14_LogoutTokens is S14: each row of the conformance suite, and each malformed token.
func TestS14_LogoutTokens(t *testing.T) {
	proves(t)
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	for _, m := range oidctest.LogoutMisbehaviours() {
		t.Run(m.Name, func(t *testing.T) {
			before, events := len(sessions.all()), len(a.events("acme", ""))
			answer := a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1", SessionID: "d1", Faults: m.Faults})
			if m.Accept {
				require.Equal(t, 200, answer.Status, "%s", answer.Body)
				require.Empty(t, answer.Body)
				require.Len(t, sessions.all(), before+1)
				require.Len(t, a.events("acme", EventLogout), before+1)
				r := sessions.all()[before]
				require.True(t, r.Subject == "s1" || r.Subject == "")
				require.True(t, r.SessionID == "d1" || r.SessionID == "")
				return
			}
			refusedLogout(t, answer, "invalid_request", "")
			require.Len(t, sessions.all(), before)
			require.Len(t, a.events("acme", ""), events, "what anybody can send writes nothing")
			require.NotContains(t, a.log.String(), "evil.example")
		})
	}
}

// TestS14_PinnedAlgorithm: RS256 where the connection is pinned to ES256, with a key that is published.
func TestS14_PinnedAlgorithm(t *testing.T) {
	proves(t)
	t.Parallel()
	idp, sessions := twoKeys(t), &revoker{}
	a := newApp(t, func(c *Config) { c.Sessions = sessions })
	c := a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.SigningAlg = "ES256" })
	refusedLogout(t, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1"}), "invalid_request", CodeTokenInvalid)
	require.Equal(t, 200, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1", Faults: oidctest.Faults{Alg: "ES256"}}).Status)
	require.Len(t, sessions.all(), 1)
}

// TestLogout: the session that a sign-in began is ended, once, and the journal tells whose it was.
func TestLogout(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	a.signIn(oidctest.DefaultEmail)
	login := a.lastLogin()
	require.NotEmpty(t, login.SessionID)

	l := oidctest.Logout{Subject: login.Subject, SessionID: login.SessionID, TokenID: "j1"}
	require.Equal(t, 200, a.logOut(idp, c.ID, l).Status)
	want := Revocation{
		TenantID: "acme", ConnectionID: c.ID, Issuer: idp.Issuer(), Subject: login.Subject, SessionID: login.SessionID,
		AccountID: "u-ada", Reason: ReasonBackchannelLogout,
	}
	require.Equal(t, []Revocation{want}, sessions.all())
	events := a.events("acme", EventLogout)
	require.Len(t, events, 1)
	require.Equal(t, store.EventSubject{Kind: "account", ID: "u-ada"}, events[0].Subject)
	require.NotContains(t, string(events[0].After), login.SessionID)

	refusedLogout(t, a.logOut(idp, c.ID, l), "invalid_request", CodeLogoutUsed)
	require.Len(t, sessions.all(), 1, "a logout token counts once")
	require.Len(t, a.events("acme", EventLogout), 1)

	require.Equal(t, 200, a.logOut(idp, c.ID, oidctest.Logout{Subject: "nobody-we-know"}).Status, "the session may be there without a link")
	require.Empty(t, sessions.all()[1].AccountID)
	require.Empty(t, sessions.all()[1].SessionID)
}

// TestLogoutConnections: a token counts at its own connection's address alone, while the connection is active.
func TestLogoutConnections(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	other := oidctest.NewServer(t)
	rival := a.connect(other, "rival", "rival.example")
	// Two tenants of one provider: the address says which of them it is about, and aud whether the token is for it.
	sibling := a.connect(idp, "sibling", "sibling.example", func(c *store.Connection) { c.SigningAlg, c.ClientID = "RS256", "another-client" })
	suspended := a.connect(idp, "late", "late.example", func(c *store.Connection) { c.SigningAlg, c.State = "RS256", store.ConnectionSuspended })

	l := oidctest.Logout{Subject: "s1", SessionID: "d1"}
	refusedLogout(t, a.logOut(idp, rival.ID, l), "invalid_request", CodeNoConnection)
	refusedLogout(t, a.logOut(other, c.ID, l), "invalid_request", CodeNoConnection)
	refusedLogout(t, a.logOut(idp, "no-such-connection", l), "invalid_request", CodeNoConnection)
	refusedLogout(t, a.logOut(idp, suspended.ID, l), "invalid_request", CodeNoConnection)
	refusedLogout(t, a.logOut(idp, sibling.ID, l), "invalid_request", CodeTokenInvalid)
	require.Empty(t, sessions.all())
	google := a.connect(idp, "big", "big.example", func(c *store.Connection) { c.Issuer = googleIssuer })
	for _, issuer := range []string{"", googleIssuer, "https://a\x00b", strings.Repeat("i", maxURLBytes+1)} {
		_, err := a.handler.connectionForLogout(t.Context(), issuer, google.ID)
		require.ErrorIs(t, err, store.ErrNotFound, "%.20q", issuer)
	}

	idp.SetClients(oidctest.Client{ID: "another-client"})
	require.Equal(t, 200, a.logOut(idp, sibling.ID, l).Status)
	require.Equal(t, "sibling", sessions.all()[0].TenantID)
	require.Len(t, a.events("sibling", EventLogout), 1)
	require.Empty(t, a.events("acme", EventLogout))
}

// TestLogoutFails: a logout that the host could not carry out leaves no trace, and the same token works later.
func TestLogoutFails(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	l := oidctest.Logout{Subject: "s1", TokenID: "j1"}
	sessions.fail = errors.New("the session table is locked")
	answer := a.logOut(idp, c.ID, l)
	refusedLogout(t, answer, "server_error", CodeInternal)
	require.NotContains(t, string(answer.Body), "locked")
	require.Contains(t, a.log.String(), "locked")
	require.Empty(t, a.events("acme", ""))

	sessions.fail = nil
	require.Equal(t, 200, a.logOut(idp, c.ID, l).Status)
	require.Len(t, sessions.all(), 1)
}

// TestLogoutKeysUnavailable: the provider's fault, not the token's, which stays good.
func TestLogoutKeysUnavailable(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Keys: {Status: 500}}})
	refusedLogout(t, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1"}), "server_error", CodeProviderDown)
	require.Empty(t, sessions.all())
}

// TestLogoutReplicas: of many answers to one logout token, on two replicas, one ends sessions.
func TestLogoutReplicas(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	cfg := a.handler.cfg
	second, err := NewHandler(cfg)
	require.NoError(t, err)
	for round := range 5 {
		token, err := idp.LogoutToken(oidctest.Logout{Subject: "s1"})
		require.NoError(t, err)
		var wg sync.WaitGroup
		statuses := make([]int, 8)
		for i := range statuses {
			h := a.handler
			if i%2 == 1 {
				h = second
			}
			wg.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, logoutRequest(t, "/sso"+backchannelPath+c.ID, url.Values{"logout_token": {token}}))
				statuses[i] = w.Code
			})
		}
		wg.Wait()
		good := 0
		for _, s := range statuses {
			if s == 200 {
				good++
			}
		}
		require.Equal(t, 1, good, "%v", statuses)
		require.Len(t, sessions.all(), round+1)
		require.Len(t, a.events("acme", EventLogout), round+1)
	}
}

func logoutRequest(t *testing.T, target string, form url.Values) *http.Request {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// TestLogoutRequests: anything but a form with one logout_token is refused, unread beyond the bound.
func TestLogoutRequests(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	token, err := idp.LogoutToken(oidctest.Logout{Subject: "s1"})
	require.NoError(t, err)
	path := "/sso" + backchannelPath + c.ID
	json := logoutRequest(t, path, url.Values{"logout_token": {token}})
	json.Header.Set("Content-Type", "application/json")
	for name, req := range map[string]*http.Request{
		"query":     logoutRequest(t, path+"?logout_token="+token, nil),
		"none":      logoutRequest(t, path, nil),
		"twice":     logoutRequest(t, path, url.Values{"logout_token": {token, token}}),
		"JSON":      json,
		"too large": logoutRequest(t, path, url.Values{"logout_token": {token}, "x": {strings.Repeat("x", maxLogoutBytes)}}),
	} {
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, req)
		require.Equal(t, 400, w.Code, name)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
		require.Contains(t, w.Body.String(), CodeRequestInvalid, name)
	}
	get := logoutRequest(t, path, nil)
	get.Method = http.MethodGet
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, get)
	require.Equal(t, 405, w.Code)
	require.Empty(t, sessions.all())
	require.Zero(t, idp.Count(oidctest.Keys), "no request to the provider")

	without := newApp(t)
	w = httptest.NewRecorder()
	without.handler.ServeHTTP(w, logoutRequest(t, path, url.Values{"logout_token": {token}}))
	require.Equal(t, 404, w.Code, "a host without Config.Sessions has no such address")
}

// TestLogoutForcedKeys: tokens with made-up key IDs cost the provider few requests, and sign-ins none of theirs.
func TestLogoutForcedKeys(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	foreign, err := oidctest.GenerateKey("rsa", "RS256")
	require.NoError(t, err)
	expired := oidctest.Faults{SignWith: &foreign, Claims: func(c map[string]any) { c["exp"] = 1 }}
	refusedLogout(t, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1", Faults: expired}), "invalid_request", CodeTokenInvalid)
	require.Zero(t, idp.Count(oidctest.Keys), "a token that is refused for its claims costs no request")
	for i := range 100 {
		if i > 0 {
			foreign.ID = fmt.Sprint("made-up-", i)
		}
		answer := a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1", Faults: oidctest.Faults{SignWith: &foreign}})
		refusedLogout(t, answer, "invalid_request", CodeTokenInvalid)
	}
	require.Equal(t, 1+forcedBurst, idp.Count(oidctest.Keys))
	require.Empty(t, sessions.all())

	fresh, err := oidctest.GenerateKey("fresh", "RS256")
	require.NoError(t, err)
	idp.SetKeys(fresh)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status, "a sign-in learns the new key at once")
	require.Equal(t, 200, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1"}).Status)
}

// TestLogoutKeyRotation: a logout with a new key works although nobody signed in since.
func TestLogoutKeyRotation(t *testing.T) {
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	require.Equal(t, 200, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1"}).Status)
	fresh, err := oidctest.GenerateKey("rsa", "RS256")
	require.NoError(t, err)
	idp.SetKeys(fresh)
	require.Equal(t, 200, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1"}).Status)
	require.Len(t, sessions.all(), 2)
}

// TestS14_TokenConfusion is T7: an ID token is no logout token, and a logout token is no ID token, whatever its typ.
func TestS14_TokenConfusion(t *testing.T) {
	proves(t)
	t.Parallel()
	a, idp, c, sessions := logoutApp(t)
	var idToken string
	idp.SetFaults(oidctest.Faults{IDToken: func(raw string) string {
		idToken = raw
		return raw
	}})
	a.signIn(oidctest.DefaultEmail)
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, logoutRequest(t, "/sso"+backchannelPath+c.ID, url.Values{"logout_token": {idToken}}))
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), CodeTokenInvalid)
	require.Empty(t, sessions.all())

	for _, typ := range []string{"logout+jwt", "JWT"} {
		token, err := idp.LogoutToken(oidctest.Logout{Subject: oidctest.DefaultSubject, SessionID: "d1", Faults: oidctest.Faults{
			Header: func(h map[string]any) { h["typ"] = typ },
		}})
		require.NoError(t, err)
		idp.SetFaults(oidctest.Faults{IDToken: func(string) string { return token }})
		p := a.signIn(oidctest.DefaultEmail)
		require.Equal(t, 403, p.status)
		require.Contains(t, p.body, CodeTokenInvalid)
	}
	require.Equal(t, 1, a.loginCount())
}

// TestLogoutTokenForgotten: the row that remembers a token ends, but not before the token does.
func TestLogoutTokenForgotten(t *testing.T) {
	t.Parallel()
	for name, exp := range map[string]time.Duration{"two minutes": 2 * time.Minute, "a year": 365 * 24 * time.Hour} {
		a, idp, c, _ := logoutApp(t)
		faults := oidctest.Faults{Claims: func(c map[string]any) { c["exp"] = time.Now().Add(exp).Unix() }}
		require.Equal(t, 200, a.logOut(idp, c.ID, oidctest.Logout{Subject: "s1", Faults: faults}).Status, name)
		last := time.Now().Add(min(exp, maxLogoutAge))
		n, err := a.store.DeleteExpiredTokens(t.Context(), "acme", last.Add(MaxClockSkew))
		require.NoError(t, err)
		require.Zero(t, n, name)
		n, err = a.store.DeleteExpiredTokens(t.Context(), "acme", last.Add(MaxClockSkew+2*time.Minute))
		require.NoError(t, err)
		require.Equal(t, 1, n, name)
	}
}

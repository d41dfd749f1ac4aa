package oidc

import (
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

func frontchannelWorld(t *testing.T, change ...func(*Config)) (*app, *oidctest.Server, store.Connection, *revoker, Login) {
	t.Helper()
	idp, ended := oidctest.NewServer(t), &revoker{}
	a := newApp(t, append([]func(*Config){func(c *Config) { c.Sessions = ended }}, change...)...)
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	return a, idp, c, ended, a.lastLogin()
}

func frontchannelURL(a *app, c store.Connection, iss, sid string) string {
	return a.handler.FrontchannelLogoutURI(c.ID) + "?" + url.Values{"iss": {iss}, "sid": {sid}}.Encode()
}

// TestFrontchannelLogout: the session is over, once. The request has no cookie of the host, as browsers send none from a
// frame.
func TestFrontchannelLogout(t *testing.T) {
	t.Parallel()
	a, idp, c, ended, l := frontchannelWorld(t)
	p := a.browser().get(frontchannelURL(a, c, idp.Issuer(), l.SessionID))
	require.Equal(t, 200, p.status)
	require.Equal(t, "no-store", p.header.Get("Cache-Control"))
	require.Equal(t, "default-src 'none'; frame-ancestors "+idp.Issuer()+" "+idp.Issuer()+" "+idp.Issuer(), p.header.Get("Content-Security-Policy"))
	require.Empty(t, p.header.Get("X-Frame-Options"))
	require.Equal(t, []Revocation{{
		TenantID: "acme", ConnectionID: c.ID, Issuer: idp.Issuer(), SessionID: l.SessionID, AccountID: "u-ada", Reason: ReasonFrontchannelLogout,
	}}, ended.all())
	events := a.events("acme", EventLogout)
	require.Len(t, events, 1)
	require.Equal(t, "u-ada", events[0].Subject.ID)

	// A second time nobody is told anything, and nothing is written.
	require.Equal(t, 200, a.browser().get(frontchannelURL(a, c, idp.Issuer(), l.SessionID)).status)
	require.Len(t, ended.all(), 1)
	require.Len(t, a.events("acme", EventLogout), 1)
}

// TestFrontchannelLogoutOfStrangers: the request is unsigned, so only a session ID that an ID token named does anything.
func TestFrontchannelLogoutOfStrangers(t *testing.T) {
	t.Parallel()
	a, idp, c, ended, l := frontchannelWorld(t)
	other := a.connect(idp, "globex", "globex.example")
	before, err := a.store.Events(t.Context(), "acme", store.EventQuery{})
	require.NoError(t, err)
	b := a.browser()
	for name, tt := range map[string]struct {
		url    string
		status int
	}{
		"guessed session": {frontchannelURL(a, c, idp.Issuer(), "guess"), 200},
		"session of acme at another tenant's address": {frontchannelURL(a, other, idp.Issuer(), l.SessionID), 200},
		"another issuer":  {frontchannelURL(a, c, "https://evil.example", l.SessionID), 400},
		"issuer prefix":   {frontchannelURL(a, c, idp.Issuer()+"/", l.SessionID), 400},
		"no iss":          {a.handler.FrontchannelLogoutURI(c.ID) + "?sid=" + l.SessionID, 400},
		"no sid":          {a.handler.FrontchannelLogoutURI(c.ID) + "?iss=" + url.QueryEscape(idp.Issuer()), 400},
		"neither":         {a.handler.FrontchannelLogoutURI(c.ID), 400},
		"sid twice":       {frontchannelURL(a, c, idp.Issuer(), l.SessionID) + "&sid=x", 400},
		"iss twice":       {frontchannelURL(a, c, idp.Issuer(), l.SessionID) + "&iss=x", 400},
		"empty sid":       {frontchannelURL(a, c, idp.Issuer(), ""), 400},
		"long sid":        {frontchannelURL(a, c, idp.Issuer(), strings.Repeat("s", 256)), 400},
		"NUL":             {frontchannelURL(a, c, idp.Issuer(), "a\x00b"), 400},
		"no such address": {a.handler.FrontchannelLogoutURI("nobody") + "?iss=" + url.QueryEscape(idp.Issuer()) + "&sid=" + l.SessionID, 400},
	} {
		p := b.get(tt.url)
		require.Equal(t, tt.status, p.status, name)
		require.NotContains(t, p.body, "evil", name)
		require.Empty(t, ended.all(), name)
	}
	require.Equal(t, 405, b.post(frontchannelURL(a, c, idp.Issuer(), l.SessionID), nil).status)
	after, err := a.store.Events(t.Context(), "acme", store.EventQuery{})
	require.NoError(t, err)
	require.Equal(t, before, after, "a stranger's request writes nothing")
}

// TestFrontchannelLogoutFails: a host that fails is asked again the next time.
func TestFrontchannelLogoutFails(t *testing.T) {
	t.Parallel()
	a, idp, c, ended, l := frontchannelWorld(t)
	ended.fail = errors.New("database down: password=hunter2")
	p := a.browser().get(frontchannelURL(a, c, idp.Issuer(), l.SessionID))
	require.Equal(t, 503, p.status)
	require.NotContains(t, p.body, "hunter2")
	require.Equal(t, "default-src 'none'; frame-ancestors 'none'", p.header.Get("Content-Security-Policy"))
	ended.fail = nil
	require.Equal(t, 200, a.browser().get(frontchannelURL(a, c, idp.Issuer(), l.SessionID)).status)
	require.Len(t, ended.all(), 1)
}

// TestRememberedSessions: a session ID is known for as long as the host's sessions last, and again at each sign-in.
func TestRememberedSessions(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	idp := oidctest.NewServerConfig(t, oidctest.Config{
		Users: []oidctest.User{{Subject: "s1", Email: oidctest.DefaultEmail, SessionID: "one-session"}}, Now: clock,
	})
	ended := &revoker{}
	a := newApp(t, func(c *Config) { c.Sessions, c.SessionLife, c.Now = ended, time.Hour, clock })
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	advance := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	advance(59 * time.Minute)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	advance(59 * time.Minute)
	require.Equal(t, 200, a.browser().get(frontchannelURL(a, c, idp.Issuer(), "one-session")).status)
	require.Len(t, ended.all(), 1)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	advance(61 * time.Minute)
	require.Equal(t, 200, a.browser().get(frontchannelURL(a, c, idp.Issuer(), "one-session")).status)
	require.Len(t, ended.all(), 1, "over by itself")
}

func TestNoFrontchannelWithoutSessions(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example")
	require.Equal(t, 404, a.browser().get(frontchannelURL(a, c, idp.Issuer(), "x")).status)
}

// TestSharedRedirectURI: the option for hosts with one registered address.
func TestSharedRedirectURI(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t, func(c *Config) { c.InsecureSharedRedirectURI = true })
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, a.url+"/sso/signin-oidc", a.handler.RedirectURI(c.ID))
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, 404, a.browser().get(a.url+"/sso/signin-oidc/"+c.ID).status)

	for name, change := range map[string]func(map[string][]string){
		"iss missing although announced": func(p map[string][]string) { delete(p, "iss") },
		"iss of another provider":        func(p map[string][]string) { p["iss"] = []string{"https://evil.example"} },
	} {
		idp.SetFaults(oidctest.Faults{Response: change})
		p := a.signIn(oidctest.DefaultEmail)
		require.Equal(t, 400, p.status, name)
		require.Contains(t, p.body, CodeIssuerMixUp, name)
	}
}

package oidc

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// stepUp serves /stepup, where the host starts a sign-in with its own wishes.
func (a *app) stepUp(c store.Connection, req LoginRequest) {
	req.TenantID, req.ConnectionID = "acme", c.ID
	a.mux.HandleFunc("/stepup", func(w http.ResponseWriter, r *http.Request) { a.handler.StartLogin(w, r, req) })
}

func TestStartLogin(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) { c["acr"], c["amr"] = "phr", []string{"hwk", "user"} }})
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	a.stepUp(c, LoginRequest{
		LoginHint: oidctest.DefaultEmail, ReturnTo: "/danger", Prompt: []string{PromptLogin, PromptConsent}, MaxAge: 5 * time.Minute,
		ACRValues: []string{"phr", "phrh"},
	})
	b := a.browser()
	b.stopAt = "/authorize"
	p := b.get(a.url + "/stepup")
	require.Equal(t, 303, p.status, p.body)
	u, err := url.Parse(p.location)
	require.NoError(t, err)
	q := u.Query()
	require.Equal(t, "login consent", q.Get("prompt"))
	require.Equal(t, "300", q.Get("max_age"))
	require.Equal(t, "phr phrh", q.Get("acr_values"))
	require.Equal(t, oidctest.DefaultEmail, q.Get("login_hint"))
	b.stopAt = ""
	p = b.get(p.location)
	require.Equal(t, "home /danger", p.body)
	l := a.lastLogin()
	require.Equal(t, "phr", l.ACR)
	require.Equal(t, LoginRequest{
		TenantID: "acme", ConnectionID: c.ID, ReturnTo: "/danger", Prompt: []string{PromptLogin, PromptConsent}, MaxAge: 5 * time.Minute,
		ACRValues: []string{"phr", "phrh"},
	}, l.Requested)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Zero(t, a.lastLogin().Requested)
	require.Equal(t, []string{"hwk", "user"}, l.AMR)
	require.WithinDuration(t, time.Now(), l.AuthenticatedAt, time.Minute)
}

// TestAuthenticationAge: max_age is only as good as the check of auth_time (OpenID Connect Core section 3.1.3.7).
func TestAuthenticationAge(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) any { return d } // of when the token is made
	for name, tt := range map[string]struct {
		req      LoginRequest
		authTime any // nil removes it
		ok       bool
	}{
		"max_age kept":                     {LoginRequest{MaxAge: 10 * time.Minute}, ago(5 * time.Minute), true},
		"max_age kept within the skew":     {LoginRequest{MaxAge: 10 * time.Minute}, ago(10*time.Minute + 10*time.Second), true},
		"max_age broken":                   {LoginRequest{MaxAge: 10 * time.Minute}, ago(11 * time.Minute), false},
		"max_age without auth_time":        {LoginRequest{MaxAge: 10 * time.Minute}, nil, false},
		"max_age with auth_time as text":   {LoginRequest{MaxAge: 10 * time.Minute}, "2026-01-01", false},
		"now, and done":                    {LoginRequest{MaxAge: MaxAgeNow}, ago(0), true},
		"now, and not done":                {LoginRequest{MaxAge: MaxAgeNow}, ago(time.Hour), false},
		"now, and nobody tells when":       {LoginRequest{MaxAge: MaxAgeNow}, nil, false},
		"login done again":                 {LoginRequest{Prompt: []string{PromptLogin}}, ago(0), true},
		"login not done again":             {LoginRequest{Prompt: []string{PromptLogin}}, ago(time.Hour), false},
		"login, and nobody tells when":     {LoginRequest{Prompt: []string{PromptLogin}}, nil, true},
		"nothing asked, long ago":          {LoginRequest{}, ago(100 * time.Hour), true},
		"nothing asked, auth_time is junk": {LoginRequest{}, "yesterday", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) {
				switch at := tt.authTime.(type) {
				case nil:
					delete(c, "auth_time")
				case time.Duration:
					c["auth_time"] = time.Now().Add(-at).Unix()
				default:
					c["auth_time"] = at
				}
			}})
			a := newApp(t)
			c := a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			a.stepUp(c, tt.req)
			p := a.browser().get(a.url + "/stepup")
			if tt.ok {
				require.Equal(t, 200, p.status, p.body)
				return
			}
			require.Equal(t, 403, p.status, p.body)
			require.Contains(t, p.body, CodeAuthenticationOld)
			require.Zero(t, a.loginCount())
		})
	}
}

// TestStartLoginRefusesNonsense: the host's mistakes are its own, and other tenants' connections are not found.
func TestStartLoginRefusesNonsense(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	for name, req := range map[string]LoginRequest{
		"unknown prompt":      {Prompt: []string{"create"}},
		"none with others":    {Prompt: []string{PromptNone, PromptLogin}},
		"negative age":        {MaxAge: -time.Second},
		"half a second":       {MaxAge: time.Second / 2},
		"acr with a space":    {ACRValues: []string{"a b"}},
		"empty acr":           {ACRValues: []string{""}},
		"too many acr values": {ACRValues: make([]string, 11)},
	} {
		a := newApp(t)
		a.stepUp(a.connect(idp, "acme", "acme.example"), req)
		require.Equal(t, 503, a.browser().get(a.url+"/stepup").status, name)
		require.Contains(t, a.log.String(), "LoginRequest", name)
	}
	a := newApp(t)
	c := a.connect(idp, "globex", "globex.example")
	a.stepUp(c, LoginRequest{}) // at tenant acme
	p := a.browser().get(a.url + "/stepup")
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeConnectionOff)
	require.Zero(t, idp.Count(oidctest.Authorize))
}

// TestPromptNone: a provider that would have to show a page refuses, and nobody is signed in.
func TestPromptNone(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServerConfig(t, oidctest.Config{LoginPage: true})
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example")
	a.stepUp(c, LoginRequest{Prompt: []string{PromptNone}})
	p := a.browser().get(a.url + "/stepup")
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeInteractionRequired)
	require.Zero(t, idp.Count(oidctest.Token))
}

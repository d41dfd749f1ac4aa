package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

// signOut serves the host's sign-out, which goes on at the provider.
func (a *app) signOut(req func() LogoutRequest) {
	a.mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1})
		a.handler.StartLogout(w, r, req())
	})
}

// logoutWorld is an app with one person who is signed in in a browser.
func logoutWorld(t *testing.T, change ...func(*oidctest.Config)) (*app, *oidctest.Server, *browser, Login) {
	t.Helper()
	cfg := oidctest.Config{}
	for _, f := range change {
		f(&cfg)
	}
	idp := oidctest.NewServerConfig(t, cfg)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	b := a.browser()
	require.Equal(t, 200, b.get(a.url+"/sso/login?email=ada@acme.example").status)
	l := a.lastLogin()
	a.signOut(func() LogoutRequest {
		return LogoutRequest{TenantID: l.TenantID, ConnectionID: l.ConnectionID, IDToken: l.IDToken, ReturnTo: "/bye"}
	})
	return a, idp, b, l
}

// TestSignedOutStateTwice: an answer with two states is nobody's. TestConformance has the good one, and those with another
// state and with none.
func TestSignedOutStateTwice(t *testing.T) {
	t.Parallel()
	a, idp, b, _ := logoutWorld(t)
	idp.SetFaults(oidctest.Faults{LogoutResponse: func(p map[string][]string) { p["state"] = append(p["state"], p["state"][0]) }})
	require.Equal(t, "home /", b.post(a.url+"/signout", nil).body)
}

// TestLogoutRequest: what the provider gets (RP-Initiated Logout section 2). The provider of the test compares the hint
// and the registered address.
func TestLogoutRequest(t *testing.T) {
	t.Parallel()
	a, idp, b, l := logoutWorld(t)
	b.stopAt = idp.Issuer() + "/logout"
	p := b.post(a.url+"/signout", nil)
	require.Equal(t, 303, p.status)
	u, err := url.Parse(p.location)
	require.NoError(t, err)
	q := u.Query()
	require.Equal(t, l.IDToken.Reveal(), q.Get("id_token_hint"))
	require.Equal(t, oidctest.DefaultClientID, q.Get("client_id"))
	require.Equal(t, a.handler.PostLogoutRedirectURI(l.ConnectionID), q.Get("post_logout_redirect_uri"))
	require.GreaterOrEqual(t, len(q.Get("state")), 43)
	require.Equal(t, "no-store", p.header.Get("Cache-Control"))
	require.Equal(t, "no-referrer", p.header.Get("Referrer-Policy"))
	require.NotContains(t, a.log.String(), l.IDToken.Reveal())
}

// TestLogoutWithoutProvider: the session here is over whatever the provider offers.
func TestLogoutWithoutProvider(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]any){
		"no logout offered":    func(m map[string]any) { delete(m, "end_session_endpoint") },
		"javascript":           func(m map[string]any) { m["end_session_endpoint"] = "javascript:alert(1)" },
		"http to another host": func(m map[string]any) { m["end_session_endpoint"] = "http://192.0.2.1/logout" },
		"user in the address":  func(m map[string]any) { m["end_session_endpoint"] = "https://a:b@idp.example/logout" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetFaults(oidctest.Faults{Metadata: change})
			a := newApp(t)
			c := a.connect(idp, "acme", "acme.example")
			a.signOut(func() LogoutRequest { return LogoutRequest{TenantID: "acme", ConnectionID: c.ID, ReturnTo: "/bye"} })
			require.Equal(t, "home /bye", a.browser().post(a.url+"/signout", nil).body)
		})
	}
	a, idp, b, l := logoutWorld(t)
	idp.Close()
	a.handler.providers = newProviders(a.handler.out, a.handler.now, time.Second) // as on another replica
	require.Equal(t, "home /bye", b.post(a.url+"/signout", nil).body)
	require.NotEmpty(t, l.ConnectionID)

	for name, req := range map[string]LogoutRequest{
		"unknown connection": {TenantID: "acme", ConnectionID: "x", ReturnTo: "/bye"},
		"another tenant's":   {TenantID: "globex", ConnectionID: l.ConnectionID, ReturnTo: "/bye"},
		"unsafe return":      {ReturnTo: "//evil.example"},
	} {
		other := newApp(t)
		other.signOut(func() LogoutRequest { return req })
		p := other.browser().post(other.url+"/signout", nil)
		require.Equal(t, 200, p.status, name)
		require.True(t, strings.HasPrefix(p.url, other.url), name)
	}
}

// TestLongHint: a hint that does not fit an address is left out; the client ID is enough to ask.
func TestLongHint(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example")
	a.signOut(func() LogoutRequest {
		return LogoutRequest{TenantID: "acme", ConnectionID: c.ID, IDToken: tenant.NewSecret(strings.Repeat("x", 5000)), ReturnTo: "/bye"}
	})
	require.Equal(t, "home /bye", a.browser().post(a.url+"/signout", nil).body)
	require.Equal(t, 1, idp.Count(oidctest.EndSession))
}

// TestSignedOutPageIsNoOpenRedirect: nobody makes our address send a browser elsewhere.
func TestSignedOutPageIsNoOpenRedirect(t *testing.T) {
	t.Parallel()
	a, _, b, l := logoutWorld(t)
	for _, query := range []string{"", "?state=x", "?state=&return_to=//evil.example", "?post_logout_redirect_uri=https://evil.example"} {
		p := b.get(a.handler.PostLogoutRedirectURI(l.ConnectionID) + query)
		require.Equal(t, "home /", p.body, query)
	}
	// Another connection's address does not take this sign-out's state.
	b.stopAt = "/logout"
	p := b.post(a.url+"/signout", nil)
	u, err := url.Parse(p.location)
	require.NoError(t, err)
	b.stopAt = ""
	state := u.Query().Get("state")
	require.Equal(t, "home /", b.get(a.handler.PostLogoutRedirectURI("other")+"?state="+state).body)
	require.Equal(t, "home /", a.browser().get(a.handler.PostLogoutRedirectURI(l.ConnectionID)+"?state="+state).body, "another browser")
	require.Equal(t, "home /bye", b.get(a.handler.PostLogoutRedirectURI(l.ConnectionID)+"?state="+state).body)
	require.Equal(t, "home /", b.get(a.handler.PostLogoutRedirectURI(l.ConnectionID)+"?state="+state).body, "used")
}

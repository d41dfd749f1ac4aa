package oidc

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// inRegions puts an app into a region; the other region is at an address of its own.
func inRegions(t *testing.T, current, elsewhere string, change ...func([]tenant.Region)) func(*Config) {
	return func(c *Config) {
		here := strings.TrimSuffix(c.BaseURL, "/sso")
		list := []tenant.Region{{ID: "us", Label: "US hosted", BaseURL: elsewhere}, {ID: "eu", Label: "EU hosted", BaseURL: elsewhere}}
		for i := range list {
			if list[i].ID == current {
				list[i].BaseURL = here
			}
		}
		for _, f := range change {
			f(list)
		}
		r, err := tenant.NewRegions(tenant.RegionsConfig{Regions: list, Current: current, InsecureAllowLoopback: true})
		require.NoError(t, err)
		c.Regions = r
	}
}

// twoRegions are two hosts that share a database and a keyring by mistake, at two ports of one host, so that browsers send
// either the other's cookies. RefreshTokens are on.
func twoRegions(t *testing.T) (eu, us *app) {
	t.Helper()
	refresh := func(c *Config) { c.RefreshTokens = func(store.Connection) bool { return true } }
	eu = newApp(t, inRegions(t, "eu", "http://127.0.0.1:9"), refresh)
	us = newApp(t, inRegions(t, "us", eu.url), refresh, func(c *Config) { c.Store, c.Accounts, c.BaseURL = eu.store, eu.accounts, "" })
	us.store, us.accounts = eu.store, eu.accounts
	return eu, us
}

// TestR14StateOfAnotherRegion: the answer to a sign-in of one region is refused in another, which says so and where to
// start again; nothing is asked of the provider.
func TestR14StateOfAnotherRegion(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	eu, us := twoRegions(t)
	c := eu.connect(idp, "acme", "acme.example")
	eu.accounts.add("acme", "u1", oidctest.DefaultEmail)

	b := eu.browser()
	b.stopAt = "/signin-oidc/"
	p := b.get(eu.url + "/sso/login?email=" + oidctest.DefaultEmail)
	answer, err := url.Parse(p.location)
	require.NoError(t, err)
	require.Equal(t, "/sso/signin-oidc/"+c.ID, answer.Path)
	require.True(t, strings.HasPrefix(answer.Query().Get("state"), "eu."))

	b.stopAt = ""
	here, _ := url.Parse(us.url)
	answer.Host = here.Host
	p = b.get(answer.String())
	require.Equal(t, http.StatusBadRequest, p.status)
	require.Contains(t, p.body, "<code>"+CodeOtherRegion+"</code>")
	require.Contains(t, p.body, `<a href="`+eu.url+`/sso/login">Start again</a>`)
	require.Contains(t, us.log.String(), "started in the region eu")
	require.Zero(t, us.loginCount())

	// Without the region's name it is no sign-in of this browser, even with the other region's cookie under our name.
	q := answer.Query()
	stripped := strings.TrimPrefix(q.Get("state"), "eu.")
	for _, cookie := range b.client.Jar.Cookies(here) {
		if strings.HasPrefix(cookie.Name, "tg_signin.eu_") {
			b.client.Jar.SetCookies(here, []*http.Cookie{{Name: us.handler.cookieName(stripped), Value: cookie.Value, Path: "/"}})
		}
	}
	q.Set("state", stripped)
	answer.RawQuery = q.Encode()
	require.Contains(t, b.get(answer.String()).body, "<code>"+CodeFlowMissing+"</code>")

	// At home it goes on, whatever the other region made of it.
	there, _ := url.Parse(eu.url)
	answer.Host = there.Host
	q.Set("state", "eu."+stripped)
	answer.RawQuery = q.Encode()
	p = b.get(answer.String())
	require.Equal(t, http.StatusOK, p.status, p.body)
	require.Equal(t, "u1", eu.lastLogin().Account.ID)

	// A region that there is not is no region.
	q.Set("state", "mars."+stripped)
	answer.RawQuery = q.Encode()
	require.Contains(t, b.get(answer.String()).body, "<code>"+CodeFlowMissing+"</code>")
}

// TestR14RefreshTokenOfAnotherRegion: so is a refresh token.
func TestR14RefreshTokenOfAnotherRegion(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	eu, us := twoRegions(t)
	eu.connect(idp, "acme", "acme.example")
	eu.accounts.add("acme", "u1", oidctest.DefaultEmail)
	eu.signIn(oidctest.DefaultEmail)
	token := eu.lastLogin().RefreshToken
	require.False(t, token.IsZero())
	_, err := us.handler.Refresh(t.Context(), token)
	require.Equal(t, CodeRefreshRejected, CodeOf(err))
	_, err = eu.handler.Refresh(t.Context(), token)
	require.NoError(t, err)
}

// TestR77LoginOffersAllRegions: every page of the sign-in offers the same regions, whatever the address, and nothing tells
// in which of them it is known.
func TestR77LoginOffersAllRegions(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	eu := newApp(t, inRegions(t, "eu", "http://127.0.0.1:9"))
	us := newApp(t, inRegions(t, "us", eu.url))
	eu.connect(idp, "acme", "acme.example")
	require.Equal(t, []RegionLogin{
		{ID: "us", Label: "US hosted", URL: us.url + "/sso/login", Current: true}, {ID: "eu", Label: "EU hosted", URL: eu.url + "/sso/login"},
	}, us.handler.LoginRegions())

	form := us.browser().get(us.url + "/sso/login").body
	require.Contains(t, form, `<b>US hosted</b> <a href="`+eu.url+`/sso/login">EU hosted</a>`)
	reference := func(body string) string {
		before, _, found := strings.Cut(body, "Reference")
		require.True(t, found)
		return before
	}
	inEU := us.signIn("a@acme.example")
	nowhere := us.signIn("a@nowhere.example")
	require.Equal(t, nowhere.status, inEU.status)
	require.Equal(t, reference(nowhere.body), reference(inEU.body))
	require.Contains(t, inEU.body, "EU hosted")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, us.url+"/sso/login?iss=https://unknown.example", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/json")
	var problem struct {
		Code    string `json:"code"`
		Regions []struct {
			ID       string `json:"id"`
			LoginURL string `json:"login_url"`
		} `json:"regions"`
	}
	require.NoError(t, json.Unmarshal([]byte(us.browser().do(req).body), &problem))
	require.Equal(t, CodeIssuerUnknown, problem.Code)
	require.Len(t, problem.Regions, 2)
	require.Equal(t, eu.url+"/sso/login", problem.Regions[1].LoginURL)

	none := newApp(t)
	require.Nil(t, none.handler.LoginRegions())
	require.NotContains(t, none.browser().get(none.url+"/sso/login").body, "Region:")
}

// TestR13AddressesOfTheRegion: redirect URI and sign-in address are computed from the current region's base URL.
func TestR13AddressesOfTheRegion(t *testing.T) {
	t.Parallel()
	a := newApp(t, inRegions(t, "eu", "https://app.example.com"), func(c *Config) { c.BaseURL, c.LoginURL = "", "/login" })
	v := a.handler.GuideValues("1")
	require.Equal(t, tenant.GuideValues{RedirectURI: a.url + "/sso/signin-oidc/1", InitiateLoginURI: a.url + "/sso/login"}, v)
	require.Empty(t, a.handler.GuideValues("").RedirectURI, "each connection has its own")
	require.Equal(t, "https://app.example.com/login", a.handler.LoginRegions()[0].URL, "the host's own page, there as here")

	cfg := a.handler.cfg
	cfg.BaseURL = "https://app.example.com/sso"
	_, err := NewHandler(cfg)
	require.ErrorContains(t, err, "oidc: Config.BaseURL")
	require.ErrorContains(t, err, "the region eu")
}

// TestOriginalRegionTakesOldSignIns: a sign-in that was started before there were regions ends in the original one.
func TestOriginalRegionTakesOldSignIns(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	before := newApp(t)
	c := before.connect(idp, "acme", "acme.example")
	before.accounts.add("acme", "u1", oidctest.DefaultEmail)
	b := before.browser()
	b.stopAt = "/signin-oidc/"
	answer, err := url.Parse(b.get(before.url + "/sso/login?email=" + oidctest.DefaultEmail).location)
	require.NoError(t, err)
	cfg := before.handler.cfg
	inRegions(t, "us", "https://app.example.eu", func(l []tenant.Region) { l[0].Original = true })(&cfg)
	after, err := NewHandler(cfg)
	require.NoError(t, err)
	require.Equal(t, before.handler.RedirectURI(c.ID), after.RedirectURI(c.ID))
	before.mux.Handle("/sso/signin-oidc/", after)
	b.stopAt = ""
	require.Equal(t, http.StatusOK, b.get(answer.String()).status)
	require.Equal(t, "u1", before.lastLogin().Account.ID)
}

package main

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
)

var (
	actionOfForm = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	hiddenFields = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// signInAtProvider signs somebody in at the built-in identity provider and returns the status of /me.
func (p *person) signInAtProvider(email string) int {
	p.t.Helper()
	resp, err := p.client.Get(p.app + "/login?email=" + url.QueryEscape(email))
	require.NoError(p.t, err)
	at := resp.Request.URL
	require.NoError(p.t, resp.Body.Close())
	form := &person{t: p.t, client: p.client}
	status, page := form.send(http.MethodGet, at.String(), nil, nil)
	require.Equal(p.t, http.StatusOK, status, page)
	action := actionOfForm.FindStringSubmatch(page)
	require.NotNil(p.t, action, page)
	target, err := at.Parse(html.UnescapeString(action[1]))
	require.NoError(p.t, err)
	values := url.Values{"email": {email}, "password": {host.DemoPassword}}
	for _, m := range hiddenFields.FindAllStringSubmatch(page, -1) {
		values.Set(m[1], html.UnescapeString(m[2]))
	}
	form.send(http.MethodPost, target.String(), values, nil)
	return p.me()
}

func (p *person) me() int {
	p.t.Helper()
	status, _ := p.send(http.MethodGet, "/me", nil, nil)
	return status
}

// TestSuspendedConnectionEndsSessions: whoever signed in at a connection is signed out soon after its owner suspended
// it, and those who have a password stay.
func TestSuspendedConnectionEndsSessions(t *testing.T) {
	for name, store := range map[string]string{"memory": "memory", "sqlite": "sqlite:" + filepath.Join(t.TempDir(), "quickstart.db")} {
		t.Run(name, func(t *testing.T) {
			a := started(t, "-store", store)
			first := a.Tenants[0]
			owner := signedIn(t, a.AppURL, first.OwnerEmail)
			provider := &person{t: t, app: a.IDPURL}
			status, body := provider.send(http.MethodPost, "/"+first.ID+"/push", url.Values{}, nil)
			require.Equal(t, http.StatusOK, status, body)

			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			alice := &person{t: t, client: http.Client{Jar: jar}, app: a.AppURL}
			require.Eventually(t, func() bool {
				return alice.signInAtProvider("alice@"+first.Domain) == http.StatusOK
			}, 10*time.Second, 100*time.Millisecond, "provisioning makes her account first")

			suspend := set(first.ID, "/c/"+path.Base(first.RedirectURI)+"/suspend")
			status, body = owner.send(http.MethodGet, suspend, nil, nil)
			require.Equal(t, http.StatusOK, status, "what it means for people is shown first")
			require.Contains(t, body, "What it means")
			require.Contains(t, body, "alice@"+first.Domain)
			hash := regexp.MustCompile(`name="hash" value="([0-9a-f]+)"`).FindStringSubmatch(body)
			require.NotNil(t, hash)
			status, body = owner.send(http.MethodPost, suspend, url.Values{"reason": {"a test"}}, nil)
			require.Equal(t, http.StatusConflict, status, body)
			require.Equal(t, http.StatusOK, alice.me())
			status, body = owner.send(http.MethodPost, suspend, url.Values{"hash": {hash[1]}, "reason": {"a test"}}, nil)
			require.Equal(t, http.StatusOK, status, body)
			require.Eventually(t, func() bool { return alice.me() == http.StatusUnauthorized }, 5*time.Second, 20*time.Millisecond)
			require.Equal(t, http.StatusOK, owner.me())
			status, body = owner.send(http.MethodGet, set(first.ID, "/audit"), nil, nil)
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, body, "it was suspended or deleted")
		})
	}
}

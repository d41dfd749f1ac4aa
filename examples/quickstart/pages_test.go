package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
)

// person is somebody with a browser.
type person struct {
	t      *testing.T
	client http.Client
	app    string
}

// signedIn signs somebody in with the product's own form.
func signedIn(t *testing.T, app, email string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	p := &person{t: t, client: http.Client{Jar: jar}, app: app}
	status, body := p.send(http.MethodPost, "/login/password", url.Values{"email": {email}, "password": {host.DemoPassword}}, nil)
	require.Equal(t, http.StatusOK, status, body)
	return p
}

// send sends a form, or gets a page, and returns what a browser would show.
func (p *person) send(method, path string, form url.Values, header http.Header) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.app+path, strings.NewReader(form.Encode()))
	require.NoError(p.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := p.client.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp.StatusCode, string(body)
}

func TestPagesKeepOrganisationsApart(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	for _, page := range []string{"sso", "keys", "users", "groups", "audit"} {
		status, _ := owner.send(http.MethodGet, "/org/acme/"+page, nil, nil)
		require.Equal(t, http.StatusOK, status, page)

		foreign, foreignBody := owner.send(http.MethodGet, "/org/globex/"+page, nil, nil)
		unknown, unknownBody := owner.send(http.MethodGet, "/org/nobody/"+page, nil, nil)
		require.Equal(t, http.StatusNotFound, foreign, page)
		require.Equal(t, http.StatusNotFound, unknown, page)
		require.Equal(t, foreignBody, unknownBody, "nothing tells whether %s exists", page)
	}
	status, _ := owner.send(http.MethodGet, "/staff", nil, nil)
	require.Equal(t, http.StatusNotFound, status, "the staff's pages")
}

func TestPagesRefuseFormsOfOtherSites(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	status, _ := owner.send(http.MethodPost, "/org/acme/keys", url.Values{"name": {"stolen"}}, http.Header{"Sec-Fetch-Site": {"cross-site"}})
	require.Equal(t, http.StatusForbidden, status)
	status, body := owner.send(http.MethodGet, "/org/acme/keys", nil, nil)
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, body, "stolen")
}

// TestRequestFormKeepsWhatWasTyped holds R30 to R37's form: 422, the values kept (never the
// secret), one message per field, tied to its input.
func TestRequestFormKeepsWhatWasTyped(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, "owner@initech.example")
	status, body := owner.send(http.MethodPost, "/org/initech/sso/request", url.Values{
		"domains": {"gmail.com"}, "authority": {"https://acme-admin.okta.com"}, "client_id": {"two words"}, "client_secret": {"s3cr3t-never-shown"},
		"break_glass": {"nobody"}, "scim": {"1"},
	}, nil)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	for _, kept := range []string{`value="gmail.com"`, `value="https://acme-admin.okta.com"`, `value="two words"`, `value="nobody"`, `name="scim" value="1" checked`} {
		require.Contains(t, body, kept)
	}
	for _, field := range []string{"domains", "authority", "client_id", "break_glass"} {
		require.Contains(t, body, `id="`+field+`-error"`)
		require.Regexp(t, `aria-describedby="[^"]*`+field+`-error"`, body)
	}
	require.NotContains(t, body, "s3cr3t")
}

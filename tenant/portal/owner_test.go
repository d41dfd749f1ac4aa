package portal

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var versionField = regexp.MustCompile(`name="version" value="(\d+)"`)

// versionIn is the version that the forms of a page were made for.
func versionIn(t *testing.T, a answer) string {
	t.Helper()
	m := versionField.FindStringSubmatch(a.body)
	require.NotNil(t, m, a.body)
	return m[1]
}

// TestOwnerGoesFromNothingToActive is the whole way, with forms alone.
func TestOwnerGoesFromNothingToActive(t *testing.T) {
	w := newWorld(t)
	b := w.as(t, "owner")
	require.Contains(t, b.get(at("")).body, "Not configured")

	a := b.get(at("/new"))
	require.Contains(t, a.body, "SAML applications will not work here")
	require.Equal(t, http.StatusUnprocessableEntity, b.post(at("/new"), "provider", "../../etc").status)
	a = b.post(at("/new"), "provider", "okta")
	require.Equal(t, http.StatusOK, a.status)
	require.True(t, strings.HasSuffix(a.url.Path, "/application"), a.url.Path)
	require.Contains(t, a.body, w.login.RedirectURI(strings.Split(a.url.Path, "/")[6]), "the value to copy")
	c := strings.TrimSuffix(a.url.Path, "/application")

	a = b.get(c + "/details")
	v := versionIn(t, a)
	a = b.post(c+"/details", "version", v, "domains", "acme, it@globex.com", "authority", "https://acme-admin.okta.com", "client_id", "a b", "client_secret", testSecret, "secret_expires", "soon", "break_glass", "x@evil.example", "additional_scopes", `"`)
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `aria-invalid="true"`)
	require.Contains(t, a.body, "acme, it@globex.com", "what was typed is kept")
	a = b.post(c+"/details", "version", v, "domains", "acme, it@globex.com", "authority", "https://acme-admin.okta.com", "client_id", "a b", "client_secret", testSecret, "break_glass", "x@evil.example", "additional_scopes", `"`)
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	for _, field := range []string{"f-domains-error", "f-authority-error", "f-client_id-error", "f-additional_scopes-error"} {
		require.Contains(t, a.body, `id="`+field+`"`)
	}
	require.Contains(t, a.body, "Did you mean globex.com?")
	stored, err := w.tenants.Connections(t.Context(), who["owner"], org)
	require.NoError(t, err)
	require.Empty(t, stored[0].ClientID, "nothing was saved")

	good := []string{"domains", "acme.com", "authority", "https://login.acme.com", "client_id", "client-1", "client_secret", testSecret, "break_glass", "admin@acme.com", "phone_confirm", "1", "scim", "1"}
	a = b.post(c+"/details", append(good, "version", v, "then", "submit")...)
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "Your request was submitted.")
	require.Contains(t, a.body, "In review")
	require.Positive(t, w.changed[org])

	// A double click, and the form of a version that is gone.
	a = b.post(c+"/details", append(good, "version", v)...)
	require.Equal(t, http.StatusConflict, a.status)
	require.Contains(t, a.body, "These settings are in force or in review.")

	a = b.post(c+"/do/message", "version", versionIn(t, b.get(c)), "message", "Please hurry <b>")
	require.Contains(t, a.body, "Please hurry &lt;b&gt;")
	a = b.post(c+"/do/message", "version", versionIn(t, a), "message", "")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-message-error"`)

	id := c[strings.LastIndex(c, "/")+1:]
	conn, err := w.tenants.Connection(t.Context(), who["owner"], org, id)
	require.NoError(t, err)
	_, _, err = w.tenants.Approve(t.Context(), who["staff"], org, id, conn.Version)
	require.NoError(t, err)
	require.Contains(t, b.get(at("")).body, "Waiting for DNS")

	a = b.get(at("/domains"))
	require.Contains(t, a.body, "_tenantgate-challenge.acme.com")
	require.Contains(t, a.body, "data-poll")
	domain := regexp.MustCompile(`/domains/([^/"]+)/check`).FindStringSubmatch(a.body)[1]
	a = b.post(at("/domains/" + domain + "/check"))
	require.Contains(t, a.body, "There is no TXT record yet.")
	w.mu.Lock()
	w.proven["acme.com"] = true
	w.mu.Unlock()
	a = b.post(at("/domains/" + domain + "/check"))
	require.Contains(t, a.body, "Checked just now.")
	require.NotContains(t, a.body, "data-poll")
	require.Contains(t, b.get(at("")).body, "Ready to test")

	a = b.post(c+"/activate", "version", versionIn(t, b.post(c+"/activate/plan", "mode", "optional")), "mode", "optional")
	require.Equal(t, http.StatusConflict, a.status)
	require.Contains(t, a.body, "as a test first")
	conn, err = w.tenants.Connection(t.Context(), who["owner"], org, id)
	require.NoError(t, err)
	_, err = w.tenants.RecordTestSignIn(t.Context(), who["owner"], org, id, tenant.TestSignIn{ConfigVersion: conn.ConfigVersion, Issuer: conn.Issuer, Email: "owner@acme.com"})
	require.NoError(t, err)
	a = b.post(c+"/activate", "version", versionIn(t, b.post(c+"/activate/plan", "mode", "enforced")), "mode", "enforced", "confirm_name", "Globex")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, "Type the organisation&#39;s name")
	a = b.post(c+"/activate", "version", versionIn(t, b.post(c+"/activate/plan", "mode", "optional")), "mode", "optional")
	require.Contains(t, a.body, "Single sign-on is active.")
	require.Contains(t, a.body, "Active")

	a = b.get(c + "/details")
	require.Contains(t, a.body, "Request a change to edit them")
	a = b.post(c + "/do/change")
	require.True(t, strings.HasSuffix(a.url.Path, "/details"))
	require.NotContains(t, a.url.Path, id)
	a = b.post(c+"/secret", "version", versionIn(t, b.get(c+"/secret")), "client_secret", "short\nlines")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	a = b.post(c+"/secret", "version", versionIn(t, b.get(c+"/secret")), "client_secret", testSecret+"-2", "secret_expires", "2027-05-01T10:00")
	require.Contains(t, a.body, "Saved.")
	require.Contains(t, a.body, "1 May 2027, 10:00 UTC")
}

// TestForeignConnection: an ID of another organisation is not found, whatever is done with it.
func TestForeignConnection(t *testing.T) {
	w := newWorld(t)
	c := w.draft(t)
	b := w.as(t, "stranger")
	base := "/settings/sso/t/" + other + "/c/" + c.ID
	for _, path := range []string{"", "/application", "/details", "/secret", "/test", "/activate", "/suspend", "/delete"} {
		require.Equal(t, http.StatusNotFound, b.get(base+path).status, path)
	}
	for _, path := range []string{"/do/check", "/do/submit", "/do/withdraw", "/do/delete", "/do/message", "/do/suspend", "/details", "/secret", "/test", "/activate", "/suspend", "/delete"} {
		require.Equal(t, http.StatusNotFound, b.post(base+path, "version", "1", "message", "x", "reason", "x", "client_secret", "xxxxxxxxxxxxxxxxxxxx").status, path)
	}
	require.Equal(t, http.StatusNotFound, w.as(t, "owner").post(at("/c/"+c.ID+"/do/explode")).status)
}

// TestWorkBesideThePage: a provider that is slow holds no page; what came of it is shown to whoever asked, and to nobody else.
func TestWorkBesideThePage(t *testing.T) {
	w := newWorld(t)
	w.portal.patience = 20 * time.Millisecond
	slow := make(chan error)
	w.slow = func() error { return <-slow }
	c := w.draft(t)
	b := w.as(t, "owner")
	a := b.post(at("/c/" + c.ID + "/do/check"))
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "Checking the connection …")
	require.Equal(t, "2", a.header.Get("Refresh"))
	wait := a.url.String()
	require.Contains(t, b.get(wait).body, "Checking the connection …", "it survives a reload")
	slow <- nil
	require.NoError(t, w.portal.Shutdown(t.Context()))
	a = b.get(wait)
	require.Contains(t, a.body, "Checked just now.")
	require.Equal(t, at("/c/"+c.ID), a.url.Path)

	wait = b.post(at("/c/" + c.ID + "/do/check")).url.String()
	slow <- errors.New("the host's own failure with a password in it")
	require.NoError(t, w.portal.Shutdown(t.Context()))
	a = b.get(wait)
	require.Equal(t, http.StatusInternalServerError, a.status)
	require.NotContains(t, a.body, "password in it")

	w.slow = func() error { panic("a checker's bug") }
	require.Equal(t, http.StatusInternalServerError, b.post(at("/c/"+c.ID+"/do/check")).status)

	// A link that somebody made up says nothing in its own words, and what came of it is the asker's alone.
	a = b.get(at("/wait/nothing?what=Send+money&since=1"))
	require.NotContains(t, a.body, "Send money")
	require.Contains(t, a.body, "This should be over by now.")
	w.slow = func() error { return <-slow }
	wait = b.post(at("/c/" + c.ID + "/do/check")).url.String()
	slow <- nil
	require.NoError(t, w.portal.Shutdown(t.Context()))
	who["second"] = tenant.Actor{Kind: tenant.ActorOwner, ID: "u-second"}
	orgOf["u-second"] = org
	require.Equal(t, http.StatusNotFound, w.as(t, "second").get(wait).status)

	ctx, cancel := context.WithCancel(t.Context())
	b.post(at("/c/" + c.ID + "/do/check"))
	cancel()
	require.ErrorIs(t, w.portal.Shutdown(ctx), context.Canceled)
	slow <- nil
}

func TestSetupLink(t *testing.T) {
	w := newWorld(t)
	l, err := w.tenants.CreateSetupLink(t.Context(), who["owner"], org, tenant.NewSetupLink{Name: "Ida of IT", Intents: []tenant.Intent{tenant.IntentSSO}})
	require.NoError(t, err)
	link := l.URL.Reveal()
	b := w.as(t, "")
	for range 3 { // mail scanners
		a := w.as(t, "").get(link)
		require.Equal(t, http.StatusOK, a.status)
		require.Contains(t, a.body, "Continue")
	}
	a := b.get(link)
	require.Contains(t, a.body, "This link was made for Ida of IT.")
	require.Contains(t, a.body, "Connect your identity provider")
	a = b.post(link)
	require.Equal(t, http.StatusOK, a.status)
	base := "/settings/sso/setup/" + org
	require.Equal(t, base, a.url.Path)
	require.Contains(t, a.body, "Choose your identity provider")
	require.NotContains(t, a.body, "Recently", "the audit log is not its business")
	a = b.post(base+"/new", "provider", "entra")
	require.True(t, strings.HasPrefix(a.url.Path, base+"/c/"), a.url.Path)
	require.Equal(t, http.StatusForbidden, b.post(base+"/domains/new/add", "domains", "acme.com").status, "not among its intents")
	require.Equal(t, http.StatusNotFound, w.as(t, "").get(base).status, "another browser")
	require.Equal(t, http.StatusNotFound, b.get("/settings/sso/setup/"+other).status)
	require.Equal(t, http.StatusNotFound, b.get(base+"/c/x/activate").status, "needs an account")
	require.Equal(t, http.StatusNotFound, b.get(base+"/nonsense-token").status)
	a = b.post(base + "/done")
	require.Contains(t, a.body, "You are done.")
	require.Equal(t, http.StatusGone, b.get(base).status)
	_, err = w.tenants.RevokeSetupLink(t.Context(), who["owner"], org, l.ID)
	if err != nil {
		require.ErrorIs(t, err, store.ErrConflict)
	}
}

package main

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
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
	for _, page := range []string{"sso", "links", "keys", "users", "groups", "audit"} {
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

// TestGuidePage: R17 to R28, R65. Each provider's guide has the organisation's own values, and explains errors.
func TestGuidePage(t *testing.T) {
	a := started(t, "-store", "memory")
	acme := a.Tenants[0]
	owner := signedIn(t, a.AppURL, acme.OwnerEmail)
	for _, g := range tenant.Guides() {
		status, body := owner.send(http.MethodGet, "/org/acme/sso/guide?provider="+g.Provider, nil, nil)
		require.Equal(t, http.StatusOK, status)
		body = html.UnescapeString(body)
		require.Contains(t, body, "Set up "+g.Name)
		require.Contains(t, body, acme.RedirectURI, g.Name)
		if len(g.SCIM.Steps) > 0 {
			require.Contains(t, body, acme.SCIMBaseURL, g.Name)
		}
		for _, left := range []string{"{app}", "{redirect_uri}", "{initiate_login_uri}", "{scim_base_url}", "{api_key}", "{backchannel_logout_uri}"} {
			require.NotContains(t, body, left, g.Name)
		}
	}
	_, body := owner.send(http.MethodGet, "/org/acme/sso/guide?"+url.Values{"provider": {"entra"}, "error": {"AADSTS50011: <script>alert(1)</script>"}}.Encode(), nil, nil)
	require.Contains(t, body, "The redirect URI is not registered.")
	require.NotContains(t, body, "<script>alert")
	_, body = owner.send(http.MethodGet, "/org/acme/sso/guide?provider=entra&error=nothing+known", nil, nil)
	require.Contains(t, body, "none of the errors that we know")

	// An organisation without a request gets no redirect URI yet, and says so.
	other := signedIn(t, a.AppURL, "owner@initech.example")
	status, body := other.send(http.MethodGet, "/org/initech/sso/guide?provider=okta", nil, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "not there yet")
	status, _ = other.send(http.MethodGet, "/org/acme/sso/guide", nil, nil)
	require.Equal(t, http.StatusNotFound, status)
}

func TestUserFormKeepsWhatWasTyped(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	_, body := owner.send(http.MethodGet, "/org/acme/users", nil, nil)
	edit := regexp.MustCompile(`/org/acme/users/[^"]+`).FindString(body)
	require.NotEmpty(t, edit)
	status, body := owner.send(http.MethodPost, edit, url.Values{"name": {"A New Name"}, "email": {"no address"}}, nil)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, `value="A New Name"`)
	require.Contains(t, body, `value="no address" aria-describedby="email-error" aria-invalid="true"`)
}

// TestReviewKeepsWhatWasTyped has the staff reject without a reason, and ask while
// somebody else has rejected meanwhile; and the owner finds the request in the form again.
func TestReviewKeepsWhatWasTyped(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, "owner@initech.example")
	status, body := owner.send(http.MethodPost, "/org/initech/sso/request", url.Values{
		"domains": {"initech.example"}, "authority": {a.IDPURL + "/initech"}, "client_id": {"oncall-initech"}, "client_secret": {"a-secret-of-some-length-7f3a"},
	}, nil)
	require.Equal(t, http.StatusOK, status, body)

	staff := signedIn(t, a.AppURL, host.StaffEmail)
	_, body = staff.send(http.MethodGet, "/staff", nil, nil)
	review := regexp.MustCompile(`/staff/initech/[^"]+`).FindString(body)
	require.NotEmpty(t, review)
	status, _ = staff.send(http.MethodPost, review, url.Values{"decision": {"reject"}}, nil)
	require.Equal(t, http.StatusUnprocessableEntity, status, "a rejection needs a reason")
	status, _ = staff.send(http.MethodPost, review, url.Values{"decision": {"reject"}, "text": {"Please ask from your work address."}}, nil)
	require.Equal(t, http.StatusOK, status)
	status, body = staff.send(http.MethodPost, review, url.Values{"decision": {"ask"}, "text": {"Whose domain is it?"}}, nil)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, body, ">Whose domain is it?</textarea>")

	_, body = owner.send(http.MethodGet, "/org/initech/sso", nil, nil)
	for _, kept := range []string{`value="initech.example"`, `value="` + a.IDPURL + `/initech"`, `value="oncall-initech"`} {
		require.Contains(t, body, kept)
	}
	require.NotContains(t, body, "a-secret-of-some-length")
}

// TestChangeOnThePages has an owner ask for a change of what is in force, the staff see the
// difference, and people sign in as before until it is put in force.
func TestChangeOnThePages(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	press := func(what string) (int, string) {
		t.Helper()
		_, page := owner.send(http.MethodGet, "/org/acme/sso", nil, nil)
		button := regexp.MustCompile(`/org/acme/sso/[^/"]+/` + what + `"`).FindString(page)
		require.NotEmpty(t, button, "%s in %s", what, page)
		return owner.send(http.MethodPost, strings.TrimSuffix(button, `"`), nil, nil)
	}
	status, page := press("change")
	require.Equal(t, http.StatusOK, status, page)
	require.Contains(t, page, "Change of OpenID Connect")
	require.Contains(t, page, "people sign in as before")
	value := func(name string) string {
		t.Helper()
		m := regexp.MustCompile(`name="` + name + `"(?: required)? value="([^"]*)"`).FindStringSubmatch(page)
		require.NotNil(t, m, name)
		return m[1]
	}
	status, page = owner.send(http.MethodPost, "/org/acme/sso/request", url.Values{
		"domains": {value("domains")}, "authority": {value("authority")}, "client_id": {value("client_id")}, "break_glass": {value("break_glass")},
		"additional_scopes": {"groups"},
	}, nil)
	require.Equal(t, http.StatusOK, status, page)

	staff := signedIn(t, a.AppURL, host.StaffEmail)
	_, queue := staff.send(http.MethodGet, "/staff", nil, nil)
	review := regexp.MustCompile(`/staff/acme/[^"]+`).FindString(queue)
	require.NotEmpty(t, review)
	_, sheet := staff.send(http.MethodGet, review, nil, nil)
	require.Contains(t, sheet, "a change")
	require.Contains(t, sheet, "<tr><td>additional_scopes</td><td>none</td><td>groups </td></tr>")
	status, _ = staff.send(http.MethodPost, review, url.Values{"decision": {"approve"}}, nil)
	require.Equal(t, http.StatusOK, status)

	status, page = press("apply")
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, "Sign in once with this configuration as a test first.")
	_, page = press("withdraw")
	require.Contains(t, page, "withdrawn")
	_, page = press("discard")
	require.NotContains(t, page, "Change of OpenID Connect")
	require.Contains(t, page, ">active<")
}

// TestPreviewAsksForChoices holds D3 and R94 in the pages: a team that exists is taken
// over, and owners are made, only if somebody ticks the box for it.
func TestPreviewAsksForChoices(t *testing.T) {
	a := started(t, "-store", "memory")
	group := strings.NewReader(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Platform"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.Tenants[0].SCIMBaseURL+"/Groups", group)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+a.Tenants[0].SCIMToken)
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusCreated, resp.StatusCode)

	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	form := url.Values{"mode": {"auto"}, "team_role": {"member"}, "org_role": {"owner"}}
	status, body := owner.send(http.MethodPost, "/org/acme/groups/preview", form, nil)
	require.Equal(t, http.StatusOK, status)
	adopt := regexp.MustCompile(`name="adopt" value="([^"]+)">`).FindStringSubmatch(body)
	require.NotEmpty(t, adopt, "offered, and not ticked")
	require.Contains(t, body, `type="checkbox" name="top_role" value="1" required`)

	form.Set("adopt", adopt[1])
	_, body = owner.send(http.MethodPost, "/org/acme/groups/preview", form, nil)
	require.Contains(t, body, "Team Platform is taken over")
	require.Contains(t, body, `name="adopt" value="`+adopt[1]+`" checked>`)
}

// TestPagesLetFormsLeadAway holds that a form may end at any provider: browsers hold a
// form-action policy against redirects too.
func TestPagesLetFormsLeadAway(t *testing.T) {
	a := started(t, "-store", "memory")
	for _, page := range []string{"/", "/login", "/sso/login"} {
		resp, err := http.Get(a.AppURL + page) //nolint:gosec // the program under test
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.NotContains(t, resp.Header.Get("Content-Security-Policy"), "form-action", page)
		require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'", page)
	}
}

// TestAuditExport: the page shows the newest entries, the file has all, one in each line.
func TestAuditExport(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	for range 210 { // each is an entry itself
		status, body := owner.send(http.MethodPost, "/org/acme/audit/export", nil, nil)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, `"type":"api_key.created"`)
	}
	status, body := owner.send(http.MethodPost, "/org/acme/audit/export", nil, nil)
	require.Equal(t, http.StatusOK, status)
	var seen int64
	for line := range strings.Lines(body) {
		var e store.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Greater(t, e.Seq, seen)
		seen = e.Seq
	}
	require.Equal(t, 210, strings.Count(body, "audit.exported"))

	status, page := owner.send(http.MethodGet, "/org/acme/audit", nil, nil)
	require.Equal(t, http.StatusOK, status)
	next := regexp.MustCompile(`href="(\?before=\d+)"`).FindStringSubmatch(page)
	require.NotNil(t, next, page)
	status, older := owner.send(http.MethodGet, "/org/acme/audit"+next[1], nil, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, older, "connection.created")

	status, _ = owner.send(http.MethodPost, "/org/globex/audit/export", nil, nil)
	require.Equal(t, http.StatusNotFound, status)
}

// TestReplaceKey: R71 on the page. The directory has both keys until the owner says so.
func TestReplaceKey(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	change := func(id, what string, form url.Values) (int, string) {
		t.Helper()
		return owner.send(http.MethodPost, "/org/acme/keys/"+id+"/"+what, form, nil)
	}
	keyOf := func(page string) string {
		t.Helper()
		m := regexp.MustCompile(`<code class="key">([^<]+)</code>`).FindStringSubmatch(page)
		require.NotNil(t, m, page)
		return m[1]
	}
	works := func(key string) bool {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.Tenants[0].SCIMBaseURL+"/Users?count=0", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode == http.StatusOK
	}
	replacing := func() string {
		t.Helper()
		_, page := owner.send(http.MethodGet, "/org/acme/keys", nil, nil)
		m := regexp.MustCompile(`/keys/([^/"]+)/complete`).FindStringSubmatch(page)
		require.NotNil(t, m, page)
		return m[1]
	}

	status, page := owner.send(http.MethodPost, "/org/acme/keys", url.Values{"name": {"Rotated"}}, nil)
	require.Equal(t, http.StatusOK, status)
	old := keyOf(page)
	rows := regexp.MustCompile(`/keys/([^/"]+)/replace"><button class="second" aria-label="Replace Rotated"`)
	id := rows.FindStringSubmatch(page)[1]

	status, page = change(id, "replace", nil)
	require.Equal(t, http.StatusOK, status, page)
	first := keyOf(page)
	require.True(t, works(old))
	require.True(t, works(first))
	require.Contains(t, page, "Rotated (old)")
	require.NotContains(t, page, `aria-label="Replace Rotated`, "one at a time")
	status, page = change(id, "replace", nil)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, "is being replaced already")
	status, page = change(replacing(), "cancel", nil)
	require.Equal(t, http.StatusOK, status, page)
	require.True(t, works(old))
	require.False(t, works(first))

	status, page = change(id, "replace", nil)
	require.Equal(t, http.StatusOK, status, page)
	second, fresh := keyOf(page), replacing()
	status, page = change(fresh, "complete", nil)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, "Yes, revoke the old key")
	status, page = change(fresh, "complete", url.Values{"confirm": {"1"}})
	require.Equal(t, http.StatusOK, status, page)
	require.False(t, works(old))
	require.True(t, works(second))

	for _, path := range []string{fresh + "/burn", "unknown/replace"} {
		status, _ = owner.send(http.MethodPost, "/org/acme/keys/"+path, nil, nil)
		require.Equal(t, http.StatusNotFound, status, path)
	}
}

// TestStaffEndsSignOn goes through the staff's page: what it means, a suspension, an export and a removal.
func TestStaffEndsSignOn(t *testing.T) {
	a := started(t)
	staff := signedIn(t, a.AppURL, host.StaffEmail)
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	status, _ := owner.send(http.MethodGet, "/staff/acme/ending", nil, nil)
	require.Equal(t, http.StatusNotFound, status)
	_, body := staff.send(http.MethodGet, "/staff", nil, nil)
	require.Contains(t, body, "/staff/acme/ending")

	plan := func(kind string) url.Values {
		t.Helper()
		form := url.Values{"kind": {kind}, "offer": {"password_reset"}}
		status, body := staff.send(http.MethodGet, "/staff/acme/ending?"+form.Encode(), nil, nil)
		require.Equal(t, http.StatusOK, status, body)
		form.Set("hash", regexp.MustCompile(`name="hash" value="([0-9a-f]+)"`).FindStringSubmatch(body)[1])
		form.Set("decision", "apply")
		return form
	}
	form := plan("suspend")
	wrong := url.Values{"kind": {"suspend"}, "hash": {"made up"}, "decision": {"apply"}}
	status, body = staff.send(http.MethodPost, "/staff/acme/ending", wrong, nil)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, body, "Something changed since this plan was shown")
	status, body = staff.send(http.MethodPost, "/staff/acme/ending", form, nil)
	require.Equal(t, http.StatusOK, status, body)
	_, body = owner.send(http.MethodGet, "/org/acme/sso", nil, nil)
	require.Contains(t, body, "Single sign-on of your organisation is suspended")
	status, _ = staff.send(http.MethodPost, "/staff/acme/ending", url.Values{"decision": {"resume"}}, nil)
	require.Equal(t, http.StatusOK, status)

	status, body = staff.send(http.MethodPost, "/staff/acme/export", url.Values{}, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `{"kind":"end"`)
	require.NotContains(t, body, "sealedSecret")

	status, body = staff.send(http.MethodPost, "/staff/acme/ending", plan("remove"), nil)
	require.Equal(t, http.StatusOK, status, body)
	_, body = owner.send(http.MethodGet, "/org/acme/sso", nil, nil)
	require.Contains(t, body, "Single sign-on of your organisation was removed")
	status, _ = owner.send(http.MethodGet, "/org/globex/sso", nil, nil)
	require.Equal(t, http.StatusNotFound, status)
}

// TestSetupLinkPages has an owner make a link with which somebody without an account fills in the request.
func TestSetupLinkPages(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, "owner@initech.example")
	status, body := owner.send(http.MethodPost, "/org/initech/links", url.Values{"name": {" "}}, nil)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, `id="name-error"`)
	status, body = owner.send(http.MethodPost, "/org/initech/links", url.Values{"name": {"Ida of IT"}}, nil)
	require.Equal(t, http.StatusOK, status, body)
	link := regexp.MustCompile(`/setup/initech/tgl_[0-9A-Za-z]+`).FindString(body)
	require.NotEmpty(t, link)
	_, body = owner.send(http.MethodGet, "/org/initech/links", nil, nil)
	require.NotContains(t, body, link, "it is shown once")

	browser := func() *person {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		return &person{t: t, client: http.Client{Jar: jar}, app: a.AppURL}
	}
	for range 3 { // mail scanners
		status, _ = browser().send(http.MethodGet, link, nil, nil)
		require.Equal(t, http.StatusOK, status)
	}
	ida, thief := browser(), browser()
	status, _ = ida.send(http.MethodGet, "/setup/initech", nil, nil)
	require.Equal(t, http.StatusNotFound, status)
	_, body = ida.send(http.MethodGet, link, nil, nil)
	require.Contains(t, body, "Continue")
	_, _ = thief.send(http.MethodGet, link, nil, nil)
	status, body = ida.send(http.MethodPost, link, url.Values{}, nil)
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, `action="/setup/initech/request"`)
	status, stolen := thief.send(http.MethodPost, link, url.Values{}, nil)
	require.Equal(t, http.StatusNotFound, status)
	_, unknown := thief.send(http.MethodGet, "/setup/initech/tgl_unknown", nil, nil)
	require.Equal(t, unknown, stolen)
	status, _ = ida.send(http.MethodGet, "/org/initech/sso", nil, nil)
	require.Equal(t, http.StatusOK, status, "the sign-in page")
	status, _ = ida.send(http.MethodPost, "/org/initech/keys", url.Values{"name": {"k"}}, http.Header{"Accept": {"application/json"}})
	require.Equal(t, http.StatusUnauthorized, status)

	request := url.Values{"domains": {"gmail.com"}, "authority": {a.IDPURL + "/initech"}, "client_id": {"x"}, "client_secret": {"s3cr3t-never-shown"}}
	status, body = ida.send(http.MethodPost, "/setup/initech/request", request, nil)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, `id="domains-error"`)
	require.Contains(t, body, `action="/setup/initech/request"`)
	_, body = owner.send(http.MethodGet, "/org/initech/links", nil, nil)
	require.Contains(t, body, "1 of 10")

	status, body = ida.send(http.MethodPost, "/setup/initech/done", url.Values{}, nil)
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, body, "done")
	status, _ = ida.send(http.MethodPost, "/setup/initech/request", request, nil)
	require.Equal(t, http.StatusGone, status)
}

// TestAssociatedUsersPage filters and searches the list of people.
func TestAssociatedUsersPage(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	names := func(query string) []string {
		status, body := owner.send(http.MethodGet, "/org/acme/users?"+query, nil, http.Header{"Accept": {"application/json"}})
		require.Equal(t, http.StatusOK, status, body)
		var page struct {
			Users []struct{ Email, Sources, State string }
		}
		require.NoError(t, json.Unmarshal([]byte(body), &page))
		var out []string
		for _, u := range page.Users {
			out = append(out, u.Email)
		}
		return out
	}
	all := names("")
	require.NotEmpty(t, all)
	require.Equal(t, all, names("source=manual"), "nobody was provisioned yet")
	require.Equal(t, []string{a.Tenants[0].OwnerEmail}, names("search=OWNER"))
	require.Empty(t, names("state=suspended"))
	status, body := owner.send(http.MethodGet, "/org/acme/users", nil, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "root user")
	status, _ = owner.send(http.MethodGet, "/org/acme/users?after=nowhere", nil, nil)
	require.Equal(t, http.StatusUnprocessableEntity, status)
}

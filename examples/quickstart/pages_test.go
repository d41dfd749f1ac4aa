package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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

// set is a page of the portal of an organisation.
func set(org, path string) string { return "/settings/sso/t/" + org + path }

var asJSON = http.Header{"Accept": {"application/json"}}

func TestPagesKeepOrganisationsApart(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	page := func(org, path string) string {
		if own, ok := strings.CutPrefix(path, "own "); ok {
			return "/org/" + org + "/" + own
		}
		return set(org, path)
	}
	for _, path := range []string{"own users", "own teams", "", "/groups", "/groups/list", "/new", "/domains", "/provisioning", "/provisioning/requests", "/people", "/links", "/audit"} {
		status, _ := owner.send(http.MethodGet, page("acme", path), nil, nil)
		require.Equal(t, http.StatusOK, status, path)

		foreign, foreignBody := owner.send(http.MethodGet, page("globex", path), nil, asJSON)
		unknown, unknownBody := owner.send(http.MethodGet, page("nobody", path), nil, asJSON)
		require.Equal(t, http.StatusNotFound, foreign, path)
		require.Equal(t, http.StatusNotFound, unknown, path)
		require.Equal(t, foreignBody, unknownBody, "nothing tells whether %s exists", path)
	}
	for _, path := range []string{"/staff", "/settings/sso/staff"} {
		status, _ := owner.send(http.MethodGet, path, nil, nil)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	staff := signedIn(t, a.AppURL, host.StaffEmail)
	status, _ := staff.send(http.MethodGet, set("acme", "/people"), nil, nil)
	require.Equal(t, http.StatusForbidden, status, "the staff reviews, and no more")
}

// TestSignInLeadsBack: whoever opens a page first signs in and is back there, and nowhere else whatever the address says.
func TestSignInLeadsBack(t *testing.T) {
	a := started(t, "-store", "memory")
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	owner := &person{t: t, client: http.Client{Jar: jar}, app: a.AppURL}
	_, body := owner.send(http.MethodGet, set("acme", "/domains?x=1"), nil, nil)
	back := html.UnescapeString(regexp.MustCompile(`name="return_to" value="([^"]*)"`).FindStringSubmatch(body)[1])
	require.Equal(t, set("acme", "/domains?x=1"), back)
	owner.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, tt := range []struct{ returnTo, to string }{
		{back, back},
		{"https://evil.example/", set("acme", "")},
		{"//evil.example/", set("acme", "")},
		{`/\evil.example/`, set("acme", "")},
		{"javascript:alert(1)", set("acme", "")},
		{"", set("acme", "")},
	} {
		form := url.Values{"email": {a.Tenants[0].OwnerEmail}, "password": {host.DemoPassword}, "return_to": {tt.returnTo}}
		resp, err := owner.client.PostForm(a.AppURL+"/login/password", form)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		at, err := resp.Location()
		require.NoError(t, err)
		require.Equal(t, a.AppURL+tt.to, at.String(), tt.returnTo)
	}
}

// TestDNSPage publishes a record where a DNS provider's console would be.
func TestDNSPage(t *testing.T) {
	a := started(t, "-store", "memory")
	anybody := &person{t: t, app: a.AppURL}
	status, body := anybody.send(http.MethodPost, "/dns", url.Values{"name": {"_x.acme.example"}, "value": {"a value"}}, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "Published.")
	for _, form := range []url.Values{{"name": {"_x.acme.example"}}, {"value": {"v"}}, {"name": {strings.Repeat("x", 300)}, "value": {"kept <b>"}}} {
		status, body = anybody.send(http.MethodPost, "/dns", form, nil)
		require.Equal(t, http.StatusUnprocessableEntity, status, form)
		require.Contains(t, body, `role="alert"`)
	}
	require.Contains(t, body, "kept &lt;b&gt;")
}

func TestPagesRefuseFormsOfOtherSites(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	for _, path := range []string{set("acme", "/provisioning/keys"), set("acme", "/groups/preview"), "/dns"} {
		status, _ := owner.send(http.MethodPost, path, url.Values{"name": {"stolen"}}, http.Header{"Sec-Fetch-Site": {"cross-site"}})
		require.Equal(t, http.StatusForbidden, status, path)
	}
	status, body := owner.send(http.MethodGet, set("acme", "/provisioning"), nil, nil)
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, body, "stolen")
}

// TestGuidePage: R17 to R28, R65. Each provider's guide has the organisation's own values, and explains errors.
func TestGuidePage(t *testing.T) {
	a := started(t, "-store", "memory")
	acme := a.Tenants[0]
	owner := signedIn(t, a.AppURL, acme.OwnerEmail)
	guide := set("acme", "/c/"+path.Base(acme.RedirectURI)+"/application")
	for _, g := range tenant.Guides() {
		status, body := owner.send(http.MethodGet, guide+"?provider="+g.Provider, nil, nil)
		require.Equal(t, http.StatusOK, status)
		body = html.UnescapeString(body)
		require.Contains(t, body, "Sign-in at "+g.Name)
		require.Contains(t, body, acme.RedirectURI, g.Name)
		if len(g.SCIM.Steps) > 0 {
			require.Contains(t, body, acme.SCIMBaseURL, g.Name)
		}
		for _, left := range []string{"{app}", "{redirect_uri}", "{initiate_login_uri}", "{scim_base_url}", "{api_key}", "{backchannel_logout_uri}"} {
			require.NotContains(t, body, left, g.Name)
		}
	}
	_, body := owner.send(http.MethodGet, guide+"?"+url.Values{"provider": {"entra"}, "error": {"AADSTS50011: <script>alert(1)</script>"}}.Encode(), nil, nil)
	require.Contains(t, body, "The redirect URI is not registered.")
	require.NotContains(t, body, "<script>alert")
	_, body = owner.send(http.MethodGet, guide+"?provider=entra&error=nothing+known", nil, nil)
	require.Contains(t, body, "none of the errors that are known")

	other := signedIn(t, a.AppURL, "owner@initech.example")
	status, _ := other.send(http.MethodGet, guide, nil, nil)
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

// TestChangeOnThePages has an owner ask for a change of what is in force, the staff see the
// difference, and people sign in as before until it is put in force.
func TestChangeOnThePages(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	active := set("acme", "/c/"+path.Base(a.Tenants[0].RedirectURI))
	status, page := owner.send(http.MethodPost, active+"/do/change", url.Values{}, nil)
	require.Equal(t, http.StatusOK, status, page)
	m := regexp.MustCompile(`action="(` + set("acme", "/c/") + `[^/"]+)/details"`).FindStringSubmatch(page)
	require.NotNil(t, m, page)
	change := m[1]
	require.NotEqual(t, active, change)
	value := func(pattern string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(page)
		require.NotNil(t, m, pattern)
		return html.UnescapeString(m[1])
	}
	input := func(name string) string { return value(`name="` + name + `" type="[a-z]+" value="([^"]*)"`) }
	text := func(name string) string { return value(`(?s)<textarea id="f-` + name + `"[^>]*>([^<]*)<`) }
	press := func(what string) (int, string) {
		t.Helper()
		_, page = owner.send(http.MethodGet, change, nil, nil)
		return owner.send(http.MethodPost, change+"/do/"+what, url.Values{"version": {value(`name="version" value="(\d+)"`)}}, nil)
	}
	status, page = owner.send(http.MethodPost, change+"/details", url.Values{
		"version": {value(`name="version" value="(\d+)"`)}, "name": {input("name")}, "domains": {text("domains")}, "authority": {input("authority")},
		"client_id": {input("client_id")}, "break_glass": {text("break_glass")}, "additional_scopes": {"groups"}, "then": {"submit"},
	}, nil)
	require.Equal(t, http.StatusOK, status, page)
	require.Contains(t, page, "In review")

	staff := signedIn(t, a.AppURL, host.StaffEmail)
	_, queue := staff.send(http.MethodGet, "/settings/sso/staff", nil, nil)
	review := regexp.MustCompile(`/settings/sso/staff/t/acme/c/[^"]+`).FindString(queue)
	require.NotEmpty(t, review)
	require.Contains(t, queue, "a requested change")
	_, page = staff.send(http.MethodGet, review, nil, nil)
	require.Regexp(t, `Additional scopes</th><td></td><td><ins><bdi>groups</bdi></ins>`, page)
	status, page = staff.send(http.MethodPost, review, url.Values{"decision": {"approve"}, "version": {value(`name="version" value="(\d+)"`)}}, nil)
	require.Equal(t, http.StatusOK, status, page)

	_, page = owner.send(http.MethodGet, set("acme", ""), nil, nil)
	require.Contains(t, page, ">Active<")
	status, page = press("apply")
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, "Sign in once with this configuration as a test first.")
	status, page = press("withdraw")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Your request was withdrawn.")
	_, page = press("delete")
	require.NotContains(t, page, "a requested change")
	require.Contains(t, page, ">Active<")
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
		status, body := owner.send(http.MethodPost, set("acme", "/audit/export"), nil, nil)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, `"type":"api_key.created"`)
	}
	status, body := owner.send(http.MethodPost, set("acme", "/audit/export"), nil, nil)
	require.Equal(t, http.StatusOK, status)
	var seen int64
	for line := range strings.Lines(body) {
		var e store.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Greater(t, e.Seq, seen)
		seen = e.Seq
	}
	require.Equal(t, 210, strings.Count(body, "audit.exported"))

	pages := 0
	for next := []string{"", set("acme", "/audit")}; next != nil; pages++ {
		status, body = owner.send(http.MethodGet, next[1], nil, nil)
		require.Equal(t, http.StatusOK, status)
		next = regexp.MustCompile(`href="([^"]*\?before=\d+)" rel="next"`).FindStringSubmatch(body)
	}
	require.Greater(t, pages, 2)
	require.Contains(t, body, "connection.created")

	status, _ = owner.send(http.MethodPost, set("globex", "/audit/export"), nil, nil)
	require.Equal(t, http.StatusNotFound, status)
}

// TestReplaceKey: R71 on the page. The directory has both keys until the owner says so.
func TestReplaceKey(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	at := set("acme", "/provisioning")
	type keyRow struct {
		ID, Name          string
		Version           int64
		Replaces          string
		Revoked, Rotating bool
	}
	type keysPage struct {
		Key  string
		Keys []keyRow
	}
	row := func(where func(keyRow) bool) keyRow {
		t.Helper()
		status, body := owner.send(http.MethodGet, at, nil, asJSON)
		require.Equal(t, http.StatusOK, status, body)
		var page keysPage
		require.NoError(t, json.Unmarshal([]byte(body), &page))
		i := slices.IndexFunc(page.Keys, where)
		require.GreaterOrEqual(t, i, 0, body)
		return page.Keys[i]
	}
	rotated := func(k keyRow) bool { return k.Name == "Rotated" && k.Replaces == "" && !k.Revoked }
	fresh := func(k keyRow) bool { return k.Replaces != "" && !k.Revoked }
	change := func(k keyRow, what string, form url.Values) (int, string) {
		t.Helper()
		if form == nil {
			form = url.Values{}
		}
		form.Set("version", fmt.Sprint(k.Version))
		return owner.send(http.MethodPost, at+"/keys/"+k.ID+"/"+what, form, asJSON)
	}
	keyOf := func(body string) string {
		t.Helper()
		var page keysPage
		require.NoError(t, json.Unmarshal([]byte(body), &page))
		require.NotEmpty(t, page.Key)
		return page.Key
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

	status, body := owner.send(http.MethodPost, at+"/keys", url.Values{"name": {"Rotated"}}, asJSON)
	require.Equal(t, http.StatusOK, status)
	old := keyOf(body)
	status, body = change(row(rotated), "rotate", nil)
	require.Equal(t, http.StatusOK, status, body)
	first := keyOf(body)
	require.True(t, works(old))
	require.True(t, works(first))
	status, body = change(row(func(k keyRow) bool { return k.Rotating }), "rotate", nil)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, body, "is being replaced already")
	status, body = change(row(fresh), "cancel", nil)
	require.Equal(t, http.StatusOK, status, body)
	require.True(t, works(old))
	require.False(t, works(first))

	status, body = change(row(rotated), "rotate", nil)
	require.Equal(t, http.StatusOK, status, body)
	second, next := keyOf(body), row(fresh)
	status, body = change(next, "complete", nil)
	require.Equal(t, http.StatusConflict, status, "the new one was never used")
	require.Contains(t, body, `"code":"`)
	status, body = change(next, "complete", url.Values{"confirm": {"1"}})
	require.Equal(t, http.StatusOK, status, body)
	require.False(t, works(old))
	require.True(t, works(second))

	for _, path := range []string{next.ID + "/burn", "unknown/rotate"} {
		status, _ = owner.send(http.MethodPost, at+"/keys/"+path, url.Values{"version": {"1"}}, nil)
		require.Equal(t, http.StatusNotFound, status, path)
	}
}

// TestStaffEndsSignOn goes through the staff's pages: what it means, a suspension, an export and a removal.
func TestStaffEndsSignOn(t *testing.T) {
	a := started(t)
	staff := signedIn(t, a.AppURL, host.StaffEmail)
	owner := signedIn(t, a.AppURL, a.Tenants[0].OwnerEmail)
	const page = "/settings/sso/staff/t/acme"
	status, _ := owner.send(http.MethodGet, page, nil, nil)
	require.Equal(t, http.StatusForbidden, status)
	_, body := staff.send(http.MethodGet, "/staff", nil, nil)
	require.Contains(t, body, page)

	plan := func(kind string) url.Values {
		t.Helper()
		form := url.Values{"kind": {kind}, "offer": {"password_reset"}, "confirm_name": {"Acme"}}
		status, body := staff.send(http.MethodPost, page+"/ending/plan", form, nil)
		require.Equal(t, http.StatusOK, status, body)
		for _, name := range []string{"hash", "plan"} {
			form.Set(name, regexp.MustCompile(`name="` + name + `" value="([^"]+)"`).FindStringSubmatch(body)[1])
		}
		return form
	}
	banner := func(says string) {
		t.Helper()
		require.Eventually(t, func() bool {
			_, body := owner.send(http.MethodGet, set("acme", ""), nil, nil)
			return strings.Contains(body, says)
		}, 10*time.Second, 50*time.Millisecond, says)
	}
	status, _ = staff.send(http.MethodPost, page+"/ending", url.Values{"kind": {"suspend"}, "hash": {"made up"}}, nil)
	require.Equal(t, http.StatusConflict, status)
	status, body = staff.send(http.MethodPost, page+"/ending", plan("suspend"), nil)
	require.Equal(t, http.StatusOK, status, body)
	banner("Single sign-on of your organisation is suspended")
	status, _ = staff.send(http.MethodPost, page+"/resume", url.Values{"reason": {"paid"}}, nil)
	require.Equal(t, http.StatusOK, status)

	status, body = staff.send(http.MethodPost, "/staff/acme/export", url.Values{}, nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `{"kind":"end"`)
	require.NotContains(t, body, "sealedSecret")
	status, _ = owner.send(http.MethodPost, "/staff/acme/export", url.Values{}, nil)
	require.Equal(t, http.StatusNotFound, status)

	status, body = staff.send(http.MethodPost, page+"/ending", plan("remove"), nil)
	require.Equal(t, http.StatusOK, status, body)
	banner("Single sign-on of your organisation was removed")
	status, _ = owner.send(http.MethodGet, set("globex", ""), nil, nil)
	require.Equal(t, http.StatusNotFound, status)
}

// TestSetupLinkPages has an owner make a link with which somebody without an account fills in the request, until that owner is none
// any more.
func TestSetupLinkPages(t *testing.T) {
	a := started(t, "-store", "memory")
	owner := signedIn(t, a.AppURL, "owner@initech.example")
	links := set("initech", "/links")
	link := func(intent string) string {
		t.Helper()
		status, body := owner.send(http.MethodPost, links, url.Values{"name": {"Ida of IT"}, "intents": {intent}}, nil)
		require.Equal(t, http.StatusOK, status, body)
		link := regexp.MustCompile(`/settings/sso/setup/initech/tgl_[0-9A-Za-z]+`).FindString(body)
		require.NotEmpty(t, link)
		_, body = owner.send(http.MethodGet, links, nil, nil)
		require.NotContains(t, body, link, "it is shown once")
		return link
	}
	browser := func() *person {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		return &person{t: t, client: http.Client{Jar: jar}, app: a.AppURL}
	}
	ida, thief := browser(), browser()
	to := link("sso")
	_, body := ida.send(http.MethodGet, to, nil, nil)
	require.Contains(t, body, "Continue")
	_, _ = thief.send(http.MethodGet, to, nil, nil)
	status, body := ida.send(http.MethodPost, to, url.Values{}, nil)
	require.Equal(t, http.StatusOK, status, body)
	status, _ = thief.send(http.MethodPost, to, url.Values{}, nil)
	require.Equal(t, http.StatusNotFound, status)
	status, _ = ida.send(http.MethodPost, "/settings/sso/setup/initech/provisioning/keys", url.Values{"name": {"k"}}, nil)
	require.Equal(t, http.StatusForbidden, status, "the link is for the connection alone")
	status, body = ida.send(http.MethodPost, "/settings/sso/setup/initech/new", url.Values{"provider": {"okta"}}, nil)
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "Sign-in at Okta")

	// A link is worth no more than whoever made it.
	glass := signedIn(t, a.AppURL, "break-glass@initech.example")
	_, body = glass.send(http.MethodGet, "/org/initech/users", nil, nil)
	edit := regexp.MustCompile(`/org/initech/users/initech-owner`).FindString(body)
	require.NotEmpty(t, edit, body)
	status, body = glass.send(http.MethodPost, edit, url.Values{"org_role": {"member"}}, nil)
	require.Equal(t, http.StatusOK, status, body)
	status, _ = ida.send(http.MethodGet, "/settings/sso/setup/initech", nil, nil)
	require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, status)
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

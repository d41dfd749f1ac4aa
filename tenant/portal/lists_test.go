package portal

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// activeConnection is in force, with a directory.
func (w *world) activeConnection(t testing.TB) tenant.Connection {
	t.Helper()
	ctx, c := t.Context(), w.draft(t)
	c, _, err := w.tenants.Submit(ctx, who["owner"], org, c.ID, c.Version)
	require.NoError(t, err)
	c, _, err = w.tenants.Approve(ctx, who["staff"], org, c.ID, c.Version)
	require.NoError(t, err)
	w.mu.Lock()
	w.proven["acme.com"], w.proven["ops.example"] = true, true
	w.mu.Unlock()
	for _, d := range c.Domains {
		_, err = w.tenants.CheckDomain(ctx, who["owner"], org, d.ID)
		require.NoError(t, err)
	}
	c, err = w.tenants.RecordTestSignIn(ctx, who["owner"], org, c.ID, tenant.TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "owner@acme.com"})
	require.NoError(t, err)
	c, err = w.tenants.Activate(ctx, who["owner"], org, c.ID, c.Version, tenant.Activation{})
	require.NoError(t, err)
	return c
}

// TestEveryPageInEveryLanguage opens all pages of an organisation in use, and looks for what no page may have.
func TestEveryPageInEveryLanguage(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	_, err := w.tenants.EnableSCIM(t.Context(), who["owner"], org, c.ID, store.SCIMPreferences{Wanted: true})
	require.NoError(t, err)
	_, _, err = w.tenants.CreateAPIKey(t.Context(), who["owner"], org, tenant.NewAPIKey{Name: "entra <script>"})
	require.NoError(t, err)
	_, err = w.tenants.CreateSetupLink(t.Context(), who["owner"], org, tenant.NewSetupLink{Name: "Ida \u202etxt", Intents: tenant.Intents()[:1]})
	if err != nil { // a name that turns text around is refused
		require.Equal(t, http.StatusUnprocessableEntity, statusOf(err))
	}
	paths := map[string][]string{
		"owner": {
			at(""), at("/new"), at("/c/" + c.ID), at("/c/" + c.ID + "/application"), at("/c/" + c.ID + "/application?provider=entra&error=AADSTS50105"), at("/c/" + c.ID + "/details"),
			at("/c/" + c.ID + "/secret"), at("/c/" + c.ID + "/test"), at("/c/" + c.ID + "/activate"), at("/c/" + c.ID + "/suspend"), at("/domains"), at("/provisioning"), at("/people"), at("/links"), at("/audit"), at("/webhooks"),
		},
		"staff": {"/settings/sso/staff", "/settings/sso/staff/t/" + org + "/c/" + c.ID, "/settings/sso/staff/t/" + org, "/settings/sso/staff/contests"},
	}
	titles := map[string]bool{}
	for session, list := range paths {
		for _, language := range []string{"en", "de"} {
			b := w.as(t, session)
			b.header.Set("Accept-Language", language)
			for _, path := range list {
				a := b.get(path)
				require.Equal(t, http.StatusOK, a.status, path)
				require.Contains(t, a.body, `<html lang="`+language+`">`)
				require.NotContains(t, a.body, "<script>", path)
				require.NotContains(t, a.body, "%!", path)
				require.NotContains(t, a.body, "ZgotmplZ", path)
				require.NotContains(t, a.body, "&lt;nil&gt;", path)
				require.Equal(t, 1, strings.Count(a.body, "<h1>"), path)
				require.Less(t, len(a.body), 60<<10, path)
				idsAreUnique(t, path, a.body)
				if language == "de" {
					noEnglish(t, path, a.body)
				}
				titles[language+" "+regexp.MustCompile(`<h1>(.*)</h1>`).FindStringSubmatch(a.body)[1]] = true
			}
		}
	}
	require.Greater(t, len(titles), 20)
}

// noEnglish: no sentence of a page, a finding or a guide stands on a German page in English.
func noEnglish(t *testing.T, path, body string) {
	t.Helper()
	body = html.UnescapeString(body)
	texts, err := builtinTexts()
	require.NoError(t, err)
	look := func(text, german string) {
		if len(text) > 24 && text != german && !strings.Contains(text, "%") && !strings.Contains(text, "{") {
			require.NotContains(t, body, text, "%s has English words", path)
		}
	}
	for _, text := range Texts() {
		look(text, texts["de"][text])
	}
	for _, g := range tenant.Guides() {
		g.Translate(func(id, text string) string { look(text, texts["de"][guideText(id)]); return "" })
	}
}

var (
	idAttr  = regexp.MustCompile(` id="([^"]+)"`)
	labelOf = regexp.MustCompile(`(?:for|aria-labelledby|aria-describedby)="([^"]+)"`)
)

// idsAreUnique: each ID is there once, and whatever names one finds it.
func idsAreUnique(t *testing.T, path, body string) {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range idAttr.FindAllStringSubmatch(body, -1) {
		require.False(t, ids[m[1]], "%s has the ID %s twice", path, m[1])
		ids[m[1]] = true
	}
	for _, m := range labelOf.FindAllStringSubmatch(body, -1) {
		for id := range strings.FieldsSeq(m[1]) {
			require.True(t, ids[id], "%s: nothing has the ID %s", path, id)
		}
	}
}

func TestKeysAreShownOnce(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	b := w.as(t, "owner")
	a := b.post(at("/provisioning/directories/new/enable"), "connection", c.ID, "phone_confirm", "1")
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, w.server.URL+"/scim/v2/"+org)
	a = b.post(at("/provisioning/keys"), "name", "")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-name-error"`)
	a = b.post(at("/provisioning/keys"), "name", "okta", "expires", "yesterday")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-expires-error"`)
	require.Contains(t, a.body, `value="okta"`)
	a = b.post(at("/provisioning/keys"), "name", "okta")
	require.Equal(t, http.StatusOK, a.status)
	shown := regexp.MustCompile(`Enter it in your provider[^<]*</p><p><span class="copy"><code data-copy>([^<]+)<`).FindStringSubmatch(a.body)
	require.NotNil(t, shown)
	_, err := w.tenants.AuthenticateAPIKey(t.Context(), org, shown[1])
	require.NoError(t, err)
	require.NotContains(t, b.get(at("/provisioning")).body, shown[1])
	require.Equal(t, http.StatusConflict, b.post(at("/provisioning/keys"), "name", "OKTA").status, "the name is taken")

	key := regexp.MustCompile(`/keys/([^/"]+)/rotate"><input type="hidden" name="version" value="(\d+)"`).FindStringSubmatch(b.get(at("/provisioning")).body)
	a = b.post(at("/provisioning/keys/"+key[1]+"/rotate"), "version", key[2])
	require.Contains(t, a.body, "It is shown once.")
	a = b.get(at("/provisioning"))
	require.Contains(t, a.body, "replaces okta")
	done := regexp.MustCompile(`/keys/([^/"]+)/complete"><input type="hidden" name="version" value="(\d+)"`).FindStringSubmatch(a.body)
	require.Equal(t, http.StatusConflict, b.post(at("/provisioning/keys/"+done[1]+"/complete"), "version", "999").status)
	a = b.post(at("/provisioning/keys/"+done[1]+"/complete"), "version", done[2], "confirm", "1")
	require.Contains(t, a.body, "revoked")
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").post("/settings/sso/t/"+other+"/provisioning/keys/"+done[1]+"/revoke", "version", "1").status)
}

func TestLinksAndAudit(t *testing.T) {
	w := newWorld(t)
	w.draft(t)
	b := w.as(t, "owner")
	a := b.post(at("/links"), "name", "", "email", "x")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	for _, id := range []string{"f-name-error", "intents-error"} {
		require.Contains(t, a.body, `id="`+id+`"`)
	}
	a = b.post(at("/links"), "name", "Ida", "intents", "sso", "intents", "domains")
	require.Contains(t, a.body, "Your new link")
	link := regexp.MustCompile(`<code data-copy>(http[^<]+)<`).FindStringSubmatch(a.body)[1]
	require.Equal(t, http.StatusOK, w.as(t, "").get(link).status)
	require.NotContains(t, b.get(at("/links")).body, link)
	id := regexp.MustCompile(`/links/([^/"]+)/revoke`).FindStringSubmatch(b.get(at("/links")).body)[1]
	require.Contains(t, b.post(at("/links/"+id+"/revoke")).body, "Revoked.")
	require.Equal(t, http.StatusNotFound, w.as(t, "").get(link).status)

	a = b.get(at("/audit"))
	require.Contains(t, a.body, "setup_link.revoked")
	require.NotContains(t, b.get(at("/audit?type=connection.")).body, "setup_link.revoked")
	a = b.get(at("/audit?from=soon"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-from-error"`)
	a = b.post(at("/audit/export"), "type", "connection.")
	require.Equal(t, "application/x-ndjson", a.header.Get("Content-Type"))
	require.Contains(t, a.header.Get("Content-Disposition"), "audit.ndjson")
	require.Contains(t, a.body, "connection.created")
	require.Equal(t, http.StatusForbidden, w.as(t, "member").get(at("/audit")).status)
}

func TestStaffReview(t *testing.T) {
	w := newWorld(t)
	c := w.draft(t)
	_, _, err := w.tenants.Submit(t.Context(), who["owner"], org, c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, w.as(t, "owner").get("/settings/sso/staff").status)
	b := w.as(t, "staff")
	a := b.get("/settings/sso/staff")
	require.Contains(t, a.body, "Organisation org-1")
	page := "/settings/sso/staff/t/" + org + "/c/" + c.ID
	a = b.get(page)
	require.Contains(t, a.body, "https://login.acme.com")
	a = b.post(page, "version", versionIn(t, a), "decision", "reject", "message", "")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-message-error"`)
	a = b.post(page, "version", versionIn(t, a), "decision", "ask", "message", "Which tenant?")
	require.Contains(t, a.body, "Your decision was recorded.")
	require.Contains(t, w.as(t, "owner").get(at("/c/"+c.ID)).body, "Which tenant?")
	require.Equal(t, http.StatusConflict, b.post(page, "version", "1", "decision", "approve").status)
	require.Equal(t, http.StatusNotFound, b.post(page, "version", versionIn(t, a), "decision", "explode").status)
	owners, err := w.tenants.Connection(t.Context(), who["owner"], org, c.ID)
	require.NoError(t, err)
	_, _, err = w.tenants.Submit(t.Context(), who["owner"], org, c.ID, owners.Version)
	require.NoError(t, err)
	a = b.post(page, "version", versionIn(t, b.get(page)), "decision", "approve")
	require.Contains(t, a.body, "Your decision was recorded.")
	require.Contains(t, b.get("/settings/sso/staff").body, "Nothing waits for you.")
}

// BenchmarkPages is the server's time for pages of an organisation with much in it.
func BenchmarkPages(b *testing.B) {
	w := newWorld(b)
	c := w.activeConnection(b)
	_, err := w.tenants.EnableSCIM(b.Context(), who["owner"], org, c.ID, store.SCIMPreferences{Wanted: true})
	require.NoError(b, err)
	for i := range 2000 {
		now := w.clock()
		_, err := w.store.CreateAccount(b.Context(), org, store.Account{
			Meta: store.Meta{ID: fmt.Sprintf("a%05d", i), CreatedAt: now, UpdatedAt: now}, Source: store.SourceOIDC, Active: true, Email: fmt.Sprintf("p%05d@acme.com", i),
		})
		require.NoError(b, err)
	}
	visitor := w.as(b, "owner")
	for name, path := range map[string]string{"overview": "", "connection": "/c/" + c.ID, "application": "/c/" + c.ID + "/application", "domains": "/domains", "people": "/people", "audit": "/audit", "provisioning": "/provisioning"} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = len(visitor.get(at(path)).body)
			}
			b.ReportMetric(float64(size)/1024, "KiB/page")
		})
	}
}

// BenchmarkGroupPages is the same for screen 9, in an organisation with ten thousand groups.
func BenchmarkGroupPages(b *testing.B) {
	g := manyGroups(b, 10_000)
	visitor := g.as(b, "owner")
	plan := visitor.post(at("/groups/preview"))
	for strings.Contains(plan.url.Path, "/wait/") {
		require.NoError(b, g.portal.Shutdown(b.Context()))
		plan = visitor.get(plan.url.RequestURI())
	}
	require.Contains(b, plan.url.Path, "/groups/preview/")
	for name, path := range map[string]string{
		"groups": at("/groups"), "groups search": at("/groups?q=group+04321"), "row": at("/groups/row"), "list": at("/groups/list"), "list search": at("/groups/list?search=09999"),
		"picture": at("/groups/picture"), "match": at("/groups/match?filter_kind=glob&filter=*9"), "history": at("/groups/history"), "preview": plan.url.Path, "preview groups": plan.url.Path + "/groups?after=9000",
	} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = len(visitor.get(path).body)
			}
			b.ReportMetric(float64(size)/1024, "KiB/page")
		})
	}
}

// BenchmarkPersonPages is the same for the pages of people, in an organisation with a million accounts, of whom one is in thirty teams
// by groups.
func BenchmarkPersonPages(b *testing.B) {
	p := manyPeople(b, 1_000_000)
	visitor := p.as(b, "owner")
	plan := visitor.post(at("/c/"+p.connection+"/activate/plan"), "mode", "enforced")
	for strings.Contains(plan.url.Path, "/wait/") {
		require.NoError(b, p.portal.Shutdown(b.Context()))
		plan = visitor.get(plan.url.RequestURI())
	}
	require.NotEmpty(b, plan.url.Query().Get("plan"))
	for name, path := range map[string]string{
		"people": at("/people"), "person": at("/people/a/" + p.ada), "by hand": at("/people/a/u-root"), "convert": at("/people/convert"), "webhooks": at("/webhooks"),
		"activate": at("/c/" + p.connection + "/activate"), "activation plan": plan.url.RequestURI(), "secret": at("/c/" + p.connection + "/secret"),
	} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = len(visitor.get(path).body)
			}
			b.ReportMetric(float64(size)/1024, "KiB/page")
		})
	}
}

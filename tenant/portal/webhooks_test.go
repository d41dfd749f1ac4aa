package portal

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/tenant"
)

// TestWebhooksOfAnOwner: an address is added, its secret shown once, it is tried, changed, switched off and on, and removed, with forms
// alone.
func TestWebhooksOfAnOwner(t *testing.T) {
	w := newWorld(t)
	b, page := w.as(t, "owner"), at("/webhooks")
	count := func() int {
		list, err := w.tenants.Webhooks(t.Context(), who["owner"], org)
		require.NoError(t, err)
		return len(list)
	}
	require.Contains(t, b.get(at("")).body, `href="`+page+`"`, "the navigation has it")
	require.Contains(t, clean(t, b.get(page)).body, "No webhooks yet.")
	for name, c := range map[string]struct {
		pairs []string
		field string
	}{
		"no address":         {[]string{"url", ""}, "url"},
		"plain http":         {[]string{"url", "http://hooks.acme.com/x"}, "url"},
		"a private address":  {[]string{"url", "https://192.168.0.1/x"}, "url"},
		"a port":             {[]string{"url", "https://hooks.acme.com:8443/x"}, "url"},
		"a script":           {[]string{"url", "javascript:alert(1)"}, "url"},
		"a huge address":     {[]string{"url", "https://hooks.acme.com/" + strings.Repeat("x", 5000)}, "url"},
		"an unknown type":    {[]string{"url", "https://hooks.acme.com/x", "types", "made.up <b>"}, "types"},
		"very many types":    {[]string{"url", "https://hooks.acme.com/x", "types", strings.Repeat("scim.user.* ", 500)}, "types"},
		"a huge description": {[]string{"url", "https://hooks.acme.com/x", "description", strings.Repeat("d", 500)}, "description"},
		"text turned around": {[]string{"url", "https://hooks.acme.com/x", "description", "abc\u202etxt"}, "description"},
	} {
		t.Run(name, func(t *testing.T) {
			a := clean(t, b.post(page, c.pairs...))
			require.Equal(t, http.StatusUnprocessableEntity, a.status)
			require.Contains(t, a.body, `id="f-`+c.field+`-error"`)
			require.Zero(t, count())
		})
	}
	a := clean(t, b.post(page, "url", "https://hooks.acme.com/x?y=1", "description", "Pager <b>", "types", "connection.*\ndomain.verified"))
	require.Equal(t, http.StatusOK, a.status)
	shown := regexp.MustCompile(`<code data-copy>(whsec_[^<]+)<`).FindStringSubmatch(a.body)
	require.NotNil(t, shown)
	require.Contains(t, a.body, "Pager &lt;b&gt;")
	require.NotContains(t, b.get(page).body, shown[1], "it is shown once")
	one := regexp.MustCompile(`href="(` + page + `/[^"]+)"`).FindStringSubmatch(a.body)[1]
	a = clean(t, b.get(one))
	require.Contains(t, a.body, "connection.*")
	require.Contains(t, a.body, "Nothing was sent yet.")
	b.header.Set("Accept-Language", "de")
	require.Contains(t, clean(t, b.get(one)).body, "Die letzten Zustellungen")
	b.header.Set("Accept-Language", "en")

	v := versionIn(t, a)
	a = clean(t, b.post(one+"/edit", "version", v, "url", "ftp://x", "description", "kept <i>"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `value="kept &lt;i&gt;"`)
	a = clean(t, b.post(one+"/edit", "version", v, "url", "https://hooks.acme.com/new", "types", ""))
	require.Contains(t, a.body, "Saved.")
	require.Contains(t, a.body, "https://hooks.acme.com/new")
	require.Equal(t, http.StatusConflict, b.post(one+"/edit", "version", v, "url", "https://hooks.acme.com/newer").status, "somebody was faster")
	a = clean(t, b.post(one+"/rotate", "version", versionIn(t, b.get(one)), "overlap", "168h"))
	again := regexp.MustCompile(`<code data-copy>(whsec_[^<]+)<`).FindStringSubmatch(a.body)
	require.NotNil(t, again)
	require.NotEqual(t, shown[1], again[1])
	require.Contains(t, a.body, "signs until")
	require.Equal(t, http.StatusUnprocessableEntity, b.post(one+"/rotate", "version", versionIn(t, a), "overlap", "9999h").status)
	a = clean(t, b.post(one+"/replay", "version", versionIn(t, a), "since", "soon"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-since-error"`)
	require.Equal(t, http.StatusUnprocessableEntity, b.post(one+"/replay", "version", versionIn(t, a)).status)
	a = clean(t, b.post(one+"/replay", "version", versionIn(t, a), "since", "2026-11-01T00:00"))
	require.Contains(t, a.body, "It is sent again, in order.")
	a = clean(t, b.post(one+"/disable", "version", versionIn(t, a)))
	require.Contains(t, a.body, "Switched off")
	a = clean(t, b.post(one+"/enable", "version", versionIn(t, a), "missed", "1"))
	require.NotContains(t, a.body, "Switched off")

	require.Equal(t, http.StatusNotFound, b.post(one+"/explode", "version", versionIn(t, a)).status)
	require.Equal(t, http.StatusNotFound, b.get(page+"/none").status)
	require.Equal(t, http.StatusForbidden, w.as(t, "member").get(page).status)
	foreign := "/settings/sso/t/" + other + strings.TrimPrefix(one, at(""))
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").get(foreign).status)
	for _, step := range []string{"edit", "rotate", "test", "enable", "disable", "replay", "delete"} {
		require.Equal(t, http.StatusNotFound, w.as(t, "stranger").post(foreign+"/"+step, "version", "1", "url", "https://hooks.acme.com/x", "since", "2026-11-01T00:00").status, step)
	}
	w.denied[tenant.ActionManageWebhooks] = true
	require.Equal(t, http.StatusForbidden, b.post(page, "url", "https://hooks.acme.com/x").status)
	require.NotContains(t, clean(t, b.get(one)).body, one+"/delete")
	w.denied[tenant.ActionManageWebhooks] = false
	a = clean(t, b.post(one+"/delete", "version", versionIn(t, b.get(one))))
	require.Contains(t, a.body, "Removed.")
	require.Zero(t, count())
}

// TestWebhookIsTriedBesideThePage: what came of a test stands in the log of deliveries.
func TestWebhookIsTriedBesideThePage(t *testing.T) {
	w := newWorld(t)
	made, err := w.tenants.CreateWebhook(t.Context(), who["owner"], org, tenant.NewWebhook{URL: "https://hooks.invalid/x"})
	require.NoError(t, err)
	b, one := w.as(t, "owner"), at("/webhooks/"+made.ID)
	a := b.post(one + "/test")
	for strings.Contains(a.url.Path, "/wait/") {
		require.Contains(t, a.body, "Sending a test")
		require.NoError(t, w.portal.Shutdown(t.Context()))
		a = b.get(a.url.RequestURI())
	}
	a = clean(t, b.get(one))
	require.Contains(t, a.body, "webhook.test")
	require.Contains(t, a.body, "The receiver can&#39;t be reached")
}

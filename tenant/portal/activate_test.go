package portal

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// person adds an account of acme.com.
func (w *world) person(t testing.TB, name string, source store.AccountSource) {
	t.Helper()
	_, err := w.store.CreateAccount(t.Context(), org, store.Account{
		Meta: store.Meta{ID: "u-" + name, CreatedAt: w.clock(), UpdatedAt: w.clock()}, Source: source, Active: true, Email: name + "@acme.com",
	})
	require.NoError(t, err)
}

// TestR48ActivationIsShownBeforeItIsDone: screen 7 (D8). Who is matched and who is not, passwords, break-glass and the owner's own
// way in are shown first, for exactly what was chosen; when people changed, it is shown anew.
func TestR48ActivationIsShownBeforeItIsDone(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	for i := range 60 {
		w.person(t, fmt.Sprintf("p%02d", i), store.SourceOIDC)
	}
	w.person(t, "=cmd", store.SourceOIDC)
	b, page := w.as(t, "owner"), at("/c/"+c.ID+"/activate")
	enforced := func() bool {
		t.Helper()
		got, err := w.tenants.Connection(t.Context(), who["owner"], org, c.ID)
		require.NoError(t, err)
		return got.Enforced
	}
	a := clean(t, b.get(page))
	require.Contains(t, a.body, "Show what that means")
	require.NotContains(t, a.body, `name="hash"`, "nothing is done unseen")
	require.Equal(t, http.StatusUnprocessableEntity, b.post(page+"/plan", "mode", "optional", "end_own_session", "1").status, "one's own alone")
	a = clean(t, b.post(page+"/plan", "mode", "enforced"))
	require.Equal(t, http.StatusOK, a.status)
	for _, want := range []string{"This is what would happen.", "people are in these domains", "accounts are found by their e-mail address.", "p00@acme.com", "admin@acme.com", "by the e-mail address"} {
		require.Contains(t, a.body, want)
	}
	require.Equal(t, page, a.url.Path)
	again := clean(t, b.get(a.url.RequestURI()))
	require.Contains(t, again.body, "p00@acme.com", "it survives a reload")
	require.Less(t, len(again.body), 60<<10)
	rest := clean(t, b.get(a.url.RequestURI()+"&people=50"))
	require.NotContains(t, rest.body, "p00@acme.com")
	b.header.Set("Accept-Language", "de")
	require.Contains(t, clean(t, b.get(a.url.RequestURI())).body, "über die E-Mail-Adresse")
	b.header.Set("Accept-Language", "en")

	who["second"] = tenant.Actor{Kind: tenant.ActorOwner, ID: "u-second"}
	orgOf["u-second"] = org
	require.Equal(t, http.StatusNotFound, w.as(t, "second").get(a.url.RequestURI()).status, "somebody else's")
	require.Equal(t, http.StatusNotFound, b.get(page+"?plan=nonsense").status)

	form := func(of answer, more ...string) []string {
		return append([]string{"version", versionIn(t, of), "hash", fieldIn(t, hashField, of), "plan", a.url.Query().Get("plan"), "mode", "enforced"}, more...)
	}
	refused := clean(t, b.post(page, form(a, "confirm_name", "organisation <b>", "confirm", "1")...))
	require.Equal(t, http.StatusUnprocessableEntity, refused.status)
	require.Contains(t, refused.body, `id="f-confirm_name-error"`)
	require.Contains(t, refused.body, `value="organisation &lt;b&gt;"`)
	require.Contains(t, refused.body, "p00@acme.com", "with the plan")
	require.False(t, enforced())

	w.person(t, "new", store.SourceOIDC)
	refused = clean(t, b.post(page, form(a, "confirm_name", "Organisation org-1", "confirm", "1")...))
	require.Equal(t, http.StatusConflict, refused.status)
	require.Contains(t, refused.body, "Something changed since this plan was shown.")
	require.False(t, enforced())

	file := b.post(page+"/people", "mode", "enforced")
	require.Equal(t, "text/csv; charset=utf-8", file.header.Get("Content-Type"))
	rows, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 63)
	require.Equal(t, "account_id", rows[0][0])
	require.NotContains(t, file.body, ",=cmd", "nothing that a spreadsheet computes")

	a = clean(t, b.post(page+"/plan", "mode", "optional"))
	done := clean(t, b.post(page, "version", versionIn(t, a), "hash", fieldIn(t, hashField, a), "mode", "optional"))
	require.Contains(t, done.body, "Saved.")
	w.denied[tenant.ActionActivate] = true
	require.Equal(t, http.StatusForbidden, b.post(page+"/plan", "mode", "optional").status)
	require.Equal(t, http.StatusForbidden, b.post(page+"/people").status)
	w.denied[tenant.ActionActivate] = false
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").post(page+"/plan").status)
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").post("/settings/sso/t/"+other+"/c/"+c.ID+"/activate/plan", "mode", "optional").status)
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").post("/settings/sso/t/"+other+"/c/"+c.ID+"/activate/people", "mode", "optional").status)
	delete(orgOf, "u-second")
}

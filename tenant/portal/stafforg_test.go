package portal

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestR110StaffEndAnOrganisation: staff see whom a suspension or removal of an organisation's sign-on locks out before it is done, and
// do only what they saw.
func TestR110StaffEndAnOrganisation(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	link := func(id string) {
		_, err := w.store.CreateIdentity(t.Context(), org, store.Identity{
			Meta: store.Meta{ID: id, CreatedAt: w.clock(), UpdatedAt: w.clock()}, ConnectionID: c.ID, Issuer: c.Issuer, Subject: id, AccountID: id, Email: id + "@acme.com",
		})
		require.NoError(t, err)
	}
	link("ada")
	w.portal.cfg.Refused = oneRefusal{}
	b, page := w.as(t, "staff"), "/settings/sso/staff/t/"+org
	a := clean(t, b.get("/settings/sso/staff/organisation?id="+org))
	require.Equal(t, page, a.url.Path)
	require.Contains(t, a.body, "All is in order.")
	require.Contains(t, a.body, "org-1 &lt;root&gt;", "what the rules refused")
	for _, id := range []string{"", "nowhere", strings.Repeat("x", 300), "<script>"} {
		require.Equal(t, http.StatusNotFound, b.get("/settings/sso/staff/organisation?id="+id).status, id)
	}
	require.Equal(t, http.StatusForbidden, w.as(t, "owner").get(page).status)

	require.Equal(t, http.StatusNotFound, b.post(page+"/ending/plan", "kind", "downgrade").status)
	a = clean(t, b.post(page+"/ending/plan", "kind", "suspend", "offer", "cake"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	a = clean(t, b.post(page+"/ending/plan", "kind", "suspend", "keep_sessions", "1"))
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "ada@acme.com")
	require.Contains(t, clean(t, b.get(a.url.RequestURI())).body, "ada@acme.com", "it survives a reload")
	require.Equal(t, http.StatusNotFound, b.get(page+"/ending/nonsense").status)
	plan := a.url.Path[strings.LastIndex(a.url.Path, "/")+1:]
	require.Equal(t, http.StatusNotFound, b.get("/settings/sso/staff/t/"+other+"/ending/"+plan).status, "of another organisation")
	link("bob")
	stale := clean(t, b.post(page+"/ending", "kind", "suspend", "keep_sessions", "1", "hash", fieldIn(t, hashField, a), "plan", plan, "reason", "unpaid"))
	require.Equal(t, http.StatusConflict, stale.status)
	require.Contains(t, stale.body, "bob@acme.com")
	done := clean(t, b.post(page+"/ending", "kind", "suspend", "keep_sessions", "1", "hash", fieldIn(t, hashField, stale), "reason", "unpaid"))
	require.Equal(t, page, done.url.Path)
	require.Contains(t, done.body, "Resume single sign-on")
	b.header.Set("Accept-Language", "de")
	require.Contains(t, clean(t, b.get(page)).body, "ist gesperrt: niemand meldet sich damit an")
	b.header.Set("Accept-Language", "en")
	done = clean(t, b.post(page+"/resume", "reason", "paid"))
	require.Contains(t, done.body, "Single sign-on is resumed.")

	done = clean(t, b.post(page+"/suspend", "reason", "taken over"))
	require.Contains(t, done.body, "Applied.")
	a = clean(t, b.post(page+"/ending/plan", "kind", "remove"))
	plan = a.url.Path[strings.LastIndex(a.url.Path, "/")+1:]
	refused := clean(t, b.post(page+"/ending", "kind", "remove", "hash", fieldIn(t, hashField, a), "plan", plan, "confirm_name", "org <b>"))
	require.Equal(t, http.StatusUnprocessableEntity, refused.status)
	require.Contains(t, refused.body, `id="f-confirm_name-error"`)
	require.Contains(t, refused.body, `value="org &lt;b&gt;"`)
	_, err := w.store.Connection(t.Context(), org, c.ID)
	require.NoError(t, err)
	done = clean(t, b.post(page+"/ending", "kind", "remove", "hash", fieldIn(t, hashField, refused), "plan", plan, "confirm_name", "Organisation org-1"))
	require.Equal(t, http.StatusOK, done.status)
	require.Contains(t, done.body, "Applied.")

	w.denied[tenant.ActionSuspendTenant], w.denied[tenant.ActionRemoveTenant] = true, true
	require.NotContains(t, clean(t, b.get("/settings/sso/staff/t/"+other)).body, "/ending/plan")
	require.Equal(t, http.StatusForbidden, b.post("/settings/sso/staff/t/"+other+"/suspend", "reason", "x").status)
	require.Equal(t, http.StatusForbidden, b.post("/settings/sso/staff/t/"+other+"/ending/plan", "kind", "suspend").status)
}

// TestR31ContestedDomainIsTransferred: staff see both sides and whom a transfer concerns, and give the name to who proves it.
func TestR31ContestedDomainIsTransferred(t *testing.T) {
	w := newWorld(t)
	c, _, err := w.tenants.CreateDraft(t.Context(), who["stranger"], other, tenant.Draft{
		Name: "Globex login", Domains: []string{"acme.com"}, Authority: "https://login.globex.com", ClientID: "client-2", ClientSecret: tenant.NewSecret(testSecret), BreakGlass: []string{"admin@acme.com"},
	})
	require.NoError(t, err)
	_, _, err = w.tenants.Submit(t.Context(), who["stranger"], other, c.ID, c.Version)
	require.NoError(t, err)
	w.activeConnection(t)
	b := w.as(t, "staff")
	require.Contains(t, clean(t, b.get("/settings/sso/staff/contests")).body, "No domain is contested.")
	_, err = w.tenants.CheckDomain(t.Context(), who["stranger"], other, c.Domains[0].ID)
	if err != nil { // it is taken, and recorded as contested
		require.ErrorIs(t, err, store.ErrConflict)
	}
	a := clean(t, b.get("/settings/sso/staff/contests"))
	require.Contains(t, a.body, "acme.com")
	require.Contains(t, a.body, "Organisation org-2")
	require.Equal(t, http.StatusForbidden, w.as(t, "owner").get("/settings/sso/staff/contests").status)
	form := regexp.MustCompile(`action="([^"]+/domains/[^"]+)/plan"`).FindStringSubmatch(a.body)
	require.NotNil(t, form)
	a = clean(t, b.post(form[1]+"/plan"))
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "Transfer the domain")
	require.Contains(t, clean(t, b.get(a.url.RequestURI())).body, "acme.com")
	at := a.url.Path
	a = clean(t, b.post(at, "reason", ""))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Equal(t, http.StatusNotFound, b.post(form[1]+"/nonsense", "reason", "bought").status)
	require.Equal(t, http.StatusNotFound, w.as(t, "owner").post(at, "reason", "bought").status)
	require.Equal(t, http.StatusForbidden, w.as(t, "stranger").post(at, "reason", "bought").status)
	w.mu.Lock()
	w.proven["acme.com"] = false
	w.mu.Unlock()
	unproven := clean(t, b.post(form[1]+"/plan"))
	require.Contains(t, unproven.body, "Without a proof now there is no transfer.")
	require.Contains(t, []int{http.StatusConflict, http.StatusUnprocessableEntity}, b.post(at, "reason", "bought").status)
	w.mu.Lock()
	w.proven["acme.com"] = true
	w.mu.Unlock()
	again := clean(t, b.post(form[1]+"/plan"))
	done := clean(t, b.post(again.url.Path, "reason", "The company was bought."))
	require.Contains(t, done.body, "Applied.")
	require.Contains(t, done.body, "No domain is contested.")
	got, err := w.tenants.Connection(t.Context(), who["stranger"], other, c.ID)
	require.NoError(t, err)
	require.Equal(t, store.DomainVerified, got.Domains[0].State)
}

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

// TestConnectionEndsAsShown: R50. What a suspension means for people is shown before; it is done only as it was shown; the
// deletion that follows is, too.
func TestConnectionEndsAsShown(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	link := func(id string) {
		t.Helper()
		_, err := w.store.CreateIdentity(t.Context(), org, store.Identity{
			Meta: store.Meta{ID: id, CreatedAt: w.clock(), UpdatedAt: w.clock()}, ConnectionID: c.ID, Issuer: c.Issuer, Subject: id, AccountID: id, Email: id + "@acme.com",
		})
		require.NoError(t, err)
	}
	link("ada")
	b, page := w.as(t, "owner"), at("/c/"+c.ID)
	state := func() store.ConnectionState {
		t.Helper()
		got, err := w.tenants.Connection(t.Context(), who["owner"], org, c.ID)
		require.NoError(t, err)
		return got.State
	}
	hash := func(a answer) string {
		t.Helper()
		m := regexp.MustCompile(`name="hash" value="([0-9a-f]+)"`).FindStringSubmatch(a.body)
		require.NotNil(t, m)
		return m[1]
	}
	require.Contains(t, b.get(page).body, page+"/suspend")
	a := b.post(page+"/do/suspend", "version", versionIn(t, b.get(page)), "reason", "unseen")
	require.Equal(t, http.StatusConflict, a.status)
	require.Contains(t, a.body, "Look at the plan")

	shown := b.get(page + "/suspend?keep_sessions=1")
	require.Equal(t, http.StatusOK, shown.status)
	require.Contains(t, shown.body, "ada@acme.com")
	require.Contains(t, shown.body, "not known")
	link("bob")
	a = b.post(page+"/suspend", "hash", hash(shown), "keep_sessions", "1", "reason", "moved")
	require.Equal(t, http.StatusConflict, a.status)
	require.Contains(t, a.body, "Something changed since this plan was shown.")
	require.Contains(t, a.body, "bob@acme.com")
	require.Equal(t, store.ConnectionActive, state())
	require.Equal(t, http.StatusConflict, b.post(page+"/suspend", "hash", hash(a), "reason", "moved").status, "with another choice it is another plan")
	require.Equal(t, http.StatusUnprocessableEntity, b.post(page+"/suspend", "hash", hash(a), "offer", "cake").status)
	a = b.post(page+"/suspend", "hash", hash(a), "keep_sessions", "1", "reason", "moved")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, store.ConnectionSuspended, state())
	require.Equal(t, http.StatusConflict, b.get(page+"/suspend").status, "it is done")

	w.denied[tenant.ActionDeleteConnection] = true
	require.Equal(t, http.StatusForbidden, b.get(page+"/delete").status)
	require.Equal(t, http.StatusForbidden, b.post(page+"/delete", "hash", "x").status)
	w.denied[tenant.ActionDeleteConnection] = false
	shown = b.get(page + "/delete")
	require.Contains(t, shown.body, "can be claimed by others")
	require.Equal(t, http.StatusConflict, b.post(page+"/delete", "hash", "made up").status)
	require.Equal(t, http.StatusOK, b.post(page+"/delete", "hash", hash(shown)).status)
	require.Equal(t, http.StatusNotFound, b.get(page).status)
}

// TestConnectionEndsInAnEmergency: at once, without a look at people.
func TestConnectionEndsInAnEmergency(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	b := w.as(t, "owner")
	b.header.Set("Accept", "application/json")
	a := b.post(at("/c/"+c.ID+"/suspend"), "unplanned", "1", "reason", "taken over")
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, `"to":"suspended"`)
	require.Equal(t, http.StatusConflict, b.post(at("/c/"+c.ID+"/suspend"), "unplanned", "1").status)
	require.Equal(t, http.StatusUnprocessableEntity, b.post(at("/c/"+c.ID+"/delete"), "unplanned", "1").status, "a deletion is no emergency")
}

// TestEndingWithABadReason: the plan is shown again with what was typed.
func TestEndingWithABadReason(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	page := at("/c/" + c.ID + "/suspend")
	a := w.as(t, "owner").post(page, "hash", "x", "reason", "because "+strings.Repeat("long ", 500))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `value="because long `)
	require.Contains(t, a.body, `id="f-reason-error"`)
	require.Contains(t, a.body, "What it means")
	got, err := w.tenants.Connection(t.Context(), who["owner"], org, c.ID)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionActive, got.State)
}

package portal

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestR56ChoicesAboutFields: screens 4 and 8. An owner chooses for each field of the host's list, the phone number beside them, and a
// change of one choice keeps the others.
func TestR56ChoicesAboutFields(t *testing.T) {
	w := newWorld(t)
	c := w.draft(t)
	b := w.as(t, "owner")
	page := at("/c/" + c.ID + "/details")
	a := clean(t, b.get(page))
	require.Contains(t, a.body, `name="field_editable" value="title"`)
	good := []string{"version", versionIn(t, a), "name", "Acme login", "domains", "acme.com\nops.example", "authority", "https://login.acme.com", "client_id", "client-1", "break_glass", "admin@acme.com", "scim", "1", "phone_confirm", "1"}
	a = clean(t, b.post(page, append(good, "field_editable", "title", "field_confirm", "made up <b>")...))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `name="field_editable" value="title" checked`, "what was chosen is kept")
	a = clean(t, b.post(page, append(good, "field_editable", "title", "field_confirm", "title")...))
	require.Contains(t, a.body, "Saved.")
	require.Contains(t, a.body, `name="field_confirm" value="title" checked`)
	saved, err := w.tenants.Connection(t.Context(), who["owner"], org, c.ID)
	require.NoError(t, err)
	require.Equal(t, []store.FieldPreference{{Field: "title", UserEditable: true, MustConfirm: true}}, saved.SCIM.Fields)

	w2 := newWorld(t)
	c = w2.activeConnection(t)
	b = w2.as(t, "owner")
	b.post(at("/provisioning/directories/new/enable"), "connection", c.ID, "phone_confirm", "1")
	dirs, err := w2.tenants.Directories(t.Context(), who["owner"], org)
	require.NoError(t, err)
	step := at("/provisioning/directories/" + dirs[0].ID + "/preferences")
	a = clean(t, b.post(step, "version", "1", "phone_confirm", "1", "field_editable", "salary"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, "There is no choice about this field.")
	a = clean(t, b.post(step, "version", versionIn(t, b.get(at("/provisioning"))), "phone_editable", "1", "field_editable", "title"))
	require.Contains(t, a.body, `name="field_editable" value="title" checked`)
	dirs, err = w2.tenants.Directories(t.Context(), who["owner"], org)
	require.NoError(t, err)
	require.Equal(t, store.SCIMPreferences{Wanted: true, PhoneEditable: true, PhoneUnconfirmed: true, Fields: []store.FieldPreference{{Field: "title", UserEditable: true}}}, dirs[0].Preferences)
}

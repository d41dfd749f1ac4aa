package degraded

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// TestConversionOverSCIM: a directory lists before it creates. What was not provisioned is not
// in the list, approved or not, so that it sends a POST: 409 before the approval, 201 after it.
func TestConversionOverSCIM(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	require.NoError(t, w.db.AddUser(ctx, nil, host.User{ID: "u-eve", OrgID: org, Email: "Eve@" + domain, Name: "Eve", Source: store.SourceManual, Active: true, OrgRole: host.RoleMember}, host.DemoPassword))
	search := func() string {
		t.Helper()
		status, body := w.scim(http.MethodGet, "/Users?filter="+url.QueryEscape(`userName eq "eve@`+domain+`"`), "")
		require.Equal(t, 200, status, body)
		return body
	}
	require.Contains(t, search(), `"totalResults":0`)
	status, body := w.scim(http.MethodPost, "/Users", user("eve"))
	require.Equal(t, 409, status, body)
	require.Contains(t, body, `"uniqueness"`)
	require.NotContains(t, body, "u-eve")
	require.Contains(t, search(), `"totalResults":0`, "list and create agree")

	cards, _, err := w.engine.Conflicts(ctx, w.owner, org, 0, 0)
	require.NoError(t, err)
	require.Len(t, cards, 1)
	d := provisioning.ConflictDecision{Action: provisioning.ConflictConvert}
	plan, err := w.engine.PlanConflict(ctx, w.owner, org, cards[0].Seq, d)
	require.NoError(t, err)
	d.Hash = plan.Hash
	require.NoError(t, w.engine.DecideConflict(ctx, w.owner, org, cards[0].Seq, d))
	require.Contains(t, search(), `"totalResults":0`, "it is not the directory's before it sends it")

	status, body = w.scim(http.MethodPost, "/Users", user("eve"))
	require.Equal(t, 201, status, body)
	w.sync()
	require.Contains(t, search(), `"totalResults":1`)
	a, err := w.st.AccountOfSCIMUser(ctx, org, idOf(t, body))
	require.NoError(t, err)
	require.Equal(t, "u-eve", a.ID)
	status, body = w.scim(http.MethodPost, "/Users", user("eve"))
	require.Equal(t, 409, status, body)

	// A user who is there already without an account gets it with the approval.
	status, body = w.scim(http.MethodPost, "/Users", user("finn"))
	require.Equal(t, 201, status, body)
	finn := idOf(t, body)
	add := func(name string) {
		t.Helper()
		require.NoError(t, w.db.AddUser(ctx, nil, host.User{ID: "u-" + name, OrgID: org, Email: name + "@" + domain, Name: name, Source: store.SourceManual, Active: true, OrgRole: host.RoleMember}, host.DemoPassword))
	}
	approve := func(name string) {
		t.Helper()
		c := provisioning.Conversion{Entries: []string{name + "@" + domain}}
		plan, err := w.engine.PlanConversion(ctx, w.owner, org, c)
		require.NoError(t, err)
		require.Equal(t, 1, plan.Ready, plan.Lines)
		_, err = w.engine.ApproveConversion(ctx, w.owner, org, c, plan.Hash)
		require.NoError(t, err)
	}
	has := func(user, account string) {
		t.Helper()
		a, err := w.st.AccountOfSCIMUser(ctx, org, user)
		require.NoError(t, err)
		require.Equal(t, account, a.ID)
	}
	add("finn") // by hand, before the directory's user was handled
	w.sync()
	_, err = w.st.AccountOfSCIMUser(ctx, org, finn)
	require.ErrorIs(t, err, store.ErrNotFound)
	approve("finn")
	has(finn, "u-finn")

	// And one whose address becomes that of an approved account, with a PUT.
	add("gus")
	approve("gus")
	status, body = w.scim(http.MethodPost, "/Users", user("august"))
	require.Equal(t, 201, status, body)
	gus := idOf(t, body)
	status, body = w.scim(http.MethodPut, "/Users/"+gus, user("gus"))
	require.Equal(t, 200, status, body)
	w.sync()
	has(gus, "u-gus")
}

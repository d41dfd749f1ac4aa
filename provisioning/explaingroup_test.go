package provisioning

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestExplainGroup: what a group gives, and to whom it gave it, page by page.
func TestExplainGroup(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-dev", "Dev")
	w.user("ada", "ben", "cid")
	w.group("Devs", "ada", "ben")
	w.group("Others", "cid")
	w.sync()
	w.manual(w.row("Devs", "t-dev", "member", ""), w.row("Others", "t-dev", "member", ""))
	var got []string
	for after := (store.GrantKey{}); ; {
		x, err := w.e.ExplainGroup(t.Context(), owner, org, w.ids["Devs"], after, 1)
		require.NoError(t, err)
		require.Equal(t, "Devs", x.Group)
		require.Equal(t, []Give{{GroupID: w.ids["Devs"], TeamID: "t-dev", TeamRole: "member", Rank: 1, Rule: "row 1"}}, x.Gives)
		for _, g := range x.Given {
			got = append(got, g.AccountID)
		}
		if x.Next == nil {
			break
		}
		after = *x.Next
	}
	require.ElementsMatch(t, []string{w.account("ada"), w.account("ben")}, got)

	_, err := w.e.ExplainGroup(t.Context(), owner, org, "nothing", store.GrantKey{}, 0)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.e.ExplainGroup(t.Context(), owner, "another", w.ids["Devs"], store.GrantKey{}, 0)
	require.ErrorIs(t, err, store.ErrNotFound, "another organisation's group")
	for _, missing := range []tenant.Action{tenant.ActionViewMapping, tenant.ActionViewUsers} {
		cfg := w.cfg
		cfg.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
			if a == missing {
				return tenant.ErrForbidden
			}
			return nil
		})
		e, err := New(cfg)
		require.NoError(t, err)
		_, err = e.ExplainGroup(t.Context(), owner, org, w.ids["Devs"], store.GrantKey{}, 0)
		require.ErrorIs(t, err, tenant.ErrForbidden)
	}
}

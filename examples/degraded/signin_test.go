package degraded

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestU2NoRuleFailsASignIn: a sync that would take the last owner's role, and one that can do nothing at all, are recorded,
// and whom they concern signs in as ever.
func TestU2NoRuleFailsASignIn(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	allow := tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil })
	var err error
	w.engine, err = provisioning.New(provisioning.Config{
		Store: w.st, Target: host.Target{DB: w.db}, Authorizer: allow, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(), MaxProvisionableRole: host.RoleOwner,
	})
	require.NoError(t, err)
	members := []map[string]any{{"value": w.users["ada"]}}
	status, body := w.scim(http.MethodPost, "/Groups", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": "Bosses", "members": members,
	})
	require.Equal(t, 201, status, body)
	group := idOf(t, body)
	w.sync()
	s, err := w.engine.Settings(ctx, w.owner, org)
	require.NoError(t, err)
	s.Mode, s.Rows = store.ModeManual, []store.MappingRow{{GroupID: group, OrgRole: host.RoleOwner}}
	plan, err := w.engine.Preview(ctx, w.owner, org, s)
	require.NoError(t, err)
	_, err = w.engine.Apply(ctx, w.owner, org, s, provisioning.Confirm{Hash: plan.Hash, TopRole: true})
	require.NoError(t, err)
	ada, err := w.st.AccountOfSCIMUser(ctx, org, w.users["ada"])
	require.NoError(t, err)
	role := func() string {
		u, err := w.db.User(ctx, nil, org, ada.ID)
		require.NoError(t, err)
		return u.OrgRole
	}
	require.Equal(t, host.RoleOwner, role())

	// Nobody else is an owner any more, and the directory takes her out of the group.
	require.NoError(t, w.db.SetOrgRole(ctx, nil, org, "root", host.RoleMember))
	status, body = w.scim(http.MethodPatch, "/Groups/"+group, map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []map[string]any{{"op": "remove", "path": "members"}},
	})
	require.Less(t, status, 300, body)
	w.sync()
	require.Equal(t, host.RoleOwner, role(), "the last owner stays one")
	found, err := w.st.Events(ctx, org, store.EventQuery{TypePrefix: provisioning.EventFinding})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, string(provisioning.FindingLastOwner), found[0].Code)
	require.Equal(t, answer{status: 200}, w.signIn("ada"))
	require.Equal(t, host.RoleOwner, role())

	// A mapper that fails, for everybody.
	w.engine, err = provisioning.New(provisioning.Config{
		Store: w.st, Target: host.Target{DB: w.db}, Authorizer: allow, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(),
		Mapper: provisioning.GroupMapperFunc(func(context.Context, string, []provisioning.Group) ([]provisioning.Give, error) { panic("broken") }),
	})
	require.NoError(t, err)
	status, body = w.scim(http.MethodPatch, "/Groups/"+group, map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []map[string]any{{"op": "add", "path": "members", "value": []map[string]any{{"value": w.users["bob"]}}}},
	})
	require.Less(t, status, 300, body)
	_, _ = w.engine.Sync(ctx, org) // it may fail
	for _, name := range []string{"ada", "bob"} {
		require.Equal(t, answer{status: 200}, w.signIn(name), name)
	}
}

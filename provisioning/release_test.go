package provisioning

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func TestReleaserTakesOnlyWhatGroupsGave(t *testing.T) {
	w := newWorld(t)
	r := w.e.Releaser()
	team, both, hand := w.host.addTeam("t1", "One"), w.host.addTeam("t2", "Two"), w.host.addTeam("t3", "Three")
	w.host.addUser("u1", "u1@acme.example", "administrator")
	for _, id := range []string{team, both, hand} {
		w.host.in[id]["u1"] = "member"
	}
	grants := []store.Grant{
		{AccountID: "u1", Kind: store.GrantMembership, ResourceID: team, GroupID: "g1", Role: "member"},
		{AccountID: "u1", Kind: store.GrantMembership, ResourceID: both, GroupID: "g1", Role: "member", Previous: previousManual},
		{AccountID: "u1", Kind: store.GrantOrgRole, GroupID: "g1", Role: "administrator", Previous: "member"},
	}
	before := w.host.state()
	require.NoError(t, r.Release(t.Context(), w.st, tenant.Release{TenantID: org, AccountID: "u1", Grants: grants}))
	require.Equal(t, before, w.host.state(), "by default everything stays")
	require.NoError(t, r.Release(t.Context(), w.st, tenant.Release{TenantID: org, AccountID: "gone", Grants: grants, Take: true, EndAccess: true}))
	require.NoError(t, r.Release(t.Context(), w.st, tenant.Release{TenantID: org, Grants: grants, Take: true}))
	require.Equal(t, before, w.host.state(), "a team of a group becomes an ordinary one")

	require.NoError(t, r.Release(t.Context(), w.st, tenant.Release{TenantID: org, AccountID: "u1", Grants: grants, Take: true}))
	require.Empty(t, w.host.role(team, "u1"))
	require.Equal(t, "member", w.host.role(both, "u1"))
	require.Equal(t, "member", w.host.role(hand, "u1"))
	require.Equal(t, "member", w.host.users["u1"].Role)
	require.True(t, w.host.users["u1"].Active)

	w.host.users["u1"].Role = "owner" // by hand since
	require.NoError(t, r.Release(t.Context(), w.st, tenant.Release{TenantID: org, AccountID: "u1", Grants: grants, Take: true, EndAccess: true}))
	require.Equal(t, "owner", w.host.users["u1"].Role)
	require.False(t, w.host.users["u1"].Active)
	require.NotEmpty(t, w.events("provisioning.account.deactivate"), "sessions end by the journal")
}

func TestReleaserKeepsTheLastOwner(t *testing.T) {
	for name, arrange := range map[string]func(w *world){
		"the root account": func(w *world) { w.host.root = "u1" },
		"break-glass": func(w *world) {
			_, err := w.st.CreateConnection(w.Context(), org, store.Connection{Meta: w.meta("c9"), State: store.ConnectionSuspended, BreakGlass: []string{"u1@acme.example"}})
			require.NoError(w, err)
		},
		"the last one": func(w *world) { w.host.users["u-root"].Active = false },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.host.addUser("u1", "u1@acme.example", "owner")
			x := tenant.Release{TenantID: org, AccountID: "u1", Take: true, Grants: []store.Grant{{AccountID: "u1", Kind: store.GrantOrgRole, GroupID: "g", Role: "owner", Previous: "member"}}}
			arrange(w)
			require.NoError(t, w.e.Releaser().Release(t.Context(), w.st, x))
			require.Equal(t, "owner", w.host.users["u1"].Role)
		})
	}
	w := newWorld(t)
	w.host.addUser("u1", "u1@acme.example", "owner")
	x := tenant.Release{TenantID: org, AccountID: "u1", Take: true, Grants: []store.Grant{{AccountID: "u1", Kind: store.GrantOrgRole, GroupID: "g", Role: "owner", Previous: "member"}}}
	down := errors.New("down")
	w.host.fail = func(string, string) error { return down }
	require.ErrorIs(t, w.e.Releaser().Release(t.Context(), w.st, x), down)
	w.host.fail = nil
	require.NoError(t, w.e.Releaser().Release(t.Context(), w.st, x))
	require.Equal(t, "member", w.host.users["u1"].Role, "another owner is there")
}

// TestReleaserTakesARoleOfSeveralGroups: the highest of what they gave is what the person has.
func TestReleaserTakesARoleOfSeveralGroups(t *testing.T) {
	for _, first := range []string{"member", "administrator"} {
		w := newWorld(t)
		w.host.addUser("u1", "u1@acme.example", "administrator")
		second := map[string]string{"member": "administrator", "administrator": "member"}[first]
		require.NoError(t, w.e.Releaser().Release(t.Context(), w.st, tenant.Release{TenantID: org, AccountID: "u1", Take: true, Grants: []store.Grant{
			{AccountID: "u1", Kind: store.GrantOrgRole, GroupID: "g1", Role: first, Previous: "member"},
			{AccountID: "u1", Kind: store.GrantOrgRole, GroupID: "g2", Role: second, Previous: "member"},
		}}))
		require.Equal(t, "member", w.host.users["u1"].Role)
	}
}

package provisioning

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestLocks(t *testing.T) {
	w := newWorld(t)
	ops := w.host.addTeam("t-ops", "Ops")
	w.host.addTeam("t-dev", "Dev")
	w.user("ada")
	w.host.addUser("u-eve", "eve@acme.example", "member")
	w.group("SRE", "ada")
	w.sync()
	w.manual(w.row("SRE", ops, "member", "administrator"))
	ada := w.account("ada")
	locks, err := NewLocks(LocksConfig{Store: w.st})
	require.NoError(t, err)

	user := func(id string) Resource { return Resource{Kind: ResourceUser, AccountID: id} }
	member := func(team string) Resource {
		return Resource{Kind: ResourceMembership, AccountID: ada, TeamID: team}
	}
	tests := []struct {
		name   string
		r      Resource
		field  string
		op     Op
		locked bool
	}{
		{"a managed field", user(ada), "email", OpUpdate, true},
		{"the phone", user(ada), "phone", OpUpdate, true},
		{"a field of the host's own", user(ada), "avatar", OpUpdate, false},
		{"deleting a provisioned user", user(ada), "", OpDelete, true},
		{"a user by hand", user("u-eve"), "email", OpUpdate, false},
		{"an unknown user", user("u-nix"), "email", OpUpdate, false},
		{"leaving a mapped team", member(ops), "", OpDelete, true},
		{"the role in a mapped team", member(ops), "role", OpUpdate, false},
		{"a team by hand", member("t-dev"), "", OpDelete, false},
		{"joining a mapped team by hand", Resource{Kind: ResourceMembership, AccountID: "u-eve", TeamID: ops}, "", OpCreate, false},
		{"a mapped team's name", Resource{Kind: ResourceTeam, TeamID: ops}, "name", OpUpdate, false},
		{"a mapped role", Resource{Kind: ResourceOrgRole, AccountID: ada}, "", OpUpdate, true},
		{"a role by hand", Resource{Kind: ResourceOrgRole, AccountID: "u-eve"}, "", OpUpdate, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := locks.Check(t.Context(), org, tt.r, tt.field, tt.op)
			require.NoError(t, err)
			require.Equal(t, tt.locked, l.Locked)
			if !tt.locked {
				require.Empty(t, l.Explain(""))
				require.NoError(t, l.Err())
				return
			}
			if tt.field == "phone" {
				require.Equal(t, "field_locked", l.Code)
				require.Contains(t, l.Explain(""), "SCIM preferences")
			} else {
				require.Equal(t, "resource_locked", l.Code)
			}
			require.ErrorIs(t, l.Err(), ErrLocked)
			require.False(t, l.Since.IsZero())
			require.Contains(t, l.Explain(""), "Okta")
		})
	}

	l, err := locks.Check(t.Context(), org, member(ops), "", OpDelete)
	require.NoError(t, err)
	require.Equal(t, "This membership comes from the group “SRE” of Okta. Since 24 November 2026. Change the group in Okta, or what it gives in the provisioning settings.", l.Explain(""))
	_, err = locks.Check(t.Context(), org, Resource{Kind: "nix"}, "", OpUpdate)
	require.Error(t, err)

	t.Run("a team of automatic mode", func(t *testing.T) {
		w.set(auto())
		sre := w.host.teamNamed("SRE")
		for _, r := range []struct {
			Resource
			op Op
		}{
			{Resource{Kind: ResourceTeam, TeamID: sre}, OpUpdate},
			{Resource{Kind: ResourceTeam, TeamID: sre}, OpDelete},
			{Resource{Kind: ResourceMembership, AccountID: "u-eve", TeamID: sre}, OpCreate},
		} {
			l, err := locks.Check(t.Context(), org, r.Resource, "", r.op)
			require.NoError(t, err)
			require.True(t, l.Locked)
			require.Equal(t, []string{"SRE"}, l.Groups)
		}
	})
	t.Run("the phone, where people may change it", func(t *testing.T) {
		w.directory(func(d *store.Directory) { d.Preferences.PhoneEditable = true })
		l, err := locks.Check(t.Context(), org, user(ada), "phone", OpUpdate)
		require.NoError(t, err)
		require.False(t, l.Locked)
	})
	t.Run("nothing while SCIM is off", func(t *testing.T) {
		w.directory(func(d *store.Directory) { d.Enabled = false })
		l, err := locks.Check(t.Context(), org, user(ada), "email", OpUpdate)
		require.NoError(t, err)
		require.False(t, l.Locked)
		w.directory(func(d *store.Directory) { d.Enabled = true })
	})
	t.Run("a user that the directory deleted", func(t *testing.T) {
		w.deleteUser("ada")
		w.sync()
		l, err := locks.Check(t.Context(), org, user(ada), "", OpDelete)
		require.NoError(t, err)
		require.False(t, l.Locked)
	})

	_, err = NewLocks(LocksConfig{})
	require.ErrorContains(t, err, "Store")
}

func (w *world) directory(change func(*store.Directory)) {
	d, err := w.st.Directory(w.ctx, org, w.ids["dir"])
	require.NoError(w, err)
	change(&d)
	_, err = w.st.UpdateDirectory(w.ctx, org, d)
	require.NoError(w, err)
}

package provisioning

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// lostWorld has a host elsewhere that remembers, and a user who has an account.
func lostWorld(t *testing.T) *world {
	w := newWorld(t, func(c *Config) { c.Target = crashDeleter{elsewhereHost{c.Target.(*fakeHost)}} })
	w.st, w.host.keep = w.st.(*joined).Store, true
	w.cfg.Store = w.st
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada")
	w.group("A")
	w.sync()
	w.manual(w.row("A", "t-ops", "member", "administrator"))
	return w
}

// TestLostIsTakenBack: what a transaction gave that did not commit, and that nothing gives
// any more when it is looked at again, does not stay.
func TestLostIsTakenBack(t *testing.T) {
	w := lostWorld(t)
	ada := w.account("ada")
	// The program was stopped here, and the directory took ada out of the group again.
	require.NoError(t, w.host.SetMember(t.Context(), nil, org, "t-ops", ada, "member"))
	require.NoError(t, w.host.SetOrgRole(t.Context(), nil, org, ada, "administrator"))
	w.join("A", "ada")
	w.leave("A", "ada")
	w.sync()
	require.Empty(t, w.host.role("t-ops", ada))
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
	require.Len(t, w.events("provisioning.member.remove"), 1, "it is told")
	w.stable()
}

// TestLostIsOurs: what such a transaction gave, and is still to be given, counts as given
// by the group and goes with it.
func TestLostIsOurs(t *testing.T) {
	w := lostWorld(t)
	ada := w.account("ada")
	require.NoError(t, w.host.SetMember(t.Context(), nil, org, "t-ops", ada, "member"))
	require.NoError(t, w.host.SetOrgRole(t.Context(), nil, org, ada, "administrator"))
	w.join("A", "ada")
	w.sync()
	w.leave("A", "ada")
	w.sync()
	require.Empty(t, w.host.role("t-ops", ada))
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role, "the role before is the one before us")
	w.stable()
}

// TestLostAccountOfSomebodyWhoWent has no access.
func TestLostAccountOfSomebodyWhoWent(t *testing.T) {
	w := lostWorld(t)
	w.user("ben")
	id, err := w.host.CreateAccount(t.Context(), nil, org, Profile{SCIMUserID: w.ids["ben"], Email: "ben@acme.example"})
	require.NoError(t, err)
	w.active("ben", false)
	w.sync()
	require.False(t, w.host.users[id].Active)
	w.active("ben", true)
	w.sync()
	require.True(t, w.host.users[id].Active)
	require.Len(t, w.host.users, 3, "no second account")
	w.stable()
}

// TestLostTeam is finished by the group that it was made for, by its name of now, and by
// no other.
func TestLostTeam(t *testing.T) {
	w := lostWorld(t)
	h := elsewhereHost{w.host}
	w.group("B", "ada")
	id, err := h.CreateGroupTeam(t.Context(), nil, org, w.ids["B"], "B")
	require.NoError(t, err)
	_, err = h.CreateGroupTeam(t.Context(), nil, org, "another", "A")
	require.NoError(t, err)
	w.renameGroup("B", "B2")
	w.sync()
	w.set(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member"}})
	require.Equal(t, "B2", w.host.teams[id])
	require.Equal(t, "member", w.host.role(id, w.account("ada")))
	found := w.events(EventFinding)
	require.NotEmpty(t, found)
	require.Equal(t, string(FindingTeamNameTaken), found[len(found)-1].Code, "of the group A: the team was made for another")
}

// TestKeptIsNotLost: what an owner chose to leave to people is not taken back, though the
// host remembers that we gave it.
func TestKeptIsNotLost(t *testing.T) {
	w := lostWorld(t)
	w.join("A", "ada")
	w.sync()
	s := store.ProvisioningSettings{Mode: store.ModeNone}
	s.Unmanaged.People = store.PeopleKeep
	w.set(s)
	ada := w.account("ada")
	require.Equal(t, "member", w.host.role("t-ops", ada))
	w.active("ada", false)
	w.active("ada", true)
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", ada))
	require.Equal(t, "administrator", w.host.byEmail(t, "ada@acme.example").Role)
	w.stable()
}

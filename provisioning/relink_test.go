package provisioning

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// remake deletes a group and makes it again, as a directory does that cannot move one:
// another ID, the same people.
func (w *world) remake(group, name, externalID string, members ...string) (oldID, newID string) {
	w.Helper()
	oldID = w.ids[group]
	g, err := w.st.SCIMGroup(w.ctx, org, oldID)
	require.NoError(w, err)
	ev := w.ev("scim.group.deleted", subjectGroup, oldID, nil)
	ev.Subject.Name = g.DisplayName
	ev.Before = fmt.Appendf(nil, `{"displayName":%q,"externalId":%q}`, g.DisplayName, g.ExternalID)
	require.NoError(w, w.st.DeleteSCIMGroup(w.ctx, org, oldID, 0, ev))
	m := w.meta(group)
	var list []store.Member
	for _, name := range members {
		list = append(list, store.Member{ID: w.ids[name], Kind: store.MemberUser})
	}
	_, err = w.st.CreateSCIMGroup(w.ctx, org, store.SCIMGroup{Meta: m, DisplayName: name, ExternalID: externalID}, list, w.ev("scim.group.created", subjectGroup, m.ID, nil))
	require.NoError(w, err)
	return oldID, m.ID
}

func (w *world) setExternalID(group, id string) {
	g, err := w.st.SCIMGroup(w.ctx, org, w.ids[group])
	require.NoError(w, err)
	g.ExternalID = id
	_, err = w.st.UpdateSCIMGroup(w.ctx, org, g, w.ev("scim.group.updated", subjectGroup, g.ID, []byte(`{}`)))
	require.NoError(w, err)
}

func TestR83RelinkRows(t *testing.T) {
	for _, by := range []string{"name", "externalId"} {
		for _, synced := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s synced=%v", by, synced), func(t *testing.T) {
				w := newWorld(t)
				w.host.addTeam("t-ops", "Ops")
				w.user("ada", "ben")
				w.group("A", "ada", "ben")
				w.setExternalID("A", "ext-1")
				w.sync()
				w.manual(w.row("A", "t-ops", "member", ""), w.row("A", "", "", "administrator"))
				name, external := "a ", ""
				if by == "externalId" {
					name, external = "Quite another name", "ext-1"
				}
				oldID, newID := w.remake("A", name, external, "ada")
				if synced {
					w.sync()
					require.Empty(t, w.host.role("t-ops", w.account("ada")), "R109: the group that gave it is gone")
				}
				saved, err := w.e.Settings(t.Context(), owner, org)
				require.NoError(t, err)
				plan := w.preview(saved)
				require.Equal(t, []FindingCode{FindingGroupRecreated, FindingGroupRecreated}, w.codes(plan), "one for each row")
				f := plan.Findings[0]
				require.Equal(t, []string{oldID, newID, "t-ops"}, []string{f.OldGroupID, f.GroupID, f.TeamID})
				require.Equal(t, 2, plan.Totals.Conflicts)

				linked, places := Relink(saved, f.OldGroupID, f.GroupID)
				require.Equal(t, 2, places)
				require.Equal(t, oldID, saved.Rows[0].GroupID, "the settings given are not changed")
				plan = w.set(linked)
				require.Empty(t, plan.Findings)
				require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
				require.Equal(t, "administrator", w.host.byEmail(t, "ada@acme.example").Role)
				require.Empty(t, w.host.role("t-ops", w.account("ben")), "who is not in the new group")
				if !synced {
					require.NotContains(t, kinds(plan), "member.add Ada", "nobody leaves and joins needlessly")
					require.NotContains(t, kinds(plan), "member.remove Ada")
					require.NotContains(t, kinds(plan), "org_role.set Ada")
				}
				w.stable()
			})
		}
	}
}

func TestRelinkIsProposedOnlyWhereItIsClear(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.group("A")
	w.group("B")
	w.sync()
	w.manual(w.row("A", "t-ops", "member", ""), w.row("B", "t-ops", "member", ""))
	w.remake("A", "A", "")
	m := w.meta("twin")
	_, err := w.st.CreateSCIMGroup(w.ctx, org, store.SCIMGroup{Meta: m, DisplayName: "A"}, nil, w.ev("scim.group.created", subjectGroup, m.ID, nil))
	require.NoError(t, err)
	w.deleteGroup("B") // nothing is told about what it was
	w.sync()
	saved, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	plan := w.set(saved)
	require.Equal(t, []FindingCode{FindingGroupMissing, FindingGroupMissing}, w.codes(plan))
	require.Equal(t, saved.Rows, plan.Settings.Rows, "rows are never dropped silently")
}

func TestRelinkSettings(t *testing.T) {
	row := store.MappingRow{GroupID: "old", TeamID: "t", TeamRole: "member"}
	again := row
	again.GroupID = "new"
	s := store.ProvisioningSettings{
		Rows: []store.MappingRow{row, again, {GroupID: "x", OrgRole: "member"}},
		Auto: store.AutoRule{
			Adopt: []string{"old", "x"}, Skip: []string{"new", "old"},
			Names: []store.GroupTeamName{{GroupID: "old", Name: "N"}},
		},
	}
	got, places := Relink(s, "old", "new")
	require.Equal(t, 4, places)
	require.Equal(t, []store.MappingRow{again, {GroupID: "x", OrgRole: "member"}}, got.Rows)
	require.Equal(t, store.AutoRule{Adopt: []string{"new", "x"}, Skip: []string{"new"}, Names: []store.GroupTeamName{{GroupID: "new", Name: "N"}}}, got.Auto)
	for _, ids := range [][2]string{{"", "new"}, {"old", ""}, {"old", "old"}, {"none", "new"}} {
		same, places := Relink(s, ids[0], ids[1])
		require.Zero(t, places)
		require.Equal(t, s.Rows, same.Rows)
	}
	got, _ = Relink(store.ProvisioningSettings{Auto: store.AutoRule{Names: []store.GroupTeamName{{GroupID: "old", Name: "N"}, {GroupID: "new", Name: "M"}}}}, "old", "new")
	require.Equal(t, []store.GroupTeamName{{GroupID: "new", Name: "M"}}, got.Auto.Names, "the new group's own name stays")
}

// TestU7TeamOfAGroupMadeAgain is about automatic mode.
func TestU7TeamOfAGroupMadeAgain(t *testing.T) {
	t.Run("between two looks, the new group has the team at once", func(t *testing.T) {
		w := newWorld(t, canAll)
		w.user("ada", "ben")
		w.group("A", "ada", "ben")
		w.sync()
		s := auto()
		s.Unmanaged.Teams = store.TeamDelete
		w.set(s)
		team := w.host.teamNamed("A")
		w.remake("A", "A", "", "ada")
		calls := w.host.calls
		w.sync()
		require.Equal(t, team, w.host.teamNamed("A"))
		require.Equal(t, "member", w.host.role(team, w.account("ada")))
		require.Empty(t, w.host.role(team, w.account("ben")))
		require.Equal(t, calls+1, w.host.calls, "only ben leaves: nobody leaves and joins")
		require.Len(t, w.events("provisioning.team.adopt"), 1)
		require.Empty(t, w.events("provisioning.team.delete"))
		w.stable()
		w.deleteGroup("A")
		w.sync()
		require.Empty(t, w.host.teamNamed("A"), "it is the directory's team as before")
	})
	t.Run("later, it is proposed to adopt it", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada")
		w.group("A", "ada")
		w.sync()
		w.set(auto())
		team := w.host.teamNamed("A")
		old := w.ids["A"]
		w.deleteGroup("A")
		w.sync()
		w.group("A", "ada")
		w.sync()
		require.Empty(t, w.host.role(team, w.account("ada")), "nobody gets in before an owner says so")
		plan := w.preview(auto())
		require.Equal(t, []FindingCode{FindingGroupRecreated}, w.codes(plan))
		f := plan.Findings[0]
		require.Equal(t, []string{old, w.ids["A"], team}, []string{f.OldGroupID, f.GroupID, f.TeamID})
		plan = w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{f.GroupID} }))
		require.Equal(t, "adopt", outcomes(plan)["A"])
		require.Equal(t, "member", w.host.role(team, w.account("ada")))
		w.stable()
	})
	t.Run("an adopted team is not handed on without being asked", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada")
		w.group("A", "ada")
		w.sync()
		mine := w.host.addTeam("t-mine", "A")
		w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{w.ids["A"]} }))
		_, newID := w.remake("A", "A", "", "ada")
		w.sync()
		require.Empty(t, w.host.role(mine, w.account("ada")))
		w.stable()
		w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{newID} }))
		require.Equal(t, "member", w.host.role(mine, w.account("ada")))
		w.deleteGroup("A")
		w.sync()
		require.Equal(t, "A", w.host.teams[mine], "and still is not the directory's to end")
	})
	t.Run("adopted in the plan that would release it", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada")
		w.group("A", "ada")
		w.sync()
		mine := w.host.addTeam("t-mine", "A")
		w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{w.ids["A"]} }))
		_, newID := w.remake("A", "A", "", "ada")
		calls := w.host.calls
		plan := w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{newID} }))
		require.Equal(t, []LineKind{TeamAdopt}, slices.DeleteFunc(lineKinds(plan), LineKind.Informative))
		require.Equal(t, "member", w.host.role(mine, w.account("ada")))
		require.Equal(t, calls, w.host.calls, "nothing changes for the host")
		w.stable()
	})
}

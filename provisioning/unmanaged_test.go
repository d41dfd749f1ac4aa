package provisioning

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// teamsWorld has two groups of automatic mode with a team and a role each, in a host
// that can delete and archive.
func teamsWorld(t *testing.T) (*world, store.ProvisioningSettings) {
	w := newWorld(t, canAll)
	w.user("ada", "ben")
	w.group("team-a", "ada")
	w.group("team-b", "ben")
	w.sync()
	s := auto(func(a *store.AutoRule) { a.FilterKind, a.Filter, a.OrgRole = "glob", "team-*", "administrator" })
	w.set(s)
	return w, s
}

func lineKinds(p Plan) []LineKind {
	out := []LineKind{}
	for _, l := range p.Lines {
		out = append(out, l.Kind)
	}
	return out
}

// TestWhatFallsOut changes settings so that a group is not covered any more (R81, R91),
// with each choice of what becomes of its team and people.
func TestWhatFallsOut(t *testing.T) {
	changes := map[string]func(w *world, s store.ProvisioningSettings) store.ProvisioningSettings{
		"narrowed filter": func(_ *world, s store.ProvisioningSettings) store.ProvisioningSettings {
			s.Auto.Filter = "team-a"
			return s
		},
		"skipped group": func(w *world, s store.ProvisioningSettings) store.ProvisioningSettings {
			s.Auto.Skip = []string{w.ids["team-b"]}
			return s
		},
		"to manual": func(w *world, s store.ProvisioningSettings) store.ProvisioningSettings {
			s.Mode = store.ModeManual
			s.Rows = []store.MappingRow{{GroupID: w.ids["team-a"], TeamID: w.host.teamNamed("team-a"), TeamRole: "member", OrgRole: "administrator"}}
			return s
		},
	}
	policies := []struct {
		rule    store.UnmanagedRule
		lines   []LineKind
		in      string // ben's role in the team
		role    string // ben's in the organisation
		deleted bool
		archive bool
	}{
		{store.UnmanagedRule{}, []LineKind{TeamRelease, MemberRelease, OrgRoleRelease}, "member", "administrator", false, false},
		{store.UnmanagedRule{Teams: store.TeamArchive}, []LineKind{TeamArchive, MemberRelease, OrgRoleRelease}, "member", "administrator", false, true},
		{store.UnmanagedRule{Teams: store.TeamDelete}, []LineKind{TeamDelete, MemberRelease, OrgRoleRelease}, "member", "administrator", false, false},
		{store.UnmanagedRule{People: store.PeopleTake}, []LineKind{TeamRelease, MemberRemove, OrgRoleSet}, "", "member", false, false},
		{store.UnmanagedRule{People: store.PeopleTake, Teams: store.TeamArchive}, []LineKind{TeamArchive, MemberRemove, OrgRoleSet}, "", "member", false, true},
		{store.UnmanagedRule{People: store.PeopleTake, Teams: store.TeamDelete}, []LineKind{TeamDelete, MemberRemove, OrgRoleSet}, "", "member", true, false},
	}
	for name, change := range changes {
		for _, tt := range policies {
			t.Run(fmt.Sprintf("%s, %+v", name, tt.rule), func(t *testing.T) {
				w, s := teamsWorld(t)
				team := w.host.teamNamed("team-b")
				next := change(w, s)
				next.Unmanaged = tt.rule
				plan := w.set(next)
				if name == "to manual" { // the other team loses its group, too, and keeps its people by a row
					require.Equal(t, 2, plan.Totals.TeamsReleased)
				} else {
					require.Equal(t, tt.lines, lineKinds(plan), "all of it is shown")
				}
				for _, l := range plan.Lines {
					require.NotEmpty(t, l.Reason)
				}
				require.Equal(t, tt.in, w.host.role(team, w.account("ben")))
				require.Equal(t, tt.role, w.host.byEmail(t, "ben@acme.example").Role)
				require.Equal(t, tt.archive, w.host.archived[team])
				_, exists := w.host.teams[team]
				require.Equal(t, tt.deleted, !exists)
				if name != "to manual" {
					require.Equal(t, "member", w.host.role(w.host.teamNamed("team-a"), w.account("ada")))
					w.stable()
				}

				// What stays is by hand from now on: leaving the group takes nothing.
				w.leave("team-b", "ben")
				w.sync()
				require.Equal(t, tt.in, w.host.role(team, w.account("ben")))
				require.Equal(t, tt.role, w.host.byEmail(t, "ben@acme.example").Role)
				grants, err := w.st.Grants(t.Context(), org, w.account("ben"))
				require.NoError(t, err)
				require.Empty(t, grants)
			})
		}
	}
}

func TestR81ModeNoneKeepsPeopleByDefault(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben", "cho")
	w.group("A", "ada", "ben")
	w.sync()
	rows := []store.MappingRow{w.row("A", "t-ops", "member", "administrator")}
	w.manual(rows...)
	w.host.users[w.account("ben")].Role = "owner" // by hand
	w.leave("A", "ben")                           // not heard of yet
	before := w.host.state()
	plan := w.set(store.ProvisioningSettings{Mode: store.ModeNone, Rows: rows})
	require.Equal(t, []string{"member.release Ada", "org_role.release Ada", "member.remove Ben", "org_role.override Ben"}, kinds(plan), "who left the group is no longer in by it")
	require.Equal(t, 2, plan.Totals.Kept)
	require.NotEqual(t, before, w.host.state())
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	require.Equal(t, "administrator", w.host.byEmail(t, "ada@acme.example").Role)
	require.Len(t, w.events("provisioning.member.release"), 1)
	require.Len(t, w.events("provisioning.org_role.release"), 1)
	w.stable()

	// Back again: they are members by hand now, linked to the group.
	plan = w.manual(rows...)
	require.Contains(t, kinds(plan), "member.link Ada")
	w.leave("A", "ada")
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	w.stable()
}

// TestKeepingSurvivesARefusal: the host refuses another change of the same person in the
// same plan; what stays still stays.
func TestKeepingSurvivesARefusal(t *testing.T) {
	w, s := teamsWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.host.fail = func(op, id string) error {
		if op == "SetMember" && id == w.idOf("ben") {
			return errHost
		}
		return nil
	}
	s.Mode = store.ModeManual
	s.Rows = []store.MappingRow{{GroupID: w.ids["team-b"], TeamID: "t-ops", TeamRole: "member"}}
	plan := w.set(s)
	require.Len(t, plan.Failures, 1)
	w.host.fail = nil
	w.clock.add(time.Hour)
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ben")), "done at last")
	require.Equal(t, "member", w.host.role(w.host.teamNamed("team-b"), w.account("ben")), "and nothing was taken by the delay")
	w.stable()
}

// idOf finds an account while the host's lock is held.
func (w *world) idOf(name string) string {
	for id, u := range w.host.users {
		if u.Email == name+"@acme.example" {
			return id
		}
	}
	return ""
}

func TestKeepingIsNotHeldByAPause(t *testing.T) {
	w, s := teamsWorld(t)
	s.Mode, s.Paused = store.ModeNone, true
	plan := w.set(s)
	require.Contains(t, w.codes(plan), FindingPaused, "the teams wait")
	require.Equal(t, 4, plan.Totals.Kept)
	s.Paused = false
	w.set(s)
	require.Equal(t, "member", w.host.role(w.host.teamNamed("team-b"), w.account("ben")))
	w.stable()
}

func TestSuspendedPeopleKeepWhatFallsOut(t *testing.T) {
	w, s := teamsWorld(t)
	w.active("ben", false)
	w.sync()
	s.Mode = store.ModeNone
	w.set(s)
	w.active("ben", true)
	w.sync()
	require.Equal(t, "member", w.host.role(w.host.teamNamed("team-b"), w.account("ben")))
	w.stable()
}

// TestGroupGonePolicies: the directory deletes a group, or renames it out of the filter.
func TestGroupGonePolicies(t *testing.T) {
	for _, cause := range []string{"deleted", "renamed"} {
		for _, policy := range []store.TeamPolicy{store.TeamKeep, store.TeamArchive, store.TeamDelete} {
			for _, used := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %q used=%v", cause, policy, used), func(t *testing.T) {
					w, s := teamsWorld(t)
					s.Unmanaged.Teams = policy
					w.set(s)
					team := w.host.teamNamed("team-b")
					if used {
						w.host.in[team]["u-root"] = "member"
					}
					if cause == "deleted" {
						w.deleteGroup("team-b")
					} else {
						w.renameGroup("team-b", "other")
					}
					w.sync()
					_, exists := w.host.teams[team]
					require.Equal(t, policy != store.TeamDelete || used, exists)
					require.Equal(t, policy == store.TeamArchive, w.host.archived[team])
					require.Empty(t, w.host.role(team, w.account("ben")), "R109: the group does not give it any more")
					require.Equal(t, "member", w.host.byEmail(t, "ben@acme.example").Role)
					w.stable()
				})
			}
		}
	}
}

func TestAdoptedTeamsAreNeverEnded(t *testing.T) {
	for _, policy := range []store.TeamPolicy{store.TeamArchive, store.TeamDelete} {
		w := newWorld(t, canAll)
		w.group("A")
		w.sync()
		mine := w.host.addTeam("t-mine", "A")
		s := auto(func(a *store.AutoRule) { a.Adopt = []string{w.ids["A"]} })
		s.Unmanaged.Teams = policy
		w.set(s)
		w.deleteGroup("A")
		w.sync()
		require.Equal(t, "A", w.host.teams[mine])
		require.False(t, w.host.archived[mine])
		require.Len(t, w.events("provisioning.team.release"), 1)
	}
}

func TestArchivedTeams(t *testing.T) {
	w := newWorld(t, canAll)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("A", "ada")
	w.sync()
	rows := []store.MappingRow{w.row("A", "t-ops", "member", "")}
	w.manual(rows...)
	w.host.archived["t-ops"] = true
	w.join("A", "ben")
	w.sync()
	require.Empty(t, w.host.role("t-ops", w.account("ben")), "nobody joins")
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")), "who is in it stays")
	plan := w.manual(rows...)
	require.Equal(t, []FindingCode{FindingTeamArchived}, w.codes(plan), "a row that was there is flagged and kept")
	require.Equal(t, rows, plan.Settings.Rows)
	w.leave("A", "ada", "ben")
	w.sync()
	require.Empty(t, w.host.role("t-ops", w.account("ada")), "leaving the group always counts")
	require.Contains(t, w.codes(w.manual(rows...)), FindingTeamArchived, "though nobody is concerned")
	w.join("A", "ben")
	w.sync()
	w.host.archived["t-ops"] = false
	_, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, "member", w.host.role("t-ops", w.account("ben")))
	w.stable()
}

func TestArchivedTeamComesBackWithItsGroup(t *testing.T) {
	w, s := teamsWorld(t)
	s.Unmanaged.Teams = store.TeamArchive
	w.set(s)
	team := w.host.teamNamed("team-b")
	w.renameGroup("team-b", "else")
	w.sync()
	require.True(t, w.host.archived[team])
	w.renameGroup("team-b", "team-b")
	w.sync()
	found := w.events(EventFinding)
	require.Equal(t, string(FindingTeamNameTaken), found[len(found)-1].Code)
	s.Auto.Adopt = []string{w.ids["team-b"]}
	plan := w.set(s)
	require.Contains(t, plan.Lines[0].Reason, "out of the archive")
	require.False(t, w.host.archived[team])
	require.Equal(t, "member", w.host.role(team, w.account("ben")))
	w.stable()
}

func TestArchivedTeamOfAHostWithoutAnArchive(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.group("A", "ada")
	w.sync()
	w.host.addTeam("t-a", "A")
	w.host.archived["t-a"] = true
	plan := w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{w.ids["A"]} }))
	require.Equal(t, []FindingCode{FindingTeamNameTaken}, w.codes(plan))
	require.Contains(t, plan.Findings[0].Message, "archived")
	require.Equal(t, "conflict", outcomes(plan)["A"])
	w.stable()

	// The team of a group, archived past the lock.
	w.host.archived["t-a"] = false
	w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{w.ids["A"]} }))
	w.host.archived["t-a"] = true
	plan, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, []FindingCode{FindingTeamArchived}, w.codes(plan))
	require.Equal(t, "member", w.host.role("t-a", w.account("ada")))
}

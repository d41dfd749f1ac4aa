package provisioning

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestNameBy(t *testing.T) {
	tests := []struct {
		rule        store.TeamNaming
		group, want string
	}{
		{store.TeamNaming{}, " SRE ", "SRE"},
		{store.TeamNaming{StripPrefix: "team-"}, "Team-SRE", "SRE"},
		{store.TeamNaming{StripPrefix: "team-"}, "SRE", "SRE"},
		{store.TeamNaming{StripPrefix: "team-"}, "team-", "team-"},
		{store.TeamNaming{StripPrefix: "team-", StripSuffix: "-team"}, "team-team", "team"},
		{store.TeamNaming{StripSuffix: " (Okta)"}, "SRE (okta)", "SRE"},
		{store.TeamNaming{StripPrefix: "Ä"}, "äb", "b"},
		{store.TeamNaming{Template: "{group} team"}, "SRE", "SRE team"},
		{store.TeamNaming{StripPrefix: "x", StripSuffix: "y", Template: "[{group}]"}, "x a y", "[a]"},
		{store.TeamNaming{Template: "{group} team"}, "\u200b", ""},
		{store.TeamNaming{Template: "T {group}"}, "{group}", "T {group}"},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, nameBy(tt.rule, tt.group), "%+v %q", tt.rule, tt.group)
	}
}

func TestCutName(t *testing.T) {
	for _, tt := range []struct {
		name string
		most int
		want string
	}{
		{"abc", 3, "abc"},
		{"ab 👩\u200d🚒", 5, "ab"},
		{"ab👩\u200d🚒", 5, "ab👩\u200d🚒"},
		{"ae\u0301x", 2, "a"},
		{"👍🏽x", 1, "👍"}, // nothing else would be left
		{strings.Repeat("\u0301", 5), 3, strings.Repeat("\u0301", 3)},
	} {
		require.Equal(t, tt.want, cutName(tt.name, tt.most), "%q", tt.name)
	}
}

func FuzzTeamName(f *testing.F) {
	f.Add("Team-SRE", "team-", "", "{group} team", 20)
	f.Add("\u202e\x00👩\u200d🚒", "", "🚒", "[{group}]", 3)
	f.Fuzz(func(t *testing.T, group, prefix, suffix, template string, most int) {
		if most < 1 || most > 200 {
			return
		}
		name := teamName(nameBy(store.TeamNaming{StripPrefix: prefix, StripSuffix: suffix, Template: template}, group), most)
		require.LessOrEqual(t, utf8.RuneCountInString(name), most)
		require.True(t, utf8.ValidString(name))
		require.Equal(t, name, teamName(name, most), "a name is normal once it was made")
		require.NotContains(t, name, "\u202e")
		require.NotContains(t, name, "\x00")
	})
}

func TestR89NamingRule(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben")
	w.group("okta-sre", "ada")
	w.group("Okta-DB", "ben")
	w.sync()
	w.host.addTeam("t-x", "DB crew")
	s := auto(func(a *store.AutoRule) {
		a.Naming = store.TeamNaming{StripPrefix: "okta-", Template: "{group} crew"}
	})
	plan := w.set(s)
	require.Equal(t, map[string]string{"okta-sre": "create", "Okta-DB": "conflict"}, outcomes(plan))
	require.Equal(t, "member", w.host.role(w.host.teamNamed("sre crew"), w.account("ada")))
	w.stable()

	// Another rule renames the teams there are.
	team := w.host.teamNamed("sre crew")
	s.Auto.Naming.Template = ""
	plan = w.set(s)
	require.Equal(t, 1, plan.Totals.TeamsRenamed)
	require.Equal(t, "sre", w.host.teams[team])
	require.NotEmpty(t, w.host.teamNamed("DB"))
	w.renameGroup("okta-sre", "OKTA-Site reliability")
	w.sync()
	require.Equal(t, "Site reliability", w.host.teams[team])
	w.stable()
}

func TestTwoGroupsOfOneTeamName(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben")
	w.group("eu-sre", "ada")
	w.group("EU-SRE-old", "ben")
	w.sync()
	s := auto(func(a *store.AutoRule) { a.Naming = store.TeamNaming{StripSuffix: "-old"} })
	plan := w.set(s)
	require.Equal(t, []FindingCode{FindingTeamNameShared}, w.codes(plan))
	require.Equal(t, 1, plan.Totals.Conflicts)
	require.Empty(t, w.host.role(w.host.teamNamed("eu-sre"), w.account("ben")), "nobody gets into the team of another group")
	w.stable()

	s.Auto.Names = []store.GroupTeamName{{GroupID: w.ids["EU-SRE-old"], Name: "Old SRE"}}
	plan = w.set(s)
	require.Empty(t, plan.Findings)
	require.Equal(t, "member", w.host.role(w.host.teamNamed("Old SRE"), w.account("ben")))
	require.Equal(t, "rename", plan.Groups[1].Decision)
	w.stable()
}

// TestU7Decisions takes each way out of a conflict.
func TestU7Decisions(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben", "cho")
	for group, member := range map[string]string{"A": "ada", "B": "ben", "C": "cho"} {
		w.group(group, member)
	}
	w.sync()
	w.host.addTeam("t-a", "A")
	w.host.addTeam("t-b", "b")
	w.host.addTeam("t-c", "C")
	w.host.addTeam("t-spare", "Spare")
	plan := w.set(auto())
	require.Equal(t, 3, plan.Totals.Conflicts)

	s := auto(func(a *store.AutoRule) {
		a.Adopt, a.Skip = []string{w.ids["A"]}, []string{w.ids["C"]}
		a.Names = []store.GroupTeamName{{GroupID: w.ids["B"], Name: "B of the directory"}}
	})
	plan = w.set(s)
	require.Equal(t, map[string]string{"A": "adopt", "B": "create", "C": "none"}, outcomes(plan))
	decisions := map[string]string{}
	for _, g := range plan.Groups {
		decisions[g.Group] = g.Decision
	}
	require.Equal(t, map[string]string{"A": "adopt", "B": "rename", "C": "skip"}, decisions)
	require.Equal(t, "member", w.host.role("t-a", w.account("ada")))
	require.Equal(t, "member", w.host.role(w.host.teamNamed("B of the directory"), w.account("ben")))
	require.Empty(t, w.host.in["t-b"])
	require.Empty(t, w.host.in["t-c"])
	w.stable()

	// A chosen name stays when the group is renamed, and may adopt the team that has it.
	w.renameGroup("B", "Bee")
	w.sync()
	require.NotEmpty(t, w.host.teamNamed("B of the directory"))
	s.Auto.Skip = nil
	s.Auto.Adopt = append(s.Auto.Adopt, w.ids["C"])
	s.Auto.Names = append(s.Auto.Names, store.GroupTeamName{GroupID: w.ids["C"], Name: "Spare"})
	plan = w.set(s)
	require.Contains(t, lineKinds(plan), TeamAdopt)
	require.Equal(t, "member", w.host.role("t-spare", w.account("cho")))
	w.stable()

	// What was decided about groups that are gone goes with the next save.
	w.deleteGroup("A")
	w.deleteGroup("B")
	w.sync()
	plan = w.set(s)
	require.Equal(t, []string{w.ids["C"]}, plan.Settings.Auto.Adopt)
	require.Equal(t, []store.GroupTeamName{{GroupID: w.ids["C"], Name: "Spare"}}, plan.Settings.Auto.Names)
	saved, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, plan.Settings.Auto, saved.Auto)
}

func TestAnAdoptedTeamKeepsHowItIsWritten(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.group("sre", "ada")
	w.sync()
	w.host.addTeam("t-sre", "SRE")
	w.set(auto(func(a *store.AutoRule) { a.Adopt = []string{w.ids["sre"]} }))
	w.stable()
	require.Equal(t, "SRE", w.host.teams["t-sre"])
	w.renameGroup("sre", "Reliability")
	w.sync()
	require.Equal(t, "Reliability", w.host.teams["t-sre"])
}

func TestRenamedGroupKeepsTheTeamsName(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.group("SRE", "ada")
	w.sync()
	s := auto(func(a *store.AutoRule) { a.OnRename = store.RenameKeepTeam })
	w.set(s)
	team := w.host.teamNamed("SRE")
	w.renameGroup("SRE", "Reliability")
	w.sync()
	require.Equal(t, "SRE", w.host.teams[team])
	w.stable()
	s.Auto.Names = []store.GroupTeamName{{GroupID: w.ids["SRE"], Name: "Chosen"}}
	plan := w.set(s)
	require.Contains(t, plan.Lines[0].Reason, "the owner chose this name")
	require.Equal(t, "Chosen", w.host.teams[team])
	w.stable()

	// A team deleted past the lock is made again, by today's name.
	delete(w.host.teams, team)
	delete(w.host.in, team)
	s.Auto.Names = nil
	w.set(s)
	w.sync()
	require.Equal(t, "member", w.host.role(w.host.teamNamed("Reliability"), w.account("ada")))
	w.stable()
}

func TestFilterByExternalIDAndCase(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben")
	m := w.meta("x1")
	_, err := w.st.CreateSCIMGroup(w.ctx, org, store.SCIMGroup{Meta: m, DisplayName: "Whatever", ExternalID: "prod-7"}, []store.Member{{ID: w.ids["ada"], Kind: store.MemberUser}}, w.ev("scim.group.created", subjectGroup, m.ID, nil))
	require.NoError(t, err)
	w.group("PROD-x", "ben")
	w.sync()
	rule := func(external, exact bool) store.ProvisioningSettings {
		return auto(func(a *store.AutoRule) {
			a.FilterKind, a.Filter, a.FilterExternalID, a.CaseSensitive = "glob", "prod-*", external, exact
		})
	}
	require.Equal(t, map[string]string{"Whatever": "none", "PROD-x": "create"}, outcomes(w.preview(rule(false, false))))
	require.Equal(t, map[string]string{"Whatever": "create", "PROD-x": "create"}, outcomes(w.preview(rule(true, false))))
	require.Equal(t, map[string]string{"Whatever": "none", "PROD-x": "none"}, outcomes(w.preview(rule(false, true))))
	w.set(rule(true, true))
	require.Equal(t, "member", w.host.role(w.host.teamNamed("Whatever"), w.account("ada")))
	require.Empty(t, w.host.teamNamed("PROD-x"))

	// One person alone is computed with the same answer.
	w.user("cho")
	w.join("x1", "cho")
	w.sync()
	require.Equal(t, "member", w.host.role(w.host.teamNamed("Whatever"), w.account("cho")))
	w.stable()

	// The directory writes another externalId: the group does not pass any more.
	g, err := w.st.SCIMGroup(w.ctx, org, w.ids["x1"])
	require.NoError(t, err)
	g.ExternalID = "test-7"
	_, err = w.st.UpdateSCIMGroup(w.ctx, org, g, w.ev("scim.group.updated", subjectGroup, g.ID, []byte(`{}`)))
	require.NoError(t, err)
	w.sync()
	require.Empty(t, w.host.in[w.host.teamNamed("Whatever")])
	w.stable()
}

func (w *world) preview(s store.ProvisioningSettings) Plan {
	w.Helper()
	have, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(w, err)
	s.Version = have.Version
	plan, err := w.e.Preview(w.ctx, owner, org, s)
	require.NoError(w, err)
	return plan
}

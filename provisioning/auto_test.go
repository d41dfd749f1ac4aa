package provisioning

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func auto(change ...func(*store.AutoRule)) store.ProvisioningSettings {
	s := store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member"}}
	for _, fn := range change {
		fn(&s.Auto)
	}
	return s
}

// taking makes settings take back what they stop to cover.
func taking(s store.ProvisioningSettings) store.ProvisioningSettings {
	s.Unmanaged.People = store.PeopleTake
	return s
}

func outcomes(p Plan) map[string]string {
	out := map[string]string{}
	for _, g := range p.Groups {
		out[g.Group] = g.Outcome
	}
	return out
}

func TestAutomaticMode(t *testing.T) {
	glob := func(f string) func(*store.AutoRule) {
		return func(a *store.AutoRule) { a.FilterKind, a.Filter = "glob", f }
	}
	tests := []struct {
		name string
		run  func(t *testing.T, w *world)
	}{
		{"makes a team of each group that passes", func(t *testing.T, w *world) {
			plan := w.set(auto(glob("team-*"), func(a *store.AutoRule) { a.OrgRole = "administrator" }))
			require.Equal(t, map[string]string{"Team-A": "create", "team-b": "create", "other": "none"}, outcomes(plan))
			require.Equal(t, 2, plan.Totals.TeamsCreated)
			require.Equal(t, "member", w.host.role(w.host.teamNamed("Team-A"), w.account("ada")))
			require.Equal(t, "administrator", w.host.byEmail(t, "ada@acme.example").Role)
			require.Equal(t, "member", w.host.byEmail(t, "cho@acme.example").Role)
			require.Empty(t, w.host.teamNamed("other"))
		}},
		{"a new group gets its team, an empty one too", func(t *testing.T, w *world) {
			w.set(auto(glob("team-*")))
			w.group("team-c")
			w.group("team-d", "cho")
			w.group("nix", "cho")
			w.sync()
			require.NotEmpty(t, w.host.teamNamed("team-c"))
			require.Equal(t, "member", w.host.role(w.host.teamNamed("team-d"), w.account("cho")))
			require.Empty(t, w.host.teamNamed("nix"))
		}},
		{"a renamed group renames its team", func(t *testing.T, w *world) {
			w.set(auto(glob("team-*")))
			id := w.host.teamNamed("team-b")
			w.renameGroup("team-b", "team-x")
			w.sync()
			require.Equal(t, id, w.host.teamNamed("team-x"))
			require.Equal(t, "member", w.host.role(id, w.account("ben")))
		}},
		{"a group renamed out of the filter and back", func(t *testing.T, w *world) {
			w.set(auto(glob("team-*")))
			id := w.host.teamNamed("team-b")
			w.renameGroup("team-b", "else")
			w.sync()
			require.Equal(t, id, w.host.teamNamed("team-b"), "the team is kept as an ordinary one")
			require.Empty(t, w.host.role(id, w.account("ben")))
			w.renameGroup("team-b", "team-z")
			w.sync()
			require.Equal(t, "member", w.host.role(w.host.teamNamed("team-z"), w.account("ben")))
		}},
		{"a name that is taken asks for a choice", func(t *testing.T, w *world) {
			mine := w.host.addTeam("t-mine", "TEAM-B")
			w.host.in[mine]["u-root"] = "member"
			plan := w.set(auto(glob("team-*")))
			require.Equal(t, "conflict", outcomes(plan)["team-b"])
			require.Equal(t, []FindingCode{FindingTeamNameTaken}, w.codes(plan))
			require.Empty(t, w.host.role(mine, w.account("ben")))

			plan = w.set(auto(glob("team-*"), func(a *store.AutoRule) { a.Skip = []string{w.ids["team-b"]} }))
			require.Empty(t, plan.Findings)

			plan = w.set(auto(glob("team-*"), func(a *store.AutoRule) { a.Adopt = []string{w.ids["team-b"]} }))
			require.Equal(t, "adopt", outcomes(plan)["team-b"])
			require.Equal(t, "member", w.host.role(mine, w.account("ben")))

			w.deleteGroup("team-b")
			w.sync()
			require.Equal(t, "TEAM-B", w.host.teams[mine], "an adopted team stays")
			require.Equal(t, "member", w.host.role(mine, "u-root"))
			require.Empty(t, w.host.role(mine, w.account("ben")))
		}},
		{"two groups of one name: the older has the team", func(t *testing.T, w *world) {
			w.set(auto(glob("team-*")))
			m := w.meta("twin")
			_, err := w.st.CreateSCIMGroup(w.ctx, org, store.SCIMGroup{Meta: m, DisplayName: " TEAM-a "}, []store.Member{{ID: w.ids["cho"], Kind: store.MemberUser}}, w.ev("scim.group.created", subjectGroup, m.ID, nil))
			require.NoError(t, err)
			w.sync()
			found := w.events(EventFinding)
			require.Equal(t, string(FindingTeamNameShared), found[len(found)-1].Code)
			require.Contains(t, found[len(found)-1].Message, "“Team-A”")
			require.Empty(t, w.host.role(w.host.teamNamed("Team-A"), w.account("cho")))
		}},
		{"a name of nothing names no team", func(t *testing.T, w *world) {
			w.group("\u200b \t", "cho")
			plan := w.set(auto())
			require.Contains(t, w.codes(plan), FindingTeamNameEmpty)
		}},
		{"a narrowed filter releases teams and takes what they gave, if the owner says so", func(t *testing.T, w *world) {
			w.set(auto(glob("team-*")))
			plan := w.set(taking(auto(glob("team-a"))))
			require.Equal(t, 1, plan.Totals.TeamsReleased)
			require.Equal(t, 1, plan.Totals.Leaves)
			require.NotEmpty(t, w.host.teamNamed("team-b"))
		}},
		{"switching to manual is a plan", func(t *testing.T, w *world) {
			w.set(auto(glob("team-*")))
			a := w.host.teamNamed("Team-A")
			plan := w.set(taking(store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("Team-A", a, "member", "")}}))
			require.Equal(t, 2, plan.Totals.TeamsReleased)
			require.Equal(t, 1, plan.Totals.Leaves, "who stays in the same team stays")
			require.Equal(t, "member", w.host.role(a, w.account("ada")))
		}},
		{"a team deleted past the lock is made again", func(t *testing.T, w *world) {
			w.set(auto(glob("team-*")))
			id := w.host.teamNamed("Team-A")
			delete(w.host.teams, id)
			delete(w.host.in, id)
			_, err := w.e.Reconcile(t.Context(), org)
			require.NoError(t, err)
			require.Equal(t, "member", w.host.role(w.host.teamNamed("Team-A"), w.account("ada")))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.user("ada", "ben", "cho")
			w.group("Team-A", "ada")
			w.group("team-b", "ben")
			w.group("other", "cho")
			w.sync()
			tt.run(t, w)
			w.stable()
		})
	}
}

func TestDeletedGroupTakesItsUnusedTeam(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Target, c.DeleteAfter = deletingHost{c.Target.(*fakeHost)}, -1 })
	w.user("ada")
	w.group("A", "ada")
	w.group("B", "ada")
	s := auto()
	s.Unmanaged.Teams = store.TeamDelete
	w.set(s)
	w.host.in[w.host.teamNamed("B")]["u-root"] = "member"
	w.deleteGroup("A")
	w.deleteGroup("B")
	w.sync()
	require.Empty(t, w.host.teamNamed("A"))
	require.NotEmpty(t, w.host.teamNamed("B"), "somebody is in it by hand")
	require.Len(t, w.events("provisioning.team.delete"), 1)
	require.Len(t, w.events("provisioning.team.release"), 1)
	w.stable()
}

func TestTeamName(t *testing.T) {
	for give, want := range map[string]string{
		"SRE":                   "SRE",
		"  a\t b\u00a0c \n":     "a b c",
		"a\x00b\u202ec":         "abc",
		"👩\u200d🚒 crew":         "👩\u200d🚒 crew",
		"":                      "",
		" \u200b ":              "",
		strings.Repeat("é", 30): strings.Repeat("é", 20),
		"1234567890123456789 x": "1234567890123456789",
	} {
		require.Equal(t, want, teamName(give, 20), "%q", give)
	}
}

func TestGroupFilter(t *testing.T) {
	tests := []struct {
		kind, filter string
		yes, no      []string
	}{
		{"", "ignored", []string{"", "x"}, nil},
		{"all", "", []string{"x"}, nil},
		{"list", "SRE\n  dev team \n\n", []string{"sre", "Dev Team", "id-1"}, []string{"sre2", "dev"}},
		{"list", "", []string{"anything"}, nil},
		{"glob", "sre-*\nops?", []string{"SRE-", "sre-a/b", "opsX"}, []string{"ops", "xsre-a", "opsXY"}},
		{"glob", `a\*b`, []string{"A*b"}, []string{"axb"}},
		{"glob", "a.b(", []string{"a.b("}, []string{"axb("}},
		{"regex", "^sre|ops$", []string{"SRE x", "devops"}, []string{"xsre", "opsx"}},
		{"regex", "(?-i)SRE", []string{"SRE"}, []string{"sre"}},
		{"regex", `\Qa)`, []string{"xa)"}, []string{"a"}},
	}
	for _, tt := range tests {
		f, err := newGroupFilter(store.AutoRule{FilterKind: tt.kind, Filter: strings.Replace(tt.filter, "dev team", "dev team\nid-1", 1)})
		require.NoError(t, err)
		for _, name := range tt.yes {
			require.True(t, f.match(Group{ID: name, Name: name}), "%s %q passes %q", tt.kind, tt.filter, name)
		}
		for _, name := range tt.no {
			require.False(t, f.match(Group{Name: name}), "%s %q does not pass %q", tt.kind, tt.filter, name)
		}
	}
}

func TestGroupFilterErrors(t *testing.T) {
	tests := []struct {
		kind, filter string
		line, pos    int
	}{
		{"prefix", "a", 1, 0},
		{"regex", "ok\n\nxä(", 3, 1},
		{"regex", "a**", 1, 2},
		{"regex", "x[z-a]", 1, 3},
		{"regex", "a{2000}", 1, 2},
		{"glob", `abc\`, 1, 4},
		{"list", strings.Repeat("x", 300), 1, 0},
		{"glob", strings.Repeat("a\n", 51), 0, 0},
		{"all", strings.Repeat("x", 20<<10), 0, 0},
		{"list", "\xff", 0, 0},
	}
	for _, tt := range tests {
		_, err := newGroupFilter(store.AutoRule{FilterKind: tt.kind, Filter: tt.filter})
		var fe *FilterError
		require.ErrorAs(t, err, &fe, "%s %q", tt.kind, tt.filter)
		require.Equal(t, tt.line, fe.Line, fe.Error())
		require.Equal(t, tt.pos, fe.Position, fe.Error())
	}
}

func FuzzGroupFilter(f *testing.F) {
	f.Add("glob", "a*\n?b", "ab")
	f.Add("regex", "^(a|b)+$\n[", "abab")
	f.Add("list", "x\ny", "X")
	f.Fuzz(func(t *testing.T, kind, filter, name string) {
		g, err := newGroupFilter(store.AutoRule{FilterKind: kind, Filter: filter})
		if err != nil {
			var fe *FilterError
			require.ErrorAs(t, err, &fe)
			return
		}
		first := g.match(Group{Name: name, ExternalID: name})
		require.Equal(t, first, g.match(Group{Name: name, ExternalID: name}))
		exact, err := newGroupFilter(store.AutoRule{FilterKind: kind, Filter: filter, CaseSensitive: true, FilterExternalID: true})
		require.NoError(t, err, "case does not make a filter wrong")
		if exact.match(Group{ExternalID: name}) && kind == "list" {
			require.True(t, g.match(Group{Name: name}), "what passes with case passes without")
		}
	})
}

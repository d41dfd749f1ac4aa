package provisioning

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// refused wants a fault at a place, from Preview and Apply, and nothing saved.
func refused(t *testing.T, w *world, s store.ProvisioningSettings, field, code string) FieldError {
	t.Helper()
	before, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	s.Version = before.Version
	_, err = w.e.Preview(t.Context(), owner, org, s)
	var se *SettingsError
	require.ErrorAs(t, err, &se)
	_, applied := w.e.Apply(t.Context(), owner, org, s, Confirm{TopRole: true})
	require.ErrorAs(t, applied, &se)
	after, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, before, after, "nothing is saved")
	for _, f := range se.Fields {
		if f.Field == field {
			require.Equal(t, code, f.Code)
			require.NotEmpty(t, f.Message)
			require.Less(t, len(f.Message), 700, "what came is shortened")
			for _, r := range f.Message {
				require.True(t, r >= ' ' && r != '\u202e', "%q shows nothing that turns text around", f.Message)
			}
			return f
		}
	}
	t.Fatalf("expected a fault at %s, got %+v", field, se.Fields)
	return FieldError{}
}

const hostile = "<script>alert(1)</script>\u202e\x00"

func TestBadSettings(t *testing.T) {
	auto := func(change func(a *store.AutoRule)) store.ProvisioningSettings {
		s := store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member"}}
		change(&s.Auto)
		return s
	}
	big := strings.Repeat("x", 10<<10)
	many := make([]string, maxRows+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	tests := []struct {
		name, field, code string
		give              func(w *world) store.ProvisioningSettings
	}{
		{"unknown mode", "mode", "mode_invalid", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: hostile + store.ProvisioningMode(big)}
		}},
		{"unknown rule for roles", "roleRule", "value_unknown", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{RoleRule: "last" + store.RoleRule(hostile)}
		}},
		{"unknown policy for people", "unmanaged.people", "value_unknown", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Unmanaged: store.UnmanagedRule{People: "evict"}}
		}},
		{"unknown policy for teams", "unmanaged.teams", "value_unknown", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Unmanaged: store.UnmanagedRule{Teams: "purge"}}
		}},
		{"teams that the host cannot delete", "unmanaged.teams", "policy_unsupported", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Unmanaged: store.UnmanagedRule{Teams: store.TeamDelete}}
		}},
		{"teams that the host cannot archive", "unmanaged.teams", "policy_unsupported", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Unmanaged: store.UnmanagedRule{Teams: store.TeamArchive}}
		}},
		{"unknown policy for names", "auto.onRename", "value_unknown", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.OnRename = "ask" })
		}},
		{"unknown kind of filter without a filter", "auto.filter", "filter_invalid", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.FilterKind = "prefix" })
		}},
		{"a team role that is missing", "auto.teamRole", "role_unknown", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.TeamRole = "" })
		}},
		{"a template without a place", "auto.naming.template", "naming_invalid", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Naming.Template = "team" })
		}},
		{"a template with two places", "auto.naming.template", "naming_invalid", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Naming.Template = "{group} {group}" })
		}},
		{"a template with another place", "auto.naming.template", "naming_invalid", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Naming.Template = "{group} {owner}" })
		}},
		{"a template that leaves no room", "auto.naming.template", "naming_invalid", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Naming.Template = "{group}" + strings.Repeat("x", 60) })
		}},
		{"a hostile prefix", "auto.naming.stripPrefix", "naming_invalid", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Naming.StripPrefix = hostile })
		}},
		{"a huge suffix", "auto.naming.stripSuffix", "naming_invalid", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Naming.StripSuffix = big })
		}},
		{"a hostile name", "auto.names[0].name", "name_invalid", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Names = []store.GroupTeamName{{GroupID: w.ids["A"], Name: hostile}} })
		}},
		{"a huge name", "auto.names[0].name", "name_invalid", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Names = []store.GroupTeamName{{GroupID: w.ids["A"], Name: big}} })
		}},
		{"an empty name", "auto.names[0].name", "name_invalid", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Names = []store.GroupTeamName{{GroupID: w.ids["A"]}} })
		}},
		{"two names", "auto.names[1]", "decision_twice", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) {
				a.Names = []store.GroupTeamName{{GroupID: w.ids["A"], Name: "X"}, {GroupID: w.ids["A"], Name: "Y"}}
			})
		}},
		{"adopt and skip", "auto.adopt[0]", "decision_twice", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Adopt, a.Skip = []string{w.ids["A"]}, []string{w.ids["A"]} })
		}},
		{"a name and skip", "auto.names[0]", "decision_twice", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) {
				a.Names, a.Skip = []store.GroupTeamName{{GroupID: w.ids["A"], Name: "X"}}, []string{w.ids["A"]}
			})
		}},
		{"a foreign group adopts", "auto.adopt[0]", "group_not_found", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Adopt = []string{w.ids["foreign"]} })
		}},
		{"a foreign group is skipped", "auto.skip[0]", "group_not_found", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Skip = []string{w.ids["foreign"]} })
		}},
		{"a foreign group is named", "auto.names[0].groupId", "group_not_found", func(w *world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Names = []store.GroupTeamName{{GroupID: w.ids["foreign"], Name: "X"}} })
		}},
		{"a foreign group in a row", "rows[0].groupId", "group_not_found", func(w *world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("foreign", "t-ops", "member", "")}}
		}},
		{"a hostile group", "rows[0].groupId", "group_not_found", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{{GroupID: hostile, OrgRole: "member"}}}
		}},
		{"a huge team", "rows[0].teamId", "team_not_found", func(w *world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", big, "member", "")}}
		}},
		{"a team role without a team", "rows[0].teamRole", "role_unknown", func(w *world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "", big, "member")}}
		}},
		{"an archived team", "rows[0].teamId", "team_not_found", func(w *world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-old", "member", "")}}
		}},
		{"a row of a mode that is not chosen", "rows[0].teamId", "team_not_found", func(w *world) store.ProvisioningSettings {
			s := auto(func(*store.AutoRule) {})
			s.Rows = []store.MappingRow{w.row("A", "t-nix", "member", "")}
			return s
		}},
		{"huge lists", "auto.skip", "too_many", func(*world) store.ProvisioningSettings {
			return auto(func(a *store.AutoRule) { a.Skip = many })
		}},
		{"huge mapping", "rows", "too_many", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeNone, Rows: make([]store.MappingRow, maxRows+1)}
		}},
		{"very many faults", "rows[0]", "row_invalid", func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeManual, Rows: make([]store.MappingRow, maxRows)}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.host.addTeam("t-ops", "Ops")
			w.host.addTeam("t-old", "Old")
			w.host.archived["t-old"] = true
			w.group("A")
			m := w.meta("foreign")
			_, err := w.st.CreateSCIMGroup(t.Context(), "other", store.SCIMGroup{Meta: m, DisplayName: "Theirs"}, nil, w.ev("scim.group.created", subjectGroup, m.ID, nil))
			require.NoError(t, err)
			refused(t, w, tt.give(w), tt.field, tt.code)
		})
	}
}

func TestFaultsAreBounded(t *testing.T) {
	w := newWorld(t)
	_, err := w.e.Preview(t.Context(), owner, org, store.ProvisioningSettings{Mode: store.ModeManual, Rows: make([]store.MappingRow, maxRows)})
	var se *SettingsError
	require.ErrorAs(t, err, &se)
	require.Len(t, se.Fields, maxFaults)
}

// TestHostileGroupNames lets a directory name groups as it should not.
func TestHostileGroupNames(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	names := map[string]string{
		hostile:                       "<script>alert(1)</script>",
		strings.Repeat("long ", 2048): strings.TrimSpace(strings.Repeat("long ", 20)),
		"a\u2066b\u202dc\ufeff":       "abc",
		"  spaces \t and\nlines ":     "spaces and lines",
		"👩\u200d🚒 on call 🇩🇪":         "👩\u200d🚒 on call 🇩🇪",
		"\x00\u202e\u200d":            "",
		"{group}":                     "{group}",
	}
	for name := range names {
		w.group(name, "ada")
	}
	w.sync()
	plan := w.set(auto())
	got := map[string]bool{}
	for _, name := range w.host.teams {
		got[name] = true
	}
	for give, want := range names {
		if want != "" {
			require.True(t, got[want], "%q makes %q, got %v", give, want, got)
		}
	}
	require.Len(t, got, len(names)-1)
	require.Contains(t, w.codes(plan), FindingTeamNameEmpty)
	text := string(asJSON(plan))
	for _, bad := range []string{`\u0000`, "\u202e", `\u202e`, "\u2066", strings.Repeat("long ", 40)} {
		require.NotContains(t, text, bad, "what is shown is clean")
	}
	w.stable()
}

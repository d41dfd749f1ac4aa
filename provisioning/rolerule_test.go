package provisioning

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestR98WhichRoleWins gives one person several roles by several groups, in every order
// of rows and with groups made in every order.
func TestR98WhichRoleWins(t *testing.T) {
	type gives struct{ group, teamRole, orgRole string }
	rows := []gives{{"A", "member", "administrator"}, {"B", "administrator", ""}, {"C", "member", "member"}, {"A", "administrator", ""}}
	for _, rule := range []store.RoleRule{store.RoleHighest, store.RoleFirstRow} {
		for i, order := range permutations(len(rows)) {
			w := newWorld(t)
			w.host.addTeam("t-ops", "Ops")
			w.user("ada")
			groups := []string{"A", "B", "C"}
			rand.New(rand.NewPCG(uint64(i), 1)).Shuffle(3, func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
			for _, g := range groups {
				w.group(g, "ada")
			}
			w.sync()
			s := store.ProvisioningSettings{Mode: store.ModeManual, RoleRule: rule}
			wantTeam, wantOrg := "administrator", "administrator"
			for _, n := range order {
				s.Rows = append(s.Rows, w.row(rows[n].group, "t-ops", rows[n].teamRole, rows[n].orgRole))
			}
			if rule == store.RoleFirstRow {
				wantTeam = rows[order[0]].teamRole
				first := slices.IndexFunc(order, func(n int) bool { return rows[n].orgRole != "" })
				wantOrg = rows[order[first]].orgRole
			}
			plan := w.set(s)
			require.Equal(t, wantTeam, w.host.role("t-ops", w.account("ada")), "%q %v", rule, order)
			require.Equal(t, wantOrg, w.host.byEmail(t, "ada@acme.example").Role, "%q %v", rule, order)
			require.Zero(t, plan.Totals.Overrides)
			if rule == store.RoleFirstRow {
				require.Contains(t, plan.Lines[0].Reason, "row 1", "the reason names the row that won")
			}
			w.stable()
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

func TestFirstRowWinsAsPeopleComeAndGo(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("Low", "ada", "ben")
	w.group("High", "ada")
	w.sync()
	s := store.ProvisioningSettings{Mode: store.ModeManual, RoleRule: store.RoleFirstRow, Rows: []store.MappingRow{
		w.row("Low", "t-ops", "member", "member"), w.row("High", "t-ops", "administrator", "administrator"),
	}}
	w.set(s)
	ada := w.account("ada")
	require.Equal(t, "member", w.host.role("t-ops", ada))
	require.Equal(t, "member", w.host.users[ada].Role)

	w.leave("Low", "ada")
	w.sync()
	require.Equal(t, "administrator", w.host.role("t-ops", ada), "the next row counts")
	require.Equal(t, "administrator", w.host.users[ada].Role)
	w.join("Low", "ada")
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", ada))
	w.stable()

	// The other rule, and back: never taken for a change by hand.
	s.RoleRule = store.RoleHighest
	plan := w.set(s)
	require.Zero(t, plan.Totals.Overrides)
	require.Equal(t, "administrator", w.host.role("t-ops", ada))
	require.Equal(t, "administrator", w.host.users[ada].Role)
	s.RoleRule = store.RoleFirstRow
	require.Zero(t, w.set(s).Totals.Overrides)
	require.Equal(t, "member", w.host.role("t-ops", ada))
	w.stable()

	w.host.in["t-ops"][w.account("ben")] = "administrator"
	plan = w.set(s)
	require.Equal(t, 1, plan.Totals.Overrides)
	require.Equal(t, SourceOverride, plan.Lines[0].Source)
	require.Equal(t, "administrator", w.host.role("t-ops", w.account("ben")))
}

func TestR99DefaultRole(t *testing.T) {
	for _, mode := range []store.ProvisioningMode{store.ModeNone, store.ModeManual, store.ModeAuto} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t)
			w.user("ada", "ben", "cho")
			w.group("Owners", "ben")
			w.sync()
			w.host.users[w.account("cho")].Role = "owner" // by hand
			s := store.ProvisioningSettings{Mode: mode, DefaultOrgRole: "administrator"}
			switch mode {
			case store.ModeManual:
				s.Rows = []store.MappingRow{w.row("Owners", "", "", "owner")}
			case store.ModeAuto:
				s.Auto = store.AutoRule{TeamRole: "member", OrgRole: "owner"}
			}
			plan := w.set(s)
			role := func(name string) string { return w.host.byEmail(t, name+"@acme.example").Role }
			require.Equal(t, "administrator", role("ada"))
			require.Equal(t, "owner", role("cho"), "a higher role by hand stays")
			i := slices.IndexFunc(plan.Lines, func(l Line) bool { return l.Kind == OrgRoleSet && l.Person == "Ada" })
			require.Equal(t, SourceDefault, plan.Lines[i].Source)
			require.Contains(t, plan.Lines[i].Reason, "default")
			if mode != store.ModeNone {
				require.Equal(t, "owner", role("ben"))
				w.leave("Owners", "ben")
				w.sync()
				require.Equal(t, "administrator", role("ben"), "R100: back to the default")
				w.join("Owners", "ben")
				w.sync()
				require.Equal(t, "owner", role("ben"))
				w.leave("Owners", "ben")
				w.sync()
			}
			w.user("eve")
			w.sync()
			require.Equal(t, "administrator", role("eve"))
			w.stable()
			grants, err := w.st.Grants(t.Context(), org, w.account("eve"))
			require.NoError(t, err)
			require.Len(t, grants, 1)
			require.Equal(t, SourceDefault, SourceOf(grants[0]))

			s.DefaultOrgRole = ""
			plan = w.set(s)
			require.Contains(t, plan.Lines[0].Reason, "another default role, or none")
			require.Equal(t, "member", role("ada"))
			require.Equal(t, "owner", role("cho"))
			w.stable()
		})
	}
}

func TestDefaultRoleIsHeldToItsBounds(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MaxProvisionableRole = "" })
	refused(t, w, store.ProvisioningSettings{DefaultOrgRole: "owner"}, "defaultOrgRole", "role_above_max")
	refused(t, w, store.ProvisioningSettings{DefaultOrgRole: "boss"}, "defaultOrgRole", "role_unknown")

	// The host may change its mind after it was saved.
	w.user("ada")
	w.sync()
	w.set(store.ProvisioningSettings{DefaultOrgRole: "administrator"})
	w.cfg.MaxProvisionableRole = "member"
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	plan, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err, "settings that were sound once stop no reconcile")
	require.Contains(t, w.codes(plan), FindingRoleAboveMax)
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
}

// TestR93OwnersByDefaultAreConfirmed holds for the default role as for a group's.
func TestR93OwnersByDefaultAreConfirmed(t *testing.T) {
	for i, s := range []store.ProvisioningSettings{
		{DefaultOrgRole: "owner"},
		{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member", OrgRole: "owner"}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := newWorld(t)
			w.user("ada")
			w.group("A", "ada")
			w.sync()
			plan, err := w.e.Preview(t.Context(), owner, org, s)
			require.NoError(t, err)
			require.True(t, plan.GivesTopRole)
			_, err = w.e.Apply(t.Context(), owner, org, s, Confirm{Hash: plan.Hash})
			require.ErrorIs(t, err, ErrTopRoleUnconfirmed)
			require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
			_, err = w.e.Apply(t.Context(), owner, org, s, Confirm{Hash: plan.Hash, TopRole: true})
			require.NoError(t, err)
			require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role)
		})
	}
}

func TestSources(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("A", "ada", "ben")
	w.sync()
	w.host.in["t-ops"][w.account("ben")] = "member"
	plan := w.manual(w.row("A", "t-ops", "member", "administrator"))
	by := GroupSource(w.ids["A"])
	for _, l := range plan.Lines {
		require.Equal(t, by, l.Source, "%s", l.Kind)
	}
	id, ok := by.Group()
	require.True(t, ok)
	require.Equal(t, w.ids["A"], id)
	_, ok = SourceManual.Group()
	require.False(t, ok)
	require.Empty(t, GroupSource(""))

	plan = w.manual()
	got := map[string]Source{}
	for _, l := range plan.Lines {
		got[string(l.Kind)+" "+l.Person] = l.Source
	}
	require.Equal(t, map[string]Source{
		"member.remove Ada": by, "member.release Ben": SourceManual,
		"org_role.set Ada": SourceManual, "org_role.set Ben": SourceManual,
	}, got)
}

// TestDefaultRoleAndChangesByHand: a default is no more than that.
func TestDefaultRoleAndChangesByHand(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben")
	w.group("Owners")
	w.sync()
	s := store.ProvisioningSettings{Mode: store.ModeManual, DefaultOrgRole: "administrator", Rows: []store.MappingRow{w.row("Owners", "", "", "owner")}}
	w.set(s)
	ada, ben := w.account("ada"), w.account("ben")

	// Higher by hand: what was there before, from now on.
	w.host.users[ada].Role = "owner"
	require.Zero(t, w.set(s).Totals.Overrides)
	w.stable()
	// Lower by hand: stays, and is shown.
	w.host.users[ben].Role = "member"
	plan := w.set(s)
	require.Equal(t, 1, plan.Totals.Overrides)
	require.Contains(t, plan.Lines[0].Reason, "the default is")
	w.stable()
	require.Equal(t, "member", w.host.users[ben].Role)
	// A group's role is more than a default.
	w.join("Owners", "ben")
	w.sync()
	require.Equal(t, "owner", w.host.users[ben].Role)
	w.leave("Owners", "ben")
	w.sync()
	require.Equal(t, "administrator", w.host.users[ben].Role)
	w.host.users[ben].Role = "member"
	w.reset(Reset{OrgRoles: true})
	require.Equal(t, "administrator", w.host.users[ben].Role)

	// Nor does it lock the role.
	locks, err := NewLocks(LocksConfig{Store: w.st})
	require.NoError(t, err)
	lock, err := locks.Check(t.Context(), org, Resource{Kind: ResourceOrgRole, AccountID: ben}, "", OpUpdate)
	require.NoError(t, err)
	require.False(t, lock.Locked)

	s.DefaultOrgRole = ""
	w.host.users[ben].Role = "owner" // by hand
	w.set(s)
	require.Equal(t, "owner", w.host.users[ben].Role)
	require.Equal(t, "owner", w.host.users[ada].Role)
	w.stable()
}

// TestR96RolesAreTheHosts uses roles of other names and numbers than the documentation's.
func TestR96RolesAreTheHosts(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.OrgRoles = []string{"guest", "member", "manager", "director", "owner"}
		c.TeamRoles = []string{"viewer", "responder", "lead"}
		c.MaxProvisionableRole = "manager"
	})
	w.host.addTeam("t-ops", "Ops")
	w.user("ada")
	w.host.root = "" // nobody's
	for _, g := range []string{"A", "B", "C"} {
		w.group(g, "ada")
	}
	w.sync()
	w.host.users[w.account("ada")].Role = "guest"
	w.manual(w.row("A", "t-ops", "responder", "member"), w.row("B", "t-ops", "lead", "manager"), w.row("C", "t-ops", "viewer", "guest"))
	require.Equal(t, "lead", w.host.role("t-ops", w.account("ada")))
	require.Equal(t, "manager", w.host.byEmail(t, "ada@acme.example").Role)
	w.leave("B", "ada")
	w.sync()
	require.Equal(t, "responder", w.host.role("t-ops", w.account("ada")))
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
	w.leave("A", "ada")
	w.sync()
	require.Equal(t, "viewer", w.host.role("t-ops", w.account("ada")))
	require.Equal(t, "guest", w.host.byEmail(t, "ada@acme.example").Role)
	w.stable()
	refused(t, w, store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "", "", "director")}}, "rows[0].orgRole", "role_above_max")
	refused(t, w, store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-ops", "administrator", "")}}, "rows[0].teamRole", "role_unknown")
}

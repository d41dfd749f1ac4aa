package provisioning

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestProvisionedUserGetsAccountAndTeams(t *testing.T) {
	w := newWorld(t)
	ops := w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("SRE", "ada", "ben")
	require.Equal(t, 3, w.sync())
	require.Empty(t, w.host.role(ops, w.account("ada")), "without a mapping groups give nothing")

	plan := w.manual(w.row("SRE", ops, "administrator", "administrator"))
	require.Equal(t, []string{"member.add Ada", "org_role.set Ada", "member.add Ben", "org_role.set Ben"}, kinds(plan))
	require.Equal(t, "in group “SRE”, row 1", plan.Lines[0].Reason)
	require.Equal(t, 2, plan.Totals.Joins)
	require.Equal(t, 2, plan.Totals.RolesRaised)
	require.Equal(t, "administrator", w.host.role(ops, w.account("ada")))
	require.Equal(t, "administrator", w.host.byEmail(t, "ada@acme.example").Role)

	a, err := w.st.Account(t.Context(), org, w.account("ada"))
	require.NoError(t, err)
	require.Equal(t, store.SourceSCIM, a.Source)
	require.Equal(t, w.ids["ada"], a.SCIMUserID)
	require.NotEmpty(t, w.events("provisioning.member.add"))
	w.stable()

	w.leave("SRE", "ben")
	w.user("cho")
	w.join("SRE", "cho")
	w.sync()
	require.Empty(t, w.host.role(ops, w.account("ben")))
	require.Equal(t, "member", w.host.byEmail(t, "ben@acme.example").Role, "the role before comes back")
	require.Equal(t, "administrator", w.host.role(ops, w.account("cho")))
	w.stable()
}

// TestWhatGroupsGive holds the rules of membership, one story each.
func TestWhatGroupsGive(t *testing.T) {
	const ops, dev = "t-ops", "t-dev"
	tests := []struct {
		name string
		run  func(t *testing.T, w *world)
	}{
		{"a membership by hand survives", func(t *testing.T, w *world) {
			w.host.in[ops][w.account("ada")] = "administrator"
			plan := w.manual(w.row("A", ops, "member", ""))
			require.Contains(t, kinds(plan), "member.link Ada")
			w.leave("A", "ada")
			w.sync()
			require.Equal(t, "administrator", w.host.role(ops, w.account("ada")))
		}},
		{"two groups, one ends, the member stays", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", ""), w.row("B", ops, "administrator", ""))
			require.Equal(t, "administrator", w.host.role(ops, w.account("ada")), "the highest role wins")
			w.leave("B", "ada")
			w.sync()
			require.Equal(t, "member", w.host.role(ops, w.account("ada")))
			w.leave("A", "ada")
			w.sync()
			require.Empty(t, w.host.role(ops, w.account("ada")))
		}},
		{"a team role changed by hand is kept and shown", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", ""))
			w.host.in[ops][w.account("ada")] = "administrator"
			plan := w.manual(w.row("A", ops, "member", ""), w.row("B", dev, "member", ""))
			require.Equal(t, 1, plan.Totals.Overrides)
			require.Contains(t, kinds(plan), "member.override Ada")
			require.Equal(t, "administrator", w.host.role(ops, w.account("ada")))
			w.leave("A", "ada")
			w.sync()
			require.Empty(t, w.host.role(ops, w.account("ada")), "the membership came from the group")
		}},
		{"a changed mapping role reaches those without an override", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", ""))
			w.host.in[ops][w.account("ada")] = "administrator"
			w.manual(w.row("A", ops, "administrator", ""))
			require.Equal(t, "administrator", w.host.role(ops, w.account("ben")))
		}},
		{"re-mapping moves exactly whom the group brought", func(t *testing.T, w *world) {
			w.host.in[ops]["u-root"] = "administrator"
			w.manual(w.row("A", ops, "member", ""))
			plan := w.manual(w.row("A", dev, "member", ""))
			require.Equal(t, 2, plan.Totals.Leaves)
			require.Equal(t, 2, plan.Totals.Joins)
			require.Equal(t, "administrator", w.host.role(ops, "u-root"))
			require.Equal(t, "member", w.host.role(dev, w.account("ada")))
		}},
		{"a higher role by hand is not lowered", func(t *testing.T, w *world) {
			w.host.users[w.account("ada")].Role = "owner"
			w.manual(w.row("A", "", "", "administrator"))
			require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role)
			require.Equal(t, "administrator", w.host.byEmail(t, "ben@acme.example").Role)
			w.leave("A", "ada", "ben")
			w.sync()
			require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role)
			require.Equal(t, "member", w.host.byEmail(t, "ben@acme.example").Role)
		}},
		{"an organisation role changed by hand meanwhile is not touched", func(t *testing.T, w *world) {
			w.manual(w.row("A", "", "", "administrator"))
			w.host.users[w.account("ada")].Role = "owner"
			w.leave("A", "ada")
			w.sync()
			require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role)
		}},
		{"a deleted group takes what it gave", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", "administrator"), w.row("B", dev, "member", ""))
			w.deleteGroup("A")
			w.sync()
			require.Empty(t, w.host.role(ops, w.account("ada")))
			require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
			require.Equal(t, "member", w.host.role(dev, w.account("ada")))
		}},
		{"a team deleted by hand is flagged and stops nobody", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", ""), w.row("A", dev, "member", ""))
			delete(w.host.teams, ops)
			delete(w.host.in, ops)
			w.user("cho")
			w.join("A", "cho")
			w.sync()
			require.Equal(t, "member", w.host.role(dev, w.account("cho")))
			found := w.events(EventFinding)
			require.NotEmpty(t, found)
			require.Equal(t, string(FindingTeamMissing), found[len(found)-1].Code)
			plan, err := w.e.Reconcile(t.Context(), org)
			require.NoError(t, err)
			require.Equal(t, []FindingCode{FindingTeamMissing}, w.codes(plan), "reported once, whoever is concerned")
		}},
		{"a renamed group keeps its mapping", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", ""))
			w.renameGroup("A", "Something else")
			w.sync()
			require.Equal(t, "member", w.host.role(ops, w.account("ada")))
		}},
		{"a membership removed past the lock is mended", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", ""))
			delete(w.host.in[ops], w.account("ada"))
			_, err := w.e.Reconcile(t.Context(), org)
			require.NoError(t, err)
			require.Equal(t, "member", w.host.role(ops, w.account("ada")))
		}},
		{"mode none takes what was given and no more, if the owner says so", func(t *testing.T, w *world) {
			w.host.in[dev][w.account("ben")] = "member"
			w.manual(w.row("A", ops, "member", "administrator"))
			plan := w.set(taking(store.ProvisioningSettings{Mode: store.ModeNone}))
			require.Equal(t, 2, plan.Totals.Leaves)
			require.Equal(t, "member", w.host.role(dev, w.account("ben")))
			require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
		}},
		{"a member that is not provisioned yet counts from its day on", func(t *testing.T, w *world) {
			w.manual(w.row("A", ops, "member", ""))
			m := w.meta("eve")
			w.join("A", "eve")
			w.sync()
			u := store.SCIMUser{Meta: m, UserName: "eve@acme.example", Active: true, Body: userBody("eve@acme.example", true)}
			_, err := w.st.CreateSCIMUser(w.ctx, org, u, w.ev("scim.user.created", subjectUser, m.ID, u.Body))
			require.NoError(t, err)
			w.sync()
			require.Equal(t, "member", w.host.role(ops, w.account("eve")))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.host.addTeam(ops, "Ops")
			w.host.addTeam(dev, "Dev")
			w.user("ada", "ben")
			w.group("A", "ada", "ben")
			w.group("B", "ada")
			w.sync()
			tt.run(t, w)
			w.stable()
		})
	}
}

func TestSettingsAreRefusedWithPlaces(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MaxProvisionableRole = "" })
	w.host.addTeam("t-ops", "Ops")
	w.group("A")
	tests := []struct {
		name  string
		give  store.ProvisioningSettings
		field string
		code  string
	}{
		{"unknown mode", store.ProvisioningSettings{Mode: "both"}, "mode", "mode_invalid"},
		{"unknown team", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-nix", "member", "")}}, "rows[0].teamId", "team_not_found"},
		{"unknown group", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("Z", "t-ops", "member", "")}}, "rows[0]", "row_invalid"},
		{"foreign group", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{{GroupID: "g", TeamID: "t-ops", TeamRole: "member"}}}, "rows[0].groupId", "group_not_found"},
		{"unknown team role", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-ops", "boss", "")}}, "rows[0].teamRole", "role_unknown"},
		{"unknown role", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "", "", "boss")}}, "rows[0].orgRole", "role_unknown"},
		{"owner by group needs the host's leave", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "", "", "owner")}}, "rows[0].orgRole", "role_above_max"},
		{"a row that gives nothing", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "", "", "")}}, "rows[0]", "row_invalid"},
		{"a filter that does not compile", store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{FilterKind: "regex", Filter: "ok\na(b", TeamRole: "member"}}, "auto.filter", "filter_invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.e.Preview(t.Context(), owner, org, tt.give)
			var se *SettingsError
			require.ErrorAs(t, err, &se)
			require.Len(t, se.Fields, 1)
			require.Equal(t, tt.field, se.Fields[0].Field)
			require.Equal(t, tt.code, se.Fields[0].Code)
			if tt.code == "filter_invalid" {
				require.Equal(t, 2, se.Fields[0].Line)
				require.Equal(t, 1, se.Fields[0].Position)
			}
		})
	}
}

package provisioning

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// overridden has roles changed by hand: two of ada's in teams, ben's in one, cho's in the
// organisation; dee was a member by hand before.
func overridden(t *testing.T) *world {
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.host.addTeam("t-dev", "Dev")
	w.user("ada", "ben", "cho", "dee")
	w.group("A", "ada", "ben", "cho", "dee")
	w.group("B", "ada")
	w.sync()
	w.host.in["t-ops"][w.account("dee")] = "administrator"
	w.manual(w.row("A", "t-ops", "member", "administrator"), w.row("B", "t-dev", "member", ""))
	w.host.in["t-ops"][w.account("ada")] = "administrator"
	w.host.in["t-dev"][w.account("ada")] = "administrator"
	w.host.in["t-ops"][w.account("ben")] = "administrator"
	w.host.users[w.account("cho")].Role = "member"
	return w
}

func (w *world) reset(r Reset) Plan {
	w.Helper()
	preview, err := w.e.PreviewReset(w.ctx, owner, org, r)
	require.NoError(w, err)
	done, err := w.e.ApplyReset(w.ctx, owner, org, r, Confirm{Hash: preview.Hash})
	require.NoError(w, err)
	require.Equal(w, preview.Lines, done.Lines)
	return done
}

// TestD1Reset takes back what was changed by hand, as far as the owner says (R87).
func TestD1Reset(t *testing.T) {
	all := []string{"ada t-dev", "ada t-ops", "ben t-ops", "cho"}
	tests := []struct {
		name string
		give func(w *world) Reset
		left []string
	}{
		{"all", func(*world) Reset { return Reset{TeamRoles: true, OrgRoles: true} }, nil},
		{"teams", func(*world) Reset { return Reset{TeamRoles: true} }, []string{"cho"}},
		{"the organisation", func(*world) Reset { return Reset{OrgRoles: true} }, all[:3]},
		{"one person", func(w *world) Reset { return Reset{TeamRoles: true, OrgRoles: true, AccountID: w.account("ada")} }, all[2:]},
		{"one team", func(*world) Reset { return Reset{TeamRoles: true, TeamID: "t-ops"} }, []string{"ada t-dev", "cho"}},
		{"one membership", func(w *world) Reset { return Reset{TeamRoles: true, TeamID: "t-ops", AccountID: w.account("ben")} }, []string{"ada t-dev", "ada t-ops", "cho"}},
		{"a row's group", func(w *world) Reset { return Reset{TeamRoles: true, GroupID: w.ids["B"]} }, all[1:]},
		{"a group's roles in the organisation", func(w *world) Reset { return Reset{OrgRoles: true, GroupID: w.ids["B"]} }, all},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := overridden(t)
			plan := w.reset(tt.give(w))
			var left []string
			for _, x := range all {
				switch x {
				case "cho":
					if w.host.byEmail(t, "cho@acme.example").Role == "member" {
						left = append(left, x)
					}
				default:
					if w.host.role(x[4:], w.account(x[:3])) == "administrator" {
						left = append(left, x)
					}
				}
			}
			require.Equal(t, tt.left, left)
			require.Equal(t, len(tt.left), plan.Totals.Overrides, "what stays changed is shown")
			require.Equal(t, len(all)-len(left), plan.Totals.RolesLowered+plan.Totals.RolesRaised)
			require.Equal(t, "administrator", w.host.role("t-ops", w.account("dee")), "a role from before a group is no change by hand")
			if len(left) < len(all) {
				require.Contains(t, plan.Lines[indexOfChange(plan)].Reason, "takes back")
			}
			last := w.events(EventReset)
			require.Len(t, last, 1)
			require.Equal(t, owner.ID, last[0].Actor.ID)
			w.stable()

			// What was taken back follows the mapping again.
			if len(left) == 0 {
				w.manual(w.row("A", "t-ops", "administrator", ""))
				require.Equal(t, "administrator", w.host.role("t-ops", w.account("ben")))
			}
		})
	}
}

func indexOfChange(p Plan) int {
	for i, l := range p.Lines {
		if !l.Kind.Informative() {
			return i
		}
	}
	return -1
}

func TestResetIsRefused(t *testing.T) {
	w := overridden(t)
	before := w.host.state()
	for field, tt := range map[string]struct {
		give Reset
		code string
	}{
		"reset":           {Reset{}, "reset_empty"},
		"reset.teamId":    {Reset{TeamRoles: true, TeamID: "t-nix"}, "team_not_found"},
		"reset.groupId":   {Reset{TeamRoles: true, GroupID: "nix"}, "group_not_found"},
		"reset.accountId": {Reset{TeamRoles: true, AccountID: "u-of-others"}, "account_not_found"},
	} {
		_, err := w.e.PreviewReset(t.Context(), owner, org, tt.give)
		var se *SettingsError
		require.ErrorAs(t, err, &se)
		require.Equal(t, field, se.Fields[0].Field)
		require.Equal(t, tt.code, se.Fields[0].Code)
		_, err = w.e.ApplyReset(t.Context(), owner, org, tt.give, Confirm{})
		require.ErrorAs(t, err, &se)
	}
	_, err := w.e.PreviewReset(t.Context(), owner, org, Reset{OrgRoles: true, TeamID: "t-ops"})
	var se *SettingsError
	require.ErrorAs(t, err, &se)
	require.Equal(t, "reset_invalid", se.Fields[0].Code)
	require.Equal(t, before, w.host.state())

	// Something changed since the preview.
	plan, err := w.e.PreviewReset(t.Context(), owner, org, Reset{TeamRoles: true})
	require.NoError(t, err)
	w.host.in["t-dev"][w.account("ada")] = "member"
	_, err = w.e.ApplyReset(t.Context(), owner, org, Reset{TeamRoles: true}, Confirm{Hash: plan.Hash})
	require.ErrorIs(t, err, store.ErrStale)
	require.Empty(t, w.events(EventReset))
}

func TestResetProtectsTheLastOwner(t *testing.T) {
	w := overridden(t)
	w.host.users[w.account("cho")].Role = "owner"
	w.host.users["u-root"].Role = "member"
	plan := w.reset(Reset{OrgRoles: true})
	require.Equal(t, []FindingCode{FindingLastOwner}, w.codes(plan))
	require.Equal(t, "owner", w.host.byEmail(t, "cho@acme.example").Role)
}

func TestResetWaitsWhilePaused(t *testing.T) {
	w := overridden(t)
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	s.Paused = true
	w.set(s)
	before := w.host.state()
	plan := w.reset(Reset{TeamRoles: true, OrgRoles: true})
	require.Contains(t, w.codes(plan), FindingPaused)
	require.Equal(t, before, w.host.state())
}

// TestR87ChangedRoleOfARow reaches new members and those without a change by hand.
func TestR87ChangedRoleOfARow(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben", "cho", "dee")
	w.group("A", "ada", "ben")
	w.sync()
	w.host.in["t-ops"][w.account("dee")] = "member"
	w.manual(w.row("A", "t-ops", "administrator", ""))
	w.host.in["t-ops"][w.account("ada")] = "member" // by hand
	w.join("A", "dee")
	w.sync()
	plan := w.manual(w.row("A", "t-ops", "member", ""))
	require.Equal(t, 1, plan.Totals.RolesLowered)
	require.Equal(t, "member", w.host.role("t-ops", w.account("ben")))
	w.join("A", "cho")
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("cho")), "new members have the new role")
	w.stable()
	require.Equal(t, "member", w.host.role("t-ops", w.account("dee")), "a member by hand keeps the role")

	// A change by hand that a rule meets later is none any more.
	w.host.in["t-ops"][w.account("ada")] = "administrator"
	require.Equal(t, 1, w.manual(w.row("A", "t-ops", "member", "")).Totals.Overrides)
	w.manual(w.row("A", "t-ops", "administrator", ""))
	require.Equal(t, "administrator", w.host.role("t-ops", w.account("ada")))
	w.manual(w.row("A", "t-ops", "member", ""))
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	require.Equal(t, "member", w.host.role("t-ops", w.account("dee")))
	w.stable()
}

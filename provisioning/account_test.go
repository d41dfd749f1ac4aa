package provisioning

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestAccounts holds the life of accounts, one story each.
func TestAccounts(t *testing.T) {
	tests := []struct {
		name string
		run  func(t *testing.T, w *world)
	}{
		{"inactive ends access at once, active restores all", func(t *testing.T, w *world) {
			id := w.account("ada")
			w.host.users[id].Sessions = 3
			w.host.in["t-dev"][id] = "member"
			w.active("ada", false)
			w.sync()
			require.False(t, w.host.users[id].Active)
			require.Zero(t, w.host.users[id].Sessions)
			a, err := w.st.Account(t.Context(), org, id)
			require.NoError(t, err)
			require.False(t, a.Active)
			w.stable()

			w.active("ada", true)
			w.sync()
			require.True(t, w.host.users[id].Active)
			require.Equal(t, "member", w.host.role("t-ops", id))
			require.Equal(t, "member", w.host.role("t-dev", id))
		}},
		{"off and on between two syncs ends sessions", func(t *testing.T, w *world) {
			id := w.account("ada")
			w.host.users[id].Sessions = 3
			w.active("ada", false)
			w.active("ada", true)
			w.sync()
			require.True(t, w.host.users[id].Active)
			require.Zero(t, w.host.users[id].Sessions)
		}},
		{"inactive people gain nothing and lose what groups take", func(t *testing.T, w *world) {
			id := w.account("ada")
			w.active("ada", false)
			w.sync()
			w.leave("A", "ada")
			w.join("B", "ada")
			w.sync()
			require.Empty(t, w.host.role("t-ops", id))
			require.Empty(t, w.host.role("t-dev", id))
			w.active("ada", true)
			w.sync()
			require.Equal(t, "member", w.host.role("t-dev", id))
		}},
		{"a deleted user is suspended, and taken up again when it returns", func(t *testing.T, w *world) {
			id := w.account("ada")
			w.deleteUser("ada")
			w.sync()
			require.False(t, w.host.users[id].Active)
			require.Empty(t, w.host.role("t-ops", id))
			w.stable()

			w.user("ada")
			w.join("A", "ada")
			w.sync()
			require.True(t, w.host.users[id].Active)
			require.Equal(t, "member", w.host.role("t-ops", id))
			a, err := w.st.Account(t.Context(), org, id)
			require.NoError(t, err)
			require.Equal(t, w.ids["ada"], a.SCIMUserID)
			require.Equal(t, store.SourceSCIM, a.Source)
		}},
		{"a change of the address follows the user", func(t *testing.T, w *world) {
			id := w.account("ada")
			w.write("ada", "ada.new@acme.example", true)
			w.sync()
			require.Equal(t, "ada.new@acme.example", w.host.users[id].Email)
		}},
		{"an account that nobody approved is left alone", func(t *testing.T, w *world) {
			w.host.addUser("u-eve", "eve@acme.example", "administrator")
			w.user("eve")
			w.join("A", "eve")
			w.sync()
			require.Empty(t, w.host.role("t-ops", "u-eve"))
			found := w.events(EventFinding)
			require.Equal(t, string(FindingAccountExists), found[len(found)-1].Code)
			_, err := w.st.AccountOfSCIMUser(t.Context(), org, w.ids["eve"])
			require.ErrorIs(t, err, store.ErrNotFound)
		}},
		{"an approved account is taken over with all it has", func(t *testing.T, w *world) {
			w.host.addUser("u-eve", "eve@acme.example", "administrator")
			w.host.in["t-dev"]["u-eve"] = "administrator"
			entries := []string{"EVE@acme.example"}
			plan, err := w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: entries})
			require.NoError(t, err)
			_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{Entries: entries}, plan.Hash)
			require.NoError(t, err)
			w.user("eve")
			w.join("A", "eve")
			w.sync()
			require.Equal(t, "member", w.host.role("t-ops", "u-eve"))
			require.Equal(t, "administrator", w.host.role("t-dev", "u-eve"))
			require.Equal(t, "administrator", w.host.users["u-eve"].Role)
			a, err := w.st.Account(t.Context(), org, "u-eve")
			require.NoError(t, err)
			require.Equal(t, store.SourceConverted, a.Source)
			require.False(t, a.Convertible)
		}},
		{"an account that came by sign-in is taken over", func(t *testing.T, w *world) {
			w.host.addUser("u-eve", "eve@acme.example", "member")
			_, err := w.st.CreateAccount(t.Context(), org, store.Account{Meta: store.Meta{ID: "u-eve"}, Source: store.SourceOIDC, Active: true})
			require.NoError(t, err)
			w.user("eve")
			w.sync()
			a, err := w.st.AccountOfSCIMUser(t.Context(), org, w.ids["eve"])
			require.NoError(t, err)
			require.Equal(t, "u-eve", a.ID)
		}},
		{"an account of an unproven address is nobody's to take over, unless somebody approves", func(t *testing.T, w *world) {
			w.host.addUser("u-eve", "eve@acme.example", "member")
			_, err := w.st.CreateAccount(t.Context(), org, store.Account{Meta: store.Meta{ID: "u-eve"}, Source: store.SourceOIDC, Active: true, EmailUnproven: true})
			require.NoError(t, err)
			w.user("eve")
			w.sync()
			_, err = w.st.AccountOfSCIMUser(t.Context(), org, w.ids["eve"])
			require.ErrorIs(t, err, store.ErrNotFound)
			found := w.events(EventFinding)
			require.Equal(t, string(FindingAccountExists), found[len(found)-1].Code)

			entries := []string{"eve@acme.example"}
			plan, err := w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: entries})
			require.NoError(t, err)
			_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{Entries: entries}, plan.Hash)
			require.NoError(t, err)
			w.active("eve", true)
			w.sync()
			a, err := w.st.AccountOfSCIMUser(t.Context(), org, w.ids["eve"])
			require.NoError(t, err)
			require.Equal(t, "u-eve", a.ID)
			require.False(t, a.EmailUnproven)
		}},
		{"an account deleted by hand is reported", func(t *testing.T, w *world) {
			delete(w.host.in["t-ops"], w.account("ada"))
			delete(w.host.users, w.account("ada"))
			w.active("ada", true)
			w.sync()
			found := w.events(EventFinding)
			require.Equal(t, string(FindingAccountMissing), found[len(found)-1].Code)
			w.deleteUser("ada")
			w.sync()
		}},
		{"paused: nothing is given or taken, but access ends", func(t *testing.T, w *world) {
			ada, ben := w.account("ada"), w.account("ben")
			s, err := w.e.Settings(t.Context(), owner, org)
			require.NoError(t, err)
			s.Paused = true
			w.set(s)
			w.user("eve")
			w.leave("A", "ben")
			w.join("B", "ben")
			w.active("ada", false)
			w.sync()
			require.False(t, w.host.users[ada].Active)
			require.Equal(t, "member", w.host.role("t-ops", ben))
			require.Empty(t, w.host.role("t-dev", ben))
			require.Len(t, w.host.users, 3, "no new account")

			s, err = w.e.Settings(t.Context(), owner, org)
			require.NoError(t, err)
			s.Paused = false
			w.set(s)
			require.Empty(t, w.host.role("t-ops", ben))
			require.Equal(t, "member", w.host.role("t-dev", ben))
			require.True(t, w.host.byEmail(t, "eve@acme.example").Active)
		}},
		{"the phone preference reaches the host", func(t *testing.T, w *world) {
			d, err := w.st.Directory(t.Context(), org, w.ids["dir"])
			require.NoError(t, err)
			d.Preferences.PhoneEditable = true
			_, err = w.st.UpdateDirectory(t.Context(), org, d)
			require.NoError(t, err)
			w.host.users[w.account("ada")].Phone = "+49 1"
			w.active("ada", true)
			w.sync()
			require.Equal(t, "+49 1", w.host.byEmail(t, "ada@acme.example").Phone)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.host.addTeam("t-ops", "Ops")
			w.host.addTeam("t-dev", "Dev")
			w.user("ada", "ben")
			w.group("A", "ada", "ben")
			w.group("B")
			w.sync()
			w.manual(w.row("A", "t-ops", "member", ""), w.row("B", "t-dev", "member", ""))
			tt.run(t, w)
			w.stable()
		})
	}
}

// TestProtected holds whom no rule touches.
func TestProtected(t *testing.T) {
	t.Run("the root user", func(t *testing.T) {
		w := newWorld(t)
		w.host.addTeam("t-ops", "Ops")
		w.user("root")
		w.group("A", "root")
		w.sync()
		w.manual(w.row("A", "t-ops", "member", "administrator"))
		require.Equal(t, "owner", w.host.users["u-root"].Role)
		require.Empty(t, w.host.role("t-ops", "u-root"))
		w.active("root", false)
		w.sync()
		require.True(t, w.host.users["u-root"].Active)
		require.Equal(t, string(FindingRootUser), w.events(EventFinding)[0].Code)
		w.stable()
	})
	t.Run("the root user, were it ever linked", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada")
		w.sync()
		w.host.root = w.account("ada")
		w.active("ada", false)
		w.deleteUser("ada")
		w.sync()
		require.True(t, w.host.users[w.host.root].Active)
	})
	t.Run("the last owner", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada", "ben")
		w.group("Owners", "ada", "ben")
		w.sync()
		w.manual(w.row("Owners", "", "", "owner"))
		w.host.users["u-root"].Role = "member"
		w.leave("Owners", "ada", "ben")
		w.sync()
		roles := []string{w.host.byEmail(t, "ada@acme.example").Role, w.host.byEmail(t, "ben@acme.example").Role}
		require.ElementsMatch(t, []string{"owner", "member"}, roles)
		found := w.events(EventFinding)
		require.Equal(t, string(FindingLastOwner), found[len(found)-1].Code)

		w.host.users["u-root"].Role = "owner"
		_, err := w.e.Reconcile(t.Context(), org)
		require.NoError(t, err)
		require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role, "once there is another owner, the role goes")
		require.Equal(t, "member", w.host.byEmail(t, "ben@acme.example").Role)
		w.stable()
	})
	t.Run("the last owner, until the next one comes", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada", "ben")
		w.group("Owners", "ada")
		w.sync()
		w.manual(w.row("Owners", "", "", "owner"))
		w.host.users["u-root"].Role = "member"
		w.leave("Owners", "ada")
		w.sync()
		require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role)
		w.join("Owners", "ben")
		w.sync()
		require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
		require.Equal(t, "owner", w.host.byEmail(t, "ben@acme.example").Role)
		w.stable()
	})
	t.Run("the last owner's access ends all the same", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada")
		w.group("Owners", "ada")
		w.sync()
		w.manual(w.row("Owners", "", "", "owner"))
		w.host.users["u-root"].Role = "member"
		w.active("ada", false)
		w.sync()
		require.False(t, w.host.byEmail(t, "ada@acme.example").Active)
		found := w.events(EventFinding)
		require.Equal(t, string(FindingNoOwner), found[len(found)-1].Code)
	})
	t.Run("a break-glass owner", func(t *testing.T) {
		w := newWorld(t)
		w.user("glass", "ada")
		w.group("Owners", "glass", "ada")
		w.sync()
		w.manual(w.row("Owners", "", "", "owner"))
		w.deleteGroup("Owners")
		w.sync()
		require.Equal(t, "owner", w.host.byEmail(t, "glass@acme.example").Role)
		require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
		w.active("glass", false)
		w.sync()
		require.True(t, w.host.byEmail(t, "glass@acme.example").Active)
		found := w.events(EventFinding)
		require.Equal(t, string(FindingBreakGlass), found[len(found)-1].Code)
	})
	t.Run("making owners wants a confirmation", func(t *testing.T) {
		w := newWorld(t)
		w.user("ada")
		w.group("Owners", "ada")
		w.sync()
		s := store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("Owners", "", "", "owner")}}
		plan, err := w.e.Preview(t.Context(), owner, org, s)
		require.NoError(t, err)
		require.True(t, plan.GivesTopRole)
		_, err = w.e.Apply(t.Context(), owner, org, s, Confirm{Hash: plan.Hash})
		require.ErrorIs(t, err, ErrTopRoleUnconfirmed)
		require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
	})
}

package provisioning

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestExplainSaysWhatLocksSay: an explanation calls locked what may not be changed by hand, and nothing else.
func TestExplainSaysWhatLocksSay(t *testing.T) {
	for name, lift := range map[string]func(w *world, locks *Locks){
		"nothing is lifted": func(*world, *Locks) {},
		"the directory was switched off": func(w *world, _ *Locks) {
			w.directory(func(d *store.Directory) { d.Enabled = false })
		},
		"the organisation is suspended": func(w *world, _ *Locks) {
			_, err := w.st.PutLifecycle(w.ctx, org, store.Lifecycle{State: store.ServiceSuspended})
			require.NoError(t, err)
		},
		"somebody lifted a membership": func(w *world, locks *Locks) {
			_, err := locks.Override(w.ctx, owner, org, OverrideRequest{
				Resource: Resource{Kind: ResourceMembership, AccountID: w.account("ada"), TeamID: "t-dev"}, Reason: "she covers for Bob", Until: w.clock.Now().Add(time.Hour),
			})
			require.NoError(t, err)
		},
		"somebody lifted the role": func(w *world, locks *Locks) {
			_, err := locks.Override(w.ctx, owner, org, OverrideRequest{
				Resource: Resource{Kind: ResourceOrgRole, AccountID: w.account("ada")}, Reason: "she covers for Bob", Until: w.clock.Now().Add(time.Hour),
			})
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, team := range []string{"t-dev", "t-ops", "t-hand"} {
				w.host.addTeam(team, team)
			}
			w.user("ada")
			w.group("Devs", "ada")
			w.sync()
			w.manual(w.row("Devs", "t-dev", "member", "administrator"), w.row("Devs", "t-ops", "member", ""))
			id := w.account("ada")
			w.host.in["t-hand"][id] = "member"
			locks := newLocks(w)
			lift(w, locks)
			x, err := w.e.Explain(t.Context(), owner, org, id)
			require.NoError(t, err)
			role, err := locks.Check(t.Context(), org, Resource{Kind: ResourceOrgRole, AccountID: id}, "", OpUpdate)
			require.NoError(t, err)
			require.Equal(t, role.Locked, x.OrgRole.Locked, "the role in the organisation")
			require.Len(t, x.Teams, 3)
			for _, team := range x.Teams {
				l, err := locks.Check(t.Context(), org, Resource{Kind: ResourceMembership, AccountID: id, TeamID: team.TeamID}, "", OpDelete)
				require.NoError(t, err)
				require.Equal(t, l.Locked, team.Locked, team.TeamID)
			}
		})
	}
}

// TestExplainSaysWhoseFieldItIs: an attribute that the person changed is the person's.
func TestExplainSaysWhoseFieldItIs(t *testing.T) {
	w := newFieldWorld(t)
	w.prefer(store.SCIMPreferences{PhoneEditable: true, PhoneUnconfirmed: true})
	w.phone(ada, "+49 30 111111")
	source := func(name string) (string, AttributeSource) {
		x, err := w.e.Explain(t.Context(), owner, org, w.account(ada))
		require.NoError(t, err)
		for _, a := range x.Attributes {
			if a.Name == name {
				return a.Value, a.Source
			}
		}
		return "", ""
	}
	value, from := source("phone")
	require.Equal(t, "+4930111111", value)
	require.Equal(t, AttributeDirectory, from)
	_, err := w.set(tenant.FieldPhone, "+49 30 222222")
	require.NoError(t, err)
	value, from = source("phone")
	require.Equal(t, "+4930222222", value)
	require.Equal(t, AttributeUser, from)
	w.prefer(store.SCIMPreferences{PhoneEditable: true, PhoneUnconfirmed: true, Fields: []store.FieldPreference{{Field: "displayName", UserEditable: true}}})
	_, err = w.set("displayName", "Ada of the analytical engine")
	require.NoError(t, err)
	value, from = source("displayName")
	require.Equal(t, "Ada of the analytical engine", value)
	require.Equal(t, AttributeUser, from)
	_, from = source("email")
	require.Equal(t, AttributeDirectory, from)
}

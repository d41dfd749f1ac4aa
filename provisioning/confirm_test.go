package provisioning

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// crowd is a world of ten people in the group A, which is mapped to t-ops.
func crowd(t testing.TB, change ...func(*Config)) (*world, []string) {
	w := mapped(t, append([]func(*Config){func(c *Config) { c.Breaker = Breaker{People: 3, Percent: 20} }}, change...)...)
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("p%d", i))
	}
	w.user(names...)
	w.join("A", names...)
	w.sync()
	return w, names
}

// previewBy shows what settings do, with the stored version.
func (w *world) previewBy(actor tenant.Actor, s store.ProvisioningSettings) (store.ProvisioningSettings, Plan) {
	w.Helper()
	have, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(w, err)
	s.Version = have.Version
	plan, err := w.e.Preview(w.ctx, actor, org, s)
	require.NoError(w, err)
	return s, plan
}

// TestManyPeopleAreConfirmedByNumber is U11 for what a person applies.
func TestManyPeopleAreConfirmedByNumber(t *testing.T) {
	w, _ := crowd(t)
	s, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone, Unmanaged: store.UnmanagedRule{People: store.PeopleTake}})
	require.Equal(t, 10, plan.Totals.PeopleLosing)
	require.Equal(t, []Confirmation{{Code: ConfirmManyPeople, Number: 10, Message: "10 of 10 people lose a team, a role or their access."}}, plan.Confirmations)

	for _, c := range []Confirm{{Hash: plan.Hash}, {Hash: plan.Hash, People: 9, TopRole: true, OwnAccess: true}} {
		_, err := w.e.Apply(t.Context(), owner, org, s, c)
		require.ErrorIs(t, err, ErrManyPeopleUnconfirmed)
		require.NotErrorIs(t, err, ErrTopRoleUnconfirmed)
		require.ErrorContains(t, err, "10 of 10 people")
		require.Len(t, w.host.in["t-ops"], 10, "nothing happened")
	}
	_, err := w.e.Apply(t.Context(), owner, org, s, Confirm{Hash: plan.Hash, People: 10})
	require.NoError(t, err)
	require.Empty(t, w.host.in["t-ops"])
}

func TestFewPeopleNeedNoConfirmation(t *testing.T) {
	w, names := crowd(t)
	w.group("B", names[3:]...)
	w.sync()
	_, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("B", "t-ops", "member", "")}})
	require.Equal(t, 3, plan.Totals.PeopleLosing)
	require.Empty(t, plan.Confirmations, "as many as may always go")

	w, _ = crowd(t, func(c *Config) { c.Breaker.InsecureOff = true })
	_, plan = w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone, Unmanaged: store.UnmanagedRule{People: store.PeopleTake}})
	require.Empty(t, plan.Confirmations)
}

// TestOwnAccessIsConfirmed is the edge of item 8: nobody locks themselves out in passing.
func TestOwnAccessIsConfirmed(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("A", "ada", "ben")
	w.sync()
	w.manual(w.row("A", "t-ops", "administrator", "owner"))
	ada := tenant.Actor{Kind: tenant.ActorOwner, ID: w.account("ada")}

	s, plan := w.previewBy(ada, store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-ops", "member", "")}})
	require.Equal(t, []Confirmation{{Code: ConfirmOwnAccess, Message: "You lose something yourself: the role administrator in the team Ops, the role owner."}}, plan.Confirmations)
	_, other := w.previewBy(owner, s)
	require.Empty(t, other.Confirmations, "somebody else loses nothing")
	require.Equal(t, plan.Hash, other.Hash, "and applies the same plan")

	_, err := w.e.Apply(t.Context(), ada, org, s, Confirm{Hash: plan.Hash, TopRole: true, People: 2})
	require.ErrorIs(t, err, ErrOwnAccessUnconfirmed)
	require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role)
	for _, kind := range []tenant.ActorKind{tenant.ActorAPIKey, tenant.ActorSystem} {
		_, plan = w.previewBy(tenant.Actor{Kind: kind, ID: w.account("ada")}, s)
		require.Empty(t, plan.Confirmations, "an ID of something else is no person")
	}
	_, err = w.e.Apply(t.Context(), ada, org, s, Confirm{Hash: plan.Hash, OwnAccess: true})
	require.NoError(t, err)
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
	w.stable()
}

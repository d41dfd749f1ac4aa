package provisioning

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// billing is what a tenant's plan includes, as a host knows it.
type billing struct {
	in  tenant.Included
	err error
}

func (b *billing) Entitled(context.Context, string) (tenant.Included, error) { return b.in, b.err }

// TestLocksFieldsAndExplainAgree: whatever the set-up lacks, what Locks call locked Explain and ExplainTeam call locked too,
// and Fields.Set refuses (R57, R1).
func TestLocksFieldsAndExplainAgree(t *testing.T) {
	state := func(s store.ServiceState) func(*fieldWorld, *billing) {
		return func(w *fieldWorld, _ *billing) {
			_, err := w.st.PutLifecycle(w.ctx, org, store.Lifecycle{State: s})
			require.NoError(w, err)
		}
	}
	for name, mode := range map[string]struct {
		change func(w *fieldWorld, b *billing)
		lifted LockLift
	}{
		"in order":            {func(*fieldWorld, *billing) {}, ""},
		"the plan lapsed":     {func(_ *fieldWorld, b *billing) { b.in = tenant.Included{SSO: true} }, LiftedPlan},
		"the plan is unknown": {func(_ *fieldWorld, b *billing) { b.in, b.err = tenant.Included{}, errors.New("billing is down") }, ""},
		"directory off": {func(w *fieldWorld, _ *billing) {
			w.directory(func(d *store.Directory) { d.Enabled = false })
		}, LiftedDirectoryOff},
		"connection suspended": {func(w *fieldWorld, _ *billing) {
			c, err := w.st.Connection(w.ctx, org, w.ids["conn"])
			require.NoError(w, err)
			c.State = store.ConnectionSuspended
			_, err = w.st.UpdateConnection(w.ctx, org, c)
			require.NoError(w, err)
		}, LiftedConnection},
		"sign-on suspended":     {state(store.ServiceSuspended), LiftedSuspended},
		"sign-on being removed": {state(store.ServiceRemoving), LiftedRemoved},
		"paused": {func(w *fieldWorld, _ *billing) {
			_, err := w.e.Pause(w.ctx, owner, org, "moving")
			require.NoError(w, err)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &billing{in: tenant.Included{SSO: true, SCIM: true}}
			w := newFieldWorld(t, func(c *FieldsConfig) { c.Entitlements = b }) // the engine takes it from there
			w.prefer(store.SCIMPreferences{PhoneUnconfirmed: true})
			w.host.addTeam("t-ops", "Ops")
			w.says("Ada", "Analyst", "+49 30 111111")
			w.group("SRE", ada)
			w.sync()
			w.manual(w.row("SRE", "t-ops", "member", "administrator"))
			id := w.account(ada)
			locks := newLocks(w.world, func(c *LocksConfig) { c.Entitlements, c.Fields = b, []string{"displayName", "title"} })
			mode.change(w, b)

			locked := mode.lifted == ""
			for _, f := range liftedFields[:3] {
				l := w.lock(locks, lockOf(id), f.lock, OpUpdate)
				require.Equal(t, mode.lifted, l.Lifted)
				require.Equal(t, locked, l.Locked, f.lock)
			}
			x, err := w.e.Explain(t.Context(), owner, org, id)
			require.NoError(t, err)
			user := w.lock(locks, lockOf(id), "", OpUpdate)
			require.Equal(t, [...]any{user.Locked, user.Lifted}, [...]any{x.Lock.Locked, x.Lock.Lifted})
			require.Equal(t, locked, w.lock(locks, Resource{Kind: ResourceOrgRole, AccountID: id}, "", OpUpdate).Locked)
			require.Equal(t, locked, x.OrgRole.Locked)
			membership := Resource{Kind: ResourceMembership, AccountID: id, TeamID: "t-ops"}
			require.Equal(t, locked, w.lock(locks, membership, "", OpDelete).Locked)
			require.Len(t, x.Teams, 1)
			require.Equal(t, locked, x.Teams[0].Locked)
			team, err := w.e.ExplainTeam(t.Context(), owner, org, "t-ops", "", 0)
			require.NoError(t, err)
			require.Len(t, team.Members, 1)
			require.Equal(t, locked, team.Members[0].Right.Locked)
			for _, f := range liftedFields[:3] {
				v, err := w.set(f.field, f.own)
				if locked {
					w.refused(CodeFieldLocked, err)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, f.own, v.Value)
				require.Equal(t, f.own, w.hostHas()[f.field])
			}
		})
	}
}

// TestFieldsAfterThePlanWasRenewed: what people entered while the plan had lapsed ends with the lapse.
func TestFieldsAfterThePlanWasRenewed(t *testing.T) {
	b := &billing{in: tenant.Included{SSO: true, SCIM: true}}
	w := newFieldWorld(t, func(c *FieldsConfig) { c.Entitlements = b })
	w.prefer(store.SCIMPreferences{PhoneUnconfirmed: true})
	w.says("Ada", "Analyst", "+49 30 111111")
	move := func(in tenant.Included, what string) {
		b.in = in
		l, err := w.st.Lifecycle(t.Context(), org)
		if !notFound(err) {
			require.NoError(t, err)
		}
		_, err = w.st.PutLifecycle(t.Context(), org, l, w.ev(what, "tenant", org, nil))
		require.NoError(t, err)
		w.sync()
	}
	move(tenant.Included{SSO: true}, "tenant.plan_lapsed")
	for _, f := range liftedFields[:3] {
		_, err := w.set(f.field, f.own)
		require.NoError(t, err)
	}
	w.everything()
	require.Equal(t, "Poet", w.hostHas()["title"])
	move(tenant.Included{SSO: true, SCIM: true}, "tenant.plan_renewed")
	for _, f := range liftedFields[:3] {
		require.Equal(t, f.first, w.hostHas()[f.field], "the directory decides again")
		_, err := w.set(f.field, f.own)
		w.refused(CodeFieldLocked, err)
	}
}

package host_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// TestR103LocksAreExactOnDatabases: somebody takes ada out of a team while a sync gives her the
// membership. Locks.RequireTx lets one wait for the other: whoever is second sees what the first one
// did, and what a group gave is never taken by hand.
func TestR103LocksAreExactOnDatabases(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			p := newPlans(t, open(t))
			p.user("ada", "ben")
			p.group("A", "ben")
			p.sync()
			p.set(func(s *store.ProvisioningSettings) {
				s.Mode, s.Rows = store.ModeManual, []store.MappingRow{{GroupID: p.groups["A"], TeamID: "t-ops", TeamRole: "member"}}
			})
			ada, err := p.d.db.UserByEmail(t.Context(), nil, "acme", "ada@acme.example")
			require.NoError(t, err)
			locks, err := provisioning.NewLocks(provisioning.LocksConfig{Store: p.d.st})
			require.NoError(t, err)
			leave := provisioning.Change{
				Resource: provisioning.Resource{Kind: provisioning.ResourceMembership, AccountID: ada.ID, TeamID: "t-ops"}, Op: provisioning.OpDelete,
			}
			join := func(add bool) {
				delta := store.MemberDelta{Remove: []string{p.users["ada"]}}
				if add {
					delta = store.MemberDelta{Add: []store.Member{{ID: p.users["ada"], Kind: store.MemberUser}}}
				}
				_, err := p.d.st.ChangeSCIMMembers(t.Context(), "acme", p.groups["A"], delta, p.clock(), nil, p.event("scim.group.members_changed", "scim_group", p.groups["A"]))
				require.NoError(t, err)
			}
			// takeOut runs a sync between the look at the lock and the write, if it can run there.
			takeOut := func(check func(tx store.Store) error) (between bool) {
				join(true)
				done := make(chan error, 1)
				err := p.d.st.InTx(t.Context(), func(tx store.Store) error {
					if err := check(tx); err != nil {
						return err
					}
					go func() {
						_, err := p.e.SyncAll(t.Context())
						done <- err
					}()
					select {
					case err := <-done:
						between = true
						done <- err
					case <-time.After(500 * time.Millisecond):
					}
					return p.d.db.DeleteMembership(t.Context(), tx, "t-ops", ada.ID)
				})
				require.NoError(t, err)
				require.NoError(t, <-done)
				p.sync()
				return between
			}
			between := takeOut(func(tx store.Store) error { return locks.RequireTx(t.Context(), tx, "acme", leave) })
			require.False(t, between, "the sync waits for the transaction")
			require.Equal(t, "ada member, ben member", p.members("t-ops"))

			// The sync was first: locked.
			err = p.d.st.InTx(t.Context(), func(tx store.Store) error { return locks.RequireTx(t.Context(), tx, "acme", leave) })
			require.ErrorIs(t, err, provisioning.ErrLocked)

			if name == "sqlite" {
				return // one transaction writes at a time, so that a look alone is as exact
			}
			join(false)
			p.sync()
			require.Equal(t, "ben member", p.members("t-ops"))
			between = takeOut(func(tx store.Store) error {
				lock, err := locks.CheckTx(t.Context(), tx, "acme", leave.Resource, "", leave.Op)
				require.False(t, lock.Locked)
				return err
			})
			require.True(t, between, "a look alone holds nobody up")
			require.Equal(t, "ben member", p.members("t-ops"), "and what the group gave is lost: why RequireTx is there")
		})
	}
}

package provisioning

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestAccountDeletionIsCancelled by a person: the account stays, without access, until its access ends anew.
func TestAccountDeletionIsCancelled(t *testing.T) {
	w, deleted := dutyWorld(t, noDuties, func(c *Config) { c.OnDeprovision = store.AccountDelete })
	id := w.account("ada")
	require.ErrorIs(t, w.e.CancelAccountDeletion(t.Context(), owner, org, id), ErrNoAccountDeletion)
	require.ErrorIs(t, w.e.CancelAccountDeletion(t.Context(), owner, org, "nobody"), store.ErrNotFound)
	w.active("ada", false)
	w.sync()
	x, err := w.e.Explain(t.Context(), owner, org, id)
	require.NoError(t, err)
	require.NotNil(t, x.Deletion)
	require.WithinDuration(t, w.clock.Now().Add(deleteAfter), x.Deletion.DueAt, time.Minute)
	require.ErrorIs(t, w.e.CancelAccountDeletion(t.Context(), owner, "other", id), store.ErrNotFound, "no other organisation's")

	cfg := w.cfg
	cfg.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
		require.Equal(t, tenant.ActionApplyMapping, a)
		return tenant.ErrForbidden
	})
	e, err := New(cfg)
	require.NoError(t, err)
	require.ErrorIs(t, e.CancelAccountDeletion(t.Context(), owner, org, id), tenant.ErrForbidden)

	require.NoError(t, w.e.CancelAccountDeletion(t.Context(), owner, org, id))
	require.ErrorIs(t, w.e.CancelAccountDeletion(t.Context(), owner, org, id), ErrNoAccountDeletion)
	x, err = w.e.Explain(t.Context(), owner, org, id)
	require.NoError(t, err)
	require.Nil(t, x.Deletion)
	events, err := w.st.Events(t.Context(), org, store.EventQuery{TypePrefix: EventAccountDeleteCancelled, Newest: true, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, owner.ID, events[0].Actor.ID)
	w.clock.add(30 * 24 * time.Hour)
	w.sync()
	require.Empty(t, *deleted)
	require.False(t, w.host.users[id].Active, "it stays without access")

	w.active("ada", true)
	w.sync()
	w.active("ada", false)
	w.sync()
	w.clock.add(30 * 24 * time.Hour)
	w.sync()
	require.Equal(t, []string{id}, *deleted)
}

package storetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// TestReadOnlyRefusesEveryWrite fails for a method of the contracts that a read-only store would let through.
func TestReadOnlyRefusesEveryWrite(t *testing.T) {
	on := false
	st := storetest.ReadOnly(memory.New(), func() bool { return on })
	wrong, ran := storetest.WritesRefused(t.Context(), st, func() { on = true })
	require.Greater(t, ran, 30)
	require.Empty(t, wrong)
	require.NoError(t, st.InTx(t.Context(), func(tx store.Store) error {
		require.ErrorIs(t, tx.AppendEvents(t.Context(), "t", store.Event{ID: "e"}), store.ErrUnavailable)
		_, err := tx.Connections(t.Context(), "t")
		return err
	}))
	failures, ran := storetest.Failures(t.Context(), func() store.Store { return storetest.ReadOnly(memory.New(), func() bool { return false }) }, "methods/", "tx/", "isolation/")
	require.Greater(t, ran, 10)
	require.Empty(t, failures, "otherwise it is the store itself")
}

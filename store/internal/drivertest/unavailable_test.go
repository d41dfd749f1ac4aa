package drivertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestReadOnlyDatabase looks what a database that takes no writes any more is called: callers tell their own callers to
// come back later, and not that something is wrong.
func TestReadOnlyDatabase(t *testing.T) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			db := b.open(t)
			db.SetMaxOpenConns(1) // the setting is the connection's
			st := b.store(t, db)
			c, err := st.CreateConnection(t.Context(), "t", store.Connection{Meta: store.Meta{ID: "c", CreatedAt: time.Now()}})
			require.NoError(t, err)
			set := "pragma query_only = on"
			if b.name == "postgres" {
				set = "set default_transaction_read_only = on"
			}
			_, err = db.ExecContext(t.Context(), set)
			require.NoError(t, err)

			_, err = st.UpdateConnection(t.Context(), "t", c)
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.ErrorIs(t, st.AppendEvents(t.Context(), "t", store.Event{ID: "e", Type: "x"}), store.ErrUnavailable)
			require.ErrorIs(t, st.InTx(t.Context(), func(tx store.Store) error {
				_, err := tx.UpdateConnection(t.Context(), "t", c)
				return err
			}), store.ErrUnavailable)
			got, err := st.Connection(t.Context(), "t", "c")
			require.NoError(t, err, "reads go on")
			require.Equal(t, int64(1), got.Version)
			require.NotErrorIs(t, st.DeleteConnection(t.Context(), "t", "missing", 0), store.ErrStale)
		})
	}
}

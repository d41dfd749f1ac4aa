package drivertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestEphemeralTokenLeavesTheConnection: only the commit of an Ephemeral token is a relaxed one. The connection that it
// went through is the only one here, and every later write has what the host chose.
func TestEphemeralTokenLeavesTheConnection(t *testing.T) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			db := b.open(t)
			st := b.store(t, db)
			db.SetMaxOpenConns(1)
			setting := "show synchronous_commit"
			if b.name != "postgres" {
				setting = "pragma synchronous"
				_, err := db.ExecContext(t.Context(), "pragma synchronous = full") // the driver's default is not the same everywhere
				require.NoError(t, err)
			}
			read := func() (now string) {
				require.NoError(t, db.QueryRowContext(t.Context(), setting).Scan(&now))
				return now
			}
			before := read()
			require.Contains(t, []string{"2", "on"}, before, "every commit waits for the disk")
			token := store.Token{Kind: "k", Key: "x", ExpiresAt: at.Add(time.Hour), Ephemeral: true}
			require.NoError(t, st.PutToken(t.Context(), acme, token))
			require.Equal(t, before, read())
			require.ErrorIs(t, st.PutToken(t.Context(), acme, token), store.ErrConflict)
			require.Equal(t, before, read(), "after one that was refused")

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, st.PutToken(ctx, acme, token), context.Canceled)
			require.Equal(t, before, read(), "after one that was given up")

			require.NoError(t, st.InTx(t.Context(), func(tx store.Store) error {
				token.Key = "in a transaction"
				if err := tx.PutToken(t.Context(), acme, token); err != nil {
					return err
				}
				own, _ := b.sqlTx(tx)
				var now string
				if err := own.QueryRowContext(t.Context(), setting).Scan(&now); err != nil || now != before {
					return fmt.Errorf("within a transaction: %q, %w", now, err)
				}
				return nil
			}))
		})
	}
}

package drivertest

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// TestEventHookSuite runs the suite on each database with a hook that writes a row of the host's own for each event. At the
// end the host's rows are those of the journal: none is missing, and none is left of what was rolled back.
func TestEventHookSuite(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		if b.name == "ncruces" {
			t.Skip("its SQL is modernc's")
		}
		ctx, db := t.Context(), b.open(t)
		inner := b.store(t, db)
		st := store.WithEventHook(inner, store.EventHookConfig{Hook: copyEvents(t, b, db)})
		storetest.Run(t, func(*testing.T) store.Store { return st })

		copied := map[string]string{}
		rows, err := db.QueryContext(ctx, "select id, tenant from host_events")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var id, tenantID string
			require.NoError(t, rows.Scan(&id, &tenantID))
			copied[tenantID+" "+id] = tenantID
		}
		require.NoError(t, rows.Err())
		journal := 0
		for after := ""; ; {
			tenants, err := inner.TenantsBehind(ctx, "nobody", after, store.MaxLimit)
			require.NoError(t, err)
			if len(tenants) == 0 {
				break
			}
			for _, id := range tenants {
				for q := (store.EventQuery{}); ; {
					events, err := inner.Events(ctx, id, q)
					require.NoError(t, err)
					for _, e := range events {
						require.Contains(t, copied, id+" "+e.ID, e.Type)
						journal++
						q.After = e.Seq
					}
					if len(events) < store.MaxLimit {
						break
					}
				}
				after = id
			}
		}
		require.Greater(t, journal, 100)
		erased := len(copied) - journal // the checks of Erase take events out of the journal, and nothing else does
		require.GreaterOrEqual(t, erased, 0)
		require.Less(t, erased, journal)
	})
}

// copyEvents makes a table of the host's, and a hook that has a row there for each event.
func copyEvents(t *testing.T, b backend, db *sql.DB) store.EventHook {
	exec(t, db, "create table host_events (tenant text not null, id text not null)")
	insert := "insert into host_events (tenant, id) values (" + b.param(1) + ", " + b.param(2) + ")"
	return store.EventHookFunc(func(ctx context.Context, tx store.Store, tenantID string, events []store.Event) error {
		own, ok := b.sqlTx(tx)
		if !ok {
			return errors.New("the hook got no *sql.Tx")
		}
		for _, e := range events {
			if _, err := own.ExecContext(ctx, insert, tenantID, e.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestEventHookTransaction commits and rolls back the host's rows with the events, whoever began the transaction, and
// survives a statement of the hook that fails.
func TestEventHookTransaction(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx, db := t.Context(), b.open(t)
		inner := b.store(t, db)
		rows, broken := copyEvents(t, b, db), false
		cfg := store.EventHookConfig{Hook: store.EventHookFunc(func(ctx context.Context, tx store.Store, tenantID string, events []store.Event) error {
			if err := rows.OnEvents(ctx, tx, tenantID, events); err != nil || !broken {
				return err
			}
			own, _ := b.sqlTx(tx)
			_, err := own.ExecContext(ctx, "insert into a_table_that_is_not_there values (1)")
			return err
		})}
		st := store.WithEventHook(inner, cfg)
		hosts := func() (n int) {
			require.NoError(t, db.QueryRowContext(ctx, "select count(*) from host_events").Scan(&n))
			return n
		}
		_, err := st.CreateSCIMUser(ctx, acme, user("1", "ann"), event("scim.user.created", "1"))
		require.NoError(t, err)
		require.Equal(t, 1, hosts(), "outside of a transaction")
		_, err = st.CreateSCIMUser(ctx, acme, user("1", "ann"), event("scim.user.created", "1"))
		require.ErrorIs(t, err, store.ErrConflict)
		require.Equal(t, 1, hosts())

		lost := errors.New("changed my mind")
		err = st.InTx(ctx, func(tx store.Store) error {
			_, ok := b.sqlTx(tx)
			require.True(t, ok, "SQLTx looks through the hook")
			_, err := tx.CreateSCIMUser(ctx, acme, user("2", "bob"), event("scim.user.created", "2"))
			require.NoError(t, err)
			require.ErrorIs(t, tx.InTx(ctx, func(tx store.Store) error {
				return errors.Join(tx.AppendEvents(ctx, acme, event("nested", "2")), lost)
			}), lost)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 2, hosts(), "a nested transaction takes the hook's rows back")
		err = st.InTx(ctx, func(tx store.Store) error { return errors.Join(tx.AppendEvents(ctx, acme, event("x", "2")), lost) })
		require.ErrorIs(t, err, lost)
		require.Equal(t, 2, hosts())

		for _, commit := range []bool{false, true} {
			tx, err := db.BeginTx(ctx, nil)
			require.NoError(t, err)
			require.NoError(t, store.WithEventHook(inner.WithTx(tx), cfg).AppendEvents(ctx, acme, event("host", "3")))
			if commit {
				require.NoError(t, tx.Commit())
			} else {
				require.NoError(t, tx.Rollback())
			}
		}
		require.Equal(t, 3, hosts())
		require.NoError(t, store.InTxThen(ctx, st, func(store.Store) (func(store.Store) error, error) {
			return func(tx store.Store) error { return tx.AppendEvents(ctx, acme, event("then", "4")) }, nil
		}))
		require.Equal(t, 4, hosts(), "a last write by itself")

		broken = true
		u, err := st.SCIMUser(ctx, acme, "1")
		require.NoError(t, err)
		u.Active = false
		_, err = st.UpdateSCIMUser(ctx, acme, u, event("scim.user.updated", "1"))
		require.NoError(t, err, "a hook can't refuse")
		require.Equal(t, 4, hosts(), "what it did is undone")
		last, err := inner.Events(ctx, acme, store.EventQuery{Newest: true, Limit: 2})
		require.NoError(t, err)
		require.Equal(t, []string{store.EventHookFailed, "scim.user.updated"}, []string{last[0].Type, last[1].Type})
	})
}

package drivertest

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestInTxThenWithTheHost: a host that asks for the transaction gets one, and its rows share the fate of the sign-in; one
// that does not ask holds no connection, of which the pool has but one here.
func TestInTxThenWithTheHost(t *testing.T) {
	errHost := errors.New("the host refuses")
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			ctx := t.Context()
			db := b.open(t)
			st := b.store(t, db)
			db.SetMaxOpenConns(1)
			_, err := db.ExecContext(ctx, "create table host_sessions (id text primary key)")
			require.NoError(t, err)
			session := func(tx store.Store, id string) error {
				own, ok := b.sqlTx(tx)
				if !ok {
					return errors.New("no transaction")
				}
				_, err := own.ExecContext(ctx, "insert into host_sessions values ("+b.param(1)+")", id)
				return err
			}
			count := func() (sessions, events int) {
				require.NoError(t, db.QueryRowContext(ctx, "select count(*) from host_sessions").Scan(&sessions))
				found, err := st.Events(ctx, acme, store.EventQuery{})
				require.NoError(t, err)
				return sessions, len(found)
			}
			last := func(fail error) func(store.Store) error {
				return func(tx store.Store) error { return errors.Join(tx.AppendEvents(ctx, acme, event("last", "x")), fail) }
			}
			then := func(fn func(tx store.Store) error, last func(store.Store) error) error {
				return store.InTxThen(ctx, st, func(tx store.Store) (func(store.Store) error, error) { return last, fn(tx) })
			}
			for _, tt := range []struct {
				name             string
				fn               func(store.Store) error
				last             func(store.Store) error
				want             error
				sessions, events int
			}{
				{"the host writes, last fails", func(tx store.Store) error { return session(tx, "1") }, last(errHost), errHost, 0, 0},
				{"the host writes and fails", func(tx store.Store) error { return errors.Join(session(tx, "2"), errHost) }, last(nil), errHost, 0, 0},
				{"the host writes", func(tx store.Store) error { return session(tx, "3") }, last(nil), nil, 1, 1},
				{"the host asks and writes nothing", func(tx store.Store) error {
					if _, ok := b.sqlTx(tx); !ok {
						return errors.New("no transaction")
					}
					return nil
				}, last(errHost), errHost, 1, 1},
				{"the host does nothing", func(tx store.Store) error {
					var one int // on the pool's only connection, which nobody holds
					err := db.QueryRowContext(ctx, "select 1").Scan(&one)
					_, missing := tx.SCIMUser(ctx, acme, "nobody")
					if !errors.Is(missing, store.ErrNotFound) {
						return errors.New("a user that there is not was found")
					}
					return err
				}, last(nil), nil, 1, 2},
			} {
				require.ErrorIs(t, then(tt.fn, tt.last), tt.want, tt.name)
				sessions, events := count()
				require.Equal(t, []int{tt.sessions, tt.events}, []int{sessions, events}, tt.name)
			}

			var kept store.Store
			require.NoError(t, then(func(tx store.Store) error { kept = tx; return nil }, nil))
			require.Error(t, kept.AppendEvents(ctx, acme, event("late", "x")), "a store is not used after its transaction")
			_, ok := b.sqlTx(kept)
			require.False(t, ok, "nor does it begin another one")
			_, events := count()
			require.Equal(t, 2, events)
		})
	}
}

// TestInTxThenThatCannotBegin: a transaction that can't be begun is no reason to go on without one.
func TestInTxThenThatCannotBegin(t *testing.T) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			db := b.open(t)
			st := b.store(t, db)
			db.SetMaxOpenConns(1)
			held, err := db.Conn(t.Context())
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			ran := false
			err = store.InTxThen(ctx, st, func(tx store.Store) (func(store.Store) error, error) {
				own, ok := b.sqlTx(tx)
				require.False(t, ok)
				require.Equal(t, (*sql.Tx)(nil), own)
				return func(store.Store) error { ran = true; return nil }, nil
			})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.False(t, ran)
			require.NoError(t, held.Close())
		})
	}
}

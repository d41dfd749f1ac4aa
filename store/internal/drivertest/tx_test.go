package drivertest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tenantgate/tenantgate/store"
)

const acme = "acme"

var at = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func user(id, name string) store.SCIMUser {
	return store.SCIMUser{
		Meta: store.Meta{ID: id, CreatedAt: at, UpdatedAt: at}, UserName: name, ExternalID: "x-" + id, Active: true,
		Body: []byte(`{"userName":"` + name + `"}`),
		Keys: []store.Key{{Attr: "emails.value", Value: name + "@example.com"}, {Attr: "name.familyName", Value: name}},
	}
}

func event(typ, id string) store.Event {
	return store.Event{
		ID: store.NewID(at), Type: typ, At: at, Actor: store.EventActor{Kind: "system"},
		Subject: store.EventSubject{Kind: "scim_user", ID: id}, After: []byte(`{ "a": "<b>" }`),
	}
}

func eachBackend(t *testing.T, test func(t *testing.T, b backend)) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) { test(t, b) })
	}
}

// TestHostTransaction has rows of the host's own and of ours committed or rolled back
// together, whoever began the transaction.
func TestHostTransaction(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := t.Context()
		db := b.open(t)
		st := b.store(t, db)
		exec(t, db, "create table host_people (id text primary key, name text not null)")
		insert := "insert into host_people (id, name) values (" + b.param(1) + ", " + b.param(2) + ")"
		hosts := func() (n int) {
			require.NoError(t, db.QueryRowContext(ctx, "select count(*) from host_people").Scan(&n))
			return n
		}
		both := func(id string, fail error) error {
			return st.InTx(ctx, func(tx store.Store) error {
				if _, err := tx.CreateSCIMUser(ctx, acme, user(id, "name"+id), event("scim.user.created", id)); err != nil {
					return err
				}
				own, ok := b.sqlTx(tx)
				if !ok {
					return errors.New("InTx gave no *sql.Tx")
				}
				if _, err := own.ExecContext(ctx, insert, id, "host"); err != nil {
					return err
				}
				return fail
			})
		}
		_, ok := b.sqlTx(st)
		require.False(t, ok, "a store outside of a transaction has no *sql.Tx")

		lost := errors.New("changed my mind")
		require.ErrorIs(t, both("1", lost), lost)
		require.Zero(t, hosts())
		_, err := st.SCIMUser(ctx, acme, "1")
		require.ErrorIs(t, err, store.ErrNotFound)

		require.NoError(t, both("2", nil))
		require.Equal(t, 1, hosts())
		_, err = st.SCIMUser(ctx, acme, "2")
		require.NoError(t, err)

		for _, commit := range []bool{false, true} {
			id := "with" + strconv.FormatBool(commit)
			tx, err := db.BeginTx(ctx, nil)
			require.NoError(t, err)
			_, err = tx.ExecContext(ctx, insert, id, "host")
			require.NoError(t, err)
			in := st.WithTx(tx)
			own, ok := b.sqlTx(in)
			require.True(t, ok)
			require.Same(t, tx, own)
			_, err = in.CreateSCIMUser(ctx, acme, user(id, id), event("scim.user.created", id))
			require.NoError(t, err)
			_, err = in.CreateSCIMUser(ctx, acme, user(id, id))
			require.ErrorIs(t, err, store.ErrConflict)
			err = in.InTx(ctx, func(tx store.Store) error {
				_, err := tx.CreateSCIMUser(ctx, acme, user(id+"nested", id+"nested"))
				return errors.Join(err, lost)
			})
			require.ErrorIs(t, err, lost)
			_, err = in.SCIMUser(ctx, acme, id)
			require.NoError(t, err, "the joined store reads its own writes")
			_, err = in.SCIMUser(ctx, acme, id+"nested")
			require.ErrorIs(t, err, store.ErrNotFound)
			if commit {
				require.NoError(t, tx.Commit())
			} else {
				require.NoError(t, tx.Rollback())
			}
			_, err = st.SCIMUser(ctx, acme, id)
			require.Equal(t, commit, err == nil)
		}
		require.Equal(t, 2, hosts())
		events, err := st.Events(ctx, acme, store.EventQuery{})
		require.NoError(t, err)
		require.Len(t, events, 2)
		require.Equal(t, `{ "a": "<b>" }`, string(events[0].After), "what an event tells comes back byte by byte")
	})
}

// TestUsableAfterRefusal goes on in a transaction after each error that callers branch on.
func TestUsableAfterRefusal(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := t.Context()
		st := b.store(t, b.open(t))
		ada, err := st.CreateSCIMUser(ctx, acme, user("1", "ada"))
		require.NoError(t, err)
		_, err = st.CreateSCIMUser(ctx, acme, user("2", "bob"))
		require.NoError(t, err)
		domain := store.Domain{Meta: store.Meta{ID: "d1", CreatedAt: at, UpdatedAt: at}, Name: "example.com", State: store.DomainVerified}
		_, err = st.CreateDomain(ctx, "other", domain)
		require.NoError(t, err)
		pending := domain
		pending.State = store.DomainPending
		pending, err = st.CreateDomain(ctx, acme, pending)
		require.NoError(t, err)

		err = st.InTx(ctx, func(tx store.Store) error {
			_, err := tx.SCIMUser(ctx, acme, "nobody")
			require.ErrorIs(t, err, store.ErrNotFound)
			_, err = tx.CreateSCIMUser(ctx, acme, user("3", "ADA"))
			require.ErrorIs(t, err, store.ErrConflict)

			renamed := ada
			renamed.UserName = "Bob"
			_, err = tx.UpdateSCIMUser(ctx, acme, renamed, event("lost", "1"))
			require.ErrorIs(t, err, store.ErrConflict)
			old := ada
			old.Version = 7
			_, err = tx.UpdateSCIMUser(ctx, acme, old)
			require.ErrorIs(t, err, store.ErrStale)

			claimed := pending
			claimed.State = store.DomainVerified
			_, err = tx.UpdateDomain(ctx, acme, claimed)
			require.ErrorIs(t, err, store.ErrConflict)
			claimed.ID = "d2"
			_, err = tx.CreateDomain(ctx, acme, claimed)
			require.ErrorIs(t, err, store.ErrConflict)

			ada.UserName = "Ada Lovelace"
			ada, err = tx.UpdateSCIMUser(ctx, acme, ada, event("kept", "1"))
			return err
		})
		require.NoError(t, err)
		got, err := st.SCIMUser(ctx, acme, "1")
		require.NoError(t, err)
		require.Equal(t, ada, got)
		events, err := st.Events(ctx, acme, store.EventQuery{})
		require.NoError(t, err)
		require.Len(t, events, 1)
		require.Equal(t, "kept", events[0].Type)
	})
}

// TestHiddenFailure refuses to commit a transaction in which a statement failed for good,
// even if the function says that all is well.
func TestHiddenFailure(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := t.Context()
		db := b.open(t)
		st := b.store(t, db)
		exec(t, db, "drop table tenantgate_leases")
		err := st.InTx(ctx, func(tx store.Store) error {
			_, err := tx.CreateSCIMUser(ctx, acme, user("1", "ada"))
			require.NoError(t, err)
			_, err = tx.AcquireLease(ctx, acme, "l", "me", at, at.Add(time.Hour))
			require.Error(t, err)
			return nil
		})
		require.ErrorContains(t, err, "tenantgate_leases")
		_, err = st.SCIMUser(ctx, acme, "1")
		require.ErrorIs(t, err, store.ErrNotFound)

		// A part of a transaction may fail for good and be undone; the rest stands.
		err = st.InTx(ctx, func(tx store.Store) error {
			_, err := tx.CreateSCIMUser(ctx, acme, user("1", "ada"))
			require.NoError(t, err)
			err = tx.InTx(ctx, func(tx store.Store) error {
				_, err := tx.CreateSCIMUser(ctx, acme, user("2", "bob"))
				require.NoError(t, err)
				_, err = tx.AcquireLease(ctx, acme, "l", "me", at, at.Add(time.Hour))
				return err
			})
			require.Error(t, err)
			return nil
		})
		require.NoError(t, err)
		_, err = st.SCIMUser(ctx, acme, "1")
		require.NoError(t, err)
		_, err = st.SCIMUser(ctx, acme, "2")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

// TestContended runs transactions that read, think and write against each other. In
// PostgreSQL some of them deadlock and run again.
func TestContended(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		st := b.store(t, b.open(t))
		for _, id := range []string{"1", "2"} {
			_, err := st.CreateSCIMUser(ctx, acme, user(id, "user"+id))
			require.NoError(t, err)
		}
		touch := func(tx store.Store, id string) error {
			u, err := tx.SCIMUser(ctx, acme, id)
			if err != nil {
				return err
			}
			u.ExternalID = strings.Repeat("x", int(u.Version%9)+1)
			_, err = tx.UpdateSCIMUser(ctx, acme, u, event("touched", id))
			return err
		}
		const workers, rounds = 4, 10
		var g errgroup.Group
		for w := range workers {
			g.Go(func() error {
				order := []string{"1", "2"}
				if w%2 == 1 {
					order = []string{"2", "1"}
				}
				for range rounds {
					for {
						err := st.InTx(ctx, func(tx store.Store) error {
							return errors.Join(touch(tx, order[0]), touch(tx, order[1]))
						})
						if errors.Is(err, store.ErrStale) {
							continue
						}
						if err != nil {
							return err
						}
						break
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		for _, id := range []string{"1", "2"} {
			u, err := st.SCIMUser(ctx, acme, id)
			require.NoError(t, err)
			require.EqualValues(t, 1+workers*rounds, u.Version)
		}
		events, err := st.Events(ctx, acme, store.EventQuery{})
		require.NoError(t, err)
		require.Len(t, events, 2*workers*rounds)
	})
}

// TestFolding writes enough that counts and versions of members are added up on the way.
func TestFolding(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := t.Context()
		st := b.store(t, b.open(t))
		_, err := st.CreateSCIMGroup(ctx, acme, store.SCIMGroup{Meta: store.Meta{ID: "g", CreatedAt: at, UpdatedAt: at}, DisplayName: "G"}, nil)
		require.NoError(t, err)
		const workers, each = 8, 100
		var g errgroup.Group
		for w := range workers {
			g.Go(func() error {
				for i := range each {
					id := strconv.Itoa(w*each + i)
					if _, err := st.CreateSCIMUser(ctx, acme, user(id, id)); err != nil {
						return err
					}
					delta := store.MemberDelta{Add: []store.Member{{ID: id, Kind: store.MemberUser}}}
					if _, err := st.ChangeSCIMMembers(ctx, acme, "g", delta, at.Add(time.Duration(i)*time.Second), nil, event("members", "g")); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		n, err := st.(store.SCIMCounter).CountSCIMUsers(ctx, acme, nil)
		require.NoError(t, err)
		require.Equal(t, workers*each, n)
		group, err := st.SCIMGroup(ctx, acme, "g")
		require.NoError(t, err)
		require.EqualValues(t, workers*each, group.MembersVersion)
		require.Equal(t, at.Add((each-1)*time.Second), group.MembersUpdatedAt)
		require.EqualValues(t, 1, group.Version)

		require.NoError(t, st.DeleteSCIMUser(ctx, acme, "7", 0))
		group, err = st.SCIMGroup(ctx, acme, "g")
		require.NoError(t, err)
		require.EqualValues(t, workers*each+1, group.MembersVersion)
	})
}

package drivertest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// benchUsers is how many users the tenant of the benchmarks has.
const benchUsers = 10_000

// benchBody is as large as the body of a usual user.
var benchBody = []byte(fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"note":%q}`, make([]byte, 200)))

func benchUser(n int) store.SCIMUser {
	name := "user" + strconv.Itoa(n) + "@example.com"
	return store.SCIMUser{
		Meta: store.Meta{ID: store.NewID(at.Add(time.Duration(n) * time.Millisecond)), CreatedAt: at, UpdatedAt: at}, UserName: name,
		ExternalID: "ext" + strconv.Itoa(n), Active: true, Body: benchBody,
		Keys: []store.Key{
			{Attr: "emails.value", Value: name},
			{Attr: `emails[type eq "work"].value`, Value: name},
			{Attr: "name.familyName", Value: "family" + strconv.Itoa(n%500)},
			{Attr: "displayName", Value: name},
		},
	}
}

// benchStore is a store that holds the users, and groups of several sizes named by them.
type benchStore struct {
	store.Store
	users []store.SCIMUser
}

func newBenchStore(b *testing.B, st store.Store) *benchStore {
	b.Helper()
	ctx := b.Context()
	s := &benchStore{Store: st}
	for len(s.users) < benchUsers {
		err := st.InTx(ctx, func(tx store.Store) error {
			s.users = s.users[:len(s.users)/1000*1000]
			for range 1000 {
				u, err := tx.CreateSCIMUser(ctx, acme, benchUser(len(s.users)), event("scim.user.created", "u"))
				if err != nil {
					return err
				}
				s.users = append(s.users, u)
			}
			return nil
		})
		require.NoError(b, err)
	}
	for _, size := range []int{0, 10, 10_000} {
		members := make([]store.Member, size)
		for i := range members {
			members[i] = store.Member{ID: s.users[i].ID, Kind: store.MemberUser}
		}
		g := store.SCIMGroup{Meta: store.Meta{ID: strconv.Itoa(size), CreatedAt: at, UpdatedAt: at}, DisplayName: "Group", Body: []byte(`{}`)}
		_, err := st.CreateSCIMGroup(ctx, acme, g, members)
		require.NoError(b, err)
	}
	return s
}

// BenchmarkStore measures what a request to the SCIM endpoints asks of a store, with one
// event for each write, on 10,000 users: by one client, and by eight.
func BenchmarkStore(b *testing.B) {
	open := map[string]func(*testing.B) store.Store{
		"memory": func(b *testing.B) store.Store { return newMemory(b) },
		"sqlite-modernc": func(b *testing.B) store.Store {
			return newSQLite(b, openSQLite(b, "sqlite", "&_pragma=synchronous(FULL)"))
		},
		"sqlite-ncruces": func(b *testing.B) store.Store {
			return newSQLite(b, openSQLite(b, "sqlite3", "&_pragma=synchronous(FULL)"))
		},
		"postgres-15-pgx": func(b *testing.B) store.Store { return newPostgres(b, openPostgres(b)) },
	}
	for _, name := range []string{"memory", "sqlite-modernc", "sqlite-ncruces", "postgres-15-pgx"} {
		b.Run(name, func(b *testing.B) {
			s := newBenchStore(b, open[name](b))
			if name == "postgres-15-pgx" {
				// What autovacuum does after a minute.
				tx := s.Store.(adapter)
				require.NoError(b, tx.InTx(b.Context(), func(tx store.Store) error {
					own, _ := backends()[0].sqlTx(tx)
					_, err := own.ExecContext(b.Context(), "analyze")
					return err
				}))
			}
			for _, clients := range []int{1, 8} {
				b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { s.run(b, clients) })
			}
		})
	}
}

// BenchmarkBare measures what the database does for a statement that any program would
// send: a select by key, and an upsert of a row of 1 KB. A read of the store should cost
// little more than the one, a create not more than twice the other.
func BenchmarkBare(b *testing.B) {
	db := openPostgres(b)
	_, err := db.ExecContext(b.Context(), "create table host_rows (tenant_id text, id text, body bytea, primary key (tenant_id, id))")
	require.NoError(b, err)
	body := make([]byte, 1000)
	_, err = db.ExecContext(b.Context(), "insert into host_rows values ($1, 'one', $2)", acme, body)
	require.NoError(b, err)
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			each(b, clients, "upsert", func(n int64) error {
				_, err := db.ExecContext(b.Context(), "insert into host_rows values ($1, $2, $3) on conflict (tenant_id, id) do update set body = excluded.body",
					acme, strconv.FormatInt(n, 10), body)
				return err
			})
			each(b, clients, "select", func(int64) error {
				var got []byte
				return db.QueryRowContext(b.Context(), "select body from host_rows where tenant_id = $1 and id = 'one'", acme).Scan(&got)
			})
		})
	}
}

// next gives each call of a benchmark a number of its own.
var next atomic.Int64

func (s *benchStore) run(b *testing.B, clients int) {
	ctx := b.Context()
	user := func(n int64) *store.SCIMUser { return &s.users[n%benchUsers] }
	for _, bench := range []struct {
		name string
		do   func(n int64) error
	}{
		{"create", func(n int64) error {
			u := benchUser(int(benchUsers + n))
			u.ID = store.NewID(time.Now())
			_, err := s.CreateSCIMUser(ctx, acme, u, event("scim.user.created", u.ID))
			return err
		}},
		{"read", func(n int64) error {
			_, err := s.SCIMUser(ctx, acme, user(n).ID)
			return err
		}},
		{"by-userName", func(n int64) error {
			p, err := s.SCIMUsers(ctx, acme, store.Query{Limit: 100, Filter: store.Compare{Attr: store.AttrUserName, Op: store.Eq, Value: user(n).UserName}})
			if err == nil && len(p.Items) != 1 {
				err = fmt.Errorf("found %d users", len(p.Items))
			}
			return err
		}},
		{"by-email", func(n int64) error {
			_, err := s.SCIMUsers(ctx, acme, store.Query{Limit: 100, Filter: store.Compare{Attr: "emails.value", Op: store.Eq, Value: user(n).UserName}})
			return err
		}},
		{"update-active", func(n int64) error {
			// Read, then write what was read, as a PATCH does; who loses tries again.
			for {
				u, err := s.SCIMUser(ctx, acme, user(n).ID)
				if err != nil {
					return err
				}
				u.Active = !u.Active
				if _, err = s.UpdateSCIMUser(ctx, acme, u, event("scim.user.updated", u.ID)); !errors.Is(err, store.ErrStale) {
					return err
				}
			}
		}},
		{"page-of-100", func(n int64) error {
			_, err := s.SCIMUsers(ctx, acme, store.Query{Limit: 100, After: user(n).ID})
			return err
		}},
		{"member-in-group-of-10", s.member(ctx, "10")},
		{"member-in-group-of-10000", s.member(ctx, "10000")},
		{"group-without-members", func(int64) error {
			_, err := s.SCIMGroup(ctx, acme, "10000")
			return err
		}},
	} {
		each(b, clients, bench.name, bench.do)
	}
}

// each runs one benchmark with as many clients at once.
func each(b *testing.B, clients int, name string, do func(n int64) error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		if clients == 1 {
			for b.Loop() {
				if err := do(next.Add(1)); err != nil {
					b.Fatal(err)
				}
			}
			return
		}
		b.SetParallelism(max(1, clients/runtime.GOMAXPROCS(0))) // so many for each processor
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := do(next.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// member adds one member to a group.
func (s *benchStore) member(ctx context.Context, group string) func(n int64) error {
	return func(n int64) error {
		d := store.MemberDelta{Add: []store.Member{{ID: "added" + strconv.FormatInt(n, 10), Kind: store.MemberUser}}}
		_, err := s.ChangeSCIMMembers(ctx, acme, group, d, at, nil, event("scim.group.members", group))
		return err
	}
}

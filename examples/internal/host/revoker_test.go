package host_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
)

// sharedDatabase opens the product's tables and tenantgate's in one database.
type sharedDatabase struct {
	st   store.Store
	db   *host.DB
	sql  *sql.DB
	hang string // a statement that takes longer than anybody waits
}

func databases(t *testing.T) map[string]func(t *testing.T) sharedDatabase {
	t.Helper()
	return map[string]func(t *testing.T) sharedDatabase{
		"sqlite": func(t *testing.T) sharedDatabase {
			t.Helper()
			db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "host.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
			require.NoError(t, err)
			t.Cleanup(func() { _ = db.Close() })
			require.NoError(t, sqlite.Migrate(t.Context(), db))
			st, err := sqlite.New(t.Context(), db)
			require.NoError(t, err)
			own, err := host.OpenDB(t.Context(), db, host.Dialect{Joined: sqlite.SQLTx})
			require.NoError(t, err)
			return sharedDatabase{st, own, db, `with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n`}
		},
		"postgres": func(t *testing.T) sharedDatabase {
			t.Helper()
			db, err := sql.Open("pgx", pgtest.Start(t).Schema(t))
			require.NoError(t, err)
			t.Cleanup(func() { _ = db.Close() })
			require.NoError(t, postgres.Migrate(t.Context(), db))
			st, err := postgres.New(t.Context(), db)
			require.NoError(t, err)
			own, err := host.OpenDB(t.Context(), db, host.Dialect{Numbered: true, Joined: postgres.SQLTx})
			require.NoError(t, err)
			return sharedDatabase{st, own, db, `select pg_sleep(60)`}
		},
	}
}

// TestRevokerOnDatabases: sessions end in the transaction of the journal, once each, with
// two replicas at work, also when a statement of the host's fails and spoils the
// transaction, never comes back, or the host panics.
func TestRevokerOnDatabases(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			d, now := open(t), time.Now()
			join := map[string]func(store.Store) (*sql.Tx, bool){"sqlite": sqlite.SQLTx, "postgres": postgres.SQLTx}[name]
			const people = 12
			for i := range people {
				id := fmt.Sprintf("u-%d", i)
				require.NoError(t, d.db.AddUser(t.Context(), nil, host.User{ID: id, OrgID: "acme", Email: id + "@acme.example", Source: store.SourceManual, Active: true}, ""))
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
				require.NoError(t, d.db.StartSession(t.Context(), nil, httptest.NewRecorder(), r, host.Session{UserID: id, OrgID: "acme", Method: "oidc"}, now))
				require.NoError(t, d.st.AppendEvents(t.Context(), "acme", store.Event{
					ID: store.NewID(now), Type: "scim.user.updated", At: now, Subject: store.EventSubject{Kind: "scim_user", ID: "s-" + id},
					After: []byte(`{"userName":"` + id + `@acme.example","active":false}`),
				}))
			}
			var mu sync.Mutex
			failures := map[string]int{"u-3": 2, "u-4": 2, "u-5": 3}
			fails := func(id string) bool {
				mu.Lock()
				defer mu.Unlock()
				failures[id]--
				return failures[id] >= 0
			}
			sessions := oidc.SessionRevokerFunc(func(ctx context.Context, tx store.Store, r oidc.Revocation) error {
				if err := d.db.RevokeSessions(ctx, tx, r); err != nil || !fails(r.AccountID) {
					return err
				}
				in, ok := join(tx)
				if !ok {
					return errors.New("not in the transaction")
				}
				switch r.AccountID {
				case "u-3":
					_, err := in.ExecContext(ctx, "no statement")
					return err
				case "u-4":
					panic("the host's fault")
				default:
					_, err := in.ExecContext(ctx, d.hang)
					return err
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for range 2 {
				r, err := oidc.NewRevoker(oidc.RevokerConfig{Store: d.st, Sessions: sessions, Accounts: host.Accounts{DB: d.db}, Timeout: 300 * time.Millisecond})
				require.NoError(t, err)
				wg.Go(func() { _ = r.Run(ctx, 50*time.Millisecond) })
			}
			left := func() (n int) {
				require.NoError(t, d.sql.QueryRowContext(t.Context(), `select count(*) from oncall_sign_ins`).Scan(&n))
				return n
			}
			require.Eventually(t, func() bool { return left() == 0 }, 60*time.Second, 50*time.Millisecond)
			cancel()
			wg.Wait()
			ended := map[string]int{}
			events, err := d.st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: oidc.EventLogout})
			require.NoError(t, err)
			for _, e := range events {
				ended[e.Subject.ID]++
			}
			require.Len(t, ended, people)
			for id, n := range ended {
				require.Equal(t, 1, n, id)
			}
		})
	}
}

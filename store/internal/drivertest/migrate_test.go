package drivertest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
)

// schema is a package that keeps tables.
type schema struct {
	name    string
	migrate func(context.Context, *sql.DB) error
	store   func(context.Context, *sql.DB) (store.Store, error)
	// replicas are pools on one new database.
	replicas func(t *testing.T, n int) []*sql.DB
}

// open opens the tables, or says why it can't.
func (s schema) open(ctx context.Context, db *sql.DB) error {
	_, err := s.store(ctx, db)
	return err
}

func schemas() []schema {
	openSQLiteStore := func(ctx context.Context, db *sql.DB) (store.Store, error) { return sqlite.New(ctx, db) }
	list := []schema{{
		name:    "postgres",
		migrate: postgres.Migrate,
		store:   func(ctx context.Context, db *sql.DB) (store.Store, error) { return postgres.New(ctx, db) },
		replicas: func(t *testing.T, n int) []*sql.DB {
			dsn := postgresServer(t).Schema(t)
			pools := make([]*sql.DB, n)
			for i := range pools {
				db, err := sql.Open("pgx", dsn)
				require.NoError(t, err)
				t.Cleanup(func() { db.Close() })
				pools[i] = db
			}
			return pools
		},
	}}
	for name, driver := range map[string]string{"modernc": "sqlite", "ncruces": "sqlite3"} {
		list = append(list, schema{
			name: name, migrate: sqlite.Migrate, store: openSQLiteStore,
			replicas: func(t *testing.T, n int) []*sql.DB {
				file := filepath.Join(t.TempDir(), "store.db")
				pools := make([]*sql.DB, n)
				for i := range pools {
					pools[i] = openFile(t, driver, file, "")
				}
				return pools
			},
		})
	}
	return list
}

// TestMigrate starts several replicas at once on an empty database, then once more.
func TestMigrate(t *testing.T) {
	for _, s := range schemas() {
		t.Run(s.name, func(t *testing.T) {
			pools := s.replicas(t, 6)
			for range 2 {
				var g errgroup.Group
				for _, db := range pools {
					g.Go(func() error {
						if err := s.migrate(t.Context(), db); err != nil {
							return err
						}
						return s.open(t.Context(), db)
					})
				}
				require.NoError(t, g.Wait())
			}
		})
	}
}

// TestVersions refuses tables that are missing, newer or older than the code, and says
// what to do.
func TestVersions(t *testing.T) {
	for _, s := range schemas() {
		t.Run(s.name, func(t *testing.T) {
			ctx := t.Context()
			db := s.replicas(t, 1)[0]
			require.ErrorContains(t, s.open(ctx, db), "no tenantgate tables; call ")

			require.NoError(t, s.migrate(ctx, db))
			exec(t, db, "insert into tenantgate_migrations (version, name, applied_at) values (99, 'later', '2026-01-01')")
			require.ErrorContains(t, s.open(ctx, db), "are of version 99, which is newer")
			require.ErrorContains(t, s.migrate(ctx, db), "are of version 99, which is newer")

			exec(t, db, "delete from tenantgate_migrations where version > 0")
			require.ErrorContains(t, s.open(ctx, db), "call ")
		})
	}
}

// TestFailedMigration leaves nothing behind.
func TestFailedMigration(t *testing.T) {
	for _, s := range schemas() {
		t.Run(s.name, func(t *testing.T) {
			ctx := t.Context()
			db := s.replicas(t, 1)[0]
			exec(t, db, "create table tenantgate_record_index (somebody_elses integer)")
			require.ErrorContains(t, s.migrate(ctx, db), "tenantgate_record_index")
			require.ErrorContains(t, s.open(ctx, db), "no tenantgate tables")
			exec(t, db, "drop table tenantgate_record_index")
			require.NoError(t, s.migrate(ctx, db))
			require.NoError(t, s.open(ctx, db))
		})
	}
}

// TestSQLitePragmas refuses a file that was opened in a way which fails under load.
func TestSQLitePragmas(t *testing.T) {
	for _, driver := range []string{"sqlite", "sqlite3"} {
		for _, tt := range []struct{ name, query, want string }{
			{"no busy_timeout", "?_pragma=busy_timeout(0)&_pragma=journal_mode(WAL)", "_pragma=busy_timeout(10000)"},
			{"not WAL", "?_pragma=busy_timeout(1000)", "_pragma=journal_mode(WAL)"},
		} {
			t.Run(driver+" "+tt.name, func(t *testing.T) {
				db, err := sql.Open(driver, "file:"+filepath.Join(t.TempDir(), "store.db")+tt.query)
				require.NoError(t, err)
				defer db.Close()
				require.ErrorContains(t, sqlite.Migrate(t.Context(), db), tt.want)
				_, err = sqlite.New(t.Context(), db)
				require.ErrorContains(t, err, tt.want)
			})
		}
	}
}

func TestNewWithoutDatabase(t *testing.T) {
	_, err := sqlite.New(t.Context(), nil)
	require.ErrorContains(t, err, "needs a *sql.DB")
	_, err = postgres.New(t.Context(), nil)
	require.ErrorContains(t, err, "needs a *sql.DB")
}

func exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// TestMigrateFromVersion1 brings tables with records in them up to date: users' keys are
// found as before, and are not unique; domains are due.
func TestMigrateFromVersion1(t *testing.T) {
	for _, s := range schemas() {
		t.Run(s.name, func(t *testing.T) {
			db := s.replicas(t, 1)[0]
			dialect := "sqlite"
			if s.name == "postgres" {
				dialect = "postgres"
			}
			first, err := os.ReadFile(filepath.Join("..", "..", dialect, "migrations", "0001_first.sql"))
			require.NoError(t, err)
			now, no := "0", "0"
			versions := "create table tenantgate_migrations (version integer primary key, name text not null, applied_at text not null)"
			applied := "''"
			if dialect == "postgres" {
				now, no, applied = "now()", "false", "now()"
				versions = "create table tenantgate_migrations (version bigint primary key, name text not null, applied_at timestamptz not null)"
			}
			// The column of keys has lengths before texts: emails.value, then a@x.
			keys := "x'0c656d61696c732e76616c756503614078'"
			if dialect == "postgres" {
				keys = `'\x0c656d61696c732e76616c756503614078'::bytea`
			}
			for _, statement := range []string{
				string(first), versions, "insert into tenantgate_migrations values (1, 'first', " + applied + ")",
				"insert into tenantgate_scim_users values ('acme', 'u1', 'ada', 'ada', null, " + no + ", 1, " + now + ", " + now + ", " + keys + ", '{}')",
				"insert into tenantgate_scim_keys values ('acme', 'u', 'emails.value', 'a@x', 'u1')",
				"insert into tenantgate_records (tenant_id, kind, id, version, created_at, updated_at, body) values ('acme', 'domain', 'd1', 1, " + now + ", " + now + ", '" + `{"name":"acme.example","state":"pending","token":"t"}` + "')",
			} {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err, statement)
			}
			require.NoError(t, s.migrate(t.Context(), db))
			st, err := s.store(t.Context(), db)
			require.NoError(t, err)
			u, err := st.SCIMUser(t.Context(), "acme", "u1")
			require.NoError(t, err)
			require.Equal(t, []store.Key{{Attr: "emails.value", Value: "a@x"}}, u.Keys)
			page, err := st.SCIMUsers(t.Context(), "acme", store.Query{Filter: store.Compare{Attr: store.AttrEmail, Op: store.Eq, Value: "a@x"}})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			unique := []store.Key{{Attr: "emails.value", Value: "a@x", Unique: true}}
			_, err = st.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{Meta: store.Meta{ID: "u2"}, UserName: "bob", Body: []byte("{}"), Keys: unique})
			require.NoError(t, err, "what is there is not unique")
			u.Keys = unique
			_, err = st.UpdateSCIMUser(t.Context(), "acme", u)
			require.ErrorIs(t, err, store.ErrConflict)

			due, err := st.DomainsDue(t.Context(), time.Now(), store.DomainDue{}, 10)
			require.NoError(t, err)
			require.Equal(t, []store.DomainDue{{Ref: store.Ref{TenantID: "acme", ID: "d1"}}}, due)
			d, err := st.Domain(t.Context(), "acme", "d1")
			require.NoError(t, err)
			d.CheckAt = time.Now().Add(time.Hour)
			_, err = st.UpdateDomain(t.Context(), "acme", d)
			require.NoError(t, err)
			due, err = st.DomainsDue(t.Context(), time.Now(), store.DomainDue{}, 10)
			require.NoError(t, err)
			require.Empty(t, due)
		})
	}
}

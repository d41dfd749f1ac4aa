package drivertest

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
)

// schema is a package that keeps tables.
type schema struct {
	name    string
	migrate func(context.Context, *sql.DB) error
	open    func(context.Context, *sql.DB) error
	// replicas are pools on one new database.
	replicas func(t *testing.T, n int) []*sql.DB
}

func schemas() []schema {
	openSQLiteStore := func(ctx context.Context, db *sql.DB) error { _, err := sqlite.New(ctx, db); return err }
	list := []schema{{
		name:    "postgres",
		migrate: postgres.Migrate,
		open:    func(ctx context.Context, db *sql.DB) error { _, err := postgres.New(ctx, db); return err },
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
			name: name, migrate: sqlite.Migrate, open: openSQLiteStore,
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

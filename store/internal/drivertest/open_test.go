package drivertest

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"
	_ "modernc.org/sqlite"                   // the driver "sqlite"
)

// server starts PostgreSQL when the first test asks for it; TestMain stops it.
var server = sync.OnceValues(pgtest.New)

func TestMain(m *testing.M) {
	started := false
	start := server
	server = func() (*pgtest.Server, error) {
		started = true
		return start()
	}
	code := m.Run()
	if started {
		if s, err := start(); err == nil {
			if err := s.Close(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// postgresServer returns the server that all tests share.
func postgresServer(tb testing.TB) *pgtest.Server {
	tb.Helper()
	s, err := server()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	require.NoError(tb, err)
	return s
}

// openPostgres opens a pool on an empty schema of the shared server.
func openPostgres(tb testing.TB) *sql.DB {
	tb.Helper()
	db, err := sql.Open("pgx", postgresServer(tb).Schema(tb))
	require.NoError(tb, err)
	db.SetMaxOpenConns(32)
	db.SetMaxIdleConns(32)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

// openSQLite opens a new file by a driver.
func openSQLite(tb testing.TB, driver, more string) *sql.DB {
	tb.Helper()
	return openFile(tb, driver, filepath.Join(tb.TempDir(), "store.db"), more)
}

func openFile(tb testing.TB, driver, file, more string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, "file:"+file+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)"+more)
	require.NoError(tb, err)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

func newSQLite(tb testing.TB, db *sql.DB) *sqlite.Store {
	tb.Helper()
	require.NoError(tb, sqlite.Migrate(tb.Context(), db))
	st, err := sqlite.New(tb.Context(), db)
	require.NoError(tb, err)
	return st
}

func newPostgres(tb testing.TB, db *sql.DB) *postgres.Store {
	tb.Helper()
	require.NoError(tb, postgres.Migrate(tb.Context(), db))
	st, err := postgres.New(tb.Context(), db)
	require.NoError(tb, err)
	return st
}

// adapter is a store with what a host needs to join its transactions.
type adapter interface {
	store.Store
	WithTx(*sql.Tx) store.Store
}

// backend is a database and an adapter on it.
type backend struct {
	name  string
	open  func(testing.TB) *sql.DB
	store func(testing.TB, *sql.DB) adapter
	sqlTx func(store.Store) (*sql.Tx, bool)
	// param writes the n-th parameter of a host's statement.
	param func(n int) string
}

func backends() []backend {
	list := []backend{{
		name:  "postgres",
		open:  openPostgres,
		store: func(tb testing.TB, db *sql.DB) adapter { return newPostgres(tb, db) },
		sqlTx: postgres.SQLTx,
		param: func(n int) string { return fmt.Sprintf("$%d", n) },
	}}
	for name, driver := range map[string]string{"modernc": "sqlite", "ncruces": "sqlite3"} {
		list = append(list, backend{
			name:  name,
			open:  func(tb testing.TB) *sql.DB { return openSQLite(tb, driver, "") },
			store: func(tb testing.TB, db *sql.DB) adapter { return newSQLite(tb, db) },
			sqlTx: sqlite.SQLTx,
			param: func(int) string { return "?" },
		})
	}
	return list
}

func newMemory(tb testing.TB) store.Store {
	tb.Helper()
	return memory.New()
}

package sqltest

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/scim/internal/scimbench"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

func handler(b *testing.B, st store.Store) http.Handler {
	b.Helper()
	h, err := scim.NewHandler(scim.Config{
		BaseURL: scimbench.Base, Store: st, Policy: scim.InsecureAllowAll{}, InsecureNoRateLimit: true,
		Authenticator: scim.AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) {
			return tenant.Principal{KeyID: "k", KeyName: "bench", Scopes: []string{scim.ScopeWrite}}, nil
		}),
	})
	require.NoError(b, err)
	return h
}

func openSQLite(tb testing.TB) store.Store {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(tb.TempDir(), "store.db")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
	require.NoError(tb, err)
	db.SetMaxOpenConns(8)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	require.NoError(tb, sqlite.Migrate(tb.Context(), db))
	st, err := sqlite.New(tb.Context(), db)
	require.NoError(tb, err)
	return st
}

func openPostgres(tb testing.TB, server *pgtest.Server) store.Store {
	tb.Helper()
	db, err := sql.Open("pgx", server.Schema(tb))
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	require.NoError(tb, postgres.Migrate(tb.Context(), db))
	st, err := postgres.New(tb.Context(), db)
	require.NoError(tb, err)
	return st
}

func BenchmarkSQLite(b *testing.B) {
	scimbench.Run(b, func(b *testing.B) http.Handler { return handler(b, openSQLite(b)) })
}

func BenchmarkPostgres(b *testing.B) {
	server := pgtest.Start(b)
	scimbench.Run(b, func(b *testing.B) http.Handler { return handler(b, openPostgres(b, server)) })
}

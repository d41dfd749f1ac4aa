package sqlbench

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

func BenchmarkSQLite(b *testing.B) {
	scimbench.Run(b, func(b *testing.B) http.Handler {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bench.db")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
		require.NoError(b, err)
		db.SetMaxOpenConns(8)
		b.Cleanup(func() { require.NoError(b, db.Close()) })
		require.NoError(b, sqlite.Migrate(b.Context(), db))
		st, err := sqlite.New(b.Context(), db)
		require.NoError(b, err)
		return handler(b, st)
	})
}

func BenchmarkPostgres(b *testing.B) {
	server := pgtest.Start(b)
	scimbench.Run(b, func(b *testing.B) http.Handler {
		db, err := sql.Open("pgx", server.Schema(b))
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, db.Close()) })
		require.NoError(b, postgres.Migrate(b.Context(), db))
		st, err := postgres.New(b.Context(), db)
		require.NoError(b, err)
		return handler(b, st)
	})
}

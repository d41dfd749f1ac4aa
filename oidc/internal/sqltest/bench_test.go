package sqltest

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/oidc/internal/oidcbench"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// onlyAda is a host with one account.
type onlyAda struct{}

func (onlyAda) AccountByID(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{ID: oidcbench.AccountID, Email: oidcbench.Email, Member: true}, nil
}

func (a onlyAda) AccountByEmail(ctx context.Context, tx store.Store, tenantID, _ string) (oidc.Account, error) {
	return a.AccountByID(ctx, tx, tenantID, "")
}

// newHandler is a handler of a tenant that signs in at a provider without a network.
func newHandler(tb testing.TB, st store.Store) (*oidc.Handler, *oidcbench.Provider) {
	tb.Helper()
	require.NoError(tb, oidcbench.Prepare(tb.Context(), st, "RS256"))
	p, err := oidcbench.NewProvider()
	require.NoError(tb, err)
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: []byte(strings.Repeat("k", 32))}}})
	require.NoError(tb, err)
	secret := tenant.NewSecret(oidcbench.ClientSecret)
	h, err := oidc.NewHandler(oidc.Config{
		BaseURL: oidcbench.Base, Store: st, Keys: keys, Accounts: onlyAda{}, HTTPClient: &http.Client{Transport: p},
		OnLogin: oidc.LoginFunc(func(context.Context, http.ResponseWriter, *http.Request, store.Store, oidc.Login) error { return nil }),
		Secrets: oidc.SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) { return secret, nil }),
	})
	require.NoError(tb, err)
	return h, p
}

func callback(b *testing.B, st store.Store) {
	b.Helper()
	h, p := newHandler(b, st)
	oidcbench.Callback(b, p, h, st)
}

func BenchmarkCallbackSQLite(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "store.db")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	require.NoError(b, sqlite.Migrate(b.Context(), db))
	st, err := sqlite.New(b.Context(), db)
	require.NoError(b, err)
	callback(b, st)
}

func BenchmarkCallbackPostgres(b *testing.B) {
	db, err := sql.Open("pgx", pgtest.Start(b).Schema(b))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	require.NoError(b, postgres.Migrate(b.Context(), db))
	st, err := postgres.New(b.Context(), db)
	require.NoError(b, err)
	callback(b, st)
}

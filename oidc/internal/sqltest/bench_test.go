package sqltest

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
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

// BenchmarkCallbackPartsPostgres tells where a callback's time on PostgreSQL goes, as medians: what each of its three statements
// takes from sending it to its last row (use-ns/op puts the attempt's token, which waits for no disk, and reads the connection;
// look-ns/op reads all that the sign-in looks at; write-ns/op is the write that lasts, with its event), and what is left for
// database/sql, the checks and HTTP (rest-ns/op). roundtrip-ns/op is a statement that does nothing, sent beside them: what
// asking takes whatever is asked. Above the floor are thus two round trips that S10, and reading what the account may do after
// the provider has answered, need.
func BenchmarkCallbackPartsPostgres(b *testing.B) {
	log := &timedStatements{took: map[string][]time.Duration{}}
	config, err := pgx.ParseConfig(pgtest.Start(b).Schema(b))
	require.NoError(b, err)
	config.Tracer = log
	db := stdlib.OpenDB(*config)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	require.NoError(b, postgres.Migrate(b.Context(), db))
	st, err := postgres.New(b.Context(), db)
	require.NoError(b, err)
	h, p := newHandler(b, st)
	for range 20 { // the first links; statements are prepared
		oidcbench.Answer(b, p, h)()
	}
	clear(log.took)
	var all []time.Duration
	for b.Loop() {
		deliver := oidcbench.Answer(b, p, h)
		log.on = true
		began := time.Now()
		deliver()
		all = append(all, time.Since(began))
		var one int
		require.NoError(b, db.QueryRowContext(b.Context(), nothing).Scan(&one))
		log.on = false
	}
	rest := median(all)
	for metric, beginning := range map[string]string{
		"use-ns/op": "with t as (insert into tenantgate_tokens", "look-ns/op": "with i as (", "write-ns/op": "with r as (update", "roundtrip-ns/op": nothing,
	} {
		var took []time.Duration
		for query, some := range log.took {
			if strings.HasPrefix(query, beginning) {
				took = append(took, some...)
			}
		}
		require.Len(b, took, len(all), metric)
		b.ReportMetric(median(took), metric)
		if beginning != nothing {
			rest -= median(took)
		}
	}
	b.ReportMetric(median(all), "ns/op")
	b.ReportMetric(rest, "rest-ns/op")
}

const nothing = "select 1"

// median is in nanoseconds.
func median(all []time.Duration) float64 {
	all = slices.Sorted(slices.Values(all))
	return float64(all[len(all)/2].Nanoseconds())
}

// timedStatements keeps how long statements took while it is on.
type timedStatements struct {
	on   bool
	took map[string][]time.Duration
}

type sentKey struct{}

type sentStatement struct {
	query string
	at    time.Time
}

func (*timedStatements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, sentKey{}, sentStatement{q.SQL, time.Now()})
}

func (l *timedStatements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if s, ok := ctx.Value(sentKey{}).(sentStatement); ok && l.on {
		l.took[s.query] = append(l.took[s.query], time.Since(s.at))
	}
}

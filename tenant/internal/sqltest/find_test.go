package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
	"github.com/tenantgate/tenantgate/tenant/internal/tenantbench"
)

func openSQLite(tb testing.TB, more ...string) store.Store {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(tb.TempDir(), "store.db")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)"+strings.Join(more, ""))
	require.NoError(tb, err)
	db.SetMaxOpenConns(8)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	require.NoError(tb, sqlite.Migrate(tb.Context(), db))
	st, err := sqlite.New(tb.Context(), db)
	require.NoError(tb, err)
	return st
}

func openPostgres(tb testing.TB) store.Store {
	tb.Helper()
	db, err := sql.Open("pgx", pgtest.Start(tb).Schema(tb))
	require.NoError(tb, err)
	db.SetMaxIdleConns(8)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	require.NoError(tb, postgres.Migrate(tb.Context(), db))
	st, err := postgres.New(tb.Context(), db)
	require.NoError(tb, err)
	return st
}

type organisation string

func (o organisation) TenantID() string   { return string(o) }
func (o organisation) TenantName() string { return string(o) }

var owner = tenant.Actor{Kind: tenant.ActorOwner, ID: "owner"}

const scimBase = "https://app.example.com/scim/v2"

// newService is a service on the store, in which every domain is found to be proven.
func newService(tb testing.TB, st store.Store, now func() time.Time) *tenant.Service {
	tb.Helper()
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	require.NoError(tb, err)
	s, err := tenant.New(tenant.Config{
		Store: st, Keyring: ring, SCIMBaseURL: scimBase, Now: now,
		Tenants:         tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return organisation(id), nil }),
		Authorizer:      tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		DomainValidator: proven{},
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{}, errors.New("nobody is set up here")
		}),
		Notifier:      tenant.NotifierFunc(func(context.Context, store.Store, tenant.Notice) error { return nil }),
		StaffNotifier: tenant.NotifierFunc(func(context.Context, store.Store, tenant.Notice) error { return nil }),
		ReviewWithin:  4 * 24 * time.Hour,
	})
	require.NoError(tb, err)
	return s
}

// proven is a DomainValidator that asks nobody.
type proven struct{}

func (proven) Validate(context.Context, tenant.DomainClaim) (tenant.DomainProof, error) {
	return tenant.DomainProof{Proven: true, Method: tenant.MethodDNS, Finding: tenant.Finding{
		Field: tenant.FieldDomains, Code: tenant.CodeDomainProven, Severity: tenant.SeverityOK, Message: "The record is there.",
	}}, nil
}

// sampleKey makes a key, which is valid for no tenant of the fleet yet, and returns it with its hash.
func sampleKey(tb testing.TB, st store.Store) (key string, hash []byte) {
	tb.Helper()
	const id = "sample"
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	_, err := st.CreateDirectory(tb.Context(), id, store.Directory{Meta: store.Meta{ID: "d", CreatedAt: at, UpdatedAt: at}, ConnectionID: "c", Enabled: true})
	require.NoError(tb, err)
	secret, k, err := newService(tb, st, nil).CreateAPIKey(tb.Context(), owner, id, tenant.NewAPIKey{Name: "sample"})
	require.NoError(tb, err)
	k, err = st.APIKey(tb.Context(), id, k.ID)
	require.NoError(tb, err)
	return secret.Reveal(), k.Hash
}

// neverUsed is a time at which nothing was ever used, and no time has passed since: no use is noted, which is one write in
// a minute for each key.
func neverUsed() time.Time { return time.Time{}.Add(time.Second) }

func is(got string, i int, err error) error {
	if err == nil && got != tenantbench.TenantID(i) {
		err = fmt.Errorf("found %q, expected %q", got, tenantbench.TenantID(i))
	}
	return err
}

// find measures look-ups by address, key and base URL. "address remembered" is among a thousand domains that RealmsOf was
// asked for before; "base URL" is a request of a directory without a key, which asks nobody: the tenant's ID is in the address.
func find(b *testing.B, st store.Store) {
	b.Helper()
	key, hash := sampleKey(b, st)
	s := newService(b, st, neverUsed)
	h, err := scim.NewHandler(scim.Config{BaseURL: scimBase, Store: nobody{}, Policy: scim.InsecureAllowAll{}, Authenticator: scim.APIKeys(s), InsecureNoRateLimit: true})
	require.NoError(b, err)
	tenantbench.Run(b, &tenantbench.Fleet{Store: st, Hash: hash}, []tenantbench.Lookup{
		{Name: "address", Find: func(ctx context.Context, i int) error {
			realm, err := tenant.FindRealm(ctx, st, tenantbench.Name(i, i%tenantbench.Domains))
			return is(realm.TenantID, i, err)
		}},
		{Name: "address remembered", Find: func(ctx context.Context, i int) error {
			realm, err := s.RealmOf(ctx, tenantbench.Email(i, i%tenantbench.Domains))
			return is(realm.TenantID, i, err)
		}},
		{Name: "key", Find: func(ctx context.Context, i int) error {
			p, err := s.AuthenticateAPIKey(ctx, tenantbench.TenantID(i), key)
			return is(p.TenantID, i, err)
		}},
		{Name: "base URL", Find: func(ctx context.Context, i int) error {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, s.SCIMBaseURL(tenantbench.TenantID(i))+"/Users", nil)
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
				return fmt.Errorf("status %d", w.Code)
			}
			return nil
		}},
	})
}

// nobody is a store that panics when it is asked.
type nobody struct{ store.Store }

func BenchmarkFindTenantSQLite(b *testing.B) { find(b, openSQLite(b)) }

func BenchmarkFindTenantPostgres(b *testing.B) { find(b, openPostgres(b)) }

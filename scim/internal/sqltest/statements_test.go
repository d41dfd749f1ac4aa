package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// statementLog keeps what is sent to PostgreSQL, one entry for each round trip.
type statementLog struct {
	mu   sync.Mutex
	sent []string
}

func (l *statementLog) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, q.SQL)
	return ctx
}

func (*statementLog) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (l *statementLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent
	l.sent = nil
	return sent
}

// noAccounts is a host without accounts, which is what package provisioning's policy asks it for.
type noAccounts struct{ provisioning.Target }

func (noAccounts) RootAccount(context.Context, store.Store, string) (string, error) {
	return "root", nil
}

func (noAccounts) AccountByEmail(context.Context, store.Store, string, string) (provisioning.AccountState, error) {
	return provisioning.AccountState{}, store.ErrNotFound
}

// mounted is what a host mounts: keys of tenant.Service and provisioning.Policy, for the tenant acme.
type mounted struct {
	*tenant.Service
	store      store.Store
	handler    http.Handler
	connection string
	key        string
}

var owner = tenant.Actor{Kind: tenant.ActorOwner, ID: "owner"}

func mount(tb testing.TB, st store.Store) *mounted {
	tb.Helper()
	ctx, now := tb.Context(), time.Now()
	meta := func() store.Meta { return store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now} }
	c, err := st.CreateConnection(ctx, "acme", store.Connection{Meta: meta(), State: store.ConnectionActive})
	require.NoError(tb, err)
	_, err = st.CreateDomain(ctx, "acme", store.Domain{Meta: meta(), ConnectionID: c.ID, Name: "example.com", State: store.DomainVerified})
	require.NoError(tb, err)
	_, err = st.CreateDirectory(ctx, "acme", store.Directory{Meta: meta(), ConnectionID: c.ID, Enabled: true})
	require.NoError(tb, err)
	m := &mounted{store: st, connection: c.ID}
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	require.NoError(tb, err)
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{})
	require.NoError(tb, err)
	unused := errors.New("nothing here signs anybody in")
	m.Service, err = tenant.New(tenant.Config{
		Store: st, Keyring: ring, DomainValidator: dns,
		Tenants:    tenant.TenantsFunc(func(context.Context, string) (tenant.Tenant, error) { return nil, unused }),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{}, unused
		}),
	})
	require.NoError(tb, err)
	secret, _, err := m.CreateAPIKey(ctx, owner, "acme", tenant.NewAPIKey{Name: "Directory"})
	require.NoError(tb, err)
	m.key = secret.Reveal()
	policy, err := provisioning.NewPolicy(provisioning.PolicyConfig{Store: st, Target: noAccounts{}})
	require.NoError(tb, err)
	m.handler, err = scim.NewHandler(scim.Config{
		BaseURL: "https://app.example.com/scim/v2", Store: st, Authenticator: scim.APIKeys(m.Service), Policy: policy,
		RequestsPerSecond: 1_000_000, Written: func(string) {},
	})
	require.NoError(tb, err)
	return m
}

// request sends a request and returns the ID in the answer's Location.
func (m *mounted) request(tb testing.TB, method, path, body string, status int) string {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, "https://app.example.com/scim/v2/acme"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+m.key)
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	require.Equal(tb, status, w.Code, w.Body.String())
	location := w.Header().Get("Location")
	return location[strings.LastIndexByte(location, '/')+1:]
}

const (
	ada    = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.com","active":true,"emails":[{"value":"ada@example.com","primary":true}]}`
	grace  = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"grace@example.com","active":true,"emails":[{"value":"grace@example.com","primary":true}]}`
	rename = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":"Countess"}]}`
	leave  = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`
	group  = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Ops"}`
)

// TestStatementsOfARequest pins what a directory's requests ask of PostgreSQL, the key's look-up included. Each statement is
// a round trip, and the directory waits for all of them.
func TestStatementsOfARequest(t *testing.T) {
	var log statementLog
	config, err := pgx.ParseConfig(pgtest.Start(t).Schema(t))
	require.NoError(t, err)
	config.Tracer = &log
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	m := mount(t, migrated(t, db))
	id := m.request(t, "POST", "/Users", ada, http.StatusCreated) // notes that key and directory are used
	all, err := m.store.Directories(t.Context(), "acme")
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), all[0].LastRequestAt, time.Minute)

	for _, tt := range []struct {
		name, method, path, body string
		status, statements       int
	}{
		{"read", "GET", "/Users/" + id, "", http.StatusOK, 3},
		{"create a user", "POST", "/Users", grace, http.StatusCreated, 3},
		{"create a group", "POST", "/Groups", group, http.StatusCreated, 2},
		{"change a user", "PATCH", "/Users/" + id, rename, http.StatusOK, 4},
		{"deactivate", "PATCH", "/Users/" + id, leave, http.StatusOK, 4},
		{"delete", "DELETE", "/Users/" + id, "", http.StatusNoContent, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log.take()
			m.request(t, tt.method, tt.path, tt.body, tt.status)
			sent := log.take()
			for i, q := range sent {
				t.Logf("%2d %s", i+1, shortened(q))
			}
			require.Equal(t, tt.statements, len(sent)) //nolint:testifylint // Len prints the statements once more
		})
	}

	// A key that there is not asks as much as one that there is.
	key := m.key
	for _, m.key = range []string{"tgk_nonsense", key[:len(key)-1] + "x"} {
		log.take()
		m.request(t, "GET", "/Users/"+id, "", http.StatusUnauthorized)
		require.Equal(t, 1, len(log.take())) //nolint:testifylint // as above
	}
}

func shortened(q string) string {
	if len(q) > 160 {
		q = q[:160] + "…"
	}
	return strings.ReplaceAll(q, "\n", " ")
}

func migrated(tb testing.TB, db *sql.DB) store.Store {
	tb.Helper()
	require.NoError(tb, postgres.Migrate(tb.Context(), db))
	st, err := postgres.New(tb.Context(), db)
	require.NoError(tb, err)
	return st
}

// TestSuspendedBetweenRequests: what began after the suspension was committed is refused, on PostgreSQL too, where nothing
// of it is asked but with the key.
func TestSuspendedBetweenRequests(t *testing.T) {
	m := mount(t, openPostgres(t, pgtest.Start(t)))
	id := m.request(t, "POST", "/Users", ada, http.StatusCreated)
	c, err := m.Connection(t.Context(), owner, "acme", m.connection)
	require.NoError(t, err)
	_, err = m.Suspend(t.Context(), owner, "acme", c.ID, c.Version, "away")
	require.NoError(t, err)
	m.request(t, "POST", "/Users", grace, http.StatusForbidden)
	m.request(t, "POST", "/Groups", group, http.StatusForbidden)
	m.request(t, "PATCH", "/Users/"+id, rename, http.StatusForbidden)
	m.request(t, "PATCH", "/Users/"+id, leave, http.StatusOK)
	m.request(t, "DELETE", "/Users/"+id, "", http.StatusNoContent)
}

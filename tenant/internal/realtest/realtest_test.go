package realtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

func onSQLite(t *testing.T) store.Store {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "store.db")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, sqlite.Migrate(t.Context(), db))
	st, err := sqlite.New(t.Context(), db)
	require.NoError(t, err)
	return st
}

func onPostgres(t *testing.T) store.Store {
	db, err := sql.Open("pgx", pgtest.Start(t).Schema(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, postgres.Migrate(t.Context(), db))
	st, err := postgres.New(t.Context(), db)
	require.NoError(t, err)
	return st
}

func eachStore(t *testing.T, test func(t *testing.T, st store.Store)) {
	for name, open := range map[string]func(*testing.T) store.Store{"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			if name == "postgres" && os.Getenv("CI") != "true" && !installed() {
				t.Skip("install PostgreSQL (Debian: apt-get install postgresql) to run this")
			}
			test(t, open(t))
		})
	}
}

func installed() bool {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	return err == nil && len(found) > 0
}

func happens(ctx context.Context, st store.Store, tenantID string, from, to int) error {
	for i := from; i < to; i++ {
		now := time.Now()
		if err := st.AppendEvents(ctx, tenantID, store.Event{ID: store.NewID(now), Type: fmt.Sprintf("x.%03d", i), At: now}); err != nil {
			return err
		}
	}
	return nil
}

func numbered(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("x.%03d", i))
	}
	return out
}

// TestFollowers: three replicas tell a follower of each tenant's events in order and once, while they are written.
func TestFollowers(t *testing.T) {
	eachStore(t, func(t *testing.T, st store.Store) {
		var mu sync.Mutex
		told := map[string][]string{}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var running sync.WaitGroup
		for range 3 {
			f, err := tenant.NewFollowers(tenant.FollowersConfig{Store: st, Followers: []tenant.Follower{{
				Name: "x", Batch: 5, Handle: func(_ context.Context, tenantID string, events []store.Event) error {
					mu.Lock()
					defer mu.Unlock()
					for _, e := range events {
						told[tenantID] = append(told[tenantID], e.Type)
					}
					return nil
				},
			}}})
			require.NoError(t, err)
			running.Go(func() { _ = f.Run(ctx, 5*time.Millisecond) })
		}
		for _, id := range []string{"a", "b"} {
			require.NoError(t, happens(ctx, st, id, 0, 100))
		}
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(told["a"]) >= 100 && len(told["b"]) >= 100 }, 60*time.Second, 10*time.Millisecond)
		stop()
		running.Wait()
		require.Equal(t, map[string][]string{"a": numbered(100), "b": numbered(100)}, told)
	})
}

// TestWebhooks: three replicas send an owner's webhook in order and once, while owners change it; the receiver verifies with
// the library of Standard Webhooks, also while the secret is replaced.
func TestWebhooks(t *testing.T) {
	eachStore(t, func(t *testing.T, st store.Store) {
		svc := newService(t, st)
		var mu sync.Mutex
		var got []string
		var bad []error
		var secret string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			wh, err := standardwebhooks.NewWebhook(secret)
			if err == nil {
				err = wh.Verify(body, r.Header)
			}
			if err != nil {
				bad = append(bad, err)
			}
			_, typ, _ := bytes.Cut(body, []byte(`"type":"`))
			got = append(got, string(typ[:5]))
		}))
		defer srv.Close()
		n := tenant.NewWebhook{URL: srv.URL, Types: []string{"x.*"}}
		hook, err := svc.CreateWebhook(t.Context(), tenant.Actor{Kind: tenant.ActorOwner}, "acme", n)
		require.NoError(t, err)
		secret = hook.Secret.Reveal()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var running sync.WaitGroup
		for range 3 {
			s, err := tenant.NewWebhookSender(tenant.WebhookSenderConfig{Service: svc})
			require.NoError(t, err)
			running.Go(func() { _ = s.Run(ctx, 5*time.Millisecond) })
		}
		require.NoError(t, happens(ctx, st, "acme", 0, 50))
		next, err := svc.RotateWebhookSecret(ctx, tenant.Actor{Kind: tenant.ActorOwner}, "acme", hook.ID, hook.Version, time.Hour)
		require.NoError(t, err)
		n.Description = "changed meanwhile"
		_, err = svc.EditWebhook(ctx, tenant.Actor{Kind: tenant.ActorOwner}, "acme", hook.ID, next.Version, n)
		require.NoError(t, err)
		require.NoError(t, happens(ctx, st, "acme", 50, 100))
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) >= 100 }, 60*time.Second, 10*time.Millisecond)
		stop()
		running.Wait()
		require.Empty(t, bad)
		require.Equal(t, numbered(100), got)
	})
}

// TestInterop: what the library of Standard Webhooks signs, we verify, and its refusals are ours.
func TestInterop(t *testing.T) {
	secret, err := tenant.NewWebhookSecret()
	require.NoError(t, err)
	theirs, err := standardwebhooks.NewWebhook(secret.Reveal())
	require.NoError(t, err)
	now, body := time.Now(), []byte(`{"type":"x"}`)
	signature, err := theirs.Sign("msg_1", now, body)
	require.NoError(t, err)
	h := http.Header{}
	h.Set(tenant.HeaderWebhookID, "msg_1")
	h.Set(tenant.HeaderWebhookTimestamp, fmt.Sprint(now.Unix()))
	h.Set(tenant.HeaderWebhookSignature, signature)
	v := tenant.WebhookVerification{Secrets: []tenant.Secret{secret}}
	id, err := tenant.VerifyWebhook(h, body, v)
	require.NoError(t, err)
	require.Equal(t, "msg_1", id)
	for name, change := range map[string]func(h http.Header) []byte{
		"body": func(http.Header) []byte { return []byte(`{"type":"y"}`) },
		"id":   func(h http.Header) []byte { h.Set(tenant.HeaderWebhookID, "msg_2"); return body },
		"time": func(h http.Header) []byte {
			h.Set(tenant.HeaderWebhookTimestamp, fmt.Sprint(now.Unix()-3600))
			return body
		},
		"signature": func(h http.Header) []byte { h.Del(tenant.HeaderWebhookSignature); return body },
	} {
		changed := h.Clone()
		sent := change(changed)
		_, err := tenant.VerifyWebhook(changed, sent, v)
		require.Error(t, err, name)
		require.Error(t, theirs.Verify(sent, changed), name)
	}
}

func newService(t *testing.T, st store.Store) *tenant.Service {
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	require.NoError(t, err)
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{})
	require.NoError(t, err)
	svc, err := tenant.New(tenant.Config{
		Store: st, Keyring: ring, DomainValidator: dns, InsecureAllowLoopback: true,
		Tenants:    tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return organisation(id), nil }),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{}, errors.New("not asked here")
		}),
		Webhooks: tenant.WebhookConfig{EventTypes: []tenant.EventType{{Type: "x.*", Subject: "thing", Description: "Something of the host's."}}},
	})
	require.NoError(t, err)
	return svc
}

type organisation string

func (o organisation) TenantID() string   { return string(o) }
func (o organisation) TenantName() string { return string(o) }

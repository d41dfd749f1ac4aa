package oidc

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// ring is a keyring with one key.
func ring(t *testing.T, id string) *tenant.Keyring {
	t.Helper()
	k, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: id, Bytes: bytes.Repeat([]byte(id), 32)}}})
	require.NoError(t, err)
	return k
}

// sealed gives a connection a client secret.
func sealed(t *testing.T, keys *tenant.Keyring, secret string) func(*store.Connection) {
	return func(c *store.Connection) {
		var err error
		c.SealedSecret, err = keys.Seal([]byte(secret), tenant.FieldAAD("acme", c.ID, "client_secret"))
		require.NoError(t, err)
		c.SecretSetAt = store.Time(time.Now().Add(-time.Hour))
	}
}

// service is the tenant's side of a host in which everybody may do everything.
func service(t *testing.T, st store.Store, keys *tenant.Keyring) *tenant.Service {
	t.Helper()
	s, err := tenant.New(tenant.Config{
		Store: st, Keyring: keys, DomainValidator: tenant.StaffValidator{}, ProviderChecker: NewChecker(CheckerConfig{InsecureAllowLoopback: true}),
		Tenants:    tenant.TenantsFunc(func(context.Context, string) (tenant.Tenant, error) { return nil, store.ErrNotFound }),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
	})
	require.NoError(t, err)
	return s
}

// TestR44NextSecret: a test sign-in uses the secret that waits; when it succeeds, everybody's sign-ins do.
func TestR44NextSecret(t *testing.T) {
	t.Parallel()
	for name, push := range map[string]bool{"at the token endpoint": false, "already when the request is pushed": true} {
		t.Run(name, func(t *testing.T) { testNextSecret(t, push) })
	}
}

func testNextSecret(t *testing.T, push bool) {
	t.Parallel()
	keys := ring(t, "k")
	var svc *tenant.Service
	a := newApp(t, func(c *Config) {
		svc = service(t, c.Store, keys)
		c.Secrets, c.OnTest = svc, RecordTests(svc)
	})
	idp := oidctest.NewServerConfig(t, oidctest.Config{RequirePushedRequests: push, PushedRequests: push})
	c := a.connect(idp, "acme", "acme.example", sealed(t, keys, oidctest.DefaultClientSecret))
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "o1"}
	a.mux.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
		a.handler.StartTest(w, r, TestRequest{TenantID: "acme", ConnectionID: c.ID, ReturnTo: "/result", Actor: owner})
	})
	test := func() view { return a.browser().get(a.url + "/test") }
	stage := func(secret string) store.Connection {
		now, err := a.store.Connection(t.Context(), "acme", c.ID)
		require.NoError(t, err)
		_, _, err = svc.StageSecret(t.Context(), owner, "acme", c.ID, now.Version, tenant.NewSecret(secret), time.Time{})
		require.NoError(t, err)
		now, err = a.store.Connection(t.Context(), "acme", c.ID)
		require.NoError(t, err)
		return now
	}

	// A wrong one: the test tells, nobody else notices.
	before := stage("mistyped-secret-value")
	p := test()
	require.Equal(t, http.StatusServiceUnavailable, p.status, p.body)
	require.Contains(t, p.body, CodeClientRejected)
	require.Equal(t, http.StatusOK, a.signIn(oidctest.DefaultEmail).status)
	after, err := a.store.Connection(t.Context(), "acme", c.ID)
	require.NoError(t, err)
	require.Equal(t, before.NextSecret, after.NextSecret)
	require.Zero(t, after.FailingSince, "a test says nothing about the secret in force")

	// The provider takes the new one alone from now on, as after an expiry.
	a.change(after, sealed(t, keys, "the-old-secret-that-expired"))
	a.refusedSignIn(oidctest.DefaultEmail, http.StatusServiceUnavailable, CodeClientRejected)
	stage(oidctest.DefaultClientSecret)
	a.refusedSignIn(oidctest.DefaultEmail, http.StatusServiceUnavailable, CodeClientRejected)
	require.Equal(t, "home /result", test().body)
	require.Equal(t, http.StatusOK, a.signIn(oidctest.DefaultEmail).status)
	after, err = a.store.Connection(t.Context(), "acme", c.ID)
	require.NoError(t, err)
	require.Nil(t, after.NextSecret)
	require.Zero(t, after.FailingSince)
	require.NotEmpty(t, idp.Violations(), "secrets that it refused")
}

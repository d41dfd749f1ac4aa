package oidc

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// drifting is an app whose clock the test moves, with a connection that keeps its provider's document.
type drifting struct {
	*app
	idp  *oidctest.Server
	conn store.Connection
	told *alarms
	cfg  *Config

	mu sync.Mutex
	at time.Time
}

func (d *drifting) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *drifting) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = d.at.Add(by)
}

func newDrifting(t *testing.T) *drifting {
	t.Helper()
	d := &drifting{told: &alarms{}, at: time.Now()}
	d.idp = oidctest.NewServerConfig(t, oidctest.Config{Now: d.clock})
	d.app = newApp(t, func(c *Config) {
		c.OnAlarm, c.Now, d.cfg = d.told, d.clock, c
	})
	d.conn = d.connect(d.idp, "acme", "acme.example")
	d.conn.TenantID = "acme"
	d.accounts.add("acme", "u1", oidctest.DefaultEmail)
	report, err := d.handler.RefreshProviders(t.Context())
	require.NoError(t, err)
	require.Equal(t, RefreshReport{Connections: 1, Changed: 1}, report)
	d.conn = d.connection(d.conn)
	require.NotNil(t, d.conn.Metadata)
	return d
}

// restart makes a handler that has no document in its cache, a while later.
func (d *drifting) restart() {
	d.t.Helper()
	d.pass(2 * time.Hour)
	h, err := NewHandler(*d.cfg)
	require.NoError(d.t, err)
	*d.handler = *h
}

// TestDriftDoesNotBreakSignIn: whatever happens to the provider's document, people go on signing in with what it said
// before, the owners are told once, and once more when it is in order again.
func TestDriftDoesNotBreakSignIn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		faults oidctest.Faults
		code   string
	}{
		"gone":           {oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Discovery: {Status: 404}}}, tenant.CodeDiscoveryNotFound},
		"redirect":       {oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Discovery: {Redirect: "https://elsewhere.example/"}}}, tenant.CodeDiscoveryRedirect},
		"no JSON":        {oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Discovery: {Body: "<html>"}}}, tenant.CodeDiscoveryInvalidJSON},
		"another issuer": {oidctest.Faults{Metadata: func(m map[string]any) { m["issuer"] = "https://evil.example" }}, tenant.CodeIssuerMismatch},
		"no keys":        {oidctest.Faults{Metadata: func(m map[string]any) { delete(m, "jwks_uri") }}, tenant.CodeDiscoveryIncomplete},
		"http endpoint":  {oidctest.Faults{Metadata: func(m map[string]any) { m["token_endpoint"] = "http://192.0.2.1/token" }}, tenant.CodeDiscoveryIncomplete},
		"no alg":         {oidctest.Faults{Metadata: func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"HS256"} }}, tenant.CodeNoUsableKey},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrifting(t)
			d.restart()
			d.idp.SetFaults(row.faults)
			for range 2 {
				require.Equal(t, 200, d.signIn(oidctest.DefaultEmail).status)
			}
			now := d.connection(d.conn)
			require.Equal(t, row.code, now.DriftCode)
			require.Equal(t, store.Time(d.clock()), now.DriftSince)
			require.Equal(t, d.conn.Metadata, now.Metadata)
			require.Equal(t, []string{EventProviderDrifted + " " + row.code}, d.told.events())
			require.NotContains(t, d.told.list[0].Message, "evil")

			d.restart()
			require.Equal(t, 200, d.signIn(oidctest.DefaultEmail).status)
			require.Len(t, d.told.events(), 1, "the same drift is told once")

			d.idp.SetFaults(oidctest.Faults{})
			d.restart()
			require.Equal(t, 200, d.signIn(oidctest.DefaultEmail).status)
			now = d.connection(d.conn)
			require.Zero(t, now.DriftSince)
			require.Empty(t, now.DriftCode)
			require.Equal(t, []string{EventProviderDrifted + " " + row.code, EventProviderReturned + " " + row.code}, d.told.events())
			require.Len(t, d.events("acme", "oidc.provider.drifted"), 1)
			require.Equal(t, int64(0), now.ConfigVersion)
		})
	}
}

// TestDriftWithoutKeptDocument: a connection that keeps no document of its issuer refuses, as ever.
func TestDriftWithoutKeptDocument(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*store.Connection){
		"none":                     func(c *store.Connection) { c.Metadata = nil },
		"of another issuer":        func(c *store.Connection) { c.Metadata.Issuer += "x" },
		"with unusable endpoints":  func(c *store.Connection) { c.Metadata.TokenEndpoint = "javascript:alert(1)" },
		"with an endpoint missing": func(c *store.Connection) { c.Metadata.JWKSURI = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrifting(t)
			c := d.change(d.conn, change)
			d.restart()
			d.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["issuer"] = "https://evil.example" }})
			p := d.signIn(oidctest.DefaultEmail)
			require.Equal(t, 503, p.status)
			require.Contains(t, p.body, CodeProviderConfig)
			require.Equal(t, c, d.connection(c))
			require.Empty(t, d.told.events())
		})
	}
}

// TestDriftMovedEndpoints: a document in order that names other endpoints is used; it is kept, and told of, when a
// sign-in with it worked.
func TestDriftMovedEndpoints(t *testing.T) {
	t.Parallel()
	d := newDrifting(t)
	moved := func(m map[string]any) { m["userinfo_endpoint"] = d.idp.Issuer() + "/moved" }
	d.idp.SetFaults(oidctest.Faults{Metadata: moved, Claims: func(m map[string]any) { m["nonce"] = "wrong" }})
	d.restart()
	require.Equal(t, 403, d.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, d.conn, d.connection(d.conn), "nothing is believed that no sign-in worked with")

	d.idp.SetFaults(oidctest.Faults{Metadata: moved})
	for range 2 {
		require.Equal(t, 200, d.signIn(oidctest.DefaultEmail).status)
	}
	now := d.connection(d.conn)
	require.Equal(t, d.idp.Issuer()+"/moved", now.Metadata.UserinfoEndpoint)
	require.Equal(t, []string{EventProviderDrifted + " " + CodeMetadataChanged}, d.told.events())
	e := d.events("acme", EventProviderDrifted)
	require.Len(t, e, 1)
	require.Contains(t, string(e[0].After), "/moved")
	require.NotContains(t, string(e[0].Before), "/moved")
	require.Empty(t, now.DriftCode)
}

// TestDriftSeenByReplicas: what a replica saw before the record changed is no news, so that replicas with documents of
// different age don't take turns.
func TestDriftSeenByReplicas(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	doc := func(fetched time.Time, endpoint string) *metadata {
		return &metadata{issuer: "https://idp.example", tokenEndpoint: endpoint, fetched: fetched}
	}
	c := store.Connection{Metadata: doc(at, "https://idp.example/new").snapshot()}
	old := doc(at.Add(-time.Minute), "https://idp.example/old")
	require.Empty(t, noteDocument(&c, old, true, at))
	old.drift = &drift{code: tenant.CodeDiscoveryTimeout, at: at.Add(-time.Minute)}
	require.Empty(t, noteDocument(&c, old, true, at))
	old.drift.at = at.Add(time.Minute)
	require.Len(t, noteDocument(&c, old, true, at.Add(2*time.Minute)), 1)
	require.Empty(t, noteDocument(&c, doc(at.Add(time.Minute), "https://idp.example/new"), true, at.Add(3*time.Minute)), "read before the drift was seen")
	require.Equal(t, tenant.CodeDiscoveryTimeout, c.DriftCode)
	require.Len(t, noteDocument(&c, doc(at.Add(3*time.Minute), "https://idp.example/new"), true, at.Add(3*time.Minute)), 1)
	require.Empty(t, c.DriftCode)
}

// TestRefreshProviders: the host's regular refresh keeps every connection's document, and one provider that hangs or is
// gone stops none of the others.
func TestRefreshProviders(t *testing.T) {
	t.Parallel()
	d := newDrifting(t)
	other, gone := oidctest.NewServer(t), oidctest.NewServer(t)
	gone.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Discovery: {Status: 500}}})
	b := d.connect(other, "b", "b.example")
	b.TenantID = "b"
	shared := d.connect(other, "c", "c.example") // the same provider's
	shared.TenantID = "c"
	d.connect(gone, "d", "d.example")
	d.connect(gone, "e", "e.example", func(c *store.Connection) { c.State = store.ConnectionSuspended })
	d.pass(24 * time.Hour)
	d.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["userinfo_endpoint"] = d.idp.Issuer() + "/moved" }})

	before := other.Count(oidctest.Discovery)
	report, err := d.handler.RefreshProviders(t.Context())
	require.NoError(t, err)
	require.Equal(t, RefreshReport{Connections: 4, Unusable: 1, Changed: 3}, report)
	require.LessOrEqual(t, other.Count(oidctest.Discovery)-before, 2)
	require.Equal(t, d.idp.Issuer()+"/moved", d.connection(d.conn).Metadata.UserinfoEndpoint)
	require.Equal(t, other.Issuer(), d.connection(b).Metadata.Issuer)
	require.NotNil(t, d.connection(shared).Metadata)
	require.Equal(t, []string{EventProviderDrifted + " " + CodeMetadataChanged}, d.told.events(), "a first document is no alarm")

	report, err = d.handler.RefreshProviders(t.Context())
	require.NoError(t, err)
	require.Zero(t, report.Changed)

	d.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { delete(m, "token_endpoint") }})
	d.pass(24 * time.Hour)
	report, err = d.handler.RefreshProviders(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, report.Unusable)
	require.Equal(t, tenant.CodeDiscoveryIncomplete, d.connection(d.conn).DriftCode)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.handler.RefreshProviders(ended)
	require.ErrorIs(t, err, context.Canceled)
}

// TestCheckerSnapshot: the check of a provider brings what sign-in can fall back on, within bounds.
func TestCheckerSnapshot(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	many := make([]string, 5000)
	for i := range many {
		many[i] = "scope-" + time.Duration(i).String()
	}
	idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) {
		m["scopes_supported"] = append(many[:len(many):len(many)], "openid", "email")
		m["token_endpoint_auth_methods_supported"] = []string{"tls_client_auth", "client_secret_post"}
		m["end_session_endpoint"] = "javascript:alert(1)"
	}})
	check := NewChecker(CheckerConfig{InsecureAllowLoopback: true})
	report, err := check.CheckProvider(t.Context(), tenant.ProviderRequest{Authority: idp.Issuer()})
	require.NoError(t, err)
	require.NotNil(t, report.Metadata)
	require.Equal(t, idp.Issuer(), report.Metadata.Issuer)
	require.Empty(t, report.Metadata.EndSessionEndpoint)
	require.Equal(t, []string{"client_secret_post"}, report.Metadata.AuthMethods)
	require.LessOrEqual(t, len(report.Metadata.Scopes), 4)

	idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["issuer"] = "https://evil.example" }})
	report, err = check.CheckProvider(t.Context(), tenant.ProviderRequest{Authority: idp.Issuer()})
	require.NoError(t, err)
	require.Nil(t, report.Metadata)
}

package oidc

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// alarms collects what the host is told.
type alarms struct {
	mu   sync.Mutex
	list []Alarm
	err  error
}

func (a *alarms) OnAlarm(_ context.Context, alarm Alarm) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, alarm)
	return a.err
}

// events are the types and codes of the alarms so far.
func (a *alarms) events() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, alarm := range a.list {
		out = append(out, alarm.Event+" "+alarm.Code)
	}
	return out
}

func (a *app) connection(c store.Connection) store.Connection {
	a.t.Helper()
	c, err := a.store.Connection(a.t.Context(), c.TenantID, c.ID)
	require.NoError(a.t, err)
	return c
}

// change edits a connection's record as the set-up would.
func (a *app) change(c store.Connection, f func(*store.Connection)) store.Connection {
	a.t.Helper()
	c = a.connection(c)
	f(&c)
	c, err := a.store.UpdateConnection(a.t.Context(), c.TenantID, c)
	require.NoError(a.t, err)
	return c
}

// TestR43FailingConnection: a provider that refuses the application itself marks the connection once, however many
// people try, and the first sign-in that works clears the mark.
func TestR43FailingConnection(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	told := &alarms{err: errors.New("the pager is down")}
	a := newApp(t, func(c *Config) { c.OnAlarm = told })
	c := a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.Name, c.ConfigVersion = "Acme login", 3 })
	c.TenantID = "acme"
	a.accounts.add("acme", "u1", oidctest.DefaultEmail)
	expired := oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{
		oidctest.Token: {Status: 401, Body: `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired."}`},
	}}

	idp.SetFaults(expired)
	for range 3 {
		require.Equal(t, 503, a.signIn(oidctest.DefaultEmail).status)
	}
	now := a.connection(c)
	require.Equal(t, CodeSecretExpired, now.FailingCode)
	require.WithinDuration(t, time.Now(), now.FailingSince, time.Minute)
	require.Equal(t, int64(3), now.ConfigVersion)
	require.Equal(t, []string{EventConnectionFailing + " " + CodeSecretExpired}, told.events())
	require.Equal(t, "Acme login", told.list[0].ConnectionName)
	require.Contains(t, told.list[0].Message, "expired")
	require.Equal(t, Alarm{
		Event: EventConnectionFailing, Code: CodeSecretExpired, TenantID: "acme", ConnectionID: c.ID, ConnectionName: "Acme login",
		Message: told.list[0].Message, At: now.FailingSince,
	}, told.list[0])
	events := a.events("acme", EventConnectionFailing)
	require.Len(t, events, 1)
	require.Equal(t, "system", events[0].Actor.Kind)
	require.Equal(t, c.ID, events[0].Subject.ID)
	require.Contains(t, a.log.String(), "the pager is down")

	idp.SetFaults(oidctest.Faults{})
	for range 2 {
		require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	}
	now = a.connection(c)
	require.Zero(t, now.FailingSince)
	require.Empty(t, now.FailingCode)
	require.Equal(t, []string{EventConnectionFailing + " " + CodeSecretExpired, EventConnectionRecovered + " " + CodeSecretExpired}, told.events())
	require.Len(t, a.events("acme", EventConnectionRecovered), 1)

	version := now.Version
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, version, a.connection(c).Version, "a sign-in like any other writes nothing about the provider")
}

// TestFailingIsNotForOthersToCause: what anybody can send, or what says nothing about the application, marks nothing.
func TestFailingIsNotForOthersToCause(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	told := &alarms{}
	a := newApp(t, func(c *Config) {
		c.OnAlarm = told
		c.OnTest = TestFunc(func(_ context.Context, r TestResult) error { return r.Err })
	})
	c := a.connect(idp, "acme", "acme.example")
	c.TenantID = "acme"
	refused := oidctest.Fault{Status: 401, Body: `{"error":"invalid_client"}`}
	idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Token: refused}})

	// Nobody's answer.
	require.Equal(t, 400, a.browser().get(a.url+"/sso/signin-oidc/"+c.ID+"?state=x&code=y").status)
	// An answer that was used already.
	b := a.browser()
	b.stopAt = "/sso/signin-oidc/"
	callback := b.get(a.url + "/sso/login?email=" + url.QueryEscape(oidctest.DefaultEmail)).location
	idp.SetFaults(oidctest.Faults{})
	b.stopAt = ""
	jar := b.client.Jar.Cookies(mustURL(t, callback))
	require.NotEmpty(t, jar)
	b.get(callback)
	idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Token: refused}})
	b.client.Jar.SetCookies(mustURL(t, callback), jar)
	require.Contains(t, b.get(callback).body, CodeFlowUsed)
	// A refused code, and a provider that is down.
	for _, f := range []oidctest.Fault{{Status: 400, Body: `{"error":"invalid_grant"}`}, {Status: 500}} {
		idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Token: f}})
		require.GreaterOrEqual(t, a.signIn(oidctest.DefaultEmail).status, 400)
	}
	require.Equal(t, int64(1), a.connection(c).Version)
	require.Empty(t, told.events())
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

// TestR43OneAlarmOfManyReplicas: replicas that see it at the same moment raise one alarm, while an owner writes too.
func TestR43OneAlarmOfManyReplicas(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	told := &alarms{}
	var cfg *Config
	a := newApp(t, func(c *Config) { c.OnAlarm, cfg = told, c })
	other, err := NewHandler(*cfg)
	require.NoError(t, err)
	c := a.connect(idp, "acme", "acme.example")
	c.TenantID = "acme"
	refused := unavailable(CodeClientRejected, "", nil)
	all := func(err error) {
		seen := a.connection(c)
		var wait sync.WaitGroup
		for i := range 20 {
			h := a.handler
			if i%2 == 1 {
				h = other
			}
			wait.Go(func() { h.noteSignIn(t.Context(), seen, nil, attempt{}, err) })
		}
		wait.Wait()
	}
	all(refused)
	require.Len(t, told.events(), 1)
	all(nil)
	require.Equal(t, []string{EventConnectionFailing + " " + CodeClientRejected, EventConnectionRecovered + " " + CodeClientRejected}, told.events())
	require.Len(t, a.events("acme", "oidc.connection."), 2)

	// The owner replaced the secret while a sign-in with the old one was under way.
	old := a.connection(c)
	a.change(c, func(c *store.Connection) { c.ConfigVersion++ })
	a.handler.noteSignIn(t.Context(), old, nil, attempt{}, refused)
	require.Len(t, told.events(), 2)
	require.Zero(t, a.connection(c).FailingSince)

	// A test tries what is not configured.
	a.handler.noteSignIn(t.Context(), a.connection(c), nil, attempt{Test: &tenant.Actor{}}, refused)
	require.Zero(t, a.connection(c).FailingSince)
}

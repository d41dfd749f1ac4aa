package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// endings is a host that keeps in the store's own transaction what it was told, as one with its sessions in the same
// database does.
type endings struct {
	mu    sync.Mutex
	fails func(r Revocation) error
	calls int
}

const endedEvent = "host.sessions.ended"

func (l *endings) RevokeSessions(ctx context.Context, tx store.Store, r Revocation) error {
	l.mu.Lock()
	l.calls++
	fails := l.fails
	l.mu.Unlock()
	if fails != nil {
		if err := fails(r); err != nil {
			return err
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return tx.AppendEvents(ctx, r.TenantID, store.Event{ID: store.NewID(time.Now()), Type: endedEvent, After: data})
}

// told is what the host did, as far as it was committed.
func told(t *testing.T, st store.Store, tenantID string) []Revocation {
	t.Helper()
	events, err := st.Events(t.Context(), tenantID, store.EventQuery{TypePrefix: endedEvent})
	require.NoError(t, err)
	var out []Revocation
	for _, e := range events {
		var r Revocation
		require.NoError(t, json.Unmarshal(e.After, &r))
		out = append(out, r)
	}
	return out
}

func asked(t *testing.T, st store.Store, tenantID string) []string {
	var out []string
	for _, r := range told(t, st, tenantID) {
		out = append(out, r.Reason+" "+r.AccountID)
	}
	return out
}

func happened(t *testing.T, st store.Store, tenantID string, e store.Event) store.Event {
	t.Helper()
	if e.At.IsZero() {
		e.At = store.Time(time.Now())
	}
	e.ID = store.NewID(e.At)
	require.NoError(t, st.AppendEvents(t.Context(), tenantID, e))
	return e
}

// deactivated is the event of a directory that sets a user inactive.
func deactivated(user string) store.Event {
	return store.Event{
		Type: "scim.user.updated", Subject: store.EventSubject{Kind: "scim_user", ID: user},
		Before: []byte(`{"userName":"` + user + `@acme.example","active":true}`), After: []byte(`{"userName":"` + user + `@acme.example","active":false}`),
	}
}

func synced(t *testing.T, v *Revoker) {
	t.Helper()
	_, err := v.SyncAll(t.Context())
	require.NoError(t, err)
}

func newRevoker(t *testing.T, st store.Store, sessions SessionRevoker, people Accounts) *Revoker {
	t.Helper()
	v, err := NewRevoker(RevokerConfig{Store: st, Sessions: sessions, Accounts: people})
	require.NoError(t, err)
	return v
}

// TestRevokerEvents: which events end which sessions.
func TestRevokerEvents(t *testing.T) {
	t.Parallel()
	now := time.Now()
	connection := func(what string, before, after store.Connection) store.Event {
		b, err := json.Marshal(before)
		require.NoError(t, err)
		a, err := json.Marshal(after)
		require.NoError(t, err)
		return store.Event{Type: what, Subject: store.EventSubject{Kind: "connection", ID: "c1"}, Before: b, After: a}
	}
	active := store.Connection{State: store.ConnectionActive, Issuer: "https://idp.example", ClientID: "client"}
	with := func(change func(*store.Connection)) store.Connection {
		c := active
		change(&c)
		return c
	}
	user := func(typ, before, after string) store.Event {
		return store.Event{Type: typ, Subject: store.EventSubject{Kind: "scim_user", ID: "su1"}, Before: []byte(before), After: []byte(after)}
	}
	for name, tt := range map[string]struct {
		event store.Event
		want  []Revocation
	}{
		"set inactive, linked":       {user("scim.user.updated", `{"active":true}`, `{"active":false}`), []Revocation{{AccountID: "linked", Reason: ReasonDeactivated}}},
		"set inactive from unstated": {user("scim.user.updated", `{}`, `{"active":false}`), []Revocation{{AccountID: "linked", Reason: ReasonDeactivated}}},
		"was inactive before":        {user("scim.user.updated", `{"active":false}`, `{"active":false}`), nil},
		"set active":                 {user("scim.user.updated", `{"active":false}`, `{"active":true}`), nil},
		"another change":             {user("scim.user.updated", `{"active":true}`, `{"active":true,"title":"x"}`), nil},
		"no bodies":                  {store.Event{Type: "scim.user.updated"}, nil},
		"deleted":                    {user(scimUserDeleted, `{"active":true}`, ``), []Revocation{{AccountID: "linked", Reason: ReasonDeactivated}}},
		"deleted while inactive":     {user(scimUserDeleted, `{"active":false}`, ``), []Revocation{{AccountID: "linked", Reason: ReasonDeactivated}}},
		"access ended by provisioning": {
			store.Event{Type: accountDeactivated, Subject: store.EventSubject{Kind: "account", ID: "a9"}},
			[]Revocation{{AccountID: "a9", Reason: ReasonDeactivated}},
		},
		"unlinked": {
			store.Event{Type: EventUnlinked, Subject: store.EventSubject{Kind: "account", ID: "a1"}, After: []byte(`{"connection":"c1","issuer":"i","subject":"s"}`)},
			[]Revocation{{ConnectionID: "c1", Issuer: "i", Subject: "s", AccountID: "a1", Reason: ReasonUnlinked}},
		},
		"suspended": {
			connection("connection.suspended", active, with(func(c *store.Connection) { c.State = store.ConnectionSuspended })),
			[]Revocation{{ConnectionID: "c1", Reason: ReasonConnectionOff}},
		},
		"suspended with sessions kept": {
			func() store.Event {
				ev := connection("connection.suspended", active, with(func(c *store.Connection) { c.State = store.ConnectionSuspended }))
				ev.Code = codeSessionsKept
				return ev
			}(),
			nil,
		},
		"deleted after it was suspended": {
			connection("connection.deleted", with(func(c *store.Connection) { c.State = store.ConnectionSuspended }), with(func(c *store.Connection) { c.State = store.ConnectionDeleted })),
			nil,
		},
		"its identities removed": {
			store.Event{Type: connectionUnlinkedAll, Subject: store.EventSubject{Kind: "connection", ID: "c1"}},
			[]Revocation{{ConnectionID: "c1", Reason: ReasonUnlinked}},
		},
		"S28 another issuer": {
			connection("connection.changed", active, with(func(c *store.Connection) { c.Issuer = "https://other.example" })),
			[]Revocation{{ConnectionID: "c1", Reason: ReasonConnectionChanged}},
		},
		"S28 another client": {
			connection("connection.changed", active, with(func(c *store.Connection) { c.ClientID = "other" })),
			[]Revocation{{ConnectionID: "c1", Reason: ReasonConnectionChanged}},
		},
		"activated":          {connection("connection.activated", with(func(c *store.Connection) { c.State = store.ConnectionApproved }), active), nil},
		"secret replaced":    {connection("connection.secret_replaced", active, with(func(c *store.Connection) { c.SecretHint = "x" })), nil},
		"issuer found first": {connection("connection.checked", store.Connection{State: store.ConnectionDraft, ClientID: "client"}, active), nil},
		"a group":            {store.Event{Type: "scim.group.members_changed", Subject: store.EventSubject{Kind: "scim_group", ID: "g"}}, nil},
		"nonsense":           {store.Event{Type: "connection.saved", Subject: store.EventSubject{Kind: "connection", ID: "c1"}, Before: []byte(`[]`), After: []byte(`null`)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := memory.New()
			_, err := st.CreateAccount(t.Context(), "acme", store.Account{
				Meta: store.Meta{ID: "linked", CreatedAt: now, UpdatedAt: now}, Source: store.SourceSCIM, SCIMUserID: "su1", Active: true,
			})
			require.NoError(t, err)
			e := happened(t, st, "acme", tt.event)
			synced(t, newRevoker(t, st, &endings{}, &accounts{}))
			for i := range tt.want {
				tt.want[i].TenantID, tt.want[i].BeganBefore = "acme", e.At.Add(clockMargin)
			}
			require.Equal(t, tt.want, told(t, st, "acme"))
			require.Empty(t, told(t, st, "globex"))
		})
	}
}

// TestRevokerFindsAccountsByAddress: a host without provisioning has no link between a provisioned user and an account.
func TestRevokerFindsAccountsByAddress(t *testing.T) {
	t.Parallel()
	st, people := memory.New(), &accounts{}
	people.add("acme", "u-ada", "ada@acme.example")
	people.add("acme", "u-ada2", "ada.lovelace@acme.example")
	people.add("globex", "u-eve", "eve@acme.example")
	happened(t, st, "acme", store.Event{
		Type: "scim.user.updated", Subject: store.EventSubject{Kind: subjectSCIMUser, ID: "su"},
		Before: []byte(`{"userName":"Ada@ACME.example","emails":[{"value":"ada@acme.example"},{"value":"ada.lovelace@acme.example"},{"value":"eve@acme.example"},{"value":"no address"}]}`),
		After:  []byte(`{"active":false}`),
	})
	synced(t, newRevoker(t, st, &endings{}, people))
	require.Equal(t, []string{"deactivated u-ada", "deactivated u-ada2"}, asked(t, st, "acme"))
}

// TestRevokerLosesNothing: the host fails at each call in turn, by an error or a panic, and a new revoker goes on. Each
// end is committed once, in order.
func TestRevokerLosesNothing(t *testing.T) {
	t.Parallel()
	for failing := 1; failing <= 6; failing++ {
		for _, how := range []string{"error", "panic"} {
			st, people := memory.New(), &accounts{}
			var want []string
			for i := range 5 {
				user := fmt.Sprintf("u%d", i)
				people.add("acme", user, user+"@acme.example")
				happened(t, st, "acme", deactivated(user))
				happened(t, st, "acme", store.Event{Type: "scim.group.updated"})
				want = append(want, "deactivated "+user)
			}
			host := &endings{}
			n := 0
			host.fails = func(Revocation) error {
				if n++; n != failing {
					return nil
				}
				if how == "panic" {
					panic("the host's bug")
				}
				return errors.New("database down")
			}
			now := time.Now()
			for range 3 {
				v := newRevoker(t, st, host, people)
				v.cfg.Now = func() time.Time { return now }
				synced(t, v)
				now = now.Add(2 * time.Second)
			}
			require.ElementsMatch(t, want, asked(t, st, "acme"), "failing at call %d by %s", failing, how)
		}
	}
}

// TestRevokerPoison: what the host never manages stops nobody else, not even in the same tenant, and is tried again less
// and less often, also by a revoker that knows nothing of it.
func TestRevokerPoison(t *testing.T) {
	t.Parallel()
	st, people := memory.New(), &accounts{}
	for _, id := range []string{"u1", "u2", "u3"} {
		people.add("acme", id, id+"@acme.example")
		happened(t, st, "acme", deactivated(id))
	}
	people.add("globex", "g1", "g1@acme.example")
	happened(t, st, "globex", deactivated("g1"))
	host := &endings{fails: func(r Revocation) error {
		if r.AccountID == "u2" {
			return errors.New("never: password=hunter2")
		}
		return nil
	}}
	now := time.Now()
	clocked := func() *Revoker {
		v := newRevoker(t, st, host, people)
		v.cfg.Now = func() time.Time { return now }
		return v
	}
	v := clocked()
	n, err := v.SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, []string{"deactivated u1", "deactivated u3"}, asked(t, st, "acme"))
	require.Equal(t, []string{"deactivated g1"}, asked(t, st, "globex"))

	failures := func() int {
		events, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventRevocationFailed})
		require.NoError(t, err)
		for _, e := range events {
			require.NotContains(t, e.Message+string(e.After), "hunter2")
		}
		return len(events)
	}
	require.Equal(t, 1, failures())
	for i, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		now = now.Add(wait - 10*time.Millisecond)
		_, err = v.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, i+1, failures(), "not before its time")
		now = now.Add(10 * time.Millisecond)
		v = clocked()
		_, err = v.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, i+2, failures())
	}
	host.fails = nil
	now = now.Add(5 * time.Minute)
	n, err = clocked().SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []string{"deactivated u1", "deactivated u3", "deactivated u2"}, asked(t, st, "acme"))
	now = now.Add(time.Hour)
	n, err = clocked().SyncAll(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "done once")
}

// TestSignedInMeanwhile: a sign-in that read that all was well, and committed after the event that was to end it.
func TestSignedInMeanwhile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, a *app, c store.Connection)
		want   []string
	}{
		"all is well": {func(*testing.T, *app, store.Connection) {}, nil},
		"account inactive": {func(t *testing.T, a *app, _ store.Connection) {
			_, err := a.store.CreateAccount(t.Context(), "acme", store.Account{Meta: store.Meta{ID: "u-ada"}, Source: store.SourceSCIM})
			require.NoError(t, err)
		}, []string{"deactivated u-ada"}},
		"connection suspended": {func(t *testing.T, a *app, c store.Connection) {
			c.State = store.ConnectionSuspended
			_, err := a.store.UpdateConnection(t.Context(), "acme", c)
			require.NoError(t, err)
		}, []string{"connection_off u-ada"}},
		"another issuer": {func(t *testing.T, a *app, c store.Connection) {
			c.Issuer = "https://other.example"
			_, err := a.store.UpdateConnection(t.Context(), "acme", c)
			require.NoError(t, err)
		}, []string{"connection_changed u-ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			a := newApp(t)
			c := a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
			c, err := a.store.Connection(t.Context(), "acme", c.ID)
			require.NoError(t, err)
			tt.change(t, a, c)
			_, err = newRevoker(t, a.store, &endings{}, a.accounts).SyncAll(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.want, asked(t, a.store, "acme"))
		})
	}
}

// TestUnlink: the link goes, and with it what began with it.
func TestUnlink(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-ada")
	require.NoError(t, err)
	by := tenant.Actor{Kind: tenant.ActorUser, ID: "u-ada", Email: oidctest.DefaultEmail}
	require.NoError(t, Unlink(t.Context(), a.store, by, links[0], time.Now()))
	require.ErrorIs(t, Unlink(t.Context(), a.store, by, links[0], time.Now()), store.ErrNotFound)
	_, err = newRevoker(t, a.store, &endings{}, a.accounts).SyncAll(t.Context())
	require.NoError(t, err)
	got := told(t, a.store, "acme")
	require.Len(t, got, 1)
	require.Equal(t, idp.Issuer()+" "+links[0].Subject+" u-ada "+ReasonUnlinked, got[0].Issuer+" "+got[0].Subject+" "+got[0].AccountID+" "+got[0].Reason)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.True(t, a.lastLogin().First)
}

// TestTwoRevokers: each end is committed once, whoever gets there.
func TestTwoRevokers(t *testing.T) {
	t.Parallel()
	st, people := memory.New(), &accounts{}
	var want []string
	for i := range 300 {
		user := fmt.Sprintf("u%03d", i)
		people.add("acme", user, user+"@acme.example")
		happened(t, st, "acme", deactivated(user))
		want = append(want, "deactivated "+user)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			v := newRevoker(t, st, &endings{}, people)
			for range 5 {
				if _, err := v.SyncAll(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, want, asked(t, st, "acme"))
}

// TestRevokerRun: a wake is enough, and the interval finds what nobody woke for.
func TestRevokerRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, people := memory.New(), &accounts{}
		for _, id := range []string{"u1", "u2"} {
			people.add("acme", id, id+"@acme.example")
		}
		v := newRevoker(t, st, &endings{}, people)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx, time.Minute) }()
		synctest.Wait()

		happened(t, st, "acme", deactivated("u1"))
		v.Wake()
		v.Wake()
		synctest.Wait()
		require.Equal(t, []string{"deactivated u1"}, asked(t, st, "acme"))

		happened(t, st, "acme", deactivated("u2"))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"deactivated u1", "deactivated u2"}, asked(t, st, "acme"))
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

func TestNewRevokerNeedsItsParts(t *testing.T) {
	t.Parallel()
	good := RevokerConfig{Store: memory.New(), Sessions: &endings{}, Accounts: &accounts{}}
	for want, change := range map[string]func(*RevokerConfig){
		"Store": func(c *RevokerConfig) { c.Store = nil }, "Sessions": func(c *RevokerConfig) { c.Sessions = nil },
		"Accounts": func(c *RevokerConfig) { c.Accounts = nil },
	} {
		c := good
		change(&c)
		_, err := NewRevoker(c)
		require.ErrorContains(t, err, "RevokerConfig."+want)
	}
}

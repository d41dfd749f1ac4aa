package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// asked is a store that counts how often a domain is looked for.
type asked struct {
	store.Store
	n atomic.Int64
}

func (s *asked) TenantOfDomain(ctx context.Context, name string) (store.Ref, error) {
	s.n.Add(1)
	return s.Store.TenantOfDomain(ctx, name)
}

// replica is another Service on the world's store, and how often that is asked by it.
func (w *world) replica(t testing.TB, change ...func(*Config)) (*Service, *asked) {
	t.Helper()
	st := &asked{Store: w.store}
	cfg := w.cfg
	cfg.Store, cfg.RealmCache = st, RealmCache{}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	return s, st
}

// connectionOf is the first choice for an address, empty if there is none.
func connectionOf(t testing.TB, s *Service, email string) string {
	t.Helper()
	realm, err := s.RealmOf(t.Context(), email)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	require.NoError(t, err)
	return realm.ConnectionID
}

// TestRealmCacheOfTwoReplicas: a change is seen at once where it is made, and after MaxAge everywhere.
func TestRealmCacheOfTwoReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Now = nil })
		here, asksHere := w.replica(t)
		there, asksThere := w.replica(t)
		both := func(email, wantHere, wantThere, did string) {
			t.Helper()
			require.Equal(t, wantHere, connectionOf(t, here, email), "%s: here", did)
			require.Equal(t, wantThere, connectionOf(t, there, email), "%s: there", did)
		}
		d := acme()
		d.Domains = []string{"acme.com"}
		c := w.active(t, "t1", d)

		both("a@acme.com", c.ID, c.ID, "first")
		asksHere.n.Store(0)
		asksThere.n.Store(0)
		both("A@ACME.com", c.ID, c.ID, "again")
		require.Zero(t, asksHere.n.Load()+asksThere.n.Load(), "what is remembered asks nobody")

		steps := []struct {
			did    string
			change func() string // returns the connection that serves acme.com afterwards
		}{
			{"suspend", func() string {
				got, err := here.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "away")
				require.NoError(t, err)
				c = got
				return ""
			}},
			{"activate", func() string {
				got, err := here.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{})
				require.NoError(t, err)
				c = got
				return c.ID
			}},
			{"withdraw", func() string {
				d, err := w.store.Domain(t.Context(), "t1", c.Domains[0].ID)
				require.NoError(t, err)
				_, err = here.WithdrawDomain(t.Context(), staff, "t1", d.ID, d.Version, "given up")
				require.NoError(t, err)
				return ""
			}},
			{"prove", func() string {
				_, err := here.CheckDomain(t.Context(), owner, "t1", c.Domains[0].ID)
				require.NoError(t, err)
				return c.ID
			}},
		}
		before := c.ID
		for _, step := range steps {
			time.Sleep(DefaultRealmAge)
			both("a@acme.com", before, before, "before "+step.did)
			after := step.change()
			both("a@acme.com", after, before, step.did)
			asksHere.n.Store(0)
			require.Equal(t, after, connectionOf(t, here, "a@acme.com"))
			require.EqualValues(t, 1, asksHere.n.Load(), "after %s the store is asked for a while: the change may not be committed yet", step.did)
			time.Sleep(DefaultRealmAge - time.Nanosecond)
			both("a@acme.com", after, before, step.did+", just before the age")
			time.Sleep(time.Nanosecond)
			both("a@acme.com", after, after, step.did+", after the age")
			before = after
		}
	})
}

// TestRealmCacheOfNamesBelow: what is known of a name ends with a change of one above it, also that nobody has it.
func TestRealmCacheOfNamesBelow(t *testing.T) {
	w := newWorld(t)
	s, asks := w.replica(t)
	for range 2 {
		require.Empty(t, connectionOf(t, s, "a@x.dev.acme.com"))
	}
	require.EqualValues(t, 3, asks.n.Load(), "that there is none is remembered")

	d := acme()
	d.Domains = []string{"acme.com"}
	c := w.active(t, "t1", d) // by another replica
	require.Empty(t, connectionOf(t, s, "a@x.dev.acme.com"))
	got, err := s.SetSubdomains(t.Context(), staff, "t1", c.Domains[0].ID, c.Domains[0].Version, true)
	require.NoError(t, err)
	require.Equal(t, c.ID, connectionOf(t, s, "a@x.dev.acme.com"))

	// Another tenant proves a nearer name.
	w.pass(DefaultRealmAge)
	require.Equal(t, c.ID, connectionOf(t, s, "a@x.dev.acme.com"))
	d.Domains, d.BreakGlass = []string{"dev.acme.com"}, []string{"admin@dev.acme.com"}
	near := w.approved(t, "t2", d)
	w.proven["dev.acme.com"] = true
	_, err = s.CheckDomain(t.Context(), owner, "t2", near.Domains[0].ID)
	require.NoError(t, err)
	require.Empty(t, connectionOf(t, s, "a@x.dev.acme.com"), "it is another tenant's now, which signs nobody in")
	require.Equal(t, c.ID, connectionOf(t, s, "a@other.acme.com"))

	_, err = s.SetSubdomains(t.Context(), staff, "t1", got.ID, got.Version, false)
	require.NoError(t, err)
	require.Empty(t, connectionOf(t, s, "a@other.acme.com"))
}

// slow is a store whose answer about a domain comes after something else happened.
type slow struct {
	store.Store
	meanwhile func()
}

func (s *slow) Connection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	c, err := s.Store.Connection(ctx, tenantID, id)
	if then := s.meanwhile; then != nil {
		s.meanwhile = nil
		then()
	}
	return c, err
}

// TestRealmCacheWhileChanging: an answer that was read before a change, and comes after it, is not kept.
func TestRealmCacheWhileChanging(t *testing.T) {
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	st := &slow{Store: w.store}
	cfg := w.cfg
	cfg.Store = st
	s, err := New(cfg)
	require.NoError(t, err)
	st.meanwhile = func() {
		_, err := s.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "away")
		require.NoError(t, err)
	}
	connectionOf(t, s, "a@acme.com")
	require.Nil(t, st.meanwhile)
	require.Empty(t, connectionOf(t, s, "a@acme.com"))
}

// TestRealmCacheBound: whatever is asked, so many answers are kept, and those of customers are not pushed out by others.
func TestRealmCacheBound(t *testing.T) {
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	s, asks := w.replica(t, func(cfg *Config) { cfg.RealmCache.Entries = 10 })
	require.Equal(t, c.ID, connectionOf(t, s, "a@acme.com"))
	long := strings.Repeat("a", 60) + "."
	for i := range 1000 {
		require.Empty(t, connectionOf(t, s, fmt.Sprintf("a@%s%s%d.example", long, long, i)))
	}
	asks.n.Store(0)
	require.Equal(t, c.ID, connectionOf(t, s, "a@acme.com"))
	require.Empty(t, connectionOf(t, s, fmt.Sprintf("a@%s%s%d.example", long, long, 999)))
	require.Zero(t, asks.n.Load())
	require.Len(t, s.routes.known.entries, 1)
	require.Len(t, s.routes.unknown.entries, 10)
	require.Len(t, s.routes.unknown.order, 10)

	s, asks = w.replica(t, func(cfg *Config) { cfg.RealmCache.Entries = -1 })
	for range 3 {
		require.Equal(t, c.ID, connectionOf(t, s, "a@acme.com"))
	}
	require.EqualValues(t, 3, asks.n.Load(), "nothing is remembered")
	require.Empty(t, s.routes.known.entries)
}

// TestRealmCacheOfManyChanges: there are no more bars than a fixed number; beyond that nothing is remembered for a while.
func TestRealmCacheOfManyChanges(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := newRoutes(RealmCache{Entries: 5, MaxAge: time.Minute}, func() time.Time { return now })
	remembers := func(domain, holder string) bool {
		r.put(domain, holder, []Realm{{TenantID: holder}}, now)
		_, ok := r.get(domain)
		return ok
	}
	require.True(t, remembers("acme.com", "t1"))
	for i := range 3 * maxBars {
		r.changing(fmt.Sprint("tenant ", i), fmt.Sprint(i, ".example"))
		require.LessOrEqual(t, len(r.tenants)+len(r.names), maxBars+2)
	}
	require.False(t, remembers("acme.com", "t1"), "too much changes to know what")
	now = now.Add(time.Minute)
	require.True(t, remembers("acme.com", "t1"))
	now = now.Add(time.Minute)
	r.changing("t1", "")
	require.False(t, remembers("acme.com", "t1"))
	require.True(t, remembers("globex.com", "t2"))
	now = now.Add(-time.Second)
	_, ok := r.get("globex.com")
	require.False(t, ok, "an answer from the future is none")
}

func TestRealmCacheConfig(t *testing.T) {
	w := newWorld(t)
	for _, c := range []RealmCache{{Entries: 20_000_000}, {MaxAge: -1}, {MaxAge: time.Hour}} {
		cfg := w.cfg
		cfg.RealmCache = c
		_, err := New(cfg)
		require.ErrorContains(t, err, "Config.RealmCache.")
	}
}

// TestRevokedKeyAtAnotherReplica: nothing about keys is remembered, so that what was ended on one replica has ended on all.
func TestRevokedKeyAtAnotherReplica(t *testing.T) {
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	there, _ := w.replica(t)
	secret, key, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "a"})
	require.NoError(t, err)
	p, err := there.AuthenticateAPIKey(t.Context(), "t1", secret.Reveal())
	require.NoError(t, err)
	require.Nil(t, p.Refusal)

	_, err = w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "away")
	require.NoError(t, err)
	p, err = there.AuthenticateAPIKey(t.Context(), "t1", secret.Reveal())
	require.NoError(t, err, "people who leave are still deprovisioned")
	require.Equal(t, ErrorCodeConnectionSuspended, p.Refusal.Code)

	_, err = w.RevokeAPIKey(t.Context(), owner, "t1", key.ID, key.Version, true)
	require.NoError(t, err)
	_, err = there.AuthenticateAPIKey(t.Context(), "t1", secret.Reveal())
	require.ErrorIs(t, err, ErrBadAPIKey)
}

// TestCheckWrite: what the key's authentication found is enough for a second; then the store is asked.
func TestCheckWrite(t *testing.T) {
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	secret, _, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "a"})
	require.NoError(t, err)
	write := func() DirectoryWrite {
		p, err := w.AuthenticateAPIKey(t.Context(), "t1", secret.Reveal())
		require.NoError(t, err)
		return DirectoryWrite{TenantID: "t1", Principal: p}
	}
	check := func(st store.Store, dw DirectoryWrite, want, did string) {
		t.Helper()
		refusal, err := CheckWrite(t.Context(), st, dw, w.clock())
		require.NoError(t, err)
		if want == "" {
			require.Nil(t, refusal, did)
			return
		}
		require.NotNil(t, refusal, did)
		require.Equal(t, want, refusal.Code, did)
	}
	under := write()
	check(nil, under, "", "the store is not asked")
	suspended, err := w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "away")
	require.NoError(t, err)
	check(nil, write(), ErrorCodeConnectionSuspended, "a request that began after the suspension")
	check(nil, under, "", "one under way")
	w.pass(checkedFor)
	check(w.store, under, ErrorCodeConnectionSuspended, "one under way, a second later")
	w.pass(-2 * checkedFor)
	check(w.store, under, ErrorCodeConnectionSuspended, "the clock was set back")
	w.pass(checkedFor)
	other := under
	other.TenantID = "t2"
	check(w.store, other, ErrorCodeState, "what is known of one tenant says nothing of another")
	hosts := DirectoryWrite{TenantID: "t1", Principal: Principal{TenantID: "t1", ConnectionID: c.ID}}
	check(w.store, hosts, ErrorCodeConnectionSuspended, "a principal that the host made")
	late := write()
	_, err = w.Activate(t.Context(), owner, "t1", c.ID, suspended.Version, Activation{})
	require.NoError(t, err)
	check(w.store, hosts, "", "active again")
	check(nil, late, ErrorCodeConnectionSuspended, "a request from before that")
}

// marked is a store that counts what is noted of requests.
type marked struct {
	store.Store
	n     int
	fails error
}

func (s *marked) MarkDirectoryUsed(ctx context.Context, tenantID, id string, at time.Time) error {
	s.n++
	if s.fails != nil {
		return s.fails
	}
	return s.Store.MarkDirectoryUsed(ctx, tenantID, id, at)
}

// TestLastRequest: when a directory was last heard of is kept to five minutes, whichever replica hears it.
func TestLastRequest(t *testing.T) {
	w := newWorld(t)
	w.active(t, "t1", acme())
	secret, _, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "a"})
	require.NoError(t, err)
	st := &marked{Store: w.store}
	cfg := w.cfg
	cfg.Store = st
	replicas := make([]*Service, 2)
	for i := range replicas {
		replicas[i], err = New(cfg)
		require.NoError(t, err)
	}
	request := func(replica int, key string) error {
		_, err := replicas[replica].AuthenticateAPIKey(t.Context(), "t1", key)
		return err
	}
	last := func() store.Directory {
		all, err := w.Directories(t.Context(), owner, "t1")
		require.NoError(t, err)
		require.Len(t, all, 1)
		return all[0]
	}
	before := last()
	require.Zero(t, before.LastRequestAt)
	require.ErrorIs(t, request(0, "tgk_nonsense"), ErrBadAPIKey)
	require.Zero(t, last().LastRequestAt, "who has no key is not the directory")

	first := w.clock()
	for i := range 20 {
		require.NoError(t, request(i%2, secret.Reveal()))
		w.pass(10 * time.Second)
	}
	require.Equal(t, 1, st.n, "one write in five minutes")
	require.Equal(t, first, last().LastRequestAt)
	require.Equal(t, before.Version, last().Version, "nobody's page becomes stale")
	w.pass(requestResolution)
	require.NoError(t, request(1, secret.Reveal()))
	require.NoError(t, request(0, secret.Reveal()))
	require.Equal(t, 2, st.n)
	require.Equal(t, w.clock(), last().LastRequestAt)

	_, err = w.SetSCIMPreferences(t.Context(), owner, "t1", before.ID, before.Version, store.SCIMPreferences{PhoneUnconfirmed: true})
	require.NoError(t, err)
	require.Equal(t, w.clock(), last().LastRequestAt, "a change of the directory keeps it")

	w.pass(requestResolution)
	st.fails = errors.New("read-only")
	require.NoError(t, request(0, secret.Reveal()), "a request does not fail for that")
}

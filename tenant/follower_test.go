package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// listener is a follower's Handle that remembers what it was told.
type listener struct {
	mu   sync.Mutex
	told map[string][]string // types by tenant
	fail func(tenantID string, e store.Event) error
}

func (l *listener) handle(_ context.Context, tenantID string, events []store.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == nil {
		l.told = map[string][]string{}
	}
	for _, e := range events {
		if l.fail != nil {
			if err := l.fail(tenantID, e); err != nil {
				return err
			}
		}
	}
	for _, e := range events {
		l.told[tenantID] = append(l.told[tenantID], e.Type)
	}
	return nil
}

func (l *listener) of(tenantID string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.told[tenantID])
}

func append1(t testing.TB, st store.Store, tenantID string, types ...string) {
	t.Helper()
	for _, typ := range types {
		now := time.Now()
		require.NoError(t, st.AppendEvents(t.Context(), tenantID, store.Event{ID: store.NewID(now), Type: typ, At: now}))
	}
}

func newTestFollowers(t testing.TB, st store.Store, f ...Follower) *Followers {
	t.Helper()
	out, err := NewFollowers(FollowersConfig{Store: st, Followers: f})
	require.NoError(t, err)
	return out
}

func numbered(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%s.%d", prefix, i))
	}
	return out
}

// TestFollowersOrder: each tenant's events come in order, those that are wanted, and once while nothing fails.
func TestFollowersOrder(t *testing.T) {
	st, all, some := memory.New(), &listener{}, &listener{}
	f := newTestFollowers(t, st, Follower{Name: "all", Handle: all.handle, Batch: 3}, Follower{Name: "some", Handle: some.handle, Types: []string{"b.*", "c"}})
	append1(t, st, "acme", "a.1", "b.1", "c", "c.1", "b.2")
	append1(t, st, "other", "b.9")
	n, err := f.SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 6+4, n)
	require.Equal(t, []string{"a.1", "b.1", "c", "c.1", "b.2"}, all.of("acme"))
	require.Equal(t, []string{"b.1", "c", "b.2"}, some.of("acme"))
	require.Equal(t, []string{"b.9"}, some.of("other"))
	n, err = f.SyncAll(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "nothing comes twice")
	append1(t, st, "acme", "b.3")
	_, err = f.Sync(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, []string{"b.1", "c", "b.2", "b.3"}, some.of("acme"))
}

// TestFollowersStart: a new follower begins at the beginning or now, for tenants that come later too.
func TestFollowersStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, old, young := memory.New(), &listener{}, &listener{}
		append1(t, st, "acme", numbered("before", 2300)...)
		time.Sleep(time.Second)
		f := newTestFollowers(t, st, Follower{Name: "old", Handle: old.handle, Batch: 1000}, Follower{Name: "young", Handle: young.handle, Start: FollowFromNow})
		_, err := f.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, numbered("before", 2300), old.of("acme"))
		require.Empty(t, young.of("acme"))
		time.Sleep(time.Second)
		append1(t, st, "acme", "after")
		append1(t, st, "later", "first")
		_, err = f.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"after"}, young.of("acme"))
		require.Equal(t, []string{"first"}, young.of("later"), "a tenant that is new is not passed over")

		require.NoError(t, f.Replay(t.Context(), "young", "acme", 0))
		_, err = f.SyncAll(t.Context())
		require.NoError(t, err)
		require.Len(t, young.of("acme"), 1+2301, "who asks for the beginning gets it")
	})
}

// TestFollowersFail: a tenant whose events fail waits longer each time, and the others go on.
func TestFollowersFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, l := memory.New(), &listener{}
		var tries []time.Duration
		start := time.Now()
		l.fail = func(tenantID string, e store.Event) error {
			if e.Type == "poison" && len(tries) < 4 {
				tries = append(tries, time.Since(start))
				return errors.New("no")
			}
			return nil
		}
		f := newTestFollowers(t, st, Follower{Name: "x", Handle: l.handle})
		append1(t, st, "bad", "a", "b", "poison", "c")
		append1(t, st, "good", "a", "b")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx, 100*time.Millisecond) }()
		time.Sleep(500 * time.Millisecond)
		require.Equal(t, []string{"a", "b"}, l.of("good"), "one bad tenant stops nobody else")
		require.Equal(t, []string{"a", "b"}, l.of("bad"), "what is in front of it went through, alone")
		time.Sleep(time.Minute)
		require.Equal(t, []string{"a", "b", "poison", "c"}, l.of("bad"))
		stop()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Len(t, tries, 4, "the batch, and then the event by itself after 0, 1 and 2 seconds")
		require.InDelta(t, 0, tries[1].Seconds(), 0.2)
		require.InDelta(t, 1, tries[2].Seconds(), 0.4)
		require.InDelta(t, 3, tries[3].Seconds(), 0.8)
	})
}

// TestFollowersPark: after so many failures the event is set aside and recorded, and can be tried again.
func TestFollowersPark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, l, broken := memory.New(), &listener{}, true
		l.fail = func(_ string, e store.Event) error {
			if e.Type == "poison" && broken {
				panic("bug")
			}
			return nil
		}
		f := newTestFollowers(t, st, Follower{Name: "x", Handle: l.handle, MaxAttempts: 3})
		append1(t, st, "acme", "a", "poison", "b")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = f.Run(ctx, 0) }()
		time.Sleep(time.Minute)
		require.Equal(t, []string{"a", "b"}, l.of("acme"))
		parked, err := f.Parked(ctx, "x", "acme")
		require.NoError(t, err)
		require.Len(t, parked, 1)
		require.Equal(t, "poison", parked[0].Type)
		require.EqualValues(t, 2, parked[0].Seq)
		require.Equal(t, 3, parked[0].Attempts)
		require.False(t, parked[0].At.IsZero())
		events, err := st.Events(ctx, "acme", store.EventQuery{TypePrefix: EventFollowerParked})
		require.NoError(t, err)
		require.Len(t, events, 1)
		require.Equal(t, store.EventSubject{Kind: "follower", ID: "x"}, events[0].Subject)
		require.NotContains(t, events[0].Message+string(events[0].After), "bug", "the host's error is not for the tenant's owner")

		require.Error(t, f.Retry(ctx, "x", "acme", 2))
		broken = false
		require.NoError(t, f.Retry(ctx, "x", "acme", 2))
		require.Equal(t, []string{"a", "b", "poison"}, l.of("acme"))
		parked, err = f.Parked(ctx, "x", "acme")
		require.NoError(t, err)
		require.Empty(t, parked)
		require.ErrorIs(t, f.Retry(ctx, "x", "acme", 99), store.ErrNotFound)
		require.ErrorIs(t, f.Retry(ctx, "nobody", "acme", 2), store.ErrNotFound)
		time.Sleep(time.Minute)
		require.Equal(t, []string{"a", "b", "poison"}, l.of("acme"), "a follower is not told of itself")
	})
}

// TestFollowersNeverPark: a follower that must have everything holds a tenant's events back until it has.
func TestFollowersNeverPark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, l, broken := memory.New(), &listener{}, true
		l.fail = func(_ string, e store.Event) error {
			if e.Type == "poison" && broken {
				return errors.New("no")
			}
			return nil
		}
		f := newTestFollowers(t, st, Follower{Name: "x", Handle: l.handle, NeverPark: true})
		append1(t, st, "acme", "a", "poison", "b")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = f.Run(ctx, 0) }()
		time.Sleep(24 * time.Hour)
		require.Equal(t, []string{"a"}, l.of("acme"))
		l.mu.Lock()
		broken = false
		l.mu.Unlock()
		time.Sleep(6 * time.Minute)
		require.Equal(t, []string{"a", "poison", "b"}, l.of("acme"))
	})
}

// TestFollowersReplay: what was handled comes again from a place or a time on; to pass events over is refused.
func TestFollowersReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, l := memory.New(), &listener{}
		f := newTestFollowers(t, st, Follower{Name: "x", Handle: l.handle})
		append1(t, st, "acme", "a", "b")
		time.Sleep(time.Hour)
		append1(t, st, "acme", "c")
		_, err := f.SyncAll(t.Context())
		require.NoError(t, err)
		require.NoError(t, f.Replay(t.Context(), "x", "acme", 1))
		_, err = f.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "c", "b", "c"}, l.of("acme"))
		require.NoError(t, f.ReplaySince(t.Context(), "x", "acme", time.Now().Add(-time.Minute)))
		_, err = f.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "c", "b", "c", "c"}, l.of("acme"))
		err = f.Replay(t.Context(), "x", "acme", 4)
		require.ErrorIs(t, err, store.ErrConflict)
		require.Equal(t, ErrorCodeState, CodeOf(err))
		require.ErrorIs(t, f.Replay(t.Context(), "y", "acme", 0), store.ErrNotFound)
	})
}

// TestFollowersReplicas: several replicas tell a follower of each event once and in order, also when one of them dies in the
// middle of its work.
func TestFollowersReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, l := memory.New(), &listener{}
		want := numbered("e", 500)
		append1(t, st, "acme", want[:250]...)
		dead := make(chan struct{})
		defer close(dead)
		dying := newTestFollowers(t, st, Follower{Name: "x", Batch: 7, Handle: func(ctx context.Context, tenantID string, events []store.Event) error {
			if slices.Contains(l.of(tenantID), "e.50") {
				<-dead // the process stops here, and its lease stays
				return errors.New("dead")
			}
			return l.handle(ctx, tenantID, events)
		}})
		ctx := t.Context()
		running, stop := context.WithCancel(ctx)
		defer stop()
		go func() { _, _ = dying.SyncAll(ctx) }()
		time.Sleep(time.Second)
		for range 3 {
			other := newTestFollowers(t, st, Follower{Name: "x", Batch: 7, Handle: l.handle})
			go func() { _ = other.Run(running, time.Second) }()
		}
		time.Sleep(30 * time.Second)
		require.Less(t, len(l.of("acme")), 250, "the lease keeps the others away")
		append1(t, st, "acme", want[250:]...)
		time.Sleep(5 * time.Minute)
		require.Equal(t, want, l.of("acme"))
	})
}

// TestFollowersTimeout: a call has its time.
func TestFollowersTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		append1(t, st, "acme", "a")
		f := newTestFollowers(t, st, Follower{Name: "x", Timeout: 2 * time.Second, Handle: func(ctx context.Context, _ string, _ []store.Event) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		start := time.Now()
		_, err := f.Sync(t.Context(), "acme")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(start))
	})
}

func TestNewFollowersRefuses(t *testing.T) {
	st, ok := memory.New(), func(context.Context, string, []store.Event) error { return nil }
	good := Follower{Name: "x", Handle: ok}
	for want, cfg := range map[string]FollowersConfig{
		"Store is required":      {Followers: []Follower{good}},
		"Followers is required":  {Store: st},
		"has the name x twice":   {Store: st, Followers: []Follower{good, good}},
		"Name":                   {Store: st, Followers: []Follower{{Name: "Bad name", Handle: ok}}},
		"Handle is required":     {Store: st, Followers: []Follower{{Name: "x"}}},
		"Batch":                  {Store: st, Followers: []Follower{{Name: "x", Handle: ok, Batch: -1}}},
		"must not be negative":   {Store: st, Followers: []Follower{{Name: "x", Handle: ok, Timeout: -1}}},
		"Start":                  {Store: st, Followers: []Follower{{Name: "x", Handle: ok, Start: 7}}},
		"neither a type":         {Store: st, Followers: []Follower{{Name: "x", Handle: ok, Types: []string{"a b"}}}},
		"MaxAttempts":            {Store: st, Followers: []Follower{{Name: "x", Handle: ok, NeverPark: true, MaxAttempts: 1}}},
		"Workers":                {Store: st, Followers: []Follower{good}, Workers: -1},
		"LeaseTTL must be":       {Store: st, Followers: []Follower{good}, LeaseTTL: 1},
		"expected at most 100 t": {Store: st, Followers: []Follower{{Name: "x", Handle: ok, Types: numbered("t", 101)}}},
	} {
		_, err := NewFollowers(cfg)
		require.ErrorContains(t, err, want)
	}
}

// TestFollowersInTurn: Run and Sync of one replica, which have the same lease, do not tell a follower of a tenant's events at
// the same time.
func TestFollowersInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		var mu sync.Mutex
		now, most, told := 0, 0, 0
		f := newTestFollowers(t, st, Follower{Name: "slow", Handle: func(_ context.Context, _ string, events []store.Event) error {
			mu.Lock()
			now++
			most, told = max(most, now), told+len(events)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			now--
			return nil
		}})
		append1(t, st, "acme", numbered("x", 3)...)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := f.Sync(t.Context(), "acme")
				require.NoError(t, err)
			})
			all.Go(func() {
				_, err := f.SyncAll(t.Context())
				require.NoError(t, err)
			})
		}
		all.Wait()
		require.Equal(t, 1, most, "calls for one tenant never overlap")
		require.Equal(t, 3, told)
	})
}

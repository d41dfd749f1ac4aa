package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// table is a host's session table that lives in the database of the journal: what it writes commits with the rest, and a
// second time is a conflict.
type table struct {
	mu     sync.Mutex
	fail   map[string]error // by account
	panics map[string]bool
	hangs  map[string]bool
	calls  []string
}

func (s *table) RevokeSessions(ctx context.Context, tx store.Store, r Revocation) error {
	s.mu.Lock()
	s.calls = append(s.calls, r.AccountID)
	err, panics, hangs := s.fail[r.AccountID], s.panics[r.AccountID], s.hangs[r.AccountID]
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if putErr := tx.PutToken(ctx, r.TenantID, store.Token{Kind: "ended", Key: r.AccountID, ExpiresAt: time.Now().Add(time.Hour)}); putErr != nil {
		return putErr
	}
	if panics {
		panic("the host's fault")
	}
	return err
}

func (s *table) set(change func(s *table)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// ended lists the accounts whose sessions ended, and counts them once more.
func ended(t *testing.T, st store.Store, tenantID string) []string {
	t.Helper()
	events, err := st.Events(t.Context(), tenantID, store.EventQuery{TypePrefix: EventLogout})
	require.NoError(t, err)
	var out []string
	for _, e := range events {
		_, err := st.TakeToken(t.Context(), tenantID, "ended", e.Subject.ID, time.Now())
		require.NoError(t, err, "the journal and the host's rows tell the same")
		out = append(out, e.Subject.ID)
	}
	return out
}

// leavers writes n deactivations, of u-0 and those that follow.
func leavers(t *testing.T, st store.Store, tenantID string, n int) (ids []string) {
	t.Helper()
	for i := range n {
		user := fmt.Sprintf("s-%d", i)
		ids = append(ids, fmt.Sprintf("u-%d", i))
		account(t, st, tenantID, ids[i], user)
		journal{t, st, tenantID}.add(scimEvent("updated", user, "", `{"active":false}`), store.Event{Type: "scim.group.updated"})
	}
	return ids
}

// failing is a store whose transactions break at one moment: at a write, or at the commit.
type breaking struct {
	store.Store
	at   *int // how many writes and commits are left
	how  func() error
	once bool
}

func (s breaking) step() error {
	*s.at--
	if *s.at == 0 || !s.once && *s.at < 0 {
		return s.how()
	}
	return nil
}

func (s breaking) InTx(ctx context.Context, fn func(store.Store) error) error {
	return s.Store.InTx(ctx, func(tx store.Store) error {
		if err := fn(breaking{tx, s.at, s.how, s.once}); err != nil {
			return err
		}
		return s.step() // the commit
	})
}

func (s breaking) AppendEvents(ctx context.Context, tenantID string, events ...store.Event) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.Store.AppendEvents(ctx, tenantID, events...)
}

func (s breaking) SavePosition(ctx context.Context, tenantID, reader string, from, to int64) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.Store.SavePosition(ctx, tenantID, reader, from, to)
}

// TestRevokerCrash: whichever write or commit is the last one before the process dies, the next process ends what is
// left, and nothing twice.
func TestRevokerCrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for at, crashed := 1, true; crashed; at++ {
			st, host := memory.New(), &table{}
			want := leavers(t, st, "acme", 3)
			// One of them fails at first, so that the way of those that are tried again is gone as well.
			host.fail = map[string]error{"u-1": errors.New("not now")}
			left := at
			dies := breaking{Store: st, at: &left, how: func() error { panic("crash") }}
			r := newRevoker(t, dies, host, &accounts{})
			crashed = func() (crashed bool) {
				defer func() { crashed = recover() != nil }()
				_, err := r.SyncAll(t.Context())
				require.NoError(t, err)
				host.set(func(s *table) { s.fail = nil })
				time.Sleep(time.Second)
				_, err = r.SyncAll(t.Context())
				require.NoError(t, err)
				return false
			}()
			host.set(func(s *table) { s.fail = nil })
			r = newRevoker(t, st, host, &accounts{})
			_, err := r.SyncAll(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Second)
			_, err = r.SyncAll(t.Context())
			require.NoError(t, err)
			got := ended(t, st, "acme")
			slices.Sort(got)
			require.Equal(t, want, got, "crash at %d", at)
			require.Less(t, at, 1000)
			if !crashed {
				require.Greater(t, at, 10, "there were crashes")
			}
		}
	})
}

// TestRevokerFailures: what the host can't do, or panics at, holds up nobody else, and is tried until it goes through.
func TestRevokerFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &lockedBuffer{}
		st, host := memory.New(), &table{
			fail:   map[string]error{"u-1": errors.New("the cache is down: password=hunter2")},
			panics: map[string]bool{"u-2": true}, hangs: map[string]bool{"u-3": true},
		}
		leavers(t, st, "acme", 5)
		leavers(t, st, "globex", 1)
		r, err := NewRevoker(RevokerConfig{Store: st, Sessions: host, Accounts: &accounts{}, Logger: slog.New(slog.NewTextHandler(log, nil))})
		require.NoError(t, err)
		n, err := r.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.Equal(t, []string{"u-0", "u-4"}, ended(t, st, "acme"))
		require.Equal(t, []string{"u-0"}, ended(t, st, "globex"))
		failed, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventRevocationFailed})
		require.NoError(t, err)
		open := map[string]bool{}
		for _, e := range failed {
			open[e.Subject.Name] = true
			require.NotContains(t, string(e.After)+e.Message, "hunter2")
		}
		require.Equal(t, map[string]bool{"s-1": true, "s-2": true, "s-3": true}, open)
		require.Contains(t, log.String(), "panicked")
		require.Contains(t, log.String(), "the cache is down")

		attempts := func() int {
			host.mu.Lock()
			defer host.mu.Unlock()
			n := 0
			for _, id := range host.calls {
				if id == "u-1" {
					n++
				}
			}
			return n
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx, time.Second), context.DeadlineExceeded)
		require.Greater(t, attempts(), 12, "at least every 5 minutes")
		require.Less(t, attempts(), 30, "less and less often")

		host.set(func(s *table) { s.fail, s.panics, s.hangs = nil, nil, nil })
		ctx, cancel = context.WithTimeout(t.Context(), 6*time.Minute)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx, time.Second), context.DeadlineExceeded)
		done, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventRevocationDone})
		require.NoError(t, err)
		require.Len(t, done, 3)
		logouts, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventLogout})
		require.NoError(t, err)
		require.Len(t, logouts, 5)

		calls := len(host.calls)
		n, err = r.SyncAll(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
		require.Len(t, host.calls, calls)
		behind, err := r.behind(t.Context())
		require.NoError(t, err)
		require.Empty(t, behind)
	})
}

// TestRevokerBrokenTransaction: an event at which the transaction itself breaks, as a host's statement can do to it, is
// set aside in the end; the tenant's other sessions end.
func TestRevokerBrokenTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		leavers(t, st, "acme", 3)
		host := &table{}
		poison := &poisoned{Store: st, bad: "u-1"}
		r := newRevoker(t, poison, SessionRevokerFunc(func(ctx context.Context, tx store.Store, rev Revocation) error {
			poison.note(rev.AccountID)
			return host.RevokeSessions(ctx, tx, rev)
		}), &accounts{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx, time.Second), context.DeadlineExceeded)
		got, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventLogout})
		require.NoError(t, err)
		require.Len(t, got, 2, "u-0 and u-2")

		poison.set("")
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx, time.Second), context.DeadlineExceeded)
		require.ElementsMatch(t, []string{"u-0", "u-1", "u-2"}, ended(t, st, "acme"))
	})
}

// poisoned is a store whose commit fails when the sessions of one account were ended.
type poisoned struct {
	store.Store
	mu      sync.Mutex
	bad     string
	touched bool
}

func (s *poisoned) note(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched = s.touched || account == s.bad
}

func (s *poisoned) set(bad string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = bad
}

func (s *poisoned) InTx(ctx context.Context, fn func(store.Store) error) error {
	return s.Store.InTx(ctx, func(tx store.Store) error {
		s.mu.Lock()
		s.touched = false
		s.mu.Unlock()
		if err := fn(tx); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.touched {
			return errors.New("could not commit")
		}
		return nil
	})
}

// TestRevokerDatabaseDown: a database that fails at everything fails the round, and the next one does the work.
func TestRevokerDatabaseDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, host := memory.New(), &table{}
		want := leavers(t, st, "acme", 3)
		left := 1
		down := breaking{Store: st, at: &left, how: func() error { return errors.New("connection refused") }}
		r := newRevoker(t, down, host, &accounts{})
		for range 5 {
			_, err := r.SyncAll(t.Context())
			require.ErrorContains(t, err, "connection refused")
		}
		require.Empty(t, ended(t, st, "acme"))
		left = 1 << 30
		_, err := r.SyncAll(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Second) // the first was set aside: nobody can tell whose fault it was
		_, err = r.SyncAll(t.Context())
		require.NoError(t, err)
		require.ElementsMatch(t, want, ended(t, st, "acme"))
	})
}

// TestRevokersAtOnce: of several replicas one ends each session, also those that fail at first.
func TestRevokersAtOnce(t *testing.T) {
	t.Parallel()
	st, host := memory.New(), &table{}
	var want []string
	for _, tenantID := range []string{"acme", "globex", "initech"} {
		want = leavers(t, st, tenantID, 60)
	}
	var flaky sync.Map
	sessions := SessionRevokerFunc(func(ctx context.Context, tx store.Store, r Revocation) error {
		if _, again := flaky.LoadOrStore(r.TenantID+r.AccountID, true); !again && strings.HasSuffix(r.AccountID, "7") {
			return errors.New("not now")
		}
		return host.RevokeSessions(ctx, tx, r)
	})
	var ticks atomic.Int64 // a clock that goes on by a tenth of a second each time that somebody looks
	clock := func() time.Time { return time.Now().Add(time.Duration(ticks.Add(1)) * time.Second / 10) }
	var wg sync.WaitGroup
	for range 4 {
		r, err := NewRevoker(RevokerConfig{Store: st, Sessions: sessions, Accounts: &accounts{}, Now: clock})
		require.NoError(t, err)
		wg.Go(func() {
			for range 20 {
				_, err := r.SyncAll(t.Context())
				require.NoError(t, err)
			}
		})
	}
	wg.Wait()
	for _, tenantID := range []string{"acme", "globex", "initech"} {
		require.ElementsMatch(t, want, ended(t, st, tenantID))
	}
}

// TestRevokerOrder: a tenant's sessions end in the order of the journal, over several batches.
func TestRevokerOrder(t *testing.T) {
	t.Parallel()
	st, host := memory.New(), &table{}
	want := leavers(t, st, "acme", revokeBatch+20)
	n, err := newRevoker(t, st, host, &accounts{}).Sync(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, len(want), n)
	require.Equal(t, want, host.calls)
	require.Equal(t, want, ended(t, st, "acme"))
}

// TestRevokerSlowHost: a slow host of one tenant does not keep the others waiting for all of it.
func TestRevokerSlowHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, begun := memory.New(), time.Now()
		leavers(t, st, "acme", 50)
		leavers(t, st, "globex", 1)
		var globex time.Duration
		r := newRevoker(t, st, SessionRevokerFunc(func(_ context.Context, _ store.Store, r Revocation) error {
			if r.TenantID == "globex" {
				globex = time.Since(begun)
			}
			time.Sleep(2 * time.Second)
			return nil
		}), &accounts{})
		n, err := r.SyncAll(t.Context())
		require.NoError(t, err)
		require.Equal(t, 51, n)
		require.Less(t, globex, 10*time.Second)
	})
}

// TestRevokerStops: a Revoker whose context ends leaves no half work behind.
func TestRevokerStops(t *testing.T) {
	t.Parallel()
	st := memory.New()
	leavers(t, st, "acme", 5)
	ctx, cancel := context.WithCancel(t.Context())
	r := newRevoker(t, st, SessionRevokerFunc(func(context.Context, store.Store, Revocation) error {
		cancel()
		return context.Canceled
	}), &accounts{})
	require.ErrorIs(t, r.Run(ctx, time.Hour), context.Canceled)
	failed, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: revocationPrefix})
	require.NoError(t, err)
	require.Empty(t, failed)
	at, err := st.Position(t.Context(), "acme", revokeReader)
	require.NoError(t, err)
	require.Zero(t, at)
}

// TestRevokerHostDown: while a host is down, attempts and their events are bounded, and all of it is made up for.
func TestRevokerHostDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, host := memory.New(), &table{}
		down := true
		want := leavers(t, st, "acme", 200)
		r := newRevoker(t, st, SessionRevokerFunc(func(ctx context.Context, tx store.Store, rev Revocation) error {
			if down {
				return errors.New("the cache is down")
			}
			return host.RevokeSessions(ctx, tx, rev)
		}), &accounts{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx, time.Second), context.DeadlineExceeded)
		attempts := 0
		for after := int64(0); ; {
			failed, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventRevocationFailed, After: after})
			require.NoError(t, err)
			if len(failed) == 0 {
				break
			}
			attempts += len(failed)
			after = failed[len(failed)-1].Seq
		}
		require.Less(t, attempts, 1000)
		down = false
		ctx, cancel = context.WithTimeout(t.Context(), 6*time.Minute)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx, time.Second), context.DeadlineExceeded)
		require.ElementsMatch(t, want, ended(t, st, "acme"))
	})
}

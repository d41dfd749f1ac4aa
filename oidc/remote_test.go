package oidc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// counted is a cache whose fetches are counted and can be made to fail, hang or panic.
type counted struct {
	remote[string]
	fetches atomic.Int64
	fail    atomic.Bool
	slow    time.Duration
}

func newCounted(background bool) *counted {
	c := &counted{}
	c.remote = remote[string]{
		fetch: func(ctx context.Context, key string) (string, int, error) {
			n := c.fetches.Add(1)
			if c.slow > 0 {
				select {
				case <-time.After(c.slow):
				case <-ctx.Done():
					return "", 0, ctx.Err()
				}
			}
			if c.fail.Load() {
				return "", 0, errors.New("down")
			}
			return fmt.Sprintf("%s %d", key, n), 1, nil
		},
		now: time.Now, timeout: 10 * time.Second, fresh: time.Minute, usable: time.Hour, pause: 5 * time.Second,
		background: background, budget: 1000,
	}
	return c
}

// TestOneFetchHoweverManyWait is T12 and the cold start of S10: 1000 concurrent first callers, one request.
func TestOneFetchHoweverManyWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		c.slow = time.Second
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				doc, err := c.get(t.Context(), "a")
				if err != nil || doc != "a 1" {
					t.Errorf("get = %q, %v", doc, err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, c.fetches.Load())
	})
}

// TestS22_FirstCallerCancels: the fetch outlives the caller that caused it.
func TestS22_FirstCallerCancels(t *testing.T) {
	proves(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		c.slow = 2 * time.Second
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.get(first, "a")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("first caller: %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			wg.Go(func() {
				if doc, err := c.get(t.Context(), "a"); err != nil || doc != "a 1" {
					t.Errorf("waiting caller: %q, %v", doc, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		require.EqualValues(t, 1, c.fetches.Load())
	})
}

// TestS23_Age: a document is asked for again after its time, used for a while when the provider is down, then refused.
func TestS23_Age(t *testing.T) {
	proves(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		get := func() (string, error) { return c.get(t.Context(), "a") }
		doc, err := get()
		require.NoError(t, err)
		require.Equal(t, "a 1", doc)
		time.Sleep(59 * time.Second)
		doc, _ = get()
		require.Equal(t, "a 1", doc)
		time.Sleep(2 * time.Second)
		doc, _ = get()
		require.Equal(t, "a 2", doc)

		c.fail.Store(true)
		time.Sleep(2 * time.Minute)
		doc, err = get()
		require.NoError(t, err)
		require.Equal(t, "a 2", doc, "old, but the provider is down")
		require.EqualValues(t, 3, c.fetches.Load())
		_, err = get()
		require.NoError(t, err)
		require.EqualValues(t, 3, c.fetches.Load(), "a pause after a failure")
		time.Sleep(time.Hour)
		_, err = get()
		require.Error(t, err, "too old")
		c.fail.Store(false)
		time.Sleep(6 * time.Second)
		doc, err = get()
		require.NoError(t, err)
		require.Equal(t, "a 5", doc)
	})
}

func TestNegativeCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(true)
		c.fail.Store(true)
		for range 100 {
			_, err := c.get(t.Context(), "a")
			require.Error(t, err)
		}
		require.EqualValues(t, 1, c.fetches.Load())
		time.Sleep(6 * time.Second)
		_, err := c.get(t.Context(), "a")
		require.Error(t, err)
		require.EqualValues(t, 2, c.fetches.Load())
	})
}

func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(true)
		_, err := c.get(t.Context(), "a")
		require.NoError(t, err)
		c.slow = 3 * time.Second
		time.Sleep(2 * time.Minute)
		at := time.Now()
		for range 10 {
			doc, err := c.get(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, "a 1", doc)
		}
		require.Zero(t, time.Since(at), "nobody waits")
		time.Sleep(4 * time.Second)
		doc, _ := c.get(t.Context(), "a")
		require.Equal(t, "a 2", doc)
		require.EqualValues(t, 2, c.fetches.Load())
	})
}

// TestForcedRefreshIsLimited is T4: 1000 unknown key IDs in a row cost a handful of requests.
func TestForcedRefreshIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		_, err := c.get(t.Context(), "a")
		require.NoError(t, err)
		for range 1000 {
			_, _, err := c.refresh(t.Context(), "a", stranger)
			require.NoError(t, err)
		}
		require.EqualValues(t, 1+forcedBurst, c.fetches.Load())
		_, asked, _ := c.refresh(t.Context(), "a", signIn)
		require.True(t, asked, "strangers use up their own allowance alone")
		time.Sleep(forcedRefill)
		_, asked, _ = c.refresh(t.Context(), "a", stranger)
		require.True(t, asked)
		_, asked, _ = c.refresh(t.Context(), "a", stranger)
		require.False(t, asked)
	})
}

// TestS15_SlowProvider: a provider that hangs costs its own callers the timeout and nobody else anything.
func TestS15_SlowProvider(t *testing.T) {
	proves(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(false)
		_, err := c.get(t.Context(), "good")
		require.NoError(t, err)
		c.slow = time.Hour
		var wg sync.WaitGroup
		start := time.Now()
		for range 100 {
			wg.Go(func() {
				_, err := c.get(t.Context(), "hangs")
				if err == nil || time.Since(start) > 11*time.Second {
					t.Errorf("waited %v: %v", time.Since(start), err)
				}
			})
		}
		synctest.Wait()
		_, err = c.get(t.Context(), "good")
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		wg.Wait()
	})
}

func TestBudget(t *testing.T) {
	t.Parallel()
	c := newCounted(false)
	c.budget = 20
	for i := range 200 {
		_, err := c.get(t.Context(), fmt.Sprint(i))
		require.NoError(t, err)
		c.mu.Lock()
		require.LessOrEqual(t, c.weight, 21)
		require.LessOrEqual(t, len(c.entries), 20)
		require.Equal(t, len(c.entries), c.order.Len())
		c.mu.Unlock()
	}
	fetched := c.fetches.Load()
	_, err := c.get(t.Context(), "199")
	require.NoError(t, err)
	require.Equal(t, fetched, c.fetches.Load(), "the newest is kept")
}

func TestFetchPanics(t *testing.T) {
	t.Parallel()
	c := newCounted(false)
	c.fetch = func(context.Context, string) (string, int, error) { panic("a library's fault") }
	_, err := c.get(t.Context(), "a")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "library")
}

package scim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// replicas are logs of several processes on one store and one clock.
func replicas(t *testing.T, st store.Store, n int, change ...func(*StoredRequestsConfig)) ([]*StoredRequests, *time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 26, 12, 1, 0, 0, time.UTC)
	var mu sync.Mutex
	out := make([]*StoredRequests, n)
	for i := range out {
		cfg := StoredRequestsConfig{Store: st, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }}
		for _, c := range change {
			c(&cfg)
		}
		var err error
		out[i], err = NewStoredRequests(cfg)
		require.NoError(t, err)
	}
	return out, &now
}

// pagesOf reads a log page by page.
func pagesOf(t *testing.T, l RequestReader, tenantID string, q RequestQuery) (all []Exchange) {
	t.Helper()
	for pages := 0; ; pages++ {
		require.Less(t, pages, 1000)
		page, err := l.ReadRequests(t.Context(), tenantID, q)
		require.NoError(t, err)
		all = append(all, page.Requests...)
		if page.Next == 0 {
			return all
		}
		q.Before = page.Next
	}
}

func ok(at time.Time, path string) Exchange {
	return Exchange{At: at, Status: 200, Method: "GET", Path: path, DirectoryID: "d1"}
}

func bad(at time.Time, path string) Exchange {
	e := ok(at, path)
	e.Status, e.Error = 404, &Error{Status: 404, Detail: "none"}
	return e
}

// TestStoredRequests: whatever replica answered, each of them tells the same: the log in order and in pages, and the counts.
func TestStoredRequests(t *testing.T) {
	t.Parallel()
	st := memory.New()
	logs, now := replicas(t, st, 3)
	ctx := t.Context()
	var want []string
	for i := range 300 {
		e := ok(*now, fmt.Sprint("/", i))
		if i%10 == 0 {
			e = bad(*now, fmt.Sprint("/", i))
		}
		logs[i%3].LogRequest(ctx, "acme", e)
		logs[i%3].LogRequest(ctx, "globex", ok(*now, "/other"))
		want = append(want, e.Path)
		*now = now.Add(7 * time.Second)
	}
	slices.Reverse(want)
	for _, l := range logs {
		require.NoError(t, l.Flush(ctx))
	}
	began := *now
	for i, l := range logs {
		for _, limit := range []int{0, 7, 1000} {
			var got []string
			for _, e := range pagesOf(t, l, "acme", RequestQuery{Limit: limit}) {
				got = append(got, e.Path)
			}
			require.Equal(t, want, got, "replica %d, pages of %d", i, limit)
		}
		require.Len(t, pagesOf(t, l, "acme", RequestQuery{Result: RequestRefused, Limit: 4}), 30)
		require.Empty(t, pagesOf(t, l, "acme", RequestQuery{DirectoryID: "d2"}))
		require.Empty(t, pagesOf(t, l, "nobody", RequestQuery{}))
		from, to := began.Add(-20*time.Minute), began.Add(-10*time.Minute)
		for _, e := range pagesOf(t, l, "acme", RequestQuery{From: from, To: to, Limit: 9}) {
			require.False(t, e.At.Before(from) || !e.At.Before(to))
		}
		require.NotEmpty(t, pagesOf(t, l, "acme", RequestQuery{From: from, To: to}))
		hour, day, err := l.CountRequests(ctx, "acme", "d1", *now)
		require.NoError(t, err)
		require.Equal(t, RequestCounts{Good: 270, Refused: 30}, day)
		require.Equal(t, day, hour)
	}
	// What one has not written yet, it tells itself, and the others once it is written.
	logs[0].LogRequest(ctx, "acme", bad(*now, "/new"))
	require.Equal(t, "/new", pagesOf(t, logs[0], "acme", RequestQuery{Limit: 1})[0].Path)
	require.Equal(t, "/new", pagesOf(t, logs[2], "acme", RequestQuery{Limit: 1})[0].Path)
	_, day, err := logs[1].CountRequests(ctx, "acme", "d1", *now)
	require.NoError(t, err)
	require.Equal(t, 31, day.Refused)

	// A day later nothing of it is told or counted, and it is deleted, of a quiet tenant by Clean.
	_, err = st.CreateConnection(ctx, "globex", store.Connection{Meta: store.Meta{ID: "c", CreatedAt: *now, UpdatedAt: *now}})
	require.NoError(t, err)
	*now = now.Add(26 * time.Hour)
	require.Empty(t, pagesOf(t, logs[1], "acme", RequestQuery{}))
	logs[1].LogRequest(ctx, "acme", ok(*now, "/today"))
	require.Len(t, pagesOf(t, logs[1], "acme", RequestQuery{}), 1)
	_, day, err = logs[2].CountRequests(ctx, "acme", "d1", *now)
	require.NoError(t, err)
	require.Equal(t, RequestCounts{Good: 1}, day)
	held, err := st.Holdings(ctx, "acme")
	require.NoError(t, err)
	require.Equal(t, 1, held[store.KindResource+requestLogType])
	require.Equal(t, 1, held[store.KindResource+requestCountsType])
	n, err := logs[0].Clean(ctx)
	require.NoError(t, err)
	require.Positive(t, n)
	held, err = st.Holdings(ctx, "globex")
	require.NoError(t, err)
	require.Zero(t, held[store.KindResource+requestLogType]+held[store.KindResource+requestCountsType])
	require.NoError(t, logs[0].Flush(ctx))
	require.Empty(t, logs[0].batches, "what is over is not kept in memory")
}

// TestStoredRequestsOfAHandler: an owner reads at one replica what a directory sent to another, and exports it.
func TestStoredRequestsOfAHandler(t *testing.T) {
	t.Parallel()
	var logs []*StoredRequests
	var clock *time.Time
	var cfg Config
	s, _, _ := readable(t, func(c *Config) {
		logs, clock = replicas(t, c.Store, 2)
		c.RequestLog, c.Now = logs[0], func() time.Time { return *clock }
		cfg = *c
	})
	s.user("ada", `"password":"s3cret"`)
	s.do("GET", "/Users/none", "").want(404)
	require.NoError(t, logs[0].Flush(t.Context()))
	cfg.RequestLog = logs[1]
	other, err := NewHandler(cfg)
	require.NoError(t, err)
	page, err := other.ReadRequests(t.Context(), logReader, "acme", RequestQuery{})
	require.NoError(t, err)
	require.Len(t, page.Requests, 2)
	require.Equal(t, 404, page.Requests[0].Error.Status)
	require.NotContains(t, fmt.Sprintf("%+v", page), "s3cret")
	traffic, err := other.Traffic(t.Context(), logReader, "acme")
	require.NoError(t, err)
	require.Equal(t, RequestCounts{Good: 1, Refused: 1}, traffic[0].Hour)
	_, err = other.ReadRequests(t.Context(), stranger, "acme", RequestQuery{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	var out strings.Builder
	n, err := other.ExportRequests(t.Context(), logReader, "acme", RequestQuery{}, &out)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	s.do("GET", "/"+requestLogType, "").want(404)
}

// TestStoredRequestsAreBounded: in memory, in a record, and while the store fails.
func TestStoredRequestsAreBounded(t *testing.T) {
	t.Parallel()
	st := &downStore{Store: memory.New()}
	const most = 1 << 20
	logs, now := replicas(t, st, 1, func(c *StoredRequestsConfig) { c.MaxBytes, c.PerTenant = most, 1000 })
	l, ctx := logs[0], t.Context()
	body := strings.Repeat("x", maxLoggedBody)
	big := func(path string) Exchange {
		e := ok(*now, path)
		e.Request = body
		return e
	}
	for i := range 1000 {
		l.LogRequest(ctx, "busy", big(fmt.Sprint(i)))
	}
	require.Len(t, l.batches, 1)
	require.LessOrEqual(t, l.bytes, maxBatch)
	all := pagesOf(t, l, "busy", RequestQuery{})
	require.Greater(t, len(all), 10)
	for i, e := range all {
		require.Equal(t, fmt.Sprint(999-i), e.Path, "the newest")
	}
	_, day, err := l.CountRequests(ctx, "busy", "d1", *now)
	require.NoError(t, err)
	require.Equal(t, 1000, day.Good, "all are counted")
	for i := range 3 * maxCounted {
		e := ok(*now, "/")
		e.DirectoryID = fmt.Sprint(i)
		l.LogRequest(ctx, "many", e)
	}
	for _, e := range l.batches {
		require.LessOrEqual(t, len(e.Value.(*requestBatch).counts), maxCounted)
	}

	st.fails = true
	for i := range 2000 {
		l.LogRequest(ctx, fmt.Sprint("t", i%100), big(fmt.Sprint(i)))
		require.LessOrEqual(t, l.bytes, most)
	}
	require.ErrorIs(t, l.Flush(ctx), errDown)
	require.Positive(t, l.lost)
	_, err = l.ReadRequests(ctx, "t99", RequestQuery{})
	require.ErrorIs(t, err, errDown)
	require.Zero(t, l.lost, "it was logged")
	kept := 0
	for _, e := range l.batches {
		kept += e.Value.(*requestBatch).requests()
	}
	st.fails = false
	require.NoError(t, l.Flush(ctx))
	got := 0
	for i := range 100 {
		got += len(pagesOf(t, l, fmt.Sprint("t", i), RequestQuery{}))
	}
	require.Equal(t, kept, got, "what was kept is written once the store works, and once")
	require.LessOrEqual(t, l.bytes, most/2)

	// A clock that was wrong for a while.
	*now = now.AddDate(10, 0, 0)
	l.LogRequest(ctx, "clock", ok(*now, "/late"))
	*now = now.AddDate(-10, 0, 0)
	l.LogRequest(ctx, "clock", ok(*now, "/now"))
	_, day, err = l.CountRequests(ctx, "clock", "d1", *now)
	require.NoError(t, err)
	require.Equal(t, 1, day.Good)
}

var errDown = errors.New("the store is down")

// downStore is a store that keeps resources, and can be down.
type downStore struct {
	*memory.Store
	fails bool
}

func (s *downStore) InTx(ctx context.Context, fn func(store.Store) error) error {
	if s.fails {
		return errDown
	}
	return s.Store.InTx(ctx, fn)
}

func (s *downStore) SCIMResources(ctx context.Context, tenantID, typ string, q store.Query) (store.Page[store.SCIMResource], error) {
	if s.fails {
		return store.Page[store.SCIMResource]{}, errDown
	}
	return s.Store.SCIMResources(ctx, tenantID, typ, q)
}

// TestStoredRequestsOfARemovedTenant: what waits when a tenant is removed is not written afterwards.
func TestStoredRequestsOfARemovedTenant(t *testing.T) {
	t.Parallel()
	st := memory.New()
	logs, now := replicas(t, st, 1)
	ctx := t.Context()
	life := store.Lifecycle{}
	for _, state := range []store.ServiceState{store.ServiceRemoving, store.ServiceRemoved, store.ServiceOn} {
		logs[0].LogRequest(ctx, "acme", ok(*now, "/"))
		life.State, life.UpdatedAt = state, *now
		var err error
		life, err = st.PutLifecycle(ctx, "acme", life)
		require.NoError(t, err)
		require.NoError(t, logs[0].Flush(ctx))
		*now = now.Add(countStep)
		require.NoError(t, logs[0].Flush(ctx))
		require.Empty(t, logs[0].batches)
		held, err := st.Holdings(ctx, "acme")
		require.NoError(t, err)
		if got := held[store.KindResource+requestLogType]; state == store.ServiceOn {
			require.Equal(t, 1, got, "set up anew")
		} else {
			require.Zero(t, got, state)
		}
	}
}

// TestStoredRequestsRun: what came is written in time, and once more at the end; several replicas and readers at once.
func TestStoredRequestsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		logs, _ := replicas(t, st, 2, func(c *StoredRequestsConfig) { c.Now = time.Now })
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, l := range logs {
			running.Go(func() {
				if err := l.Run(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("Run returned %v", err)
				}
			})
		}
		var sent sync.WaitGroup
		for i := range 8 {
			sent.Go(func() {
				for range 40 {
					logs[i%2].LogRequest(ctx, "acme", ok(time.Now(), "/"))
					if _, err := logs[(i+1)%2].ReadRequests(ctx, "acme", RequestQuery{}); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
				}
			})
		}
		sent.Wait()
		time.Sleep(6 * time.Second)
		rows, err := st.SCIMResources(ctx, "acme", requestLogType, store.Query{})
		require.NoError(t, err)
		require.NotEmpty(t, rows.Items)
		require.LessOrEqual(t, len(rows.Items), 4, "one for each replica and five minutes")
		logs[0].LogRequest(ctx, "acme", ok(time.Now(), "/last"))
		cancel()
		running.Wait()
		_, day, err := logs[1].CountRequests(t.Context(), "acme", "d1", time.Now())
		require.NoError(t, err)
		require.Equal(t, 8*40+1, day.Good)
		require.Equal(t, "/last", pagesOf(t, logs[1], "acme", RequestQuery{})[0].Path)
	})
}

func TestNewStoredRequestsRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*StoredRequestsConfig){
		"Store is required":    func(c *StoredRequestsConfig) { c.Store = nil },
		"SCIMResourceStore":    func(c *StoredRequestsConfig) { c.Store = struct{ store.Store }{c.Store} },
		"KeepFor":              func(c *StoredRequestsConfig) { c.KeepFor = time.Hour },
		"must not be negative": func(c *StoredRequestsConfig) { c.MaxBytes = -1 },
	} {
		cfg := StoredRequestsConfig{Store: memory.New()}
		change(&cfg)
		_, err := NewStoredRequests(cfg)
		require.ErrorContains(t, err, name)
	}
}

package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var (
	logReader = tenant.Actor{Kind: tenant.ActorOwner, ID: "owner", Email: "owner@acme.example"}
	stranger  = tenant.Actor{Kind: tenant.ActorUser, ID: "stranger"}
)

// readable is a server whose log the owner of acme may read, and its clock.
func readable(t *testing.T, change ...func(*Config)) (*server, *Handler, *time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	var cfg Config
	s := newServer(t, append([]func(*Config){func(c *Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		c.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, a tenant.Actor, action tenant.Action, tenantID string) error {
			if a.Kind == tenant.ActorOwner && action == tenant.ActionViewRequests && tenantID == "acme" {
				return nil
			}
			return tenant.ErrForbidden
		})
	}}, append(change, func(c *Config) { cfg = *c })...)...)
	h, err := NewHandler(cfg)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(h.Mount())
	s.h = mux
	_, err = s.store.CreateDirectory(t.Context(), "acme", store.Directory{Meta: store.Meta{ID: "d1", CreatedAt: now, UpdatedAt: now}, Enabled: true})
	require.NoError(t, err)
	return s, h, &now
}

// TestReadRequests: an owner reads what the directory sent page by page, and how it went; nobody else does.
func TestReadRequests(t *testing.T) {
	s, h, now := readable(t)
	ctx := t.Context()
	id := s.user("ada", `"password":"s3cret"`)
	for range 7 {
		s.do("GET", "/Users/"+id, "").want(200)
		*now = now.Add(time.Minute)
	}
	s.do("POST", "/Users", `{"userName":"ada"}`).refused(409, TypeUniqueness)
	s.do("POST", "/Users", `{"userName":"bob","shoeSize":43}`).want(201)

	var all []Exchange
	for q, pages := (RequestQuery{Limit: 3}), 0; ; pages++ {
		page, err := h.ReadRequests(ctx, logReader, "acme", q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Requests), 3)
		all = append(all, page.Requests...)
		if q.Before = page.Next; q.Before == 0 {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Equal(t, h.Requests("acme"), all, "the pages are the whole, each once")
	require.Len(t, all, 10)
	require.NotContains(t, fmt.Sprintf("%+v", all), "s3cret")
	require.Equal(t, "d1", all[0].DirectoryID)

	count := func(q RequestQuery) int {
		t.Helper()
		page, err := h.ReadRequests(ctx, logReader, "acme", q)
		require.NoError(t, err)
		return len(page.Requests)
	}
	require.Equal(t, 1, count(RequestQuery{Result: RequestRefused}))
	require.Equal(t, 1, count(RequestQuery{Result: RequestWarned}))
	require.Equal(t, 8, count(RequestQuery{Result: RequestGood}))
	require.Zero(t, count(RequestQuery{Result: "odd"}))
	require.Equal(t, 10, count(RequestQuery{DirectoryID: "d1"}))
	require.Zero(t, count(RequestQuery{DirectoryID: "d2"}))
	require.Equal(t, 2, count(RequestQuery{From: *now}))
	require.Equal(t, 8, count(RequestQuery{To: *now}))
	require.Equal(t, 10, count(RequestQuery{Before: -1, Limit: 1 << 40}))
	require.Zero(t, count(RequestQuery{Before: 1}))

	for _, call := range []func(tenant.Actor, string) error{
		func(a tenant.Actor, id string) error {
			_, err := h.ReadRequests(ctx, a, id, RequestQuery{})
			return err
		},
		func(a tenant.Actor, id string) error { _, err := h.Traffic(ctx, a, id); return err },
		func(a tenant.Actor, id string) error {
			_, err := h.ExportRequests(ctx, a, id, RequestQuery{}, &bytes.Buffer{})
			return err
		},
	} {
		require.ErrorIs(t, call(stranger, "acme"), tenant.ErrForbidden)
		require.ErrorIs(t, call(logReader, "globex"), tenant.ErrForbidden)
	}
	require.Empty(t, exported(t, s))
}

func exported(t *testing.T, s *server) []store.Event {
	t.Helper()
	events, err := s.store.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventRequestsExported})
	require.NoError(t, err)
	return events
}

// TestTraffic: requests of the last hour and day are counted by how they went, those that the log keeps no more as well.
func TestTraffic(t *testing.T) {
	s, h, now := readable(t, func(c *Config) { c.RequestLog = &RecentRequests{PerTenant: 2}; c.InsecureNoRateLimit = true })
	at := func() DirectoryTraffic {
		t.Helper()
		all, err := h.Traffic(t.Context(), logReader, "acme")
		require.NoError(t, err)
		require.Len(t, all, 1)
		return all[0]
	}
	require.Zero(t, at().Day.Total())
	require.Zero(t, at().Day.ErrorRate())
	for range 9 {
		s.do("GET", "/Users", "").want(200)
	}
	*now = now.Add(2 * time.Hour)
	s.do("GET", "/Users/none", "").want(404)
	s.do("POST", "/Users", `{"userName":"bob","shoeSize":43}`).want(201)
	got := at()
	require.Equal(t, "d1", got.DirectoryID)
	require.True(t, got.Enabled)
	require.Equal(t, RequestCounts{Warned: 1, Refused: 1}, got.Hour)
	require.Equal(t, RequestCounts{Good: 9, Warned: 1, Refused: 1}, got.Day)
	require.InDelta(t, 0.5, got.Hour.ErrorRate(), 0)
	require.Len(t, h.Requests("acme"), 4)
	*now = now.Add(56 * time.Minute)
	require.Equal(t, 2, at().Hour.Total(), "within the hour")
	*now = now.Add(5 * time.Minute)
	require.Zero(t, at().Hour.Total())
	*now = now.Add(22 * time.Hour)
	require.Equal(t, RequestCounts{Warned: 1, Refused: 1}, at().Day)
	s.do("GET", "/Users", "").want(200) // where the first ones were counted, a day ago
	*now = now.Add(2 * time.Hour)
	require.Equal(t, RequestCounts{Good: 1}, at().Day)
	*now = now.Add(-30 * time.Hour)
	s.do("GET", "/Users", "").want(200)
	require.LessOrEqual(t, at().Day.Total(), 3, "a clock that goes back counts nothing of what is to come")

	throttled := RequestCounts{Good: 1, Throttled: 99}
	require.Zero(t, throttled.ErrorRate(), "who is told to wait comes again")
}

func TestCountsAreBounded(t *testing.T) {
	l, now := &RecentRequests{}, time.Now()
	for i := range 3 * maxCounted {
		l.LogRequest(t.Context(), "acme", Exchange{At: now, Status: 200, DirectoryID: fmt.Sprint(i)})
	}
	require.Len(t, l.of("acme").counts, maxCounted)
	_, day, err := l.CountRequests(t.Context(), "acme", "0", now)
	require.NoError(t, err)
	require.Equal(t, 1, day.Total())
	_, day, err = l.CountRequests(t.Context(), "nobody", "0", now)
	require.NoError(t, err)
	require.Zero(t, day.Total())
}

// TestRequestLogBytes: whatever directories send, the log takes no more memory than it may. What goes first is of who was quiet
// for the longest time.
func TestRequestLogBytes(t *testing.T) {
	const most = 1 << 20
	l := &RecentRequests{MaxBytes: most, MaxTenants: 1000, PerTenant: 1000}
	now, body := time.Now(), strings.Repeat("x", maxLoggedBody)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 5000 {
		e := Exchange{At: now, Status: 201, DirectoryID: "d", Request: strings.Clone(body), Path: strings.Clone(body[:maxLoggedPath])}
		if i%3 == 0 {
			e.Status, e.Error = 400, &Error{Status: 400, Detail: strings.Clone(body[:200])}
		}
		l.LogRequest(t.Context(), fmt.Sprint("t", i%300), e)
		require.LessOrEqual(t, l.bytes, most)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	took := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d bytes in all, %d of them as the log counts", took, l.bytes)
	require.Less(t, took, int64(most*5/4))
	require.NotEmpty(t, l.Requests("t199"), "the last one")
	require.Empty(t, l.Requests("t200"), "the one before the longest time")

	// One tenant alone keeps what is newest of each kind.
	for i := range 3000 {
		l.LogRequest(t.Context(), "busy", Exchange{At: now, Status: 201, Request: body, Path: fmt.Sprint(i)})
		require.LessOrEqual(t, l.bytes, most)
	}
	l.LogRequest(t.Context(), "busy", Exchange{At: now, Status: 404, Error: &Error{}})
	all := l.Requests("busy")
	require.Greater(t, len(all), 100)
	require.Equal(t, 404, all[0].Status)
	for i, e := range all[1:] {
		require.Equal(t, fmt.Sprint(2999-i), e.Path, "no gap")
	}
	require.Len(t, l.tenants, 1)

	tiny := &RecentRequests{MaxBytes: 1}
	tiny.LogRequest(t.Context(), "a", Exchange{Status: 200})
	tiny.LogRequest(t.Context(), "b", Exchange{Status: 200})
	require.Len(t, tiny.Requests("b"), 1, "the last one is always there")
	require.Empty(t, tiny.Requests("a"))
}

// TestExportRequests: what is for support is the log line by line; the journal has who took it along.
func TestExportRequests(t *testing.T) {
	s, h, _ := readable(t)
	s.user("ada", `"password":"s3cret"`)
	s.do("GET", "/Users/none", "").want(404)
	var out bytes.Buffer
	n, err := h.ExportRequests(t.Context(), logReader, "acme", RequestQuery{Limit: 1}, &out)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	var e Exchange
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &e))
	require.Equal(t, 404, e.Status)
	require.NotContains(t, out.String(), "s3cret")
	require.NotContains(t, out.String(), "acme-key")
	events := exported(t, s)
	require.Len(t, events, 1)
	require.Equal(t, store.EventActor{Kind: "owner", ID: "owner", Name: "owner@acme.example"}, events[0].Actor)

	_, err = h.ExportRequests(t.Context(), logReader, "acme", RequestQuery{}, failingWriter{})
	require.ErrorIs(t, err, errFull)
}

var errFull = errors.New("the disk is full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

// TestRequestLogsThatCannotBeRead: a log of the host's own that does not give anything back, none at all, and none who decides.
func TestRequestLogsThatCannotBeRead(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"own":  func(c *Config) { c.RequestLog = RequestLogFunc(func(context.Context, string, Exchange) {}) },
		"none": func(c *Config) { c.NoRequestLog = true },
	} {
		s, h, _ := readable(t, change)
		s.do("GET", "/Users", "").want(200)
		_, err := h.ReadRequests(t.Context(), logReader, "acme", RequestQuery{})
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		_, err = h.ReadRequests(t.Context(), stranger, "acme", RequestQuery{})
		require.ErrorIs(t, err, tenant.ErrForbidden, name)
	}
	_, h, _ := readable(t, func(c *Config) { c.Authorizer = nil })
	_, err := h.ReadRequests(t.Context(), logReader, "acme", RequestQuery{})
	require.ErrorIs(t, err, tenant.ErrForbidden, "by the zero value nobody may")
}

package scim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim/scimtest"
	"github.com/tenantgate/tenantgate/store"
)

// Retry-After is obeyed, in seconds and as a date, and the request is repeated as it was.
func TestRetryAfter(t *testing.T) {
	for name, header := range map[string]func() string{
		"seconds": func() string { return "7" },
		"date":    func() string { return time.Now().Add(7 * time.Second).UTC().Format(http.TimeFormat) },
		"none":    func() string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good, st := newHandler(t)
				var refused time.Time
				pending, waits := "", []time.Duration{}
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					this := r.Method + " " + r.URL.RequestURI()
					if pending == "" && r.Header.Get("Authorization") == "Bearer "+key && len(waits) < 20 {
						pending, refused = this, time.Now()
						if v := header(); v != "" {
							w.Header().Set("Retry-After", v)
						}
						w.WriteHeader([]int{429, 503}[len(waits)%2])
						return
					}
					if pending != "" {
						require.Equal(t, pending, this)
						pending, waits = "", append(waits, time.Since(refused))
					}
					good.ServeHTTP(w, r)
				})
				report, err := scimtest.Check(t.Context(), call(h, scimtest.Google))
				require.NoError(t, err)
				require.True(t, report.OK(), report)
				require.Len(t, waits, 20)
				for _, w := range waits {
					want := 7 * time.Second
					if name == "none" {
						want = time.Second
					}
					require.Equal(t, want, w)
				}
				require.Contains(t, report.String(), "ok    probe for one user (sent again once, because the server asked to come back later)\n")
				requireEmpty(t, st)
			})
		})
	}
}

// A server that is not there is said once, not for each step.
func TestServerDown(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	report, err := scimtest.Check(t.Context(), scimtest.Config{BaseURL: srv.URL, Token: key, Providers: []scimtest.Provider{scimtest.Okta}})
	require.NoError(t, err)
	require.False(t, report.OK())
	text := report.String()
	require.Contains(t, text, "problem:  GET /Users?startIndex=1&count=2: no answer: dial tcp")
	require.Contains(t, text, "skip  ask with a wrong key, and without one (not tried: the server can't be reached)\n")
	require.Equal(t, 1, strings.Count(text, "FAIL"), text)
}

// A server that is slow costs what the timeouts say.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, st := newHandler(t)
		asleep := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				select {
				case <-r.Context().Done():
				case <-time.After(time.Hour):
				}
			}
			good.ServeHTTP(w, r)
		})
		cfg := call(asleep, scimtest.Google)
		start := time.Now()
		report, err := scimtest.Check(t.Context(), cfg)
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, time.Since(start))
		require.Contains(t, report.String(), "no answer: context deadline exceeded")
		requireEmpty(t, st)

		cfg.ScriptTimeout, start = 10*time.Second, time.Now()
		report, err = scimtest.Check(t.Context(), cfg)
		require.NoError(t, err)
		require.Equal(t, 10*time.Second, time.Since(start))
		require.Contains(t, report.String(), "skip  suspend the user (not tried: the script's time is over)\n")
		require.Contains(t, report.String(), "FAIL  update the user by PUT\n")
		requireEmpty(t, st)
	})
}

// A ctx that ends stops the scripts but not the cleaning up.
func TestCancelled(t *testing.T) {
	good, st := newHandler(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		good.ServeHTTP(w, r)
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/Groups") {
			cancel(errors.New("enough")) // the answer is lost, the group is there
		}
	})
	report, err := scimtest.Check(ctx, call(h, scimtest.OneLogin, scimtest.JumpCloud))
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, report.OK())
	require.Len(t, report.Scripts, 2)
	text := report.String()
	require.Contains(t, text, "ok    update the user by PUT\n  skip  create a group (not finished: enough)\n  skip  add and remove a member (not tried: enough)\n")
	require.Contains(t, text, "ok    clean up\n\njumpcloud: 0 of ")
	require.NotContains(t, text, "FAIL")
	requireEmpty(t, st)
}

// What was made although its answer was lost is found by its name; what others made stays, even when the server answers
// with everybody whatever is asked for.
func TestCleanUpOfLost(t *testing.T) {
	good, st := newHandler(t)
	status, _ := read(good, &http.Request{Header: http.Header{"Authorization": {"Bearer " + key}}}, "POST", "/Users", object{"userName": "grace@acme.example"})
	require.Equal(t, 201, status)
	everybody := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = ""
		good.ServeHTTP(w, r)
	})
	lost := got("POST", "/Users", func(a *reply) { a.status, a.body = 502, nil })(everybody)
	report, err := scimtest.Check(t.Context(), call(lost, scimtest.JumpCloud))
	require.NoError(t, err)
	require.False(t, report.OK())
	require.Empty(t, report.Scripts[0].Left)
	require.Contains(t, report.String(), "ok    clean up\n")

	users, err := st.SCIMUsers(t.Context(), "acme", store.Query{Limit: 10})
	require.NoError(t, err)
	require.Len(t, users.Items, 1)
	require.Equal(t, "grace@acme.example", users.Items[0].UserName)
}

// Several requests of a script may be under way, but not any number.
func TestBoundedAtOnce(t *testing.T) {
	good, _ := newHandler(t)
	var mu sync.Mutex
	var now, most atomic.Int32
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		most.Store(max(most.Load(), now.Add(1)))
		mu.Unlock()
		time.Sleep(time.Millisecond)
		good.ServeHTTP(w, r)
		now.Add(-1)
	})
	cfg := call(h, scimtest.Okta)
	cfg.Members = 50
	report, err := scimtest.Check(t.Context(), cfg)
	require.NoError(t, err)
	require.True(t, report.OK(), report)
	require.Greater(t, most.Load(), int32(1))
	require.LessOrEqual(t, most.Load(), int32(8))
}

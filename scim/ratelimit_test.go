package scim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRateLimitPerKey(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	s := newServer(t, func(c *Config) {
		c.RequestsPerSecond, c.Burst = 2, 3
		c.Now = func() time.Time { return now }
	})
	for range 3 {
		require.Equal(t, http.StatusOK, s.do("GET", "/Users", "").status)
	}
	refused := s.do("GET", "/Users", "")
	require.Equal(t, http.StatusTooManyRequests, refused.status)
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	require.Contains(t, refused.raw, `"status":"429"`)

	now = now.Add(500 * time.Millisecond)
	require.Equal(t, http.StatusOK, s.do("GET", "/Users", "").status, "half a second gives one request back")
	require.Equal(t, http.StatusTooManyRequests, s.do("GET", "/Users", "").status)
}

func TestRateLimitCanBeSwitchedOff(t *testing.T) {
	s := newServer(t, func(c *Config) {
		c.RequestsPerSecond, c.Burst, c.InsecureNoRateLimit = 1, 1, true
	})
	for range 20 {
		require.Equal(t, http.StatusOK, s.do("GET", "/Users", "").status)
	}
}

func TestLimitersStayBounded(t *testing.T) {
	l := newLimiters(1, 1)
	now := time.Now()
	for i := range 3 * maxLimiters {
		l.wait(fmt.Sprint(i), now, 1)
	}
	require.LessOrEqual(t, len(l.keys), maxLimiters)
}

func TestWrittenHearsOfWritesAlone(t *testing.T) {
	var heard []string
	s := newServer(t, func(c *Config) { c.Written = func(tenantID string) { heard = append(heard, tenantID) } })
	s.do("GET", "/Users", "")
	require.Empty(t, heard)
	require.Equal(t, http.StatusCreated, s.do("POST", "/Users", `{"userName":"ada"}`).status)
	require.Equal(t, []string{"acme"}, heard)
	require.Equal(t, http.StatusConflict, s.do("POST", "/Users", `{"userName":"ada"}`).status)
	require.Equal(t, []string{"acme"}, heard, "a refused write wakes nobody")
}

func TestWrongKeysAreSlowedDownAndGoodOnesAreNot(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	s := newServer(t, func(c *Config) { c.Now = func() time.Time { return now } })
	wrong := func(tenantID string) reply {
		r := s.request(http.MethodGet, "/Users", "")
		r.URL.Path = strings.Replace(r.URL.Path, "/acme/", "/"+tenantID+"/", 1)
		r.Header.Set("Authorization", "Bearer guess")
		return s.send(r)
	}
	for range guessesAtOnce {
		require.Equal(t, http.StatusUnauthorized, wrong("acme").status)
	}
	known, unknown := wrong("acme"), wrong("nobody")
	require.Equal(t, http.StatusTooManyRequests, known.status)
	require.Equal(t, "1", known.header.Get("Retry-After"))
	require.Equal(t, known.raw, unknown.raw, "nothing tells whether a tenant exists")
	require.Equal(t, http.StatusOK, s.do("GET", "/Users", "").status, "the good key goes on")

	now = now.Add(time.Second)
	require.Equal(t, http.StatusUnauthorized, wrong("acme").status)
}

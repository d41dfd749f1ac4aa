package sqltest

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
)

// TestStoredRequestsOfReplicas: two replicas answer a directory at the same time, write what they have at any moment, and tell
// the same at the end, on both databases.
func TestStoredRequestsOfReplicas(t *testing.T) {
	for driver, source := range map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string {
			return "file:" + filepath.Join(t.TempDir(), "store.db") + "?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)"
		},
		"pgx": func(t *testing.T) string { return pgtest.Start(t).Schema(t) },
	} {
		t.Run(driver, func(t *testing.T) {
			from := source(t)
			now := time.Now()
			var logs [2]*scim.StoredRequests
			for i := range logs {
				var err error
				logs[i], err = scim.NewStoredRequests(scim.StoredRequestsConfig{Store: openShared(t, driver, from), PerTenant: 1000, Now: func() time.Time { return now }})
				require.NoError(t, err)
			}
			var want []string
			var both sync.WaitGroup
			for i, l := range logs {
				for n := range 100 {
					want = append(want, fmt.Sprint(i, "/", n))
				}
				both.Go(func() {
					for n := range 100 {
						at := now.Add(time.Duration(n-100) * 10 * time.Second)
						l.LogRequest(t.Context(), "acme", scim.Exchange{At: at, Status: 200, DirectoryID: "d", Path: fmt.Sprint(i, "/", n)})
						if n%10 == 0 {
							if err := l.Flush(t.Context()); err != nil {
								t.Error(err)
							}
						}
					}
					if err := l.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			slices.Sort(want)
			for i, l := range logs {
				var got []string
				last := time.Now()
				for q := (scim.RequestQuery{Limit: 33}); ; {
					page, err := l.ReadRequests(t.Context(), "acme", q)
					require.NoError(t, err)
					for _, e := range page.Requests {
						require.False(t, e.At.After(last), "newest first")
						got, last = append(got, e.Path), e.At
					}
					if q.Before = page.Next; page.Next == 0 {
						break
					}
				}
				slices.Sort(got)
				require.Equal(t, want, got, "replica %d", i)
				_, day, err := l.CountRequests(t.Context(), "acme", "d", now)
				require.NoError(t, err)
				require.Equal(t, scim.RequestCounts{Good: 200}, day)
				other, err := l.ReadRequests(t.Context(), "globex", scim.RequestQuery{})
				require.NoError(t, err)
				require.Empty(t, other.Requests)
			}
		})
	}
}

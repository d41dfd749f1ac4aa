package sqltest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
	"github.com/tenantgate/tenantgate/tenant/internal/tenantbench"
)

const mib = 1 << 20

// heap is what lives in the heap after garbage was collected.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// peak runs fn and returns how far the heap grew meanwhile over what it was, garbage included, and how large it was then.
func peak(fn func()) (grew, most float64) {
	before := heap()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	most = before
	look := func() {
		metrics.Read(sample)
		most = max(most, float64(sample[0].Value.Uint64()))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(2 * time.Millisecond); ; {
			select {
			case <-tick.C:
				look()
			case <-stop:
				tick.Stop()
				look()
				return
			}
		}
	}()
	fn()
	close(stop)
	<-stopped
	return most - before, most
}

// fleet is a file with so many tenants, whose domains are due, and of which every tenth has something for every task.
func fleet(tb testing.TB, n int) (*tenantbench.Fleet, *tenant.Service, string) {
	tb.Helper()
	st := openSQLite(tb, "&_pragma=synchronous(OFF)") // memory is measured, not time
	key, hash := sampleKey(tb, st)
	f := &tenantbench.Fleet{Store: st, Hash: hash, CheckAt: time.Now().Add(-time.Hour), Busy: true}
	require.NoError(tb, f.Grow(tb.Context(), n))
	return f, newService(tb, st, nil), key
}

// lookUpAll finds every tenant once by each of its domains and by its key.
func lookUpAll(ctx context.Context, f *tenantbench.Fleet, s *tenant.Service, key string) error {
	keys := newKeys(s, key)
	for i := range f.Tenants {
		for n := range tenantbench.Domains {
			realm, err := s.RealmOf(ctx, tenantbench.Email(i, n))
			if err := is(realm.TenantID, i, err); err != nil {
				return err
			}
		}
		if err := keys(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func newKeys(s *tenant.Service, key string) func(ctx context.Context, i int) error {
	return func(ctx context.Context, i int) error {
		p, err := s.AuthenticateAPIKey(ctx, tenantbench.TenantID(i), key)
		return is(p.TenantID, i, err)
	}
}

// work is what a process does about all tenants, page by page.
var work = []struct {
	name string
	do   func(ctx context.Context, f *tenantbench.Fleet, s *tenant.Service) (int, error)
}{
	{"queue", func(ctx context.Context, _ *tenantbench.Fleet, s *tenant.Service) (n int, err error) {
		for after := (store.Ref{}); ; {
			page, err := s.Queue(ctx, tenant.Actor{Kind: tenant.ActorStaff, ID: "staff"}, after, 0)
			if n += len(page.Requests); err != nil || !page.More {
				return n, err
			}
			after = page.Next
		}
	}},
	{"secret-reminders", func(ctx context.Context, _ *tenantbench.Fleet, s *tenant.Service) (int, error) {
		return s.RemindOfExpiry(ctx)
	}},
	{"review-reminders", func(ctx context.Context, _ *tenantbench.Fleet, s *tenant.Service) (int, error) {
		return s.RemindOfReviews(ctx)
	}},
	{"drill-reminders", func(ctx context.Context, _ *tenantbench.Fleet, s *tenant.Service) (int, error) {
		return s.RemindOfDrills(ctx)
	}},
	{"reseal", func(ctx context.Context, f *tenantbench.Fleet, s *tenant.Service) (int, error) {
		// No key opens what is sealed here: each failure is told, up to a number.
		if _, err := s.ResealAllSecrets(ctx); !errors.Is(err, tenant.ErrSecretUnreadable) {
			return 0, fmt.Errorf("expected secrets that can't be read, got %w", err)
		}
		return f.Tenants, nil
	}},
	{"domain-checks", func(ctx context.Context, f *tenantbench.Fleet, s *tenant.Service) (n int, err error) {
		for n < f.Tenants*tenantbench.Domains {
			some, err := s.CheckDomains(ctx)
			if n += some; err != nil || some == 0 {
				return n, err
			}
		}
		return n, nil
	}},
}

// BenchmarkMemory is what a process holds that serves 100,000 tenants with 300,000 domains in a file. resident-MiB is what
// stays after every tenant was looked up by each domain and by its key; the work about all tenants is done page by page,
// and peak-MiB is how far the heap grew meanwhile, garbage included. whole-MiB is the whole heap then, with all that was
// remembered before: it must stay under 200 MiB.
func BenchmarkMemory(b *testing.B) {
	const tenants = 100_000
	f, s, key := fleet(b, tenants)
	b.Run("look-ups", func(b *testing.B) {
		before := heap()
		for b.Loop() {
			require.NoError(b, lookUpAll(b.Context(), f, s, key))
		}
		whole := heap()
		b.ReportMetric((whole-before)/mib, "resident-MiB")
		b.ReportMetric(whole/mib, "whole-MiB")
		require.Less(b, whole, 200.0*mib)
		runtime.KeepAlive(s)
	})
	for _, w := range work {
		b.Run(w.name, func(b *testing.B) {
			for b.Loop() {
				items := 0
				grew, whole := peak(func() {
					var err error
					items, err = w.do(b.Context(), f, s)
					require.NoError(b, err)
				})
				require.Less(b, whole, 200.0*mib)
				b.ReportMetric(grew/mib, "peak-MiB")
				b.ReportMetric(whole/mib, "whole-MiB")
				b.ReportMetric(float64(items), "items")
			}
		})
	}
}

// TestMemoryDoesNotGrow: with ten times as many tenants, what stays in memory is what the cache's bound allows, and work in
// pages needs no more.
func TestMemoryDoesNotGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("makes thousands of tenants")
	}
	f, s, key := fleet(t, 200)
	for _, n := range []int{200, 2000} {
		require.NoError(t, f.Grow(t.Context(), n))
		before := heap()
		require.NoError(t, lookUpAll(t.Context(), f, s, key))
		resident := heap() - before
		t.Logf("%5d tenants: look-ups leave %.1f MiB", n, resident/mib)
		require.Less(t, resident, 8.0*mib)
		for _, w := range work {
			now, _ := peak(func() {
				items, err := w.do(t.Context(), f, s)
				require.NoError(t, err)
				require.Positive(t, items, w.name)
			})
			t.Logf("%5d tenants: %s needs %.1f MiB", n, w.name, now/mib)
			require.Less(t, now, 40.0*mib, fmt.Sprint(w.name, " with ", n, " tenants"))
		}
	}
	runtime.KeepAlive(s)
}

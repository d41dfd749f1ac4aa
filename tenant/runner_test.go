package tenant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/tenantgate/tenantgate/store"
)

// background is a world on the clock of a synctest bubble, without tasks of its own.
func background(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return newWorld(t, append([]func(*Config){func(c *Config) { c.Now = time.Now }}, change...)...)
}

// runner is one replica that does these tasks alone.
func runner(t *testing.T, w *world, change func(*RunnerConfig), tasks ...Task) *Runner {
	t.Helper()
	cfg := RunnerConfig{Service: w.Service, DomainChecksEvery: -1, SecretRemindersEvery: -1, DrillRemindersEvery: -1, ResealEvery: -1, EndingsEvery: -1, CleanupEvery: -1, Tasks: tasks}
	if change != nil {
		change(&cfg)
	}
	r, err := NewRunner(cfg)
	require.NoError(t, err)
	return r
}

// start runs replicas until the test calls stop, which returns when all have.
func start(t *testing.T, replicas ...*Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, r := range replicas {
		running.Go(func() {
			if err := r.Run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Run returned %v", err)
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// count is a task that notes when it ran.
type count struct {
	mu   sync.Mutex
	at   []time.Time
	busy int
	most int // at the same time
	fail error
	took time.Duration
}

func (c *count) run(ctx context.Context) (int, error) {
	c.mu.Lock()
	c.at = append(c.at, time.Now())
	c.busy++
	c.most = max(c.most, c.busy)
	took, fail := c.took, c.fail
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.busy--
		c.mu.Unlock()
	}()
	if took > 0 && !pause(ctx, took) {
		return 0, ctx.Err()
	}
	return 2, fail
}

func (c *count) runs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.at)
}

func (c *count) working() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy
}

// TestRunnerOncePerInterval: several replicas together do a task once per interval, one at a time.
func TestRunnerOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := background(t), &count{took: 5 * time.Minute} // longer than a lease
		var replicas []*Runner
		for range 4 {
			replicas = append(replicas, runner(t, w, nil, Task{Name: "t", Every: time.Hour, Run: c.run}))
		}
		stop := start(t, replicas...)
		time.Sleep(24 * time.Hour)
		require.InDelta(t, 24, c.runs(), 3)
		stop()
		require.Zero(t, c.working())
		require.Equal(t, 1, c.most)
	})
}

// TestRunnerTakesOver: the work of a replica that died goes on with another.
func TestRunnerTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := background(t), &count{}
		// One died in the middle of a run.
		_, err := w.store.AcquireLease(t.Context(), upkeepTenant, "upkeep.t", "dead", time.Now(), time.Now().Add(defaultLeaseTTL))
		require.NoError(t, err)
		stop := start(t, runner(t, w, nil, Task{Name: "t", Every: time.Hour, Run: c.run}))
		time.Sleep(defaultLeaseTTL - time.Second)
		require.Zero(t, c.runs())
		time.Sleep(2 * time.Minute)
		require.Equal(t, 1, c.runs())
		stop()
		// Another one comes: it waits for the interval, not more.
		stop = start(t, runner(t, w, nil, Task{Name: "t", Every: time.Hour, Run: c.run}))
		time.Sleep(30 * time.Minute)
		require.Equal(t, 1, c.runs())
		time.Sleep(40 * time.Minute)
		require.Equal(t, 2, c.runs())
		stop()
	})
}

// TestRunnerStops: a replica that is told to stop in the middle of a run hands the task to another at once.
func TestRunnerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := background(t), &count{took: 20 * time.Minute}
		stop := start(t, runner(t, w, nil, Task{Name: "t", Every: time.Hour, Run: c.run}))
		time.Sleep(5 * time.Minute)
		require.Equal(t, 1, c.working())
		stop()
		require.Zero(t, c.working())
		_, err := w.store.AcquireLease(t.Context(), upkeepTenant, "upkeep.t", "other", time.Now(), time.Now().Add(time.Minute))
		require.NoError(t, err)
	})
}

// TestRunnerFailures: a task that fails or panics is tried again, less and less often, and keeps nobody waiting.
func TestRunnerFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w, good, bad := background(t), &count{}, &count{fail: errors.New("database down")}
		var panics atomic.Int32
		stop := start(t, runner(t, w, func(c *RunnerConfig) { c.Logger = slog.New(slog.NewTextHandler(&out, nil)) },
			Task{Name: "good", Every: 10 * time.Minute, Run: good.run},
			Task{Name: "bad", Every: 24 * time.Hour, Run: bad.run},
			Task{Name: "panics", Every: time.Minute, Run: func(context.Context) (int, error) { panics.Add(1); panic("a bug") }},
		))
		time.Sleep(time.Minute)
		require.GreaterOrEqual(t, bad.runs(), 5, "soon at first")
		time.Sleep(24 * time.Hour)
		require.InDelta(t, 24+12, bad.runs(), 5, "once an hour in the end")
		require.InDelta(t, 24+12, panics.Load(), 5)
		require.InDelta(t, 144, good.runs(), 10)
		bad.mu.Lock()
		bad.fail = nil
		bad.mu.Unlock()
		time.Sleep(2 * time.Hour)
		n := bad.runs()
		time.Sleep(16 * time.Hour) // a day less the jitter, and less the two hours
		require.Equal(t, n, bad.runs(), "it is daily again")
		stop()
		require.Contains(t, out.String(), `msg="tenant: a background task failed" task=bad items=2`)
		require.Contains(t, out.String(), "database down")
		require.Contains(t, out.String(), "a bug")
		require.Contains(t, out.String(), `level=INFO msg="tenant: a background task did something" task=good items=2`)
	})
}

// TestRunnerTimeout: a task that hangs is stopped.
func TestRunnerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := background(t)
		ended := make(chan error, 100)
		stop := start(t, runner(t, w, nil, Task{Name: "t", Every: 24 * time.Hour, Timeout: time.Minute, Run: func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return 0, ctx.Err()
		}}))
		time.Sleep(2 * time.Minute)
		require.ErrorIs(t, <-ended, context.DeadlineExceeded)
		stop()
	})
}

// failingLeases is a store whose leases fail when a test says so.
type failingLeases struct {
	store.Store
	mu   sync.Mutex
	fail error
}

func (f *failingLeases) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *failingLeases) AcquireLease(ctx context.Context, tenantID, name, holder string, now, until time.Time) (store.Lease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return store.Lease{}, f.fail
	}
	return f.Store.AcquireLease(ctx, tenantID, name, holder, now, until)
}

// TestRunnerLosesItsLease: whoever can't keep the lease stops before another begins.
func TestRunnerLosesItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, failure := range []error{errors.New("database down"), store.ErrConflict} {
			var leases *failingLeases
			w := background(t, func(c *Config) {
				leases = &failingLeases{Store: c.Store}
				c.Store = leases
			})
			c := &count{took: time.Hour}
			stop := start(t, runner(t, w, nil, Task{Name: "t", Every: 24 * time.Hour, Run: c.run}))
			time.Sleep(15 * time.Minute)
			require.Equal(t, 1, c.working())
			leases.set(failure)
			time.Sleep(defaultLeaseTTL)
			require.Zero(t, c.working(), failure)
			leases.set(nil)
			time.Sleep(4 * time.Hour)
			require.GreaterOrEqual(t, c.runs(), 2, "it goes on")
			stop()
		}
	})
}

// TestRunnerLoop: work with its own rhythm runs on each replica, and again when it stops.
func TestRunnerLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := background(t)
		var mu sync.Mutex
		running, starts := 0, 0
		loop := Task{Name: "loop", Loop: func(ctx context.Context) error {
			mu.Lock()
			starts++
			n := starts
			mu.Unlock()
			switch n {
			case 1:
				panic("a bug")
			case 2:
				return nil
			case 3:
				return errors.New("database down")
			}
			mu.Lock()
			running++
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			running--
			mu.Unlock()
			return ctx.Err()
		}}
		stop := start(t, runner(t, w, nil, loop), runner(t, w, nil, loop))
		time.Sleep(time.Minute)
		mu.Lock()
		require.Equal(t, 2, running)
		mu.Unlock()
		stop()
		require.Zero(t, running)
	})
}

// TestRunOnce: a host's scheduler may start a process now and then instead.
func TestRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, good, bad := background(t), &count{}, &count{fail: errors.New("database down")}
		tasks := []Task{{Name: "bad", Every: time.Hour, Run: bad.run}, {Name: "good", Every: time.Hour, Run: good.run}, {Name: "loop", Loop: func(context.Context) error { panic("no") }}}
		err := runner(t, w, nil, tasks...).RunOnce(t.Context())
		require.ErrorIs(t, err, bad.fail)
		require.ErrorContains(t, err, "task bad")
		require.Equal(t, 1, good.runs())
		time.Sleep(30 * time.Minute)
		require.Error(t, runner(t, w, nil, tasks...).RunOnce(t.Context()), "what failed is due")
		require.Equal(t, 1, good.runs(), "the other is not, whoever comes")
		time.Sleep(40 * time.Minute)
		require.Error(t, runner(t, w, nil, tasks...).RunOnce(t.Context()))
		require.Equal(t, 2, good.runs())
	})
}

// TestRunnerDoesItAll: each of the service's own tasks is done without a call of the host's.
func TestRunnerDoesItAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &mailbox{}
		w := background(t, func(c *Config) { c.Notifier = box })
		d := acme()
		d.Domains, d.SecretExpiresAt = []string{"acme.com"}, time.Now().Add(15*day)
		c := w.approved(t, "t1", d)
		w.proven["acme.com"] = true
		require.NoError(t, w.store.PutToken(t.Context(), "t1", store.Token{Kind: "k", Key: "x", ExpiresAt: time.Now().Add(time.Minute)}))
		link := w.link(t, "t1", IntentSSO)
		_, err := w.RevokeSetupLink(t.Context(), owner, "t1", link.ID)
		require.NoError(t, err)
		r, err := NewRunner(RunnerConfig{Service: w.Service, DomainChecksEvery: time.Hour})
		require.NoError(t, err)
		stop := start(t, r)
		time.Sleep(3 * time.Hour)
		got, err := w.Connection(t.Context(), owner, "t1", c.ID)
		require.NoError(t, err)
		require.Equal(t, store.DomainVerified, got.Domains[0].State, "checked")
		c = w.tested(t, "t1", got)
		c, err = w.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{Enforced: true})
		require.NoError(t, err)
		time.Sleep(2 * day)
		require.Equal(t, []string{"336h0m0s"}, w.mails(t, "t1"), "reminded")
		n, err := w.store.DeleteExpiredTokens(t.Context(), "t1", time.Now())
		require.NoError(t, err)
		require.Zero(t, n, "cleaned up")
		// A new key: all secrets are sealed with it.
		ring, err := NewKeyring(KeyringConfig{Keys: []Key{{ID: "k2", Bytes: bytes.Repeat([]byte{8}, 32)}, {ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
		require.NoError(t, err)
		stop()
		w.keys = ring
		stop = start(t, r)
		time.Sleep(2 * day)
		record, err := w.store.Connection(t.Context(), "t1", c.ID)
		require.NoError(t, err)
		require.True(t, ring.Current(record.SealedSecret), "sealed again")
		time.Sleep(91 * day)
		require.Equal(t, 1, w.of(t, "t1", "connection.drill_reminded"))
		require.Equal(t, 1, w.of(t, "t1", "setup_link.removed"))
		stop()
	})
}

func TestRunnerRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := func(context.Context) (int, error) { return 0, nil }
	loop := func(context.Context) error { return nil }
	for want, cfg := range map[string]RunnerConfig{
		"RunnerConfig.Service":  {},
		"RunnerConfig.LeaseTTL": {Service: w.Service, LeaseTTL: time.Millisecond},
		"has the name cleanup":  {Service: w.Service, Tasks: []Task{{Name: TaskCleanup, Every: 1, Run: run}}},
		"Task.Name":             {Service: w.Service, Tasks: []Task{{Name: "A b", Every: 1, Run: run}}},
		"either Run or Loop":    {Service: w.Service, Tasks: []Task{{Name: "a", Every: 1}}},
		"not for Loop":          {Service: w.Service, Tasks: []Task{{Name: "a", Every: 1, Loop: loop}}},
		"Every":                 {Service: w.Service, Tasks: []Task{{Name: "a", Run: run}}},
		"Timeout":               {Service: w.Service, Tasks: []Task{{Name: "a", Every: 1, Timeout: -1, Run: run}}},
		"MeterProvider":         {Service: w.Service, MeterProvider: &meters{fail: errors.New("bad name")}},
	} {
		_, err := NewRunner(cfg)
		require.ErrorContains(t, err, want)
	}
}

// meters is a MeterProvider that keeps what was recorded last, and the sum of what was counted, by instrument and task.
type meters struct {
	noop.MeterProvider
	mu    sync.Mutex
	seen  map[string]float64
	scope string
	fail  error
}

func (m *meters) Meter(name string, _ ...metric.MeterOption) metric.Meter {
	m.scope = name
	return meter{m: m}
}

type meter struct {
	noop.Meter
	m *meters
}

func (m *meters) note(name string, set attribute.Set, v float64, sum bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	task, _ := set.Value("task")
	key := fmt.Sprint(strings.TrimPrefix(name, "tenantgate.task."), " ", task.AsString())
	if sum {
		v += m.seen[key]
	}
	m.seen[key] = v
}

type counter struct {
	noop.Int64Counter
	m    *meters
	name string
}

func (c counter) Add(_ context.Context, n int64, o ...metric.AddOption) {
	c.m.note(c.name, metric.NewAddConfig(o).Attributes(), float64(n), true)
}

type histogram struct {
	noop.Float64Histogram
	m    *meters
	name string
}

func (h histogram) Record(_ context.Context, v float64, o ...metric.RecordOption) {
	h.m.note(h.name, metric.NewRecordConfig(o).Attributes(), v, false)
}

type gauge struct {
	noop.Float64Gauge
	m    *meters
	name string
}

func (g gauge) Record(_ context.Context, v float64, o ...metric.RecordOption) {
	g.m.note(g.name, metric.NewRecordConfig(o).Attributes(), v, false)
}

func (m meter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return counter{m: m.m, name: name}, m.m.fail
}

func (m meter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return histogram{m: m.m, name: name}, m.m.fail
}

func (m meter) Float64Gauge(name string, _ ...metric.Float64GaugeOption) (metric.Float64Gauge, error) {
	return gauge{m: m.m, name: name}, m.m.fail
}

// TestRunnerMetrics: what an operator watches.
func TestRunnerMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meters{seen: map[string]float64{}}
		w, good, bad := background(t), &count{took: 3 * time.Second}, &count{fail: errors.New("database down")}
		// A domain that nobody can look at is work that waits.
		_, err := w.store.CreateDomain(t.Context(), "t1", store.Domain{Meta: store.Meta{ID: "d"}, Name: "acme.com", State: store.DomainPending, CheckAt: time.Now().Add(-time.Hour)})
		require.NoError(t, err)
		late := Task{Name: "late", Every: time.Hour, Run: func(context.Context) (int, error) { return 0, nil }, Lag: w.domainLag}
		unknown := Task{Name: "unknown", Every: time.Hour, Run: func(context.Context) (int, error) { return 0, nil }, Lag: func(context.Context) (time.Duration, error) {
			return 0, errors.New("database down")
		}}
		stop := start(t, runner(t, w, func(c *RunnerConfig) { c.MeterProvider = m },
			Task{Name: "good", Every: time.Hour, Run: good.run}, Task{Name: "bad", Every: time.Hour, Run: bad.run}, late, unknown))
		time.Sleep(90 * time.Minute)
		stop()
		require.Equal(t, "github.com/tenantgate/tenantgate/tenant", m.scope)
		require.InDelta(t, float64(good.runs()), m.seen["runs good"], 0)
		require.InDelta(t, 0, m.seen["failures good"], 0)
		require.InDelta(t, float64(2*good.runs()), m.seen["items good"], 0)
		require.InDelta(t, 3, m.seen["duration good"], 0.1)
		require.InDelta(t, float64(good.at[len(good.at)-1].Add(3*time.Second).UnixMilli())/1000, m.seen["last_success good"], 0.1)
		require.InDelta(t, 0, m.seen["lag good"], 1)
		require.InDelta(t, float64(bad.runs()), m.seen["failures bad"], 0)
		require.NotContains(t, m.seen, "last_success bad")
		require.GreaterOrEqual(t, m.seen["lag late"], time.Hour.Seconds())
		require.NotContains(t, m.seen, "lag unknown")
	})
}

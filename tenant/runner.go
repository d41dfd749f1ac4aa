package tenant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/tenantgate/tenantgate/store"
)

// RunnerConfig configures [NewRunner]. Of the intervals, zero means the default, and one below zero leaves the task out.
type RunnerConfig struct {
	// Service is whose work is done. Required.
	Service *Service

	// DomainChecksEvery is for [Service.CheckDomains]. Zero means a minute.
	DomainChecksEvery time.Duration
	// SecretRemindersEvery is for [Service.RemindOfExpiry], DrillRemindersEvery for [Service.RemindOfDrills]; without a
	// Notifier there are none. Zero means an hour and a day.
	SecretRemindersEvery time.Duration
	DrillRemindersEvery  time.Duration
	// ReviewRemindersEvery is for [Service.RemindOfReviews]; without a Notifier and a StaffNotifier there are none. Zero means an
	// hour.
	ReviewRemindersEvery time.Duration
	// ResealEvery is for [Service.ResealAllSecrets]. Zero means a day.
	ResealEvery time.Duration
	// EndingsEvery is for [Service.RunEndings], ForgetEvery for [Service.ForgetRemoved], which needs Config.KeepRemoved. Zero
	// means a minute and a day.
	EndingsEvery time.Duration
	ForgetEvery  time.Duration
	// RetentionEvery is for [Service.EraseOldEvents], which needs Config.KeepEvents. Zero means a day.
	RetentionEvery time.Duration
	// CleanupEvery is for store.DeleteExpired and [Service.DeleteEndedSetupLinks]. Zero means an hour.
	CleanupEvery time.Duration

	// Tasks are the host's own, and those of other packages, such as
	// {Name: "provisioning", Loop: func(ctx context.Context) error { return engine.Run(ctx, 0) }}.
	Tasks []Task

	// Holder names this replica in leases; it must be unique among them. Empty means a random name.
	Holder string
	// LeaseTTL is how long after a replica died another one takes over what it was doing. It should be much longer than the
	// replicas' clocks may differ. Zero means two minutes; less than a second is refused.
	LeaseTTL time.Duration
	// MeterProvider gets the metrics, see [Runner]. Nil means none.
	MeterProvider metric.MeterProvider
	// Logger hears of failures (errors) and of what was done (info, debug where there was nothing). Nil means the
	// Service's.
	Logger *slog.Logger
}

const (
	defaultLeaseTTL = 2 * time.Minute
	defaultTimeout  = time.Hour
	firstPause      = time.Second      // after the first failure; it doubles with each
	longestPause    = time.Hour        // between two tries of a task that fails
	longestPoll     = time.Minute      // between two looks whether another replica is still at work
	longestStart    = 10 * time.Second // until the first look
	leaveTime       = 5 * time.Second  // for handing leases back, whatever ended
)

// upkeepTenant has the leases: an ID that no tenant can have ([CheckID]).
const upkeepTenant = "/upkeep"

// Runner does a host's work in the background: one to start in each replica.
//
//	r, err := tenant.NewRunner(tenant.RunnerConfig{Service: svc})
//	go func() { done <- r.Run(ctx) }()
//
// Each task is done by one replica at a time, which has its lease, and by all of them together once per interval: the lease
// rests until the next run with the replica that did the last. If that one dies, another takes over: at once after the task's
// interval, or in the middle of a run after RunnerConfig.LeaseTTL. A task that fails is tried again after a pause of a second
// that doubles up to an hour, and keeps no other task waiting.
//
// Metrics, each with the attribute task: the counters tenantgate.task.runs, tenantgate.task.failures and
// tenantgate.task.items, the histogram tenantgate.task.duration (s), and the gauges tenantgate.task.last_success (Unix time, s)
// and tenantgate.task.lag (s). A replica reports what it did itself.
//
// A Runner is safe for concurrent use, and keeps nothing that another replica needs.
type Runner struct {
	tasks   []Task
	store   store.LeaseStore
	holder  string
	ttl     time.Duration
	now     func() time.Time
	log     *slog.Logger
	metrics *taskMetrics
}

// NewRunner checks cfg and returns a Runner. It starts nothing.
func NewRunner(cfg RunnerConfig) (*Runner, error) {
	if cfg.Service == nil {
		return nil, errors.New("tenant: RunnerConfig.Service is required: make one with New")
	}
	r := &Runner{
		tasks: append(cfg.tasks(), cfg.Tasks...), store: cfg.Service.store, holder: cfg.Holder, ttl: cfg.LeaseTTL,
		now: cfg.Service.now, log: cfg.Logger,
	}
	names := map[string]bool{}
	for i, t := range r.tasks {
		if err := t.check(); err != nil {
			return nil, err
		}
		if names[t.Name] {
			return nil, fmt.Errorf("tenant: RunnerConfig.Tasks has the name %s twice, or it is one of the Runner's own", t.Name)
		}
		names[t.Name] = true
		if t.Timeout == 0 {
			r.tasks[i].Timeout = defaultTimeout
		}
	}
	if r.holder == "" {
		r.holder = rand.Text()
	}
	if r.ttl == 0 {
		r.ttl = defaultLeaseTTL
	}
	if r.ttl < time.Second {
		return nil, errors.New("tenant: RunnerConfig.LeaseTTL must be at least a second")
	}
	if r.log == nil {
		r.log = cfg.Service.log
	}
	var err error
	r.metrics, err = newTaskMetrics(cfg.MeterProvider)
	return r, err
}

// Run does all tasks until ctx ends, and returns ctx's error once every task has stopped. What was in the middle of its work
// hands its lease back, so that another replica can go on at once.
func (r *Runner) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, t := range r.tasks {
		running.Go(func() {
			if t.Loop != nil {
				r.loop(ctx, t)
				return
			}
			r.repeat(ctx, t)
		})
	}
	running.Wait()
	<-ctx.Done() // also where there is no task
	return ctx.Err()
}

// RunOnce does each task with a Run that is due, one after the other, for hosts whose scheduler starts a process now and then.
// What another replica is doing, or did within the task's interval, is left out. The error joins those of the tasks that failed.
func (r *Runner) RunOnce(ctx context.Context) error {
	var failed []error
	for _, t := range r.tasks {
		if t.Run == nil {
			continue
		}
		if _, err := r.turn(ctx, t, r.now(), 0); err != nil && !errors.Is(err, errBusy) {
			failed = append(failed, fmt.Errorf("tenant: task %s: %w", t.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

// errBusy says that a task is another replica's at the moment.
var errBusy = errors.New("tenant: another replica has the task")

// repeat does a task again and again.
func (r *Runner) repeat(ctx context.Context, t Task) {
	failures := 0
	wait := mathrand.N(min(t.Every/10, longestStart) + 1) // so that replicas don't begin at once
	for {
		due := r.now().Add(wait)
		if !pause(ctx, wait) {
			return
		}
		next, err := r.turn(ctx, t, due, failures)
		switch {
		case errors.Is(err, errBusy):
			wait = jittered(min(t.Every, longestPoll))
			continue // the failures stay: this replica's last try failed
		case err != nil:
			failures++
		default:
			failures = 0
		}
		wait = max(next.Sub(r.now()), 0)
	}
}

// turn does a task once, if the lease is to be had, and returns when the next turn is due.
func (r *Runner) turn(ctx context.Context, t Task, due time.Time, failures int) (next time.Time, err error) {
	start := r.now()
	lease := "upkeep." + t.Name
	if _, err := r.store.AcquireLease(ctx, upkeepTenant, lease, r.holder, start, start.Add(r.ttl)); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return start, errBusy
		}
		if ctx.Err() == nil {
			r.log.LogAttrs(ctx, slog.LevelError, "tenant: a background task could not begin", slog.String("task", t.Name), slog.Any("error", err))
			r.metrics.ran(ctx, t.Name, 0, 0, err, start)
		}
		return start.Add(pauseAfter(failures + 1)), fmt.Errorf("taking the lease: %w", err)
	}
	items, err := r.held(ctx, t, lease)
	end := r.now()
	next = start.Add(jittered(t.Every))
	if err != nil {
		next = end.Add(pauseAfter(failures + 1))
	}
	left, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	switch {
	case errors.Is(err, errLeaseLost): // it is another's
	case ctx.Err() != nil && err != nil:
		err = errors.Join(err, r.store.ReleaseLease(left, upkeepTenant, lease, r.holder))
	default:
		if _, rerr := r.store.AcquireLease(left, upkeepTenant, lease, r.holder, end, next); rerr != nil {
			r.log.LogAttrs(ctx, slog.LevelWarn, "tenant: a lease could not be kept", slog.String("task", t.Name), slog.Any("error", rerr))
		}
	}
	r.report(ctx, t, items, err, start, due, end, next)
	return next, err
}

// report tells what a turn did.
func (r *Runner) report(ctx context.Context, t Task, items int, err error, start, due, end, next time.Time) {
	if err != nil && ctx.Err() != nil { // it was stopped, which is no failure
		return
	}
	attrs := []slog.Attr{slog.String("task", t.Name), slog.Int("items", items), slog.Duration("duration", end.Sub(start)), slog.Time("next", next)}
	switch {
	case err != nil:
		r.log.LogAttrs(ctx, slog.LevelError, "tenant: a background task failed", append(attrs, slog.Any("error", err))...)
	case items > 0:
		r.log.LogAttrs(ctx, slog.LevelInfo, "tenant: a background task did something", attrs...)
	default:
		r.log.LogAttrs(ctx, slog.LevelDebug, "tenant: a background task had nothing to do", attrs...)
	}
	r.metrics.ran(ctx, t.Name, items, end.Sub(start), err, end)
	lag := max(start.Sub(due), 0)
	if t.Lag != nil {
		bounded, cancel := context.WithTimeout(ctx, leaveTime)
		defer cancel()
		lerr := guarded(func() (err error) {
			lag, err = t.Lag(bounded)
			return err
		})
		if lerr != nil {
			r.log.LogAttrs(ctx, slog.LevelWarn, "tenant: the lag of a background task is not known", slog.String("task", t.Name), slog.Any("error", lerr))
			return
		}
	}
	r.metrics.late(ctx, t.Name, lag)
}

// errLeaseLost says that another replica took a task over while it was being done, because this one was thought dead.
var errLeaseLost = errors.New("tenant: the lease of the task was lost")

// held does the work and keeps the lease meanwhile.
func (r *Runner) held(ctx context.Context, t Task, lease string) (items int, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	bounded, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	var keeping sync.WaitGroup
	keeping.Go(func() { r.keep(bounded, lease, stop) })
	err = guarded(func() error {
		var err error
		items, err = t.Run(bounded)
		return err
	})
	cancel()
	keeping.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, errLeaseLost) {
		err = errors.Join(err, cause)
	}
	return items, err
}

// keep renews the lease until ctx ends, or ends the work because it can't.
func (r *Runner) keep(ctx context.Context, lease string, stop context.CancelCauseFunc) {
	until := r.now().Add(r.ttl)
	for pause(ctx, r.ttl/4) {
		now := r.now()
		l, err := r.store.AcquireLease(ctx, upkeepTenant, lease, r.holder, now, now.Add(r.ttl))
		switch {
		case err == nil:
			until = l.Until
		case errors.Is(err, store.ErrConflict), !now.Before(until.Add(-r.ttl/4)) && ctx.Err() == nil: // soon it is anybody's
			stop(fmt.Errorf("%w: %w", errLeaseLost, err))
			return
		}
	}
}

// loop keeps a task with a rhythm of its own running.
func (r *Runner) loop(ctx context.Context, t Task) {
	for failures := 0; ; {
		start := r.now()
		err := guarded(func() error { return t.Loop(ctx) })
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("it returned before it was asked to")
		}
		if failures++; r.now().Sub(start) > longestPause { // it went well for long
			failures = 1
		}
		wait := pauseAfter(failures)
		r.log.LogAttrs(ctx, slog.LevelError, "tenant: a background task stopped", slog.String("task", t.Name), slog.Any("error", err), slog.Duration("again_in", wait))
		r.metrics.ran(ctx, t.Name, 0, r.now().Sub(start), err, r.now())
		if !pause(ctx, wait) {
			return
		}
	}
}

// pauseAfter is how long to wait after that many failures in a row.
func pauseAfter(failures int) time.Duration {
	return jittered(min(firstPause<<min(failures-1, 12), longestPause))
}

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

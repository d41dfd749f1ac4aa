package tenant

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Task is a piece of the work that a [Runner] does in the background.
type Task struct {
	// Name tells tasks apart, in leases, logs and metrics: 1 to 64 lower-case letters, digits, underscores, dots and dashes.
	Name string

	// Run does the work once, and returns how many things it did: sent, checked, deleted. It must be safe to be run again
	// after it stopped anywhere: its lease keeps two replicas from working at the same time, and does not replace the
	// checks of each write. A panic counts as a failure.
	Run func(ctx context.Context) (items int, err error)
	// Every is how long after a run has begun the next one follows, on whichever replica, give or take a tenth. Required
	// with Run.
	Every time.Duration
	// Timeout bounds a run: its context ends then. Zero means an hour.
	Timeout time.Duration
	// Lag tells how long the oldest work has been waiting, for the metrics; it is asked after each run. Nil means that the
	// lag is how late a run begins.
	Lag func(ctx context.Context) (time.Duration, error)

	// Loop is for work that has its own rhythm and its own way of sharing it among replicas, such as provisioning's
	// Engine.Run: it runs on every replica, without a lease, until ctx ends. When it returns before that, it is started
	// again, after a pause that grows. A task has either Run or Loop.
	Loop func(ctx context.Context) error
}

// The names of the tasks that every [Runner] has.
const (
	TaskDomainChecks    = "domain_checks"    // [Service.CheckDomains]
	TaskSecretReminders = "secret_reminders" // [Service.RemindOfExpiry]
	TaskDrillReminders  = "drill_reminders"  // [Service.RemindOfDrills]
	TaskReviewReminders = "review_reminders" // [Service.RemindOfReviews]
	TaskReseal          = "reseal"           // [Service.ResealAllSecrets]
	TaskEndings         = "endings"          // [Service.RunEndings]
	TaskRetention       = "retention"        // [Service.EraseOldEvents]
	TaskForget          = "forget"           // [Service.ForgetRemoved]
	TaskCleanup         = "cleanup"          // store.DeleteExpired, [Service.DeleteEndedSetupLinks]
)

var taskName = regexp.MustCompile(`^[a-z0-9_.-]{1,64}$`)

func (t Task) check() error {
	switch {
	case !taskName.MatchString(t.Name):
		return fmt.Errorf("tenant: Task.Name %q must be 1 to 64 lower-case letters, digits, underscores, dots and dashes", t.Name)
	case (t.Run == nil) == (t.Loop == nil):
		return fmt.Errorf("tenant: task %s must have either Run or Loop", t.Name)
	case t.Run != nil && t.Every <= 0:
		return fmt.Errorf("tenant: task %s: Every must be greater than zero", t.Name)
	case t.Timeout < 0:
		return fmt.Errorf("tenant: task %s: Timeout must not be negative", t.Name)
	case t.Loop != nil && (t.Every != 0 || t.Timeout != 0 || t.Lag != nil):
		return fmt.Errorf("tenant: task %s: Every, Timeout and Lag are for Run, not for Loop", t.Name)
	}
	return nil
}

// tasks are those of the service itself. An interval of zero means the default, one below leaves the task out.
func (cfg RunnerConfig) tasks() []Task {
	s := cfg.Service
	var out []Task
	add := func(every, standard time.Duration, t Task) {
		if every == 0 {
			every = standard
		}
		if t.Every = every; every > 0 {
			out = append(out, t)
		}
	}
	add(cfg.DomainChecksEvery, time.Minute, Task{Name: TaskDomainChecks, Run: s.CheckDomains, Lag: s.domainLag})
	if s.cfg.Notifier != nil {
		add(cfg.SecretRemindersEvery, time.Hour, Task{Name: TaskSecretReminders, Run: s.RemindOfExpiry})
		add(cfg.DrillRemindersEvery, day, Task{Name: TaskDrillReminders, Run: s.RemindOfDrills})
	}
	if s.cfg.StaffNotifier != nil || s.cfg.Notifier != nil {
		add(cfg.ReviewRemindersEvery, time.Hour, Task{Name: TaskReviewReminders, Run: s.RemindOfReviews})
	}
	add(cfg.ResealEvery, day, Task{Name: TaskReseal, Run: s.ResealAllSecrets})
	add(cfg.EndingsEvery, time.Minute, Task{Name: TaskEndings, Run: s.RunEndings})
	if s.cfg.KeepRemoved > 0 {
		add(cfg.ForgetEvery, day, Task{Name: TaskForget, Run: s.ForgetRemoved})
	}
	if s.cfg.KeepEvents > 0 {
		add(cfg.RetentionEvery, day, Task{Name: TaskRetention, Run: s.EraseOldEvents})
	}
	add(cfg.CleanupEvery, time.Hour, Task{Name: TaskCleanup, Run: s.cleanUp})
	return out
}

// cleanUp removes what has ended, of each kind whatever became of the others.
func (s *Service) cleanUp(ctx context.Context) (int, error) {
	n, err := store.DeleteExpired(ctx, s.store, s.now())
	if err != nil {
		err = fmt.Errorf("tenant: deleting expired tokens: %w", err)
	}
	links, linksErr := s.DeleteEndedSetupLinks(ctx)
	if errors.Is(linksErr, errors.ErrUnsupported) { // a store that keeps none
		linksErr = nil
	}
	return n + links, errors.Join(err, linksErr)
}

// domainLag is how long the first domain that is due has been.
func (s *Service) domainLag(ctx context.Context) (time.Duration, error) {
	now := s.time()
	for after := (store.DomainDue{}); ; {
		due, err := s.store.DomainsDue(ctx, now, after, duePage)
		if err != nil {
			return 0, fmt.Errorf("tenant: reading the domains that are due: %w", err)
		}
		for _, d := range due {
			if !d.At.IsZero() { // those have no time at which they should have been looked at
				return now.Sub(d.At), nil
			}
		}
		if len(due) < duePage {
			return 0, nil
		}
		after = due[len(due)-1]
	}
}

// errPanic is a task's panic.
var errPanic = errors.New("panic")

// guarded turns a panic of f into an error with its stack.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return f()
}

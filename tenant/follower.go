package tenant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// FollowStart says where a [Follower] begins whose name is new.
type FollowStart int

// The starts.
const (
	// FollowFromBeginning tells it of everything that the journals have.
	FollowFromBeginning FollowStart = iota
	// FollowFromNow tells it of what happens from its first look on, by the clock of whoever wrote the event.
	FollowFromNow
)

// Follower is a part of the host that is told of events after they were committed.
type Follower struct {
	// Name tells followers apart, in positions, leases and logs: 1 to 64 lower-case letters, digits, underscores, dots and
	// dashes. How far it has come is kept under the name; another name begins anew.
	Name string
	// Types are the types of events that it is told of, or beginnings of them that end in ".*" such as "scim.user.*". Empty
	// means all.
	Types []string
	// Handle is told of a tenant's events, in the order of the journal, at least once each: after a crash, or when it fails,
	// the same come again, so it goes by Event.ID or Event.Seq. Calls for one tenant never overlap, those for several may.
	// An error, or a panic, means that none of them counts as handled.
	Handle func(ctx context.Context, tenantID string, events []store.Event) error
	// Start is where a new follower begins.
	Start FollowStart
	// Batch is the most events in a call. Zero means 100. What fails is given again one by one.
	Batch int
	// Timeout ends the context of a call. Zero means 30 seconds.
	Timeout time.Duration
	// MaxAttempts is after how many failures in a row, counted by each replica, an event is parked: it is recorded in the
	// journal as [EventFollowerParked], and the next one follows. Zero means 10, which takes 9 to 15 minutes.
	MaxAttempts int
	// NeverPark tries the event again and again instead, and holds the tenant's later ones back.
	NeverPark bool

	// delay is how long to wait after that many failures. Nil means retryPause.
	delay func(failures int) time.Duration
}

// The types of events about followers. Their subject is of the kind "follower" and has its name as ID; After is a
// [ParkedEvent]. Followers are not told of them.
const (
	EventFollowerParked    = followerPrefix + "parked"
	EventFollowerRecovered = followerPrefix + "recovered"
)

const (
	followerPrefix  = "follower."
	subjectFollower = "follower"
	// followersTenant has when each follower began: an ID that no tenant can have ([CheckID]).
	followersTenant = "/followers"

	defaultFollowBatch    = 100
	defaultFollowTimeout  = 30 * time.Second
	defaultFollowAttempts = 10
	defaultFollowWorkers  = 4
	defaultFollowEvery    = 10 * time.Second
	followTurn            = 5 * time.Second // for one tenant, then the others have theirs
)

// FollowersConfig configures [NewFollowers].
type FollowersConfig struct {
	// Store has the journal. Required.
	Store store.Store
	// Followers are who is told. Required.
	Followers []Follower
	// Workers is how many tenants of one follower are worked on at the same time. Zero means 4.
	Workers int
	// Holder names this replica in leases; it must be unique among them. Empty means a random name.
	Holder string
	// LeaseTTL is how long after a replica died another one takes over what it was doing. It should be much longer than the
	// replicas' clocks may differ. Zero means a minute; less than a second is refused.
	LeaseTTL time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures. Nil discards them.
	Logger *slog.Logger
}

// Followers tell the host of what happened, after it was committed:
//
//	f, err := tenant.NewFollowers(tenant.FollowersConfig{Store: st, Followers: []tenant.Follower{{
//		Name: "search-index", Types: []string{"scim.user.*"}, Handle: index.Update,
//	}}})
//	r, err := tenant.NewRunner(tenant.RunnerConfig{Service: svc, Tasks: []tenant.Task{f.Task()}})
//
// They follow the journal of every tenant. How far each has come is saved in the store, for each tenant by itself: nothing
// is missed by a crash, and a tenant whose events fail waits (1 second and then longer, up to 5 minutes) while the others go
// on. Of several replicas one at a time tells a follower of a tenant's events. Who needs to write in the same transaction
// takes [store.WithEventHook].
//
// Followers are safe for concurrent use, and keep nothing that another replica needs.
type Followers struct {
	cfg   FollowersConfig
	lines []*followed
}

// followed is a follower at work.
type followed struct {
	Follower
	cfg    *FollowersConfig
	wanted typeFilter
	reader string
	wake   chan struct{}
	busy   sync.Map // tenants that this replica is working on

	mu    sync.Mutex
	state map[string]followState // by tenant, of those that failed
}

// followState is what is known of a tenant's failures.
type followState struct {
	failures int
	until    time.Time
	// single is the Seq up to which events are given one by one, because a batch of them failed.
	single int64
}

// NewFollowers checks cfg and returns the followers. It starts nothing: see [Followers.Run] and [Followers.Task].
func NewFollowers(cfg FollowersConfig) (*Followers, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("tenant: FollowersConfig.Store is required: open one with store/postgres or store/sqlite")
	case len(cfg.Followers) == 0:
		return nil, errors.New("tenant: FollowersConfig.Followers is required: who is told of events")
	case cfg.Workers < 0:
		return nil, errors.New("tenant: FollowersConfig.Workers must not be negative")
	case cfg.LeaseTTL != 0 && cfg.LeaseTTL < time.Second:
		return nil, errors.New("tenant: FollowersConfig.LeaseTTL must be at least a second")
	}
	if cfg.Workers == 0 {
		cfg.Workers = defaultFollowWorkers
	}
	if cfg.LeaseTTL == 0 {
		cfg.LeaseTTL = time.Minute
	}
	if cfg.Holder == "" {
		cfg.Holder = rand.Text()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Followers{cfg: cfg}
	names := map[string]bool{}
	for _, one := range cfg.Followers {
		line, err := newFollowed(&f.cfg, one)
		if err != nil {
			return nil, err
		}
		if names[one.Name] {
			return nil, fmt.Errorf("tenant: FollowersConfig.Followers has the name %s twice", one.Name)
		}
		names[one.Name] = true
		f.lines = append(f.lines, line)
	}
	return f, nil
}

func newFollowed(cfg *FollowersConfig, f Follower) (*followed, error) {
	switch {
	case !taskName.MatchString(f.Name):
		return nil, fmt.Errorf("tenant: Follower.Name %q must be 1 to 64 lower-case letters, digits, underscores, dots and dashes", f.Name)
	case f.Handle == nil:
		return nil, fmt.Errorf("tenant: follower %s: Handle is required", f.Name)
	case f.Start != FollowFromBeginning && f.Start != FollowFromNow:
		return nil, fmt.Errorf("tenant: follower %s: Start must be FollowFromBeginning or FollowFromNow", f.Name)
	case f.Batch < 0 || f.Batch > store.MaxLimit:
		return nil, fmt.Errorf("tenant: follower %s: Batch must be 0 to %d", f.Name, store.MaxLimit)
	case f.Timeout < 0 || f.MaxAttempts < 0:
		return nil, fmt.Errorf("tenant: follower %s: Timeout and MaxAttempts must not be negative", f.Name)
	case f.NeverPark && f.MaxAttempts != 0:
		return nil, fmt.Errorf("tenant: follower %s: MaxAttempts means nothing with NeverPark", f.Name)
	}
	wanted, err := newTypeFilter(f.Types)
	if err != nil {
		return nil, fmt.Errorf("tenant: follower %s: Types: %w", f.Name, err)
	}
	if f.Batch == 0 {
		f.Batch = defaultFollowBatch
	}
	if f.Timeout == 0 {
		f.Timeout = defaultFollowTimeout
	}
	if f.MaxAttempts == 0 {
		f.MaxAttempts = defaultFollowAttempts
	}
	if f.delay == nil {
		f.delay = retryPause
	}
	return &followed{
		Follower: f, cfg: cfg, wanted: wanted, reader: "follower." + f.Name, wake: make(chan struct{}, 1), state: map[string]followState{},
	}, nil
}

// retryPause doubles from a second to 5 minutes.
func retryPause(failures int) time.Duration {
	return jittered(min(5*time.Minute, time.Second<<min(failures-1, 10)))
}

// Task is the followers' work for a [Runner], named "followers".
func (f *Followers) Task() Task {
	return Task{Name: "followers", Loop: func(ctx context.Context) error { return f.Run(ctx, 0) }}
}

// Run tells all followers of what happens until ctx ends, and returns ctx.Err(). It looks every interval (zero means 10
// seconds) and at once after [Followers.Wake]. The caller owns the goroutine; every replica may run one. A follower that is
// slow does not keep the others waiting.
func (f *Followers) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		interval = defaultFollowEvery
	}
	var running sync.WaitGroup
	for _, l := range f.lines {
		running.Go(func() { l.run(ctx, interval) })
	}
	running.Wait()
	return ctx.Err()
}

func (l *followed) run(ctx context.Context, interval time.Duration) {
	// Errors were logged where they happened; the next round tries again.
	lookEvery(ctx, interval, l.wake, func() { _, _ = l.round(ctx, true) })
}

// Wake lets Run look at once: call it after a write, as scim.Config.Written does for directories. It never blocks.
func (f *Followers) Wake() {
	for _, l := range f.lines {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Sync tells all followers of one tenant's events now, whatever failed before, and returns how many events were handled. What
// another replica, or another call, is doing just now is left to it. The errors of the followers are joined.
func (f *Followers) Sync(ctx context.Context, tenantID string) (n int, err error) {
	var errs []error
	for _, l := range f.lines {
		for {
			k, more, err := l.turn(ctx, tenantID)
			n += k
			if err != nil {
				errs = append(errs, err)
			}
			if err != nil || !more {
				break
			}
		}
	}
	return n, errors.Join(errs...)
}

// SyncAll does what [Followers.Sync] does for every tenant that has something to do. It goes on after a tenant that fails.
func (f *Followers) SyncAll(ctx context.Context) (n int, err error) {
	var errs []error
	for _, l := range f.lines {
		k, err := l.round(ctx, false)
		n += k
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

// line finds a follower.
func (f *Followers) line(name string) (*followed, error) {
	for _, l := range f.lines {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, fmt.Errorf("tenant: no follower has the name %q: %w", name, store.ErrNotFound)
}

package oidc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	// DefaultRevokerInterval is how often Revoker.Run looks without being woken, where its interval is zero.
	DefaultRevokerInterval = 10 * time.Second
	// DefaultRevokerTimeout bounds what one event may take where RevokerConfig.Timeout is zero.
	DefaultRevokerTimeout = 10 * time.Second
)

// RevokerConfig configures [NewRevoker]. The fields without a default are required.
type RevokerConfig struct {
	// Store has the journal.
	Store store.Store
	// Sessions ends the host's sessions; usually what Config.Sessions is.
	Sessions SessionRevoker
	// Accounts finds the account of a provisioned user that no account was made for; what Config.Accounts is.
	Accounts Accounts
	// Timeout bounds what the host may take for one event: the context of its methods ends then. Zero means
	// DefaultRevokerTimeout.
	Timeout time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures. Nil discards them.
	Logger *slog.Logger
}

// Revoker ends sessions although no provider says so. It follows the journal of all tenants and calls
// [SessionRevoker.RevokeSessions] when
//
//   - a directory set a user inactive or deleted it, or provisioning took an account's access ([ReasonDeactivated]);
//   - a connection was suspended or deleted ([ReasonConnectionOff]), or leads to another provider or client
//     ([ReasonConnectionChanged]), whose links then go too;
//   - a connection was activated or enforced, and whoever did that chose to end the sessions of people in its domains
//     ([ReasonActivated], tenant.Activation.EndSessions);
//   - an identity was unlinked from its account ([ReasonUnlinked]), see [Unlink];
//   - somebody signed in while one of these happened, or while the provider's logout token came, which then found no
//     session to end ([ReasonBackchannelLogout]).
//
// Each is done once as far as the database goes: what RevokeSessions writes through tx, the record of it
// ([EventLogout]) and the place in the journal commit together, so that a crash at any moment loses none and a tenant's
// are done in order. What the host fails at is recorded ([EventRevocationFailed]) and tried again, with the first look
// that comes a second later and then less and less often, down to every 5 minutes; meanwhile the others go on.
// Revocation.BeganBefore keeps what began in between. A host's panic counts as a failure.
//
// A Revoker that comes to a journal for the first time starts at its beginning. It is safe for concurrent use, and any
// number of them, in any number of replicas, may work on one store.
type Revoker struct {
	cfg  RevokerConfig
	wake chan struct{}

	mu       sync.Mutex
	backoff  map[string]backoff   // of tenants whose transaction failed
	retryDue map[string]time.Time // when a tenant's open work is due next
}

// NewRevoker checks cfg and returns a Revoker. It starts nothing: see [Revoker.Run].
func NewRevoker(cfg RevokerConfig) (*Revoker, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("oidc: RevokerConfig.Store is required: open one with store/postgres or store/sqlite")
	case cfg.Sessions == nil:
		return nil, errors.New("oidc: RevokerConfig.Sessions is required: it ends the host's sessions")
	case cfg.Accounts == nil:
		return nil, errors.New("oidc: RevokerConfig.Accounts is required: it finds the host's accounts, as for NewHandler")
	case cfg.Timeout < 0:
		return nil, errors.New("oidc: RevokerConfig.Timeout must not be negative")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultRevokerTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Revoker{cfg: cfg, wake: make(chan struct{}, 1), backoff: map[string]backoff{}, retryDue: map[string]time.Time{}}, nil
}

// Run follows all tenants until ctx ends, and returns ctx.Err(). It looks every interval (zero means
// DefaultRevokerInterval) and at once after [Revoker.Wake]. The caller owns the goroutine; every replica may run one. A
// tenant that fails as a whole waits longer each time (1 second to 5 minutes) while the others go on.
func (r *Revoker) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		interval = DefaultRevokerInterval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		// Errors were logged where they happened; the next round tries again.
		_, _ = r.syncAll(ctx, true)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// Wake lets Run look at once. Call it after what may end sessions: scim.Config.Written is for that, and a host's own
// pages know when they suspended a connection. It never blocks, and does nothing while a look is due already.
func (r *Revoker) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Sync does at once what there is to do for one tenant, and returns how many revocations the host was told, those
// included that were tried again. It does not wait for a failed tenant's next time. An error means that a transaction as
// a whole failed and nothing of it happened; what the host fails at is no error, see [Revoker].
func (r *Revoker) Sync(ctx context.Context, tenantID string) (int, error) {
	for total := 0; ; {
		n, more, err := r.turn(ctx, tenantID)
		total += n
		if err != nil || !more {
			return total, err
		}
	}
}

// SyncAll does what [Revoker.Sync] does for every tenant that has something to do, in turns, so that a tenant with much
// to do does not keep the others waiting. It goes on after a tenant that fails, and returns the errors joined.
func (r *Revoker) SyncAll(ctx context.Context) (int, error) { return r.syncAll(ctx, false) }

func (r *Revoker) syncAll(ctx context.Context, respectBackoff bool) (total int, err error) {
	var errs []error
	failed := map[string]bool{}
	for again := true; again && ctx.Err() == nil; {
		again = false
		tenants, err := r.behind(ctx)
		if err != nil {
			r.cfg.Logger.ErrorContext(ctx, "oidc: the journal can't be read; no session is ended meanwhile", "error", err)
			return total, errors.Join(append(errs, err)...)
		}
		for _, id := range tenants {
			if failed[id] || respectBackoff && r.waiting(id) {
				continue
			}
			n, more, err := r.turn(ctx, id)
			total += n
			again = again || more
			if ctx.Err() != nil {
				return total, errors.Join(append(errs, err)...)
			}
			if err != nil {
				failed[id] = true
				errs = append(errs, err)
				r.cfg.Logger.ErrorContext(ctx, "oidc: sessions could not be ended; nothing moved, tried again later", "tenant", id, "error", err)
			}
		}
	}
	return total, errors.Join(errs...)
}

// behind lists the tenants that have events to look at, or something to try again.
func (r *Revoker) behind(ctx context.Context) ([]string, error) {
	var all []string
	found := map[string]bool{}
	for _, reader := range []string{revokeReader, revokeRetryReader} {
		for after := ""; ; {
			ids, err := r.cfg.Store.TenantsBehind(ctx, reader, after, store.MaxLimit)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				if !found[id] {
					found[id] = true
					all = append(all, id)
				}
			}
			if len(ids) < store.MaxLimit {
				break
			}
			after = ids[len(ids)-1]
		}
	}
	return all, nil
}

// backoff counts a tenant's failures in a row.
type backoff struct {
	failures int
	until    time.Time
}

func (r *Revoker) failures(tenantID string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.backoff[tenantID].failures
}

func (r *Revoker) waiting(tenantID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cfg.Now().Before(r.backoff[tenantID].until)
}

// note keeps count of a tenant's failures in a row.
func (r *Revoker) note(tenantID string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.backoff, tenantID)
		return
	}
	b := r.backoff[tenantID]
	b.until = r.cfg.Now().Add(retryDelay(b.failures))
	b.failures++
	r.backoff[tenantID] = b
}

// retryDelay doubles from a second to 5 minutes.
func retryDelay(failures int) time.Duration {
	return min(5*time.Minute, time.Second<<min(failures, 20))
}

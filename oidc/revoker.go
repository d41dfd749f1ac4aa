package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// RevokerConfig configures [NewRevoker]. Store, Sessions and Accounts are required.
type RevokerConfig struct {
	// Store has the journal.
	Store store.Store
	// Sessions ends the host's sessions.
	Sessions SessionRevoker
	// Accounts finds the account of a provisioned user by address, where nothing links the two. Config.Accounts is meant.
	Accounts Accounts
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures. Nil discards.
	Logger *slog.Logger
}

// Revoker ends sessions that no provider ends: it reads the journal and calls the host's [SessionRevoker] when
//
//   - a directory set a user inactive or deleted it, or provisioning ended an account's access (R108);
//   - an identity was unlinked;
//   - a connection was suspended or deleted, or leads to another provider or client than before.
//
// What it has done is kept in the transaction in which the host ends the sessions, so that a process that stops at any
// point loses none and does none twice. Events of one tenant are handled in their order. It is safe for concurrent use,
// and any number of revokers may work on one store.
type Revoker struct {
	cfg  RevokerConfig
	wake chan struct{}

	mu      sync.Mutex
	waiting map[string]pause // by tenant
}

// pause is how long a tenant whose host failed is left alone.
type pause struct {
	failures int
	until    time.Time
}

const (
	revokerReader = "oidc.sessions" // the name of its position in the journal
	revokerBatch  = 200             // events in one transaction
	revokerPage   = 100             // tenants that are read at a time
	firstPause    = time.Second
	longestPause  = 5 * time.Minute
	// clockMargin is how far the clocks of the host's machines may differ: a session that began so much after an event
	// may have begun before it.
	clockMargin = time.Minute
)

// NewRevoker makes a revoker. It starts nothing: see [Revoker.Run].
func NewRevoker(cfg RevokerConfig) (*Revoker, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("oidc: RevokerConfig.Store is required: open one with store/postgres or store/sqlite")
	case cfg.Sessions == nil:
		return nil, errors.New("oidc: RevokerConfig.Sessions is required: it ends the host's sessions")
	case cfg.Accounts == nil:
		return nil, errors.New("oidc: RevokerConfig.Accounts is required: it finds the host's accounts")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Revoker{cfg: cfg, wake: make(chan struct{}, 1), waiting: map[string]pause{}}, nil
}

// Wake makes [Revoker.Run] look now. Call it after a commit that ends somebody's access, such as from scim.Config.Written.
// It never blocks.
func (v *Revoker) Wake() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Run looks at all tenants at each interval, and whenever it is woken, until ctx ends; it returns ctx's error. A tenant
// whose host fails is tried again after a second, then after twice as long each time, up to five minutes, and stops none
// of the others.
func (v *Revoker) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		return errors.New("oidc: Revoker.Run needs an interval, such as ten seconds")
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := v.SyncAll(ctx); err != nil && ctx.Err() == nil {
			v.cfg.Logger.ErrorContext(ctx, "oidc: sessions that are over could not be ended", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-v.wake:
		}
	}
}

// SyncAll handles what is new in all tenants' journals. The error joins those of the tenants that failed; these are left
// alone for a while.
func (v *Revoker) SyncAll(ctx context.Context) error {
	var errs []error
	for after := ""; ; {
		tenants, err := v.cfg.Store.TenantsBehind(ctx, revokerReader, after, revokerPage)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("oidc: looking for new events: %w", err))...)
		}
		for _, id := range tenants {
			if v.paused(id) {
				continue
			}
			if err := v.Sync(ctx, id); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				errs = append(errs, fmt.Errorf("tenant %s: %w", id, err))
			}
		}
		if len(tenants) < revokerPage {
			return errors.Join(errs...)
		}
		after = tenants[len(tenants)-1]
	}
}

// Sync handles what is new in one tenant's journal.
func (v *Revoker) Sync(ctx context.Context, tenantID string) error {
	for {
		more, err := v.step(ctx, tenantID, revokerBatch)
		if split, ok := errors.AsType[*splitError](err); ok && split.done > 0 {
			// What went well before the event that fails is kept.
			if _, headErr := v.step(ctx, tenantID, split.done); headErr == nil {
				_, err = v.step(ctx, tenantID, 1)
			}
			more = err == nil
		}
		v.note(tenantID, err)
		if err != nil || !more {
			return err
		}
	}
}

// splitError says after how many events of a batch the host failed.
type splitError struct {
	done int
	err  error
}

func (e *splitError) Error() string { return e.err.Error() }
func (e *splitError) Unwrap() error { return e.err }

// step handles up to limit events in one transaction.
func (v *Revoker) step(ctx context.Context, tenantID string, limit int) (more bool, err error) {
	err = v.cfg.Store.InTx(ctx, func(tx store.Store) error {
		more = false
		from, err := tx.Position(ctx, tenantID, revokerReader)
		if err != nil {
			return fmt.Errorf("oidc: reading the position: %w", err)
		}
		events, err := tx.Events(ctx, tenantID, store.EventQuery{After: from, Limit: limit})
		if err != nil {
			return fmt.Errorf("oidc: reading the journal: %w", err)
		}
		if len(events) == 0 {
			return nil
		}
		// First, so that of two revokers one waits, or is told that it came second.
		if err := tx.SavePosition(ctx, tenantID, revokerReader, from, events[len(events)-1].Seq); err != nil {
			return fmt.Errorf("oidc: saving the position: %w", err)
		}
		for i, e := range events {
			if err := v.handle(ctx, tx, tenantID, e); err != nil {
				return &splitError{done: i, err: err}
			}
		}
		more = len(events) == limit
		return nil
	})
	if errors.Is(err, store.ErrStale) { // another revoker handles these events
		return false, nil
	}
	return more, err
}

// handle ends the sessions that an event is about.
func (v *Revoker) handle(ctx context.Context, tx store.Store, tenantID string, e store.Event) error {
	revocations, err := v.revocations(ctx, tx, tenantID, e)
	if err != nil {
		return fmt.Errorf("oidc: event %s (%s): %w", e.ID, e.Type, err)
	}
	for _, r := range revocations {
		r.TenantID, r.BeganBefore = tenantID, e.At.Add(clockMargin)
		if err := v.revoke(ctx, tx, r); err != nil {
			return fmt.Errorf("oidc: event %s (%s): ending sessions: %w", e.ID, e.Type, err)
		}
	}
	return nil
}

// revoke calls the host. A panic there must not end the worker, and undoes the transaction like an error.
func (v *Revoker) revoke(ctx context.Context, tx store.Store, r Revocation) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("oidc: RevokeSessions panicked: %v", p)
		}
	}()
	return v.cfg.Sessions.RevokeSessions(ctx, tx, r)
}

// paused tells whether a tenant is left alone for now.
func (v *Revoker) paused(tenantID string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.waiting[tenantID]
	return ok && v.cfg.Now().Before(p.until)
}

// note counts a tenant's failures in a row.
func (v *Revoker) note(tenantID string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		delete(v.waiting, tenantID)
		return
	}
	p := v.waiting[tenantID]
	p.until = v.cfg.Now().Add(min(longestPause, firstPause<<min(p.failures, 20)))
	p.failures++
	v.waiting[tenantID] = p
}

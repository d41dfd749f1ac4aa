package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// ForgetRemoved erases the journal of tenants that were removed longer ago than Config.KeepRemoved, with all else that
// remained, and returns how many it forgot. An event "tenant.forgotten" and the [store.Lifecycle] stay as the only trace. Without
// Config.KeepRemoved it does nothing. The host schedules it, about once a day, on any replica; it may stop anywhere.
func (s *Service) ForgetRemoved(ctx context.Context) (int, error) {
	n := 0
	if s.cfg.KeepRemoved == 0 {
		return 0, nil
	}
	var failed []error
	for after := ""; ; {
		tenants, err := s.store.TenantsInState(ctx, store.ServiceRemoved, after, endingPage)
		if err != nil {
			return n, errors.Join(append(failed, wrapped("reading tenants", err))...)
		}
		for _, id := range tenants {
			forgot, err := s.forget(ctx, id)
			if err != nil && len(failed) < maxErrors {
				failed = append(failed, fmt.Errorf("forgetting %s: %w", id, err))
			}
			if forgot {
				n++
			}
		}
		if len(tenants) < endingPage {
			return n, errors.Join(failed...)
		}
		after = tenants[len(tenants)-1]
	}
}

func (s *Service) forget(ctx context.Context, tenantID string) (bool, error) {
	l, err := s.lifecycle(ctx, s.store, tenantID)
	if err != nil {
		return false, err
	}
	work, err := readWork(l)
	if err != nil || work.Forgotten || l.State != store.ServiceRemoved || s.now().Before(l.StateSince.Add(s.cfg.KeepRemoved)) {
		return false, err
	}
	for _, kind := range []store.RecordKind{store.KindEvent, store.KindLease, store.KindPosition} {
		for {
			n := 0
			err := s.store.InTx(ctx, func(tx store.Store) error {
				if now, err := s.lifecycle(ctx, tx, tenantID); err != nil || now.Version != l.Version { // set up anew
					return errors.Join(err, stale())
				}
				n, err = tx.Erase(ctx, tenantID, kind, 0)
				return err
			})
			if err != nil {
				return false, wrapped("erasing what remained", err)
			}
			if n < store.MaxLimit {
				break
			}
		}
	}
	return true, s.store.InTx(ctx, func(tx store.Store) error {
		after := l
		if after.Work, err = (endingWork{Forgotten: true}).encode(); err != nil {
			return err
		}
		after.Reason = ""
		_, err := s.putLifecycle(ctx, tx, Actor{Kind: ActorSystem, Name: "retention"}, store.Lifecycle{Meta: l.Meta, State: l.State, StateSince: l.StateSince}, after, "tenant.forgotten", "")
		return err
	})
}

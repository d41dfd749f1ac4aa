package tenant

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

// changeInService runs fn in a transaction that is committed only if the tenant's set-up may be changed at that moment.
func (s *Service) changeInService(ctx context.Context, tenantID string, fn func(tx store.Store) error) error {
	return s.store.InTx(ctx, func(tx store.Store) error {
		if err := s.holdInService(ctx, tx, tenantID); err != nil {
			return err
		}
		return fn(tx)
	})
}

// holdInService refuses what [open] refuses, and keeps the tenant in service until tx ends.
func (s *Service) holdInService(ctx context.Context, tx store.Store, tenantID string) error {
	return s.holdLifecycle(ctx, tx, tenantID, open)
}

// notRemoving refuses what makes records while they are being removed.
func notRemoving(l store.Lifecycle) error {
	if l.State == store.ServiceRemoving {
		return open(l)
	}
	return nil
}

// holdLifecycle refuses what allowed refuses of the tenant's state, and keeps that state until tx ends: it writes the
// lifecycle as it is. A read alone would not do. PostgreSQL's transactions see what is committed while they run, so that a
// suspension which is not committed yet would not be seen here, nor would it see what is written here: both would commit,
// and leave a connection in force at a tenant that is suspended, or a record at one that is removed. So that two of them
// never wait for each other, every transaction writes the lifecycle before other records.
//
// The write has no event, since nothing changed but the version.
func (s *Service) holdLifecycle(ctx context.Context, tx store.Store, tenantID string, allowed func(store.Lifecycle) error) error {
	for try := 1; ; try++ {
		l, err := s.lifecycle(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		if err := allowed(l); err != nil {
			return err
		}
		if l.Version == 0 {
			l.CreatedAt = s.time()
			l.UpdatedAt = l.CreatedAt
		}
		_, err = tx.PutLifecycle(ctx, tenantID, l)
		if err == nil || !errors.Is(err, store.ErrStale) || try == endingTries {
			return written("keeping the tenant in service", err)
		}
	}
}

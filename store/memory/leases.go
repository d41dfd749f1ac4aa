package memory

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// AcquireLease implements [store.LeaseStore].
func (s *Store) AcquireLease(ctx context.Context, tenantID, name, holder string, now, until time.Time) (lease store.Lease, err error) {
	err = s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		old, existed := t.leases[name]
		if old.Holder != holder && store.Time(now).Before(old.Until) {
			return conflict("lease", name)
		}
		lease = store.Lease{Holder: holder, Token: old.Token, Until: store.Time(until)}
		if old.Holder != holder {
			lease.Token++
		}
		t.leases[name] = lease
		if !existed {
			log.add(func() { delete(t.leases, name) })
			return nil
		}
		log.add(func() { t.leases[name] = old })
		return nil
	})
	if err != nil {
		return store.Lease{}, err
	}
	return lease, nil
}

// ReleaseLease implements [store.LeaseStore].
func (s *Store) ReleaseLease(ctx context.Context, tenantID, name, holder string) error {
	return s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		old, existed := t.leases[name]
		if !existed || old.Holder != holder {
			return nil
		}
		// The token stays, so that the next holder's is greater.
		t.leases[name] = store.Lease{Token: old.Token}
		log.add(func() { t.leases[name] = old })
		return nil
	})
}

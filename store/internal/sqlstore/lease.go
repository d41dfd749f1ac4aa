package sqlstore

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// A released lease stays as a row without a holder, so that its token goes on growing.
const (
	acquireLease = "insert into tenantgate_leases as l (tenant_id, name, holder, token, ends_at) values ($1, $2, $3, 1, $5)" +
		" on conflict (tenant_id, name) do update set holder = excluded.holder, ends_at = excluded.ends_at," +
		" token = l.token + case when l.holder = excluded.holder then 0 else 1 end" +
		" where l.holder = excluded.holder or l.holder = '' or l.ends_at <= $4 returning token"
	releaseLease = "update tenantgate_leases set holder = '' where tenant_id = $1 and name = $2 and holder = $3"
)

// AcquireLease implements store.LeaseStore.
func (s Shared) AcquireLease(ctx context.Context, tenantID, name, holder string, now, until time.Time) (store.Lease, error) {
	lease := store.Lease{Holder: holder, Until: store.Time(until)}
	err := s.statement(ctx, func(db *DB) error {
		return db.One(ctx, []any{&lease.Token}, acquireLease, tenantID, name, holder, db.Time(store.Time(now)), db.Time(lease.Until))
	})
	if err != nil {
		return store.Lease{}, Errorf(Refused(err, store.ErrConflict), "lease %q", name)
	}
	return lease, nil
}

// ReleaseLease implements store.LeaseStore.
func (s Shared) ReleaseLease(ctx context.Context, tenantID, name, holder string) error {
	_, err := s.write(ctx, releaseLease, tenantID, name, holder)
	return Errorf(err, "lease %q", name)
}

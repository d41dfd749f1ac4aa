package postgres

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// Erase implements store.LifecycleStore.
func (s *Store) Erase(ctx context.Context, tenantID string, kind store.RecordKind, limit int) (n int, err error) {
	err = s.db.Transact(ctx, func(db *sqlstore.DB) error {
		in := on(db)
		if kind == store.KindEvent { // those without a number are the newest
			for more := true; more; {
				var err error
				if more, err = in.number(ctx, tenantID); err != nil {
					return sqlstore.Errorf(err, "number events")
				}
			}
		}
		n, err = sqlstore.Erase(ctx, db, in, tenantID, kind, limit)
		return err
	})
	return n, err
}

package sqlite

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// Erase implements store.LifecycleStore.
func (s *Store) Erase(ctx context.Context, tenantID string, kind store.RecordKind, limit int) (n int, err error) {
	err = s.db.Transact(ctx, func(db *sqlstore.DB) error {
		n, err = sqlstore.Erase(ctx, db, on(db), tenantID, kind, limit)
		return err
	})
	return n, err
}

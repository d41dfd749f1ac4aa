package sqlite

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	putGrant = "insert into tenantgate_grants (tenant_id, account_id, kind, resource_id, group_id, role, previous) values ($1, $2, $3, $4, $5, $6, $7)" +
		" on conflict (tenant_id, account_id, kind, resource_id, group_id) do update set role = excluded.role, previous = excluded.previous"
	deleteGrant = "delete from tenantgate_grants where tenant_id = $1 and account_id = $2 and kind = $3 and resource_id = $4 and group_id = $5"
)

// ChangeGrants implements store.ProvisioningStore.
func (s *Store) ChangeGrants(ctx context.Context, tenantID string, put []store.Grant, remove []store.GrantKey, events ...store.Event) error {
	put, remove = sqlstore.GrantChange(put, remove)
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		for _, k := range remove {
			if _, err := db.Exec(ctx, deleteGrant, tenantID, k.AccountID, string(k.Kind), k.ResourceID, k.GroupID); err != nil {
				return err
			}
		}
		for _, g := range put {
			if _, err := db.Exec(ctx, putGrant, tenantID, g.AccountID, string(g.Kind), g.ResourceID, g.GroupID, g.Role, g.Previous); err != nil {
				return err
			}
		}
		return appendEvents(ctx, db, tenantID, rows)
	})
	return sqlstore.Errorf(err, "grants")
}

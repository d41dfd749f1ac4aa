package sqlstore

import (
	"context"
	"database/sql"

	"github.com/tenantgate/tenantgate/store"
)

// Each dialect adds how a column is one of a list, the second parameter.
const (
	selectGroupNames = "select r.id, r.display_name from tenantgate_scim_groups r where r.tenant_id = $1 and "
	selectUserIDs    = "select r.id from tenantgate_scim_users r where r.tenant_id = $1 and "
)

// GrantsOfAccounts implements store.LockReader.
func (s Shared) GrantsOfAccounts(ctx context.Context, tenantID string, accountIDs []string) ([]store.Grant, error) {
	ids := s.storableOf(accountIDs)
	if len(ids) == 0 {
		return nil, ctx.Err()
	}
	query := grantColumns + " where tenant_id = $1 and " + s.DB.InList("account_id", "$2") + " order by account_id, kind, resource_id, group_id"
	return s.grants(ctx, query, tenantID, s.DB.List(ids))
}

// GroupsWithIDs implements store.LockReader.
func (s Shared) GroupsWithIDs(ctx context.Context, tenantID string, ids []string) ([]store.GroupRef, error) {
	if ids = s.storableOf(ids); len(ids) == 0 {
		return nil, ctx.Err()
	}
	var out []store.GroupRef
	err := s.DB.Each(ctx, func(rows *sql.Rows) error {
		var g store.GroupRef
		err := rows.Scan(&g.ID, &g.DisplayName)
		out = append(out, g)
		return err
	}, selectGroupNames+s.DB.InList("r.id", "$2")+" order by r.id", tenantID, s.DB.List(ids))
	return out, Errorf(err, "groups")
}

// SCIMUsersAmong implements store.LockReader.
func (s Shared) SCIMUsersAmong(ctx context.Context, tenantID string, ids []string) ([]string, error) {
	if ids = s.storableOf(ids); len(ids) == 0 {
		return nil, ctx.Err()
	}
	var out []string
	err := s.DB.Each(ctx, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		out = append(out, id)
		return err
	}, selectUserIDs+s.DB.InList("r.id", "$2")+" order by r.id", tenantID, s.DB.List(ids))
	return out, Errorf(err, "users")
}

// storableOf leaves out what the database cannot hold: nothing stored can have it.
func (s Shared) storableOf(values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		if s.DB.Storable == nil || s.DB.Storable(v) {
			out = append(out, v)
		}
	}
	return out
}

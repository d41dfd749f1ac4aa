package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

const (
	grantColumns = "select account_id, kind, resource_id, group_id, role, previous from tenantgate_grants"

	grantsOfAccount = grantColumns + " where tenant_id = $1 and account_id = $2 order by kind, resource_id, group_id"
	// Each dialect adds how the lines after a key are found.
	grantsOfGroup = " where tenant_id = $1 and group_id = $2 and %s order by account_id, kind, resource_id limit $6"
	allGrants     = grantColumns + " where tenant_id = $1 and (account_id, kind, resource_id, group_id) > ($2, $3, $4, $5)" +
		" order by account_id, kind, resource_id, group_id limit $6"
)

// Grants implements store.ProvisioningStore.
func (s Shared) Grants(ctx context.Context, tenantID, accountID string) ([]store.Grant, error) {
	return s.grants(ctx, grantsOfAccount, tenantID, accountID)
}

// GrantsOfGroup implements store.ProvisioningStore.
func (s Shared) GrantsOfGroup(ctx context.Context, tenantID, groupID string, after store.GrantKey, limit int) ([]store.Grant, error) {
	query := grantColumns + s.DB.UseIndex("tenantgate_grants_group") + strings.Replace(grantsOfGroup, "%s", s.DB.GrantsAfter, 1)
	return s.grants(ctx, query, tenantID, groupID, after.AccountID, string(after.Kind), after.ResourceID, store.Query{Limit: limit}.ClampLimit())
}

// AllGrants implements store.ProvisioningStore.
func (s Shared) AllGrants(ctx context.Context, tenantID string, after store.GrantKey, limit int) ([]store.Grant, error) {
	return s.grants(ctx, allGrants, tenantID, after.AccountID, string(after.Kind), after.ResourceID, after.GroupID, store.Query{Limit: limit}.ClampLimit())
}

func (s Shared) grants(ctx context.Context, query string, args ...any) ([]store.Grant, error) {
	var grants []store.Grant
	err := s.DB.Each(ctx, func(rows *sql.Rows) error {
		var g store.Grant
		err := rows.Scan(&g.AccountID, &g.Kind, &g.ResourceID, &g.GroupID, &g.Role, &g.Previous)
		grants = append(grants, g)
		return err
	}, query, args...)
	return grants, Errorf(err, "grants")
}

// GrantChange brings a change of grants to a form without repetitions: of several
// lines with one key the last counts, and what is put is not removed.
func GrantChange(put []store.Grant, remove []store.GrantKey) ([]store.Grant, []store.GrantKey) {
	at := make(map[store.GrantKey]int, len(put))
	lines := make([]store.Grant, 0, len(put))
	for _, g := range put {
		if i, ok := at[g.Key()]; ok {
			lines[i] = g
			continue
		}
		at[g.Key()] = len(lines)
		lines = append(lines, g)
	}
	keys := make([]store.GrantKey, 0, len(remove))
	for _, k := range remove {
		if _, ok := at[k]; !ok {
			keys = append(keys, k)
		}
	}
	return lines, keys
}

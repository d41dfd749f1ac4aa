package postgres

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	removeGrants = "with t as (select $1::text as tenant_id)" +
		", d as (delete from tenantgate_grants g using unnest($2::text[], $3::text[], $4::text[], $5::text[]) as n (account_id, kind, resource_id, group_id)" +
		" where g.tenant_id = $1 and g.account_id = n.account_id and g.kind = n.kind and g.resource_id = n.resource_id and g.group_id = n.group_id)"
	// See removeMany.
	removeManyGrants = "with t as (select $1::text as tenant_id)" +
		", d as (delete from tenantgate_grants g where g.tenant_id = $1 and not ((g.account_id, g.kind, g.resource_id, g.group_id) not in" +
		" (select n.account_id, n.kind, n.resource_id, n.group_id" +
		" from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as n (account_id, kind, resource_id, group_id))))"
	putGrants = ", p as (insert into tenantgate_grants (tenant_id, account_id, kind, resource_id, group_id, role, previous)" +
		" select $1, n.account_id, n.kind, n.resource_id, n.group_id, n.role, n.previous" +
		" from unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[]) as n (account_id, kind, resource_id, group_id, role, previous)" +
		" order by 2, 3, 4, 5" +
		" on conflict (tenant_id, account_id, kind, resource_id, group_id) do update set role = excluded.role, previous = excluded.previous)"
)

// ChangeGrants implements store.ProvisioningStore.
func (s *Store) ChangeGrants(ctx context.Context, tenantID string, put []store.Grant, remove []store.GrantKey, events ...store.Event) error {
	rows, err := encode(events)
	if err != nil {
		return err
	}
	put, remove = sqlstore.GrantChange(put, remove)
	var columns [10][]string
	for _, k := range remove {
		push(columns[:4], k.AccountID, string(k.Kind), k.ResourceID, k.GroupID)
	}
	for _, g := range put {
		push(columns[4:], g.AccountID, string(g.Kind), g.ResourceID, g.GroupID, g.Role, g.Previous)
	}
	removal := removeGrants
	if len(remove) > manyRows {
		removal = removeManyGrants
	}
	q := newStatement(removal+putGrants, tenantID)
	for _, column := range columns {
		q.args = append(q.args, array(column))
	}
	q.events("t", rows, "")
	q.WriteString(" select 1 from t")
	var one int
	err = s.db.Retry(ctx, func() error { return q.one(ctx, s.db, &one) })
	return sqlstore.Errorf(sqlstore.Refused(err, store.ErrNotFound), "grants")
}

// push appends one value to each column.
func push(columns [][]string, values ...string) {
	for i, v := range values {
		columns[i] = append(columns[i], v)
	}
}

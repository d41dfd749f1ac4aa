package sqlite

import (
	"context"
	"database/sql"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	selectKeyTaken = "select 1 from tenantgate_scim_keys where tenant_id = $1 and kind = $2 and attr = $3 and value = $4 and is_unique and record_id <> $5"
	// The target is named so that a unique value of another record is never passed over.
	insertKey = "insert into tenantgate_scim_keys (tenant_id, kind, attr, value, record_id, is_unique) values ($1, $2, $3, $4, $5, $6)" +
		" on conflict (tenant_id, kind, attr, value, record_id) do update set is_unique = excluded.is_unique"
	deleteKeys = "delete from tenantgate_scim_keys where tenant_id = $1 and kind = $2 and record_id = $3"
	addCount   = "insert into tenantgate_scim_counts (tenant_id, kind, n) values ($1, $2, $3) on conflict (tenant_id, kind) do update set n = n + excluded.n"

	selectGroupsOfMember = "select group_id from tenantgate_scim_members where tenant_id = $1 and member_id = $2"
	leaveGroups          = "delete from tenantgate_scim_members where tenant_id = $1 and member_id = $2"
	touchGroup           = "update tenantgate_scim_groups set members_version = members_version + 1, members_updated_at = $3 where tenant_id = $1 and id = $2"
)

// refuseMetKeys returns store.ErrConflict if another record has one of the unique keys.
// The transaction may write, so nobody takes one before it ends.
func refuseMetKeys(ctx context.Context, db *sqlstore.DB, tenantID string, kind sqlstore.Kind, id string, keys []store.Key) error {
	for _, k := range keys {
		if !k.Unique {
			continue
		}
		if err := refuseTaken(ctx, db, selectKeyTaken, tenantID, string(kind), string(k.Attr), k.Value, id); err != nil {
			return err
		}
	}
	return nil
}

func insertKeys(ctx context.Context, db *sqlstore.DB, tenantID string, kind sqlstore.Kind, id string, keys []store.Key) error {
	for _, k := range db.KeyRows(keys) {
		if _, err := db.Exec(ctx, insertKey, tenantID, string(kind), string(k.Attr), k.Value, id, k.Unique); err != nil {
			return err
		}
	}
	return nil
}

func replaceKeys(ctx context.Context, db *sqlstore.DB, tenantID string, kind sqlstore.Kind, id string, keys []store.Key) error {
	if _, err := db.Exec(ctx, deleteKeys, tenantID, string(kind), id); err != nil {
		return err
	}
	return insertKeys(ctx, db, tenantID, kind, id, keys)
}

func count(ctx context.Context, db *sqlstore.DB, tenantID string, kind sqlstore.Kind, delta int) error {
	_, err := db.Exec(ctx, addCount, tenantID, string(kind), delta)
	return err
}

// removeRecord removes what belongs to a user or group that was deleted: its keys, its
// place in the count, and its memberships in groups, whose members so change.
func removeRecord(ctx context.Context, db *sqlstore.DB, tenantID string, kind sqlstore.Kind, id string, events []store.Event) error {
	if _, err := db.Exec(ctx, deleteKeys, tenantID, string(kind), id); err != nil {
		return err
	}
	if err := count(ctx, db, tenantID, kind, -1); err != nil {
		return err
	}
	groups, err := texts(ctx, db, selectGroupsOfMember, tenantID, id)
	if err != nil || len(groups) == 0 {
		return err
	}
	if _, err := db.Exec(ctx, leaveGroups, tenantID, id); err != nil {
		return err
	}
	at := db.Time(sqlstore.EventTime(events))
	for _, group := range groups {
		if _, err := db.Exec(ctx, touchGroup, tenantID, group, at); err != nil {
			return err
		}
	}
	return nil
}

// texts reads a column of texts.
func texts(ctx context.Context, db *sqlstore.DB, query string, args ...any) ([]string, error) {
	var out []string
	err := db.Each(ctx, func(rows *sql.Rows) error {
		var s string
		err := rows.Scan(&s)
		out = append(out, s)
		return err
	}, query, args...)
	return out, err
}

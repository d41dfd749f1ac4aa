package sqlite

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	insertGroup = "insert into tenantgate_scim_groups" +
		" (tenant_id, id, display_name, display_name_key, external_id, version, members_version, members_updated_at, created_at, updated_at, keys, body)" +
		" values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11) on conflict do nothing"
	selectGroupState = "select version, members_version, members_updated_at, created_at, keys from tenantgate_scim_groups where tenant_id = $1 and id = $2"
	updateGroup      = "update tenantgate_scim_groups set display_name = $3, display_name_key = $4, external_id = $5," +
		" version = version + 1, updated_at = $6, keys = $7, body = $8 where tenant_id = $1 and id = $2"
	deleteGroup   = "delete from tenantgate_scim_groups where tenant_id = $1 and id = $2"
	deleteMembers = "delete from tenantgate_scim_members where tenant_id = $1 and group_id = $2"
)

// groupState is what a write needs to know of the stored group.
type groupState struct {
	store.GroupVersion
	membersUpdated, created sqlstore.Timestamp
	keys                    []byte
}

func readGroup(ctx context.Context, db *sqlstore.DB, tenantID, id string) (groupState, error) {
	var g groupState
	err := db.One(ctx, []any{&g.Version, &g.MembersVersion, &g.membersUpdated, &g.created, &g.keys}, selectGroupState, tenantID, id)
	return g, err
}

// CreateSCIMGroup implements store.SCIMGroupStore.
func (s *Store) CreateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, members []store.Member, events ...store.Event) (store.SCIMGroup, error) {
	g = sqlstore.NewGroup(g, tenantID, len(members) > 0)
	err := write(ctx, s.db, sqlstore.WithMembers(events, members), func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		if err := refuseMetKeys(ctx, db, tenantID, sqlstore.Groups, g.ID, g.Keys); err != nil {
			return err
		}
		n, err := db.Exec(ctx, insertGroup, tenantID, g.ID, g.DisplayName, store.Fold(g.DisplayName), db.Optional(g.ExternalID),
			g.MembersVersion, db.OptionalTime(g.MembersUpdatedAt), db.Time(g.CreatedAt), db.Time(g.UpdatedAt), sqlstore.EncodeKeys(g.Keys), sqlstore.Blob(g.Body))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrConflict
		}
		if err := insertKeys(ctx, db, tenantID, sqlstore.Groups, g.ID, g.Keys); err != nil {
			return err
		}
		if _, err := add(ctx, db, tenantID, g.ID, members); err != nil {
			return err
		}
		if err := count(ctx, db, tenantID, sqlstore.Groups, 1); err != nil {
			return err
		}
		return appendEvents(ctx, db, tenantID, rows)
	})
	if err != nil {
		return store.SCIMGroup{}, sqlstore.Errorf(err, "SCIM group")
	}
	return g, nil
}

// UpdateSCIMGroup implements store.SCIMGroupStore.
func (s *Store) UpdateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, events ...store.Event) (store.SCIMGroup, error) {
	g.TenantID, g.UpdatedAt = tenantID, store.Time(g.UpdatedAt)
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		old, err := readGroup(ctx, db, tenantID, g.ID)
		if err != nil {
			return err
		}
		if old.Version != g.Version {
			return store.ErrStale
		}
		keys := sqlstore.EncodeKeys(g.Keys)
		rekeyed := !bytes.Equal(keys, old.keys)
		if rekeyed {
			if err := refuseMetKeys(ctx, db, tenantID, sqlstore.Groups, g.ID, g.Keys); err != nil {
				return err
			}
		}
		if _, err := db.Exec(ctx, updateGroup, tenantID, g.ID, g.DisplayName, store.Fold(g.DisplayName), db.Optional(g.ExternalID),
			db.Time(g.UpdatedAt), keys, sqlstore.Blob(g.Body)); err != nil {
			return err
		}
		if rekeyed {
			if err := replaceKeys(ctx, db, tenantID, sqlstore.Groups, g.ID, g.Keys); err != nil {
				return err
			}
		}
		g.CreatedAt, g.MembersUpdatedAt, g.MembersVersion = old.created.Time, old.membersUpdated.Time, old.MembersVersion
		return appendEvents(ctx, db, tenantID, rows)
	})
	if err != nil {
		return store.SCIMGroup{}, sqlstore.Errorf(err, "SCIM group")
	}
	g.Version++
	return g, nil
}

// DeleteSCIMGroup implements store.SCIMGroupStore.
func (s *Store) DeleteSCIMGroup(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		old, err := readGroup(ctx, db, tenantID, id)
		if err != nil {
			return err
		}
		if version != 0 && version != old.Version {
			return store.ErrStale
		}
		for _, statement := range []string{deleteGroup, deleteMembers} {
			if _, err := db.Exec(ctx, statement, tenantID, id); err != nil {
				return err
			}
		}
		if err := removeRecord(ctx, db, tenantID, sqlstore.Groups, id, events); err != nil {
			return err
		}
		return appendEvents(ctx, db, tenantID, rows)
	})
	return sqlstore.Errorf(err, "SCIM group")
}

const (
	insertMember    = "insert into tenantgate_scim_members (tenant_id, group_id, member_id, kind) values ($1, $2, $3, $4) on conflict do nothing"
	deleteMember    = "delete from tenantgate_scim_members where tenant_id = $1 and group_id = $2 and member_id = $3"
	selectMemberIDs = "select member_id from tenantgate_scim_members where tenant_id = $1 and group_id = $2"
)

// ChangeSCIMMembers implements store.SCIMGroupStore.
func (s *Store) ChangeSCIMMembers(ctx context.Context, tenantID, groupID string, d store.MemberDelta, at time.Time, ifVersion *store.GroupVersion, events ...store.Event) (store.MemberChange, error) {
	var change store.MemberChange
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		group, err := readGroup(ctx, db, tenantID, groupID)
		if err != nil {
			return err
		}
		if ifVersion != nil && *ifVersion != group.GroupVersion {
			return store.ErrStale
		}
		leaving := d.Remove
		if d.Replace {
			if leaving, err = others(ctx, db, tenantID, groupID, d.Add); err != nil {
				return err
			}
		}
		change = store.MemberChange{}
		if change.Removed, err = remove(ctx, db, tenantID, groupID, leaving); err != nil {
			return err
		}
		if change.Added, err = add(ctx, db, tenantID, groupID, d.Add); err != nil || change.Empty() {
			return err
		}
		if _, err := db.Exec(ctx, touchGroup, tenantID, groupID, db.Time(store.Time(at))); err != nil {
			return err
		}
		if n := len(rows); n > 0 {
			rows[n-1].Members = sqlstore.EncodeMembers(change)
		}
		return appendEvents(ctx, db, tenantID, rows)
	})
	if err != nil {
		return store.MemberChange{}, sqlstore.Errorf(err, "members of SCIM group")
	}
	return change, nil
}

// add makes members and returns those that were none.
func add(ctx context.Context, db *sqlstore.DB, tenantID, groupID string, members []store.Member) (added []string, err error) {
	for _, m := range members {
		n, err := db.Exec(ctx, insertMember, tenantID, groupID, m.ID, string(m.Kind))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			added = append(added, m.ID)
		}
	}
	slices.Sort(added)
	return added, nil
}

// remove ends memberships and returns those that there were.
func remove(ctx context.Context, db *sqlstore.DB, tenantID, groupID string, ids []string) (removed []string, err error) {
	for _, id := range ids {
		n, err := db.Exec(ctx, deleteMember, tenantID, groupID, id)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			removed = append(removed, id)
		}
	}
	slices.Sort(removed)
	return removed, nil
}

// others returns the members that are not among those that stay.
func others(ctx context.Context, db *sqlstore.DB, tenantID, groupID string, staying []store.Member) ([]string, error) {
	stays := make(map[string]bool, len(staying))
	for _, m := range staying {
		stays[m.ID] = true
	}
	ids, err := texts(ctx, db, selectMemberIDs, tenantID, groupID)
	return slices.DeleteFunc(ids, func(id string) bool { return stays[id] }), err
}

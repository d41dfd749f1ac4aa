package postgres

import (
	"context"
	"database/sql"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	createGroup = "with r as (insert into tenantgate_scim_groups" +
		" (tenant_id, id, display_name, display_name_key, external_id, version, members_version, members_updated_at, created_at, updated_at, keys, body)" +
		" values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11) on conflict do nothing returning tenant_id, id)"
	createMembers = ", m as (insert into tenantgate_scim_members (tenant_id, group_id, member_id, kind)" +
		" select r.tenant_id, r.id, n.id, n.kind from r cross join unnest($12::text[], $13::text[]) as n (id, kind) on conflict do nothing)"
)

// CreateSCIMGroup implements store.SCIMGroupStore.
func (s *Store) CreateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, members []store.Member, events ...store.Event) (store.SCIMGroup, error) {
	g = sqlstore.NewGroup(g, tenantID, len(members) > 0)
	rows, err := encode(sqlstore.WithMembers(events, members))
	if err != nil {
		return store.SCIMGroup{}, err
	}
	ids, kinds := memberArrays(members)
	q := newStatement(createGroup+createMembers, tenantID, g.ID, g.DisplayName, s.db.Indexed(store.Fold(g.DisplayName)), s.db.Optional(g.ExternalID),
		g.MembersVersion, s.db.OptionalTime(g.MembersUpdatedAt), g.CreatedAt, g.UpdatedAt, sqlstore.EncodeKeys(g.Keys), sqlstore.Blob(g.Body), ids, kinds)
	q.keys(&s.db.Dialect, insertKeys, sqlstore.Groups, g.Keys)
	q.count(sqlstore.Groups, "1")
	q.events("r", rows, "")
	q.WriteString(" select c.id from c")
	var counted int64
	if err := s.guard(ctx, g.Keys, func(db *sqlstore.DB) error { return q.one(ctx, db, &counted) }); err != nil {
		return store.SCIMGroup{}, sqlstore.Errorf(conflict(sqlstore.Refused(err, store.ErrConflict)), "SCIM group")
	}
	s.foldCount(ctx, tenantID, sqlstore.Groups, counted)
	return g, nil
}

const (
	updateGroup = "with r as (update tenantgate_scim_groups u set display_name = $4, display_name_key = $5, external_id = $6," +
		" version = u.version + 1, updated_at = $7, keys = $8, body = $9 from tenantgate_scim_groups o" +
		" where u.tenant_id = $1 and u.id = $2 and u.version = $3 and o.tenant_id = $1 and o.id = $2"
	sameGroupKeys  = " and o.keys = $8"
	returningGroup = " returning u.tenant_id, u.id, u.created_at, u.members_version, u.members_updated_at, o.keys <> $8 as rekeyed)"

	selectGroupVersion = "select version from tenantgate_scim_groups where tenant_id = $1 and id = $2"
)

// UpdateSCIMGroup implements store.SCIMGroupStore.
func (s *Store) UpdateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, events ...store.Event) (store.SCIMGroup, error) {
	rows, err := encode(events)
	if err != nil {
		return store.SCIMGroup{}, err
	}
	read := g.Version
	g.TenantID, g.Version, g.UpdatedAt = tenantID, read+1, store.Time(g.UpdatedAt)
	var created, members sqlstore.Timestamp
	update := func(db *sqlstore.DB, condition string) error {
		q := newStatement(updateGroup+condition+returningGroup, tenantID, g.ID, read, g.DisplayName, s.db.Indexed(store.Fold(g.DisplayName)), s.db.Optional(g.ExternalID),
			g.UpdatedAt, sqlstore.EncodeKeys(g.Keys), sqlstore.Blob(g.Body))
		q.keys(&s.db.Dialect, replaceKeys, sqlstore.Groups, g.Keys)
		q.events("r", rows, "")
		q.WriteString(" select r.created_at, " + s.db.MembersVersion + ", " + s.db.MembersUpdatedAt + " from r")
		return q.one(ctx, db, &created, &g.MembersVersion, &members)
	}
	same := ""
	if sqlstore.AnyUnique(g.Keys) {
		same = sameGroupKeys
	}
	err = s.change(ctx, same, update, func(err error) error {
		return s.whyMissed(ctx, err, read, selectGroupVersion, tenantID, g.ID)
	})
	if err != nil {
		return store.SCIMGroup{}, sqlstore.Errorf(conflict(err), "SCIM group")
	}
	g.CreatedAt, g.MembersUpdatedAt = created.Time, members.Time
	return g, nil
}

const (
	// A delete first waits for changes of the members that are under way, in a statement
	// of its own: the next one then sees what they wrote.
	lockGroup = "select version, members_version from tenantgate_scim_groups where tenant_id = $1 and id = $2 for update"

	deleteGroup = "with r as (delete from tenantgate_scim_groups where tenant_id = $1 and id = $2 and ($3::bigint = 0 or version = $3)" +
		" returning tenant_id, id)" + leaveGroups +
		", o as (delete from tenantgate_scim_members m using r where m.tenant_id = r.tenant_id and m.group_id = r.id)" +
		", f as (delete from tenantgate_scim_member_changes x using r where x.tenant_id = r.tenant_id and x.group_id = r.id)"
)

// DeleteSCIMGroup implements store.SCIMGroupStore.
func (s *Store) DeleteSCIMGroup(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	rows, err := encode(events)
	if err != nil {
		return err
	}
	q := newStatement(deleteGroup, tenantID, id, version, sqlstore.EventTime(events))
	q.kind(deleteKeys, sqlstore.Groups)
	q.count(sqlstore.Groups, "-1")
	q.events("r", rows, "")
	q.WriteString(" select c.id from c")
	err = s.locked(ctx, func(db *sqlstore.DB) error {
		var v store.GroupVersion
		if err := db.One(ctx, []any{&v.Version, &v.MembersVersion}, lockGroup, tenantID, id); err != nil {
			return err
		}
		if version != 0 && v.Version != version {
			return store.ErrStale
		}
		var counted int64
		if err := q.one(ctx, db, &counted); err != nil {
			return err
		}
		on(db).foldCount(ctx, tenantID, sqlstore.Groups, counted)
		return nil
	})
	return sqlstore.Errorf(err, "SCIM group")
}

// locked runs fn, whose first statement takes a lock, in a transaction. In one that is
// under way it needs no savepoint: fn fails before it writes, or for good.
func (s *Store) locked(ctx context.Context, fn func(*sqlstore.DB) error) error {
	if s.db.Joined() {
		return fn(s.db)
	}
	return s.db.Transact(ctx, fn)
}

const (
	// The lock is shared: changes of members do not wait for each other, but a delete of
	// the group, or a change that depends on its version, waits for them.
	shareGroup = "with g as (select tenant_id, id from tenantgate_scim_groups where tenant_id = $1 and id = $2 for key share)"
	addMembers = ", a as (insert into tenantgate_scim_members (tenant_id, group_id, member_id, kind)" +
		" select g.tenant_id, g.id, n.id, n.kind from g cross join unnest($3::text[], $4::text[]) as n (id, kind) order by n.id" +
		" on conflict do nothing returning member_id)"
	// With "= any", a planner that takes groups for small reads all rows of the group. So
	// one row is found by plain equality, and several by a look-up for each.
	removeOne = ", d as (delete from tenantgate_scim_members m using g where m.tenant_id = $1 and m.group_id = $2" +
		" and m.member_id = ($6::text[])[1] returning m.member_id)"
	removeFew = ", d as (delete from tenantgate_scim_members m using g where m.ctid = any(array(" +
		"select (select x.ctid from tenantgate_scim_members x where x.tenant_id = $1 and x.group_id = $2 and x.member_id = n.id)" +
		" from unnest($6::text[]) as n (id))) returning m.member_id)"
	// "Not in" hashes a list, whatever the planner thinks of its length and the table's;
	// "in", "any", "exists" and joins may go through one of them for each row of the other.
	removeOthers = ", d as (delete from tenantgate_scim_members m using g where m.tenant_id = g.tenant_id and m.group_id = g.id" +
		" and m.member_id not in (select n.id from unnest($6::text[]) as n (id)) returning m.member_id)"
	removeMany = ", d as (delete from tenantgate_scim_members m using g where m.tenant_id = g.tenant_id and m.group_id = g.id" +
		" and not (m.member_id not in (select n.id from unnest($6::text[]) as n (id))) returning m.member_id)"
	noteChange = ", s as (select g.tenant_id, g.id, (select json_agg(member_id order by member_id) from a) as added," +
		" (select json_agg(member_id order by member_id) from d) as removed from g)" +
		", v as (insert into tenantgate_scim_member_changes (tenant_id, group_id, changed_at)" +
		" select s.tenant_id, s.id, $5::timestamptz from s where s.added is not null or s.removed is not null returning id)" +
		", w as (select s.tenant_id, s.added, s.removed, v.id from s cross join v)"
	selectChange = " select s.added::text, s.removed::text, coalesce((select id from v), 0) from s"

	changeOfMembers = "json_build_object('added', s.added, 'removed', s.removed)::text"
)

// manyRows is the length of a list from which on it is better to read all rows of a
// group, or of a tenant's ledger, than to look for each.
const manyRows = 100

// ChangeSCIMMembers implements store.SCIMGroupStore.
func (s *Store) ChangeSCIMMembers(ctx context.Context, tenantID, groupID string, d store.MemberDelta, at time.Time, ifVersion *store.GroupVersion, events ...store.Event) (store.MemberChange, error) {
	rows, err := encode(events)
	if err != nil {
		return store.MemberChange{}, err
	}
	ids, kinds := memberArrays(d.Add)
	remove, removed := removeOne, array(d.Remove)
	switch {
	case d.Replace:
		remove, removed = removeOthers, ids
	case len(d.Remove) > manyRows:
		remove = removeMany
	case len(d.Remove) > 1:
		remove = removeFew
	}
	q := newStatement(shareGroup+addMembers+remove+noteChange, tenantID, groupID, ids, kinds, store.Time(at), removed)
	q.events("w", rows, changeOfMembers)
	q.WriteString(selectChange)

	var change store.MemberChange
	apply := func(db *sqlstore.DB) error {
		var added, removed sql.NullString
		var row int64
		if err := q.one(ctx, db, &added, &removed, &row); err != nil {
			return err
		}
		if row != 0 {
			on(db).foldChanges(ctx, tenantID, groupID, row)
		}
		change, err = sqlstore.DecodeMembers(added.String, removed.String)
		return err
	}
	if ifVersion == nil && !d.Replace {
		err = s.db.Retry(ctx, func() error { return apply(s.db) })
	} else {
		err = s.locked(ctx, func(db *sqlstore.DB) error {
			if err := checkGroup(ctx, db, tenantID, groupID, ifVersion); err != nil {
				return err
			}
			return apply(db)
		})
	}
	if err != nil {
		return store.MemberChange{}, sqlstore.Errorf(err, "members of SCIM group")
	}
	return change, nil
}

// checkGroup keeps other changes of the group away until the transaction ends, and then
// compares its version. Two replacements of all members so come one after the other.
func checkGroup(ctx context.Context, db *sqlstore.DB, tenantID, groupID string, want *store.GroupVersion) error {
	var have store.GroupVersion
	if err := db.One(ctx, []any{&have.Version, &have.MembersVersion}, lockGroup, tenantID, groupID); err != nil {
		return err
	}
	if want == nil {
		return nil
	}
	query := "select r.version, " + db.MembersVersion + " from tenantgate_scim_groups r where r.tenant_id = $1 and r.id = $2"
	if err := db.One(ctx, []any{&have.Version, &have.MembersVersion}, query, tenantID, groupID); err != nil {
		return err
	}
	if have != *want {
		return store.ErrStale
	}
	return nil
}

func memberArrays(members []store.Member) (ids, kinds string) {
	i, k := make([]string, len(members)), make([]string, len(members))
	for n, m := range members {
		i[n], k[n] = m.ID, string(m.Kind)
	}
	return array(i), array(k)
}

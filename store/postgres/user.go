package postgres

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// Parts of statements that users and groups share. The part r is the row that was
// written; it has tenant_id and id.
const (
	// The target is named so that a unique value of another record is met, not passed over.
	insertKeys = ", k as (insert into tenantgate_scim_keys (tenant_id, kind, attr, value, record_id, is_unique)" +
		" select r.tenant_id, '%k', n.attr, n.value, r.id, n.is_unique from r cross join unnest(%a::text[], %v::text[], %u::text[]::boolean[]) as n (attr, value, is_unique)" +
		" on conflict (tenant_id, kind, attr, value, record_id) do nothing)"
	// replaceKeys touches no row of a record whose keys stay as they are. Values that the
	// record loses and those that it gains are disjoint, so that a unique value of another
	// record is always met, and one of its own never.
	replaceKeys = ", d as (delete from tenantgate_scim_keys k using r where r.rekeyed and k.tenant_id = r.tenant_id and k.kind = '%k' and k.record_id = r.id" +
		" and not exists (select 1 from unnest(%a::text[], %v::text[]) as n (attr, value) where n.attr = k.attr and n.value = k.value))" +
		", k as (insert into tenantgate_scim_keys as x (tenant_id, kind, attr, value, record_id, is_unique)" +
		" select r.tenant_id, '%k', n.attr, n.value, r.id, n.is_unique from r cross join unnest(%a::text[], %v::text[], %u::text[]::boolean[]) as n (attr, value, is_unique) where r.rekeyed" +
		" on conflict (tenant_id, kind, attr, value, record_id) do update set is_unique = excluded.is_unique where x.is_unique <> excluded.is_unique)"
	deleteKeys = ", k as (delete from tenantgate_scim_keys k using r where k.tenant_id = r.tenant_id and k.kind = '%k' and k.record_id = r.id)"
	countOne   = ", c as (insert into tenantgate_scim_counts (tenant_id, kind, delta) select r.tenant_id, '%k', %d from r returning id)"
)

const createUser = "with r as (insert into tenantgate_scim_users" +
	" (tenant_id, id, user_name, user_name_key, external_id, active, version, created_at, updated_at, keys, body)" +
	" values ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10) on conflict do nothing returning tenant_id, id)"

// CreateSCIMUser implements store.SCIMUserStore.
func (s *Store) CreateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	rows, err := encode(events)
	if err != nil {
		return store.SCIMUser{}, err
	}
	u = stored(u, tenantID, 1)
	q := newStatement(createUser, tenantID, u.ID, u.UserName, s.db.Indexed(store.Fold(u.UserName)), s.db.Optional(u.ExternalID), u.Active,
		u.CreatedAt, u.UpdatedAt, sqlstore.EncodeKeys(u.Keys), sqlstore.Blob(u.Body))
	q.keys(&s.db.Dialect, insertKeys, sqlstore.Users, u.Keys)
	q.count(sqlstore.Users, "1")
	q.events("r", rows, "")
	q.WriteString(" select c.id from c")
	var counted int64
	if err := s.guard(ctx, u.Keys, func(db *sqlstore.DB) error { return q.one(ctx, db, &counted) }); err != nil {
		return store.SCIMUser{}, sqlstore.Errorf(conflict(sqlstore.Refused(err, store.ErrConflict)), "SCIM user")
	}
	s.foldCount(ctx, tenantID, sqlstore.Users, counted)
	return u, nil
}

// The old row is joined for its keys. Where a concurrent update came first, the
// version differs and no row is written, so the two are always the same row.
const (
	updateUser = "with r as (update tenantgate_scim_users u set user_name = $4, user_name_key = $5, external_id = $6, active = $7," +
		" version = u.version + 1, updated_at = $8, keys = $9, body = $10 from tenantgate_scim_users o" +
		" where u.tenant_id = $1 and u.id = $2 and u.version = $3 and o.tenant_id = $1 and o.id = $2"
	sameUserName  = " and u.user_name_key = $5"
	sameUserKeys  = " and o.keys = $9"
	returningUser = " returning u.tenant_id, u.id, u.created_at, o.keys <> $9 as rekeyed)"

	selectUserVersion = "select version from tenantgate_scim_users where tenant_id = $1 and id = $2"
)

// UpdateSCIMUser implements store.SCIMUserStore.
func (s *Store) UpdateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	rows, err := encode(events)
	if err != nil {
		return store.SCIMUser{}, err
	}
	read := u.Version
	u = stored(u, tenantID, read+1)
	var created sqlstore.Timestamp
	update := func(db *sqlstore.DB, condition string) error {
		q := newStatement(updateUser+condition+returningUser, tenantID, u.ID, read, u.UserName, s.db.Indexed(store.Fold(u.UserName)), s.db.Optional(u.ExternalID),
			u.Active, u.UpdatedAt, sqlstore.EncodeKeys(u.Keys), sqlstore.Blob(u.Body))
		q.keys(&s.db.Dialect, replaceKeys, sqlstore.Users, u.Keys)
		q.events("r", rows, "")
		q.WriteString(" select created_at from r")
		return q.one(ctx, db, &created)
	}
	same := sameUserName
	if sqlstore.AnyUnique(u.Keys) {
		same += sameUserKeys
	}
	err = s.change(ctx, same, update, func(err error) error {
		return s.whyMissed(ctx, err, read, selectUserVersion, tenantID, u.ID)
	})
	if err != nil {
		return store.SCIMUser{}, sqlstore.Errorf(conflict(err), "SCIM user")
	}
	u.CreatedAt = created.Time
	return u, nil
}

// guard runs a statement that fails for good if one of the keys meets another record.
func (s *Store) guard(ctx context.Context, keys []store.Key, fn func(*sqlstore.DB) error) error {
	if !sqlstore.AnyUnique(keys) {
		return s.db.Retry(ctx, func() error { return fn(s.db) })
	}
	return s.db.Guard(ctx, fn)
}

// change runs an update of one row. In a transaction it is first tried on the condition
// that all that is unique stays the same; what changes may meet another row, which must
// not end the transaction. If no row was changed, why says so.
func (s *Store) change(ctx context.Context, same string, update func(db *sqlstore.DB, condition string) error, why func(error) error) error {
	missed := func(err error) error {
		if errors.Is(err, store.ErrNotFound) {
			return why(err)
		}
		return err
	}
	anyway := func(db *sqlstore.DB) error { return update(db, "") }
	if s.db.Joined() {
		if err := missed(update(s.db, same)); !errors.Is(err, errUnchanged) {
			return err
		}
	}
	return missed(s.db.Guard(ctx, anyway))
}

// errUnchanged says that the row is there in the version that was read, so that
// something else kept the statement from changing it.
var errUnchanged = errors.New("the row met no condition")

// whyMissed finds out why a statement changed no row.
func (s *Store) whyMissed(ctx context.Context, err error, read int64, query string, args ...any) error {
	if errors.Is(err, sqlstore.ErrText) {
		return err
	}
	var version int64
	if err := s.db.One(ctx, []any{&version}, query, args...); err != nil {
		return err
	}
	switch {
	case read != 0 && version != read:
		return store.ErrStale
	case !s.db.Joined():
		// It came back to this version between the two statements.
		return store.ErrStale
	}
	return errUnchanged
}

// conflict names a unique value that was met.
func conflict(err error) error {
	switch {
	case sqlstore.Unique(err):
		return store.ErrConflict
	case errors.Is(err, errUnchanged):
		return store.ErrStale
	}
	return err
}

const (
	deleteUser = "with r as (delete from tenantgate_scim_users where tenant_id = $1 and id = $2 and ($3::bigint = 0 or version = $3)" +
		" returning tenant_id, id)"
	// The groups are locked as a change of members locks them, so that a conditional
	// change of one of them waits or is waited for.
	leaveGroups = ", m as (delete from tenantgate_scim_members m using r where m.tenant_id = r.tenant_id and m.member_id = r.id" +
		" returning m.tenant_id, m.group_id)" +
		", g as (select g.tenant_id, g.id from tenantgate_scim_groups g where g.tenant_id = $1 and g.id in (select group_id from m) for key share)" +
		", v as (insert into tenantgate_scim_member_changes (tenant_id, group_id, changed_at) select tenant_id, id, $4::timestamptz from g)"
)

// DeleteSCIMUser implements store.SCIMUserStore.
func (s *Store) DeleteSCIMUser(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	rows, err := encode(events)
	if err != nil {
		return err
	}
	q := newStatement(deleteUser+leaveGroups, tenantID, id, version, sqlstore.EventTime(events))
	q.kind(deleteKeys, sqlstore.Users)
	q.count(sqlstore.Users, "-1")
	q.events("r", rows, "")
	q.WriteString(" select c.id from c")
	var counted int64
	err = s.db.Retry(ctx, func() error { return q.one(ctx, s.db, &counted) })
	if errors.Is(err, store.ErrNotFound) {
		err = conflict(s.whyMissed(ctx, err, version, selectUserVersion, tenantID, id))
	}
	if err != nil {
		return sqlstore.Errorf(err, "SCIM user")
	}
	s.foldCount(ctx, tenantID, sqlstore.Users, counted)
	return nil
}

// stored is the user as it is read back.
func stored(u store.SCIMUser, tenantID string, version int64) store.SCIMUser {
	u.TenantID, u.Version = tenantID, version
	u.CreatedAt, u.UpdatedAt = store.Time(u.CreatedAt), store.Time(u.UpdatedAt)
	return u
}

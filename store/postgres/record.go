package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// backend keeps the set-up records.
type backend struct{ reader }

var _ records.Backend = backend{}

const (
	insertRecord = "with r as (insert into tenantgate_records (tenant_id, kind, id, version, created_at, updated_at, body)" +
		" values ($1, $2, $3, 1, $4, $5, $6) on conflict do nothing returning tenant_id, kind, id)" +
		", u as (insert into tenantgate_record_unique (kind, scope, name, value, tenant_id, id)" +
		" select distinct r.kind, n.scope, n.name, n.value, r.tenant_id, r.id from r cross join unnest($7::text[], $8::text[], $9::text[]) as n (scope, name, value))" +
		", i as (insert into tenantgate_record_index (kind, name, value, tenant_id, id)" +
		" select r.kind, n.name, n.value, r.tenant_id, r.id from r cross join unnest($10::text[], $11::text[]) as n (name, value) on conflict do nothing)"

	// Values that the row has already stay; those that it loses and those that it gains
	// are disjoint, so that a value of another row is always met.
	updateRecord = "with r as (update tenantgate_records set version = version + 1, updated_at = $5, body = $6" +
		" where tenant_id = $1 and kind = $2 and id = $3 and version = $4 returning tenant_id, kind, id, created_at)" +
		", du as (delete from tenantgate_record_unique x using r where x.kind = r.kind and x.tenant_id = r.tenant_id and x.id = r.id" +
		" and not exists (select 1 from unnest($7::text[], $8::text[], $9::text[]) as n (scope, name, value)" +
		" where n.scope = x.scope and n.name = x.name and n.value = x.value))" +
		", u as (insert into tenantgate_record_unique (kind, scope, name, value, tenant_id, id)" +
		" select distinct r.kind, n.scope, n.name, n.value, r.tenant_id, r.id from r cross join unnest($7::text[], $8::text[], $9::text[]) as n (scope, name, value)" +
		" where not exists (select 1 from tenantgate_record_unique x where x.kind = r.kind and x.scope = n.scope and x.name = n.name and x.value = n.value" +
		" and x.tenant_id = r.tenant_id and x.id = r.id))" +
		", di as (delete from tenantgate_record_index x using r where x.kind = r.kind and x.tenant_id = r.tenant_id and x.id = r.id" +
		" and not exists (select 1 from unnest($10::text[], $11::text[]) as n (name, value) where n.name = x.name and n.value = x.value))" +
		", i as (insert into tenantgate_record_index (kind, name, value, tenant_id, id)" +
		" select r.kind, n.name, n.value, r.tenant_id, r.id from r cross join unnest($10::text[], $11::text[]) as n (name, value) on conflict do nothing)"

	// updateBody is updateRecord for a row whose values stay as they are.
	updateBody = "with r as (update tenantgate_records set version = version + 1, updated_at = $5, body = $6" +
		" where tenant_id = $1 and kind = $2 and id = $3 and version = $4 and substring(body from 1 for length($7::bytea)) = $7::bytea" +
		" returning tenant_id, id, created_at)"

	deleteRecord = "with r as (delete from tenantgate_records where tenant_id = $1 and kind = $2 and id = $3 and ($4::bigint = 0 or version = $4)" +
		" returning tenant_id, kind, id)"
	deleteRecords = "with r as (delete from tenantgate_records where tenant_id = $1 and kind = $2 and id in (" +
		"select id from tenantgate_record_index where tenant_id = $1 and kind = $2 and name = $3 and value = $4) returning tenant_id, kind, id)" +
		", t as (select $1::text as tenant_id)"
	deleteRecordValues = ", u as (delete from tenantgate_record_unique x using r where x.kind = r.kind and x.tenant_id = r.tenant_id and x.id = r.id)" +
		", i as (delete from tenantgate_record_index x using r where x.kind = r.kind and x.tenant_id = r.tenant_id and x.id = r.id)"

	selectRecordVersion = "select version from tenantgate_records where tenant_id = $1 and kind = $2 and id = $3"
)

// InsertRow implements records.Backend.
func (b backend) InsertRow(ctx context.Context, r records.Row, events []store.Event) error {
	rows, err := encode(events)
	if err != nil {
		return err
	}
	q := newStatement(insertRecord, r.TenantID, r.Kind, r.ID, r.CreatedAt, r.UpdatedAt, sqlstore.Blob(r.Body))
	q.values(r)
	q.events("r", rows, "")
	q.WriteString(" select 1 from r")
	var one int
	err = b.guard(ctx, r, func(db *sqlstore.DB) error { return q.one(ctx, db, &one) })
	return sqlstore.Errorf(conflict(sqlstore.Refused(err, store.ErrConflict)), "%s", r.Kind)
}

// UpdateRow implements records.Backend.
func (b backend) UpdateRow(ctx context.Context, r records.Row, events []store.Event) (time.Time, error) {
	rows, err := encode(events)
	if err != nil {
		return time.Time{}, err
	}
	var created sqlstore.Timestamp
	if r.Head != nil {
		q := newStatement(updateBody, r.TenantID, r.Kind, r.ID, r.Version, r.UpdatedAt, sqlstore.Blob(r.Body), r.Head)
		q.events("r", rows, "")
		q.WriteString(" select created_at from r")
		// It can meet no value of another row, and needs no savepoint.
		err := b.DB.Retry(ctx, func() error { return q.one(ctx, b.DB, &created) })
		if !errors.Is(err, store.ErrNotFound) {
			return created.Time, sqlstore.Errorf(err, "%s", r.Kind)
		}
	}
	r = r.WithValues()
	q := newStatement(updateRecord, r.TenantID, r.Kind, r.ID, r.Version, r.UpdatedAt, sqlstore.Blob(r.Body))
	q.values(r)
	q.events("r", rows, "")
	q.WriteString(" select created_at from r")
	err = b.guard(ctx, r, func(db *sqlstore.DB) error { return q.one(ctx, db, &created) })
	if errors.Is(err, store.ErrNotFound) {
		err = b.missed(ctx, err, r.TenantID, r.Kind, r.ID, r.Version)
	}
	return created.Time, sqlstore.Errorf(conflict(err), "%s", r.Kind)
}

// DeleteRow implements records.Backend.
func (b backend) DeleteRow(ctx context.Context, tenantID, kind, id string, version int64, events []store.Event) error {
	rows, err := encode(events)
	if err != nil {
		return err
	}
	q := newStatement(deleteRecord+deleteRecordValues, tenantID, kind, id, version)
	q.events("r", rows, "")
	q.WriteString(" select 1 from r")
	var one int
	err = b.DB.Retry(ctx, func() error { return q.one(ctx, b.DB, &one) })
	if errors.Is(err, store.ErrNotFound) {
		err = conflict(b.missed(ctx, err, tenantID, kind, id, version))
	}
	return sqlstore.Errorf(err, "%s", kind)
}

// DeleteRowsByIndex implements records.Backend.
func (b backend) DeleteRowsByIndex(ctx context.Context, tenantID, kind string, key records.Index, events []store.Event) (int, error) {
	rows, err := encode(events)
	if err != nil {
		return 0, err
	}
	q := newStatement(deleteRecords+deleteRecordValues, tenantID, kind, key.Name, key.Value)
	q.events("t", rows, "")
	q.WriteString(" select count(*) from r")
	var n int
	err = b.DB.Retry(ctx, func() error { return q.one(ctx, b.DB, &n) })
	return n, sqlstore.Errorf(sqlstore.Refused(err, store.ErrNotFound), "%s", kind)
}

// guard runs a statement that may meet a unique value of another row.
func (b backend) guard(ctx context.Context, r records.Row, fn func(*sqlstore.DB) error) error {
	if len(r.Unique) == 0 {
		return b.DB.Retry(ctx, func() error { return fn(b.DB) })
	}
	return b.DB.Guard(ctx, fn)
}

func (b backend) missed(ctx context.Context, err error, tenantID, kind, id string, version int64) error {
	return on(b.DB).whyMissed(ctx, err, version, selectRecordVersion, tenantID, kind, id)
}

// values adds the unique values and the index values of a row as five arrays.
func (s *statement) values(r records.Row) {
	var columns [5][]string
	for _, u := range r.Unique {
		push(columns[:3], u.Scope(r.TenantID), u.Name, u.Value)
	}
	for _, i := range r.Index {
		push(columns[3:], i.Name, i.Value)
	}
	for _, column := range columns {
		s.args = append(s.args, array(column))
	}
}

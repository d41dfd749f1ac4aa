package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

const (
	recordColumns = "select r.id, r.version, r.created_at, r.updated_at, r.used_at, r.body from tenantgate_records r"

	selectRecord = recordColumns + " where r.tenant_id = $1 and r.kind = $2 and r.id = $3"
	// The record is found by its ID after the value gave that: a planner that knows nothing of the tables would rather join
	// them by walking the tenant.
	selectRecordByUnique = selectRecordsByIDs + "r.id = (select u.id from tenantgate_record_unique u" +
		" where u.tenant_id = $1 and u.kind = $2 and u.scope = $3 and u.name = $4 and u.value = $5)"
	selectRecordsAfter = recordColumns + " where r.tenant_id = $1 and r.kind = $2 and r.id > $3 order by r.id"
	selectRecordsByIDs = recordColumns + " where r.tenant_id = $1 and r.kind = $2 and "

	selectIDsByIndex  = "select i.id from tenantgate_record_index i where i.tenant_id = $1 and i.kind = $2 and i.name = $3 and "
	selectIDsByUnique = "select u.id from tenantgate_record_unique u where u.tenant_id = $1 and u.kind = $2 and u.scope = $1 and u.name = $3 and "

	touchRecord = "update tenantgate_records set used_at = $4 where tenant_id = $1 and kind = $2 and id = $3 and (used_at is null or used_at < $4)"

	selectRefByUnique = "select tenant_id, id from tenantgate_record_unique where kind = $1 and scope = '' and name = $2 and value = $3"
	selectRefsByIndex = "select tenant_id, id from tenantgate_record_index where kind = $1 and name = $2 and value = $3" +
		" and (tenant_id, id) > ($4, $5) order by tenant_id, id"
	selectRefsUpTo = "select value, tenant_id, id from tenantgate_record_index where kind = $1 and name = $2 and value <= $3" +
		" and (value, tenant_id, id) > ($4, $5, $6) order by value, tenant_id, id"
)

// RecordReader implements the reading half of records.Backend. Adapters embed it in theirs.
type RecordReader struct{ DB *DB }

type rowScan struct {
	row                    records.Row
	created, updated, used Timestamp
	dest                   []any
}

func newRowScan(tenantID, kind string) *rowScan {
	s := &rowScan{row: records.Row{TenantID: tenantID, Kind: kind}}
	s.dest = []any{&s.row.ID, &s.row.Version, &s.created, &s.updated, &s.used, &s.row.Body}
	return s
}

func (s *rowScan) take() records.Row {
	r := s.row
	r.CreatedAt, r.UpdatedAt, r.UsedAt = s.created.Time, s.updated.Time, s.used.Time
	return r
}

// Row implements records.Backend.
func (b RecordReader) Row(ctx context.Context, tenantID, kind, id string) (records.Row, error) {
	return b.one(ctx, tenantID, kind, selectRecord, tenantID, kind, id)
}

// RowByUnique implements records.Backend.
func (b RecordReader) RowByUnique(ctx context.Context, tenantID, kind string, key records.Unique) (records.Row, error) {
	return b.one(ctx, tenantID, kind, selectRecordByUnique, tenantID, kind, key.Scope(tenantID), key.Name, key.Value)
}

func (b RecordReader) one(ctx context.Context, tenantID, kind, query string, args ...any) (records.Row, error) {
	s := newRowScan(tenantID, kind)
	if err := b.DB.Reader().One(ctx, s.dest, query, args...); err != nil {
		return records.Row{}, Errorf(err, "%s", kind)
	}
	return b.DB.Memo.Row(s.take()), nil
}

// Rows implements records.Backend.
func (b RecordReader) Rows(ctx context.Context, tenantID, kind, after string, limit int) ([]records.Row, error) {
	query, args := limited(selectRecordsAfter, limit, tenantID, kind, after)
	return b.all(ctx, tenantID, kind, query, args...)
}

// RowsByIndex implements records.Backend.
func (b RecordReader) RowsByIndex(ctx context.Context, tenantID, kind string, key records.Index) ([]records.Row, error) {
	query := selectRecordsByIDs + b.DB.InQuery("r.id", selectIDsByIndex+"i.value = $4") + " order by r.id"
	return b.all(ctx, tenantID, kind, query, tenantID, kind, key.Name, key.Value)
}

// RowsByIDs implements records.Backend.
func (b RecordReader) RowsByIDs(ctx context.Context, tenantID, kind string, ids []string) ([]records.Row, error) {
	return b.anyOf(ctx, tenantID, kind, b.DB.InList("r.id", "$3"), ids)
}

// RowsByIndexes implements records.Backend.
func (b RecordReader) RowsByIndexes(ctx context.Context, tenantID, kind, name string, values []string) ([]records.Row, error) {
	return b.anyOf(ctx, tenantID, kind, b.DB.InQuery("r.id", selectIDsByIndex+b.DB.InList("i.value", "$4")), values, name)
}

// RowsByUniques implements records.Backend.
func (b RecordReader) RowsByUniques(ctx context.Context, tenantID, kind, name string, values []string) ([]records.Row, error) {
	return b.anyOf(ctx, tenantID, kind, b.DB.InQuery("r.id", selectIDsByUnique+b.DB.InList("u.value", "$4")), values, name)
}

// anyOf reads the records that meet a condition on a list of values, which is its last parameter.
func (b RecordReader) anyOf(ctx context.Context, tenantID, kind, condition string, values []string, more ...any) ([]records.Row, error) {
	storable := make([]string, 0, len(values))
	for _, v := range values {
		if b.DB.Storable == nil || b.DB.Storable(v) {
			storable = append(storable, v)
		}
	}
	if len(storable) == 0 {
		return nil, ctx.Err()
	}
	args := append(append([]any{tenantID, kind}, more...), b.DB.List(storable))
	return b.all(ctx, tenantID, kind, selectRecordsByIDs+condition+" order by r.id", args...)
}

func (b RecordReader) all(ctx context.Context, tenantID, kind, query string, args ...any) ([]records.Row, error) {
	var rows []records.Row
	s := newRowScan(tenantID, kind)
	err := b.DB.Reader().Each(ctx, func(r *sql.Rows) error {
		if err := r.Scan(s.dest...); err != nil {
			return err
		}
		rows = append(rows, s.take())
		return nil
	}, query, args...)
	return rows, Errorf(err, "%s", kind)
}

// limited adds a limit to a query; zero means none.
func limited(query string, limit int, args ...any) (string, []any) {
	if limit <= 0 {
		return query, args
	}
	return query + " limit $" + strconv.Itoa(len(args)+1), append(args, limit)
}

// TouchRow implements records.Backend.
func (b RecordReader) TouchRow(ctx context.Context, tenantID, kind, id string, at time.Time) error {
	n, err := Shared(b).write(ctx, touchRecord, tenantID, kind, id, b.DB.Time(at))
	if err == nil && n == 0 {
		_, err = b.Row(ctx, tenantID, kind, id)
	}
	return Errorf(err, "%s", kind)
}

// RefByUnique implements records.Backend.
func (b RecordReader) RefByUnique(ctx context.Context, kind string, key records.Unique) (store.Ref, error) {
	var ref store.Ref
	err := b.DB.One(ctx, []any{&ref.TenantID, &ref.ID}, selectRefByUnique, kind, key.Name, key.Value)
	return ref, Errorf(err, "%s", kind)
}

// RefsByIndex implements records.Backend.
func (b RecordReader) RefsByIndex(ctx context.Context, kind string, key records.Index, after store.Ref, limit int) ([]store.Ref, error) {
	query, args := limited(selectRefsByIndex, limit, kind, key.Name, key.Value, after.TenantID, after.ID)
	var refs []store.Ref
	err := b.DB.Each(ctx, func(rows *sql.Rows) error {
		var ref store.Ref
		err := rows.Scan(&ref.TenantID, &ref.ID)
		refs = append(refs, ref)
		return err
	}, query, args...)
	return refs, Errorf(err, "%s", kind)
}

// RefsUpTo implements records.Backend.
func (b RecordReader) RefsUpTo(ctx context.Context, kind string, upTo records.Index, after records.Place, limit int) ([]records.Place, error) {
	query, args := limited(selectRefsUpTo, limit, kind, upTo.Name, upTo.Value, after.Value, after.TenantID, after.ID)
	var places []records.Place
	err := b.DB.Each(ctx, func(rows *sql.Rows) error {
		var p records.Place
		err := rows.Scan(&p.Value, &p.TenantID, &p.ID)
		places = append(places, p)
		return err
	}, query, args...)
	return places, Errorf(err, "%s", kind)
}

// Tenants reads a list of tenants' IDs.
func (d *DB) Tenants(ctx context.Context, query string, args ...any) ([]string, error) {
	var tenants []string
	err := d.Each(ctx, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		tenants = append(tenants, id)
		return err
	}, query, args...)
	return tenants, Errorf(err, "tenants")
}

// TenantsWith implements records.Backend. It jumps from tenant to tenant, whatever the
// number of their records: each step is one look-up in the primary key of
// (kind, tenant, id).
func (b RecordReader) TenantsWith(ctx context.Context, kind, after string, limit int) ([]string, error) {
	const query = "with recursive t(tenant_id) as (" +
		"select (select min(r.tenant_id) from tenantgate_records r where r.kind = $1 and r.tenant_id > $2)" +
		" union all select (select min(r.tenant_id) from tenantgate_records r where r.kind = $1 and r.tenant_id > t.tenant_id) from t where t.tenant_id is not null" +
		") select tenant_id from t where tenant_id is not null limit $3"
	return b.DB.Tenants(ctx, query, kind, after, limit)
}

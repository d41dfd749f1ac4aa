package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

// Kinds of rows that go with records.
const (
	// kindValue are index rows, kindCounter counters, kindHead is where a journal goes on.
	kindValue   store.RecordKind = "value"
	kindCounter store.RecordKind = "counter"
	kindHead    store.RecordKind = "head"
)

// Table is a table with rows of tenants, and what they count as in Holdings.
type Table struct {
	Name string
	Kind store.RecordKind
}

// Tables are those of both dialects. Set-up records count by their own kind. A test holds the list to the schema.
func (d *Dialect) Tables() []Table {
	return append([]Table{
		{"tenantgate_records", ""},
		{"tenantgate_record_unique", kindValue},
		{"tenantgate_record_index", kindValue},
		{"tenantgate_scim_keys", kindValue},
		{"tenantgate_scim_users", store.KindUser},
		{"tenantgate_scim_groups", store.KindGroup},
		{"tenantgate_scim_members", store.KindMember},
		{"tenantgate_scim_counts", kindCounter},
		{"tenantgate_grants", store.KindGrant},
		{"tenantgate_tokens", store.KindToken},
		{"tenantgate_leases", store.KindLease},
		{"tenantgate_events", store.KindEvent},
		{"tenantgate_heads", kindHead},
		{"tenantgate_positions", store.KindPosition},
	}, d.MoreTables...)
}

// countRecords jumps from kind to kind, and reads each kind's rows of the tenant by the primary key (kind, tenant, id).
const countRecords = "with recursive k(kind) as (" +
	"select (select min(r.kind) from tenantgate_records r)" +
	" union all select (select min(r.kind) from tenantgate_records r where r.kind > k.kind) from k where k.kind is not null" +
	") select k.kind, (select count(*) from tenantgate_records r where r.kind = k.kind and r.tenant_id = $1) from k where k.kind is not null"

// Holdings implements store.LifecycleStore.
func (s Shared) Holdings(ctx context.Context, tenantID string) (map[store.RecordKind]int, error) {
	out := map[store.RecordKind]int{}
	add := func(kind store.RecordKind, n int) {
		if n > 0 {
			out[kind] += n
		}
	}
	err := s.DB.Each(ctx, func(rows *sql.Rows) error {
		var kind string
		var n int
		err := rows.Scan(&kind, &n)
		add(store.RecordKind(kind), n)
		return err
	}, countRecords, tenantID)
	if err != nil {
		return nil, Errorf(err, "holdings")
	}
	for _, t := range s.DB.Tables() {
		if t.Kind == "" {
			continue
		}
		var n int
		if err := s.DB.One(ctx, []any{&n}, "select count(*) from "+t.Name+" where tenant_id = $1", tenantID); err != nil {
			if errors.Is(err, store.ErrNotFound) { // an ID that the database can't hold
				continue
			}
			return nil, Errorf(err, "holdings in %s", t.Name)
		}
		add(t.Kind, n)
	}
	return out, nil
}

// The statements that erase rows which no method of the contracts deletes.
var erasing = map[store.RecordKind]string{
	store.KindToken: "delete from tenantgate_tokens where tenant_id = $1 and (kind, token_key) in" +
		" (select kind, token_key from tenantgate_tokens where tenant_id = $1 limit $2)",
	store.KindLease: "delete from tenantgate_leases where tenant_id = $1 and name in" +
		" (select name from tenantgate_leases where tenant_id = $1 limit $2)",
	store.KindPosition: "delete from tenantgate_positions where tenant_id = $1 and reader in" +
		" (select reader from tenantgate_positions where tenant_id = $1 limit $2)",
	store.KindEvent: "delete from tenantgate_events where tenant_id = $1 and seq in" +
		" (select seq from tenantgate_events where tenant_id = $1 and seq is not null order by seq limit $2)",
}

// oldEvents are the first and the last place of what may go, in front of what a reader has still to read.
var oldEvents = "select coalesce(min(o.seq), 0), coalesce(max(o.seq), 0) from (" +
	"select seq from tenantgate_events where tenant_id = $1 and seq is not null and seq <= $2" +
	" and seq <= coalesce((select min(p.seq) from tenantgate_positions p where p.tenant_id = $1 and" +
	" substr(p.reader, 1, " + strconv.Itoa(len(store.MarkPrefix)) + ") <> '" + store.MarkPrefix + "'), $2)" +
	" order by seq limit $3) o"

// A range with two ends is what a planner takes the index for that knows no values.
const eraseEvents = "delete from tenantgate_events where tenant_id = $1 and seq is not null and seq >= $2 and seq <= $3"

// EraseEvents implements store.LifecycleStore.
func (s Shared) EraseEvents(ctx context.Context, tenantID string, through int64, limit int) (int, error) {
	var n int64
	err := s.DB.Transact(ctx, func(db *DB) error {
		n = 0
		var first, last int64
		err := db.One(ctx, []any{&first, &last}, oldEvents, tenantID, through, store.Query{Limit: limit}.ClampLimit())
		if errors.Is(err, store.ErrNotFound) { // an ID that the database can't hold
			return nil
		}
		if err != nil || last == 0 {
			return err
		}
		n, err = db.Exec(ctx, eraseEvents, tenantID, first, last)
		return err
	})
	return int(n), Errorf(err, "erase events")
}

// Eraser is what an adapter has of its own for [Erase].
type Eraser interface {
	records.People
	EraseRecords(ctx context.Context, tenantID string, kind store.RecordKind, limit int) (n int, ours bool, err error)
}

// Erase is store.LifecycleStore's, within a transaction that db is in and st too.
func Erase(ctx context.Context, db *DB, st Eraser, tenantID string, kind store.RecordKind, limit int) (int, error) {
	limit = store.Query{Limit: limit}.ClampLimit()
	if query, ok := erasing[kind]; ok {
		n, err := db.Exec(ctx, query, tenantID, limit)
		return int(n), Errorf(err, "erase %s", kind)
	}
	if n, ours, err := st.EraseRecords(ctx, tenantID, kind, limit); ours {
		return n, Errorf(err, "erase %s", kind)
	}
	n, err := records.ErasePeople(ctx, st, tenantID, kind, limit)
	if err == nil && n < limit {
		err = dropCounter(ctx, db, tenantID, kind)
	}
	return n, Errorf(err, "erase %s", kind)
}

// dropCounter removes the counter of a kind of which the tenant has none any more.
func dropCounter(ctx context.Context, db *DB, tenantID string, kind store.RecordKind) error {
	of := map[store.RecordKind]Kind{store.KindUser: Users, store.KindGroup: Groups}
	k, ok := of[kind]
	if !ok {
		return nil
	}
	_, err := db.Exec(ctx, "delete from tenantgate_scim_counts where tenant_id = $1 and kind = $2"+
		" and not exists (select 1 from "+k.table()+" r where r.tenant_id = $1)", tenantID, string(k))
	return err
}

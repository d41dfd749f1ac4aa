package sqlite

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	insertEvent = "insert into tenantgate_events (tenant_id, type, subject_kind, subject_id, before_body, after_body, members, body)" +
		" values ($1, $2, $3, $4, $5, $6, $7, $8)"
	// The newest event of all is the one that this transaction inserted before. (A driver
	// may set last_insert_rowid() to something else between two statements.)
	moveHead = "insert into tenantgate_heads (tenant_id, seq) values ($1, (select max(seq) from tenantgate_events))" +
		" on conflict (tenant_id) do update set seq = excluded.seq"

	tenantsBehind = "select h.tenant_id from tenantgate_heads h left join tenantgate_positions p on p.tenant_id = h.tenant_id and p.reader = $1" +
		" where h.tenant_id > $2 and h.seq > coalesce(p.seq, 0) order by h.tenant_id limit $3"
)

// write encodes the events and runs fn in a transaction, which fn ends by storing the
// rows of the events. An error that callers branch on must come before fn writes.
func write(ctx context.Context, db *sqlstore.DB, events []store.Event, fn func(*sqlstore.DB, []sqlstore.EventRow) error) error {
	rows, err := sqlstore.EncodeEvents(events)
	if err != nil {
		return err
	}
	if db.Joined() {
		return fn(db, rows)
	}
	return db.Transact(ctx, func(db *sqlstore.DB) error { return fn(db, rows) })
}

// appendEvents stores events, whose numbers are drawn here: no other transaction draws
// one before this one has ended.
func appendEvents(ctx context.Context, db *sqlstore.DB, tenantID string, rows []sqlstore.EventRow) error {
	for _, r := range rows {
		if _, err := db.Exec(ctx, insertEvent, tenantID, r.Type, r.SubjectKind, r.SubjectID, r.Before, r.After, db.Optional(r.Members), r.Body); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := db.Exec(ctx, moveHead, tenantID)
	return err
}

// AppendEvents implements store.Journal.
func (s *Store) AppendEvents(ctx context.Context, tenantID string, events ...store.Event) error {
	if len(events) == 0 {
		return nil
	}
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		return appendEvents(ctx, db, tenantID, rows)
	})
	return sqlstore.Errorf(err, "events")
}

// Events implements store.Journal.
func (s *Store) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	return s.db.ReadEvents(ctx, tenantID, q)
}

// TenantsBehind implements store.Index.
func (s *Store) TenantsBehind(ctx context.Context, reader, after string, limit int) ([]string, error) {
	return s.db.Tenants(ctx, tenantsBehind, reader, after, store.Query{Limit: limit}.ClampLimit())
}

package postgres

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// statement is a statement under construction: its text, and its arguments in order.
type statement struct {
	strings.Builder
	args []any
}

func newStatement(text string, args ...any) *statement {
	s := &statement{args: args}
	s.Grow(len(text) + 1024)
	s.WriteString(text)
	return s
}

// arg adds an argument and writes its parameter with a type.
func (s *statement) arg(v any, typ string) {
	s.args = append(s.args, v)
	s.WriteByte('$')
	s.WriteString(strconv.Itoa(len(s.args)))
	s.WriteString("::")
	s.WriteString(typ)
}

// events adds the events as one more part of a "with": they are inserted for the row
// that the part named source returns, hence not before that row's lock is held, and
// not at all if it returns none. Their IDs are drawn then; of two changes of one record
// the later thus has the greater. The expression lastMembers, if any, gives the last
// event its members from a column of source.
func (s *statement) events(source string, events []sqlstore.EventRow, lastMembers string) {
	if len(events) == 0 {
		return
	}
	s.WriteString(", e as (insert into tenantgate_events (tenant_id, type, subject_kind, subject_id, before_body, after_body, members, body)" +
		" select s.tenant_id, x.type, x.subject_kind, x.subject_id, x.before_body, x.after_body, ")
	if lastMembers == "" {
		s.WriteString("x.members")
	} else {
		s.WriteString("case x.n when " + strconv.Itoa(len(events)) + " then " + lastMembers + " else x.members end")
	}
	s.WriteString(", x.body from " + source + " s cross join (values ")
	for i, e := range events {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteByte('(')
		s.WriteString(strconv.Itoa(i + 1))
		for _, text := range [...]string{e.Type, e.SubjectKind, e.SubjectID} {
			s.WriteByte(',')
			s.arg(text, "text")
		}
		for _, blob := range [...][]byte{e.Before, e.After} {
			s.WriteByte(',')
			s.arg(blob, "bytea")
		}
		s.WriteByte(',')
		s.arg(nullable(e.Members), "text")
		s.WriteByte(',')
		s.arg(e.Body, "bytea")
		s.WriteByte(')')
	}
	s.WriteString(") as x (n, type, subject_kind, subject_id, before_body, after_body, members, body) order by x.n)")
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// one runs the statement and scans the row that it gives; store.ErrNotFound if none.
func (s *statement) one(ctx context.Context, db *sqlstore.DB, dest ...any) error {
	return db.One(ctx, dest, s.String(), s.args...)
}

// maxEvents bounds the events of one statement, which has at most 65535 parameters.
const maxEvents = 500

// encode makes rows of the events of one write.
func encode(events []store.Event) ([]sqlstore.EventRow, error) {
	rows, err := sqlstore.EncodeEvents(events)
	if err == nil && len(rows) > maxEvents {
		return nil, errors.New("postgres: more than 500 events with one write; use InTx and AppendEvents")
	}
	return rows, err
}

// AppendEvents implements store.Journal.
func (s *Store) AppendEvents(ctx context.Context, tenantID string, events ...store.Event) error {
	rows, err := sqlstore.EncodeEvents(events)
	if err != nil || len(rows) == 0 {
		return err
	}
	if len(rows) <= maxEvents {
		return s.db.Retry(ctx, func() error { return appendEvents(ctx, s.db, tenantID, rows) })
	}
	return s.db.Transact(ctx, func(db *sqlstore.DB) error {
		for len(rows) > 0 {
			n := min(len(rows), maxEvents)
			if err := appendEvents(ctx, db, tenantID, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
		}
		return nil
	})
}

func appendEvents(ctx context.Context, db *sqlstore.DB, tenantID string, rows []sqlstore.EventRow) error {
	q := newStatement("with t as (select $1::text as tenant_id)", tenantID)
	q.events("t", rows, "")
	q.WriteString(" select 1 from t")
	var one int
	return sqlstore.Errorf(q.one(ctx, db, &one), "events")
}

// sequenceBatch is how many events are numbered in one transaction.
const sequenceBatch = 5000

const (
	anyNewEvent = "select 1 from tenantgate_events where tenant_id = $1 and seq is null limit 1"
	insertHead  = "insert into tenantgate_heads (tenant_id, seq) values ($1, 0) on conflict do nothing"
	lockHead    = "select seq from tenantgate_heads where tenant_id = $1 for update"
	// IDs are drawn in the order of changes of one record; the head was locked by the
	// statement before, so that this one sees all that was numbered under the lock.
	numberEvents = "with n as (select id, row_number() over (order by id) as nth from (" +
		"select id from tenantgate_events where tenant_id = $1 and seq is null order by id limit $3) o)" +
		", u as (update tenantgate_events e set seq = $2 + n.nth from n where e.tenant_id = $1 and e.id = n.id returning 1)" +
		" update tenantgate_heads set seq = $2 + (select count(*) from u) where tenant_id = $1 returning seq"
)

// Events implements store.Journal. It first numbers the events that have become
// visible since the last reader came by.
func (s *Store) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	for more := true; more; {
		var err error
		if more, err = s.number(ctx, tenantID); err != nil {
			return nil, sqlstore.Errorf(err, "number events")
		}
	}
	return s.db.ReadEvents(ctx, tenantID, q)
}

// number gives events that have none their place in the journal, and says whether
// there may be more.
func (s *Store) number(ctx context.Context, tenantID string) (more bool, err error) {
	var one int
	switch err := s.db.One(ctx, []any{&one}, anyNewEvent, tenantID); {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	err = s.db.Transact(ctx, func(db *sqlstore.DB) error {
		if _, err := db.Exec(ctx, insertHead, tenantID); err != nil {
			return err
		}
		var head, last int64
		if err := db.One(ctx, []any{&head}, lockHead, tenantID); err != nil {
			return err
		}
		if err := db.One(ctx, []any{&last}, numberEvents, tenantID, head, sequenceBatch); err != nil {
			return err
		}
		more = last-head == sequenceBatch
		return nil
	})
	return more, err
}

// Events without a number are looked for tenant by tenant, each in one step: a tenant
// may have many that no reader has come for.
const tenantsBehind = "with recursive n (tenant_id) as (" +
	"select (select min(e.tenant_id) from tenantgate_events e where e.seq is null and e.tenant_id > $2)" +
	" union all select (select min(e.tenant_id) from tenantgate_events e where e.seq is null and e.tenant_id > n.tenant_id)" +
	" from n where n.tenant_id is not null)" +
	" select tenant_id from (" +
	"(select tenant_id from n where tenant_id is not null limit $3)" +
	" union (select h.tenant_id from tenantgate_heads h left join tenantgate_positions p on p.tenant_id = h.tenant_id and p.reader = $1" +
	" where h.tenant_id > $2 and h.seq > coalesce(p.seq, 0) order by h.tenant_id limit $3)" +
	") t order by tenant_id limit $3"

// TenantsBehind implements store.Index.
func (s *Store) TenantsBehind(ctx context.Context, reader, after string, limit int) ([]string, error) {
	return s.db.Tenants(ctx, tenantsBehind, reader, after, store.Query{Limit: limit}.ClampLimit())
}

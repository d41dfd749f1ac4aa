package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// EventRow is an event as a row has it. What a reader selects by, and what must come
// back byte by byte, are columns; the rest is one body.
type EventRow struct {
	Type        string
	SubjectKind string
	SubjectID   string
	Before      []byte
	After       []byte
	// Members is JSON, empty if the event is not about members.
	Members string
	Body    []byte
}

// EncodeEvents makes rows of events.
func EncodeEvents(events []store.Event) ([]EventRow, error) {
	if len(events) == 0 {
		return nil, nil
	}
	rows := make([]EventRow, len(events))
	for i, e := range events {
		row := EventRow{
			Type: e.Type, SubjectKind: e.Subject.Kind, SubjectID: e.Subject.ID,
			Before: Blob(e.Before), After: Blob(e.After),
		}
		if e.Members != nil {
			row.Members = EncodeMembers(*e.Members)
		}
		e.Seq, e.Before, e.After, e.Members = 0, nil, nil, nil
		e.At = store.Time(e.At)
		var err error
		if row.Body, err = json.Marshal(e); err != nil {
			return nil, fmt.Errorf("store: encode event %s: %w", e.ID, err)
		}
		rows[i] = row
	}
	return rows, nil
}

// selectEvents is the query for a page of events.
func selectEvents(tenantID string, q store.EventQuery) (string, []any) {
	args := []any{tenantID, q.After}
	var b strings.Builder
	b.WriteString("select seq, before_body, after_body, members, body from tenantgate_events where tenant_id = $1 and seq > $2")
	where := func(cond string, v any) {
		args = append(args, v)
		b.WriteString(" and " + cond + " $" + strconv.Itoa(len(args)))
	}
	if q.Before != 0 {
		where("seq <", q.Before)
	}
	if q.SubjectKind != "" {
		where("subject_kind =", q.SubjectKind)
	}
	if q.SubjectID != "" {
		where("subject_id =", q.SubjectID)
	}
	if q.TypePrefix != "" {
		where("type >=", q.TypePrefix)
		if next, ok := afterPrefix(q.TypePrefix); ok {
			where("type <", next)
		}
	}
	b.WriteString(" order by seq")
	if q.Newest {
		b.WriteString(" desc")
	}
	args = append(args, store.Query{Limit: q.Limit}.ClampLimit())
	b.WriteString(" limit $" + strconv.Itoa(len(args)))
	return b.String(), args
}

// ReadEvents reads a page of the events that have their number.
func (d *DB) ReadEvents(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	query, args := selectEvents(tenantID, q)
	var events []store.Event
	var before, after, body sql.RawBytes
	var members sql.NullString
	err := d.Each(ctx, func(rows *sql.Rows) error {
		var seq int64
		if err := rows.Scan(&seq, &before, &after, &members, &body); err != nil {
			return err
		}
		var e store.Event
		if err := json.Unmarshal(body, &e); err != nil {
			return fmt.Errorf("event %d: %w", seq, err)
		}
		if members.Valid && members.String != "" {
			e.Members = new(store.MemberChange)
			if err := json.Unmarshal([]byte(members.String), e.Members); err != nil {
				return fmt.Errorf("event %d: %w", seq, err)
			}
		}
		e.Seq, e.Before, e.After = seq, clone(before), clone(after)
		e.At = store.Time(e.At)
		events = append(events, e)
		return nil
	}, query, args...)
	return events, Errorf(err, "events")
}

func clone(b sql.RawBytes) json.RawMessage {
	if len(b) == 0 {
		return nil
	}
	return append(json.RawMessage(nil), b...)
}

// EventTime is the time of a change that the contract gives no time: that of the last
// event which tells of it, or now.
func EventTime(events []store.Event) time.Time {
	if n := len(events); n > 0 && !events[n-1].At.IsZero() {
		return store.Time(events[n-1].At)
	}
	return store.Time(time.Now())
}

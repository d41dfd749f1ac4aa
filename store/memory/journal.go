package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// appendEvents gives events their place. The lock is held, so that the order of
// appending is the order of commits.
//
// What an event tells of a record is often just as it was stored, in one of bodies: those
// never change, and are kept once.
func (t *tenant) appendEvents(log *undoLog, events []store.Event, bodies ...[]byte) {
	if len(events) == 0 {
		return
	}
	n := t.events.len()
	for _, e := range events {
		e = keepEvent(e, bodies)
		e.At = store.Time(e.At)
		e.Seq = t.erased + int64(t.events.len()) + 1
		t.events.append(e)
	}
	log.add(func() { t.events.truncate(n) })
}

// keepEvent copies what is stored, strings too: see keepUser.
func keepEvent(e store.Event, bodies [][]byte) store.Event {
	e.Before, e.After = keepBody(e.Before, bodies), keepBody(e.After, bodies)
	e.Members = cloneChange(e.Members)
	texts := [...]*string{
		&e.ID, &e.Type, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Name, &e.Subject.Kind, &e.Subject.ID, &e.Subject.Name,
		&e.Code, &e.Message, &e.CorrelationID, &e.Origin.IP, &e.Origin.UserAgent,
	}
	var all strings.Builder
	size := 0
	for _, s := range texts {
		size += len(*s)
	}
	all.Grow(size)
	for _, s := range texts {
		all.WriteString(*s)
	}
	rest := all.String() // one piece of memory for all
	for _, s := range texts {
		*s, rest = rest[:len(*s)], rest[len(*s):]
	}
	return e
}

// eventLog is a list of events. It grows by pieces, so that a long one is never copied.
type eventLog [][]store.Event

const eventPiece = 256

func (l eventLog) len() int {
	if len(l) == 0 {
		return 0
	}
	return (len(l)-1)*eventPiece + len(l[len(l)-1])
}

func (l eventLog) at(i int) store.Event { return l[i/eventPiece][i%eventPiece] }

func (l *eventLog) append(e store.Event) {
	if n := l.len(); n%eventPiece == 0 {
		*l = append(*l, nil)
	}
	last := len(*l) - 1
	(*l)[last] = append((*l)[last], e)
}

func (l *eventLog) truncate(n int) {
	for l.len() > n {
		last := len(*l) - 1
		piece := (*l)[last]
		keep := max(0, n-last*eventPiece)
		clear(piece[keep:])
		if (*l)[last] = piece[:keep]; keep == 0 {
			*l = (*l)[:last]
		}
	}
}

func keepBody(body []byte, bodies [][]byte) []byte {
	for _, b := range bodies {
		if len(b) > 0 && bytes.Equal(b, body) {
			return b
		}
	}
	return bytes.Clone(body)
}

func cloneEvent(e store.Event) store.Event {
	e.Before, e.After = bytes.Clone(e.Before), bytes.Clone(e.After)
	e.Members = cloneChange(e.Members)
	return e
}

func cloneChange(c *store.MemberChange) *store.MemberChange {
	if c == nil {
		return nil
	}
	return &store.MemberChange{Added: slices.Clone(c.Added), Removed: slices.Clone(c.Removed)}
}

// AppendEvents implements [store.Journal].
func (s *Store) AppendEvents(ctx context.Context, tenantID string, events ...store.Event) error {
	return s.write(ctx, tenantID, events, func(*tenant, *undoLog) error { return nil })
}

// Events implements [store.Journal].
func (s *Store) Events(ctx context.Context, tenantID string, q store.EventQuery) (out []store.Event, err error) {
	limit := store.Query{Limit: q.Limit}.ClampLimit()
	err = s.read(ctx, tenantID, func(t *tenant) error {
		// The event with Seq n is at n-1, less those that were erased.
		from, to := int(max(q.After-t.erased, 0)), t.events.len()
		if q.Before > 0 {
			to = min(to, int(q.Before-t.erased)-1)
		}
		for i := from; i < to && len(out) < limit; i++ {
			at := i
			if q.Newest {
				at = to - 1 - (i - from)
			}
			e := t.events.at(at)
			if selects(q, e) {
				out = append(out, cloneEvent(e))
			}
		}
		return nil
	})
	return out, err
}

func selects(q store.EventQuery, e store.Event) bool {
	return (q.SubjectKind == "" || e.Subject.Kind == q.SubjectKind) &&
		(q.SubjectID == "" || e.Subject.ID == q.SubjectID) &&
		strings.HasPrefix(e.Type, q.TypePrefix)
}

// Position implements [store.Journal].
func (s *Store) Position(ctx context.Context, tenantID, reader string) (seq int64, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		seq = t.positions[reader]
		return nil
	})
	return seq, err
}

// SavePosition implements [store.Journal].
func (s *Store) SavePosition(ctx context.Context, tenantID, reader string, from, to int64) error {
	return s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		old, existed := t.positions[reader]
		if old != from {
			return fmt.Errorf("position of %q is %d, not %d: %w", reader, old, from, store.ErrStale)
		}
		t.positions[reader] = to
		if !existed {
			log.add(func() { delete(t.positions, reader) })
			return nil
		}
		log.add(func() { t.positions[reader] = old })
		return nil
	})
}

// TenantsBehind implements [store.Index].
func (s *Store) TenantsBehind(ctx context.Context, reader, after string, limit int) ([]string, error) {
	return s.tenantsWhere(ctx, after, limit, func(t *tenant) bool {
		return t.erased+int64(t.events.len()) > t.positions[reader]
	})
}

// tenantsWhere returns the tenants for which ok holds, in order.
func (s *Store) tenantsWhere(ctx context.Context, after string, limit int, ok func(*tenant) bool) ([]string, error) {
	var out []string
	err := s.read(ctx, "", func(*tenant) error {
		for id, t := range s.db.tenants {
			if id > after && ok(t) {
				out = append(out, id)
			}
		}
		return nil
	})
	sort.Strings(out)
	return out[:min(len(out), store.Query{Limit: limit}.ClampLimit())], err
}

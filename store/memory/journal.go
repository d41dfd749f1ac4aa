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
func (t *tenant) appendEvents(log *undoLog, events []store.Event) {
	if len(events) == 0 {
		return
	}
	n := len(t.events)
	for _, e := range events {
		e = cloneEvent(e)
		e.At = store.Time(e.At)
		e.Seq = t.erased + int64(len(t.events)) + 1
		t.events = append(t.events, e)
	}
	log.add(func() { clear(t.events[n:]); t.events = t.events[:n] })
}

func cloneEvent(e store.Event) store.Event {
	e.Before, e.After = bytes.Clone(e.Before), bytes.Clone(e.After)
	if e.Members != nil {
		e.Members = &store.MemberChange{Added: slices.Clone(e.Members.Added), Removed: slices.Clone(e.Members.Removed)}
	}
	return e
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
		from, to := int(max(q.After-t.erased, 0)), len(t.events)
		if q.Before > 0 {
			to = min(to, int(q.Before-t.erased)-1)
		}
		for i := from; i < to && len(out) < limit; i++ {
			e := t.events[i]
			if q.Newest {
				e = t.events[to-1-(i-from)]
			}
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
		return t.erased+int64(len(t.events)) > t.positions[reader]
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

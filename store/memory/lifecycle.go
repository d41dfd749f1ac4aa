package memory

import (
	"context"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

// Holdings implements [store.LifecycleStore].
func (s *Store) Holdings(ctx context.Context, tenantID string) (map[store.RecordKind]int, error) {
	out := map[store.RecordKind]int{}
	err := s.read(ctx, tenantID, func(t *tenant) error {
		n := map[store.RecordKind]int{
			store.KindUser: t.users.len(), store.KindGroup: t.groups.len(), store.KindGrant: t.grants.len(),
			store.KindToken: len(t.tokens), store.KindLease: len(t.leases), store.KindEvent: t.events.len(), store.KindPosition: len(t.positions),
			"value": len(t.unique),
		}
		for kind, rows := range t.records {
			n[store.RecordKind(kind)] += rows.len()
		}
		for _, members := range t.members {
			n[store.KindMember] += members.len()
		}
		for _, ref := range s.db.unique {
			if ref.TenantID == tenantID {
				n["value"]++
			}
		}
		for kind, count := range n {
			if count > 0 {
				out[kind] = count
			}
		}
		return nil
	})
	return out, err
}

// Erase implements [store.LifecycleStore].
func (s *Store) Erase(ctx context.Context, tenantID string, kind store.RecordKind, limit int) (n int, err error) {
	limit = store.Query{Limit: limit}.ClampLimit()
	err = s.InTx(ctx, func(tx store.Store) error {
		in := tx.(*Store) //nolint:forcetypeassert // InTx makes no other
		n, err = in.erase(ctx, tenantID, kind, limit)
		return err
	})
	return n, err
}

func (s *Store) erase(ctx context.Context, tenantID string, kind store.RecordKind, limit int) (n int, err error) {
	if n, ours, err := s.EraseRecords(ctx, tenantID, kind, limit); ours {
		return n, err
	}
	switch kind {
	case store.KindToken, store.KindLease, store.KindPosition, store.KindEvent:
		err = s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
			n = t.erase(log, kind, limit)
			return nil
		})
		return n, err
	}
	return records.ErasePeople(ctx, s, tenantID, kind, limit)
}

// erase removes what has no record: its maps lose up to limit entries.
func (t *tenant) erase(log *undoLog, kind store.RecordKind, limit int) int {
	switch kind {
	case store.KindToken:
		return cut(log, t.tokens, limit)
	case store.KindLease:
		return cut(log, t.leases, limit)
	case store.KindPosition:
		return cut(log, t.positions, limit)
	}
	return t.eraseEvents(log, limit)
}

// eraseEvents removes up to limit events, the oldest.
func (t *tenant) eraseEvents(log *undoLog, limit int) int {
	n := min(limit, t.events.len())
	events, before := t.events, t.erased
	var left eventLog
	for i := n; i < events.len(); i++ {
		left.append(events.at(i))
	}
	t.events, t.erased = left, before+int64(n)
	log.add(func() { t.events, t.erased = events, before })
	return n
}

// EraseEvents implements [store.LifecycleStore].
func (s *Store) EraseEvents(ctx context.Context, tenantID string, through int64, limit int) (n int, err error) {
	limit = store.Query{Limit: limit}.ClampLimit()
	err = s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		for reader, seq := range t.positions {
			if !strings.HasPrefix(reader, store.MarkPrefix) {
				through = min(through, seq)
			}
		}
		n = t.eraseEvents(log, int(min(int64(limit), max(through-t.erased, 0))))
		return nil
	})
	return n, err
}

// cut removes up to limit entries of a map.
func cut[K comparable, V any](log *undoLog, m map[K]V, limit int) int {
	n := 0
	for k, v := range m {
		if n == limit {
			break
		}
		delete(m, k)
		log.add(func() { m[k] = v })
		n++
	}
	return n
}

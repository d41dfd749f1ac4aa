package provisioning

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// waiting is a kind of deletion that waits (U11). It is kept in the journal: one type of event
// opens it, the others under the prefix close it, and a position in the journal stays in front of
// the oldest that is open.
type waiting[D any] struct {
	reader, prefix string
	// subject is the kind of what is to be deleted.
	subject string
	// opens reads the event that opens a deletion.
	opens func(ev store.Event) (D, bool)
	// at is a deletion's place in the journal, when it is due, and its event.
	at func(d D) (seq int64, due time.Time, eventID string)
}

const (
	deleteAfter = 7 * 24 * time.Hour
	deleteAgain = time.Hour // after the host refused
)

// deletionCheck remembers when the journal, up to a place, has to be looked at again.
type deletionCheck struct {
	end int64
	due time.Time
}

// of finds the open deletion of something.
func (w waiting[D]) of(ctx context.Context, tx store.Store, tenantID, id string) (d D, open bool, err error) {
	last, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: w.subject, SubjectID: id, TypePrefix: w.prefix, Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return d, false, err
	}
	d, open = w.opens(last[0])
	return d, open, nil
}

// open returns the deletions that are planned, in order.
func (w waiting[D]) open(ctx context.Context, st store.Store, tenantID string) ([]D, error) {
	after, err := st.Position(ctx, tenantID, w.reader)
	if err != nil {
		return nil, err
	}
	open := map[string]D{}
	for {
		page, err := st.Events(ctx, tenantID, store.EventQuery{After: after, TypePrefix: w.prefix})
		if err != nil {
			return nil, err
		}
		for _, ev := range page {
			delete(open, ev.Subject.ID)
			if d, ok := w.opens(ev); ok {
				open[ev.Subject.ID] = d
			}
		}
		if len(page) < store.MaxLimit {
			break
		}
		after = page[len(page)-1].Seq
	}
	return slices.SortedFunc(maps.Values(open), func(a, b D) int { return cmp.Compare(w.seq(a), w.seq(b)) }), nil
}

func (w waiting[D]) seq(d D) int64 {
	seq, _, _ := w.at(d)
	return seq
}

// page lists them for an actor, from the first behind a place.
func (w waiting[D]) page(ctx context.Context, e *Engine, actor tenant.Actor, tenantID string, after int64, limit int) ([]D, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > store.MaxLimit {
		limit = store.MaxLimit
	}
	open, err := w.open(ctx, e.cfg.Store, tenantID)
	if err != nil {
		return nil, err
	}
	open = slices.DeleteFunc(open, func(d D) bool { return w.seq(d) <= after })
	return open[:min(limit, len(open))], nil
}

// due does those whose time has come; do says whether the deletion is closed, or is to be
// looked at again. checks are the engine's of this kind, by tenant.
func (w waiting[D]) due(ctx context.Context, e *Engine, tenantID string, checks map[string]deletionCheck, do func(ctx context.Context, tenantID string, d D) (closed bool, err error)) error {
	st := e.cfg.Store
	end, err := st.Position(ctx, tenantID, reader)
	if err != nil {
		return err
	}
	if nothing, err := w.nothingDue(ctx, e, tenantID, checks, end); err != nil || nothing {
		return err
	}
	from, err := st.Position(ctx, tenantID, w.reader)
	if err != nil || from >= end {
		return err
	}
	open, err := w.open(ctx, st, tenantID)
	if err != nil {
		return err
	}
	to, next := end, e.cfg.Now().Add(deleteAfter)
	var errs []error
	for _, d := range open {
		seq, wait, _ := w.at(d)
		if !e.cfg.Now().Before(wait) {
			closed, err := do(ctx, tenantID, d)
			if err != nil {
				errs = append(errs, err)
			}
			if closed {
				continue
			}
			wait = e.cfg.Now().Add(deleteAgain)
		}
		to = min(to, seq-1)
		if wait.Before(next) {
			next = wait
		}
	}
	if to > from {
		if err := st.SavePosition(ctx, tenantID, w.reader, from, to); err != nil && !errors.Is(err, store.ErrStale) { // another engine moved it
			errs = append(errs, err)
		}
	}
	e.mu.Lock()
	checks[tenantID] = deletionCheck{end, next}
	e.mu.Unlock()
	return errors.Join(errs...)
}

// nothingDue says whether none of the deletions is due that were looked at up to a place in the journal, or were planned since
// then, up to end. It reads what is new alone: many may wait, for days, while every change comes by here.
func (w waiting[D]) nothingDue(ctx context.Context, e *Engine, tenantID string, checks map[string]deletionCheck, end int64) (bool, error) {
	e.mu.Lock()
	check, known := checks[tenantID]
	e.mu.Unlock()
	if !known || check.end > end {
		return false, nil
	}
	for from := check.end; from < end; {
		page, err := e.cfg.Store.Events(ctx, tenantID, store.EventQuery{After: from, Before: end + 1, TypePrefix: w.prefix})
		if err != nil {
			return false, err
		}
		for _, ev := range page {
			if d, ok := w.opens(ev); ok {
				if _, at, _ := w.at(d); at.Before(check.due) {
					check.due = at
				}
			}
		}
		if from = end; len(page) == store.MaxLimit {
			from = page[len(page)-1].Seq
		}
	}
	check.end = end
	e.mu.Lock()
	checks[tenantID] = check
	e.mu.Unlock()
	return e.cfg.Now().Before(check.due), nil
}

// finish runs do for a deletion that is open still, unless the tenant is paused. What the host refuses
// is looked at again.
func (w waiting[D]) finish(ctx context.Context, e *Engine, tenantID, id string, d D, do func(tx store.Store, s store.ProvisioningSettings) error) (closed bool, err error) {
	err = e.inTenant(ctx, tenantID, func(tx store.Store) error {
		closed = true
		now, open, err := w.of(ctx, tx, tenantID, id)
		if err != nil || !open || !w.same(now, d) {
			return err // somebody closed it
		}
		s, err := settingsOf(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		if s.Paused {
			closed = false
			return nil
		}
		return do(tx, s)
	})
	var he *hostError
	if errors.As(err, &he) && ctx.Err() == nil {
		e.cfg.Logger.WarnContext(ctx, "provisioning: the host refused to delete something; tried again later", "tenant", tenantID, "kind", w.subject, "id", id, "error", err)
		return false, nil
	}
	return closed && err == nil, err
}

func (w waiting[D]) same(a, b D) bool {
	_, _, first := w.at(a)
	_, _, second := w.at(b)
	return first == second
}

package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// retry tries again what is due, and moves the second place in the journal up to the oldest that is open.
func (r *Revoker) retry(ctx context.Context, tenantID string) (n int, err error) {
	if r.retryWaits(tenantID) {
		return 0, nil
	}
	open, from, end, err := r.openWork(ctx, tenantID)
	if err != nil {
		return 0, err
	}
	to, begun, tried, refused := end, r.cfg.Now(), false, 0
	var due time.Time // the earliest of those that wait
	var errs []error
	for _, ev := range open {
		to = min(to, ev.Seq-1)
		if of := failureOf(ev).Seq; of > 0 {
			to = min(to, of-1)
		}
		now := r.cfg.Now()
		switch at := failureOf(ev).RetryAt; {
		case now.Before(at):
			if due.IsZero() || at.Before(due) {
				due = at
			}
			continue
		case now.Sub(begun) > turnTime || refused >= maxRefused && n == 0:
			tried = true // the rest in the next turn
			continue
		}
		tried = true
		k, again, err := r.retryOne(ctx, tenantID, ev)
		n += k
		if again {
			refused++
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if to > from {
		err := r.cfg.Store.SavePosition(ctx, tenantID, revokeRetryReader, from, to)
		if err != nil && !errors.Is(err, store.ErrStale) { // another replica moved it
			errs = append(errs, err)
		}
	}
	if tried {
		due = time.Time{} // what was tried may be open again: look next time
	}
	if refused >= maxRefused && n == 0 {
		due = r.cfg.Now().Add(retryPause)
	}
	r.setRetryDue(tenantID, due)
	return n, errors.Join(errs...)
}

// retryWaits says that open work is known and none of it is due: reading the journal again would find the same.
func (r *Revoker) retryWaits(tenantID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	due, known := r.retryDue[tenantID]
	return known && r.cfg.Now().Before(due)
}

func (r *Revoker) setRetryDue(tenantID string, due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if due.IsZero() {
		delete(r.retryDue, tenantID)
		return
	}
	r.retryDue[tenantID] = due
}

// failureOf reads an EventRevocationFailed. What does not decode is a first attempt that is due.
func failureOf(ev store.Event) failedRevocation {
	var f failedRevocation
	_ = json.Unmarshal(ev.After, &f)
	return f
}

// openWork returns the newest EventRevocationFailed of each event that was not done since, in order, and the stretch of
// the journal that was looked at.
func (r *Revoker) openWork(ctx context.Context, tenantID string) (open []store.Event, from, end int64, err error) {
	st := r.cfg.Store
	if end, err = st.Position(ctx, tenantID, revokeReader); err != nil {
		return nil, 0, 0, err
	}
	if from, err = st.Position(ctx, tenantID, revokeRetryReader); err != nil || from >= end {
		return nil, from, end, err
	}
	newest := map[string]store.Event{}
	var order []string
	for after := from; ; {
		page, err := st.Events(ctx, tenantID, store.EventQuery{After: after, Before: end + 1, TypePrefix: revocationPrefix})
		if err != nil {
			return nil, 0, 0, err
		}
		for _, ev := range page {
			newest[ev.Subject.ID] = ev
			order = append(order, ev.Subject.ID)
		}
		if len(page) < store.MaxLimit {
			break
		}
		after = page[len(page)-1].Seq
	}
	for _, id := range order {
		if ev := newest[id]; ev.Type == EventRevocationFailed {
			open = append(open, ev)
			delete(newest, id)
		}
	}
	return open, from, end, nil
}

// errBusy says that another replica works on the tenant.
var errBusy = errors.New("oidc: another replica works on this tenant's sessions")

// retryOne tries one event again; again says that the host refused it once more. A transaction that fails as a whole
// counts as an attempt too, so that this event does not hold up the others.
func (r *Revoker) retryOne(ctx context.Context, tenantID string, failed store.Event) (n int, again bool, err error) {
	attempt := failureOf(failed).Attempt + 1
	err = r.reopened(ctx, tenantID, failed, func(tx store.Store, ev store.Event) error {
		n, again = 0, false
		if over := r.ruleFor(ev); over != nil {
			var err error
			if n, err = r.end(ctx, tx, tenantID, ev, over, map[Revocation]bool{}); err != nil {
				if ctx.Err() != nil {
					return err
				}
				again = true
				r.logFailure(ctx, tenantID, ev, attempt, err)
				return r.fail(ctx, tx, tenantID, ev, attempt)
			}
		}
		return tx.AppendEvents(ctx, tenantID, r.systemEvent(EventRevocationDone, failed.Subject))
	})
	switch {
	case err == nil:
		return n, again, nil
	case errors.Is(err, errBusy) || ctx.Err() != nil:
		return 0, false, nil //nolint:nilerr // the next turn goes on
	}
	cause := err
	err = r.reopened(ctx, tenantID, failed, func(tx store.Store, ev store.Event) error {
		r.logFailure(ctx, tenantID, ev, attempt, cause)
		return r.fail(ctx, tx, tenantID, ev, attempt)
	})
	if errors.Is(err, errBusy) {
		return 0, false, nil
	}
	return 0, true, err
}

// reopened runs fn in a transaction that works on the tenant alone, if the work is still open, with the event that it is
// about. One that the journal does not have any more ends no session.
func (r *Revoker) reopened(ctx context.Context, tenantID string, failed store.Event, fn func(tx store.Store, ev store.Event) error) error {
	return r.cfg.Store.InTx(ctx, func(tx store.Store) error {
		at, err := tx.Position(ctx, tenantID, revokeReader)
		if err != nil {
			return err
		}
		switch err := tx.SavePosition(ctx, tenantID, revokeReader, at, at); {
		case errors.Is(err, store.ErrStale):
			return errBusy
		case err != nil:
			return err
		}
		last, err := tx.Events(ctx, tenantID, store.EventQuery{
			SubjectKind: subjectSessions, SubjectID: failed.Subject.ID, TypePrefix: revocationPrefix, Newest: true, Limit: 1,
		})
		if err != nil || len(last) == 0 || last[0].ID != failed.ID {
			return err // another replica took it
		}
		found, err := tx.Events(ctx, tenantID, store.EventQuery{After: failureOf(failed).Seq - 1, Limit: 1})
		if err != nil {
			return err
		}
		var ev store.Event
		if len(found) == 1 && found[0].ID == failed.Subject.ID {
			ev = found[0]
		}
		return fn(tx, ev)
	})
}

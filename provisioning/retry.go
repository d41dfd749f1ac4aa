package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// What the host refused is kept in the journal: EventFailed opens a piece of work for a
// subject, EventRecovered closes it. A second position in the journal stays in front
// of the oldest that is open, so nothing is forgotten by a crash.
const (
	retryReader = "provisioning.retry"
	workPrefix  = eventPrefix + "work."
	maxRetry    = time.Hour
)

// failed is what an EventFailed says in After.
type failed struct {
	// Attempt counts from 1.
	Attempt int       `json:"attempt"`
	RetryAt time.Time `json:"retryAt"`
	// Since is the time of the first attempt.
	Since time.Time `json:"since,omitzero"`
}

// subject is whom a failure concerns.
func (f Failure) subject(name string) store.EventSubject {
	switch {
	case f.SCIMUserID != "":
		return store.EventSubject{Kind: subjectUser, ID: f.SCIMUserID, Name: name}
	case f.AccountID != "":
		return store.EventSubject{Kind: subjectAccount, ID: f.AccountID, Name: name}
	default:
		return store.EventSubject{Kind: subjectGroup, ID: f.GroupID, Name: name}
	}
}

// noteFailure opens work for a later attempt, or counts one more. The host's error
// goes to the log, not into the journal, which the tenant's owner reads.
func (e *Engine) noteFailure(ctx context.Context, tx store.Store, tenantID string, f Failure, name string) error {
	subject := f.subject(name)
	last, err := lastWork(ctx, tx, tenantID, subject)
	if err != nil {
		return err
	}
	now := store.Time(e.cfg.Now())
	info := failed{Attempt: 1, Since: now}
	if last.Type == EventFailed {
		before := attemptOf(last)
		info.Attempt, info.Since = before.Attempt+1, sinceOf(last)
		if name == "" {
			subject.Name = last.Subject.Name
		}
	}
	info.RetryAt = store.Time(e.cfg.Now().Add(delay(info.Attempt-1, maxRetry)))
	ev := e.event(EventFailed, system, subject)
	ev.Code, ev.Message = failureCode(f.Err)
	ev.After = asJSON(info)
	e.setRetryDue(tenantID, time.Time{}) // look at what is open with the next sync
	return tx.AppendEvents(ctx, tenantID, ev)
}

// lastWork returns the newest event of a subject's work; an empty one if there is none.
func lastWork(ctx context.Context, tx store.Store, tenantID string, s store.EventSubject) (store.Event, error) {
	events, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: s.Kind, SubjectID: s.ID, TypePrefix: workPrefix, Newest: true, Limit: 1})
	if err != nil || len(events) == 0 {
		return store.Event{}, err
	}
	return events[0], nil
}

func attemptOf(ev store.Event) failed {
	var f failed
	// What does not decode counts as a first attempt that is due.
	_ = json.Unmarshal(ev.After, &f)
	return f
}

// retry tries again what is due, and moves the position up to the oldest open work.
func (e *Engine) retry(ctx context.Context, tenantID string) error {
	if e.retryWaits(tenantID) {
		return nil
	}
	from, end, err := e.workStretch(ctx, tenantID)
	if err != nil {
		return err
	}
	var open []store.Event
	if from < end {
		if open, err = e.openWork(ctx, tenantID, from, end+1); err != nil {
			return err
		}
	}
	to := end
	var errs []error
	var due time.Time // the earliest of those that wait
	tried := false
	for _, ev := range open {
		to = min(to, ev.Seq-1)
		if at := attemptOf(ev).RetryAt; e.waits(at, maxRetry) {
			if due.IsZero() || at.Before(due) {
				due = at
			}
			continue
		}
		tried = true
		if err := e.retryOne(ctx, tenantID, ev); err != nil {
			errs = append(errs, err)
		}
	}
	if to > from {
		err := e.cfg.Store.SavePosition(ctx, tenantID, retryReader, from, to)
		if err != nil && !errors.Is(err, store.ErrStale) { // another engine moved it
			errs = append(errs, err)
		}
	}
	if tried {
		due = time.Time{} // what was tried may be open again: look next time
	}
	e.setRetryDue(tenantID, due)
	return errors.Join(errs...)
}

// retryWaits says that open work is known and none of it is due: reading the journal
// again would find the same.
func (e *Engine) retryWaits(tenantID string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	due, known := e.retryDue[tenantID]
	return known && e.waits(due, maxRetry)
}

func (e *Engine) setRetryDue(tenantID string, due time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if due.IsZero() {
		delete(e.retryDue, tenantID)
		return
	}
	e.retryDue[tenantID] = due
}

// workStretch is the part of the journal that open work is in, and that was handled.
func (e *Engine) workStretch(ctx context.Context, tenantID string) (from, end int64, err error) {
	if end, err = e.cfg.Store.Position(ctx, tenantID, reader); err != nil {
		return 0, 0, err
	}
	from, err = e.cfg.Store.Position(ctx, tenantID, retryReader)
	return from, end, err
}

// openWork returns the newest EventFailed of each subject that has not recovered, in
// order, of the events after from and before a place; zero means to the end.
func (e *Engine) openWork(ctx context.Context, tenantID string, from, before int64) (open []store.Event, err error) {
	st := e.cfg.Store
	newest := map[store.EventSubject]int{}
	for after := from; ; {
		page, err := st.Events(ctx, tenantID, store.EventQuery{After: after, Before: before, TypePrefix: workPrefix})
		if err != nil {
			return nil, err
		}
		for _, ev := range page {
			key := store.EventSubject{Kind: ev.Subject.Kind, ID: ev.Subject.ID}
			if i, ok := newest[key]; ok {
				open[i].Type = "" // superseded
				delete(newest, key)
			}
			if ev.Type == EventFailed {
				newest[key] = len(open)
				open = append(open, ev)
			}
		}
		if len(page) < store.MaxLimit {
			break
		}
		after = page[len(page)-1].Seq
	}
	kept := open[:0]
	for _, ev := range open {
		if ev.Type != "" {
			kept = append(kept, ev)
		}
	}
	return kept, nil
}

// retryOne plans and applies anew for the subject of a failure.
func (e *Engine) retryOne(ctx context.Context, tenantID string, ev store.Event) error {
	var hostErr *hostError
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		if err := lockTenant(ctx, tx, tenantID); err != nil {
			return err
		}
		last, err := lastWork(ctx, tx, tenantID, ev.Subject)
		if err != nil || last.ID != ev.ID {
			return err // another engine took it
		}
		c, failure := newConcern(), Failure{}
		switch ev.Subject.Kind {
		case subjectUser:
			c.addUser(ev.Subject.ID, userConcern{updated: true})
			failure.SCIMUserID = ev.Subject.ID
		case subjectAccount:
			c.accounts[ev.Subject.ID] = true
			failure.AccountID = ev.Subject.ID
		default:
			c.groups[ev.Subject.ID] = true
			failure.GroupID = ev.Subject.ID
		}
		var plan Plan
		err = tx.InTx(ctx, func(tx store.Store) error {
			l, err := e.newLoader(ctx, tx, tenantID, nil)
			if err != nil {
				return err
			}
			plan, err = e.work(ctx, tx, l, c)
			return err
		})
		switch {
		case errors.As(err, &hostErr) && ctx.Err() == nil:
			failure.Err = err
			plan.Failures = []Failure{failure}
			if err := e.noteFailure(ctx, tx, tenantID, failure, ev.Subject.Name); err != nil {
				return err
			}
		case err != nil:
			return err
		}
		for _, f := range plan.Failures {
			e.cfg.Logger.WarnContext(ctx, "provisioning: the host refused again; tried again later",
				"tenant", tenantID, "scim_user", f.SCIMUserID, "account", f.AccountID, "group", f.GroupID, "error", f.Err)
			if s := f.subject(""); s.Kind == ev.Subject.Kind && s.ID == ev.Subject.ID {
				return nil
			}
		}
		return tx.AppendEvents(ctx, tenantID, e.event(EventRecovered, system, ev.Subject))
	})
	switch {
	case errors.Is(err, errBusy):
		return nil // another engine works on this tenant; the next round looks again
	case errors.As(err, &hostErr) && ctx.Err() == nil:
		// What failed took its transaction along, as a statement does that is given up.
		return e.noteAgain(ctx, tenantID, ev, err)
	}
	return err
}

// noteAgain counts one more attempt at open work, unless it is open no more.
func (e *Engine) noteAgain(ctx context.Context, tenantID string, ev store.Event, cause error) error {
	return e.inTenant(ctx, tenantID, func(tx store.Store) error {
		last, err := lastWork(ctx, tx, tenantID, ev.Subject)
		if err != nil || last.ID != ev.ID {
			return err
		}
		w := openWorkOf(ev)
		f := Failure{SCIMUserID: w.SCIMUserID, AccountID: w.AccountID, GroupID: w.GroupID, Err: cause}
		return e.noteFailure(ctx, tx, tenantID, f, w.Name)
	})
}

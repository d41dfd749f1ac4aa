package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The types of events about revocations that the host failed at. Their subject is of the kind "sessions" and has the ID
// of the event that ends the sessions.
const (
	EventRevocationFailed = revocationPrefix + "failed" // sessions that are over could not be ended; tried again later
	EventRevocationDone   = revocationPrefix + "done"   // it went through at last
)

// EventLinksDropped tells that all links of a connection were dropped because it leads to another provider or client.
const EventLinksDropped = "oidc.identities.dropped"

const (
	revocationPrefix = "oidc.revocation."
	// revokeReader is under which the place in the journal is saved. A second place stays in front of the oldest
	// revocation that failed and is open, so that a crash forgets none.
	revokeReader      = "oidc.sessions"
	revokeRetryReader = "oidc.sessions.retry"

	subjectSessions = "sessions"
	codeSessions    = "sessions_failed"

	// revokeBatch is how many events one transaction handles.
	revokeBatch = 100
	// parkAfter is after how many failures of the transaction at one place in the journal its event is set aside.
	parkAfter = 3
	// clockMargin is how far the clocks of the host's machines may differ: a session that began so much after an event
	// may have begun before it.
	clockMargin = time.Minute
	// maxRefused ends a turn in which the host refused so many and did none, for retryPause: it is down, and each attempt
	// leaves an event.
	maxRefused = 10
	retryPause = time.Minute
	// turnTime ends a turn of a tenant whose host is slow, so that the others have theirs.
	turnTime = 5 * time.Second
)

// failedRevocation is what an EventRevocationFailed says in After.
type failedRevocation struct {
	// Seq is the place of the event that ends the sessions.
	Seq int64 `json:"seq"`
	// Attempt counts from 1.
	Attempt int       `json:"attempt"`
	RetryAt time.Time `json:"retryAt"`
}

// turn handles one batch of a tenant's events, or tries again what is due when there are none; more says that events may
// follow.
func (r *Revoker) turn(ctx context.Context, tenantID string) (n int, more bool, err error) {
	for lost := 0; ; lost++ {
		n, more, err = r.step(ctx, tenantID, r.failures(tenantID))
		if errors.Is(err, store.ErrStale) && lost < 100 {
			continue // another replica was faster
		}
		if err == nil && !more {
			var k int
			k, err = r.retry(ctx, tenantID)
			n += k
		}
		if ctx.Err() == nil {
			r.note(tenantID, err)
		}
		return n, more, err
	}
}

// step handles one batch. failures is how often the transaction at this place in the journal failed before.
func (r *Revoker) step(ctx context.Context, tenantID string, failures int) (n int, more bool, err error) {
	limit := revokeBatch
	if failures > 0 {
		limit = 1 // find the one that fails
	}
	err = r.cfg.Store.InTx(ctx, func(tx store.Store) error {
		n, more = 0, false
		from, err := tx.Position(ctx, tenantID, revokeReader)
		if err != nil {
			return err
		}
		events, err := tx.Events(ctx, tenantID, store.EventQuery{After: from, Limit: limit})
		if err != nil || len(events) == 0 {
			return err
		}
		more = true
		to := events[len(events)-1].Seq
		// First of all, so that another replica's transaction waits here.
		if err := tx.SavePosition(ctx, tenantID, revokeReader, from, to); err != nil {
			return err
		}
		begun, done := r.cfg.Now(), map[Revocation]bool{}
		for _, ev := range events {
			k, err := r.handle(ctx, tx, tenantID, ev, done, failures >= parkAfter)
			n += k
			if err != nil {
				return err
			}
			if ev.Seq < to && r.cfg.Now().Sub(begun) > turnTime {
				return tx.SavePosition(ctx, tenantID, revokeReader, to, ev.Seq)
			}
		}
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	return n, more, nil
}

// handle ends what is over by one event, or sets the event aside.
func (r *Revoker) handle(ctx context.Context, tx store.Store, tenantID string, ev store.Event, done map[Revocation]bool, park bool) (int, error) {
	over := r.ruleFor(ev)
	if over == nil {
		return 0, nil
	}
	err := errors.New("oidc: the transaction failed several times")
	n := 0
	if !park {
		n, err = r.end(ctx, tx, tenantID, ev, over, done)
	}
	if err == nil {
		return n, nil
	}
	if ctx.Err() != nil {
		return 0, err
	}
	r.logFailure(ctx, tenantID, ev, 1, err)
	return 0, r.fail(ctx, tx, tenantID, ev, 1)
}

// end tells the host which sessions are over by an event, and the journal that they are: all of it, or nothing. done
// are revocations of the same transaction.
func (r *Revoker) end(ctx context.Context, tx store.Store, tenantID string, ev store.Event, over rule, done map[Revocation]bool) (int, error) {
	var ended []Revocation
	hostCtx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	err := tx.InTx(ctx, func(tx store.Store) error {
		ended = nil
		all, err := r.guarded(func() ([]Revocation, error) { return over(hostCtx, tx, tenantID, ev) })
		if err != nil {
			return err
		}
		for _, rev := range all {
			if rev.BeganBefore.IsZero() { // it may know better
				if rev.BeganBefore, err = beganBefore(ctx, tx, tenantID, ev, rev.AccountID); err != nil {
					return err
				}
			}
			if key := keyOf(rev); done[key] || slices.ContainsFunc(ended, func(e Revocation) bool { return keyOf(e) == key }) {
				continue
			}
			if _, err := r.guarded(func() ([]Revocation, error) { return nil, r.cfg.Sessions.RevokeSessions(hostCtx, tx, rev) }); err != nil {
				return fmt.Errorf("oidc: the application could not end the sessions: %w", err)
			}
			if err := tx.AppendEvents(ctx, tenantID, r.endedEvent(rev, ev)); err != nil {
				return err
			}
			ended = append(ended, rev)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, rev := range ended {
		done[keyOf(rev)] = true
	}
	return len(ended), nil
}

// beganBefore is when the youngest session began that can be over by an event. An event is dated before its transaction
// commits, which may take long: a sign-in of the account that comes before it in the journal is older, whatever the clock
// says.
func beganBefore(ctx context.Context, tx store.Store, tenantID string, ev store.Event, accountID string) (time.Time, error) {
	latest := ev.At
	if accountID != "" {
		last, err := tx.Events(ctx, tenantID, store.EventQuery{
			Before: ev.Seq, Newest: true, SubjectKind: subjectAccount, SubjectID: accountID, TypePrefix: EventSignIn, Limit: 1,
		})
		if err != nil {
			return time.Time{}, err
		}
		if len(last) == 1 && last[0].At.After(latest) {
			latest = last[0].At
		}
	}
	return latest.Add(clockMargin), nil
}

// keyOf is a revocation apart from why.
func keyOf(r Revocation) Revocation {
	r.Reason = ""
	return r
}

// guarded makes a panic of the host's an error: the goroutine is not a request's, and nobody else would catch it.
func (r *Revoker) guarded(f func() ([]Revocation, error)) (all []Revocation, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Logger.Error("oidc: the application panicked while sessions were ended", "panic", p, "stack", string(debug.Stack()))
			all, err = nil, errors.New("oidc: the application panicked")
		}
	}()
	return f()
}

// endedEvent tells the journal whose sessions ended, and because of which event.
func (r *Revoker) endedEvent(rev Revocation, cause store.Event) store.Event {
	e := logoutEventOf(rev, store.Time(r.cfg.Now()))
	e.Actor = store.EventActor{Kind: string(tenant.ActorSystem), ID: "session-revoker", Name: "Sessions"}
	e.Subject.Name, e.CorrelationID = cause.Subject.Name, cause.CorrelationID
	switch rev.Reason {
	case ReasonDeactivated:
		e.Message = "All sessions of this account ended: the directory took its access."
	case ReasonConnectionOff:
		e.Message = "Sessions that began at this connection ended: it was suspended or deleted."
	case ReasonConnectionChanged:
		e.Message = "Sessions that began at this connection ended: it leads to another provider or client."
	case ReasonActivated:
		e.Message = "All sessions of this account that began before ended: its domain signs in at a provider now."
	case ReasonUnlinked:
		e.Message = "Sessions that began with an identity ended: it is not linked with the account any more."
	}
	return e
}

func (r *Revoker) logFailure(ctx context.Context, tenantID string, ev store.Event, attempt int, err error) {
	r.cfg.Logger.WarnContext(ctx, "oidc: sessions could not be ended; tried again later",
		"tenant", tenantID, "event", ev.ID, "type", ev.Type, "attempt", attempt, "error", err)
}

// fail opens work for a later attempt, or counts one more. The host's error goes to the log, not into the journal, which
// the tenant's owner reads.
func (r *Revoker) fail(ctx context.Context, tx store.Store, tenantID string, ev store.Event, attempt int) error {
	r.setRetryDue(tenantID, time.Time{}) // look at what is open in the next turn
	info := failedRevocation{Seq: ev.Seq, Attempt: attempt, RetryAt: store.Time(r.cfg.Now().Add(retryDelay(attempt - 1)))}
	e := r.systemEvent(EventRevocationFailed, store.EventSubject{Kind: subjectSessions, ID: ev.ID, Name: ev.Subject.Name})
	e.Code, e.CorrelationID = codeSessions, ev.CorrelationID
	e.Message = "The application could not end sessions that are over. It is tried again."
	e.After, _ = json.Marshal(info) //nolint:errchkjson // numbers and a time
	if err := holdEvent(ctx, tx, tenantID, ev.Seq); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, tenantID, e)
}

// holdEvent moves the second place in the journal in front of an event that is looked at again, so that it is not erased
// for its age meanwhile.
func holdEvent(ctx context.Context, tx store.Store, tenantID string, seq int64) error {
	at, err := tx.Position(ctx, tenantID, revokeRetryReader)
	if err != nil || seq <= 0 || at < seq {
		return err
	}
	return tx.SavePosition(ctx, tenantID, revokeRetryReader, at, seq-1)
}

func (r *Revoker) systemEvent(typ string, subject store.EventSubject) store.Event {
	now := store.Time(r.cfg.Now())
	return store.Event{
		ID: store.NewID(now), Type: typ, At: now, Subject: subject,
		Actor: store.EventActor{Kind: string(tenant.ActorSystem), ID: "session-revoker", Name: "Sessions"},
	}
}

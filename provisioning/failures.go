package provisioning

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// OpenWork is something that the host did not take over yet, for one person or group. It
// is tried again by itself.
type OpenWork struct {
	// SCIMUserID, AccountID or GroupID says for whom; exactly one is set.
	SCIMUserID string `json:"scimUserId,omitempty"`
	AccountID  string `json:"accountId,omitempty"`
	GroupID    string `json:"groupId,omitempty"`
	// Name is the person's or group's, as far as it was known.
	Name string `json:"name,omitempty"`
	// Since is the time of the first attempt, LastAttempt of the newest of Attempts.
	Since       time.Time `json:"since"`
	LastAttempt time.Time `json:"lastAttempt"`
	Attempts    int       `json:"attempts"`
	// NextAttempt is from when on it is tried again.
	NextAttempt time.Time `json:"nextAttempt"`
	// Code is "no_seat", "target_failed", "target_timeout", "target_wrong_answer", "mapper_failed",
	// "mapper_timeout" or "mapper_unstable"; Message says it to people. What the host's
	// error was stands in the log alone.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// failureCode names the kind of failure, for people who may not see the host's error.
func failureCode(err error) (code, message string) {
	side, of := "target", "The application"
	var he *hostError
	if errors.As(err, &he) && he.op == opMap {
		side, of = "mapper", "The application's rules"
	}
	var odd *wrongAnswer
	switch {
	case errors.Is(err, errNoSeat):
		return string(FindingNoSeat), "No seat of the organisation's plan is free for this person. It is tried again."
	case errors.Is(err, context.DeadlineExceeded) || lateMapper(err):
		return side + "_timeout", of + " did not answer in time. It is tried again."
	case errors.As(err, &odd):
		return side + "_wrong_answer", of + " answered about somebody else than asked; nothing was changed. It is tried again."
	case errors.Is(err, errUnstable):
		return side + "_unstable", of + " gave two answers to one question; nothing was changed. It is tried again."
	default:
		return side + "_failed", of + " could not take over this change. It is tried again."
	}
}

// sinceOf is when work was first found open.
func sinceOf(ev store.Event) time.Time {
	if f := attemptOf(ev); !f.Since.IsZero() {
		return f.Since
	}
	return ev.At
}

func openWorkOf(ev store.Event) OpenWork {
	f := attemptOf(ev)
	w := OpenWork{
		Name: ev.Subject.Name, Since: sinceOf(ev), LastAttempt: ev.At, Attempts: max(1, f.Attempt), NextAttempt: f.RetryAt,
		Code: ev.Code, Message: ev.Message,
	}
	switch ev.Subject.Kind {
	case subjectUser:
		w.SCIMUserID = ev.Subject.ID
	case subjectAccount:
		w.AccountID = ev.Subject.ID
	default:
		w.GroupID = ev.Subject.ID
	}
	return w
}

// Failures lists what the host did not take over yet, in the order of the newest attempt,
// oldest first. after is the Next of the page before, empty for the first; limit is at
// most [store.MaxLimit], which zero means. An error matches [tenant.ErrForbidden] for an
// actor who may not [tenant.ActionViewMapping].
//
// It reads the journal from the oldest open work on, so that its cost grows with what
// happened since.
func (e *Engine) Failures(ctx context.Context, actor tenant.Actor, tenantID, after string, limit int) (store.Page[OpenWork], error) {
	page := store.Page[OpenWork]{Exact: true}
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return page, err
	}
	seq := int64(0)
	if after != "" {
		var err error
		if seq, err = strconv.ParseInt(after, 10, 64); err != nil || seq < 0 {
			return page, fmt.Errorf("provisioning: expected the Next of a page, got %q", hostName(after))
		}
	}
	open, err := e.allOpenWork(ctx, tenantID)
	if err != nil {
		return page, err
	}
	most := store.Query{Limit: limit}.ClampLimit()
	for _, ev := range open {
		if ev.Seq <= seq {
			continue
		}
		if len(page.Items) == most {
			page.More = true
			break
		}
		page.Items = append(page.Items, openWorkOf(ev))
		page.Next = strconv.FormatInt(ev.Seq, 10)
	}
	return page, nil
}

// allOpenWork is what is open now, to the end of the journal.
func (e *Engine) allOpenWork(ctx context.Context, tenantID string) ([]store.Event, error) {
	from, err := e.cfg.Store.Position(ctx, tenantID, retryReader)
	if err != nil {
		return nil, err
	}
	return e.openWork(ctx, tenantID, from, 0)
}

// RetryResult says what [Engine.Retry] came to.
type RetryResult struct {
	Tried     int `json:"tried"`
	Recovered int `json:"recovered"`
}

// Retry tries open work again at once, without waiting for NextAttempt: what only names,
// as IDs of provisioned users, accounts or groups, or all of it if only is empty. What
// the host refuses again stays open. IDs without open work do nothing. The call is
// recorded as [EventRetried].
//
// The actor needs [tenant.ActionApplyMapping]. An error of the store ends it; what was
// tried before stays done.
func (e *Engine) Retry(ctx context.Context, actor tenant.Actor, tenantID string, only ...string) (RetryResult, error) {
	var r RetryResult
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return r, err
	}
	open, err := e.allOpenWork(ctx, tenantID)
	if err != nil {
		return r, err
	}
	chosen := set(only)
	for _, ev := range open {
		if len(only) > 0 && !chosen[ev.Subject.ID] {
			continue
		}
		r.Tried++
		if err := e.retryOne(ctx, tenantID, ev); err != nil {
			return r, err
		}
		last, err := lastWork(ctx, e.cfg.Store, tenantID, ev.Subject)
		if err != nil {
			return r, err
		}
		if last.Type == EventRecovered {
			r.Recovered++
		}
	}
	e.setRetryDue(tenantID, time.Time{})
	if r.Tried == 0 {
		return r, nil
	}
	ev := e.event(EventRetried, eventActor(actor), store.EventSubject{Kind: "provisioning"})
	ev.After = asJSON(r)
	return r, e.cfg.Store.AppendEvents(ctx, tenantID, ev)
}

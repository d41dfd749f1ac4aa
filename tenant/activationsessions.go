package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// EventEndSessions is the type of the event by which all sessions of an account end that began before EndSessions.Before.
// Its subject is of the kind "account"; package oidc's Revoker follows it.
const EventEndSessions = "account.sessions_to_end"

// EndSessions is what an [EventEndSessions] tells, in After.
type EndSessions struct {
	ConnectionID string `json:"connectionId"`
	// Before is when the connection was activated, or enforced.
	Before time.Time `json:"before"`
}

const (
	sessionsEnding = "connection.sessions_ending" // an activation ends sessions: it begins
	sessionsEnded  = "connection.sessions_ended"  // of everybody whom it concerns
)

// sessionWork is what is left to do for an activation that ends sessions, in Lifecycle.Work.
type sessionWork struct {
	ConnectionID string           `json:"connectionId"`
	Since        time.Time        `json:"since"`
	Actor        store.EventActor `json:"actor"`
	// KeepID and KeepEmail are the actor's, whose sessions go on; empty if they end too.
	KeepID    string `json:"keepId,omitempty"`
	KeepEmail string `json:"keepEmail,omitempty"`
	// After is the place in the list of people where it goes on.
	After string `json:"after,omitempty"`
	// People counts whose sessions are to end.
	People int `json:"people,omitempty"`
}

// beginSessions records, in the transaction of an activation, that sessions end. It replaces what is left of an earlier one
// of the same connection.
func (s *Service) beginSessions(ctx context.Context, tx store.Store, actor Actor, tenantID string, c store.Connection, a Activation) error {
	if !a.EndSessions {
		return nil
	}
	l, err := s.lifecycle(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	work, err := readWork(l)
	if err != nil {
		return err
	}
	x := sessionWork{ConnectionID: c.ID, Since: s.time(), Actor: actor.event()}
	if !a.EndOwnSession {
		x.KeepID = actor.ID
		x.KeepEmail = snapshotOf(actor, c, nil, a).actorEmail
	}
	work.Sessions = append(slices.DeleteFunc(work.Sessions, func(w sessionWork) bool { return w.ConnectionID == c.ID }), x)
	e, err := s.event(actor, change{kind: kindConnection, id: c.ID, name: c.Name, what: sessionsEnding, message: "Sessions of people in the connection's domains end: they have to sign in anew."})
	if err != nil {
		return err
	}
	return s.putWork(ctx, tx, tenantID, l, work, e)
}

// putWork writes what is left to do for a tenant, without a change of its state.
func (s *Service) putWork(ctx context.Context, tx store.Store, tenantID string, before store.Lifecycle, work endingWork, events ...store.Event) error {
	after, now := before, s.time()
	if after.UpdatedAt = now; before.Version == 0 {
		after.CreatedAt = now
	}
	var err error
	if after.Work = nil; work.left(before.State) || before.State != store.ServiceOn {
		if after.Work, err = work.encode(); err != nil {
			return err
		}
	}
	_, err = tx.PutLifecycle(ctx, tenantID, after, events...)
	return written("writing what is left to do", err)
}

// sessions does the next page of people whose sessions end. The host is asked about them before the transaction, which holds
// what was read to the version of the work.
func (x *endingStep) sessions(ctx context.Context) error {
	work := x.work.Sessions[0]
	left := x.work
	left.Sessions = slices.Clone(x.work.Sessions)
	c, domains, err := x.s.load(ctx, x.s.store, x.tenantID, work.ConnectionID)
	if err != nil && !isNotFound(err) {
		return err
	}
	var events []store.Event
	end := isNotFound(err) || c.State != store.ConnectionActive // who signed in there is over by that
	if !end {
		if events, end, err = x.sessionPage(ctx, &work, c, domains); err != nil {
			return err
		}
	}
	left.Sessions[0] = work
	if end {
		left.Sessions = left.Sessions[1:]
		e, err := x.s.event(actorOf(work.Actor), change{kind: kindConnection, id: work.ConnectionID, name: c.Name, what: sessionsEnded, after: map[string]int{"people": work.People}})
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	err = x.s.store.InTx(ctx, func(tx store.Store) error { return x.s.putWork(ctx, tx, x.tenantID, x.before, left, events...) })
	if err != nil {
		return err
	}
	x.work, x.people, x.done = left, len(events), !left.left(x.before.State)
	if end {
		x.people--
	}
	return nil
}

// sessionPage makes the events of one page of people, and moves the work on.
func (x *endingStep) sessionPage(ctx context.Context, work *sessionWork, c store.Connection, domains []store.Domain) (events []store.Event, end bool, err error) {
	at, ok := parseUserCursor(work.After)
	if !ok {
		return nil, false, fmt.Errorf("tenant: the work on sessions goes on at %q, which is no place", work.After)
	}
	w, err := x.s.walkUsers(ctx, x.tenantID)
	if err != nil {
		return nil, false, err
	}
	b, err := w.read(ctx, at, endingPage)
	if err != nil {
		return nil, false, err
	}
	snap := activationSnapshot{
		connection: c, domains: domains, actor: Actor{ID: work.KeepID}, actorEmail: work.KeepEmail,
		activation: Activation{EndSessions: true, EndOwnSession: work.KeepID == "" && work.KeepEmail == ""},
	}
	for _, u := range b.users {
		email, err := NormalizeEmail(u.Email)
		if err != nil || !snap.endsSessions(u, email) {
			continue
		}
		e, err := x.s.event(actorOf(work.Actor), change{
			kind: "account", id: u.AccountID, name: u.Email, what: EventEndSessions, after: EndSessions{ConnectionID: c.ID, Before: work.Since},
		})
		if err != nil {
			return nil, false, err
		}
		events = append(events, e)
	}
	work.People += len(events)
	if b.next.end() {
		return events, true, nil
	}
	work.After = b.next.String()
	return events, false, nil
}

// actorOf is who began a piece of work.
func actorOf(a store.EventActor) Actor { return Actor{Kind: ActorKind(a.Kind), ID: a.ID, Name: a.Name} }

// ReadEndSessions reads what an [EventEndSessions] tells; false for another event, or one that does not name an account.
func ReadEndSessions(e store.Event) (EndSessions, bool) {
	var out EndSessions
	ok := e.Type == EventEndSessions && e.Subject.Kind == "account" && e.Subject.ID != "" && json.Unmarshal(e.After, &out) == nil
	return out, ok
}

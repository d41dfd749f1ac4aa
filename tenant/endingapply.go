package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// ApplyEnding does what [Service.PlanEnding] showed. hash is that plan's: if the ending would now do something else, nothing
// is changed and the error is a [*StaleEndingError] with the present plan. What stands in the way is a [*ValidationError].
//
// A suspension stops sign-in in one transaction, and a downgrade is recorded in one. A removal begins: sign-in stops at once,
// directories can only take access away, and the set-up can't be changed. What goes by person or record then, and the offers
// of a suspension too, is done in pages by [Service.ContinueEnding] or [Service.RunEndings], which the caller starts. An
// ending of one connection is one transaction, but for its offers.
//
// With Ending.Unplanned no hash is needed, and what is returned tells of records alone, not of people.
func (s *Service) ApplyEnding(ctx context.Context, actor Actor, tenantID string, e Ending, hash string) (EndingPlan, error) {
	if err := s.allow(ctx, actor, endingAction(e), tenantID); err != nil {
		return EndingPlan{}, err
	}
	e, err := parseEnding(e)
	if err != nil {
		return EndingPlan{}, err
	}
	plan, err := s.planToApply(ctx, tenantID, e, hash)
	if err != nil {
		return EndingPlan{}, err
	}
	if err := refuse(plan.Findings); err != nil {
		return EndingPlan{}, err
	}
	if e.ConnectionID != "" {
		err = s.applyConnection(ctx, actor, tenantID, plan)
	} else {
		err = s.beginEndingAgain(ctx, actor, tenantID, plan)
	}
	if errors.Is(err, errPlanOver) {
		if plan, err = s.planEnding(ctx, tenantID, e); err == nil {
			err = &StaleEndingError{Plan: plan}
		}
	}
	if err != nil {
		return EndingPlan{}, err
	}
	return plan, nil
}

// planToApply is the plan that was seen, or without one, of an emergency, what is known without asking for people.
func (s *Service) planToApply(ctx context.Context, tenantID string, e Ending, hash string) (EndingPlan, error) {
	if !e.Unplanned {
		plan, err := s.planEnding(ctx, tenantID, e)
		if err == nil && plan.Hash != hash {
			err = &StaleEndingError{Plan: plan}
		}
		return plan, err
	}
	snap, err := s.endingSnapshot(ctx, s.store, tenantID, e)
	if err != nil {
		return EndingPlan{}, err
	}
	if err := snap.endable(e); err != nil {
		return EndingPlan{}, err
	}
	if snap.lifecycle.State == store.ServiceRemoving {
		return EndingPlan{}, open(snap.lifecycle)
	}
	plan := newEndingPlanner(snap, e).plan()
	plan.Hash = ""
	return plan, nil
}

// endingWork is what is left to do of an ending, in Lifecycle.Work.
type endingWork struct {
	Ending Ending           `json:"ending"`
	Actor  store.EventActor `json:"actor"`
	// After is the account after which the offers of a suspension go on.
	After string `json:"after,omitempty"`
	// Links says that they have come to people who are known by their links alone; After is a link then.
	Links bool `json:"links,omitempty"`
	// Removed counts what is gone, by kind; Offered whom something was offered.
	Removed map[store.RecordKind]int `json:"removed,omitempty"`
	Offered int                      `json:"offered,omitempty"`
	// Sessions are those that activations end, of a tenant in service.
	Sessions []sessionWork `json:"sessions,omitempty"`
	// Connections are suspended ones whose people are to be offered another way in.
	Connections []connectionOffers `json:"connections,omitempty"`
	// Forgotten says that the journal is gone too.
	Forgotten bool `json:"forgotten,omitempty"`
}

// left says whether there is something to do for a tenant in this state.
func (w endingWork) left(state store.ServiceState) bool {
	switch state {
	case store.ServiceRemoving:
		return true
	case store.ServiceSuspended:
		return w.Ending.Offer != OfferNothing || len(w.Connections) > 0
	case store.ServiceOn:
		return w.Ending.Offer != OfferNothing || len(w.Sessions) > 0 || len(w.Connections) > 0
	}
	return false
}

// ofSuspensions is the part of it that goes on when a suspension of the tenant ends, or another one begins: offers to people who
// lost the way in.
func (w endingWork) ofSuspensions() endingWork {
	out := endingWork{Connections: w.Connections}
	if w.Ending.Kind == EndingSuspend && w.Ending.Offer != OfferNothing {
		out.Ending, out.Actor, out.After, out.Links, out.Offered = w.Ending, w.Actor, w.After, w.Links, w.Offered
	}
	return out
}

func readWork(l store.Lifecycle) (endingWork, error) {
	var w endingWork
	if len(l.Work) == 0 {
		return w, nil
	}
	if err := json.Unmarshal(l.Work, &w); err != nil {
		return w, fmt.Errorf("tenant: reading the work of an ending: %w", err)
	}
	return w, nil
}

func (w endingWork) encode() ([]byte, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("tenant: writing the work of an ending: %w", err)
	}
	return b, nil
}

// beginEndingAgain begins an ending, once more where a change of the set-up was faster: an ending that was seen is refused
// then if it would do something else now, one without a plan must not have to be asked for twice.
func (s *Service) beginEndingAgain(ctx context.Context, actor Actor, tenantID string, plan EndingPlan) error {
	for try := 1; ; try++ {
		err := s.store.InTx(ctx, func(tx store.Store) error { return s.beginEnding(ctx, tx, actor, tenantID, plan) })
		if !errors.Is(err, store.ErrStale) || errors.Is(err, errPlanOver) || try == endingTries {
			return err
		}
	}
}

// beginEnding does the part of an ending that is done at once.
func (s *Service) beginEnding(ctx context.Context, tx store.Store, actor Actor, tenantID string, plan EndingPlan) error {
	e := plan.Ending
	// Read first: what is committed after this makes the write below fail, and the plan is compared once more.
	before, err := s.lifecycle(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	if err := s.planHolds(ctx, tx, tenantID, plan); err != nil {
		return err
	}
	if e.Kind == EndingDowngrade {
		_, err := s.putLapse(ctx, tx, actor, before, e.Left)
		return err
	}
	after, what := before, "tenant.suspended"
	after.State = store.ServiceSuspended
	if e.Kind == EndingRemove {
		after.State, what = store.ServiceRemoving, "tenant.removal_begun"
	}
	work := endingWork{}
	if e.Kind == EndingRemove || e.Offer != OfferNothing {
		work.Ending, work.Actor = e, actor.event()
	}
	if e.Kind == EndingSuspend { // who lost the way in before is still to be offered another
		was, err := readWork(before)
		if err != nil {
			return err
		}
		work.Connections = was.Connections
		if e.Offer == OfferNothing {
			work = was.ofSuspensions()
		}
	}
	after.StateSince, after.Reason, after.Work = s.time(), e.Reason, nil
	if work.left(after.State) {
		if after.Work, err = work.encode(); err != nil {
			return err
		}
	}
	if _, err := s.putLifecycle(ctx, tx, actor, before, after, what, unplanned(e)); err != nil {
		return err
	}
	all, err := tx.Connections(ctx, tenantID)
	if err != nil {
		return fmt.Errorf("tenant: reading connections: %w", err)
	}
	for _, c := range all {
		if c.State != store.ConnectionActive {
			continue
		}
		if err := s.suspendFor(ctx, tx, actor, c, e); err != nil {
			return err
		}
	}
	return nil
}

// suspendFor suspends one connection for an ending.
func (s *Service) suspendFor(ctx context.Context, tx store.Store, actor Actor, before store.Connection, e Ending) error {
	after := before
	var err error
	if after.State, err = nextOf(before, StepSuspend); err != nil {
		return err
	}
	code := ""
	if e.KeepSessions {
		code = sessionsKept
	}
	ev, err := s.event(actor, change{
		kind: kindConnection, id: after.ID, name: after.Name, what: "connection.suspended",
		before: journalled(before), after: journalled(after), code: code, message: unplanned(e),
	})
	if err != nil {
		return err
	}
	after.UpdatedAt = s.time()
	s.routes.changingConnection(before.TenantID, before, after)
	_, err = tx.UpdateConnection(ctx, before.TenantID, after, ev)
	return written("suspending the connection", err)
}

// ResumeTenant ends a suspension of a tenant's sign-on as a whole. Its connections stay suspended, until each is activated
// again with [Service.Activate], which makes all the checks. Offers of the suspension that are still to be made go on to
// those who can't sign in at a connection that was activated again: resuming alone lets nobody in. Resuming a tenant that is in service succeeds; one that is
// being removed, or was, gives wrong_state. The actor needs [ActionSuspendTenant].
func (s *Service) ResumeTenant(ctx context.Context, actor Actor, tenantID, reason string) error {
	if err := s.allow(ctx, actor, ActionSuspendTenant, tenantID); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx store.Store) error {
		before, err := s.lifecycle(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		switch before.State {
		case store.ServiceOn:
			return nil
		case store.ServiceSuspended:
		default:
			return conflict(ErrorCodeState, "Single sign-on of this organisation is %s. A removal can't be taken back; afterwards it can be set up anew.", before.State)
		}
		was, err := readWork(before)
		if err != nil {
			return err
		}
		after := before
		after.State, after.StateSince, after.Reason, after.Work = store.ServiceOn, s.time(), shown(reason), nil
		if work := was.ofSuspensions(); work.left(store.ServiceOn) {
			if after.Work, err = work.encode(); err != nil {
				return err
			}
		}
		_, err = s.putLifecycle(ctx, tx, actor, before, after, "tenant.resumed", shown(reason))
		return err
	})
}

// reopen puts a tenant that was removed back into service, since it is being set up anew.
func (s *Service) reopen(ctx context.Context, tx store.Store, actor Actor, tenantID string) error {
	before, err := s.lifecycle(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	if err := open(before); err != nil { // meanwhile
		return err
	}
	if before.State != store.ServiceRemoved {
		return nil
	}
	after := before
	after.State, after.StateSince, after.Reason, after.Work = store.ServiceOn, s.time(), "", nil
	_, err = s.putLifecycle(ctx, tx, actor, before, after, "tenant.set_up_anew", "")
	return err
}

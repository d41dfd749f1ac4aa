package tenant

import (
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// Step is something that moves a connection through its life.
type Step string

// The steps.
const (
	StepSave     Step = "save"     // owner changes the draft
	StepSubmit   Step = "submit"   // owner asks for review
	StepAsk      Step = "ask"      // staff need information
	StepApprove  Step = "approve"  // staff, or a policy
	StepReject   Step = "reject"   // staff
	StepWithdraw Step = "withdraw" // owner takes the request back
	StepActivate Step = "activate" // sign-in begins, or resumes
	StepApply    Step = "apply"    // a change goes in force, and ends
	StepSuspend  Step = "suspend"  // sign-in stops
	StepDelete   Step = "delete"
)

// transitions is the life of a connection: from which state a step leads where. What
// is not here is refused. A step that leads to its own state changes no state.
//
// An active connection can't be saved: its reviewed fields change only through a new
// review (D4), and what owners may change alone has methods of its own. It is
// suspended before it is deleted, so that nobody loses sign-in by one click.
//
// A change of a connection in force goes the same way, apart from the end: it is applied
// instead of being activated.
var transitions = map[Step]map[store.ConnectionState]store.ConnectionState{
	StepSave: {
		store.ConnectionDraft:            store.ConnectionDraft,
		store.ConnectionNeedsInformation: store.ConnectionNeedsInformation,
		store.ConnectionRejected:         store.ConnectionDraft,
		store.ConnectionWithdrawn:        store.ConnectionDraft,
	},
	StepSubmit: {
		store.ConnectionDraft:            store.ConnectionSubmitted,
		store.ConnectionNeedsInformation: store.ConnectionSubmitted,
	},
	StepAsk: {
		store.ConnectionSubmitted: store.ConnectionNeedsInformation,
		store.ConnectionApproved:  store.ConnectionNeedsInformation,
	},
	StepApprove: {
		store.ConnectionSubmitted: store.ConnectionApproved,
	},
	StepReject: {
		store.ConnectionSubmitted:        store.ConnectionRejected,
		store.ConnectionNeedsInformation: store.ConnectionRejected,
		store.ConnectionApproved:         store.ConnectionRejected,
	},
	StepWithdraw: {
		store.ConnectionSubmitted:        store.ConnectionWithdrawn,
		store.ConnectionNeedsInformation: store.ConnectionWithdrawn,
		store.ConnectionApproved:         store.ConnectionWithdrawn,
	},
	StepActivate: {
		store.ConnectionApproved:  store.ConnectionActive,
		store.ConnectionSuspended: store.ConnectionActive,
	},
	StepApply: {
		store.ConnectionApproved: store.ConnectionDeleted,
	},
	StepSuspend: {
		store.ConnectionActive: store.ConnectionSuspended,
	},
	StepDelete: {
		store.ConnectionDraft:     store.ConnectionDeleted,
		store.ConnectionRejected:  store.ConnectionDeleted,
		store.ConnectionWithdrawn: store.ConnectionDeleted,
		store.ConnectionSuspended: store.ConnectionDeleted,
	},
}

// Steps returns the steps that are possible for a connection, by its State and ChangeOf, in alphabetical order, so that
// a page can offer them.
func Steps(c store.Connection) []Step {
	var steps []Step
	for step := range transitions {
		if _, err := nextOf(c, step); err == nil {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps
}

// nextOf returns the state that a step leads a connection to, or the refusal.
func nextOf(c store.Connection, step Step) (store.ConnectionState, error) {
	switch {
	case step == StepActivate && c.ChangeOf != "":
		return "", conflict(ErrorCodeState, "This is a change of another connection: it is applied, not activated.")
	case step == StepApply && c.ChangeOf == "":
		return "", conflict(ErrorCodeState, "This is no change of another connection: it is activated, not applied.")
	}
	return next(c.State, step)
}

// next looks into the table.
func next(state store.ConnectionState, step Step) (store.ConnectionState, error) {
	if to, ok := transitions[step][state]; ok {
		return to, nil
	}
	if step == StepSave {
		switch state {
		case store.ConnectionSubmitted, store.ConnectionApproved:
			return "", conflict(ErrorCodeRequestPending, "This request is with our team. Withdraw it to change it.")
		case store.ConnectionActive, store.ConnectionSuspended:
			return "", conflict(ErrorCodeChangeNeedsReview, "These settings are in force. Request a change of them.")
		}
	}
	return "", conflict(ErrorCodeState, "The connection is %s: %s is not possible.", state, step)
}

package provisioning

import (
	"encoding/json"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// eventPrefix starts the types of all events of this package. What a line of a plan
// did has the type "provisioning." and the line's kind, with the line as After.
const eventPrefix = "provisioning."

// The types of the other events.
const (
	EventSettings   = eventPrefix + "settings.changed" // a tenant chose other settings
	EventPaused     = eventPrefix + "paused"           // somebody paused it; Message says why
	EventResumed    = eventPrefix + "resumed"          // somebody let through what waited
	EventReconciled = eventPrefix + "reconciled"       // everybody was compared; After is the ReconcileReport
	// A team that waits to be deleted stays.
	EventDeleteCancelled = eventPrefix + "team.delete_cancelled"
	EventApplied         = eventPrefix + "applied"             // somebody applied a plan; see AppliedPlan
	EventUndoRecord      = eventPrefix + "undo_record"         // what it did, in parts, for an undo
	EventNotified        = eventPrefix + "notified"            // Config.Notifier was told; Code is the notice's kind
	EventFinding         = eventPrefix + "finding"             // a plan left something undone; Code says what
	EventFailed          = eventPrefix + "work.failed"         // the host refused; tried again later
	EventRecovered       = eventPrefix + "work.recovered"      // it went through at last
	EventRetried         = eventPrefix + "retried"             // somebody had open work tried again at once
	EventBreaker         = eventPrefix + "breaker.tripped"     // too many people were to lose access; paused
	EventRefused         = eventPrefix + "refused"             // the policy refused a directory's write
	EventConvertible     = eventPrefix + "conversion.approved" // an account may be taken over
)

// subjectSettings is the kind of subject of what happens to a tenant's settings.
const subjectSettings = "provisioning_settings"

// system is the actor of all that provisioning does by itself.
var system = store.EventActor{Kind: string(tenant.ActorSystem), ID: "provisioning", Name: "Provisioning"}

func eventActor(a tenant.Actor) store.EventActor {
	name := a.Name
	if name == "" {
		name = a.Email
	}
	return store.EventActor{Kind: string(a.Kind), ID: a.ID, Name: name}
}

// event makes an event of what is given; the clock is the engine's.
func (e *Engine) event(typ string, actor store.EventActor, subject store.EventSubject) store.Event {
	now := e.cfg.Now()
	return store.Event{ID: store.NewID(now), Type: typ, At: now, Actor: actor, Subject: subject}
}

func (e *Engine) lineEvent(l Line) store.Event {
	subject := store.EventSubject{Kind: subjectAccount, ID: l.AccountID, Name: l.Person}
	if l.Person == "" && l.AccountID == "" {
		subject = store.EventSubject{Kind: subjectTeam, ID: l.TeamID, Name: l.Team}
	}
	ev := e.event(eventPrefix+string(l.Kind), system, subject)
	ev.After, ev.Message = asJSON(l), l.Reason
	return ev
}

func (e *Engine) findingEvent(f Finding) store.Event {
	subject := store.EventSubject{Kind: subjectUser, ID: f.SCIMUserID, Name: f.Person}
	switch {
	case f.AccountID != "":
		subject = store.EventSubject{Kind: subjectAccount, ID: f.AccountID, Name: f.Person}
	case f.SCIMUserID != "":
	case f.GroupID != "":
		subject = store.EventSubject{Kind: subjectGroup, ID: f.GroupID, Name: f.Group}
	default:
		subject = store.EventSubject{Kind: "provisioning"}
	}
	ev := e.event(EventFinding, system, subject)
	ev.Code, ev.Message, ev.After = string(f.Code), f.Message, asJSON(f)
	return ev
}

// asJSON encodes a record of ours, which cannot fail.
func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("provisioning: %T does not encode: %v", v, err))
	}
	return b
}

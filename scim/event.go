package scim

import (
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// The types of events that this package adds to the journal. Host types give
// EventResourceCreated and its siblings, with the type's name in the subject's
// kind: "scim_resource:Device".
const (
	EventUserCreated     = "scim.user.created"
	EventUserUpdated     = "scim.user.updated"
	EventUserDeleted     = "scim.user.deleted"
	EventGroupCreated    = "scim.group.created"
	EventGroupUpdated    = "scim.group.updated"
	EventGroupDeleted    = "scim.group.deleted"
	EventGroupMembers    = "scim.group.members_changed"
	EventResourceCreated = "scim.resource.created"
	EventResourceUpdated = "scim.resource.updated"
	EventResourceDeleted = "scim.resource.deleted"
)

// event tells of a change, with the resource as JSON before and after it.
func (h *Handler) event(r *request, rt *resourceType, what string, now time.Time, id, name string, before, after []byte) store.Event {
	prefix, subject := h.kinds[rt].event()
	if prefix == "scim.resource" {
		subject += ":" + rt.Name
	}
	return store.Event{
		ID: store.NewID(now), Type: prefix + "." + what, At: now,
		Actor:   store.EventActor{Kind: "api_key", ID: r.principal.KeyID, Name: r.principal.KeyName},
		Origin:  h.cfg.Origin.Of(r.Request).Event(),
		Subject: store.EventSubject{Kind: subject, ID: id, Name: name},
		Before:  before, After: after,
		CorrelationID: r.trace,
	}
}

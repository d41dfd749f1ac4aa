package scim

import "github.com/tenantgate/tenantgate/tenant"

// EventTypes returns the types of events that this package writes, for tenant.WebhookConfig and for a host's pages. Each
// call returns a list of its own.
func EventTypes() []tenant.EventType {
	const (
		user     = "the user as a SCIM resource (RFC 7643), without its password"
		group    = "the group as a SCIM resource, without its members"
		resource = "the resource of a type that the host registered"
	)
	return []tenant.EventType{
		{Type: EventUserCreated, Subject: "scim_user", Description: "A directory made a user.", After: user},
		{Type: EventUserUpdated, Subject: "scim_user", Description: "A directory changed a user; with active false it took the user's access.", Before: user, After: user},
		{Type: EventUserDeleted, Subject: "scim_user", Description: "A directory deleted a user.", Before: user},
		{Type: EventGroupCreated, Subject: "scim_group", Description: "A directory made a group; Members has those whom it began with.", After: group},
		{Type: EventGroupUpdated, Subject: "scim_group", Description: "A directory changed a group.", Before: group, After: group},
		{Type: EventGroupDeleted, Subject: "scim_group", Description: "A directory deleted a group.", Before: group},
		{Type: EventGroupMembers, Subject: "scim_group", Description: "A directory changed who is in a group; Members has who came and went."},
		{Type: EventResourceCreated, Subject: "scim_resource:TYPE", Description: "A directory made a resource of a type that the host registered.", After: resource},
		{Type: EventResourceUpdated, Subject: "scim_resource:TYPE", Description: "A directory changed one.", Before: resource, After: resource},
		{Type: EventRequestsExported, Subject: "scim_requests", Description: "Somebody took along what a directory sent, and was answered."},
		{Type: EventResourceDeleted, Subject: "scim_resource:TYPE", Description: "A directory deleted one.", Before: resource},
	}
}

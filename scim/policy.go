package scim

import (
	"context"
	"encoding/json"
)

// Action is what a request does with a resource.
type Action string

// The actions that a [Policy] is asked about.
const (
	ActionCreate  Action = "create"
	ActionReplace Action = "replace"
	ActionPatch   Action = "patch"
	ActionDelete  Action = "delete"
)

// Write is a change that is about to be stored.
type Write struct {
	TenantID  string
	Principal Principal
	Action    Action
	// ResourceType is "User", "Group" or the name of a host's type.
	ResourceType string
	// ID is the resource's ID, empty for ActionCreate.
	ID string
	// Before and After are the resource as JSON without id, meta, members and
	// secrets; Before is nil for ActionCreate, After for ActionDelete. They must
	// not be changed.
	Before, After json.RawMessage
	// AddMembers and RemoveMembers are IDs that a group gains and loses;
	// ReplaceMembers makes AddMembers the whole membership.
	AddMembers, RemoveMembers []string
	ReplaceMembers            bool
	// Deprovisioning is set on changes that only take access away: a user
	// deleted or set inactive, a group deleted, members removed. The policy hears of
	// them, to count them, but can't refuse: taking access away always works.
	Deprovisioning bool
}

// Policy has the last word before a write: the root user, the tenant's domains,
// the plan, the brake on mass changes. It is called by several goroutines at
// once, and once more for the same request when another one was faster.
type Policy interface {
	// Check returns nil to let the write through, an *Error to refuse it with that
	// answer, or any other error, which is logged and gives 500. When a refused
	// write would set a user inactive among other things, the user is set
	// inactive and the rest is left out.
	Check(ctx context.Context, w Write) error
}

// PolicyFunc is a [Policy] made of a function.
type PolicyFunc func(ctx context.Context, w Write) error

// Check calls f.
func (f PolicyFunc) Check(ctx context.Context, w Write) error { return f(ctx, w) }

// InsecureAllowAll is a [Policy] without rules: any domain, any user, any number
// of changes. For tests and conformance suites.
type InsecureAllowAll struct{}

// Check lets everything through.
func (InsecureAllowAll) Check(context.Context, Write) error { return nil }

// permit asks the policy; what takes access away goes through whatever it says.
func (h *Handler) permit(ctx context.Context, w Write) error {
	err := h.cfg.Policy.Check(ctx, w)
	if err != nil && w.Deprovisioning {
		h.log.WarnContext(ctx, "scim: policy refused to take access away; done all the same",
			"tenant", w.TenantID, "type", w.ResourceType, "id", w.ID, "error", err)
		return nil
	}
	return err
}

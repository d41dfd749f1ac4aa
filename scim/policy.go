package scim

import (
	"context"

	"github.com/tenantgate/tenantgate/tenant"
)

// Policy has the last word before a write: the root user, the tenant's domains,
// the plan. provisioning.Policy is one. It is called by several goroutines at
// once, and once more for the same request when another one was faster.
type Policy interface {
	// Check returns nil to let the write through, a *tenant.Refusal (or an *Error) to
	// refuse it with that answer, or any other error, which is logged and gives
	// 500. When a refused write would set a user inactive, or take members from a
	// group, among other things, that is done and the rest is left out; the answer is
	// then the resource as it is.
	Check(ctx context.Context, w tenant.DirectoryWrite) error
}

// PolicyFunc is a [Policy] made of a function.
type PolicyFunc func(ctx context.Context, w tenant.DirectoryWrite) error

// Check calls f.
func (f PolicyFunc) Check(ctx context.Context, w tenant.DirectoryWrite) error { return f(ctx, w) }

// InsecureAllowAll is a [Policy] without rules: any domain, any user, any number
// of changes. For tests and conformance suites.
type InsecureAllowAll struct{}

// Check lets everything through.
func (InsecureAllowAll) Check(context.Context, tenant.DirectoryWrite) error { return nil }

// permit asks the policy; what takes access away goes through whatever it says.
func (h *Handler) permit(ctx context.Context, w tenant.DirectoryWrite) error {
	err := h.cfg.Policy.Check(ctx, w)
	if err != nil && w.Deprovisioning {
		h.log.WarnContext(ctx, "scim: policy refused to take access away; done all the same",
			"tenant", w.TenantID, "type", w.ResourceType, "id", w.ID, "error", err)
		return nil
	}
	return err
}

package oidc

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/tenant"
)

// gate is what Config.Gate says about a tenant: nil where people may sign in.
type gate struct{ existing, first error }

// askGate asks before the transaction of a sign-in: the host may have to read what that transaction holds.
func (h *Handler) askGate(ctx context.Context, tenantID string) gate {
	if h.cfg.Gate == nil {
		return gate{}
	}
	existing, first := h.cfg.Gate.SignInGate(ctx, tenantID)
	return gate{existing: gateRefusal(existing), first: gateRefusal(first)}
}

func gateRefusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tenant.ErrForbidden):
		return denied(CodePlanRequired, "the tenant's plan does not include sign-on, or not for people who sign in for the first time")
	}
	return unavailable(CodePlanUnknown, "what the tenant's plan includes could not be found out", err)
}

// closedByPlan says that nobody can sign in at the tenant's providers any more. Its people then have the host's own ways, as
// if the connection were suspended (R50). While the plan is unknown the provider stays the way in.
func (h *Handler) closedByPlan(ctx context.Context, tenantID string) bool {
	return errors.Is(h.askGate(ctx, tenantID).existing, ErrDenied)
}

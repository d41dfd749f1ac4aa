package portal

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/tenant"
)

// endingPage is what the suspension or deletion of a connection means, before it is done.
type endingPage struct {
	Tabs connectionTabs    `json:"-"`
	ID   string            `json:"id"`
	Plan tenant.EndingPlan `json:"plan"`
	// Suspends says that it is a suspension, Sure that it needs a confirmation.
	Suspends bool `json:"-"`
	Sure     bool `json:"-"`
	// Lose, Keep, Unknown and None count people by what becomes of their way in.
	Lose, Keep, Unknown, None int      `json:"-"`
	Offers                    []option `json:"-"`
	Form                      *form    `json:"-"`
}

func endingOf(connectionID string, kind tenant.EndingKind, values url.Values) tenant.Ending {
	e := tenant.Ending{
		Kind: kind, ConnectionID: connectionID, Reason: values.Get("reason"), Confirm: values.Get("confirm") != "",
		Unplanned: values.Get("unplanned") != "",
	}
	if kind == tenant.EndingSuspend {
		e.Offer, e.KeepSessions = tenant.Offer(values.Get("offer")), values.Get("keep_sessions") != ""
	}
	return e
}

// ending shows what it would mean, with the choices in the address.
func (h *Handler) ending(kind tenant.EndingKind) screen {
	return func(v *visit) error {
		values := v.r.URL.Query()
		e := endingOf(v.r.PathValue("connection"), kind, values)
		e.Unplanned = false
		plan, err := h.cfg.Tenants.PlanEnding(v.r.Context(), v.Actor, v.tenantID, e)
		if err != nil {
			return v.connectionRefused(err, values)
		}
		return v.showEnding(http.StatusOK, "", plan, values, nil)
	}
}

func (v *visit) showEnding(code int, problem string, plan tenant.EndingPlan, values url.Values, findings []tenant.Finding) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	body := endingPage{
		Tabs: v.tabs(c, ""), ID: c.ID, Plan: plan, Suspends: plan.Ending.Kind == tenant.EndingSuspend,
		Lose: plan.Totals.By[tenant.EffectLoses], Keep: plan.Totals.By[tenant.EffectKeeps],
		Unknown: plan.Totals.By[tenant.EffectUnknown], None: plan.Totals.By[tenant.EffectNone],
		Form: newForm(values, findings, tenant.FieldEndingReason, "offer"),
		Offers: []option{
			{Value: string(tenant.OfferNothing), Label: v.p.text("Nothing")},
			{Value: string(tenant.OfferPasswordReset), Label: v.p.text("A link to choose a password")},
			{Value: string(tenant.OfferInvitation), Label: v.p.text("An invitation")},
		},
	}
	for _, f := range plan.Findings {
		body.Sure = body.Sure || f.Code == tenant.CodeOwnersLockedOut
	}
	if body.Suspends {
		return v.showProblem(code, "ending", "Suspend the connection", problem, body)
	}
	return v.showProblem(code, "ending", "Delete the connection", problem, body)
}

// end does what was shown, or in an emergency suspends at once.
func (h *Handler) end(kind tenant.EndingKind) screen {
	return func(v *visit) error {
		values, err := v.form()
		if err != nil {
			return err
		}
		id := v.r.PathValue("connection")
		e := endingOf(id, kind, values)
		plan, err := h.cfg.Tenants.ApplyEnding(v.r.Context(), v.Actor, v.tenantID, e, values.Get("hash"))
		stale, changed := errors.AsType[*tenant.StaleEndingError](err)
		switch {
		case err == nil && kind == tenant.EndingSuspend:
			return v.done(v.path("c", id), "saved", map[string]any{"plan": plan})
		case err == nil:
			return v.done(v.base, "removed", map[string]any{"plan": plan})
		case v.wantsJSON() && !changed:
			return err
		case changed:
			sentence, _ := v.conflicted(err)
			return v.showEnding(http.StatusConflict, sentence, stale.Plan, values, nil)
		}
		findings := findingsOf(err)
		if findings == nil || e.Unplanned {
			return v.connectionRefused(err, values)
		}
		e.Reason = "" // what it means is the same for a reason that can't be taken
		if plan, err = h.cfg.Tenants.PlanEnding(v.r.Context(), v.Actor, v.tenantID, e); err != nil {
			return err
		}
		return v.showEnding(http.StatusUnprocessableEntity, v.p.text("It was not done."), plan, values, findings)
	}
}

package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// orgPage is what the host's staff see of one organisation.
type orgPage struct {
	Conditions  []tenant.Condition          `json:"conditions"`
	Connections []connectionCard            `json:"connections"`
	Refused     []provisioning.RefusedWrite `json:"refused"`
	MaySuspend  bool                        `json:"-"`
	MayRemove   bool                        `json:"-"`
	// Suspended says that sign-on as a whole is.
	Suspended bool  `json:"suspended"`
	Form      *form `json:"-"`
}

// orgEndingPage is what the suspension or removal of an organisation's sign-on means, before it is done.
type orgEndingPage struct {
	PlanID string            `json:"planId"`
	Plan   tenant.EndingPlan `json:"plan"`
	// Removes says that it is a removal, Sure that it needs a confirmation.
	Removes bool                  `json:"-"`
	Sure    bool                  `json:"-"`
	People  []tenant.PersonEffect `json:"-"`
	More    int                   `json:"-"`
	// Lose, Keep, Unknown and None count people by what becomes of their way in.
	Lose, Keep, Unknown, None int    `json:"-"`
	Confirm                   string `json:"-"`
	Form                      *form  `json:"-"`
}

// aboutEnding names what is kept of an ending.
const aboutEnding = "ending"

// staffRoutes are those of the host's staff beside the queue.
func (h *Handler) staffRoutes() {
	h.reviewer("GET", "/organisation", h.findOrganisation)
	h.reviewer("GET", "/wait/{work}", h.wait)
	h.reviewer("GET", "/t/{tenant}", h.organisation)
	h.reviewer("POST", "/t/{tenant}/ending/plan", h.planOrgEnding)
	h.reviewer("GET", "/t/{tenant}/ending/{plan}", h.orgEnding)
	h.reviewer("POST", "/t/{tenant}/ending", h.endOrganisation)
	h.reviewer("POST", "/t/{tenant}/suspend", h.suspendAtOnce)
	h.reviewer("POST", "/t/{tenant}/resume", h.resume)
	h.reviewer("GET", "/contests", h.contests)
	h.reviewer("POST", "/t/{tenant}/domains/{domain}/plan", h.planTransfer)
	h.reviewer("GET", "/t/{tenant}/domains/{domain}/{plan}", h.transfer)
	h.reviewer("POST", "/t/{tenant}/domains/{domain}/{plan}", h.applyTransfer)
}

// findOrganisation leads to the organisation whose ID was entered.
func (h *Handler) findOrganisation(v *visit) error {
	id := strings.TrimSpace(v.r.URL.Query().Get("id"))
	if id == "" || len(id) > 255 {
		return store.ErrNotFound
	}
	if _, err := h.cfg.Names.Tenant(v.r.Context(), id); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, v.path("t", id), http.StatusSeeOther)
	return nil
}

func (h *Handler) organisation(v *visit) error {
	return v.showOrganisation(http.StatusOK, "", url.Values{}, nil)
}

func (v *visit) showOrganisation(code int, problem string, values url.Values, findings []tenant.Finding) error {
	ctx, svc := v.r.Context(), v.h.cfg.Tenants
	body := orgPage{Connections: []connectionCard{}, Refused: []provisioning.RefusedWrite{}, Form: newForm(values, findings, "reason")}
	list, err := svc.Connections(ctx, v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	for _, c := range list {
		body.Connections = append(body.Connections, v.card(c))
	}
	health, err := svc.Health(ctx, v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	body.Conditions, body.Suspended = health.Conditions, health.Has(tenant.ModeTenantSuspended)
	if body.MaySuspend, err = v.may(tenant.ActionSuspendTenant); err != nil {
		return err
	}
	if body.MayRemove, err = v.may(tenant.ActionRemoveTenant); err != nil {
		return err
	}
	if v.h.cfg.Refused != nil {
		refused, _, err := v.h.cfg.Refused.Refused(ctx, v.Actor, v.tenantID, 0, 20)
		if err != nil && !errors.Is(err, tenant.ErrForbidden) {
			return err
		}
		body.Refused = append(body.Refused, refused...)
	}
	return v.showProblem(code, "organisation", "Organisation", problem, body)
}

// orgEndingOf is what a form chose.
func orgEndingOf(values url.Values) tenant.Ending {
	e := tenant.Ending{
		Kind: tenant.EndingKind(values.Get("kind")), Offer: tenant.Offer(values.Get("offer")), KeepSessions: values.Get("keep_sessions") != "",
		Reason: values.Get("reason"), Confirm: values.Get("confirm") != "",
	}
	e.TakeMemberships = e.Kind == tenant.EndingRemove && values.Get("take_memberships") != ""
	return e
}

// planOrgEnding computes what it would mean, beside the page: everybody is looked at.
func (h *Handler) planOrgEnding(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	e := orgEndingOf(values)
	if e.Kind != tenant.EndingSuspend && e.Kind != tenant.EndingRemove {
		return store.ErrNotFound
	}
	e.Confirm, e.Reason = false, ""
	err = v.besideTo("Computing the preview", maxWorkTime, v.base, func(ctx context.Context) (string, string, error) {
		plan, err := h.cfg.Tenants.PlanEnding(ctx, v.Actor, v.tenantID, e)
		if err != nil {
			return "", "", err
		}
		return v.keptEnding(ctx, plan, "previewed")
	})
	return v.orgRefused(err, values)
}

func (v *visit) keptEnding(ctx context.Context, plan tenant.EndingPlan, as string) (to, notice string, err error) {
	id, err := v.keepFor(ctx, aboutEnding, plan)
	return v.path("ending", id), as, err
}

// orgRefused shows the organisation again with what stood in the way.
func (v *visit) orgRefused(err error, values url.Values) error {
	if err == nil || v.wantsJSON() {
		return err
	}
	if sentence, ok := v.conflicted(err); ok {
		return v.showOrganisation(http.StatusConflict, sentence, values, nil)
	}
	if findings := findingsOf(err); findings != nil {
		return v.showOrganisation(http.StatusUnprocessableEntity, v.p.text("It was not done."), values, findings)
	}
	return err
}

func (h *Handler) orgEnding(v *visit) error {
	return v.showOrgEnding(http.StatusOK, "", v.r.PathValue("plan"), nil, url.Values{}, nil)
}

// showOrgEnding shows a plan: the one given, else the one that is kept under the ID.
func (v *visit) showOrgEnding(code int, problem, id string, plan *tenant.EndingPlan, values url.Values, findings []tenant.Finding) error {
	if plan == nil {
		plan = &tenant.EndingPlan{}
		if err := v.kept(id, aboutEnding, plan); err != nil {
			return err
		}
	}
	body := orgEndingPage{
		PlanID: id, Plan: *plan, Removes: plan.Ending.Kind == tenant.EndingRemove, People: cut(plan.People, 0, affectedOnPage), More: max(0, len(plan.People)-affectedOnPage),
		Lose: plan.Totals.By[tenant.EffectLoses], Keep: plan.Totals.By[tenant.EffectKeeps], Unknown: plan.Totals.By[tenant.EffectUnknown], None: plan.Totals.By[tenant.EffectNone],
		Confirm: v.name, Form: newForm(values, findings, "reason", fieldConfirm),
	}
	for _, f := range plan.Findings {
		body.Sure = body.Sure || f.Code == tenant.CodeOwnersLockedOut
	}
	if body.Removes {
		return v.showProblem(code, "org-ending", "Remove single sign-on", problem, body)
	}
	return v.showProblem(code, "org-ending", "Suspend single sign-on", problem, body)
}

// endOrganisation does what was shown.
func (h *Handler) endOrganisation(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	e := orgEndingOf(values)
	if e.Kind != tenant.EndingSuspend && e.Kind != tenant.EndingRemove {
		return store.ErrNotFound
	}
	if e.Kind == tenant.EndingRemove && strings.TrimSpace(values.Get(fieldConfirm)) != strings.TrimSpace(v.name) {
		f := tenant.Finding{Field: fieldConfirm, Code: "name_not_typed", Severity: tenant.SeverityError, Expected: v.name, Message: v.p.text("Type the organisation's name to remove its single sign-on.")}
		if v.wantsJSON() {
			return &tenant.ValidationError{Findings: []tenant.Finding{f}}
		}
		return v.showOrgEnding(http.StatusUnprocessableEntity, v.p.text("It was not done."), values.Get("plan"), nil, values, []tenant.Finding{f})
	}
	err = v.besideTo("Applying the plan", maxWorkTime, v.base, func(ctx context.Context) (string, string, error) {
		_, err := h.cfg.Tenants.ApplyEnding(ctx, v.Actor, v.tenantID, e, values.Get("hash"))
		if stale, ok := errors.AsType[*tenant.StaleEndingError](err); ok {
			to, notice, keepErr := v.keptEnding(ctx, stale.Plan, "changed")
			return to, notice, errors.Join(err, keepErr)
		}
		if err != nil {
			return "", "", err
		}
		return v.base, "applied", nil
	})
	if err == nil || v.wantsJSON() {
		return err
	}
	if stale, ok := errors.AsType[*tenant.StaleEndingError](err); ok {
		sentence, _ := v.conflicted(err)
		return v.showOrgEnding(http.StatusConflict, sentence, "", &stale.Plan, values, nil)
	}
	if findings := findingsOf(err); findings != nil {
		return v.showOrgEnding(http.StatusUnprocessableEntity, v.p.text("It was not done."), values.Get("plan"), nil, values, findings)
	}
	return v.orgRefused(err, values)
}

// suspendAtOnce is for an emergency: nobody looks first whom it concerns.
func (h *Handler) suspendAtOnce(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	_, err = h.cfg.Tenants.ApplyEnding(v.r.Context(), v.Actor, v.tenantID, tenant.Ending{Kind: tenant.EndingSuspend, Unplanned: true, Reason: values.Get("reason")}, "")
	if err != nil {
		return v.orgRefused(err, values)
	}
	return v.done(v.base, "applied", map[string]any{"done": "suspended"})
}

// resume ends a suspension of the organisation's sign-on.
func (h *Handler) resume(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if err := h.cfg.Tenants.ResumeTenant(v.r.Context(), v.Actor, v.tenantID, values.Get("reason")); err != nil {
		return v.orgRefused(err, values)
	}
	return v.done(v.base, "resumed", map[string]any{"done": "resumed"})
}

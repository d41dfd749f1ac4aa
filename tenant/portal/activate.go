package portal

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// activatePage is screen 7: what it means when this connection is active, or enforced.
type activatePage struct {
	Tabs    connectionTabs        `json:"-"`
	ID      string                `json:"id"`
	Version int64                 `json:"version"`
	State   store.ConnectionState `json:"state"`
	// Enforced says that it is the only way in now.
	Enforced bool `json:"enforced"`
	// Possible says that the connection can be activated, or its enforcement changed.
	Possible bool `json:"possible"`
	// Enforcement are the prechecks of making it the only way in.
	Enforcement []tenant.Finding `json:"enforcement"`
	Ready       bool             `json:"ready"`
	BreakGlass  []string         `json:"breakGlass"`
	Domains     []store.Domain   `json:"domains"`
	// Plan is what it means for people, once that was asked for; People are as many of them as the page shows.
	Plan       *tenant.ActivationPlan    `json:"plan,omitempty"`
	PlanID     string                    `json:"planId,omitempty"`
	Effects    []string                  `json:"-"`
	People     []tenant.ActivationPerson `json:"-"`
	MorePeople string                    `json:"-"`
	// Confirm is what must be typed to enforce: the organisation's name.
	Confirm string `json:"-"`
	Form    *form  `json:"-"`
}

const (
	// fieldConfirm is where the organisation's name is typed.
	fieldConfirm = "confirm_name"
	// affectedOnPage is how many people of a plan one page shows.
	affectedOnPage = 50
)

// activationOf is what a form chose.
func activationOf(values url.Values) tenant.Activation {
	return tenant.Activation{
		Enforced: values.Get("mode") == "enforced", Confirm: values.Get("confirm") != "", EndSessions: values.Get("end_sessions") != "",
		EndOwnSession: values.Get("end_own_session") != "", Hash: values.Get("hash"),
	}
}

// activationValues are the form of a plan.
func activationValues(a tenant.Activation) url.Values {
	values := url.Values{"mode": {"optional"}}
	if a.Enforced {
		values.Set("mode", "enforced")
	}
	for name, on := range map[string]bool{"end_sessions": a.EndSessions, "end_own_session": a.EndOwnSession} {
		if on {
			values.Set(name, "1")
		}
	}
	return values
}

func (h *Handler) activation(v *visit) error {
	id := v.r.URL.Query().Get("plan")
	if id == "" {
		return v.showActivation(http.StatusOK, "", nil, url.Values{"mode": {"optional"}}, nil)
	}
	var plan tenant.ActivationPlan
	err := v.kept(id, v.r.PathValue("connection"), &plan)
	if errors.Is(err, store.ErrNotFound) && !v.wantsJSON() {
		return v.showActivation(http.StatusNotFound, v.p.text("This preview is not kept any more. Make a new one."), nil, url.Values{"mode": {"optional"}}, nil)
	}
	if err != nil {
		return err
	}
	return v.showActivation(http.StatusOK, "", &plan, activationValues(plan.Activation), nil)
}

func (v *visit) showActivation(code int, problem string, plan *tenant.ActivationPlan, values url.Values, findings []tenant.Finding) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	report, err := v.h.cfg.Tenants.Enforcement(v.r.Context(), v.Actor, v.tenantID, c.ID)
	if err != nil {
		return err
	}
	body := activatePage{
		Tabs: v.tabs(c, "activate"), ID: c.ID, Version: c.Version, State: c.State, Enforced: c.Enforced, Enforcement: report.Findings, Ready: report.Ready(),
		BreakGlass: c.BreakGlass, Domains: c.Domains, Confirm: v.name, Form: newForm(values, findings), Plan: plan,
	}
	body.Possible = c.State == store.ConnectionActive || c.State == store.ConnectionSuspended || c.State == store.ConnectionApproved && c.ChangeOf == ""
	if plan != nil {
		if plan.Activation.Enforced {
			body.Form = newForm(values, findings, fieldConfirm)
		}
		q := v.r.URL.Query()
		body.PlanID = cmp.Or(q.Get("plan"), values.Get("plan"))
		body.Ready, body.Effects = plan.Ready(), v.effects(plan.Totals)
		body.People = cut(plan.People, place(q, "people"), affectedOnPage)
		if from := place(q, "people") + affectedOnPage; from < len(plan.People) && body.PlanID != "" {
			body.MorePeople = v.path("c", c.ID, "activate") + "?" + url.Values{"plan": {body.PlanID}, "people": {strconv.Itoa(from)}}.Encode()
		}
	}
	return v.showProblem(code, "activate", "Activation", problem, body)
}

// effects sum up what an activation means for people.
func (v *visit) effects(t tenant.ActivationTotals) []string {
	p := v.p
	out := []string{p.count(t.InDomains, "%d person is in these domains; %[2]d are not, and nothing changes for them.", "%d people are in these domains; %[2]d are not, and nothing changes for them.", t.Outside)}
	some := func(n int, one, other string) {
		if n > 0 {
			out = append(out, p.count(n, one, other))
		}
	}
	some(t.By[tenant.MatchLinked], "%d of them has signed in at the provider before.", "%d of them have signed in at the provider before.")
	some(t.By[tenant.MatchEmail], "%d account is found by its e-mail address.", "%d accounts are found by their e-mail address.")
	some(t.By[tenant.MatchCreated], "%d person gets an account at the first sign-in.", "%d people get an account at the first sign-in.")
	some(t.By[tenant.MatchNone], "%d account is not found: this person can't sign in at the provider.", "%d accounts are not found: these people can't sign in at the provider.")
	some(t.PasswordEnds, "%d person can't use the password any more.", "%d people can't use their passwords any more.")
	some(t.Lose, "%d person loses every way in.", "%d people lose every way in.")
	some(t.OwnersLose, "%d of them is an owner.", "%d of them are owners.")
	some(t.BreakGlass, "%d break-glass account keeps its password.", "%d break-glass accounts keep their passwords.")
	some(t.SessionsEnd, "%d person is signed out.", "%d people are signed out.")
	return out
}

// planActivation computes what it would mean for people, beside the page: everybody is looked at.
func (h *Handler) planActivation(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	c, err := v.connection()
	if err != nil {
		return err
	}
	a := activationOf(values)
	a.Hash, a.Confirm = "", false
	back := v.path("c", c.ID, "activate")
	err = v.besideTo("Computing the preview", maxWorkTime, back, func(ctx context.Context) (string, string, error) {
		plan, err := h.cfg.Tenants.PlanActivation(ctx, v.Actor, v.tenantID, c.ID, a)
		if err != nil {
			return "", "", err
		}
		return v.keptActivation(ctx, plan)
	})
	return v.activationRefused(err, values, nil)
}

// keptActivation keeps a plan, and says where it is.
func (v *visit) keptActivation(ctx context.Context, plan tenant.ActivationPlan) (to, notice string, err error) {
	id, err := v.keepFor(ctx, plan.ConnectionID, plan)
	return v.path("c", plan.ConnectionID, "activate") + "?plan=" + id, "previewed", err
}

// exportActivation sends what it means for each person as a table.
func (h *Handler) exportActivation(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	a := activationOf(values)
	a.Hash = ""
	out := &download{w: v.w, mime: "text/csv; charset=utf-8", name: "activation.csv"}
	if _, err = h.cfg.Tenants.ExportActivation(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("connection"), a, out); err != nil && !out.begun {
		return v.activationRefused(err, values, nil)
	}
	if err != nil { // a part is on its way: the connection must break, or the file would look whole
		h.cfg.Logger.ErrorContext(v.r.Context(), "portal: export", "tenant", v.tenantID, "error", err)
		panic(http.ErrAbortHandler)
	}
	out.begin()
	return nil
}

// activate puts the connection in force, or changes whether it is the only way in.
func (h *Handler) activate(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	plan, err := v.shownPlan(values)
	if err != nil {
		return err
	}
	a := activationOf(values)
	if a.Enforced && strings.TrimSpace(values.Get(fieldConfirm)) != strings.TrimSpace(v.name) {
		return v.refuseActivation(values, plan, []tenant.Finding{{
			Field: fieldConfirm, Code: "confirmation_required", Severity: tenant.SeverityError, Expected: v.name,
			Message: v.p.text("Type the organisation's name to make this the only way in."),
		}})
	}
	c, err := v.connection()
	if err != nil {
		return err
	}
	at, svc := version(values), h.cfg.Tenants
	err = v.besideTo("Activating", workTime, v.path("c", c.ID, "activate"), func(ctx context.Context) (string, string, error) {
		to, notice := v.base, "activated"
		var err error
		if c.State == store.ConnectionActive {
			to, notice = v.path("c", c.ID, "activate"), "saved"
			if !a.Enforced {
				a.Hash = "" // that passwords work again needs no plan
			}
			_, err = svc.SetEnforced(ctx, v.Actor, v.tenantID, c.ID, at, a)
		} else {
			_, err = svc.Activate(ctx, v.Actor, v.tenantID, c.ID, at, a)
		}
		if stale, ok := errors.AsType[*tenant.StaleActivationError](err); ok {
			to, _, keepErr := v.keptActivation(ctx, stale.Plan)
			return to, "changed", errors.Join(err, keepErr)
		}
		if err != nil {
			return "", "", err
		}
		return to, notice, nil
	})
	return v.activationRefused(err, values, plan)
}

// shownPlan is the plan that the form was shown with, if it is kept.
func (v *visit) shownPlan(values url.Values) (*tenant.ActivationPlan, error) {
	id := values.Get("plan")
	if id == "" {
		return nil, nil
	}
	var plan tenant.ActivationPlan
	err := v.kept(id, v.r.PathValue("connection"), &plan)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // its hash is compared all the same
	}
	return &plan, err
}

// activationRefused shows the page again with what stood in the way.
func (v *visit) activationRefused(err error, values url.Values, plan *tenant.ActivationPlan) error {
	if err == nil || v.wantsJSON() {
		return err
	}
	if stale, ok := errors.AsType[*tenant.StaleActivationError](err); ok {
		sentence, _ := v.conflicted(err)
		return v.showActivation(http.StatusConflict, sentence, &stale.Plan, values, nil)
	}
	if sentence, ok := v.conflicted(err); ok {
		return v.showActivation(http.StatusConflict, sentence, plan, values, nil)
	}
	if findings := findingsOf(err); findings != nil {
		return v.refuseActivation(values, plan, findings)
	}
	return err
}

func (v *visit) refuseActivation(values url.Values, plan *tenant.ActivationPlan, findings []tenant.Finding) error {
	if v.wantsJSON() {
		return &tenant.ValidationError{Findings: findings}
	}
	if plan != nil { // what the plan shows anyway is not shown twice
		findings = slices.DeleteFunc(slices.Clone(findings), func(f tenant.Finding) bool {
			return slices.ContainsFunc(plan.Findings, func(p tenant.Finding) bool { return p.Code == f.Code && p.Message == f.Message })
		})
	}
	return v.showActivation(http.StatusUnprocessableEntity, v.p.text("It was not activated."), plan, values, findings)
}

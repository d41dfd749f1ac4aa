package portal

import (
	"context"
	"net/http"
	"net/url"
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
	// Confirm is what must be typed to enforce: the organisation's name.
	Confirm string `json:"-"`
	Form    *form  `json:"-"`
}

// fieldConfirm is where the organisation's name is typed.
const fieldConfirm = "confirm_name"

func (h *Handler) activation(v *visit) error {
	return v.showActivation(http.StatusOK, "", url.Values{"mode": {"optional"}}, nil)
}

func (v *visit) showActivation(code int, problem string, values url.Values, findings []tenant.Finding) error {
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
		BreakGlass: c.BreakGlass, Domains: c.Domains, Confirm: v.name, Form: newForm(values, findings, fieldConfirm),
	}
	body.Possible = c.State == store.ConnectionActive || c.State == store.ConnectionSuspended || c.State == store.ConnectionApproved && c.ChangeOf == ""
	return v.showProblem(code, "activate", "Activation", problem, body)
}

// activate puts the connection in force, or changes whether it is the only way in.
func (h *Handler) activate(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	a := tenant.Activation{Enforced: values.Get("mode") == "enforced", Confirm: values.Get("confirm") != ""}
	if a.Enforced && strings.TrimSpace(values.Get(fieldConfirm)) != strings.TrimSpace(v.name) {
		return v.refuseActivation(values, []tenant.Finding{{
			Field: fieldConfirm, Code: "confirmation_required", Severity: tenant.SeverityError, Expected: v.name,
			Message: v.p.text("Type the organisation's name to make this the only way in."),
		}})
	}
	c, err := v.connection()
	if err != nil {
		return err
	}
	at, svc := version(values), h.cfg.Tenants
	if c.State == store.ConnectionActive {
		_, err = svc.SetEnforced(v.r.Context(), v.Actor, v.tenantID, c.ID, at, a)
		if err == nil {
			return v.done(v.path("c", c.ID, "activate"), "saved", map[string]any{"enforced": a.Enforced})
		}
	} else {
		err = v.beside("Activating", v.base, "activated", func(ctx context.Context) error {
			_, err := svc.Activate(ctx, v.Actor, v.tenantID, c.ID, at, a)
			return err
		})
	}
	if err == nil || v.wantsJSON() {
		return err
	}
	if sentence, ok := v.conflicted(err); ok {
		return v.showActivation(http.StatusConflict, sentence, values, nil)
	}
	if findings := findingsOf(err); findings != nil {
		return v.refuseActivation(values, findings)
	}
	return err
}

func (v *visit) refuseActivation(values url.Values, findings []tenant.Finding) error {
	if v.wantsJSON() {
		return &tenant.ValidationError{Findings: findings}
	}
	return v.showActivation(http.StatusUnprocessableEntity, v.p.text("It was not activated."), values, findings)
}

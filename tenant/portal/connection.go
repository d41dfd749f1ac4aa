package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// connectionTabs lead through the screens of one connection.
type connectionTabs struct {
	Connection connectionCard
	Items      []navItem
}

// connectionPage is a connection as it stands, with what can be done about it.
type connectionPage struct {
	Tabs             connectionTabs        `json:"-"`
	ID               string                `json:"id"`
	Version          int64                 `json:"version"`
	State            store.ConnectionState `json:"state"`
	Status           status                `json:"status"`
	Provider         string                `json:"provider"`
	Connection       tenant.Connection     `json:"-"`
	RedirectURI      string                `json:"redirectUri"`
	InitiateLoginURI string                `json:"initiateLoginUri"`
	LogoutURI        string                `json:"backchannelLogoutUri"`
	Scopes           []string              `json:"scopes"`
	Region           string                `json:"region,omitempty"`
	Differences      []tenant.Difference   `json:"differences,omitempty"`
	Messages         []store.ReviewMessage `json:"messages,omitempty"`
	Checks           []store.CheckResult   `json:"checks,omitempty"`
	Steps            []tenant.Step         `json:"steps"`
	MayWrite         bool                  `json:"-"`
	Form             *form                 `json:"-"`
}

// Can says whether a step is possible, for the page's buttons.
func (p connectionPage) Can(step string) bool { return slices.Contains(p.Steps, tenant.Step(step)) }

// connection reads the connection that the address names. One of another tenant is not found.
func (v *visit) connection() (tenant.Connection, error) {
	return v.h.cfg.Tenants.Connection(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("connection"))
}

// connectionScreens are the screens of a connection, in the order of the work.
var connectionScreens = []struct {
	path, title string
	action      tenant.Action
}{
	{path: "", title: "The connection", action: tenant.ActionViewConnection},
	{path: "application", title: "The application", action: tenant.ActionEditConnection},
	{path: "details", title: "Details", action: tenant.ActionEditConnection},
	{path: "secret", title: "Client secret", action: tenant.ActionReplaceSecret},
	{path: "test", title: "Test", action: tenant.ActionEditConnection},
	{path: "activate", title: "Activation", action: tenant.ActionActivate},
}

// tabs are the screens of a connection that the visitor may open.
func (v *visit) tabs(c tenant.Connection, current string) connectionTabs {
	t := connectionTabs{Connection: v.card(c)}
	for _, x := range connectionScreens {
		ok, err := v.may(x.action)
		if err != nil || !ok {
			continue // whoever opens it anyway is told why
		}
		url := v.path("c", c.ID)
		if x.path != "" {
			url = v.path("c", c.ID, x.path)
		}
		t.Items = append(t.Items, navItem{Name: v.p.text(x.title), URL: url, Current: x.path == current})
	}
	return t
}

func (h *Handler) showConnection(v *visit) error {
	return v.connectionView(http.StatusOK, "", url.Values{}, nil)
}

func (v *visit) connectionView(code int, problem string, values url.Values, findings []tenant.Finding) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	body := connectionPage{
		Tabs: v.tabs(c, ""), ID: c.ID, Version: c.Version, State: c.State, Status: v.connectionStatus(c), Provider: tenant.GuideOf(c.Provider).Name,
		Connection: c, RedirectURI: v.h.cfg.Login.RedirectURI(c.ID), InitiateLoginURI: v.h.cfg.Login.InitiateLoginURI(),
		LogoutURI: v.h.cfg.Login.BackchannelLogoutURI(c.ID), Scopes: tenant.Scopes(c.AdditionalScopes), Messages: c.Messages, Checks: c.Checks, Region: v.h.regionLabel(),
		Steps: []tenant.Step{}, Form: newForm(values, findings, tenant.FieldMessage),
	}
	if body.Steps, err = v.stepsOf(c); err != nil {
		return err
	}
	if body.MayWrite, err = v.may(tenant.ActionSubmitConnection); err != nil {
		return err
	}
	if c.Approved != nil && c.State != store.ConnectionActive {
		body.Differences = tenant.Differences(*c.Approved, settingsOf(c))
	}
	return v.showProblem(code, "connection", "Connection", problem, body)
}

// settingsOf are what a review is about.
func settingsOf(c tenant.Connection) store.ConnectionSettings {
	s := store.ConnectionSettings{
		Name: c.Name, Provider: c.Provider, Authority: c.Authority, Issuer: c.Issuer, ClientID: c.ClientID, ClientAuth: c.ClientAuth,
		BreakGlass: c.BreakGlass, AdditionalScopes: c.AdditionalScopes, JustInTime: c.JustInTime, JustInTimeAnyDomain: c.JustInTimeAnyDomain,
		EmailVerifiedString: c.EmailVerifiedString, EmailFallback: c.EmailFallback,
	}
	for _, d := range c.Domains {
		s.Domains = append(s.Domains, d.Name)
	}
	slices.Sort(s.Domains)
	return s
}

// stepActions are what an owner needs for a step.
var stepActions = map[tenant.Step]tenant.Action{
	tenant.StepSubmit: tenant.ActionSubmitConnection, tenant.StepWithdraw: tenant.ActionSubmitConnection, tenant.StepActivate: tenant.ActionActivate,
	tenant.StepApply: tenant.ActionActivate, tenant.StepSuspend: tenant.ActionSuspend, tenant.StepDelete: tenant.ActionDeleteConnection,
	tenant.StepSave: tenant.ActionEditConnection,
}

// stepsOf are the steps that the connection's state and the visitor's rights allow.
func (v *visit) stepsOf(c tenant.Connection) ([]tenant.Step, error) {
	steps := []tenant.Step{}
	for _, s := range tenant.Steps(c.Connection) {
		action, owners := stepActions[s]
		if !owners {
			continue
		}
		ok, err := v.may(action)
		if err != nil {
			return nil, err
		}
		if ok {
			steps = append(steps, s)
		}
	}
	return steps, nil
}

// version is the one that the form was made for: who was slower is told.
func version(values url.Values) int64 {
	n, err := strconv.ParseInt(values.Get("version"), 10, 64)
	if err != nil {
		return -1 // no record has it
	}
	return n
}

// step does what the buttons of a connection say.
func (h *Handler) step(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	id, at, svc := v.r.PathValue("connection"), version(values), h.cfg.Tenants
	to := v.path("c", id)
	ctx := v.r.Context()
	notice := "saved"
	switch v.r.PathValue("step") {
	case "check":
		return v.beside("Checking the connection", to, "checked", func(ctx context.Context) error {
			_, _, err := svc.RunChecks(ctx, v.Actor, v.tenantID, id)
			return err
		})
	case "submit":
		return v.beside("Submitting the request", to, "submitted", func(ctx context.Context) error {
			_, _, err := svc.Submit(ctx, v.Actor, v.tenantID, id, at)
			return err
		})
	case "apply":
		return v.beside("Putting the change in force", v.base, "applied", func(ctx context.Context) error {
			_, err := svc.ApplyChange(ctx, v.Actor, v.tenantID, id, at, values.Get("confirm") != "")
			return err
		})
	case "withdraw":
		notice = "withdrawn"
		_, err = svc.Withdraw(ctx, v.Actor, v.tenantID, id, at)
	case "suspend":
		_, err = svc.Suspend(ctx, v.Actor, v.tenantID, id, at, values.Get("reason"))
	case "change":
		var c tenant.Connection
		if c, err = svc.StartChange(ctx, v.Actor, v.tenantID, id); err == nil {
			to = v.path("c", c.ID, "details")
		}
		notice = ""
	case "delete":
		notice, to = "removed", v.base
		err = svc.Delete(ctx, v.Actor, v.tenantID, id, at)
	case "message":
		notice = "sent"
		_, err = svc.AddMessage(ctx, v.Actor, v.tenantID, id, at, values.Get("message"))
	default:
		return store.ErrNotFound
	}
	if err != nil {
		return v.connectionRefused(err, values)
	}
	return v.done(to, notice, map[string]any{"done": v.r.PathValue("step")})
}

// connectionRefused shows the connection again with what stood in the way.
func (v *visit) connectionRefused(err error, values url.Values) error {
	if v.wantsJSON() {
		return err
	}
	if sentence, ok := v.conflicted(err); ok {
		return v.connectionView(http.StatusConflict, sentence, values, nil)
	}
	if findings := findingsOf(err); findings != nil {
		return v.connectionView(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), values, findings)
	}
	return err
}

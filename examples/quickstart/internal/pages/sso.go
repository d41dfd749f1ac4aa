package pages

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// requestForm is what the owner typed. It never holds the secret.
type requestForm struct {
	Domains       string
	Authority     string
	ClientID      string
	SecretExpires string
	BreakGlass    string
	Scopes        string
	SCIM          bool
	PhoneEditable bool
	PhoneConfirm  bool
}

// domainView is a domain with what to publish to prove it.
type domainView struct {
	Domain       store.Domain               `json:"-"`
	ID           string                     `json:"id"`
	Name         string                     `json:"name"`
	Verified     bool                       `json:"verified"`
	Instructions []tenant.DomainInstruction `json:"instructions"`
	Finding      *store.CheckResult         `json:"finding,omitempty"`
	Message      string                     `json:"message,omitempty"`
}

// action is a button.
type action struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Second bool   `json:"-"`
}

// ssoPage is the page's body.
type ssoPage struct {
	// Base is where the request's form leads, Link the set-up link by which the visitor came, if so.
	Base             string                `json:"-"`
	Link             *tenant.SetupLink     `json:"-"`
	Connection       *tenant.Connection    `json:"-"`
	ID               string                `json:"id,omitempty"`
	State            store.ConnectionState `json:"state,omitempty"`
	StateText        string                `json:"state_text,omitempty"`
	StateClass       string                `json:"-"`
	RedirectURI      string                `json:"redirect_uri,omitempty"`
	InitiateLoginURI string                `json:"initiate_login_uri,omitempty"`
	SCIMBaseURL      string                `json:"scim_base_url,omitempty"`
	Scopes           string                `json:"scopes,omitempty"`
	TestedEmail      string                `json:"tested_email,omitempty"`
	Checks           []store.CheckResult   `json:"checks,omitempty"`
	Messages         []store.ReviewMessage `json:"messages,omitempty"`
	Test             *oidc.TestReport      `json:"test,omitempty"`
	Health           tenant.Health         `json:"health"`
	// Ending is what a suspension would mean, once it was asked for.
	Ending   *tenant.EndingPlan          `json:"ending,omitempty"`
	Domains  []domainView                `json:"domains"`
	Actions  []action                    `json:"actions"`
	ShowForm bool                        `json:"-"`
	Form     requestForm                 `json:"-"`
	Errors   map[string][]tenant.Finding `json:"-"`
	General  []tenant.Finding            `json:"-"`
}

// states say what a connection's state means for its owner.
var states = map[store.ConnectionState]struct{ text, class string }{
	store.ConnectionDraft:            {"draft", ""},
	store.ConnectionSubmitted:        {"in review", "warn"},
	store.ConnectionNeedsInformation: {"we need information", "warn"},
	store.ConnectionApproved:         {"approved: prove your domains, test, then activate", "warn"},
	store.ConnectionActive:           {"active", "good"},
	store.ConnectionRejected:         {"rejected", "bad"},
	store.ConnectionWithdrawn:        {"withdrawn", ""},
	store.ConnectionSuspended:        {"suspended", "bad"},
}

func (s *Server) sso(w http.ResponseWriter, r *http.Request, v visitor) {
	body := ssoPage{}
	if c, err := s.newest(r.Context(), v); err == nil && c != nil {
		// What the last test brought is shown once.
		report, err := s.Login.TakeTestReport(r.Context(), v.org.ID, c.ID, v.actor)
		switch {
		case err == nil:
			body.Test = &report
		case !errors.Is(err, store.ErrNotFound):
			s.fail(w, r, err)
			return
		}
	}
	s.showSSO(w, r, v, http.StatusOK, body, "")
}

// showSSO shows the newest connection, and the form where a request can be made.
func (s *Server) showSSO(w http.ResponseWriter, r *http.Request, v visitor, status int, body ssoPage, problem string) {
	c, err := s.newest(r.Context(), v)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if body.Health, err = s.Tenants.Health(r.Context(), v.actor, v.org.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	body.Base, body.Link = v.base(), v.link
	body.ShowForm = c == nil || formStates[c.State]
	if body.Form == (requestForm{}) && body.Errors == nil {
		body.Form = formOf(c)
	}
	body.InitiateLoginURI = s.Login.InitiateLoginURI()
	body.Domains, body.Actions = []domainView{}, []action{}
	if c != nil {
		if err := s.describeConnection(r, v, &body, c); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	name := "sso"
	if v.link != nil {
		name = "setup"
	}
	s.render(w, r, status, name, v, page{Title: "Single sign-on", Tab: "sso", Problem: problem, Body: body})
}

// formOf fills the form with the request that there is, so that whoever is asked for
// one more thing need not type the rest again.
func formOf(c *tenant.Connection) requestForm {
	if c == nil {
		return requestForm{PhoneConfirm: true}
	}
	f := requestForm{
		Authority: c.Authority, ClientID: c.ClientID, BreakGlass: strings.Join(c.BreakGlass, ", "), Scopes: strings.Join(c.AdditionalScopes, " "),
		SCIM: c.SCIM.Wanted, PhoneEditable: c.SCIM.PhoneEditable, PhoneConfirm: !c.SCIM.PhoneUnconfirmed,
	}
	var names []string
	for _, d := range c.Domains {
		names = append(names, d.Name)
	}
	f.Domains = strings.Join(names, ", ")
	if !c.SecretExpiresAt.IsZero() {
		f.SecretExpires = c.SecretExpiresAt.UTC().Format("2006-01-02T15:04")
	}
	return f
}

// formStates are those in which a (new) request can be typed.
var formStates = map[store.ConnectionState]bool{
	store.ConnectionDraft: true, store.ConnectionNeedsInformation: true,
	store.ConnectionRejected: true, store.ConnectionWithdrawn: true,
}

func (s *Server) describeConnection(r *http.Request, v visitor, body *ssoPage, c *tenant.Connection) error {
	body.Connection, body.ID, body.State = c, c.ID, c.State
	body.StateText, body.StateClass = states[c.State].text, states[c.State].class
	body.RedirectURI = s.Login.RedirectURI(c.ID)
	body.Scopes = strings.Join(append([]string{"openid", "profile", "email"}, c.AdditionalScopes...), " ")
	body.TestedEmail, body.Checks, body.Messages = c.TestedEmail, c.Checks, c.Messages
	for _, d := range c.Domains {
		view := domainView{Domain: d, ID: d.ID, Name: d.Name, Verified: d.State == store.DomainVerified, Finding: d.Finding, Message: s.Tenants.DomainMessage(d)}
		if !view.Verified {
			view.Instructions = s.Tenants.DomainInstructions(d)
		}
		body.Domains = append(body.Domains, view)
	}
	if c.State == store.ConnectionApproved || c.State == store.ConnectionActive || c.State == store.ConnectionSuspended {
		body.Actions = append(body.Actions, action{Name: "test", Label: "Test sign-in", Second: true})
	}
	if c.State == store.ConnectionActive && !c.Enforced {
		body.Actions = append(body.Actions, action{Name: "enforce", Label: "Make it the only way in", Second: true})
	}
	if c.State == store.ConnectionActive && c.Enforced {
		body.Actions = append(body.Actions, action{Name: "optional", Label: "Allow passwords again", Second: true})
	}
	if c.State == store.ConnectionActive || c.State == store.ConnectionSuspended {
		body.Actions = append(body.Actions, action{Name: "change", Label: "Request a change", Second: true})
	}
	if c.ChangeOf != "" && c.State == store.ConnectionApproved {
		body.StateText = "approved: prove new domains, test, then put it in force"
	}
	for _, step := range tenant.Steps(c.Connection) {
		switch step {
		case tenant.StepApply:
			body.Actions = append(body.Actions, action{Name: "apply", Label: "Put the change in force"})
		case tenant.StepDelete:
			if c.ChangeOf != "" {
				body.Actions = append(body.Actions, action{Name: "discard", Label: "Discard the change", Second: true})
			}
		case tenant.StepActivate:
			body.Actions = append(body.Actions, action{Name: "activate", Label: "Activate"}, action{Name: "enforce", Label: "Activate and make it the only way in", Second: true})
		case tenant.StepWithdraw:
			body.Actions = append(body.Actions, action{Name: "withdraw", Label: "Withdraw", Second: true})
		case tenant.StepSuspend:
			body.Actions = append(body.Actions, action{Name: "suspend", Label: "Suspend", Second: true})
		}
	}
	var err error
	body.SCIMBaseURL, err = s.scimBaseURL(r, v)
	return err
}

// newest returns the organisation's last connection, nil if it has none. A change of the one in
// force is newer than that, and gone once it is in force.
func (s *Server) newest(ctx context.Context, v visitor) (*tenant.Connection, error) {
	list, err := s.Tenants.Connections(ctx, v.actor, v.org.ID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[len(list)-1], nil
}

// submitRequest saves what was typed and submits it. What is wrong with it comes back
// with the form, one message per field.
func (s *Server) submitRequest(w http.ResponseWriter, r *http.Request, v visitor) {
	if err := r.ParseForm(); err != nil {
		s.problem(w, r, http.StatusBadRequest, "form_invalid", "The form can't be read.", nil)
		return
	}
	form, draft, err := readRequest(r)
	if err == nil {
		err = s.saveAndSubmit(r.Context(), v, draft)
	}
	var invalid *tenant.ValidationError
	switch {
	case err == nil:
		s.done(w, r, v.base(), map[string]any{"state": store.ConnectionSubmitted})
	case wantsJSON(r):
		s.fail(w, r, err)
	case errors.As(err, &invalid):
		s.showSSO(w, r, v, http.StatusUnprocessableEntity, ssoPage{Form: form, Errors: byField(invalid.Findings), General: others(invalid.Findings)}, "Some entries need a change.")
	case statusOf(err) == http.StatusConflict:
		s.showSSO(w, r, v, http.StatusConflict, ssoPage{Form: form}, messageOf(err))
	default:
		s.fail(w, r, err)
	}
}

// formFields are those beside which the form shows messages.
var formFields = map[string]bool{
	tenant.FieldDomains: true, tenant.FieldAuthority: true, tenant.FieldClientID: true, tenant.FieldClientSecret: true,
	tenant.FieldSecretExpiry: true, tenant.FieldBreakGlass: true, tenant.FieldScopes: true,
}

func others(findings []tenant.Finding) []tenant.Finding {
	var out []tenant.Finding
	for _, f := range findings {
		if !formFields[f.Field] {
			out = append(out, f)
		}
	}
	return out
}

func readRequest(r *http.Request) (requestForm, tenant.Draft, error) {
	f := requestForm{
		Domains: r.Form.Get("domains"), Authority: r.Form.Get("authority"), ClientID: r.Form.Get("client_id"),
		SecretExpires: r.Form.Get(tenant.FieldSecretExpiry), BreakGlass: r.Form.Get("break_glass"), Scopes: r.Form.Get(tenant.FieldScopes),
		SCIM: r.Form.Get("scim") != "", PhoneEditable: r.Form.Get("phone_editable") != "", PhoneConfirm: r.Form.Get("phone_confirm") != "",
	}
	d := tenant.Draft{
		Domains: []string{f.Domains}, BreakGlass: []string{f.BreakGlass}, AdditionalScopes: []string{f.Scopes},
		Authority: f.Authority, ClientID: f.ClientID, ClientSecret: tenant.NewSecret(r.Form.Get("client_secret")),
		SCIM: store.SCIMPreferences{Wanted: f.SCIM, PhoneEditable: f.PhoneEditable, PhoneUnconfirmed: !f.PhoneConfirm},
	}
	if f.SecretExpires != "" {
		expires, findings := tenant.ParseExpiry(f.SecretExpires, time.UTC)
		if len(findings) > 0 {
			return f, d, &tenant.ValidationError{Findings: findings}
		}
		d.SecretExpiresAt = expires
	}
	return f, d, nil
}

// saveAndSubmit writes into the draft that there is, or makes one.
func (s *Server) saveAndSubmit(ctx context.Context, v visitor, d tenant.Draft) error {
	c, err := s.newest(ctx, v)
	if err != nil {
		return err
	}
	var saved tenant.Connection
	if c == nil {
		saved, _, err = s.Tenants.CreateDraft(ctx, v.actor, v.org.ID, d)
	} else {
		saved, _, err = s.Tenants.SaveDraft(ctx, v.actor, v.org.ID, c.ID, c.Version, d)
	}
	if err != nil {
		return err
	}
	_, _, err = s.Tenants.Submit(ctx, v.actor, v.org.ID, saved.ID, saved.Version)
	return err
}

// step does what the owner's buttons say.
func (s *Server) step(w http.ResponseWriter, r *http.Request, v visitor) {
	c, err := s.Tenants.Connection(r.Context(), v.actor, v.org.ID, r.PathValue("connection"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	back := "/org/" + v.org.ID + "/sso"
	switch r.PathValue("step") {
	case "test":
		s.Login.StartTest(w, r, oidc.TestRequest{TenantID: v.org.ID, ConnectionID: c.ID, Actor: v.actor, ReturnTo: back, Report: true})
		return
	case "activate":
		_, err = s.Tenants.Activate(r.Context(), v.actor, v.org.ID, c.ID, c.Version, tenant.Activation{})
	case "enforce":
		enforce := s.Tenants.Activate
		if c.State == store.ConnectionActive {
			enforce = s.Tenants.SetEnforced
		}
		_, err = enforce(r.Context(), v.actor, v.org.ID, c.ID, c.Version, tenant.Activation{Enforced: true})
	case "optional":
		_, err = s.Tenants.SetEnforced(r.Context(), v.actor, v.org.ID, c.ID, c.Version, tenant.Activation{})
	case "change":
		_, err = s.Tenants.StartChange(r.Context(), v.actor, v.org.ID, c.ID)
	case "apply":
		_, err = s.Tenants.ApplyChange(r.Context(), v.actor, v.org.ID, c.ID, c.Version, false)
	case "discard":
		err = s.Tenants.Delete(r.Context(), v.actor, v.org.ID, c.ID, c.Version)
	case "withdraw":
		_, err = s.Tenants.Withdraw(r.Context(), v.actor, v.org.ID, c.ID, c.Version)
	case "suspend":
		if err = s.suspend(w, r, v, c.ID); errors.Is(err, errShown) {
			return
		}
	default:
		s.notFound(w, r)
		return
	}
	var invalid *tenant.ValidationError
	switch {
	case err == nil:
		s.Changed()
		s.done(w, r, back, map[string]any{"done": r.PathValue("step")})
	case wantsJSON(r):
		s.fail(w, r, err)
	case errors.As(err, &invalid):
		s.showSSO(w, r, v, http.StatusUnprocessableEntity, ssoPage{}, invalid.Refusals()[0].Message)
	case statusOf(err) == http.StatusConflict:
		s.showSSO(w, r, v, http.StatusConflict, ssoPage{}, messageOf(err))
	default:
		s.fail(w, r, err)
	}
}

func (s *Server) checkDomain(w http.ResponseWriter, r *http.Request, v visitor) {
	d, err := s.Tenants.CheckDomain(r.Context(), v.actor, v.org.ID, r.PathValue("domain"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.done(w, r, "/org/"+v.org.ID+"/sso", map[string]any{"name": d.Name, "verified": d.State == store.DomainVerified, "finding": d.Finding})
}

// publishRecord stands for the visit to a DNS provider.
func (s *Server) publishRecord(w http.ResponseWriter, r *http.Request, v visitor) {
	list, err := s.Tenants.Connections(r.Context(), v.actor, v.org.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, c := range list {
		for _, d := range c.Domains {
			if d.ID != r.PathValue("domain") {
				continue
			}
			for _, i := range s.Tenants.DomainInstructions(d) {
				s.Publish(i.Name, i.Value)
			}
			s.done(w, r, "/org/"+v.org.ID+"/sso", map[string]any{"published": d.Name})
			return
		}
	}
	s.notFound(w, r)
}

// errShown says that the answer is written.
var errShown = errors.New("shown")

// suspend does what the visitor has seen; the first time it shows what a suspension means.
func (s *Server) suspend(w http.ResponseWriter, r *http.Request, v visitor, connectionID string) error {
	e := tenant.Ending{
		Kind: tenant.EndingSuspend, ConnectionID: connectionID, Reason: "by the owner",
		Offer: tenant.Offer(r.FormValue("offer")), Confirm: r.FormValue("confirm") != "",
	}
	_, err := s.Tenants.ApplyEnding(r.Context(), v.actor, v.org.ID, e, r.FormValue("hash"))
	if stale, ok := errors.AsType[*tenant.StaleEndingError](err); ok {
		problem := messageOf(err)
		if r.FormValue("hash") == "" {
			problem = ""
		}
		s.showSSO(w, r, v, http.StatusConflict, ssoPage{Ending: &stale.Plan}, problem)
		return errShown
	}
	for done := err != nil; !done; { // the offers; a product lets its worker go on with them
		var p tenant.EndingProgress
		p, err = s.Tenants.ContinueEnding(r.Context(), v.org.ID)
		done = p.Done || err != nil
	}
	return err
}

package portal

import (
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// overviewPage is screen 0: how it stands, and what comes next.
type overviewPage struct {
	Status      status             `json:"status"`
	Next        *step              `json:"next,omitempty"`
	Steps       []step             `json:"steps"`
	Conditions  []tenant.Condition `json:"conditions"`
	Connections []connectionCard   `json:"connections"`
	Events      []store.Event      `json:"events"`
	// Audit is where all events are, empty for those who may not see them.
	Audit string `json:"-"`
}

// status is the line on top.
type status struct {
	Code string `json:"code"`
	Text string `json:"text"`
	// Mood is "good", "warn", "bad" or "" for the colour, which is never the only sign.
	Mood string `json:"-"`
}

// step is one of the checklist's.
type step struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Help  string `json:"help"`
	URL   string `json:"url,omitempty"`
	Done  bool   `json:"done"`
}

// connectionCard is a connection in short.
type connectionCard struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	State    store.ConnectionState `json:"state"`
	ChangeOf string                `json:"changeOf,omitempty"`
	Status   status                `json:"status"`
	URL      string                `json:"url"`
	Domains  []store.Domain        `json:"domains"`
}

func (h *Handler) overview(v *visit) error {
	ctx := v.r.Context()
	list, err := h.cfg.Tenants.Connections(ctx, v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	body := overviewPage{Connections: []connectionCard{}}
	for _, c := range list {
		body.Connections = append(body.Connections, v.card(c))
	}
	if body.Steps, err = v.checklist(list); err != nil {
		return err
	}
	if i := slices.IndexFunc(body.Steps, func(s step) bool { return !s.Done && s.URL != "" }); i >= 0 {
		body.Next = &body.Steps[i]
	}
	for _, c := range list {
		if c.State == store.ConnectionNeedsInformation {
			body.Next = &step{Code: "answer", Title: v.p.text("Answer the reviewers"), Help: v.p.text("They ask something about your request."), URL: v.path("c", c.ID)}
		}
	}
	body.Status = v.tenantStatus(list)
	if v.link == nil {
		health, err := h.cfg.Tenants.Health(ctx, v.Actor, v.tenantID)
		if err != nil {
			return err
		}
		body.Conditions = health.Conditions
	}
	seesAudit, err := v.may(tenant.ActionViewAudit)
	if err != nil {
		return err
	}
	if seesAudit {
		page, err := h.cfg.Tenants.Audit(ctx, v.Actor, v.tenantID, tenant.AuditQuery{Limit: 10})
		if err != nil {
			return err
		}
		body.Events, body.Audit = page.Entries, v.path("audit")
	}
	return v.show("overview", "Single sign-on", body)
}

func (v *visit) card(c tenant.Connection) connectionCard {
	name := c.Name
	if name == "" {
		name = tenant.GuideOf(c.Provider).Name
	}
	return connectionCard{
		ID: c.ID, Name: name, State: c.State, ChangeOf: c.ChangeOf, Status: v.connectionStatus(c),
		URL: v.path("c", c.ID), Domains: c.Domains,
	}
}

// tenantStatus is that of the connection in force, else of the request that is furthest.
func (v *visit) tenantStatus(list []tenant.Connection) status {
	best := status{Code: "not_configured", Text: v.p.text("Not configured")}
	for _, c := range list {
		switch s := v.connectionStatus(c); {
		case c.State == store.ConnectionActive:
			return s
		case c.State != store.ConnectionWithdrawn:
			best = s
		}
	}
	return best
}

// connectionStatus is the line for one connection.
func (v *visit) connectionStatus(c tenant.Connection) status {
	proven := slices.ContainsFunc(c.Domains, func(d store.Domain) bool { return d.State == store.DomainVerified })
	say := func(code, text, mood string) status { return status{code, v.p.text(text), mood} }
	switch c.State {
	case store.ConnectionActive:
		if !c.FailingSince.IsZero() {
			return say("failing", "Failing", "bad")
		}
		return say("active", "Active", "good")
	case store.ConnectionSuspended:
		return say("suspended", "Suspended", "bad")
	case store.ConnectionSubmitted:
		return say("in_review", "In review", "warn")
	case store.ConnectionNeedsInformation:
		return say("needs_information", "Your answer is needed", "warn")
	case store.ConnectionApproved:
		switch {
		case !proven:
			return say("waiting_for_dns", "Waiting for DNS", "warn")
		case c.TestedVersion != c.ConfigVersion:
			return say("ready_to_test", "Ready to test", "warn")
		}
		return say("ready_to_activate", "Ready to activate", "warn")
	case store.ConnectionRejected:
		return say("rejected", "Rejected", "bad")
	case store.ConnectionWithdrawn:
		return say("withdrawn", "Withdrawn", "")
	}
	return say("draft", "Draft", "")
}

// checklist is the way from nothing to people who sign in and find their teams.
func (v *visit) checklist(list []tenant.Connection) ([]step, error) {
	var c tenant.Connection
	for _, x := range list {
		if c.ID == "" || x.State == store.ConnectionActive || c.State != store.ConnectionActive && x.State != store.ConnectionWithdrawn {
			c = x
		}
	}
	at := func(parts ...string) string {
		if c.ID == "" {
			return v.path("new")
		}
		return v.path(append([]string{"c", c.ID}, parts...)...)
	}
	proven, domains := 0, len(c.Domains)
	for _, d := range c.Domains {
		if d.State == store.DomainVerified {
			proven++
		}
	}
	sent := c.ID != "" && c.State != store.ConnectionDraft && c.State != store.ConnectionWithdrawn && c.State != store.ConnectionRejected && c.State != store.ConnectionNeedsInformation
	approved := c.State == store.ConnectionApproved || c.State == store.ConnectionActive || c.State == store.ConnectionSuspended
	active := c.State == store.ConnectionActive
	tested := c.ID != "" && c.TestedVersion == c.ConfigVersion && c.TestedVersion > 0
	all := []struct {
		step
		action tenant.Action
	}{
		{step{"provider", "Choose your identity provider", "An OpenID Connect application is registered there.", at("application"), c.Authority != ""}, tenant.ActionEditConnection},
		{step{"details", "Enter the connection", "Authority, client ID and secret from your provider's console.", at("details"), c.Authority != "" && c.ClientID != ""}, tenant.ActionEditConnection},
		{step{"domains", "Prove your domains", "A TXT record shows that they are yours.", v.path("domains"), domains > 0 && proven == domains}, tenant.ActionManageDomains},
		{step{"submit", "Submit the request", "It is reviewed before anybody signs in with it.", at("details"), sent}, tenant.ActionSubmitConnection},
		{step{"test", "Test the sign-in", "With your own account, before it concerns anybody else.", at("test"), tested || active}, tenant.ActionActivate},
		{step{"activate", "Activate", "People of your domains sign in with your provider.", at("activate"), active}, tenant.ActionActivate},
	}
	var out []step
	for _, s := range all {
		ok, err := v.may(s.action)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		waits := (s.Code == "test" || s.Code == "activate") && !approved
		if waits || c.ID == "" && s.Code != "provider" {
			s.URL = ""
		}
		s.Title, s.Help = v.p.text(s.Title), v.p.text(s.Help)
		out = append(out, s.step)
	}
	return out, nil
}

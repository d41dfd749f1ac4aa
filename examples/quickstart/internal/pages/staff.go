package pages

import (
	"errors"
	"net/http"
	"slices"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// queueEntry is a request with the organisation's name.
type queueEntry struct {
	OrgName    string            `json:"organisation"`
	TenantID   string            `json:"tenant"`
	ID         string            `json:"id"`
	Connection tenant.Connection `json:"-"`
}

func (s *Server) queue(w http.ResponseWriter, r *http.Request, v visitor) {
	waiting, err := s.Tenants.Queue(r.Context(), v.actor, store.Ref{}, 100)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body := struct {
		Queue []queueEntry `json:"queue"`
		Orgs  []host.Org   `json:"-"`
	}{Queue: []queueEntry{}}
	if body.Orgs, err = s.DB.Orgs(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	}
	body.Orgs = slices.DeleteFunc(body.Orgs, func(o host.Org) bool { return o.ID == host.StaffOrg })
	for _, q := range waiting.Requests {
		body.Queue = append(body.Queue, queueEntry{OrgName: q.Tenant.TenantName(), TenantID: q.TenantID, ID: q.ID, Connection: q.Connection})
	}
	s.render(w, r, http.StatusOK, "staff", v, page{Title: "Review", Tab: "staff", Body: body})
}

func (s *Server) review(w http.ResponseWriter, r *http.Request, v visitor) {
	s.showReview(w, r, v, http.StatusOK, "", "")
}

func (s *Server) showReview(w http.ResponseWriter, r *http.Request, v visitor, status int, text, problem string) {
	org, err := s.DB.Org(r.Context(), r.PathValue("org"))
	if err != nil {
		s.notFound(w, r)
		return
	}
	sheet, err := s.Tenants.Review(r.Context(), v.actor, org.ID, r.PathValue("connection"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "review", v, page{Title: "Review a request", Tab: "staff", Problem: problem, Body: struct {
		OrgName     string                `json:"organisation"`
		State       store.ConnectionState `json:"state"`
		Checks      []store.CheckResult   `json:"checks"`
		Differences []tenant.Difference   `json:"differences"`
		SameClient  []store.Ref           `json:"-"`
		Connection  tenant.Connection     `json:"-"`
		Domains     []store.Domain        `json:"-"`
		Text        string                `json:"-"` // what was typed
	}{
		OrgName: org.Name, State: sheet.State, Checks: sheet.Checks, Differences: sheet.Differences, SameClient: sheet.SameClient,
		Connection: sheet.Connection, Domains: sheet.Domains, Text: text,
	}})
}

func (s *Server) decide(w http.ResponseWriter, r *http.Request, v visitor) {
	orgID, id, text := r.PathValue("org"), r.PathValue("connection"), r.FormValue("text")
	c, err := s.Tenants.Connection(r.Context(), v.actor, orgID, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	switch r.FormValue("decision") {
	case "approve":
		_, _, err = s.Tenants.Approve(r.Context(), v.actor, orgID, id, c.Version)
	case "ask":
		_, err = s.Tenants.AskForInformation(r.Context(), v.actor, orgID, id, c.Version, text)
	case "reject":
		_, err = s.Tenants.Reject(r.Context(), v.actor, orgID, id, c.Version, text)
	default:
		s.problem(w, r, http.StatusUnprocessableEntity, "decision_unknown", "Choose approve, ask or reject.", nil)
		return
	}
	var invalid *tenant.ValidationError
	switch {
	case err == nil:
		s.done(w, r, "/staff", map[string]any{"decision": r.FormValue("decision")})
	case wantsJSON(r):
		s.fail(w, r, err)
	case errors.As(err, &invalid):
		s.showReview(w, r, v, http.StatusUnprocessableEntity, text, invalid.Refusals()[0].Message)
	case statusOf(err) == http.StatusConflict:
		s.showReview(w, r, v, http.StatusConflict, text, messageOf(err))
	default:
		s.fail(w, r, err)
	}
}

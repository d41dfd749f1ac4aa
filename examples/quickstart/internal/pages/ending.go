package pages

import (
	"errors"
	"net/http"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/tenant"
)

// endingPage is the page with which the staff suspends or removes an organisation's sign-on.
type endingPage struct {
	OrgName string            `json:"organisation"`
	OrgID   string            `json:"tenant"`
	Plan    tenant.EndingPlan `json:"plan"`
	Health  tenant.Health     `json:"health"`
}

func endingOf(r *http.Request) tenant.Ending {
	return tenant.Ending{
		Kind: tenant.EndingKind(r.FormValue("kind")), Offer: tenant.Offer(r.FormValue("offer")), Reason: r.FormValue("reason"),
		KeepSessions: r.FormValue("keep_sessions") != "", TakeMemberships: r.FormValue("take_memberships") != "", Confirm: r.FormValue("confirm") != "",
	}
}

// showEnding shows what an ending would do; without a kind, what a suspension would.
func (s *Server) showEnding(w http.ResponseWriter, r *http.Request, v visitor) {
	org, ok := s.endingOrg(w, r)
	if !ok {
		return
	}
	e := endingOf(r)
	if e.Kind == "" {
		e.Kind = tenant.EndingSuspend
	}
	plan, err := s.Tenants.PlanEnding(r.Context(), v.actor, org.ID, e)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.renderEnding(w, r, v, http.StatusOK, org, plan, "")
}

func (s *Server) endingOrg(w http.ResponseWriter, r *http.Request) (host.Org, bool) {
	org, err := s.DB.Org(r.Context(), r.PathValue("org"))
	if err != nil {
		s.notFound(w, r)
		return host.Org{}, false
	}
	return org, true
}

func (s *Server) renderEnding(w http.ResponseWriter, r *http.Request, v visitor, status int, org host.Org, plan tenant.EndingPlan, problem string) {
	health, err := s.Tenants.Health(r.Context(), v.actor, org.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "ending", v, page{Title: "Suspend or remove", Tab: "staff", Problem: problem, Body: endingPage{OrgName: org.Name, OrgID: org.ID, Plan: plan, Health: health}})
}

// applyEnding does what the page showed, as long as it is still so.
func (s *Server) applyEnding(w http.ResponseWriter, r *http.Request, v visitor) {
	org, ok := s.endingOrg(w, r)
	if !ok {
		return
	}
	if r.FormValue("decision") == "resume" {
		if err := s.Tenants.ResumeTenant(r.Context(), v.actor, org.ID, r.FormValue("reason")); err != nil {
			s.fail(w, r, err)
			return
		}
		s.done(w, r, "/staff", map[string]any{"decision": "resume"})
		return
	}
	plan, err := s.Tenants.ApplyEnding(r.Context(), v.actor, org.ID, endingOf(r), r.FormValue("hash"))
	if stale, ok := errors.AsType[*tenant.StaleEndingError](err); ok && !wantsJSON(r) {
		s.renderEnding(w, r, v, http.StatusConflict, org, stale.Plan, messageOf(err))
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.Changed()
	// A product lets its worker go on with it; see Service.RunEndings, which the quick start runs too.
	for done := false; !done; {
		p, err := s.Tenants.ContinueEnding(r.Context(), org.ID)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		done = p.Done
	}
	s.Changed()
	s.done(w, r, "/staff", map[string]any{"decision": plan.Ending.Kind, "totals": plan.Totals})
}

// exportTenant sends all that is stored for an organisation, one JSON object in each line.
func (s *Server) exportTenant(w http.ResponseWriter, r *http.Request, v visitor) {
	org, ok := s.endingOrg(w, r)
	if !ok {
		return
	}
	out := &startedWriter{ResponseWriter: w, head: func(h http.Header) {
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Content-Disposition", `attachment; filename="sign-on.ndjson"`)
	}}
	if _, err := s.Tenants.ExportTenant(r.Context(), v.actor, org.ID, out); err != nil && !out.started {
		s.fail(w, r, err)
	} else if err != nil {
		s.Logger.Error("export broke off", "organisation", org.ID, "error", err) // its last line is missing
	}
}

// startedWriter knows whether an answer has begun.
type startedWriter struct {
	http.ResponseWriter
	head    func(http.Header)
	started bool
}

func (w *startedWriter) Write(p []byte) (int, error) {
	if !w.started {
		w.started = true
		w.head(w.Header())
	}
	return w.ResponseWriter.Write(p)
}

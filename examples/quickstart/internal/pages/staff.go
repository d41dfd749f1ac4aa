package pages

import (
	"net/http"
	"slices"

	"github.com/tenantgate/tenantgate/examples/internal/host"
)

// staffOrg is a line of the back office.
type staffOrg struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// URL is the organisation's page of the portal.
	URL string `json:"url"`
}

// backOffice is the staff's own page. Requests are reviewed, and sign-on is suspended and removed, in the portal.
func (s *Server) backOffice(w http.ResponseWriter, r *http.Request, v visitor) {
	orgs, err := s.DB.Orgs(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	orgs = slices.DeleteFunc(orgs, func(o host.Org) bool { return o.ID == host.StaffOrg })
	body := struct {
		Orgs      []staffOrg `json:"organisations"`
		ReviewURL string     `json:"review_url"`
	}{ReviewURL: s.Portal.StaffURL()}
	for _, o := range orgs {
		body.Orgs = append(body.Orgs, staffOrg{ID: o.ID, Name: o.Name, URL: body.ReviewURL + "/t/" + o.ID})
	}
	s.render(w, r, http.StatusOK, "staff", v, page{Title: "Back office", Tab: "staff", Body: body})
}

// exportTenant sends all that is stored for an organisation, one JSON object in each line.
func (s *Server) exportTenant(w http.ResponseWriter, r *http.Request, v visitor) {
	org, err := s.DB.Org(r.Context(), r.PathValue("org"))
	if err != nil {
		s.notFound(w, r)
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

package pages

import (
	"io"
	"net/http"
	"strconv"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/tenant"
)

// homeOrg is a line of the start page.
type homeOrg struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Domain    string `json:"domain"`
	Owner     string `json:"owner"`
	Directory string `json:"directory,omitempty"`
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	orgs, err := s.DB.Orgs(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body := struct {
		Orgs     []homeOrg `json:"organisations"`
		IDPURL   string    `json:"idp_url"`
		Staff    string    `json:"staff"`
		Password string    `json:"password"`
	}{IDPURL: s.IDPURL, Staff: host.StaffEmail, Password: host.DemoPassword}
	for _, o := range orgs {
		if o.ID == host.StaffOrg {
			continue
		}
		root, err := s.DB.User(r.Context(), nil, o.ID, o.RootUserID)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		domains, err := s.Store.Domains(r.Context(), o.ID)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		line := homeOrg{ID: o.ID, Name: o.Name, Owner: root.Email, Directory: s.Directory(o.ID)}
		if len(domains) > 0 {
			line.Domain = domains[0].Name
		}
		body.Orgs = append(body.Orgs, line)
	}
	_, u, _, err := s.DB.Session(r, s.Now())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	v := visitor{user: u}
	s.render(w, r, http.StatusOK, "home", v, page{Title: "Quick start", Body: body})
}

// state tells scripts what provisioning did.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	st, err := s.DB.State(r.Context(), s.lockedFields)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.writeJSON(w, http.StatusOK, "application/json", st)
}

// audit shows the journal, newest first.
func (s *Server) audit(w http.ResponseWriter, r *http.Request, v visitor) {
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64) // anything else begins with the newest
	log, err := s.Tenants.Audit(r.Context(), v.actor, v.org.ID, tenant.AuditQuery{Before: max(before, 0), Limit: 200})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "audit", v, page{Title: "Audit", Tab: "audit", Body: map[string]any{"Events": log.Entries, "Next": log.Next}})
}

// exportAudit is the whole journal as a file. A failure after the first byte can only break the connection off, so that nobody
// takes a part for the whole.
func (s *Server) exportAudit(w http.ResponseWriter, r *http.Request, v visitor) {
	h := w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Content-Disposition", `attachment; filename="audit.ndjson"`)
	out := &countedWriter{Writer: w}
	if _, err := s.Tenants.ExportAudit(r.Context(), v.actor, v.org.ID, tenant.AuditQuery{}, out); err != nil {
		if out.n > 0 {
			s.Logger.Error("the export of the audit log broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
		h.Del("Content-Disposition")
		s.fail(w, r, err)
	}
}

// countedWriter knows whether something was written.
type countedWriter struct {
	io.Writer
	n int
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += n
	return n, err
}

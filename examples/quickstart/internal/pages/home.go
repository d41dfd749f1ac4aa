package pages

import (
	"net/http"

	"github.com/tenantgate/tenantgate/examples/internal/host"
)

// homeOrg is a line of the start page.
type homeOrg struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Domain    string `json:"domain"`
	Owner     string `json:"owner"`
	Directory string `json:"directory,omitempty"`
	Portal    string `json:"portal"`
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
		line := homeOrg{ID: o.ID, Name: o.Name, Owner: root.Email, Directory: s.Directory(o.ID), Portal: s.Portal.URL(o.ID)}
		if len(domains) > 0 {
			line.Domain = domains[0].Name
		}
		body.Orgs = append(body.Orgs, line)
	}
	s.renderFor(w, r, http.StatusOK, "home", page{Title: "Quick start", Body: body})
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

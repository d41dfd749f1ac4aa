package pages

import (
	"net/http"
	"slices"

	"github.com/tenantgate/tenantgate/examples/internal/host"
)

// backOffice is the staff's own page: requests are reviewed in the portal, the rest of an organisation's sign-on is ended here.
func (s *Server) backOffice(w http.ResponseWriter, r *http.Request, v visitor) {
	orgs, err := s.DB.Orgs(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	orgs = slices.DeleteFunc(orgs, func(o host.Org) bool { return o.ID == host.StaffOrg })
	s.render(w, r, http.StatusOK, "staff", v, page{Title: "Back office", Tab: "staff", Body: struct {
		Orgs      []host.Org `json:"organisations"`
		ReviewURL string     `json:"review_url"`
	}{orgs, s.Portal.StaffURL()}})
}

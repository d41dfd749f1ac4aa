package pages

import (
	"net/http"

	"github.com/tenantgate/tenantgate/tenant"
)

// guidePage is the page's body.
type guidePage struct {
	Provider  string             `json:"provider"`
	Providers []guideChoice      `json:"-"`
	Guide     tenant.Guide       `json:"guide"`
	Error     string             `json:"-"`
	Explained *tenant.GuideError `json:"explained,omitempty"`
}

type guideChoice struct{ Provider, Name string }

// guide shows how an identity provider is set up, with the organisation's own values filled in; and what an error means
// that somebody saw there.
func (s *Server) guide(w http.ResponseWriter, r *http.Request, v visitor) {
	c, err := s.newest(r.Context(), v)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body := guidePage{Provider: r.FormValue("provider"), Error: r.FormValue("error")}
	id := ""
	if c != nil {
		id = c.ID
		if body.Provider == "" {
			body.Provider = c.Provider
		}
	}
	values := s.Login.GuideValues(id)
	values.AppName = "On Call"
	if values.SCIMBaseURL, err = s.scimBaseURL(r, v); err != nil {
		s.fail(w, r, err)
		return
	}
	for _, g := range tenant.Guides() {
		body.Providers = append(body.Providers, guideChoice{g.Provider, g.Name})
	}
	body.Guide = tenant.GuideOf(body.Provider).Fill(values)
	body.Provider = body.Guide.Provider
	if body.Error != "" {
		if e, ok := tenant.Explain(body.Provider, tenant.PlacePage, "", body.Error); ok {
			body.Explained = &e
		}
	}
	s.render(w, r, http.StatusOK, "guide", v, page{Title: "Set up " + body.Guide.Name, Tab: "sso", Body: body})
}

package pages

import (
	"errors"
	"net/http"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/tenant"
)

// setupCookie is what a browser keeps of a set-up link. A product behind TLS calls it __Secure-….
const setupCookie = "oncall_setup"

// linksPage is the owner's page of links.
type linksPage struct {
	Links  []tenant.SetupLink          `json:"-"`
	List   []linkView                  `json:"links"`
	NewURL string                      `json:"new_url,omitempty"`
	Name   string                      `json:"-"`
	Errors map[string][]tenant.Finding `json:"-"`
}

// linkView is a link as a client that wants JSON gets it.
type linkView struct {
	ID    string                `json:"id"`
	Name  string                `json:"name"`
	State tenant.SetupLinkState `json:"state"`
	Opens int                   `json:"opens"`
}

func (s *Server) links(w http.ResponseWriter, r *http.Request, v visitor) {
	s.showLinks(w, r, v, http.StatusOK, linksPage{}, "")
}

func (s *Server) showLinks(w http.ResponseWriter, r *http.Request, v visitor, status int, body linksPage, problem string) {
	body.List = []linkView{}
	for after := ""; ; {
		list, err := s.Tenants.SetupLinks(r.Context(), v.actor, v.org.ID, after, 0)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		body.Links = append(body.Links, list.Links...)
		if after = list.Next; after == "" {
			break
		}
	}
	for _, l := range body.Links {
		body.List = append(body.List, linkView{ID: l.ID, Name: l.Name, State: l.State, Opens: l.Opens})
	}
	s.render(w, r, status, "links", v, page{Title: "Set-up links", Tab: "links", Problem: problem, Body: body})
}

// createLink makes a link for somebody who fills in the request.
func (s *Server) createLink(w http.ResponseWriter, r *http.Request, v visitor) {
	name := r.FormValue("name")
	l, err := s.Tenants.CreateSetupLink(r.Context(), v.actor, v.org.ID, tenant.NewSetupLink{Name: name, Intents: []tenant.Intent{tenant.IntentSSO}})
	var invalid *tenant.ValidationError
	switch {
	case err == nil:
		s.showLinks(w, r, v, http.StatusOK, linksPage{NewURL: l.URL.Reveal()}, "")
	case wantsJSON(r):
		s.fail(w, r, err)
	case errors.As(err, &invalid):
		s.showLinks(w, r, v, http.StatusUnprocessableEntity, linksPage{Name: name, Errors: byField(invalid.Findings)}, "")
	case statusOf(err) == http.StatusConflict:
		s.showLinks(w, r, v, http.StatusConflict, linksPage{Name: name}, messageOf(err))
	default:
		s.fail(w, r, err)
	}
}

func (s *Server) revokeLink(w http.ResponseWriter, r *http.Request, v visitor) {
	l, err := s.Tenants.RevokeSetupLink(r.Context(), v.actor, v.org.ID, r.PathValue("link"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.done(w, r, "/org/"+v.org.ID+"/links", map[string]any{"revoked": l.ID})
}

// keptOf is what the browser has kept of a link.
func keptOf(r *http.Request) tenant.Secret {
	c, err := r.Cookie(setupCookie)
	if err != nil {
		return tenant.Secret{}
	}
	return tenant.NewSecret(c.Value)
}

// peekLink is where a link leads: it changes nothing, since mail scanners come here too.
func (s *Server) peekLink(w http.ResponseWriter, r *http.Request) {
	p, err := s.Tenants.PeekSetupLink(r.Context(), r.PathValue("org"), tenant.NewSecret(r.PathValue("token")), keptOf(r))
	if err != nil {
		s.failLink(w, r, err)
		return
	}
	org, err := s.DB.Org(r.Context(), p.Link.TenantID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: setupCookie, Value: p.Browser.Reveal(), Path: "/setup/" + org.ID, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: host.OverTLS(r), MaxAge: int(tenant.MaxSetupSessionTTL.Seconds()),
	})
	body := struct {
		Link   tenant.SetupLink `json:"-"`
		Name   string           `json:"name"`
		Action string           `json:"-"`
	}{p.Link, p.Link.Name, r.URL.EscapedPath()}
	s.render(w, r, http.StatusOK, "setup-open", visitor{org: org, link: &p.Link}, page{Title: "Set up single sign-on", Body: body})
}

func (s *Server) openLink(w http.ResponseWriter, r *http.Request) {
	session, err := s.Tenants.OpenSetupLink(r.Context(), r.PathValue("org"), tenant.NewSecret(r.PathValue("token")), keptOf(r))
	if err != nil {
		s.failLink(w, r, err)
		return
	}
	s.done(w, r, "/setup/"+session.Link.TenantID, map[string]any{"opened": session.Link.ID})
}

// linked guards a page of somebody who came by a set-up link.
func (s *Server) linked(pattern string, h func(http.ResponseWriter, *http.Request, visitor)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		session, err := s.Tenants.SetupLinkSession(r.Context(), r.PathValue("org"), keptOf(r))
		if err != nil {
			s.failLink(w, r, err)
			return
		}
		org, err := s.DB.Org(r.Context(), session.Link.TenantID)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		h(w, r, visitor{org: org, actor: session.Actor, link: &session.Link})
	})
}

func (s *Server) setup(w http.ResponseWriter, r *http.Request, v visitor) {
	s.showSSO(w, r, v, http.StatusOK, ssoPage{}, "")
}

func (s *Server) endLink(w http.ResponseWriter, r *http.Request, v visitor) {
	if err := s.Tenants.CompleteSetupLink(r.Context(), v.actor); err != nil {
		s.failLink(w, r, err)
		return
	}
	s.done(w, r, v.base(), map[string]any{"completed": v.link.ID})
}

// failLink answers for a link that does not open, always the same.
func (s *Server) failLink(w http.ResponseWriter, r *http.Request, err error) {
	var told *tenant.Error
	switch {
	case errors.As(err, &told) && told.Code == tenant.ErrorCodeSetupCompleted:
		s.problem(w, r, http.StatusGone, told.Code, told.Message, nil)
	case errors.Is(err, tenant.ErrBadSetupLink):
		s.problem(w, r, http.StatusNotFound, tenant.CodeOf(err), "This link can't be used, or not any more. Ask whoever sent it for a new one.", nil)
	default:
		s.fail(w, r, err)
	}
}

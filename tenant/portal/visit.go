package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// visit is one request of somebody who may make it.
type visit struct {
	h *Handler
	w http.ResponseWriter
	r *http.Request
	Visitor
	p *printer
	// tenantID and name are the organisation's; empty on pages of staff across organisations.
	tenantID, name string
	// base is where the visitor's pages of this organisation begin.
	base string
	// link is the set-up link by which somebody without an account came, nil for others.
	link *tenant.SetupLink
	// staff says that it is a page of the host's staff.
	staff bool
}

// screen handles a request of a visitor. An error becomes a page by the one table in problem.go.
type screen func(v *visit) error

// owner registers a page of an organisation under its two bases: for owners, and for set-up links whose intents allow the action.
func (h *Handler) owner(method, path string, action tenant.Action, s screen) {
	h.mux.HandleFunc(method+" "+h.prefix+"/t/{tenant}"+path, func(w http.ResponseWriter, r *http.Request) { h.serveOwner(w, r, action, s) })
	h.mux.HandleFunc(method+" "+h.prefix+"/setup/{tenant}"+path, func(w http.ResponseWriter, r *http.Request) { h.serveLink(w, r, action, s) })
}

// member registers a page of an organisation that no set-up link opens.
func (h *Handler) member(method, path string, action tenant.Action, s screen) {
	h.mux.HandleFunc(method+" "+h.prefix+"/t/{tenant}"+path, func(w http.ResponseWriter, r *http.Request) { h.serveOwner(w, r, action, s) })
}

// reviewer registers a page of the host's staff; with {tenant} in its path it is about that organisation.
func (h *Handler) reviewer(method, path string, s screen) {
	h.mux.HandleFunc(method+" "+h.prefix+"/staff"+path, func(w http.ResponseWriter, r *http.Request) {
		v := &visit{h: h, w: w, r: r, staff: true, tenantID: r.PathValue("tenant"), base: h.prefix + "/staff"}
		if v.tenantID != "" {
			v.base += "/t/" + url.PathEscape(v.tenantID)
		}
		h.authorized(v, tenant.ActionReview, s)
	})
}

func (h *Handler) serveOwner(w http.ResponseWriter, r *http.Request, action tenant.Action, s screen) {
	id := r.PathValue("tenant")
	h.authorized(&visit{h: h, w: w, r: r, tenantID: id, base: h.ownerBase(id)}, action, s)
}

// authorized asks the host who is there, and the name of the organisation.
func (h *Handler) authorized(v *visit, action tenant.Action, s screen) {
	var err error
	v.Visitor, err = h.cfg.Authorize(v.r, v.tenantID, action)
	v.settle()
	if err == nil {
		err = v.findName()
	}
	if err == nil {
		err = s(v)
	}
	v.fail(err)
}

// serveLink serves somebody who opened a set-up link in this browser.
func (h *Handler) serveLink(w http.ResponseWriter, r *http.Request, action tenant.Action, s screen) {
	id := r.PathValue("tenant")
	v := &visit{h: h, w: w, r: r, tenantID: id, base: h.setupBase(id), link: &tenant.SetupLink{}}
	v.settle()
	session, err := h.cfg.Tenants.SetupLinkSession(r.Context(), id, keptOf(r))
	if err == nil {
		v.Actor, v.link = session.Actor, &session.Link
		err = h.cfg.Tenants.Allowed(r.Context(), v.Actor, action, id)
	}
	if err == nil {
		err = v.findName()
	}
	if err == nil {
		err = s(v)
	}
	v.fail(err)
}

// settle chooses language and zone.
func (v *visit) settle() {
	v.p = v.h.languageFor(v.Language, v.r.Header.Get("Accept-Language"))
	if v.Zone == nil {
		v.Zone = time.UTC
	}
	v.w.Header().Set("Vary", "Accept, Accept-Language, Cookie")
}

func (v *visit) findName() error {
	if v.tenantID == "" {
		return nil
	}
	t, err := v.h.cfg.Names.Tenant(v.r.Context(), v.tenantID)
	if err != nil {
		return err
	}
	if t.TenantID() != v.tenantID {
		return store.ErrNotFound
	}
	v.name = t.TenantName()
	return nil
}

// may says whether the visitor may do something, so that pages offer nothing else. It is asked again when it is done.
func (v *visit) may(action tenant.Action) (bool, error) {
	err := v.h.cfg.Tenants.Allowed(v.r.Context(), v.Actor, action, v.tenantID)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, tenant.ErrForbidden) {
		return false, nil
	}
	return false, err
}

// wantsJSON says whether the client is a program.
func (v *visit) wantsJSON() bool {
	accept := v.r.Header.Get("Accept")
	return strings.HasPrefix(accept, "application/json") || strings.HasPrefix(accept, "application/problem+json")
}

// form reads what was sent.
func (v *visit) form() (url.Values, error) {
	if err := v.r.ParseForm(); err != nil {
		return nil, errForm
	}
	return v.r.PostForm, nil
}

// path is the address of one of the visitor's pages.
func (v *visit) path(parts ...string) string {
	p := v.base
	for _, part := range parts {
		p += "/" + url.PathEscape(part)
	}
	return p
}

// done goes on to a page after a form was taken; notice is one of the fixed texts of [notices].
func (v *visit) done(to, notice string, body any) error {
	if v.tenantID != "" {
		v.h.cfg.Changed(v.tenantID)
	}
	if v.wantsJSON() {
		return v.json(http.StatusOK, "application/json", body)
	}
	if notice != "" && strings.Contains(to, "?") {
		to += "&done=" + notice
	} else if notice != "" {
		to += "?done=" + notice
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

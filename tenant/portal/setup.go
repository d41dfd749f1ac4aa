package portal

import (
	"errors"
	"net/http"

	"github.com/tenantgate/tenantgate/tenant"
)

// setupCookie is what a browser keeps of a set-up link; over TLS with the prefix that makes browsers hold it to that.
const setupCookie = "tenantgate_setup"

func (h *Handler) setupCookieName() string {
	if h.base.Scheme == "https" {
		return "__Secure-" + setupCookie
	}
	return setupCookie
}

// keptOf is what the browser has kept of a link. Only one of the two names is ever set by us.
func keptOf(r *http.Request) tenant.Secret {
	for _, name := range []string{"__Secure-" + setupCookie, setupCookie} {
		if c, err := r.Cookie(name); err == nil {
			return tenant.NewSecret(c.Value)
		}
	}
	return tenant.Secret{}
}

// setupOpen is the page that a link leads to.
type setupOpen struct {
	Name    string          `json:"name"`
	Intents []tenant.Intent `json:"intents"`
	Action  string          `json:"-"`
}

// visitLink is a visit by somebody with a link in hand.
func (h *Handler) visitLink(w http.ResponseWriter, r *http.Request) *visit {
	id := r.PathValue("tenant")
	v := &visit{h: h, w: w, r: r, tenantID: id, base: h.setupBase(id), link: &tenant.SetupLink{}}
	v.settle()
	return v
}

// peekLink is where a link leads. It changes nothing, since mail scanners come here, too.
func (h *Handler) peekLink(w http.ResponseWriter, r *http.Request) {
	v := h.visitLink(w, r)
	p, err := h.cfg.Tenants.PeekSetupLink(r.Context(), v.tenantID, tenant.NewSecret(r.PathValue("token")), keptOf(r))
	if err == nil {
		err = v.findName()
	}
	if err != nil {
		v.fail(err)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: h.setupCookieName(), Value: p.Browser.Reveal(), Path: v.base, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: h.base.Scheme == "https", MaxAge: int(tenant.MaxSetupSessionTTL.Seconds()),
	})
	v.fail(v.show("setup-open", "Set up single sign-on", setupOpen{Name: p.Link.Name, Intents: p.Link.Intents, Action: r.URL.EscapedPath()}))
}

func (h *Handler) openLink(w http.ResponseWriter, r *http.Request) {
	v := h.visitLink(w, r)
	session, err := h.cfg.Tenants.OpenSetupLink(r.Context(), v.tenantID, tenant.NewSecret(r.PathValue("token")), keptOf(r))
	if err == nil {
		err = v.done(v.base, "", map[string]any{"opened": session.Link.ID})
	}
	v.fail(err)
}

// endLink is "I am done": the link can't be used any more.
func (h *Handler) endLink(w http.ResponseWriter, r *http.Request) {
	v := h.visitLink(w, r)
	session, err := h.cfg.Tenants.SetupLinkSession(r.Context(), v.tenantID, keptOf(r))
	if err == nil {
		err = h.cfg.Tenants.CompleteSetupLink(r.Context(), session.Actor)
	}
	if err == nil {
		err = v.show("setup-done", "Thank you", map[string]any{"completed": session.Link.ID})
	}
	v.fail(err)
}

// linkProblem is the answer for a link that does not open, always the same but for whoever completed it.
func (v *visit) linkProblem(err error) problem {
	var told *tenant.Error
	if errors.As(err, &told) && told.Code == tenant.ErrorCodeSetupCompleted {
		return problem{Status: http.StatusGone, Code: told.Code, Detail: v.p.refusal(told.Code, told.Message)}
	}
	return problem{Status: http.StatusNotFound, Code: tenant.CodeOf(err), Detail: v.p.text("This link can't be used, or not any more. Ask whoever sent it for a new one.")}
}

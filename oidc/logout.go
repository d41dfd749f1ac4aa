package oidc

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	signedOutPath   = "/signed-out/"
	logoutLife      = 10 * time.Minute
	logoutAAD       = "tenantgate oidc logout 1 "
	logoutCookie    = "tg_signout"
	maxIDTokenHint  = 4 << 10 // bytes of a hint in an address; many servers take 8 KiB altogether
	maxLogoutCookie = 4 << 10
)

// LogoutRequest is a sign-out that begins at the host.
type LogoutRequest struct {
	// TenantID and ConnectionID are those of the [Login] that the session began with.
	TenantID, ConnectionID string
	// IDToken is Login.IDToken, or the latest Refreshed.IDToken. Without one, or with one that is too long for an address
	// (4 KiB), the provider may ask the person to confirm.
	IDToken tenant.Secret
	// ReturnTo is the path where the browser goes afterwards. Empty, or unsafe, means Config.DefaultReturnTo.
	ReturnTo string
}

// pendingLogout is a sign-out whose browser is at the provider. It travels sealed in a cookie.
type pendingLogout struct {
	ConnectionID string `json:"c"`
	State        string `json:"s"`
	ReturnTo     string `json:"r"`
	Expires      int64  `json:"e"` // Unix seconds
}

// PostLogoutRedirectURI is what the administrator registers at the provider as the connection's post-logout redirect
// URI, where browsers come back after [Handler.StartLogout].
func (h *Handler) PostLogoutRedirectURI(connectionID string) string {
	return strings.TrimSuffix(h.base.String(), "/") + signedOutPath + url.PathEscape(connectionID)
}

// StartLogout sends the browser to the provider, so that the session there ends too (OpenID Connect RP-Initiated Logout
// 1.0). The host calls it from its own sign-out, a POST that is protected against cross-site requests, after it has
// ended its session: what happens at the provider is no longer ours to decide. Where the provider offers no logout, or
// can't be reached, the browser goes to ReturnTo at once.
func (h *Handler) StartLogout(w http.ResponseWriter, r *http.Request, req LogoutRequest) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	target := h.logoutURL(w, r, req)
	if target == "" {
		target = h.returnTo(req.ReturnTo)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// logoutURL is the provider's address with the logout request (section 2), "" where there is none.
func (h *Handler) logoutURL(w http.ResponseWriter, r *http.Request, req LogoutRequest) string {
	ctx := r.Context()
	c, err := h.cfg.Store.Connection(ctx, req.TenantID, req.ConnectionID)
	if err != nil || c.State == store.ConnectionDeleted {
		return ""
	}
	c.TenantID = req.TenantID
	m, err := h.providers.forConnection(ctx, c)
	if err != nil || m.endSessionEndpoint == "" {
		return ""
	}
	u, err := url.Parse(m.endSessionEndpoint)
	if err != nil {
		return ""
	}
	p := pendingLogout{ConnectionID: c.ID, State: randomText(), ReturnTo: h.returnTo(req.ReturnTo), Expires: h.now().Add(logoutLife).Unix()}
	if err := h.setPendingLogout(w, p); err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", c.ClientID)
	q.Set("post_logout_redirect_uri", h.PostLogoutRedirectURI(c.ID))
	q.Set("state", p.State)
	if hint := req.IDToken.Reveal(); hint != "" && len(hint) <= maxIDTokenHint {
		q.Set("id_token_hint", hint)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (h *Handler) logoutCookieName() string {
	name := logoutCookie
	if region := h.cfg.Regions.Binding(); region != "" {
		name += "." + region
	}
	if h.secure {
		return cookieHost + name
	}
	return name
}

// setPendingLogout keeps where the browser goes afterwards. One cookie is enough: of two sign-outs at once, the second
// finds nobody signed in.
func (h *Handler) setPendingLogout(w http.ResponseWriter, p pendingLogout) error {
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	name := h.logoutCookieName()
	sealed, err := h.keys.Seal(plain, []byte(logoutAAD+name))
	if err != nil {
		return err
	}
	c := h.cookie(name, base64.RawURLEncoding.EncodeToString(sealed), int(logoutLife/time.Second))
	c.SameSite = http.SameSiteLaxMode
	http.SetCookie(w, c)
	return nil
}

// serveSignedOut takes the browser back from the provider (section 3). The host's session is over already, so nothing
// is refused here: an answer that belongs to no sign-out of this browser goes to the default page.
func (h *Handler) serveSignedOut(w http.ResponseWriter, r *http.Request) {
	target := h.cfg.DefaultReturnTo
	states := r.URL.Query()["state"]
	if p, ok := h.pendingLogout(r); ok && p.ConnectionID == r.PathValue("connection") && len(states) == 1 && subtle.ConstantTimeCompare([]byte(states[0]), []byte(p.State)) == 1 {
		target = h.returnTo(p.ReturnTo)
		h.deleteCookie(w, h.logoutCookieName())
	}
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

func (h *Handler) pendingLogout(r *http.Request) (pendingLogout, bool) {
	name := h.logoutCookieName()
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 || len(cookies[0].Value) > maxLogoutCookie {
		return pendingLogout{}, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookies[0].Value)
	if err != nil {
		return pendingLogout{}, false
	}
	plain, err := h.keys.Open(sealed, []byte(logoutAAD+name))
	if err != nil {
		return pendingLogout{}, false
	}
	var p pendingLogout
	if json.Unmarshal(plain, &p) != nil || p.State == "" || h.now().Unix() >= p.Expires {
		return pendingLogout{}, false
	}
	return p, true
}

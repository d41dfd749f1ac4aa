package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/tenantgate/tenantgate/store"
)

const (
	maxFormBytes = 64 << 10
	maxScopes    = 50
)

// serveLogin starts a sign-in: for an e-mail address (home realm discovery), or where a provider's portal sent the
// browser with iss (third-party-initiated login). Without either it asks for the address.
//
// It writes nothing to the database. It needs no protection against cross-site requests: whoever sends a browser here
// can make it start a sign-in at the tenant's own provider and nothing more.
func (h *Handler) serveLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		h.refuse(w, r, badRequest(CodeRequestInvalid, "the form can't be read"), store.Connection{})
		return
	}
	email, issuer := strings.TrimSpace(r.Form.Get("email")), r.Form.Get("iss")
	if email == "" && issuer == "" {
		h.showLoginForm(w, r.Form.Get("return_to"))
		return
	}
	if issuer != "" {
		h.thirdPartyLogin(w, r, issuer)
		return
	}
	addr, ok := parseAddress(email)
	if !ok {
		h.refuse(w, r, badRequest(CodeNoConnection, "the e-mail address can't be read"), store.Connection{})
		return
	}
	c, err := h.connectionForDomain(r.Context(), addr.domain)
	if err != nil {
		h.refuse(w, r, lookupError(err, badRequest(CodeNoConnection, "no sign-in is set up for this domain")), store.Connection{})
		return
	}
	a := newAttempt(h.now())
	a.ReturnTo = h.returnTo(r.Form.Get("return_to"))
	h.start(w, r, c, a, email)
}

// thirdPartyLogin implements OpenID Connect Core section 4: it only ever starts a fresh sign-in.
func (h *Handler) thirdPartyLogin(w http.ResponseWriter, r *http.Request, issuer string) {
	unknown := badRequest(CodeIssuerUnknown, "iss is not the issuer of a connection, or of several and login_hint does not say which")
	if len(issuer) > maxURLBytes || len(r.Form["iss"]) > 1 {
		h.refuse(w, r, unknown, store.Connection{})
		return
	}
	hint := r.Form.Get("login_hint")
	c, err := h.connectionForIssuer(r.Context(), issuer, hint)
	if err != nil {
		h.refuse(w, r, lookupError(err, unknown), store.Connection{})
		return
	}
	a := newAttempt(h.now())
	a.ReturnTo = h.targetLink(r.Form.Get("target_link_uri"))
	h.start(w, r, c, a, hint)
}

// lookupError tells "there is none" from "the store failed".
func lookupError(err, missing error) error {
	if errors.Is(err, store.ErrNotFound) {
		return missing
	}
	return unavailable(CodeInternal, "the set-up could not be read", err)
}

// start seals a new attempt into a cookie and sends the browser to the provider.
func (h *Handler) start(w http.ResponseWriter, r *http.Request, c store.Connection, a attempt, hint string) {
	m, err := h.providers.forConnection(r.Context(), c)
	if err != nil {
		h.refuse(w, r, err, c)
		return
	}
	a.TenantID, a.ConnectionID, a.Issuer, a.ClientID = c.TenantID, c.ID, c.Issuer, c.ClientID
	target, err := h.authorizationURL(m, c, a, hint)
	if err != nil {
		h.refuse(w, r, err, c)
		return
	}
	if err := h.setAttempt(w, r, a); err != nil {
		h.refuse(w, r, unavailable(CodeInternal, "the sign-in's cookie could not be sealed", err), c)
		return
	}
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// authorizationURL builds the authorization request (OpenID Connect Core section 3.1.2.1) with PKCE (RFC 7636).
func (h *Handler) authorizationURL(m *metadata, c store.Connection, a attempt, hint string) (string, error) {
	u, err := url.Parse(m.authorizationEndpoint)
	if err != nil {
		return "", unavailable(CodeProviderConfig, "the authorization endpoint is no URL", nil)
	}
	q := u.Query()
	for name, value := range map[string]string{
		"response_type":         "code",
		"client_id":             c.ClientID,
		"redirect_uri":          h.RedirectURI(c.ID),
		"scope":                 strings.Join(scopesOf(c), " "),
		"state":                 a.State,
		"nonce":                 a.Nonce,
		"code_challenge":        zoidc.NewSHACodeChallenge(a.Verifier),
		"code_challenge_method": "S256",
	} {
		q.Set(name, value)
	}
	if hint != "" && len(hint) <= maxEmailBytes {
		q.Set("login_hint", hint)
	}
	if h.cfg.FormPost && slices.Contains(m.responseModes, "form_post") {
		q.Set("response_mode", "form_post")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// scopesOf are the defaults and what the connection adds.
func scopesOf(c store.Connection) []string {
	scopes := []string{"openid", "profile", "email"}
	for _, s := range c.AdditionalScopes {
		if s != "" && !strings.ContainsAny(s, " \t\r\n\"\\") && !slices.Contains(scopes, s) && len(scopes) < maxScopes {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

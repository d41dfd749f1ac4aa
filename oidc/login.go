package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
// It writes nothing to the database. Providers' portals send browsers here from other sites, so that it can't be protected
// against cross-site requests; Login.StartedElsewhere tells the host of them.
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
	found, err := h.connectionsForDomain(r.Context(), addr.domain)
	if err != nil {
		h.refuse(w, r, lookupError(err, badRequest(CodeNoConnection, "no sign-in is set up for this domain")), store.Connection{})
		return
	}
	c, chosen := h.choose(w, r, found)
	if !chosen {
		return
	}
	a := h.newAttempt()
	a.ReturnTo, a.Elsewhere = h.returnTo(r.Form.Get("return_to")), fromElsewhere(r)
	h.start(w, r, c, a, email)
}

// fromElsewhere tells whether a page of another site led the browser here, as far as the browser says.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	}
	return false
}

// thirdPartyLogin implements OpenID Connect Core section 4: it only ever starts a fresh sign-in.
func (h *Handler) thirdPartyLogin(w http.ResponseWriter, r *http.Request, issuer string) {
	unknown := badRequest(CodeIssuerUnknown, "iss is not the issuer of an active connection")
	if len(issuer) > maxURLBytes || len(r.Form["iss"]) > 1 {
		h.refuse(w, r, unknown, store.Connection{})
		return
	}
	hint := r.Form.Get("login_hint")
	found, err := h.connectionsForIssuer(r.Context(), issuer, hint)
	if errors.Is(err, errSharedIssuer) { // the person knows which of its customers (R14)
		h.showLoginForm(w, h.targetLink(r.Form.Get("target_link_uri")))
		return
	}
	if err != nil {
		h.refuse(w, r, lookupError(err, unknown), store.Connection{})
		return
	}
	c, chosen := h.choose(w, r, found)
	if !chosen {
		return
	}
	a := h.newAttempt()
	a.ReturnTo, a.Elsewhere = h.targetLink(r.Form.Get("target_link_uri")), true
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
	target, err := h.authorizationURL(r.Context(), m, c, &a, hint)
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

// authorizationURL is where the browser goes with the authorization request.
func (h *Handler) authorizationURL(ctx context.Context, m *metadata, c store.Connection, a *attempt, hint string) (string, error) {
	u, err := url.Parse(m.authorizationEndpoint)
	if err != nil {
		return "", unavailable(CodeProviderConfig, "the authorization endpoint is no URL", nil)
	}
	params, err := h.push(ctx, c, m, a, h.authorizationRequest(m, c, *a, hint))
	if err != nil {
		return "", err
	}
	q := u.Query()
	for name, values := range params {
		q[name] = values
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// authorizationRequest has the parameters of OpenID Connect Core section 3.1.2.1, with PKCE (RFC 7636).
func (h *Handler) authorizationRequest(m *metadata, c store.Connection, a attempt, hint string) url.Values {
	refresh := h.wantsRefresh(c)
	q := url.Values{
		"response_type":         {"code"},
		"client_id":             {c.ClientID},
		"redirect_uri":          {h.RedirectURI(c.ID)},
		"scope":                 {strings.Join(scopesOf(c, m, refresh), " ")},
		"state":                 {a.State},
		"nonce":                 {a.Nonce},
		"code_challenge":        {zoidc.NewSHACodeChallenge(a.Verifier)},
		"code_challenge_method": {"S256"},
	}
	prompt := slices.Clone(a.Prompt)
	if refresh && isGoogle(c.Issuer) { // Google's way of offline_access; it gives a refresh token at a consent only
		q.Set("access_type", "offline")
		if len(prompt) == 0 {
			prompt = []string{PromptConsent}
		}
	}
	for name, value := range map[string]string{
		"prompt":     strings.Join(prompt, " "),
		"acr_values": strings.Join(a.ACRValues, " "),
		"login_hint": hint,
	} {
		if value != "" && (name != "login_hint" || len(value) <= maxEmailBytes) {
			q.Set(name, value)
		}
	}
	if a.MaxAge != 0 {
		q.Set("max_age", strconv.FormatInt(max(0, a.MaxAge), 10))
	}
	if h.cfg.FormPost && slices.Contains(m.responseModes, "form_post") {
		q.Set("response_mode", "form_post")
	}
	return q
}

// scopesOf are the defaults, what the connection adds, and offline_access where a refresh token is wanted and the
// provider does not say that it has no such scope. Keycloak gives refresh tokens without it, and with it would make the
// session one that no logout at the provider ends.
func scopesOf(c store.Connection, m *metadata, refresh bool) []string {
	scopes := []string{"openid", "profile", "email"}
	if refresh && !isKeycloak(c.Issuer) && (len(m.scopes) == 0 || slices.Contains(m.scopes, scopeOffline)) {
		scopes = append(scopes, scopeOffline)
	}
	for _, s := range c.AdditionalScopes {
		if s != "" && !strings.ContainsAny(s, " \t\r\n\"\\") && !slices.Contains(scopes, s) && len(scopes) < maxScopes {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

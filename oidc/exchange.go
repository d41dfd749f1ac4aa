package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// tokens is what a token endpoint gave.
type tokens struct {
	idToken, accessToken, refreshToken string
	// method is the client authentication that the provider took.
	method string
}

// exchange redeems the code (OpenID Connect Core section 3.1.3). A test finds out which way of sending the client
// secret the provider takes, if it is not the one that the connection has (R22).
func (h *Handler) exchange(ctx context.Context, c store.Connection, m *metadata, a attempt, code string) (tokens, error) {
	req := call{conn: c, meta: m, endpoint: m.tokenEndpoint, what: "the token endpoint", form: url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {h.RedirectURI(c.ID)},
		"code_verifier": {a.Verifier},
	}}
	var err error
	if req.method = a.ClientAuth; req.method == "" {
		if req.method, err = h.authMethodOf(c, m); err != nil {
			return tokens{}, err
		}
	}
	t, err := h.redeem(ctx, req)
	if other := otherSecretMethod(req.method); a.Test != nil && other != "" && clientRefused(err) {
		req.method = other
		if again, secondErr := h.redeem(ctx, req); secondErr == nil {
			return again, nil
		}
	}
	return t, err
}

// redeem asks the token endpoint for an ID token.
func (h *Handler) redeem(ctx context.Context, req call) (tokens, error) {
	ans, err := h.post(ctx, req)
	if err != nil {
		return tokens{}, err
	}
	t, err := parseTokens(ans, req)
	if err == nil && t.idToken == "" {
		return tokens{}, unavailable(CodeProviderConfig, "the token endpoint gave no ID token; is the application an OpenID Connect one?", nil)
	}
	t.method = req.method
	return t, err
}

// parseTokens reads a token response, or the error of RFC 6749 section 5.2.
func parseTokens(ans *answer, req call) (tokens, error) {
	doc, err := parseObject(ans.body)
	if ans.status != http.StatusOK {
		return tokens{}, tokenError(req, ans.status, doc)
	}
	if err != nil {
		return tokens{}, unavailable(CodeProviderDown, req.what+"'s answer is no JSON object", nil)
	}
	var t tokens
	t.idToken, _ = doc.str("id_token")
	t.accessToken, _ = doc.str("access_token")
	t.refreshToken, _ = doc.str("refresh_token")
	if typ, given := doc.str("token_type"); given && !strings.EqualFold(typ, "Bearer") {
		t.accessToken = "" // not one that we could use
	}
	return t, nil
}

// providerFailure says in whose hands a failed request lies.
func providerFailure(err error, what string) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return unavailable(CodeProviderDown, what+" could not be used", nil)
	}
	code := CodeProviderDown
	if f.code == tenant.CodeDiscoveryBlocked || f.code == tenant.CodeDiscoveryRedirect {
		code = CodeProviderConfig
	}
	return unavailable(code, what+": "+f.reason, f)
}

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

// tokens is what a token endpoint gave for a code.
type tokens struct{ idToken, accessToken string }

// exchange redeems the code (OpenID Connect Core section 3.1.3). Redirects are not followed: a 307 would carry code,
// verifier and secret elsewhere.
func (h *Handler) exchange(ctx context.Context, c store.Connection, m *metadata, a attempt, code string) (tokens, error) {
	method, ok := m.authMethod(c.ClientAuth)
	if !ok {
		return tokens{}, unavailable(CodeAuthUnsupported, "the connection's client authentication is not supported", nil)
	}
	secret, err := h.cfg.Secrets.ClientSecret(ctx, c)
	if err != nil {
		return tokens{}, unavailable(CodeSecretUnreadable, "the client secret can't be opened", err)
	}
	if secret.IsZero() {
		return tokens{}, unavailable(CodeSecretUnreadable, "the connection has no client secret", nil)
	}
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {h.RedirectURI(c.ID)},
		"code_verifier": {a.Verifier},
	}
	if method == authPost {
		form.Set("client_id", c.ClientID)
		form.Set("client_secret", secret.Reveal())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.tokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return tokens{}, unavailable(CodeProviderConfig, "the token endpoint is no URL", nil)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if method == authBasic {
		// RFC 6749 section 2.3.1: both are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(secret.Reveal()))
	}
	ans, err := h.out.do(req, maxTokenBytes, CodeProviderDown)
	if err != nil {
		return tokens{}, providerFailure(err, "the token endpoint")
	}
	return parseTokens(ans)
}

// parseTokens reads a token response, or the error of RFC 6749 section 5.2.
func parseTokens(ans *answer) (tokens, error) {
	doc, err := parseObject(ans.body)
	if ans.status != http.StatusOK {
		return tokens{}, tokenError(ans.status, doc)
	}
	if err != nil {
		return tokens{}, unavailable(CodeProviderDown, "the token endpoint's answer is no JSON object", nil)
	}
	var t tokens
	t.idToken, _ = doc.str("id_token")
	t.accessToken, _ = doc.str("access_token")
	if t.idToken == "" {
		return tokens{}, unavailable(CodeProviderConfig, "the token endpoint gave no ID token; is the application an OpenID Connect one?", nil)
	}
	if typ, given := doc.str("token_type"); given && !strings.EqualFold(typ, "Bearer") {
		t.accessToken = "" // not one that we could use
	}
	return t, nil
}

func tokenError(status int, doc object) error {
	code, _ := doc.str("error")
	switch {
	case code == "invalid_client" || code == "unauthorized_client" || code == "" && status == http.StatusUnauthorized:
		return unavailable(CodeClientRejected, "the provider refused the client ID or secret; has the secret expired?", nil)
	case code == "invalid_grant":
		return denied(CodeCodeRejected, "the provider refused the code")
	case code == "invalid_request" || code == "unsupported_grant_type" || code == "invalid_scope":
		return unavailable(CodeProviderConfig, "the token endpoint answered "+code, nil)
	default:
		return unavailable(CodeProviderDown, "the token endpoint answered with an error", nil)
	}
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

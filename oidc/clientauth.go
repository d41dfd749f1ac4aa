package oidc

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The client authentication methods of OpenID Connect Core section 9 that we speak.
const (
	authBasic      = "client_secret_basic"
	authPost       = "client_secret_post"
	authPrivateKey = "private_key_jwt"
	authNone       = "none"
)

// authMethod picks how the client authenticates: as the connection says, else what the guide of this kind of provider
// recommends and the provider lists, else what it lists, else basic, which is the default of Discovery section 3. A public
// client must be asked for: nobody becomes one by a provider's document.
func (m *metadata) authMethod(configured, provider string, haveKeys bool) (string, bool) {
	switch configured {
	case authBasic, authPost, authNone:
		return configured, true
	case authPrivateKey:
		return configured, haveKeys
	case "":
	default:
		return "", false
	}
	if len(m.authMethods) == 0 {
		return authBasic, true
	}
	for _, method := range []string{tenant.RecommendedClientAuth(provider), authBasic, authPost, authPrivateKey} {
		if method != "" && slices.Contains(m.authMethods, method) && (method != authPrivateKey || haveKeys) {
			return method, true
		}
	}
	return "", false
}

// otherSecretMethod is the method to try in a test when the provider refuses the client with this one (R22): many
// providers let an administrator choose between the two, and list both.
func otherSecretMethod(method string) string {
	switch method {
	case authBasic:
		return authPost
	case authPost:
		return authBasic
	}
	return ""
}

// call is one authenticated request to a provider's endpoint.
type call struct {
	conn     store.Connection
	meta     *metadata
	method   string // of client authentication
	endpoint string
	what     string     // the endpoint's name in refusals
	form     url.Values // at least one; without what authenticates the client
}

// post sends the form with the client's authentication. Redirects are not followed: a 307 would carry code, verifier
// and secret elsewhere.
func (h *Handler) post(ctx context.Context, c call) (*answer, error) {
	var form strings.Builder
	form.WriteString(c.form.Encode())
	add := func(name, value string) { form.WriteString("&" + name + "=" + url.QueryEscape(value)) }
	var secret tenant.Secret
	switch c.method {
	case authBasic, authPost:
		var err error
		if secret, err = h.cfg.Secrets.ClientSecret(ctx, c.conn); err != nil {
			return nil, unavailable(CodeSecretUnreadable, "the client secret can't be opened", err)
		}
		if secret.IsZero() {
			return nil, unavailable(CodeSecretUnreadable, "the connection has no client secret", nil)
		}
	case authPrivateKey:
		assertion, err := h.clientKeys.assertion(ctx, c.conn.ClientID, c.conn.Issuer, c.meta.assertionAlgs, h.now())
		if err != nil {
			return nil, err
		}
		add("client_assertion_type", assertionType)
		add("client_assertion", assertion)
	}
	if c.method != authBasic && !c.form.Has("client_id") {
		add("client_id", c.conn.ClientID)
	}
	if c.method == authPost {
		add("client_secret", secret.Reveal())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, strings.NewReader(form.String()))
	if err != nil {
		return nil, unavailable(CodeProviderConfig, c.what+" is no URL", nil)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if c.method == authBasic {
		// RFC 6749 section 2.3.1: both are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(c.conn.ClientID), url.QueryEscape(secret.Reveal()))
	}
	ans, err := h.out.do(req, maxTokenBytes, CodeProviderDown)
	if err != nil {
		return nil, providerFailure(err, c.what)
	}
	return ans, nil
}

// authMethodOf is how a connection's client authenticates.
func (h *Handler) authMethodOf(c store.Connection, m *metadata) (string, error) {
	method, ok := m.authMethod(c.ClientAuth, providerKind(c), h.clientKeys != nil)
	if !ok {
		return "", unavailable(CodeAuthUnsupported, "the connection's client authentication is not supported, or needs keys that the application does not have", nil)
	}
	return method, nil
}

package oidctest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// maxViolations bounds what is kept for Violations.
const maxViolations = 100

// violate notes something that a relying party must not do.
func (p *Provider) violate(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.violations) < maxViolations {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// Violations returns what relying parties did wrong since the last call, at most 100 sentences: what the conformance
// suite checks in the authorization, token, userinfo and logout requests of every one of its tests, whatever the test is
// about. A [Server] fails its test for what is left when the test ends; a test of a client that is set up wrongly calls
// this to say that it expected them.
func (p *Provider) Violations() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.violations
	p.violations = nil
	return v
}

const (
	maxNonce = 128
	maxState = 1024
)

var unreserved = regexp.MustCompile(`^[A-Za-z0-9\-_.~]+$`)

// checkAuthorization notes what is wrong with an authorization request (OpenID Connect Core section 3.1.2.1, RFC 7636),
// be it pushed or brought by the browser.
func (p *Provider) checkAuthorization(params url.Values) {
	for name, values := range params {
		if len(values) > 1 {
			p.violate("authorization request: the parameter %s is repeated", name)
		}
	}
	if params.Has("request") {
		p.violate("authorization request: a request object, which the client did not register")
	}
	if got := params.Get("response_type"); got != "code" {
		p.violate("authorization request: expected response_type code, got %q", got)
	}
	if !slices.Contains(strings.Fields(params.Get("scope")), "openid") {
		p.violate("authorization request: the scope lacks openid")
	}
	if params.Get("max_age") == "0" && params.Get("prompt") == "none" {
		p.violate("authorization request: max_age=0 contradicts prompt=none")
	}
	if nonce := params.Get("nonce"); params.Has("nonce") && (len(nonce) > maxNonce || !unreserved.MatchString(nonce)) {
		p.violate("authorization request: the nonce must have 1 to %d letters, digits and -_.~", maxNonce)
	}
	if len(params.Get("state")) > maxState {
		p.violate("authorization request: the state has more than %d bytes", maxState)
	}
	if params.Get("code_challenge_method") != "S256" || len(params.Get("code_challenge")) != 43 {
		p.violate("authorization request: expected PKCE with S256")
	}
	switch params.Get("response_mode") {
	case "", "query", "form_post":
	default:
		p.violate("authorization request: the response_mode is not offered")
	}
	if u, err := url.Parse(params.Get("redirect_uri")); err != nil || u.Host == "" || u.Fragment != "" {
		p.violate("authorization request: the redirect_uri must be absolute and have no fragment")
	}
}

// checkTokenForm notes what is wrong with the form of a token request (RFC 6749 section 3.2).
func (p *Provider) checkTokenForm(r *http.Request) {
	for name, values := range r.PostForm {
		if len(values) > 1 {
			p.violate("token request: the parameter %s is repeated", name)
		}
	}
	for _, name := range []string{"code", "code_verifier", "client_secret", "refresh_token", "client_assertion"} {
		if r.URL.Query().Has(name) {
			p.violate("token request: %s in the address", name)
		}
	}
	if r.PostForm.Get("grant_type") == "" {
		p.violate("token request: grant_type is missing")
	}
	if user, _, ok := r.BasicAuth(); ok && r.PostForm.Has("client_id") && url.QueryEscape(r.PostForm.Get("client_id")) != user {
		p.violate("token request: client_id of the form differs from that of the Authorization header")
	}
}

// checkCode notes what is wrong with the redemption of a code.
func (p *Provider) checkCode(r *http.Request, g grant, known bool, client Client) {
	switch {
	case !known:
		p.violate("token request: the code was never given, or redeemed before")
	case g.clientID != client.ID:
		p.violate("token request: the code belongs to another client")
	case g.redirectURI != r.PostForm.Get("redirect_uri"):
		p.violate("token request: redirect_uri differs from that of the authorization request")
	case s256(r.PostForm.Get("code_verifier")) != g.challenge:
		p.violate("token request: code_verifier does not fit the code_challenge")
	}
}

// accessToken takes the access token of a userinfo request from where it may be (RFC 6750 section 2): the header or the
// form body, never both, never the address.
func (p *Provider) accessToken(r *http.Request) (string, bool) {
	if r.URL.Query().Has("access_token") {
		p.violate("userinfo request: the access token in the address")
		return "", false
	}
	token, header := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	body := r.Method == http.MethodPost && r.ParseForm() == nil && r.PostForm.Has("access_token")
	switch {
	case header && body:
		p.violate("userinfo request: the access token both in the header and in the body")
		return "", false
	case header:
		return token, true
	case body:
		return r.PostForm.Get("access_token"), true
	}
	p.violate("userinfo request: no access token")
	return "", false
}

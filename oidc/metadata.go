package oidc

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// metadata is the part of a provider's discovery document (OpenID Connect Discovery section 3) that we use. It is
// read leniently, since many documents have a wrong type in a field that nobody reads, and checked strictly.
type metadata struct {
	issuer                string
	authorizationEndpoint string
	tokenEndpoint         string
	jwksURI               string
	// Empty when absent or unusable.
	userinfoEndpoint, endSessionEndpoint, pushedRequestEndpoint string

	responseTypes    []string
	responseModes    []string
	signingAlgs      []string
	authMethods      []string
	scopes           []string
	challengeMethods []string
	assertionAlgs    []string // token_endpoint_auth_signing_alg_values_supported
	issInResponse    bool     // RFC 9207: authorization_response_iss_parameter_supported
	pushRequired     bool     // RFC 9126: require_pushed_authorization_requests

	pushes *pushState

	fault *tenant.Finding // why the document can't be used, nil if it can: see examine

	fetched time.Time // when the document was read
	drift   *drift    // why this is a connection's kept document; nil if it is the provider's present one
}

// parseMetadata decodes a discovery document. It does not check it.
func parseMetadata(body []byte) (*metadata, error) {
	doc, err := parseObject(body)
	if err != nil {
		return nil, &failure{code: tenant.CodeDiscoveryInvalidJSON, reason: err.Error()}
	}
	m := &metadata{
		pushes:           &pushState{},
		responseTypes:    doc.strs("response_types_supported"),
		responseModes:    doc.strs("response_modes_supported"),
		signingAlgs:      doc.strs("id_token_signing_alg_values_supported"),
		authMethods:      doc.strs("token_endpoint_auth_methods_supported"),
		scopes:           doc.strs("scopes_supported"),
		challengeMethods: doc.strs("code_challenge_methods_supported"),
		assertionAlgs:    doc.strs("token_endpoint_auth_signing_alg_values_supported"),
		pushRequired:     doc.isTrue("require_pushed_authorization_requests"),
		issInResponse:    doc.isTrue("authorization_response_iss_parameter_supported"),
	}
	for name, to := range map[string]*string{
		"issuer":                 &m.issuer,
		"authorization_endpoint": &m.authorizationEndpoint,
		"token_endpoint":         &m.tokenEndpoint,
		"userinfo_endpoint":      &m.userinfoEndpoint,
		"jwks_uri":               &m.jwksURI,

		"end_session_endpoint":                  &m.endSessionEndpoint,
		"pushed_authorization_request_endpoint": &m.pushedRequestEndpoint,
	} {
		if s, ok := doc.str(name); ok && len(s) <= maxURLBytes {
			*to = s
		}
	}
	return m, nil
}

// examine checks a document of the cache once, for all sign-ins that use it. The document does not change afterwards.
func (m *metadata) examine(authority string, out *outbound) {
	for _, f := range m.check(authority, out) {
		if f.Severity == tenant.SeverityError {
			m.fault = &f
			return
		}
	}
}

// weight is the document's size in KiB, rounded up: a document may say a lot, and each customer names one.
func (m *metadata) weight() int {
	if m == nil {
		return 0
	}
	n := len(m.issuer) + len(m.authorizationEndpoint) + len(m.tokenEndpoint) + len(m.jwksURI)
	for _, endpoint := range m.optional() {
		n += len(*endpoint)
	}
	for _, list := range [][]string{m.responseTypes, m.responseModes, m.signingAlgs, m.authMethods, m.scopes, m.challengeMethods, m.assertionAlgs} {
		for _, s := range list {
			n += len(s) + 16 // and its header
		}
	}
	return 1 + n/1024
}

// check applies R34 to a parsed document and lists everything that is wrong with it. A warning does not stop a
// sign-in, an error does.
func (m *metadata) check(authority string, out *outbound) []tenant.Finding {
	var found []tenant.Finding
	add := func(code, format string, args ...any) {
		found = append(found, finding(tenant.SeverityError, code, fmt.Sprintf(format, args...)))
	}
	warn := func(code, format string, args ...any) {
		found = append(found, finding(tenant.SeverityWarning, code, fmt.Sprintf(format, args...)))
	}
	switch matchIssuer(authority, m.issuer) {
	case issuerDiffers:
		f := finding(tenant.SeverityError, tenant.CodeIssuerMismatch, m.explainIssuer(authority))
		f.Expected, f.Got = authority, shown(m.issuer)
		found = append(found, f)
	case issuerSlash:
		warn(CodeIssuerTrailingSlash, "The provider names itself %s; that exact spelling is used from now on.", shown(m.issuer))
	case issuerEntraV1:
		warn(tenant.CodeAuthorityEntraV1, "This is Microsoft's v1.0 authority. The v2.0 one, %s, is recommended.", shown(strings.TrimSuffix(authority, "/")+"/v2.0"))
	case issuerEntraName:
		warn(CodeEntraTenantName, "The tenant is addressed by name; its permanent issuer %s is used from now on.", shown(m.issuer))
	case issuerExact:
	}
	for _, e := range []struct{ name, value string }{
		{"authorization_endpoint", m.authorizationEndpoint},
		{"token_endpoint", m.tokenEndpoint},
		{"jwks_uri", m.jwksURI},
	} {
		if e.value == "" {
			add(tenant.CodeDiscoveryIncomplete, "The provider's document has no %s.", e.name)
		} else if err := out.checkURL(e.value); err != nil {
			add(tenant.CodeDiscoveryIncomplete, "The provider's %s %v.", e.name, err)
		}
	}
	for name, endpoint := range m.optional() {
		if *endpoint != "" && out.checkURL(*endpoint) != nil {
			warn(tenant.CodeDiscoveryIncomplete, "The provider's %s is no https URL and is ignored.", name)
			*endpoint = ""
		}
	}
	if m.pushRequired && m.pushedRequestEndpoint == "" {
		add(tenant.CodeDiscoveryIncomplete, "The provider requires pushed authorization requests and names no usable pushed_authorization_request_endpoint.")
	}
	if len(m.responseTypes) > 0 && !slices.Contains(m.responseTypes, "code") {
		add(tenant.CodeDiscoveryIncomplete, "The provider does not offer the response type code.")
	}
	if _, ok := m.signingAlg(); !ok {
		add(tenant.CodeNoUsableKey, "The provider signs ID tokens with no algorithm that is accepted here (%s).", strings.Join(signingAlgs, ", "))
	}
	if len(m.scopes) > 0 && !slices.Contains(m.scopes, "email") {
		warn(tenant.CodeScopeUnknown, "The provider does not list the scope email; sign-in needs an e-mail address.")
	}
	if len(m.challengeMethods) == 0 || !slices.Contains(m.challengeMethods, "S256") {
		warn(CodeNoPKCE, "The provider does not advertise PKCE with S256; it is sent regardless.")
	}
	return found
}

func (m *metadata) explainIssuer(authority string) string {
	if strings.Contains(m.issuer, "{tenantid}") {
		return "The document serves every Entra customer. Use the authority with your own tenant ID."
	}
	msg := fmt.Sprintf("The document at %s names the issuer %s, which is not the same.", shown(authority), shown(m.issuer))
	if u, err := url.Parse(authority); err == nil && entraIssuers[strings.ToLower(u.Hostname())] != "" {
		msg += " Check the application's accessTokenAcceptedVersion and use https://login.microsoftonline.com/{tenant-id}/v2.0."
	}
	return msg
}

// signingAlgs are the ID token algorithms that we accept, in order of preference. RS256 is first because it is what
// a provider uses for a client that registered nothing else (OpenID Connect Core section 15.1).
var signingAlgs = []string{"RS256", "ES256", "PS256", "EdDSA", "ES384", "PS384", "RS384", "ES512", "PS512", "RS512"}

// signingAlg pins one algorithm for a connection that has none pinned yet: never what a token's header asks for.
func (m *metadata) signingAlg() (string, bool) {
	if len(m.signingAlgs) == 0 {
		return signingAlgs[0], true
	}
	for _, alg := range signingAlgs {
		if slices.Contains(m.signingAlgs, alg) {
			return alg, true
		}
	}
	return "", false
}

// optional are the endpoints that sign-in works without, in a fixed order.
func (m *metadata) optional() iter.Seq2[string, *string] {
	return func(yield func(string, *string) bool) {
		_ = yield("userinfo_endpoint", &m.userinfoEndpoint) &&
			yield("end_session_endpoint", &m.endSessionEndpoint) &&
			yield("pushed_authorization_request_endpoint", &m.pushedRequestEndpoint)
	}
}

// isControlOrSpace finds what some program reads differently in a URL.
func isControlOrSpace(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }

// checkURL tells what is wrong with an endpoint that a provider named.
func (o *outbound) checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("is no absolute URL")
	case u.User != nil || u.Fragment != "" || strings.ContainsFunc(s, isControlOrSpace):
		return fmt.Errorf("must have no user, fragment or control characters")
	case !o.allowed(u.Scheme, u.Hostname()):
		return fmt.Errorf("must be an https URL")
	}
	return nil
}

// shown makes a provider's text fit for a message: quoted, short and without control characters.
func shown(s string) string { return fmt.Sprintf("%q", shownText(s, 200)) }

// shownText cuts a stranger's text to limit bytes and takes out what changes how the text around it is read.
func shownText(s string, limit int) string {
	if len(s) > 2*limit {
		s = s[:2*limit]
	}
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

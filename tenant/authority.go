package tenant

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// AuthorityOptions are what [ParseAuthority] admits beyond the rule.
type AuthorityOptions struct {
	// AllowPorts admits ports other than 443.
	AllowPorts bool
	// InsecureAllowLoopback admits http, any port and loopback hosts. For tests and
	// demos only.
	InsecureAllowLoopback bool
}

const (
	maxAuthority = 2048 // bytes
	wellKnown    = "/.well-known/openid-configuration"
	localhost    = "localhost"
)

// Kinds of providers, as Connection.Provider names them. Others are "generic".
const (
	ProviderEntra     = "entra"
	ProviderOkta      = "okta"
	ProviderGoogle    = "google"
	ProviderJumpCloud = "jumpcloud"
	ProviderAuth0     = "auth0"
	ProviderKeycloak  = "keycloak"
	ProviderOneLogin  = "onelogin"
	ProviderPing      = "ping"
	ProviderGeneric   = "generic"
)

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// endpoint matches the paths of endpoints that people paste instead of the authority;
// the part before it is what they meant.
var endpoint = regexp.MustCompile(`(?i)(/oauth2(/v[0-9.]+)?/(authorize|token|keys|userinfo)|/protocol/openid-connect(/.*)?|/v1/(authorize|token|keys|userinfo)|/oauth2/default/v1/.*|/oauth/token|/authorize)/?$`)

// ParseAuthority reads the authority that an owner gives (R32): the address below
// which the provider's metadata is found. It returns it normalised: scheme and host
// in lower case, a pasted discovery address cut, the path kept exactly, a trailing
// slash included, since some issuers end in one. Findings of [SeverityError] refuse
// it; the authority is then empty.
func ParseAuthority(raw string, opts AuthorityOptions) (string, []Finding) {
	s := strings.TrimSpace(raw)
	say := func(code, suggestion, format string, args ...any) (string, []Finding) {
		return "", []Finding{errorFinding(FieldAuthority, code, format, args...).got(shown(s)).suggest(suggestion)}
	}
	const example = "https://login.example.com"
	if looksLikeXML(s) {
		return say(CodeAuthoritySAML, "", "This is SAML metadata. Register the application for OpenID Connect and give its authority (issuer) URL.")
	}
	if s == "" {
		return "", []Finding{errorFinding(FieldAuthority, CodeRequired, "Give the authority URL of your provider's application, such as %s.", example)}
	}
	if len(s) > maxAuthority || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' || r == '\uFFFD' }) {
		return say(CodeAuthorityInvalid, "", "This is not a URL. Expected one such as %s.", example)
	}
	if !strings.Contains(s, "://") {
		suggestion := ""
		if host, _, _ := strings.Cut(s, "/"); !strings.ContainsAny(host, "@:") {
			if _, err := NormalizeDomain(host); err == nil {
				suggestion = "https://" + s
			}
		}
		return say(CodeAuthorityInvalid, suggestion, "The authority must be a complete URL that starts with https://.")
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return say(CodeAuthorityInvalid, "", "This is not a URL. Expected one such as %s.", example)
	}
	if looksLikeSAML(u) {
		return say(CodeAuthoritySAML, "", "This is a SAML address. Register the application for OpenID Connect and give its authority (issuer) URL.")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		return say(CodeAuthorityInvalid, "", "The authority must not have a user, a query or a fragment.")
	}
	host, addr, err := authorityHost(u.Hostname(), opts.InsecureAllowLoopback)
	if err != nil {
		return say(CodeAuthorityInvalid, "", "%s is not a host name. Expected a URL such as %s.", shown(u.Hostname()), example)
	}
	loopback := opts.InsecureAllowLoopback && (host == localhost || addr.IsValid() && isLoopback(addr))
	if addr.IsValid() && !loopback && !publicAddress(addr) {
		return say(CodeDiscoveryBlocked, "", "This address is private or reserved. The provider must be reachable from the Internet.")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		suggestion := ""
		if u.Scheme == "http" {
			suggestion = "https" + s[len("http"):]
		}
		return say(CodeAuthorityNotHTTPS, suggestion, "The authority must start with https://.")
	}
	if path := u.EscapedPath(); !plainPath(path) {
		return say(CodeAuthorityInvalid, "", "The path of this URL is not plain. Copy the authority (issuer) URL as your provider shows it.")
	}
	if addr.Is6() {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && (port != "443" || u.Scheme == "http") {
		if !opts.AllowPorts && !loopback {
			return say(CodeAuthorityPort, "", "The authority must not name a port other than 443.")
		}
		host += ":" + port
	}
	path, _ := strings.CutSuffix(u.EscapedPath(), wellKnown)
	authority := u.Scheme + "://" + host + path
	if found := providerFindings(u.Scheme, host, path, authority); len(found) > 0 {
		found[0].Got = shown(s)
		if hasError(found) {
			return "", found
		}
		return authority, found
	}
	return authority, nil
}

// authorityHost normalises a host name; addr is set if it is an address.
func authorityHost(host string, allowLocalhost bool) (name string, addr netip.Addr, err error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", netip.Addr{}, errNotDomain
		}
		return addr.String(), addr, nil
	}
	if allowLocalhost && strings.EqualFold(host, localhost) {
		return localhost, netip.Addr{}, nil
	}
	name, err = NormalizeDomain(host)
	if strings.HasSuffix(host, ".") {
		err = errNotDomain // such a host has other certificates and another issuer
	}
	return name, netip.Addr{}, err
}

// plainPath reports whether a path is free of what servers read in different ways.
func plainPath(path string) bool {
	if path == "" || path == "/" {
		return true
	}
	lower := strings.ToLower(path)
	if strings.Contains(lower, "%2f") || strings.Contains(lower, "%5c") || strings.Contains(lower, "%2e") || strings.Contains(lower, "%00") || strings.Contains(path, ";") {
		return false
	}
	segments := strings.Split(strings.TrimSuffix(path, "/")[1:], "/")
	return !slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." })
}

func looksLikeXML(s string) bool {
	l := strings.ToLower(s)
	return strings.HasPrefix(l, "<?xml") || strings.Contains(l, "<entitydescriptor") || strings.Contains(l, ":entitydescriptor")
}

func looksLikeSAML(u *url.URL) bool {
	before := ""
	for segment := range strings.SplitSeq(strings.ToLower(u.Path), "/") {
		switch segment {
		case "saml", "saml2", "samlp", "federationmetadata", "federationmetadata.xml":
			if before != "realms" { // a Keycloak realm may have any name
				return true
			}
		}
		before = segment
	}
	return false
}

// providerFindings names the classic mistakes with well-known providers.
func providerFindings(scheme, host, path, authority string) []Finding {
	if slices.Contains(guideOf(ProviderEntra).Authority.Hosts, host) {
		return entraFindings(host, path)
	}
	name, domain, _ := strings.Cut(host, ".")
	if admin, ok := strings.CutSuffix(name, "-admin"); ok && slices.Contains(guideOf(ProviderOkta).Authority.Domains, domain) {
		return []Finding{errorFinding(FieldAuthority, CodeAuthorityOktaAdmin, "This is the address of Okta's administration. Use the address without -admin.").
			suggest(scheme + "://" + admin + "." + domain)}
	}
	if cut := endpoint.FindStringIndex(path); cut != nil {
		base := authority[:len(authority)-len(path)+cut[0]]
		if strings.Contains(strings.ToLower(path[cut[0]:]), "/oauth2/default/v1/") {
			base += "/oauth2/default"
		}
		return []Finding{errorFinding(FieldAuthority, CodeAuthorityEndpoint, "This is one of the provider's endpoints. Use the authority (issuer) URL, probably %s.", shown(base)).suggest(base)}
	}
	return nil
}

func entraFindings(host, path string) []Finding {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	loginHost := host
	if host == "sts.windows.net" {
		loginHost = "login.microsoftonline.com"
	}
	switch strings.ToLower(segments[0]) {
	case "", "common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad": // the last is consumers by ID
		return []Finding{errorFinding(FieldAuthority, CodeAuthorityMultiTenant,
			"This address serves every Entra customer. Use the one with your own directory (tenant) ID.").
			suggest("https://" + loginHost + "/{tenant-id}/v2.0")}
	}
	v2 := "https://" + loginHost + "/" + segments[0] + "/v2.0"
	switch {
	case len(segments) >= 2 && endpoint.MatchString(path):
		return []Finding{errorFinding(FieldAuthority, CodeAuthorityEndpoint, "This is one of the provider's endpoints. Use the authority URL, probably %s.", shown(v2)).suggest(v2)}
	case host == "sts.windows.net" || len(segments) == 1:
		return []Finding{warning(FieldAuthority, CodeAuthorityEntraV1,
			"This is Entra's old v1.0 address. Unless your set-up requires v1.0 tokens, use %s.", shown(v2)).suggest(v2)}
	}
	return nil
}

// entraTenant is the directory that an Entra authority names, or "".
func entraTenant(authority string) string {
	u, err := url.Parse(authority)
	if err != nil || !slices.Contains(guideOf(ProviderEntra).Authority.Hosts, u.Hostname()) {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return first
}

// hostOf is the scheme, host and port of an authority: where a secret is sent.
func hostOf(authority string) string {
	u, err := url.Parse(authority)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

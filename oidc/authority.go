package oidc

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

const (
	wellKnown   = "/.well-known/openid-configuration"
	maxURLBytes = 2048
)

// discoveryURL is where an authority's document lives (OpenID Connect Discovery section 4.1: a terminating slash of
// the issuer is removed before the well-known part is appended).
func discoveryURL(authority string) string {
	return strings.TrimSuffix(authority, "/") + wellKnown
}

// entraIssuers gives, for each of Microsoft's sign-in hosts, the host of the issuer that its v1.0 documents name.
var entraIssuers = map[string]string{
	"login.microsoftonline.com":        "sts.windows.net",
	"login.microsoftonline.us":         "sts.windows.net",
	"login.partner.microsoftonline.cn": "sts.chinacloudapi.cn",
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// How a document's issuer relates to the authority that it was fetched from.
type issuerMatch int

const (
	issuerDiffers   issuerMatch = iota
	issuerExact                 // the rule: identical strings
	issuerSlash                 // they differ in a trailing slash alone (Auth0, JumpCloud, Authentik)
	issuerEntraV1               // Entra's v1.0 pair: login.microsoftonline.com/{id} and sts.windows.net/{id}/
	issuerEntraName             // Entra addressed by a domain name; the issuer has the tenant's GUID
)

// matchIssuer compares an issuer with an authority. Anything but issuerExact and issuerSlash is one of Microsoft's
// documented pairs; nothing else may differ (R20).
func matchIssuer(authority, issuer string) issuerMatch {
	if issuer == "" {
		return issuerDiffers
	}
	if issuer == authority {
		return issuerExact
	}
	if strings.TrimSuffix(issuer, "/") == strings.TrimSuffix(authority, "/") {
		return issuerSlash
	}
	a, errA := url.Parse(authority)
	i, errI := url.Parse(issuer)
	if errA != nil || errI != nil || a.Scheme != "https" || i.Scheme != "https" {
		return issuerDiffers
	}
	v1Host, isEntra := entraIssuers[strings.ToLower(a.Host)]
	if !isEntra {
		return issuerDiffers
	}
	aPath := strings.Split(strings.Trim(a.Path, "/"), "/")
	iPath := strings.Split(strings.Trim(i.Path, "/"), "/")
	id := iPath[0]
	if !guid.MatchString(id) {
		return issuerDiffers
	}
	sameTenant := strings.EqualFold(aPath[0], id)
	namedTenant := !guid.MatchString(aPath[0]) && strings.Contains(aPath[0], ".")
	if !sameTenant && !namedTenant {
		return issuerDiffers
	}
	switch {
	case len(aPath) == 1 && issuer == "https://"+v1Host+"/"+id+"/":
		return issuerEntraV1
	case namedTenant && len(aPath) == 2 && aPath[1] == "v2.0" && issuer == "https://"+a.Host+"/"+id+"/v2.0":
		return issuerEntraName
	}
	return issuerDiffers
}

// isSharedIssuer tells whether an issuer serves many customers at once, so that neither iss nor an unstated
// email_verified says which customer vouches (OIDC.md rule 3 and trap T11).
func isSharedIssuer(issuer string) bool {
	switch strings.TrimSuffix(issuer, "/") {
	case "accounts.google.com", "https://login.microsoftonline.com/" + consumerTenant + "/v2.0", "https://sts.windows.net/" + consumerTenant:
		return true
	}
	return tenant.IsSharedAuthority(issuer)
}

// consumerTenant is where all personal Microsoft accounts are.
const consumerTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

const googleIssuer = "https://accounts.google.com"

// isKeycloak tells by the path that all of its issuers have.
func isKeycloak(issuer string) bool { return tenant.DetectProvider(issuer) == tenant.ProviderKeycloak }

func isGoogle(issuer string) bool { return issuer == googleIssuer }

package tenant

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// one returns the code, suggestion and severity of the only finding.
func one(t *testing.T, findings []Finding) Finding {
	t.Helper()
	require.Len(t, findings, 1, "%+v", findings)
	require.NotEmpty(t, findings[0].Message)
	require.NotEmpty(t, findings[0].Field)
	return findings[0]
}

func TestParseDomainsAccepts(t *testing.T) {
	tests := map[string][]string{
		"acme.com":                              {"acme.com"},
		" ACME.com. ,,acme.COM;\nops.acme.com":  {"acme.com", "ops.acme.com"},
		"a.example b.example\tc.example":        {"a.example", "b.example", "c.example"},
		"bücher.example, xn--bcher-kva.example": {"xn--bcher-kva.example"},
		"例え。テスト":                                {"xn--r8jz45g.xn--zckzah"},
		"acme.co.uk":                            {"acme.co.uk"},
		"acme.github.io":                        {"acme.github.io"},
		"faß.de":                                {"xn--fa-hia.de"},
		"":                                      nil,
	}
	for in, want := range tests {
		got, findings := ParseDomains(in)
		require.Empty(t, findings, in)
		require.Equal(t, want, got, in)
	}
}

func TestParseDomainsRefuses(t *testing.T) {
	long := strings.Repeat("a", 63) + "."
	tests := []struct{ in, code, suggestion string }{
		{"acme", CodeDomainInvalid, ""},
		{"https://www.acme.com/login", CodeDomainInvalid, "acme.com"},
		{"acme.com/path", CodeDomainInvalid, "acme.com"},
		{"it@acme.com", CodeDomainIsEmail, "acme.com"},
		{"<it@ACME.com>", CodeDomainIsEmail, "acme.com"},
		{"@acme.com", CodeDomainIsEmail, "acme.com"},
		{"it@", CodeDomainIsEmail, ""},
		{"*.acme.com", CodeDomainInvalid, "acme.com"},
		{"192.0.2.1", CodeDomainInvalid, ""},
		{"2001:db8::1", CodeDomainInvalid, ""},
		{"[2001:db8::1]", CodeDomainInvalid, ""},
		{"1.2.3.4.5", CodeDomainInvalid, ""},
		{"co.uk", CodeDomainPublicSuffix, ""},
		{"github.io", CodeDomainPublicSuffix, ""},
		{"gmail.com", CodeDomainConsumer, ""},
		{"GoogleMail.com", CodeDomainConsumer, ""},
		{"mail.yahoo.co.uk", CodeDomainConsumer, ""},
		{"-acme.com", CodeDomainInvalid, ""},
		{"ac_me.com", CodeDomainInvalid, ""},
		{"acme..com", CodeDomainInvalid, ""},
		{"acme.com..", CodeDomainInvalid, ""},
		{".acme.com", CodeDomainInvalid, ""},
		{"acme.com:443", CodeDomainInvalid, ""},
		{long + long + long + long + "com", CodeDomainInvalid, ""},
		{strings.Repeat("a", 64) + ".com", CodeDomainInvalid, ""},
		{"xn--zzzzzz-.com", CodeDomainInvalid, ""},
		{"acme.com\x00", CodeDomainInvalid, ""},
		{"\xff.com", CodeDomainInvalid, ""},
	}
	for _, tt := range tests {
		got, findings := ParseDomains(tt.in)
		require.Empty(t, got, tt.in)
		f := one(t, findings)
		require.Equal(t, tt.code, f.Code, tt.in)
		require.Equal(t, tt.suggestion, f.Suggestion, tt.in)
		require.Equal(t, SeverityError, f.Severity)
		require.Equal(t, FieldDomains, f.Field)
	}
}

func TestParseDomainsNamesEachBadEntry(t *testing.T) {
	got, findings := ParseDomains("acme.com, gmail.com", "acme")
	require.Equal(t, []string{"acme.com"}, got)
	require.Len(t, findings, 2)
	require.Equal(t, "gmail.com is a public mail provider and cannot be associated.", findings[0].Message)
	require.Equal(t, "acme is not a domain. Use a full name such as acme.com.", findings[1].Message)
}

func TestParseDomainsBounds(t *testing.T) {
	_, findings := ParseDomains(strings.Repeat("a,", maxListBytes))
	require.Equal(t, CodeTooLong, one(t, findings).Code)
	_, findings = ParseDomains(strings.Repeat("x ", MaxDomains+1))
	require.Equal(t, CodeTooMany, one(t, findings).Code)
}

func TestMessagesHoldNoControlCharacters(t *testing.T) {
	_, findings := ParseDomains("a\x1b[31mb\u202ec")
	require.Equal(t, "a [31mb c", one(t, findings).Got)
}

func TestParseAuthority(t *testing.T) {
	const id = "8a3b0b5e-6a55-4b7e-9a0a-5c6a1a4d7c11"
	const v2 = "https://login.microsoftonline.com/" + id + "/v2.0"
	tests := []struct{ in, want, code, suggestion string }{
		{"https://login.acme.com", "https://login.acme.com", "", ""},
		{" HTTPS://Login.ACME.com/ ", "https://login.acme.com/", "", ""},
		{"https://login.acme.com:443/x", "https://login.acme.com/x", "", ""},
		{"https://x.auth0.com/", "https://x.auth0.com/", "", ""},
		{"https://login.acme.com/.well-known/openid-configuration", "https://login.acme.com", "", ""},
		{"https://sso.acme.com/realms/acme/.well-known/openid-configuration", "https://sso.acme.com/realms/acme", "", ""},
		{"https://sso.acme.com/realms/saml", "https://sso.acme.com/realms/saml", "", ""},
		{"https://bücher.example/Realm", "https://xn--bcher-kva.example/Realm", "", ""},
		{"https://acme.okta.com/oauth2/default", "https://acme.okta.com/oauth2/default", "", ""},
		{"https://8.8.8.8/x", "https://8.8.8.8/x", "", ""},
		{v2, v2, "", ""},
		{"https://login.microsoftonline.com/" + id, "https://login.microsoftonline.com/" + id, CodeAuthorityEntraV1, v2},
		{"https://sts.windows.net/" + id + "/", "https://sts.windows.net/" + id + "/", CodeAuthorityEntraV1, v2},

		{"", "", CodeRequired, ""},
		{"login.acme.com/x", "", CodeAuthorityInvalid, "https://login.acme.com/x"},
		{"user@acme.com", "", CodeAuthorityInvalid, ""},
		{"http://login.acme.com", "", CodeAuthorityNotHTTPS, "https://login.acme.com"},
		{"http://localhost:8081", "", CodeAuthorityInvalid, ""},
		{"ftp://login.acme.com", "", CodeAuthorityNotHTTPS, ""},
		{"javascript:alert(1)//://", "", CodeAuthorityInvalid, ""},
		{"https://u:p@login.acme.com", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com?x=1", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com?", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com#", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com:8443", "", CodeAuthorityPort, ""},
		{"https://login.acme.com/a/../b", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com/a//b", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com/a%2fb", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com./x", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com/ x", "", CodeAuthorityInvalid, ""},
		{"https://login.acme.com\\@evil.com", "", CodeAuthorityInvalid, ""},
		{"https://intranet", "", CodeAuthorityInvalid, ""},
		{"https://0x7f.1/", "", CodeAuthorityInvalid, ""},
		{"https://2130706433/", "", CodeAuthorityInvalid, ""},
		{"https://10.0.0.1", "", CodeDiscoveryBlocked, ""},
		{"https://[::1]", "", CodeDiscoveryBlocked, ""},
		{"https://169.254.169.254/latest", "", CodeDiscoveryBlocked, ""},
		{"https://" + strings.Repeat("a", maxAuthority), "", CodeAuthorityInvalid, ""},
		{`<?xml version="1.0"?><EntityDescriptor/>`, "", CodeAuthoritySAML, ""},
		{`<md:EntityDescriptor entityID="x">`, "", CodeAuthoritySAML, ""},
		{"https://login.microsoftonline.com/" + id + "/federationmetadata/2007-06/federationmetadata.xml", "", CodeAuthoritySAML, ""},
		{"https://acme.okta.com/app/exk1/sso/saml/metadata", "", CodeAuthoritySAML, ""},
		{"https://acme.okta.com/app/acme/exk1/sso/saml", "", CodeAuthoritySAML, ""},
		{"https://login.microsoftonline.com/common/v2.0", "", CodeAuthorityMultiTenant, "https://login.microsoftonline.com/{tenant-id}/v2.0"},
		{"https://login.microsoftonline.com/Organizations", "", CodeAuthorityMultiTenant, "https://login.microsoftonline.com/{tenant-id}/v2.0"},
		{"https://login.microsoftonline.us/", "", CodeAuthorityMultiTenant, "https://login.microsoftonline.us/{tenant-id}/v2.0"},
		{"https://login.microsoftonline.com/" + id + "/oauth2/v2.0/token", "", CodeAuthorityEndpoint, v2},
		{"https://acme-admin.okta.com", "", CodeAuthorityOktaAdmin, "https://acme.okta.com"},
		{"https://acme-admin.oktapreview.com/", "", CodeAuthorityOktaAdmin, "https://acme.oktapreview.com"},
		{"https://acme.okta.com/oauth2/v1/authorize", "", CodeAuthorityEndpoint, "https://acme.okta.com"},
		{"https://acme.okta.com/oauth2/default/v1/token", "", CodeAuthorityEndpoint, "https://acme.okta.com/oauth2/default"},
		{"https://sso.acme.com/realms/a/protocol/openid-connect/auth", "", CodeAuthorityEndpoint, "https://sso.acme.com/realms/a"},
	}
	for _, tt := range tests {
		got, findings := ParseAuthority(tt.in, AuthorityOptions{})
		require.Equal(t, tt.want, got, tt.in)
		if tt.code == "" {
			require.Empty(t, findings, tt.in)
			continue
		}
		f := one(t, findings)
		require.Equal(t, tt.code, f.Code, tt.in)
		require.Equal(t, tt.suggestion, f.Suggestion, tt.in)
		require.Equal(t, tt.want == "", f.Severity == SeverityError, tt.in)
	}
}

func TestParseAuthorityOptions(t *testing.T) {
	got, findings := ParseAuthority("https://login.acme.com:8443/x", AuthorityOptions{AllowPorts: true})
	require.Empty(t, findings)
	require.Equal(t, "https://login.acme.com:8443/x", got)

	loopback := AuthorityOptions{InsecureAllowLoopback: true}
	for _, in := range []string{"http://127.0.0.1:8081", "http://localhost:8081/a/", "https://[::1]:9000", "http://localhost:443"} {
		got, findings := ParseAuthority(in, loopback)
		require.Empty(t, findings, in)
		require.Equal(t, in, got)
	}
	for _, in := range []string{"http://10.0.0.1", "http://login.acme.com", "https://192.168.1.1"} {
		_, findings := ParseAuthority(in, loopback)
		require.True(t, hasError(findings), in)
	}
}

func TestDetectProvider(t *testing.T) {
	for in, want := range map[string]string{
		"https://login.microsoftonline.com/x/v2.0":             ProviderEntra,
		"https://accounts.google.com":                          ProviderGoogle,
		"https://oauth.id.jumpcloud.com/":                      ProviderJumpCloud,
		"https://acme.okta-emea.com":                           ProviderOkta,
		"https://acme.eu.auth0.com/":                           ProviderAuth0,
		"https://acme.onelogin.com/oidc/2":                     ProviderOneLogin,
		"https://auth.pingone.eu/x/as":                         ProviderPing,
		"https://sso.acme.com/realms/a":                        ProviderKeycloak,
		"https://login.microsoftonline.com.evil.example/realm": ProviderGeneric,
		"https://okta.com.evil.example":                        ProviderGeneric,
		"":                                                     ProviderGeneric,
	} {
		require.Equal(t, want, DetectProvider(in), in)
	}
}

func TestParseClientID(t *testing.T) {
	const tid, other = "8a3b0b5e-6a55-4b7e-9a0a-5c6a1a4d7c11", "11111111-6a55-4b7e-9a0a-5c6a1a4d7c11"
	entra := "https://login.microsoftonline.com/" + tid + "/v2.0"
	tests := []struct{ in, authority, want, code string }{
		{" abc ", "", "abc", ""},
		{"", "", "", CodeRequired},
		{"a b", "", "", CodeClientIDInvalid},
		{"a\nb", "", "", CodeClientIDInvalid},
		{strings.Repeat("a", 257), "", "", CodeClientIDInvalid},
		{other, entra, other, ""},
		{strings.ToUpper(tid), entra, strings.ToUpper(tid), CodeClientIDIsTenantID},
		{"my-app", entra, "my-app", CodeClientIDFormat},
		{"1.apps.googleusercontent.com", "https://accounts.google.com", "1.apps.googleusercontent.com", ""},
		{"1", "https://accounts.google.com", "1", CodeClientIDFormat},
		{"0oabc", "https://acme.okta.com", "0oabc", ""},
		{"abc", "https://acme.okta.com", "abc", CodeClientIDFormat},
	}
	for _, tt := range tests {
		got, findings := ParseClientID(tt.in, tt.authority)
		require.Equal(t, tt.want, got)
		if tt.code == "" {
			require.Empty(t, findings, tt.in)
			continue
		}
		f := one(t, findings)
		require.Equal(t, tt.code, f.Code, tt.in)
		require.Equal(t, tt.want == "", f.Severity == SeverityError, tt.in)
	}
}

func TestParseClientSecret(t *testing.T) {
	const id = "8a3b0b5e-6a55-4b7e-9a0a-5c6a1a4d7c11"
	entra := "https://login.microsoftonline.com/" + id + "/v2.0"
	tests := []struct{ in, authority, want, code string }{
		{" s3cret~x. ", "", "s3cret~x.", ""},
		{"", "", "", CodeRequired},
		{"  ", "", "", CodeRequired},
		{"two words", "", "", CodeSecretInvalid},
		{"two\nlines", "", "", CodeSecretInvalid},
		{strings.Repeat("a", maxClientSecret+1), "", "", CodeSecretInvalid},
		{id, entra, id, CodeSecretLooksLikeID},
		{id, "https://login.acme.com", id, ""},
		{"the-client", "", "the-client", CodeSecretLooksLikeID},
	}
	for _, tt := range tests {
		got, findings := ParseClientSecret(NewSecret(tt.in), "the-client", tt.authority)
		require.Equal(t, tt.want, got.Reveal())
		if tt.code == "" {
			require.Empty(t, findings)
			continue
		}
		f := one(t, findings)
		require.Equal(t, tt.code, f.Code)
		require.Empty(t, f.Got, "a finding must not hold the secret")
		if value := strings.TrimSpace(tt.in); value != "" {
			require.NotContains(t, f.Message, value)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	tests := []struct {
		in   string
		zone *time.Location
		want string // RFC 3339, "" for zero, "!" for a finding
	}{
		{"", nil, ""},
		{"2027-05-31T18:00", nil, "2027-05-31T18:00:00Z"},
		{"2027-05-31T18:00", berlin, "2027-05-31T16:00:00Z"},
		{"2027-05-31 18:00", berlin, "2027-05-31T16:00:00Z"},
		{"2027-05-31T18:00:30+05:00", berlin, "2027-05-31T13:00:30Z"},
		{"2027-05-31", berlin, "2027-05-31T21:59:59Z"},
		{"2027-03-28", berlin, "2027-03-28T21:59:59Z"}, // clocks change on this day
		{"31.5.2027", nil, "!"},
		{"2027-02-30", nil, "!"},
		{"0027-05-31", nil, "!"},
		{"9999-12-31", nil, "!"},
		{"tomorrow", nil, "!"},
	}
	for _, tt := range tests {
		got, findings := ParseExpiry(tt.in, tt.zone)
		switch tt.want {
		case "!":
			require.Equal(t, CodeDateInvalid, one(t, findings).Code, tt.in)
		case "":
			require.Empty(t, findings)
			require.True(t, got.IsZero())
		default:
			require.Empty(t, findings)
			require.Equal(t, tt.want, got.Format(time.RFC3339), tt.in)
		}
	}
}

func TestCheckExpiry(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	entra := "https://login.microsoftonline.com/x/v2.0"
	require.Empty(t, checkExpiry(time.Time{}, now, "", false))
	require.Empty(t, checkExpiry(now.Add(time.Hour), now, entra, false))
	require.Empty(t, checkExpiry(now.AddDate(2, 0, 0), now, entra, false))
	require.Empty(t, checkExpiry(now.AddDate(5, 0, 0), now, "https://login.acme.com", false))
	require.Equal(t, CodeSecretExpiryFar, one(t, checkExpiry(now.AddDate(2, 1, 0), now, entra, false)).Code)
	past := one(t, checkExpiry(now, now, "", false))
	require.Equal(t, CodeSecretExpiredAlready, past.Code)
	require.Equal(t, SeverityError, past.Severity)
	require.Equal(t, SeverityWarning, one(t, checkExpiry(now, now, "", true)).Severity)
}

func TestParseBreakGlass(t *testing.T) {
	domains := []string{"acme.com", "xn--bcher-kva.example"}
	got, findings := ParseBreakGlass(domains, "Admin@ACME.com, x@ops.acme.com;admin@acme.com", "a@bücher.example")
	require.Empty(t, findings)
	require.Equal(t, []string{"admin@acme.com", "x@ops.acme.com", "a@xn--bcher-kva.example"}, got)

	for in, code := range map[string]string{
		"x@notacme.com":                       CodeBreakGlassDomainMismatch,
		"x@acme.com.evil.org":                 CodeBreakGlassDomainMismatch,
		"x@com":                               CodeEmailInvalid,
		"acme.com":                            CodeEmailInvalid,
		"a@b@acme.com":                        CodeEmailInvalid,
		"@acme.com":                           CodeEmailInvalid,
		`"a"@acme.com`:                        CodeEmailInvalid,
		"a@acme.com.":                         CodeEmailInvalid,
		"аdmin@acme.com":                      CodeEmailInvalid, // a Cyrillic а
		"a\x00@acme.com":                      CodeEmailInvalid,
		strings.Repeat("a", 65) + "@acme.com": CodeEmailInvalid,
	} {
		got, findings := ParseBreakGlass(domains, in)
		require.Empty(t, got, in)
		require.Equal(t, code, one(t, findings).Code, in)
	}
	_, findings = ParseBreakGlass(nil, "x@acme.com")
	require.Equal(t, CodeBreakGlassDomainMismatch, one(t, findings).Code)
	_, findings = ParseBreakGlass(domains, strings.Repeat("x ", MaxBreakGlass+1))
	require.Equal(t, CodeTooMany, one(t, findings).Code)
}

func TestEmailDomain(t *testing.T) {
	for in, want := range map[string]string{
		"a@acme.com": "acme.com", "A.B+c@ACME.Com": "acme.com", "ü@bücher.example": "xn--bcher-kva.example",
		"a@evil@acme.com": "", `"a@acme.com"@evil.org`: "", "a@acme.com.": "", "@acme.com": "", "a@": "", "a": "", "a@ acme.com": "", "a b@acme.com": "", "a@127.0.0.1": "", "a@[127.0.0.1]": "",
	} {
		got, err := EmailDomain(in)
		require.Equal(t, want, got, in)
		require.Equal(t, want == "", err != nil, in)
	}
}

func TestParseScopes(t *testing.T) {
	got, findings := ParseScopes("email, groups  groups\tGroups", "https://graph.example/User.Read")
	require.Empty(t, findings)
	require.Equal(t, []string{"email", "groups", "Groups", "https://graph.example/User.Read"}, got)
	require.Equal(t, []string{"openid", "profile", "email", "groups", "Groups", "https://graph.example/User.Read"}, Scopes(got))

	for _, in := range []string{`a"b`, `a\b`, "ä", strings.Repeat("a", 129)} {
		got, findings := ParseScopes(in)
		require.Empty(t, got)
		require.Equal(t, CodeScopeInvalid, one(t, findings).Code, in)
	}
	got, findings = ParseScopes("offline_access")
	require.Equal(t, []string{"offline_access"}, got)
	require.Equal(t, SeverityWarning, one(t, findings).Severity)
	var many []string
	for i := range maxScopes + 1 {
		many = append(many, "s"+strings.Repeat("x", i))
	}
	_, findings = ParseScopes(many...)
	require.Equal(t, CodeTooMany, one(t, findings).Code)
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"1", "org_abc-1.2~x", "a:b", strings.Repeat("a", MaxIDLength)} {
		require.NoError(t, CheckID(id), id)
	}
	for _, id := range []string{"", ".", "..", "a/b", `a\b`, "a?b", "a#b", "a%b", "a b", "ä", "a\x00", strings.Repeat("a", MaxIDLength+1)} {
		require.Error(t, CheckID(id), id)
	}
}

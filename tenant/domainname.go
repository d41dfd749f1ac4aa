package tenant

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// MaxDomains is how many domains one connection may have.
const MaxDomains = 100

// maxListBytes bounds a typed list (domains, e-mails, scopes) before it is looked at.
const maxListBytes = 64 << 10

// profile is UTS 46, non-transitional, with the checks of IDNA2008 and STD3.
var profile = idna.New(
	idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.CheckJoiners(true),
	idna.ValidateLabels(true), idna.StrictDomainName(true), idna.VerifyDNSLength(true),
)

// errNotDomain says that a text is no domain name with at least two labels.
var errNotDomain = errors.New("tenant: not a domain name")

// NormalizeDomain returns a domain name as it is stored and compared: A-labels (IDNA),
// lower case, no trailing dot. It refuses what is no name of at least two labels,
// addresses included. It does not ask who may use the name; [ParseDomains] does.
func NormalizeDomain(name string) (string, error) {
	if isNormalDomain(name) { // as nearly all are, and each sign-in asks for several addresses
		return name, nil
	}
	return normalizeDomain(name)
}

// isNormalDomain tells of a name that needs no look at IDNA's tables whether it is in order: labels of small letters, digits
// and hyphens, none of them an A-label.
func isNormalDomain(name string) bool {
	if len(name) > 253 {
		return false
	}
	labels, start, letters := 0, 0, false
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			c := name[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
			letters = letters || c >= 'a' && c <= 'z'
			continue
		}
		label := name[start:i]
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || len(label) > 3 && label[2:4] == "--" {
			return false
		}
		if i == len(name) {
			return labels > 0 && letters // the last label is not a number
		}
		labels, start, letters = labels+1, i+1, false
	}
	return false
}

func normalizeDomain(name string) (string, error) {
	name = strings.TrimSpace(name)
	if len(name) > 1024 {
		return "", errNotDomain
	}
	for _, dot := range []string{".", "。", "．", "｡"} { // IDNA maps them all to a dot
		if s, ok := strings.CutSuffix(name, dot); ok {
			name = s
			break
		}
	}
	ascii, err := profile.ToASCII(name)
	if err != nil || len(ascii) > 253 || !strings.Contains(ascii, ".") {
		return "", errNotDomain
	}
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if strings.Trim(last, "0123456789") == "" { // an address, or nothing that DNS delegates
		return "", errNotDomain
	}
	if again, err := profile.ToASCII(ascii); err != nil || again != ascii {
		return "", errNotDomain
	}
	return ascii, nil
}

// ParseDomains reads the domains that an owner wants to associate (R30): separated by
// commas, semicolons, spaces or lines, in any of the texts. It returns the names that
// are in order, normalised and without duplicates in the order given, and one finding
// for each entry that is not, naming it.
func ParseDomains(texts ...string) ([]string, []Finding) {
	entries, finding := splitList(FieldDomains, texts)
	if finding != nil {
		return nil, []Finding{*finding}
	}
	var names []string
	var findings []Finding
	for _, entry := range entries {
		name, f := parseDomain(entry)
		switch {
		case f != nil:
			findings = append(findings, *f)
		case !slices.Contains(names, name):
			names = append(names, name)
		}
		if len(names)+len(findings) > MaxDomains {
			return nil, []Finding{errorFinding(FieldDomains, CodeTooMany, "At most %d domains can be associated.", MaxDomains)}
		}
	}
	return names, findings
}

func parseDomain(entry string) (string, *Finding) {
	say := func(code, suggestion, format string, args ...any) (string, *Finding) {
		f := errorFinding(FieldDomains, code, format, args...).got(shown(entry)).suggest(suggestion)
		return "", &f
	}
	text := shown(entry)
	if at := strings.LastIndexByte(entry, '@'); at >= 0 && !strings.Contains(entry, "://") {
		if name, err := NormalizeDomain(strings.TrimRight(entry[at+1:], ">")); err == nil {
			return say(CodeDomainIsEmail, name, "%s is an e-mail address. Did you mean %s?", text, name)
		}
		return say(CodeDomainIsEmail, "", "%s is an e-mail address. Give the part after the @.", text)
	}
	if strings.ContainsAny(entry, "/\\?#") || strings.Contains(entry, "://") {
		if host := hostOfURL(entry); host != "" {
			return say(CodeDomainInvalid, host, "%s is a web address. Did you mean %s?", text, host)
		}
		return say(CodeDomainInvalid, "", "%s is a web address. Give the domain alone, such as acme.com.", text)
	}
	if strings.Contains(entry, "*") {
		suggestion, _ := NormalizeDomain(strings.TrimPrefix(entry, "*."))
		return say(CodeDomainInvalid, suggestion, "%s has a wildcard. Give each domain by its own name.", text)
	}
	if _, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		return say(CodeDomainInvalid, "", "%s is an IP address. Use a domain name such as acme.com.", text)
	}
	name, err := NormalizeDomain(entry)
	if err != nil {
		return say(CodeDomainInvalid, "", "%s is not a domain. Use a full name such as acme.com.", text)
	}
	suffix, _ := publicsuffix.PublicSuffix(name)
	if suffix == name {
		return say(CodeDomainPublicSuffix, "", "%s is a public suffix. Use a name below it that is yours.", name)
	}
	if isConsumerDomain(name) {
		return say(CodeDomainConsumer, "", "%s is a public mail provider and cannot be associated.", name)
	}
	return name, nil
}

// hostOfURL returns the domain of something that looks like a URL, or "".
func hostOfURL(s string) string {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	host, err := NormalizeDomain(strings.TrimPrefix(u.Hostname(), "www."))
	if err != nil {
		return ""
	}
	return host
}

// splitList splits what was typed as a list, and bounds it.
func splitList(field string, texts []string) ([]string, *Finding) {
	var out []string
	total := 0
	for _, text := range texts {
		if total += len(text); total > maxListBytes {
			f := errorFinding(field, CodeTooLong, "This list is too long.")
			return nil, &f
		}
		out = append(out, strings.FieldsFunc(text, func(r rune) bool {
			return r == ',' || r == ';' || r == '\uFEFF' || r == '\u00a0' || strings.ContainsRune(" \t\r\n\v\f\u2028\u2029", r)
		})...)
	}
	return out, nil
}

// EmailDomain returns the domain of an e-mail address, normalised. It refuses what has
// not exactly one @, a local part with white space, quotes or control characters, or
// a domain that is none.
func EmailDomain(email string) (string, error) {
	_, domain, err := splitEmail(email)
	return domain, err
}

// errNotEmail says that a text is no plain e-mail address.
var errNotEmail = errors.New("tenant: not an e-mail address")

// splitEmail takes an address apart. The local part is as given.
func splitEmail(email string) (local, domain string, err error) {
	local, host, ok := strings.Cut(email, "@")
	if !ok || local == "" || len(local) > 64 || len(email) > 320 || strings.Contains(host, "@") || host != strings.TrimSpace(host) {
		return "", "", errNotEmail
	}
	for _, r := range local {
		if r <= ' ' || r == 0x7f || r == 0xfffd || strings.ContainsRune("\"(),:;<>[]\\\u00a0\u200b\u2028\u2029\ufeff", r) {
			return "", "", errNotEmail
		}
	}
	domain, err = NormalizeDomain(host)
	if err != nil || strings.HasSuffix(host, ".") {
		return "", "", errNotEmail
	}
	return local, domain, nil
}

// inDomain reports whether name is domain or below it, at a label's boundary.
func inDomain(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

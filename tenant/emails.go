package tenant

import (
	"slices"
	"strings"
)

// MaxBreakGlass is how many break-glass addresses a connection may have.
const MaxBreakGlass = 10

// NormalizeEmail returns an address as it is compared: ASCII letters of the local part
// in lower case, the domain as [NormalizeDomain] gives it.
func NormalizeEmail(email string) (string, error) {
	local, domain, err := splitEmail(strings.TrimSpace(email))
	if err != nil {
		return "", err
	}
	return lowerASCII(local) + "@" + domain, nil
}

// lowerASCII lowers ASCII letters alone: other letters' case mappings would make
// different mailboxes one.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// ParseBreakGlass reads the optional addresses that may sign in without the provider
// (R46), separated like domains. Each must be in one of the domains (normalised), or
// in a sub-domain of one. It returns those that are in order, normalised and without
// duplicates, and a finding for each that is not.
func ParseBreakGlass(domains []string, texts ...string) ([]string, []Finding) {
	entries, finding := splitList(FieldBreakGlass, texts)
	if finding != nil {
		return nil, []Finding{*finding}
	}
	var emails []string
	var findings []Finding
	for _, entry := range entries {
		email, f := parseBreakGlass(entry, domains)
		switch {
		case f != nil:
			findings = append(findings, *f)
		case !slices.Contains(emails, email):
			emails = append(emails, email)
		}
		if len(emails)+len(findings) > MaxBreakGlass {
			return nil, []Finding{errorFinding(FieldBreakGlass, CodeTooMany, "At most %d break-glass addresses are possible.", MaxBreakGlass)}
		}
	}
	return emails, findings
}

func parseBreakGlass(entry string, domains []string) (string, *Finding) {
	email, err := NormalizeEmail(entry)
	// Letters beyond ASCII could look like another account's name.
	if err != nil || !visibleASCII(email) {
		f := errorFinding(FieldBreakGlass, CodeEmailInvalid, "%s is not an e-mail address. Give one such as admin@acme.com.", shown(entry)).got(shown(entry))
		return "", &f
	}
	_, host, _ := strings.Cut(email, "@")
	if !slices.ContainsFunc(domains, func(d string) bool { return inDomain(host, d) }) {
		allowed := strings.Join(domains, ", ")
		f := errorFinding(FieldBreakGlass, CodeBreakGlassDomainMismatch, "%s is in none of the associated domains (%s) or their sub-domains.", email, shown(allowed)).got(email)
		if allowed == "" {
			f.Message = email + " has no associated domain to belong to. Add its domain first."
		}
		f.Expected = shown(allowed)
		return "", &f
	}
	return email, nil
}

package tenant

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// GuideAuthority says which authorities a provider has.
type GuideAuthority struct {
	// Fixed are the authorities of a provider that serves all of its customers by the same, one for each of its regions,
	// the most common first. Empty where each customer has one. Their issuers vouch for many customers: see
	// [IsSharedAuthority].
	Fixed []string
	// Pattern is a customer's authority with placeholders in braces; [GuideAuthority.Build] puts them in.
	Pattern      string
	Placeholders []GuidePlaceholder
	// Others are further patterns, with what they are for.
	Others []GuidePattern
	// Example is a complete one.
	Example string
	// Find says where the console shows it, or what it is made of.
	Find GuideText

	// Hosts and Domains are those by which an authority is known to be this provider's: a host itself, a domain by what
	// lies below it. PathPart is a part of the path that tells the same at any host.
	Hosts, Domains []string
	PathPart       string
	// OwnHost says that a customer may have it at a host of their own, which tells nothing about the provider.
	OwnHost bool
}

// GuidePattern is one more shape of authorities.
type GuidePattern struct {
	Pattern string
	Note    GuideText
}

// GuidePlaceholder is a part of an authority that an owner fills in.
type GuidePlaceholder struct {
	// Name stands in braces in the pattern.
	Name string
	// Label is what the console calls it.
	Label string
	// Format is what it looks like, Example one that fits.
	Format  GuideFormat
	Example string
}

// GuideFormat describes a text well enough to name a wrong one. The zero value fits every text.
type GuideFormat struct {
	// GUID fits 00000000-0000-0000-0000-000000000000, Domain a complete domain name. With both, either.
	GUID, Domain bool
	// Prefix and Suffix are what it begins and ends with.
	Prefix, Suffix string
	// OneOf lists all that there are.
	OneOf []string
	// Expected shows it to people.
	Expected string
}

// IsZero reports whether the format says nothing.
func (f GuideFormat) IsZero() bool {
	return !f.GUID && !f.Domain && f.Prefix == "" && f.Suffix == "" && len(f.OneOf) == 0
}

// Fits reports whether a text has the format.
func (f GuideFormat) Fits(s string) bool {
	if f.GUID || f.Domain {
		_, err := NormalizeDomain(s)
		if !(f.GUID && guid.MatchString(s)) && !(f.Domain && err == nil) {
			return false
		}
	}
	return strings.HasPrefix(s, f.Prefix) && strings.HasSuffix(s, f.Suffix) && (len(f.OneOf) == 0 || slices.Contains(f.OneOf, s))
}

func (a GuideAuthority) clone() GuideAuthority {
	a.Fixed, a.Hosts, a.Domains = slices.Clone(a.Fixed), slices.Clone(a.Hosts), slices.Clone(a.Domains)
	a.Placeholders, a.Others = slices.Clone(a.Placeholders), slices.Clone(a.Others)
	for i := range a.Placeholders {
		a.Placeholders[i].Format.OneOf = slices.Clone(a.Placeholders[i].Format.OneOf)
	}
	return a
}

func (a *GuideAuthority) texts(f func(*GuideText)) {
	f(&a.Find)
	for i := range a.Others {
		f(&a.Others[i].Note)
	}
}

// knowsHost reports whether a host, in lower case, is this provider's.
func (a *GuideAuthority) knowsHost(host string) bool {
	return slices.Contains(a.Hosts, host) || slices.ContainsFunc(a.Domains, func(d string) bool { return host != d && inDomain(host, d) })
}

// knows reports whether the authority is this provider's, by its host or path.
func (a *GuideAuthority) knows(u *url.URL) bool {
	return a.knowsHost(strings.ToLower(u.Hostname())) || a.PathPart != "" && strings.Contains(u.Path, a.PathPart)
}

// Build makes the authority from what the owner entered for each placeholder of Pattern, by name. A value that does not
// have its format is refused with authority_placeholder. For a provider with fixed authorities it is the first.
func (a GuideAuthority) Build(values map[string]string) (string, []Finding) {
	if len(a.Fixed) > 0 {
		return a.Fixed[0], nil
	}
	authority := a.Pattern
	var found []Finding
	for _, p := range a.Placeholders {
		value := strings.TrimSpace(values[p.Name])
		if value == "" || len(value) > maxAuthority || !p.Format.Fits(value) || !plainValue(value, p.Name == freePlaceholder) {
			f := errorFinding(FieldAuthority, CodeAuthorityPlaceholder, "Give the %s, such as %s.", p.Label, p.Example).got(shown(value))
			f.Expected = p.Example
			found = append(found, f)
			continue
		}
		authority = strings.ReplaceAll(authority, "{"+p.Name+"}", value)
	}
	if len(found) > 0 {
		return "", found
	}
	return authority, nil
}

// freePlaceholder stands for a whole address, which ParseAuthority looks at; other placeholders stand for one part of it.
const freePlaceholder = "issuer"

// plainValue reports whether a value stays the part of the address that it is meant to be.
func plainValue(s string, free bool) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
		case free && (c == '/' || c == ':' || c == '%'):
		default:
			return false
		}
	}
	return s != "." && s != ".."
}

// ParseAuthority reads an authority as [ParseAuthority] does, and refuses one that is not this provider's: that of
// another one that is known with authority_other_provider, and one that can't be this provider's, since it has no other
// than those of its own hosts, with authority_pattern.
func (g Guide) ParseAuthority(raw string, opts AuthorityOptions) (string, []Finding) {
	authority, found := ParseAuthority(raw, opts)
	if authority == "" {
		return "", found
	}
	if f, ok := g.misfit(authority, opts.InsecureAllowLoopback); ok {
		f.Got = shown(strings.TrimSpace(raw))
		return "", append(found, f)
	}
	return authority, found
}

func (g Guide) misfit(authority string, loopback bool) (Finding, bool) {
	u, err := url.Parse(authority)
	if err != nil || loopback && isLoopbackHost(u.Hostname()) {
		return Finding{}, false
	}
	if other := DetectProvider(authority); other != g.Provider && other != ProviderGeneric && g.Provider != ProviderGeneric {
		f := errorFinding(FieldAuthority, CodeAuthorityOtherProvider, "This is an address of %s, but you chose %s. Choose the other provider, or copy the authority from %s.", guideOf(other).Name, g.Name, g.Name)
		f.Expected = g.Authority.Example
		return f, true
	}
	if len(g.Authority.Fixed) > 0 {
		if g.Authority.isFixed(authority) {
			return Finding{}, false
		}
		f := errorFinding(FieldAuthority, CodeAuthorityPattern, "%s has the same authority for all customers.", g.Name).suggest(g.Authority.Fixed[0])
		f.Expected = strings.Join(g.Authority.Fixed, ", ")
		return f, true
	}
	if !g.Authority.OwnHost && !g.Authority.knows(u) {
		f := errorFinding(FieldAuthority, CodeAuthorityPattern, "This is no authority of %s. If it is your provider's, choose the provider for other addresses.", g.Name)
		f.Expected = g.Authority.Example
		return f, true
	}
	return Finding{}, false
}

func (a GuideAuthority) isFixed(authority string) bool {
	return slices.ContainsFunc(a.Fixed, func(f string) bool { return strings.TrimSuffix(f, "/") == strings.TrimSuffix(authority, "/") })
}

// IsSharedAuthority reports whether an authority or issuer serves all customers of its provider, as Google's does: then
// the issuer alone does not say which customer vouches for somebody. A trailing slash makes no difference.
func IsSharedAuthority(authority string) bool {
	for _, provider := range knownProviders {
		if guideOf(provider).Authority.isFixed(authority) {
			return true
		}
	}
	return false
}

// DetectProvider tells the kind of provider from a normalised authority. One at a host of the customer's own is
// [ProviderGeneric], unless its path tells.
func DetectProvider(authority string) string {
	u, err := url.Parse(authority)
	if err != nil || u.Host == "" {
		return ProviderGeneric
	}
	host := strings.ToLower(u.Hostname())
	for i := range authorities {
		if authorities[i].knowsHost(host) {
			return knownProviders[i]
		}
	}
	for i := range authorities {
		if authorities[i].knows(u) {
			return knownProviders[i]
		}
	}
	return ProviderGeneric
}

// authorities are those of knownProviders.
var authorities = func() []GuideAuthority {
	all := make([]GuideAuthority, len(knownProviders))
	for i, provider := range knownProviders {
		all[i] = guides[provider].Authority
	}
	return all
}()

// isLoopbackHost reports whether a host of an authority is this machine.
func isLoopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == localhost || err == nil && isLoopback(addr)
}

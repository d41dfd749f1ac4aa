package tenant

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// DNSConfig configures [NewDNSValidator]. The zero value is complete.
type DNSConfig struct {
	// Server is the address of the resolver to ask, such as "192.0.2.53:53". Empty means
	// the system's. A resolver that validates DNSSEC makes the proof stronger.
	Server string
	// Timeout bounds one check. Zero means 10 seconds.
	Timeout time.Duration
	// Label stands before the domain in the record's name. Empty means
	// [DefaultChallengeLabel].
	Label string
	// Prefix stands before the token in the record's value. Empty means
	// [DefaultChallengePrefix].
	Prefix string
}

// DNSValidator proves a domain by a TXT record at {label}.{domain} whose value is
// {prefix}{token}. Other records at the name are ignored; the strings of a split
// record are joined; quotes and spaces around a value, which some forms add, are
// ignored.
type DNSValidator struct {
	resolver *net.Resolver
	timeout  time.Duration
	label    string
	prefix   string
}

// NewDNSValidator makes a validator. It fails if Server is no address with a port, or
// if Label is no DNS label.
func NewDNSValidator(cfg DNSConfig) (*DNSValidator, error) {
	v := &DNSValidator{resolver: &net.Resolver{PreferGo: true, StrictErrors: true}, timeout: cfg.Timeout, label: cfg.Label, prefix: cfg.Prefix}
	if v.timeout <= 0 {
		v.timeout = 10 * time.Second
	}
	if v.label == "" {
		v.label = DefaultChallengeLabel
	}
	if v.prefix == "" {
		v.prefix = DefaultChallengePrefix
	}
	if !validLabel(v.label) {
		return nil, fmt.Errorf("tenant: DNSConfig.Label %q is not 1 to 63 letters, digits, dashes and underscores", v.label)
	}
	if cfg.Server != "" {
		if _, err := netip.ParseAddrPort(cfg.Server); err != nil {
			return nil, fmt.Errorf("tenant: DNSConfig.Server %q is not an address with a port, such as 192.0.2.53:53", cfg.Server)
		}
		v.resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, cfg.Server)
		}
	}
	return v, nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > 63 {
		return false
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// DomainInstructions tells the record to make.
func (v *DNSValidator) DomainInstructions(claim DomainClaim) []DomainInstruction {
	name := v.label + "." + claim.Name
	short := v.label
	if zone, err := publicsuffix.EffectiveTLDPlusOne(claim.Name); err == nil {
		short = strings.TrimSuffix(name, "."+zone)
	}
	return []DomainInstruction{{Method: MethodDNS, Type: "TXT", Name: name, ShortName: short, Value: v.prefix + claim.Token}}
}

// Validate asks DNS now.
func (v *DNSValidator) Validate(ctx context.Context, claim DomainClaim) (DomainProof, error) {
	if claim.Token == "" {
		return DomainProof{}, errors.New("tenant: a domain claim without a token proves nothing")
	}
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()

	name, want := v.label+"."+claim.Name, v.prefix+claim.Token
	values, err := v.txt(ctx, name)
	if parent.Err() != nil {
		return DomainProof{}, parent.Err()
	}
	if err == nil && contains(values, want) {
		f := Finding{Field: FieldDomains, Code: CodeDomainProven, Severity: SeverityOK, Message: fmt.Sprintf("The TXT record at %s is right.", name)}
		return DomainProof{Proven: true, Method: MethodDNS, Finding: f}, nil
	}
	f := v.explain(ctx, claim.Name, name, want, values, err)
	f.Expected = want
	return DomainProof{Method: MethodDNS, Absent: absent(err), Finding: f}, nil
}

// absent says whether an answer without the record is one: other records, none of this type, or
// no such name. What StrictErrors reports otherwise is a failure.
func absent(err error) bool {
	if err == nil {
		return true
	}
	dnsErr, ok := errors.AsType[*net.DNSError](err)
	return ok && dnsErr.IsNotFound && !dnsErr.IsTimeout && !dnsErr.IsTemporary
}

// explain finds out what is wrong.
func (v *DNSValidator) explain(ctx context.Context, domain, name, want string, values []string, err error) Finding {
	dnsErr, _ := errors.AsType[*net.DNSError](err)
	switch {
	case err == nil && len(values) > 0:
		found := shown(v.closest(values))
		return errorFinding(FieldDomains, CodeDomainValueDiffers, "A TXT record exists at %s, but the value differs: expected %s, found %s.", name, want, found).got(found)
	case err != nil && dnsErr != nil && dnsErr.IsTimeout:
		return errorFinding(FieldDomains, CodeDomainDNSTimeout, "The DNS servers of %s did not answer in time.", domain)
	case err != nil && (dnsErr == nil || !dnsErr.IsNotFound):
		return errorFinding(FieldDomains, CodeDomainDNSError, "DNS server error when asking for %s (SERVFAIL, DNSSEC?). Have the domain's DNS looked at.", name)
	}
	if at, err := v.txt(ctx, domain); err == nil && contains(at, want) {
		return errorFinding(FieldDomains, CodeDomainRecordAtApex, "The record is at %s instead of %s.", domain, name).got(domain)
	}
	// Many DNS providers' forms append the zone to what is typed.
	zones := []string{domain}
	if zone, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil && zone != domain {
		zones = append(zones, zone)
	}
	for _, zone := range zones {
		doubled := name + "." + zone
		if at, err := v.txt(ctx, doubled); err == nil && contains(at, want) {
			return errorFinding(FieldDomains, CodeDomainRecordDoubled, "%s exists: your DNS provider added the domain twice. Enter the short name %s.", doubled, strings.TrimSuffix(name, "."+zone)).got(doubled)
		}
	}
	return errorFinding(FieldDomains, CodeDomainRecordMissing, "No TXT record at %s yet. DNS changes can take up to 48 hours.", name)
}

// txt returns the TXT records at a name, each with its strings joined and without the
// quotes and spaces around it.
func (v *DNSValidator) txt(ctx context.Context, name string) ([]string, error) {
	if len(name) > 253 {
		return nil, &net.DNSError{Err: "name too long", Name: name, IsNotFound: true}
	}
	values, err := v.resolver.LookupTXT(ctx, name+".") // the dot keeps search domains away
	for i, s := range values {
		values[i] = strings.TrimSpace(strings.Trim(strings.TrimSpace(s), `"`))
	}
	return values, err
}

// closest picks the value that was probably meant.
func (v *DNSValidator) closest(values []string) string {
	for _, s := range values {
		if strings.HasPrefix(s, v.prefix) {
			return s
		}
	}
	return values[0]
}

func contains(values []string, want string) bool {
	for _, s := range values {
		if s == want {
			return true
		}
	}
	return false
}

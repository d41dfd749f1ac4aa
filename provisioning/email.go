package provisioning

import (
	"context"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// foldEmail is the form in which addresses are compared: without regard to case, the
// domain as A-labels.
func foldEmail(email string) string {
	return store.Fold(plainEmail(email))
}

// plainEmail writes an address with its domain in lower case as A-labels, so that a host
// that compares addresses finds the one mailbox by any spelling of its domain. What is no
// plain address stays as it is.
func plainEmail(email string) string {
	email = strings.TrimSpace(email)
	domain := emailDomain(email)
	if domain == "" {
		return email
	}
	local, _, _ := strings.Cut(email, "@")
	return local + "@" + domain
}

// emailDomain returns the domain of an address in lower case as A-labels; empty if there
// is none, or if the address could be read in two ways: more than one @, white space,
// control characters, a dot at the end.
func emailDomain(email string) string {
	domain, err := tenant.EmailDomain(strings.TrimSpace(email))
	if err != nil {
		return ""
	}
	return domain
}

// verifiedDomains are the tenant's proven domains.
type verifiedDomains []store.Domain

func loadDomains(ctx context.Context, st store.DomainStore, tenantID string) (verifiedDomains, error) {
	all, err := st.Domains(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	var out verifiedDomains
	for _, d := range all {
		if d.State == store.DomainVerified {
			out = append(out, d)
		}
	}
	return out, nil
}

// has says whether the address belongs to one of them, or to a sub-domain of one that
// allows them.
func (v verifiedDomains) has(email string) bool {
	domain := emailDomain(email)
	if domain == "" {
		return false
	}
	for _, d := range v {
		if domain == d.Name || d.Subdomains && strings.HasSuffix(domain, "."+d.Name) {
			return true
		}
	}
	return false
}

// names lists them for people.
func (v verifiedDomains) names() string {
	if len(v) == 0 {
		return "none yet"
	}
	names := make([]string, len(v))
	for i, d := range v {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}

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
	email = strings.TrimSpace(email)
	i := strings.LastIndexByte(email, '@')
	if i < 0 {
		return store.Fold(email)
	}
	return store.Fold(email[:i]) + "@" + emailDomain(email)
}

// emailDomain returns the domain of an address in lower case as A-labels; empty if there
// is none.
func emailDomain(email string) string {
	i := strings.LastIndexByte(email, '@')
	if i < 0 {
		return ""
	}
	domain, err := tenant.NormalizeDomain(email[i+1:])
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

package tenant

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// AddressDomain is a proven domain by which e-mail addresses are a tenant's.
type AddressDomain struct {
	store.Domain

	breakGlass []string
}

// FindAddressDomain returns what [OwnedDomain] does, and which addresses of the e-mail domain are on the break-glass list of
// an approved, active or suspended connection of the tenant's that serves the domain or one above it: what a [BreakGlassList]
// goes by, but for the root user, or will once the connection is activated; a directory may be on before. It is one read of a
// [store.LookupStore].
func FindAddressDomain(ctx context.Context, st RealmStore, tenantID, domain string) (AddressDomain, error) {
	found, err := provenAbove(ctx, st, domain, true)
	if err != nil {
		return AddressDomain{}, err
	}
	var out AddressDomain
	for _, d := range found { // nearest first
		if d.TenantID != tenantID {
			break
		}
		if out.Name == "" && (d.Name == domain || d.Subdomains) {
			out.Domain = d.Domain
		}
		for _, c := range d.Serving {
			if c.State == store.ConnectionApproved || c.State == store.ConnectionActive || c.State == store.ConnectionSuspended {
				out.breakGlass = append(out.breakGlass, c.BreakGlass...)
			}
		}
	}
	if out.Name == "" {
		return AddressDomain{}, fmt.Errorf("tenant: not a domain of this tenant: %w", store.ErrNotFound)
	}
	return out, nil
}

// BreakGlass says whether an address is on a break-glass list. What is no address is on none.
func (d AddressDomain) BreakGlass(email string) bool {
	email, err := NormalizeEmail(email)
	return err == nil && slices.ContainsFunc(d.breakGlass, func(listed string) bool { return strings.EqualFold(listed, email) })
}

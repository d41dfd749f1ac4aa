package tenant

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// Realm is where the people of an e-mail domain sign in.
type Realm struct {
	TenantID     string
	ConnectionID string
	// Domain is the proven domain that decided; it can be above the address's own.
	Domain string
	// Enforced says that there is no other way in than the domain's connections, apart from
	// break-glass addresses: one of them at least is enforced.
	Enforced bool
}

// RealmOf finds the active connection for an e-mail address, the first choice where there
// are several; see [FindRealms].
func (s *Service) RealmOf(ctx context.Context, email string) (Realm, error) {
	realms, err := s.RealmsOf(ctx, email)
	if err != nil {
		return Realm{}, err
	}
	return realms[0], nil
}

// RealmsOf finds the active connections for an e-mail address; see [FindRealms].
func (s *Service) RealmsOf(ctx context.Context, email string) ([]Realm, error) {
	domain, err := EmailDomain(strings.TrimSpace(email))
	if err != nil {
		return nil, fmt.Errorf("tenant: no e-mail address: %w", store.ErrNotFound)
	}
	return FindRealms(ctx, s.store, domain)
}

// RealmStore is what [FindRealms] reads.
type RealmStore interface {
	store.Index
	store.DomainStore
	store.ConnectionStore
}

// FindRealm returns the first choice of [FindRealms].
func FindRealm(ctx context.Context, st RealmStore, domain string) (Realm, error) {
	realms, err := FindRealms(ctx, st, domain)
	if err != nil {
		return Realm{}, err
	}
	return realms[0], nil
}

// FindRealms is home realm discovery: it finds the active connections that sign in the
// people of an e-mail domain (an A-label in lower case), all of one tenant, the first
// choice first, by the exact domain, then by the proven domains above it that include
// their sub-domains (D5). Once a name is proven, nothing above it decides for another
// tenant, be its own connections active or not. An error matching store.ErrNotFound says
// that there is none, which a login page answers like any other address.
func FindRealms(ctx context.Context, st RealmStore, domain string) ([]Realm, error) {
	none := fmt.Errorf("tenant: no connection for this domain: %w", store.ErrNotFound)
	holder := ""
	for name := range namesAbove(domain) {
		d, err := provenDomain(ctx, st, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		case holder != "" && holder != d.TenantID:
			return nil, none
		default:
			holder = d.TenantID
			if name != domain && !d.Subdomains {
				break
			}
			realms, err := realmsOfDomain(ctx, st, d)
			if err != nil || len(realms) > 0 {
				return realms, err
			}
		}
	}
	return nil, none
}

// maxLabels is how many labels of a name are looked up, so that whoever types an address
// does not choose how often the store is asked. The name itself always is.
const maxLabels = 8

// namesAbove are a domain and those above it, nearest first, down to two labels.
func namesAbove(domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := domain; strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
			if (name == domain || strings.Count(name, ".") < maxLabels) && !yield(name) {
				return
			}
		}
	}
}

// OwnsDomain says whether addresses in an e-mail domain (an A-label in lower case) are a
// tenant's: see [OwnedDomain].
func OwnsDomain(ctx context.Context, st RealmStore, tenantID, domain string) (bool, error) {
	_, err := OwnedDomain(ctx, st, tenantID, domain)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// OwnedDomain returns the proven domain by which addresses in an e-mail domain (an A-label
// in lower case) are a tenant's: that domain, or one above that includes its sub-domains,
// where no other tenant has proven a nearer one. An error matching store.ErrNotFound says
// that they are not.
func OwnedDomain(ctx context.Context, st RealmStore, tenantID, domain string) (store.Domain, error) {
	none := fmt.Errorf("tenant: not a domain of this tenant: %w", store.ErrNotFound)
	for name := range namesAbove(domain) {
		d, err := provenDomain(ctx, st, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return store.Domain{}, err
		case d.TenantID != tenantID:
			return store.Domain{}, none
		case name == domain || d.Subdomains:
			return d, nil
		}
	}
	return store.Domain{}, none
}

// HeldByOther says whether another tenant has proven an e-mail domain (an A-label in
// lower case) or one above it, whether or not that one includes its sub-domains.
func HeldByOther(ctx context.Context, st RealmStore, tenantID, domain string) (bool, error) {
	for name := range namesAbove(domain) {
		d, err := provenDomain(ctx, st, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return false, err
		case d.TenantID != tenantID:
			return true, nil
		}
	}
	return false, nil
}

// provenDomain reads the domain of this name from the tenant that proved it.
func provenDomain(ctx context.Context, st RealmStore, name string) (store.Domain, error) {
	ref, err := st.TenantOfDomain(ctx, name)
	if err != nil {
		return store.Domain{}, fmt.Errorf("tenant: looking for the domain: %w", err)
	}
	d, err := st.Domain(ctx, ref.TenantID, ref.ID)
	if err != nil {
		return store.Domain{}, fmt.Errorf("tenant: reading the domain: %w", err)
	}
	if d.State != store.DomainVerified || d.Name != name {
		return store.Domain{}, store.ErrNotFound
	}
	d.TenantID = ref.TenantID
	return d, nil
}

// realmsOfDomain are the active ones among the connections that serve a domain.
func realmsOfDomain(ctx context.Context, st RealmStore, d store.Domain) ([]Realm, error) {
	var realms []Realm
	enforced := false
	for _, id := range d.Connections() {
		c, err := st.Connection(ctx, d.TenantID, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && c.State != store.ConnectionActive {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tenant: reading the connection: %w", err)
		}
		enforced = enforced || c.Enforced
		realms = append(realms, Realm{TenantID: d.TenantID, ConnectionID: c.ID, Domain: d.Name})
	}
	for i := range realms {
		realms[i].Enforced = enforced
	}
	return realms, nil
}

// ConnectionsOfIssuer returns the active connections whose issuer is exactly this, for
// sign-ins that the provider initiates. Customers of one provider may share an issuer.
func (s *Service) ConnectionsOfIssuer(ctx context.Context, issuer string) ([]store.Ref, error) {
	if issuer == "" || len(issuer) > maxAuthority {
		return nil, nil
	}
	refs, err := s.store.ConnectionsByIssuer(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("tenant: looking for the issuer: %w", err)
	}
	return refs, nil
}

// SignInConnection returns a connection, in whatever state, with its client secret in
// the clear: for the code that signs in, which looks at the state itself.
func (s *Service) SignInConnection(ctx context.Context, tenantID, id string) (store.Connection, Secret, error) {
	c, _, err := s.load(ctx, s.store, tenantID, id)
	if err != nil {
		return store.Connection{}, Secret{}, err
	}
	secret, err := s.ClientSecret(ctx, c)
	return c, secret, err
}

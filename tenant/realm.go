package tenant

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
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
// are several; see [Service.RealmsOf].
func (s *Service) RealmOf(ctx context.Context, email string) (Realm, error) {
	realms, err := s.RealmsOf(ctx, email)
	if err != nil {
		return Realm{}, err
	}
	return realms[0], nil
}

// RealmsOf finds the active connections for an e-mail address; see [FindRealms]. It is one
// read of the store, or none: answers are remembered, as [RealmCache] says, so that it is for
// showing people the way. What lets somebody in is decided by what the store says then: by
// package oidc's sign-ins and SignInMethods, or by [FindRealms] itself.
func (s *Service) RealmsOf(ctx context.Context, email string) ([]Realm, error) {
	domain, err := EmailDomain(strings.TrimSpace(email))
	if err != nil {
		return nil, fmt.Errorf("tenant: no e-mail address: %w", store.ErrNotFound)
	}
	if realms, ok := s.routes.get(domain); ok {
		if len(realms) == 0 {
			return nil, errNoRealm
		}
		return realms, nil
	}
	at := s.now()
	found, err := resolve(ctx, s.store, domain)
	if err != nil {
		return nil, err
	}
	realms := found.realms()
	s.routes.put(domain, found.holder, realms, at)
	if len(realms) == 0 {
		return nil, errNoRealm
	}
	return slices.Clone(realms), nil
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
// that there is none, which a login page answers like any other address. It is one read of
// a [store.LookupStore].
func FindRealms(ctx context.Context, st RealmStore, domain string) ([]Realm, error) {
	found, err := resolve(ctx, st, domain)
	if err != nil {
		return nil, err
	}
	if len(found.connections) == 0 {
		return nil, errNoRealm
	}
	return found.realms(), nil
}

// FindConnections is [FindRealms] for whoever needs the connections themselves.
func FindConnections(ctx context.Context, st RealmStore, domain string) ([]store.Connection, error) {
	found, err := resolve(ctx, st, domain)
	if err != nil {
		return nil, err
	}
	if len(found.connections) == 0 {
		return nil, errNoRealm
	}
	return found.connections, nil
}

var errNoRealm = fmt.Errorf("tenant: no connection for this domain: %w", store.ErrNotFound)

// resolution is who signs in the people of a domain.
type resolution struct {
	// holder is the tenant that has proven the domain or one above it, be there a connection or not.
	holder string
	// domain decided, and connections are those active ones that serve it: none if nobody signs these people in.
	domain      store.Domain
	connections []store.Connection
}

func resolve(ctx context.Context, st RealmStore, domain string) (resolution, error) {
	found, err := provenAbove(ctx, st, domain, true)
	if err != nil {
		return resolution{}, err
	}
	var r resolution
	for _, d := range found { // nearest first
		if r.holder != "" && r.holder != d.TenantID {
			break
		}
		r.holder = d.TenantID
		if d.Name != domain && !d.Subdomains {
			continue
		}
		for _, c := range d.Serving {
			if c.State == store.ConnectionActive {
				r.domain, r.connections = d.Domain, append(r.connections, c)
			}
		}
		if len(r.connections) > 0 {
			break
		}
	}
	return r, nil
}

func (r resolution) realms() []Realm {
	enforced := slices.ContainsFunc(r.connections, func(c store.Connection) bool { return c.Enforced })
	var realms []Realm
	for _, c := range r.connections {
		realms = append(realms, Realm{TenantID: r.holder, ConnectionID: c.ID, Domain: r.domain.Name, Enforced: enforced})
	}
	return realms
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
	found, err := provenAbove(ctx, st, domain, false)
	if err != nil {
		return store.Domain{}, err
	}
	for _, d := range found {
		switch {
		case d.TenantID != tenantID:
			return store.Domain{}, none
		case d.Name == domain || d.Subdomains:
			return d.Domain, nil
		}
	}
	return store.Domain{}, none
}

// HeldByOther says whether another tenant has proven an e-mail domain (an A-label in
// lower case) or one above it, whether or not that one includes its sub-domains.
func HeldByOther(ctx context.Context, st RealmStore, tenantID, domain string) (bool, error) {
	found, err := provenAbove(ctx, st, domain, false)
	return slices.ContainsFunc(found, func(d store.FoundDomain) bool { return d.TenantID != tenantID }), err
}

// provenAbove reads those of a domain and the ones above it that are proven, nearest first, with the connections that serve
// them if asked for.
func provenAbove(ctx context.Context, st RealmStore, domain string, connections bool) ([]store.FoundDomain, error) {
	found, err := store.FindDomains(ctx, st, store.DomainQuery{Names: slices.Collect(namesAbove(domain)), Connections: connections})
	if err != nil {
		return nil, fmt.Errorf("tenant: looking for the domain: %w", err)
	}
	return found, nil
}

// provenDomain reads the domain of this name from the tenant that proved it.
func provenDomain(ctx context.Context, st RealmStore, name string) (store.Domain, error) {
	found, err := store.FindDomains(ctx, st, store.DomainQuery{Names: []string{name}})
	if err != nil {
		return store.Domain{}, fmt.Errorf("tenant: looking for the domain: %w", err)
	}
	if len(found) == 0 {
		return store.Domain{}, fmt.Errorf("tenant: nobody has proven the domain: %w", store.ErrNotFound)
	}
	return found[0].Domain, nil
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

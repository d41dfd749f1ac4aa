package store

import (
	"context"
	"errors"
)

// LookupStore is an optional interface of a [Store], of a transaction's as well: what finds
// out whom a request is for, in one step each, for databases to which every step is a way
// there and back. [FindDomains] and [FindDirectory] use it; without it they do the same by
// the methods of Store.
type LookupStore interface {
	// LookupStoreOf returns the store that these methods work on, which is the receiver, a
	// pointer: see [SignInStore].
	LookupStoreOf() Store

	// FindDomains returns the domains that hold these names as verified, whichever tenant's
	// they are, in the order of the names. Like [Index] it is asked before the tenant is
	// known: what it returns says whose it is.
	FindDomains(ctx context.Context, q DomainQuery) ([]FoundDomain, error)

	// FindDirectory returns what the tenant's records say about whoever presents an API key
	// with this hash. What there is not is zero; without the key all is.
	FindDirectory(ctx context.Context, tenantID string, hash []byte) (FoundDirectory, error)
}

// DomainQuery names domains.
type DomainQuery struct {
	// Names are A-labels in lower case, each once, at most [MaxLimit].
	Names []string
	// Connections asks for the connections that serve the domains as well.
	Connections bool
}

// FoundDomain is a verified domain and, where they were asked for, those of its [Domain.Connections] that there are,
// in that order and in whatever state.
type FoundDomain struct {
	Domain
	Serving []Connection
}

// FoundDirectory is a directory as its API key leads to it. Records that there are not have no ID.
type FoundDirectory struct {
	Key       APIKey
	Directory Directory
	// ConnectionState is that of the connection which the directory names; empty if there is none.
	ConnectionState ConnectionState
	// ServiceState is that of the tenant's [Lifecycle].
	ServiceState ServiceState
}

// DomainFinder is the part of a [Store] that [FindDomains] uses.
type DomainFinder interface {
	Index
	DomainStore
	ConnectionStore
}

// DirectoryFinder is the part of a [Store] that [FindDirectory] uses.
type DirectoryFinder interface {
	APIKeyStore
	DirectoryStore
	ConnectionStore
	LifecycleStore
}

// lookupStore returns st as a LookupStore if it is one itself.
func lookupStore(st any) (LookupStore, bool) {
	s, ok := st.(LookupStore)
	return s, ok && any(s.LookupStoreOf()) == st
}

// FindDomains is st's FindDomains if it is a [LookupStore]. Otherwise record after record is
// read.
func FindDomains(ctx context.Context, st DomainFinder, q DomainQuery) ([]FoundDomain, error) {
	if s, ok := lookupStore(st); ok {
		return s.FindDomains(ctx, q)
	}
	var out []FoundDomain
	for _, name := range q.Names {
		ref, err := st.TenantOfDomain(ctx, name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d, err := found(st.Domain(ctx, ref.TenantID, ref.ID))
		if err != nil {
			return nil, err
		}
		if d.State != DomainVerified || d.Name != name { // changed meanwhile
			continue
		}
		d.TenantID = ref.TenantID
		f := FoundDomain{Domain: d}
		if q.Connections {
			if f.Serving, err = serving(ctx, st, d); err != nil {
				return nil, err
			}
		}
		out = append(out, f)
	}
	return out, nil
}

func serving(ctx context.Context, st ConnectionStore, d Domain) ([]Connection, error) {
	var out []Connection
	for _, id := range d.Connections() {
		c, err := found(st.Connection(ctx, d.TenantID, id))
		if err != nil {
			return nil, err
		}
		if c.ID != "" {
			c.TenantID = d.TenantID
			out = append(out, c)
		}
	}
	return out, nil
}

// FindDirectory is st's FindDirectory if it is a [LookupStore]. Otherwise record after record
// is read.
func FindDirectory(ctx context.Context, st DirectoryFinder, tenantID string, hash []byte) (FoundDirectory, error) {
	if s, ok := lookupStore(st); ok {
		return s.FindDirectory(ctx, tenantID, hash)
	}
	f, err := findDirectory(ctx, st, tenantID, hash)
	if err != nil {
		return FoundDirectory{}, err
	}
	return f, nil
}

func findDirectory(ctx context.Context, st DirectoryFinder, tenantID string, hash []byte) (f FoundDirectory, err error) {
	if f.Key, err = found(st.APIKeyByHash(ctx, tenantID, hash)); err != nil || f.Key.ID == "" {
		return f, err
	}
	l, err := found(st.Lifecycle(ctx, tenantID))
	if err != nil {
		return f, err
	}
	f.ServiceState = l.State
	if f.Directory, err = found(st.Directory(ctx, tenantID, f.Key.DirectoryID)); err != nil || f.Directory.ID == "" {
		return f, err
	}
	c, err := found(st.Connection(ctx, tenantID, f.Directory.ConnectionID))
	f.ConnectionState = c.State
	return f, err
}

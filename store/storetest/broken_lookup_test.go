package storetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// looks is a store.LookupStore that goes one by one. The broken stores of this file are about looking up.
type looks struct{ store.Store }

func newLooks() *looks { return &looks{Store: storetest.Bare(memory.New())} }

func (s *looks) LookupStoreOf() store.Store { return s }

func (s *looks) InTx(c ctx, fn func(store.Store) error) error {
	return s.Store.InTx(c, func(tx store.Store) error { return fn(&looks{tx}) })
}

func (s *looks) FindDomains(c ctx, q store.DomainQuery) ([]store.FoundDomain, error) {
	return store.FindDomains(c, s.Store, q)
}

func (s *looks) FindDirectory(c ctx, tenant string, hash []byte) (store.FoundDirectory, error) {
	return store.FindDirectory(c, s.Store, tenant, hash)
}

func TestLookupStoreOneByOne(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return newLooks() })
}

// hostConnections keeps connections of its own and embeds a store for the rest.
type hostConnections struct{ *looks }

func (s *hostConnections) Connection(_ ctx, tenant, id string) (store.Connection, error) {
	return store.Connection{Meta: store.Meta{TenantID: tenant, ID: id}, Name: "of the host", State: "of the host"}, nil
}

// TestEmbeddedLookupStore: what a host's store embeds does not answer in its place.
func TestEmbeddedLookupStore(t *testing.T) {
	st, at := &hostConnections{newLooks()}, time.Now()
	meta := func(id string) store.Meta { return store.Meta{ID: id, CreatedAt: at, UpdatedAt: at} }
	_, err := st.CreateDomain(t.Context(), "acme", store.Domain{Meta: meta("d"), Name: "acme.example", State: store.DomainVerified, ConnectionID: "c"})
	require.NoError(t, err)
	_, err = st.CreateDirectory(t.Context(), "acme", store.Directory{Meta: meta("dir"), ConnectionID: "c"})
	require.NoError(t, err)
	_, err = st.CreateAPIKey(t.Context(), "acme", store.APIKey{Meta: meta("k"), Hash: []byte("hash"), DirectoryID: "dir"})
	require.NoError(t, err)

	found, err := store.FindDomains(t.Context(), st, store.DomainQuery{Names: []string{"acme.example"}, Connections: true})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "of the host", found[0].Serving[0].Name)
	directory, err := store.FindDirectory(t.Context(), st, "acme", []byte("hash"))
	require.NoError(t, err)
	require.EqualValues(t, "of the host", directory.ConnectionState)
}

type findsPending struct{ looks }

func (s *findsPending) LookupStoreOf() store.Store { return s }

func (s *findsPending) FindDomains(c ctx, q store.DomainQuery) ([]store.FoundDomain, error) {
	var out []store.FoundDomain
	tenants := map[string]bool{}
	found, err := s.looks.FindDomains(c, q)
	for _, d := range found {
		tenants[d.TenantID] = true
	}
	for tenant := range tenants {
		all, _ := s.Domains(c, tenant)
		for _, d := range all {
			out = append(out, store.FoundDomain{Domain: d})
		}
	}
	return out, err
}

type servesActive struct{ looks }

func (s *servesActive) LookupStoreOf() store.Store { return s }

func (s *servesActive) FindDomains(c ctx, q store.DomainQuery) ([]store.FoundDomain, error) {
	found, err := s.looks.FindDomains(c, q)
	for i := range found {
		var active []store.Connection
		for _, conn := range found[i].Serving {
			if conn.State == store.ConnectionActive {
				active = append(active, conn)
			}
		}
		found[i].Serving = active
	}
	return found, err
}

type forgetsSuspension struct{ looks }

func (s *forgetsSuspension) LookupStoreOf() store.Store { return s }

func (s *forgetsSuspension) FindDirectory(c ctx, tenant string, hash []byte) (store.FoundDirectory, error) {
	found, err := s.looks.FindDirectory(c, tenant, hash)
	found.ServiceState = store.ServiceOn
	return found, err
}

type keyOfAnyTenant struct{ looks }

func (s *keyOfAnyTenant) LookupStoreOf() store.Store { return s }

func (s *keyOfAnyTenant) FindDirectory(c ctx, tenant string, hash []byte) (store.FoundDirectory, error) {
	found, err := s.looks.FindDirectory(c, tenant, hash)
	for after := ""; err == nil && found.Key.ID == ""; {
		tenants, listErr := s.Tenants(c, after, 1)
		if listErr != nil || len(tenants) == 0 {
			return found, listErr
		}
		after = tenants[0]
		found, err = s.looks.FindDirectory(c, after, hash)
	}
	return found, err
}

type forgetsRequests struct{ base }

func (s forgetsRequests) UpdateDirectory(c ctx, tenant string, d store.Directory, ev ...store.Event) (store.Directory, error) {
	out, err := s.base.UpdateDirectory(c, tenant, d, ev...)
	out.LastRequestAt = time.Time{}
	return out, err
}

package memory

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

// oneByOne is a store without store.LookupStore.
type oneByOne struct{ store.Store }

// LookupStoreOf implements [store.LookupStore].
func (s *Store) LookupStoreOf() store.Store { return s }

// FindDomains implements [store.LookupStore].
func (s *Store) FindDomains(ctx context.Context, q store.DomainQuery) ([]store.FoundDomain, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return store.FindDomains(ctx, oneByOne{s}, q)
}

// FindDirectory implements [store.LookupStore]. Connection and lifecycle are not decoded for their states.
func (s *Store) FindDirectory(ctx context.Context, tenantID string, hash []byte) (out store.FoundDirectory, err error) {
	key := records.HashKey(hash)
	t, done, err := s.reading(ctx, tenantID)
	if err != nil {
		return store.FoundDirectory{}, err
	}
	defer done()
	row, _ := t.row(records.KindAPIKey, t.unique[uniqueKey{records.KindAPIKey, key.Name, key.Value}])
	if out.Key, err = records.DecodeAPIKey(row); err != nil || out.Key.ID == "" {
		return store.FoundDirectory{}, err
	}
	row, _ = t.row(string(store.KindLifecycle), records.LifecycleID)
	out.ServiceState = records.ServiceState(stateOf(row))
	row, _ = t.row(records.KindDirectory, out.Key.DirectoryID)
	if out.Directory, err = records.DecodeDirectory(row); err != nil {
		return store.FoundDirectory{}, err
	}
	if out.Directory.ID != "" {
		row, _ = t.row(records.KindConnection, out.Directory.ConnectionID)
		out.ConnectionState = store.ConnectionState(stateOf(row))
	}
	return out, nil
}

// stateOf is what a row says in the index of states; empty if it says nothing.
func stateOf(r records.Row) string {
	for _, i := range r.Index {
		if i.Name == records.StateIndex {
			return i.Value
		}
	}
	return ""
}

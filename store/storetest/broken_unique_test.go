package storetest_test

import (
	"errors"
	"slices"
	"sync"

	"github.com/tenantgate/tenantgate/store"
)

// The broken stores of this file are about Unique keys.

// forgetsUnique keeps the keys of users and forgets that they are unique.
type forgetsUnique struct{ base }

func plain(keys []store.Key) []store.Key {
	out := slices.Clone(keys)
	for i := range out {
		out[i].Unique = false
	}
	return out
}

func (s forgetsUnique) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	given := u.Keys
	u.Keys = plain(given)
	out, err := s.base.CreateSCIMUser(c, tenant, u, ev...)
	out.Keys = given
	return out, err
}

// looksForKeys searches for a group's unique keys, then inserts.
type looksForKeys struct{ base }

func (s looksForKeys) taken(c ctx, tenant string, g store.SCIMGroup) bool {
	page, _ := s.SCIMGroups(c, tenant, store.Query{})
	return slices.ContainsFunc(page.Items, func(have store.SCIMGroup) bool {
		return have.ID != g.ID && slices.ContainsFunc(have.Keys, func(k store.Key) bool { return k.Unique && slices.Contains(g.Keys, k) })
	})
}

func (s looksForKeys) CreateSCIMGroup(c ctx, tenant string, g store.SCIMGroup, m []store.Member, ev ...store.Event) (store.SCIMGroup, error) {
	if s.taken(c, tenant, g) {
		return store.SCIMGroup{}, store.ErrConflict
	}
	yield()
	out, err := s.base.CreateSCIMGroup(c, tenant, g, m, ev...)
	if errors.Is(err, store.ErrConflict) {
		return g, nil
	}
	return out, err
}

// holdsForAll keeps a user's unique keys apart from those of other tenants too.
type holdsForAll struct {
	base
	mu   *sync.Mutex
	seen map[store.Key]string
}

func (s holdsForAll) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range u.Keys {
		if at, has := s.seen[k]; k.Unique && has && at != tenant {
			return store.SCIMUser{}, store.ErrConflict
		}
	}
	out, err := s.base.CreateSCIMUser(c, tenant, u, ev...)
	if err == nil {
		for _, k := range u.Keys {
			s.seen[k] = tenant
		}
	}
	return out, err
}

// keepsOldKeys does not free the unique keys that an update of a user gave up.
type keepsOldKeys struct {
	base
	mu  *sync.Mutex
	old map[store.Key]bool
}

func (s keepsOldKeys) UpdateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, _ := s.SCIMUser(c, tenant, u.ID)
	out, err := s.base.UpdateSCIMUser(c, tenant, u, ev...)
	if err == nil {
		for _, k := range before.Keys {
			s.old[k] = s.old[k] || k.Unique && !slices.Contains(u.Keys, k)
		}
	}
	return out, err
}

func (s keepsOldKeys) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(u.Keys, func(k store.Key) bool { return s.old[k] }) {
		return store.SCIMUser{}, store.ErrConflict
	}
	return s.base.CreateSCIMUser(c, tenant, u, ev...)
}

package memory

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// once returns the IDs in ascending order, each once.
func once(ids []string) []string {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// GrantsOfAccounts implements [store.LockReader].
func (s *Store) GrantsOfAccounts(ctx context.Context, tenantID string, accountIDs []string) (out []store.Grant, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		for _, id := range once(accountIDs) {
			for _, g := range t.grants.after(id, 0) {
				if g.AccountID != id {
					break
				}
				out = append(out, g)
			}
		}
		return nil
	})
	return out, err
}

// GroupsWithIDs implements [store.LockReader].
func (s *Store) GroupsWithIDs(ctx context.Context, tenantID string, ids []string) (out []store.GroupRef, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		for _, id := range once(ids) {
			if g, ok := t.groups.get(id); ok {
				out = append(out, store.GroupRef{ID: g.ID, DisplayName: g.DisplayName})
			}
		}
		return nil
	})
	return out, err
}

// SCIMUsersAmong implements [store.LockReader].
func (s *Store) SCIMUsersAmong(ctx context.Context, tenantID string, ids []string) (out []string, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		for _, id := range once(ids) {
			if _, ok := t.users.get(id); ok {
				out = append(out, id)
			}
		}
		return nil
	})
	return out, err
}

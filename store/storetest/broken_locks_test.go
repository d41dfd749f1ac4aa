package storetest_test

import (
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// The broken stores of this file are about what tells locks.

type grantsTwice struct{ *memory.Store }

func (s *grantsTwice) GrantsOfAccounts(c ctx, tenant string, ids []string) ([]store.Grant, error) {
	var out []store.Grant
	for _, id := range slices.Sorted(slices.Values(ids)) {
		of, err := s.Grants(c, tenant, id)
		if err != nil {
			return nil, err
		}
		out = append(out, of...)
	}
	return out, nil
}

type groupsAsAsked struct{ *memory.Store }

func (s *groupsAsAsked) GroupsWithIDs(c ctx, tenant string, ids []string) ([]store.GroupRef, error) {
	var out []store.GroupRef
	seen := map[string]bool{}
	for _, id := range ids {
		if g, err := s.SCIMGroup(c, tenant, id); err == nil && !seen[id] {
			seen[id] = true
			out = append(out, store.GroupRef{ID: id, DisplayName: g.DisplayName})
		}
	}
	return out, nil
}

type everybodyThere struct{ *memory.Store }

func (s *everybodyThere) SCIMUsersAmong(_ ctx, _ string, ids []string) ([]string, error) {
	return slices.Compact(slices.Sorted(slices.Values(ids))), nil
}

package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// LockReader is an optional interface of a [Store]: what tells which of a page of people and
// teams are locked, read at once for the whole page. [GrantsOfAccounts], [GroupsWithIDs] and
// [SCIMUsersAmong] use it; without it they ask for each.
type LockReader interface {
	// GrantsOfAccounts returns the ledger's lines of these accounts, at most MaxLimit of them, ordered
	// by account, kind, resource and group. Accounts without a line, and duplicates, add
	// nothing; the empty account has the lines of GrantTeam.
	GrantsOfAccounts(ctx context.Context, tenantID string, accountIDs []string) ([]Grant, error)

	// GroupsWithIDs returns the groups with these IDs, at most MaxLimit, in ascending order of the ID. Unknown
	// ones and duplicates add nothing.
	GroupsWithIDs(ctx context.Context, tenantID string, ids []string) ([]GroupRef, error)

	// SCIMUsersAmong returns those of these IDs, at most MaxLimit, that a provisioned user has, in
	// ascending order, each once.
	SCIMUsersAmong(ctx context.Context, tenantID string, ids []string) ([]string, error)
}

// lockReader finds the interface, beneath wrappers too: it reads alone, so that nothing of
// theirs is passed by.
func lockReader(st any) (LockReader, bool) {
	if s, ok := st.(Store); ok {
		st = Unwrap(s)
	}
	r, ok := st.(LockReader)
	return r, ok
}

// GrantsOfAccounts is st's GrantsOfAccounts if it is a [LockReader]. Otherwise account after
// account is read.
func GrantsOfAccounts(ctx context.Context, st ProvisioningStore, tenantID string, accountIDs []string) ([]Grant, error) {
	if r, ok := lockReader(st); ok {
		return r.GrantsOfAccounts(ctx, tenantID, accountIDs)
	}
	return eachOf(accountIDs, func(id string) ([]Grant, error) { return st.Grants(ctx, tenantID, id) })
}

// GroupsWithIDs is st's GroupsWithIDs if it is a [LockReader]. Otherwise group after group is read.
func GroupsWithIDs(ctx context.Context, st SCIMGroupStore, tenantID string, ids []string) ([]GroupRef, error) {
	if r, ok := lockReader(st); ok {
		return r.GroupsWithIDs(ctx, tenantID, ids)
	}
	return eachOf(ids, func(id string) ([]GroupRef, error) {
		g, err := st.SCIMGroup(ctx, tenantID, id)
		if err != nil {
			return nil, noneIfMissing(err)
		}
		return []GroupRef{{ID: g.ID, DisplayName: g.DisplayName}}, nil
	})
}

// SCIMUsersAmong is st's SCIMUsersAmong if it is a [LockReader]. Otherwise user after user is
// read.
func SCIMUsersAmong(ctx context.Context, st SCIMUserStore, tenantID string, ids []string) ([]string, error) {
	if r, ok := lockReader(st); ok {
		return r.SCIMUsersAmong(ctx, tenantID, ids)
	}
	return eachOf(ids, func(id string) ([]string, error) {
		if _, err := st.SCIMUser(ctx, tenantID, id); err != nil {
			return nil, noneIfMissing(err)
		}
		return []string{id}, nil
	})
}

func noneIfMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// eachOf gathers what is read for each ID, in ascending order and once.
func eachOf[T any](ids []string, read func(id string) ([]T, error)) ([]T, error) {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, cmp.Compare[string])
	var out []T
	for _, id := range slices.Compact(sorted) {
		found, err := read(id)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

package memory

import (
	"context"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// The ledger is kept twice, under keys whose byte order is the order of the lists. A
// NUL sorts before everything, so that a shorter part sorts first.

func grantKey(k store.GrantKey) string {
	return strings.Join([]string{k.AccountID, string(k.Kind), k.ResourceID, k.GroupID}, "\x00")
}

func groupGrantKey(k store.GrantKey) string {
	return strings.Join([]string{k.AccountID, string(k.Kind), k.ResourceID}, "\x00")
}

// Grants implements [store.ProvisioningStore].
func (s *Store) Grants(ctx context.Context, tenantID, accountID string) (out []store.Grant, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		for _, g := range t.grants.after(accountID, 0) {
			if g.AccountID != accountID {
				break
			}
			out = append(out, g)
		}
		return nil
	})
	return out, err
}

// GrantsOfGroup implements [store.ProvisioningStore].
func (s *Store) GrantsOfGroup(ctx context.Context, tenantID, groupID string, after store.GrantKey, limit int) (out []store.Grant, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		if rows := t.byGroup[groupID]; rows != nil {
			out = firstGrants(rows, groupGrantKey(after), after, limit)
		}
		return nil
	})
	return out, err
}

// AllGrants implements [store.ProvisioningStore].
func (s *Store) AllGrants(ctx context.Context, tenantID string, after store.GrantKey, limit int) (out []store.Grant, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		out = firstGrants(t.grants, grantKey(after), after, limit)
		return nil
	})
	return out, err
}

func firstGrants(rows *table[store.Grant], from string, after store.GrantKey, limit int) []store.Grant {
	if after == (store.GrantKey{}) {
		from = ""
	}
	limit = store.Query{Limit: limit}.ClampLimit()
	var out []store.Grant
	for _, g := range rows.after(from, 0) {
		if len(out) == limit {
			break
		}
		out = append(out, g)
	}
	return out
}

// ChangeGrants implements [store.ProvisioningStore].
func (s *Store) ChangeGrants(ctx context.Context, tenantID string, put []store.Grant, remove []store.GrantKey, events ...store.Event) error {
	return s.write(ctx, tenantID, events, func(t *tenant, log *undoLog) error {
		for _, k := range remove {
			t.grants.remove(log, grantKey(k))
			if rows := t.byGroup[k.GroupID]; rows != nil {
				rows.remove(log, groupGrantKey(k))
			}
		}
		for _, g := range put {
			k := g.Key()
			t.grants.put(log, grantKey(k), g)
			if t.byGroup[k.GroupID] == nil {
				t.byGroup[k.GroupID] = newTable[store.Grant]()
			}
			t.byGroup[k.GroupID].put(log, groupGrantKey(k), g)
		}
		return nil
	})
}

package records

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// lifecycleID is the ID of the one row that tells of a tenant as a whole.
const lifecycleID = "lifecycle"

var lifecycles = codec[store.Lifecycle]{
	kind: string(store.KindLifecycle),
	meta: func(l *store.Lifecycle) *store.Meta { return &l.Meta },
	clone: func(l store.Lifecycle) store.Lifecycle {
		l.Work = slices.Clone(l.Work)
		return l
	},
	index: func(l *store.Lifecycle) []Index {
		if l.State == store.ServiceOn && len(l.Work) == 0 {
			return nil
		}
		return []Index{stateIndex(l.State)}
	},
}

// onWithWork is the value of a tenant in service that has work: others in service have none.
const onWithWork = "on, with work"

// ServiceState is the state that a value of the index of lifecycles stands for.
func ServiceState(value string) store.ServiceState {
	if value == onWithWork {
		return store.ServiceOn
	}
	return store.ServiceState(value)
}

// stateIndex is the value that a state is found by.
func stateIndex(state store.ServiceState) Index {
	if state == store.ServiceOn {
		return Index{Name: StateIndex, Value: onWithWork}
	}
	return Index{Name: StateIndex, Value: string(state)}
}

// Lifecycle implements store.LifecycleStore.
func (s Setup) Lifecycle(ctx context.Context, tenantID string) (store.Lifecycle, error) {
	l, err := lifecycles.get(ctx, s.backend, tenantID, lifecycleID)
	l.ID = ""
	return l, err
}

// PutLifecycle implements store.LifecycleStore.
func (s Setup) PutLifecycle(ctx context.Context, tenantID string, l store.Lifecycle, events ...store.Event) (store.Lifecycle, error) {
	return putOnly(ctx, s.backend, lifecycles, tenantID, lifecycleID, l, events)
}

// TenantsInState implements store.Index.
func (s Setup) TenantsInState(ctx context.Context, state store.ServiceState, after string, limit int) ([]string, error) {
	// The tenant's own row has an ID, and comes after the tenant without one: the next tenant is wanted.
	from := store.Ref{TenantID: after, ID: lifecycleID}
	refs, err := s.backend.RefsByIndex(ctx, lifecycles.kind, stateIndex(state), from, store.Query{Limit: limit}.ClampLimit())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, ref := range refs {
		out = append(out, ref.TenantID)
	}
	return out, nil
}

// EraseRecords removes up to limit set-up records of a kind, and tells whether it is one of theirs.
func (s Setup) EraseRecords(ctx context.Context, tenantID string, kind store.RecordKind, limit int) (n int, ours bool, err error) {
	if !setupKind(kind) {
		return 0, false, nil
	}
	rows, err := s.backend.Rows(ctx, tenantID, string(kind), "", limit)
	if err != nil {
		return 0, true, err
	}
	for _, r := range rows {
		if err := s.backend.DeleteRow(ctx, tenantID, r.Kind, r.ID, 0, nil); err != nil && !isNotFound(err) {
			return n, true, err
		}
		n++
	}
	return n, true, nil
}

// setupKind says whether records of a kind are rows of a [Backend]: all are, also those of a later version, but for these.
func setupKind(kind store.RecordKind) bool {
	switch kind {
	case store.KindUser, store.KindGroup, store.KindMember, store.KindGrant, store.KindToken, store.KindLease, store.KindEvent, store.KindPosition:
		return false
	}
	return true
}

// People is the part of a store that [ErasePeople] uses.
type People interface {
	store.SCIMUserStore
	store.SCIMGroupStore
	store.ProvisioningStore
}

// ErasePeople removes up to limit users, groups or lines of the ledger; of other kinds none.
func ErasePeople(ctx context.Context, st People, tenantID string, kind store.RecordKind, limit int) (int, error) {
	q := store.Query{Limit: limit, WithoutBody: true, ReadOnly: true}
	n := 0
	switch kind {
	case store.KindUser:
		page, err := st.SCIMUsers(ctx, tenantID, q)
		for _, u := range page.Items {
			if err := st.DeleteSCIMUser(ctx, tenantID, u.ID, 0); err != nil && !isNotFound(err) {
				return n, err
			}
			n++
		}
		return n, err
	case store.KindGroup:
		page, err := st.SCIMGroups(ctx, tenantID, q)
		for _, g := range page.Items {
			if err := st.DeleteSCIMGroup(ctx, tenantID, g.ID, 0); err != nil && !isNotFound(err) {
				return n, err
			}
			n++
		}
		return n, err
	case store.KindGrant:
		grants, err := st.AllGrants(ctx, tenantID, store.GrantKey{}, limit)
		if err != nil || len(grants) == 0 {
			return 0, err
		}
		keys := make([]store.GrantKey, len(grants))
		for i, g := range grants {
			keys[i] = g.Key()
		}
		return len(keys), st.ChangeGrants(ctx, tenantID, nil, keys)
	}
	return 0, nil
}

package filtertest

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// weaker is a store that looks up less than it could, as a host's own may: it has
// no optional interface but that of the host's resources, ignores offsets and
// answers in small pages.
type weaker struct {
	store.Store
	resources store.SCIMResourceStore
	// filters says that conditions are applied, though the store won't vouch for it.
	filters bool
	page    int
}

// weaken returns st as a weaker store.
func weaken(st store.Store, filters bool, page int) store.Store {
	own, _ := st.(store.SCIMResourceStore)
	return weaker{Store: st, resources: own, filters: filters, page: page}
}

func (s weaker) query(q store.Query) store.Query {
	out := store.Query{After: q.After, Limit: s.page}
	if s.filters {
		out.Filter = q.Filter
	}
	return out
}

func inexact[T any](p store.Page[T], err error) (store.Page[T], error) {
	p.Exact = false
	return p, err
}

// SCIMUsers implements store.SCIMUserStore.
func (s weaker) SCIMUsers(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMUser], error) {
	return inexact(s.Store.SCIMUsers(ctx, tenantID, s.query(q)))
}

// SCIMGroups implements store.SCIMGroupStore.
func (s weaker) SCIMGroups(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMGroup], error) {
	return inexact(s.Store.SCIMGroups(ctx, tenantID, s.query(q)))
}

// SCIMResource implements store.SCIMResourceStore.
func (s weaker) SCIMResource(ctx context.Context, tenantID, typ, id string) (store.SCIMResource, error) {
	return s.resources.SCIMResource(ctx, tenantID, typ, id)
}

// SCIMResources implements store.SCIMResourceStore.
func (s weaker) SCIMResources(ctx context.Context, tenantID, typ string, q store.Query) (store.Page[store.SCIMResource], error) {
	p, err := inexact(s.resources.SCIMResources(ctx, tenantID, typ, s.query(q)))
	if s.filters { // our stores leave it to the caller; a host's may not
		p.Items = slices.DeleteFunc(p.Items, func(r store.SCIMResource) bool {
			return !store.Matches(q.Filter, func(a store.Attr) []string { return valuesOf(r, a) })
		})
	}
	return p, err
}

// valuesOf is what conditions on a resource compare with.
func valuesOf(r store.SCIMResource, attr store.Attr) (out []string) {
	switch attr {
	case store.AttrID:
		return []string{r.ID}
	case store.AttrExternalID:
		if r.ExternalID != "" {
			out = append(out, r.ExternalID)
		}
		return out
	case store.AttrCreatedAt:
		return []string{store.FormatTime(r.CreatedAt)}
	case store.AttrUpdatedAt:
		return []string{store.FormatTime(r.UpdatedAt)}
	}
	for _, k := range r.Keys {
		if k.Attr == attr {
			out = append(out, k.Value)
		}
	}
	return out
}

// CreateSCIMResource implements store.SCIMResourceStore.
func (s weaker) CreateSCIMResource(ctx context.Context, tenantID string, r store.SCIMResource, e ...store.Event) (store.SCIMResource, error) {
	return s.resources.CreateSCIMResource(ctx, tenantID, r, e...)
}

// UpdateSCIMResource implements store.SCIMResourceStore.
func (s weaker) UpdateSCIMResource(ctx context.Context, tenantID string, r store.SCIMResource, e ...store.Event) (store.SCIMResource, error) {
	return s.resources.UpdateSCIMResource(ctx, tenantID, r, e...)
}

// DeleteSCIMResource implements store.SCIMResourceStore.
func (s weaker) DeleteSCIMResource(ctx context.Context, tenantID, typ, id string, version int64, e ...store.Event) error {
	return s.resources.DeleteSCIMResource(ctx, tenantID, typ, id, version, e...)
}

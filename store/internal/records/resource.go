package records

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// settingsID is the ID of the one row of provisioning settings that a tenant has.
const settingsID = "settings"

var provisioning = codec[store.ProvisioningSettings]{
	kind: kindProvisioning,
	meta: func(p *store.ProvisioningSettings) *store.Meta { return &p.Meta },
}

// ProvisioningSettings implements store.ProvisioningStore.
func (s Setup) ProvisioningSettings(ctx context.Context, tenantID string) (store.ProvisioningSettings, error) {
	p, err := provisioning.get(ctx, s.backend, tenantID, settingsID)
	p.ID = ""
	return p, err
}

// PutProvisioningSettings implements store.ProvisioningStore.
func (s Setup) PutProvisioningSettings(ctx context.Context, tenantID string, p store.ProvisioningSettings, events ...store.Event) (store.ProvisioningSettings, error) {
	return putOnly(ctx, s.backend, provisioning, tenantID, settingsID, p, events)
}

// putOnly writes the one record of a kind that a tenant can have.
func putOnly[T any](ctx context.Context, b Backend, c codec[T], tenantID, id string, v T, events []store.Event) (T, error) {
	m := c.meta(&v)
	m.ID = id
	write := c.update
	if m.Version == 0 {
		write = c.create
	}
	out, err := write(ctx, b, tenantID, v, events)
	c.meta(&out).ID = ""
	if err != nil && (m.Version == 0 || isNotFound(err)) {
		// A first write that meets a stored record, or a later one that meets none, read
		// something else than what is there.
		var none T
		return none, asStale(c.kind, err)
	}
	return out, err
}

func resources(typ string) codec[store.SCIMResource] {
	return codec[store.SCIMResource]{
		kind: kindResource + typ,
		meta: func(r *store.SCIMResource) *store.Meta { return &r.Meta },
		unique: func(r *store.SCIMResource) []Unique {
			var keys []Unique
			for i, k := range r.Keys {
				if k.Unique && !slices.Contains(r.Keys[:i], k) {
					keys = append(keys, Unique{Name: string(k.Attr), Value: joined(k.Value)})
				}
			}
			return keys
		},
	}
}

// SCIMResource implements store.SCIMResourceStore.
func (s Setup) SCIMResource(ctx context.Context, tenantID, typ, id string) (store.SCIMResource, error) {
	r, err := resources(typ).get(ctx, s.backend, tenantID, id)
	return typed(r, typ, err)
}

// SCIMResources implements store.SCIMResourceStore.
func (s Setup) SCIMResources(ctx context.Context, tenantID, typ string, q store.Query) (store.Page[store.SCIMResource], error) {
	p, err := page(ctx, s.backend, resources(typ), tenantID, q)
	for i := range p.Items {
		p.Items[i].Type = typ
	}
	return p, err
}

// CreateSCIMResource implements store.SCIMResourceStore.
func (s Setup) CreateSCIMResource(ctx context.Context, tenantID string, r store.SCIMResource, events ...store.Event) (store.SCIMResource, error) {
	out, err := resources(r.Type).create(ctx, s.backend, tenantID, r, events)
	return typed(out, r.Type, err)
}

// UpdateSCIMResource implements store.SCIMResourceStore.
func (s Setup) UpdateSCIMResource(ctx context.Context, tenantID string, r store.SCIMResource, events ...store.Event) (store.SCIMResource, error) {
	out, err := resources(r.Type).update(ctx, s.backend, tenantID, r, events)
	return typed(out, r.Type, err)
}

// DeleteSCIMResource implements store.SCIMResourceStore.
func (s Setup) DeleteSCIMResource(ctx context.Context, tenantID, typ, id string, version int64, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, kindResource+typ, id, version, events)
}

func typed(r store.SCIMResource, typ string, err error) (store.SCIMResource, error) {
	if err != nil {
		return store.SCIMResource{}, fmt.Errorf("%s: %w", typ, err)
	}
	r.Type = typ
	return r, nil
}

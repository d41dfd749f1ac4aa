package storetest

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// deviceType is the resource type of the samples.
const deviceType = "Device"

var resources = kind[store.SCIMResource]{
	name: "SCIM resource",
	fresh: func(p *probe) store.SCIMResource {
		r := filled[store.SCIMResource](p)
		r.Meta, r.Type, r.Body = p.meta(), deviceType, p.body()
		return r
	},
	bare: func(p *probe) store.SCIMResource {
		return store.SCIMResource{Meta: store.Meta{ID: p.newID()}, Type: deviceType, Body: []byte("{}")}
	},
	meta: func(r *store.SCIMResource) *store.Meta { return &r.Meta },
	get: func(st store.Store, ctx context.Context, tenantID string, r store.SCIMResource) (store.SCIMResource, error) {
		return st.(store.SCIMResourceStore).SCIMResource(ctx, tenantID, deviceType, r.ID)
	},
	list: func(st store.Store, ctx context.Context, tenantID string) ([]store.SCIMResource, error) {
		return walk(ctx, devices(st), tenantID, store.Query{})
	},
	create: func(st store.Store, ctx context.Context, tenantID string, r store.SCIMResource, events ...store.Event) (store.SCIMResource, error) {
		return st.(store.SCIMResourceStore).CreateSCIMResource(ctx, tenantID, r, events...)
	},
	update: func(st store.Store, ctx context.Context, tenantID string, r store.SCIMResource, events ...store.Event) (store.SCIMResource, error) {
		return st.(store.SCIMResourceStore).UpdateSCIMResource(ctx, tenantID, r, events...)
	},
	remove: func(st store.Store, ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
		return st.(store.SCIMResourceStore).DeleteSCIMResource(ctx, tenantID, deviceType, id, version, events...)
	},
	page: func(st store.Store, ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMResource], error) {
		return devices(st)(ctx, tenantID, q)
	},
	keys:  func(r *store.SCIMResource) *[]store.Key { return &r.Keys },
	needs: keepsResources,
}

func keepsResources(st store.Store) bool {
	_, ok := st.(store.SCIMResourceStore)
	return ok
}

func devices(st store.Store) lister[store.SCIMResource] {
	return func(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMResource], error) {
		return st.(store.SCIMResourceStore).SCIMResources(ctx, tenantID, deviceType, q)
	}
}

func resourceChecks() []check {
	return []check{
		{name: "types", rule: "the Type is part of a resource's identity: resources of another type are others, whatever their IDs and Unique Keys", needs: keepsResources, run: checkResourceTypes},
	}
}

func checkResourceTypes(p *probe) {
	st := p.st.(store.SCIMResourceStore)
	device := resources.add(p, p.tenant, resources.fresh(p))
	other := device
	other.Type = "device"
	other.Body = []byte(`{"other":true}`)
	_, err := st.SCIMResource(p.ctx, p.tenant, other.Type, device.ID)
	p.is(err, store.ErrNotFound, "read a resource under another type")
	other, err = st.CreateSCIMResource(p.ctx, p.tenant, other)
	p.ok(err, "create a resource of another type with the ID and the Keys of a first")
	got, err := st.SCIMResource(p.ctx, p.tenant, other.Type, other.ID)
	p.ok(err, "read a resource")
	p.same(got, other, "read a resource beside one of another type")
	p.same(resources.all(p, p.tenant), []store.SCIMResource{device}, "list resources beside those of another type")
	p.ok(st.DeleteSCIMResource(p.ctx, p.tenant, other.Type, other.ID, 0), "delete a resource")
	p.same(resources.read(p, p.tenant, device), device, "delete a resource of another type, then read the first")
}

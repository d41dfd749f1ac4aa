package scim

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// resources stores the resources of a type that the host registered.
type resources struct{ rt *resourceType }

func (k resources) event() (prefix, subject string) { return "scim.resource", "scim_resource" }

func (k resources) index(r *record, doc map[string]any) {
	r.externalID, r.name = text(doc, "externalId"), ""
	if k.rt.keysKnown(doc) {
		r.keys = k.rt.uniqueKeys(nil, doc)
	}
}

func (k resources) from(r store.SCIMResource) record {
	return record{Meta: r.Meta, externalID: r.ExternalID, body: r.Body, keys: r.Keys}
}

func (k resources) to(r record) store.SCIMResource {
	return store.SCIMResource{Meta: r.Meta, Type: k.rt.Name, ExternalID: r.externalID, Body: r.body, Keys: r.keys}
}

func (k resources) get(ctx context.Context, _ store.Store, tenant, id string) (record, error) {
	r, err := k.rt.Store.SCIMResource(ctx, tenant, k.rt.Name, id)
	return k.from(r), err
}

func (k resources) page(ctx context.Context, _ store.Store, tenant string, q store.Query) (store.Page[record], error) {
	p, err := k.rt.Store.SCIMResources(ctx, tenant, k.rt.Name, q)
	return pageOf(p, err, k.from)
}

func (resources) count(context.Context, store.Store, string, store.Expr) (int, bool, error) {
	return 0, false, nil
}

func (k resources) create(ctx context.Context, _ store.Store, tenant string, r record, _ []store.Member, e ...store.Event) (record, error) {
	out, err := k.rt.Store.CreateSCIMResource(ctx, tenant, k.to(r), e...)
	return k.from(out), k.rt.taken(err, r, "")
}

func (k resources) update(ctx context.Context, _ store.Store, tenant string, r record, e ...store.Event) (record, error) {
	out, err := k.rt.Store.UpdateSCIMResource(ctx, tenant, k.to(r), e...)
	return k.from(out), k.rt.taken(err, r, "")
}

func (k resources) delete(ctx context.Context, _ store.Store, tenant, id string, version int64, e ...store.Event) error {
	return k.rt.Store.DeleteSCIMResource(ctx, tenant, k.rt.Name, id, version, e...)
}

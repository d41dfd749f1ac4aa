package scim

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

// resources stores the resources of a type that the host registered.
type resources struct{ rt *resourceType }

func (k resources) event() (prefix, subject string) { return "scim.resource", "scim_resource" }

// index makes every attribute that must be unique a key, so that it is found
// and refused by the store.
func (k resources) index(r *record, doc map[string]any) {
	r.externalID, r.name, r.unique, r.keys = text(doc, "externalId"), "", nil, nil
	for _, c := range k.rt.containers() {
		in := doc
		if c.extension {
			in, _ = doc[c.urn].(map[string]any)
		}
		for _, a := range c.attrs {
			if a.Uniqueness == UniquenessNone || a.complex() {
				continue
			}
			f := field{attr: a}
			if c.extension {
				f.ext = c
			}
			for _, v := range elements(in[a.Name]) {
				key := store.Key{Attr: store.Attr(f.name()), Value: keyValue(a, v)}
				r.unique = addKey(r.unique, key)
				r.keys = addKey(r.keys, key)
			}
		}
	}
}

// keyValue is the value as stores compare it.
func keyValue(a *attribute, v any) string {
	switch v := v.(type) {
	case string:
		if a.CaseExact {
			return v
		}
		return store.Fold(v)
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
	}
	return "false"
}

func (k resources) from(r store.SCIMResource) record {
	return record{Meta: r.Meta, externalID: r.ExternalID, body: r.Body, keys: r.Keys, unique: r.Unique}
}

func (k resources) to(r record) store.SCIMResource {
	return store.SCIMResource{Meta: r.Meta, Type: k.rt.Name, ExternalID: r.externalID, Body: r.body, Keys: r.keys, Unique: r.unique}
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
	return k.from(out), k.taken(err)
}

func (k resources) update(ctx context.Context, _ store.Store, tenant string, r record, e ...store.Event) (record, error) {
	out, err := k.rt.Store.UpdateSCIMResource(ctx, tenant, k.to(r), e...)
	return k.from(out), k.taken(err)
}

func (k resources) delete(ctx context.Context, _ store.Store, tenant, id string, version int64, e ...store.Event) error {
	return k.rt.Store.DeleteSCIMResource(ctx, tenant, k.rt.Name, id, version, e...)
}

func (resources) taken(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return &Error{Status: 409, Type: TypeUniqueness, Detail: "Another resource has a value that has to be unique."}
	}
	return err
}

package scim

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

// users stores users.
type users struct{ rt *resourceType }

func (users) event() (prefix, subject string) { return "scim.user", "scim_user" }

func (k users) index(r *record, doc map[string]any) {
	r.name, r.externalID = text(doc, "userName"), text(doc, "externalId")
	r.active = doc["active"] != false
	if !k.rt.keysKnown(doc) {
		return
	}
	r.keys = nil
	for _, e := range elements(doc["emails"]) {
		m, _ := e.(map[string]any)
		if v := store.Fold(text(m, "value")); v != "" {
			r.keys = addKey(r.keys, store.Key{Attr: store.AttrEmail, Value: v})
		}
	}
	r.keys = k.rt.uniqueKeys(r.keys, doc)
}

func addKey(keys []store.Key, k store.Key) []store.Key {
	for _, have := range keys {
		if have == k {
			return keys
		}
	}
	return append(keys, k)
}

func fromUser(u store.SCIMUser) record {
	return record{Meta: u.Meta, name: u.UserName, externalID: u.ExternalID, active: u.Active, body: u.Body, keys: u.Keys}
}

func toUser(r record) store.SCIMUser {
	return store.SCIMUser{Meta: r.Meta, UserName: r.name, ExternalID: r.externalID, Active: r.active, Body: r.body, Keys: r.keys}
}

func (users) get(ctx context.Context, st store.Store, tenant, id string) (record, error) {
	u, err := st.SCIMUser(ctx, tenant, id)
	return fromUser(u), err
}

func (users) page(ctx context.Context, st store.Store, tenant string, q store.Query) (store.Page[record], error) {
	p, err := st.SCIMUsers(ctx, tenant, q)
	return pageOf(p, err, fromUser)
}

func (users) count(ctx context.Context, st store.Store, tenant string, f store.Expr) (int, bool, error) {
	c, ok := st.(store.SCIMCounter)
	if !ok {
		return 0, false, nil
	}
	return counted(c.CountSCIMUsers(ctx, tenant, f))
}

func counted(n int, err error) (int, bool, error) {
	if errors.Is(err, errors.ErrUnsupported) {
		return 0, false, nil
	}
	return n, err == nil, err
}

func (k users) create(ctx context.Context, st store.Store, tenant string, r record, _ []store.Member, e ...store.Event) (record, error) {
	u, err := st.CreateSCIMUser(ctx, tenant, toUser(r), e...)
	return fromUser(u), k.rt.taken(err, r, "userName")
}

func (k users) update(ctx context.Context, st store.Store, tenant string, r record, e ...store.Event) (record, error) {
	u, err := st.UpdateSCIMUser(ctx, tenant, toUser(r), e...)
	return fromUser(u), k.rt.taken(err, r, "userName")
}

func (users) delete(ctx context.Context, st store.Store, tenant, id string, version int64, e ...store.Event) error {
	return st.DeleteSCIMUser(ctx, tenant, id, version, e...)
}

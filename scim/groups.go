package scim

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// groups stores groups. Their members are no part of the record.
type groups struct{ rt *resourceType }

func (groups) event() (prefix, subject string) { return "scim.group", "scim_group" }

func (k groups) index(r *record, doc map[string]any) {
	r.name, r.externalID = text(doc, "displayName"), text(doc, "externalId")
	if k.rt.keysKnown(doc) {
		r.keys = k.rt.uniqueKeys(nil, doc)
	}
}

func fromGroup(g store.SCIMGroup) record {
	return record{
		Meta: g.Meta, name: g.DisplayName, externalID: g.ExternalID, body: g.Body, keys: g.Keys,
		membersVersion: g.MembersVersion, membersUpdated: g.MembersUpdatedAt,
	}
}

func toGroup(r record) store.SCIMGroup {
	return store.SCIMGroup{
		Meta: r.Meta, DisplayName: r.name, ExternalID: r.externalID, Body: r.body, Keys: r.keys,
		MembersVersion: r.membersVersion, MembersUpdatedAt: r.membersUpdated,
	}
}

func (groups) get(ctx context.Context, st store.Store, tenant, id string) (record, error) {
	g, err := st.SCIMGroup(ctx, tenant, id)
	return fromGroup(g), err
}

func (groups) page(ctx context.Context, st store.Store, tenant string, q store.Query) (store.Page[record], error) {
	p, err := st.SCIMGroups(ctx, tenant, q)
	return pageOf(p, err, fromGroup)
}

func (groups) count(ctx context.Context, st store.Store, tenant string, f store.Expr) (int, bool, error) {
	c, ok := st.(store.SCIMCounter)
	if !ok {
		return 0, false, nil
	}
	return counted(c.CountSCIMGroups(ctx, tenant, f))
}

func (k groups) create(ctx context.Context, st store.Store, tenant string, r record, m []store.Member, e ...store.Event) (record, error) {
	g, err := st.CreateSCIMGroup(ctx, tenant, toGroup(r), m, e...)
	return fromGroup(g), k.rt.taken(err, r, "")
}

func (k groups) update(ctx context.Context, st store.Store, tenant string, r record, e ...store.Event) (record, error) {
	g, err := st.UpdateSCIMGroup(ctx, tenant, toGroup(r), e...)
	return fromGroup(g), k.rt.taken(err, r, "")
}

func (groups) delete(ctx context.Context, st store.Store, tenant, id string, version int64, e ...store.Event) error {
	return st.DeleteSCIMGroup(ctx, tenant, id, version, e...)
}

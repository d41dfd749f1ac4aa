package storetest

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

var connections = kind[store.Connection]{
	name: "connection",
	fresh: func(p *probe) store.Connection {
		c := filled[store.Connection](p)
		c.Meta, c.State = p.meta(), store.ConnectionSubmitted
		return c
	},
	bare: func(p *probe) store.Connection {
		return store.Connection{Meta: store.Meta{ID: p.newID()}, State: store.ConnectionDraft}
	},
	meta: func(c *store.Connection) *store.Meta { return &c.Meta },
	get: func(st store.Store, ctx context.Context, tenantID string, c store.Connection) (store.Connection, error) {
		return st.Connection(ctx, tenantID, c.ID)
	},
	list:   store.Store.Connections,
	create: store.Store.CreateConnection,
	update: store.Store.UpdateConnection,
	remove: store.Store.DeleteConnection,
}

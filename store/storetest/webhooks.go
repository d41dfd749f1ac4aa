package storetest

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

var webhooks = kind[store.Webhook]{
	name: "webhook",
	fresh: func(p *probe) store.Webhook {
		w := filled[store.Webhook](p)
		w.Meta = p.meta()
		return w
	},
	bare: func(p *probe) store.Webhook { return store.Webhook{Meta: store.Meta{ID: p.newID()}} },
	meta: func(w *store.Webhook) *store.Meta { return &w.Meta },
	get: func(st store.Store, ctx context.Context, tenantID string, w store.Webhook) (store.Webhook, error) {
		return hooks(st).Webhook(ctx, tenantID, w.ID)
	},
	list: func(st store.Store, ctx context.Context, tenantID string) ([]store.Webhook, error) {
		return hooks(st).Webhooks(ctx, tenantID)
	},
	create: func(st store.Store, ctx context.Context, tenantID string, w store.Webhook, events ...store.Event) (store.Webhook, error) {
		return hooks(st).CreateWebhook(ctx, tenantID, w, events...)
	},
	update: func(st store.Store, ctx context.Context, tenantID string, w store.Webhook, events ...store.Event) (store.Webhook, error) {
		return hooks(st).UpdateWebhook(ctx, tenantID, w, events...)
	},
	remove: func(st store.Store, ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
		return hooks(st).DeleteWebhook(ctx, tenantID, id, version, events...)
	},
	needs: keepsWebhooks,
}

func keepsWebhooks(st store.Store) bool {
	_, ok := st.(store.WebhookStore)
	return ok
}

func hooks(st store.Store) store.WebhookStore { return st.(store.WebhookStore) }

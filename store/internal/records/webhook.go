package records

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

var webhooks = codec[store.Webhook]{
	kind: string(store.KindWebhook),
	meta: func(w *store.Webhook) *store.Meta { return &w.Meta },
}

// Webhook implements store.WebhookStore.
func (s Setup) Webhook(ctx context.Context, tenantID, id string) (store.Webhook, error) {
	return webhooks.get(ctx, s.backend, tenantID, id)
}

// Webhooks implements store.WebhookStore.
func (s Setup) Webhooks(ctx context.Context, tenantID string) ([]store.Webhook, error) {
	return webhooks.decodeAll(s.backend.Rows(ctx, tenantID, webhooks.kind, "", 0))
}

// CreateWebhook implements store.WebhookStore.
func (s Setup) CreateWebhook(ctx context.Context, tenantID string, w store.Webhook, events ...store.Event) (store.Webhook, error) {
	return webhooks.create(ctx, s.backend, tenantID, w, events)
}

// UpdateWebhook implements store.WebhookStore.
func (s Setup) UpdateWebhook(ctx context.Context, tenantID string, w store.Webhook, events ...store.Event) (store.Webhook, error) {
	return webhooks.update(ctx, s.backend, tenantID, w, events)
}

// DeleteWebhook implements store.WebhookStore.
func (s Setup) DeleteWebhook(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, webhooks.kind, id, version, events)
}

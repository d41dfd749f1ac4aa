package records

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

var setupLinks = codec[store.SetupLink]{
	kind: kindSetupLink,
	meta: func(l *store.SetupLink) *store.Meta { return &l.Meta },
	used: func(l *store.SetupLink) *time.Time { return &l.LastUsedAt },
	unique: func(l *store.SetupLink) []Unique {
		keys := []Unique{keyHash(l.Hash)}
		if len(l.BrowserHash) > 0 {
			keys = append(keys, browserHash(l.BrowserHash))
		}
		return keys
	},
}

func browserHash(hash []byte) Unique {
	return Unique{Name: "browser", Value: hex.EncodeToString(hash)}
}

// SetupLink implements store.SetupLinkStore.
func (s Setup) SetupLink(ctx context.Context, tenantID, id string) (store.SetupLink, error) {
	return setupLinks.get(ctx, s.backend, tenantID, id)
}

// SetupLinkByHash implements store.SetupLinkStore.
func (s Setup) SetupLinkByHash(ctx context.Context, tenantID string, hash []byte) (store.SetupLink, error) {
	return setupLinks.by(ctx, s.backend, tenantID, keyHash(hash))
}

// SetupLinkByBrowser implements store.SetupLinkStore.
func (s Setup) SetupLinkByBrowser(ctx context.Context, tenantID string, hash []byte) (store.SetupLink, error) {
	return setupLinks.by(ctx, s.backend, tenantID, browserHash(hash))
}

// SetupLinks implements store.SetupLinkStore.
func (s Setup) SetupLinks(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SetupLink], error) {
	return page(ctx, s.backend, setupLinks, tenantID, q)
}

// CreateSetupLink implements store.SetupLinkStore.
func (s Setup) CreateSetupLink(ctx context.Context, tenantID string, l store.SetupLink, events ...store.Event) (store.SetupLink, error) {
	return setupLinks.create(ctx, s.backend, tenantID, l, events)
}

// UpdateSetupLink implements store.SetupLinkStore.
func (s Setup) UpdateSetupLink(ctx context.Context, tenantID string, l store.SetupLink, events ...store.Event) (store.SetupLink, error) {
	if _, err := setupLinks.update(ctx, s.backend, tenantID, l, events); err != nil {
		return store.SetupLink{}, err
	}
	return s.SetupLink(ctx, tenantID, l.ID)
}

// MarkSetupLinkUsed implements store.SetupLinkStore.
func (s Setup) MarkSetupLinkUsed(ctx context.Context, tenantID, id string, at time.Time) error {
	return s.backend.TouchRow(ctx, tenantID, kindSetupLink, id, store.Time(at))
}

// DeleteSetupLink implements store.SetupLinkStore.
func (s Setup) DeleteSetupLink(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, kindSetupLink, id, version, events)
}

// TenantsWithSetupLinks implements store.SetupLinkStore.
func (s Setup) TenantsWithSetupLinks(ctx context.Context, after string, limit int) ([]string, error) {
	return s.backend.TenantsWith(ctx, kindSetupLink, after, store.Query{Limit: limit}.ClampLimit())
}

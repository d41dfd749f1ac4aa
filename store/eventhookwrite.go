package store

import "context"

// The writes that append events, each told to the hook.

// CreateAPIKey implements APIKeyStore.
func (h *hooked) CreateAPIKey(ctx context.Context, tenantID string, k APIKey, events ...Event) (APIKey, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (APIKey, error) {
		return tx.CreateAPIKey(ctx, tenantID, k, events...)
	})
}

// UpdateAPIKey implements APIKeyStore.
func (h *hooked) UpdateAPIKey(ctx context.Context, tenantID string, k APIKey, events ...Event) (APIKey, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (APIKey, error) {
		return tx.UpdateAPIKey(ctx, tenantID, k, events...)
	})
}

// CreateConnection implements ConnectionStore.
func (h *hooked) CreateConnection(ctx context.Context, tenantID string, c Connection, events ...Event) (Connection, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Connection, error) {
		return tx.CreateConnection(ctx, tenantID, c, events...)
	})
}

// UpdateConnection implements ConnectionStore.
func (h *hooked) UpdateConnection(ctx context.Context, tenantID string, c Connection, events ...Event) (Connection, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Connection, error) {
		return tx.UpdateConnection(ctx, tenantID, c, events...)
	})
}

// DeleteConnection implements ConnectionStore.
func (h *hooked) DeleteConnection(ctx context.Context, tenantID, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.DeleteConnection(ctx, tenantID, id, version, events...) })
}

// CreateDirectory implements DirectoryStore.
func (h *hooked) CreateDirectory(ctx context.Context, tenantID string, d Directory, events ...Event) (Directory, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Directory, error) {
		return tx.CreateDirectory(ctx, tenantID, d, events...)
	})
}

// UpdateDirectory implements DirectoryStore.
func (h *hooked) UpdateDirectory(ctx context.Context, tenantID string, d Directory, events ...Event) (Directory, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Directory, error) {
		return tx.UpdateDirectory(ctx, tenantID, d, events...)
	})
}

// DeleteDirectory implements DirectoryStore.
func (h *hooked) DeleteDirectory(ctx context.Context, tenantID, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.DeleteDirectory(ctx, tenantID, id, version, events...) })
}

// CreateDomain implements DomainStore.
func (h *hooked) CreateDomain(ctx context.Context, tenantID string, d Domain, events ...Event) (Domain, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Domain, error) {
		return tx.CreateDomain(ctx, tenantID, d, events...)
	})
}

// UpdateDomain implements DomainStore.
func (h *hooked) UpdateDomain(ctx context.Context, tenantID string, d Domain, events ...Event) (Domain, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Domain, error) {
		return tx.UpdateDomain(ctx, tenantID, d, events...)
	})
}

// DeleteDomain implements DomainStore.
func (h *hooked) DeleteDomain(ctx context.Context, tenantID, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.DeleteDomain(ctx, tenantID, id, version, events...) })
}

// UpdateSCIMGroup implements SCIMGroupStore.
func (h *hooked) UpdateSCIMGroup(ctx context.Context, tenantID string, g SCIMGroup, events ...Event) (SCIMGroup, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (SCIMGroup, error) {
		return tx.UpdateSCIMGroup(ctx, tenantID, g, events...)
	})
}

// DeleteSCIMGroup implements SCIMGroupStore.
func (h *hooked) DeleteSCIMGroup(ctx context.Context, tenantID, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.DeleteSCIMGroup(ctx, tenantID, id, version, events...) })
}

// CreateIdentity implements IdentityStore.
func (h *hooked) CreateIdentity(ctx context.Context, tenantID string, i Identity, events ...Event) (Identity, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Identity, error) {
		return tx.CreateIdentity(ctx, tenantID, i, events...)
	})
}

// UpdateIdentity implements IdentityStore.
func (h *hooked) UpdateIdentity(ctx context.Context, tenantID string, i Identity, events ...Event) (Identity, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Identity, error) {
		return tx.UpdateIdentity(ctx, tenantID, i, events...)
	})
}

// DeleteIdentity implements IdentityStore.
func (h *hooked) DeleteIdentity(ctx context.Context, tenantID, id string, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.DeleteIdentity(ctx, tenantID, id, events...) })
}

// DeleteIdentitiesOfConnection implements IdentityStore.
func (h *hooked) DeleteIdentitiesOfConnection(ctx context.Context, tenantID, connectionID string, events ...Event) (int, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (int, error) {
		return tx.DeleteIdentitiesOfConnection(ctx, tenantID, connectionID, events...)
	})
}

// CreateAccount implements AccountStore.
func (h *hooked) CreateAccount(ctx context.Context, tenantID string, a Account, events ...Event) (Account, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Account, error) {
		return tx.CreateAccount(ctx, tenantID, a, events...)
	})
}

// UpdateAccount implements AccountStore.
func (h *hooked) UpdateAccount(ctx context.Context, tenantID string, a Account, events ...Event) (Account, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Account, error) {
		return tx.UpdateAccount(ctx, tenantID, a, events...)
	})
}

// DeleteAccount implements AccountStore.
func (h *hooked) DeleteAccount(ctx context.Context, tenantID, accountID string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.DeleteAccount(ctx, tenantID, accountID, version, events...) })
}

// AppendEvents implements Journal.
func (h *hooked) AppendEvents(ctx context.Context, tenantID string, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.AppendEvents(ctx, tenantID, events...) })
}

// PutLifecycle implements LifecycleStore.
func (h *hooked) PutLifecycle(ctx context.Context, tenantID string, l Lifecycle, events ...Event) (Lifecycle, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (Lifecycle, error) {
		return tx.PutLifecycle(ctx, tenantID, l, events...)
	})
}

// PutProvisioningSettings implements ProvisioningStore.
func (h *hooked) PutProvisioningSettings(ctx context.Context, tenantID string, s ProvisioningSettings, events ...Event) (ProvisioningSettings, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (ProvisioningSettings, error) {
		return tx.PutProvisioningSettings(ctx, tenantID, s, events...)
	})
}

// ChangeGrants implements ProvisioningStore.
func (h *hooked) ChangeGrants(ctx context.Context, tenantID string, put []Grant, remove []GrantKey, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.ChangeGrants(ctx, tenantID, put, remove, events...) })
}

// CreateSCIMResource implements SCIMResourceStore.
func (h *hookedOptional) CreateSCIMResource(ctx context.Context, tenantID string, r SCIMResource, events ...Event) (SCIMResource, error) {
	return written(ctx, h.hooked, tenantID, events, func(tx Store) (SCIMResource, error) {
		in, ok := tx.(SCIMResourceStore)
		if !ok {
			return SCIMResource{}, errNoOptional
		}
		return in.CreateSCIMResource(ctx, tenantID, r, events...)
	})
}

// UpdateSCIMResource implements SCIMResourceStore.
func (h *hookedOptional) UpdateSCIMResource(ctx context.Context, tenantID string, r SCIMResource, events ...Event) (SCIMResource, error) {
	return written(ctx, h.hooked, tenantID, events, func(tx Store) (SCIMResource, error) {
		in, ok := tx.(SCIMResourceStore)
		if !ok {
			return SCIMResource{}, errNoOptional
		}
		return in.UpdateSCIMResource(ctx, tenantID, r, events...)
	})
}

// DeleteSCIMResource implements SCIMResourceStore.
func (h *hookedOptional) DeleteSCIMResource(ctx context.Context, tenantID, typ, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error {
		in, ok := tx.(SCIMResourceStore)
		if !ok {
			return errNoOptional
		}
		return in.DeleteSCIMResource(ctx, tenantID, typ, id, version, events...)
	})
}

// CreateSetupLink implements SetupLinkStore.
func (h *hookedOptional) CreateSetupLink(ctx context.Context, tenantID string, l SetupLink, events ...Event) (SetupLink, error) {
	return written(ctx, h.hooked, tenantID, events, func(tx Store) (SetupLink, error) {
		in, ok := tx.(SetupLinkStore)
		if !ok {
			return SetupLink{}, errNoOptional
		}
		return in.CreateSetupLink(ctx, tenantID, l, events...)
	})
}

// UpdateSetupLink implements SetupLinkStore.
func (h *hookedOptional) UpdateSetupLink(ctx context.Context, tenantID string, l SetupLink, events ...Event) (SetupLink, error) {
	return written(ctx, h.hooked, tenantID, events, func(tx Store) (SetupLink, error) {
		in, ok := tx.(SetupLinkStore)
		if !ok {
			return SetupLink{}, errNoOptional
		}
		return in.UpdateSetupLink(ctx, tenantID, l, events...)
	})
}

// DeleteSetupLink implements SetupLinkStore.
func (h *hookedOptional) DeleteSetupLink(ctx context.Context, tenantID, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error {
		in, ok := tx.(SetupLinkStore)
		if !ok {
			return errNoOptional
		}
		return in.DeleteSetupLink(ctx, tenantID, id, version, events...)
	})
}

// CreateSCIMUser implements SCIMUserStore.
func (h *hooked) CreateSCIMUser(ctx context.Context, tenantID string, u SCIMUser, events ...Event) (SCIMUser, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (SCIMUser, error) {
		return tx.CreateSCIMUser(ctx, tenantID, u, events...)
	})
}

// UpdateSCIMUser implements SCIMUserStore.
func (h *hooked) UpdateSCIMUser(ctx context.Context, tenantID string, u SCIMUser, events ...Event) (SCIMUser, error) {
	return written(ctx, h, tenantID, events, func(tx Store) (SCIMUser, error) {
		return tx.UpdateSCIMUser(ctx, tenantID, u, events...)
	})
}

// DeleteSCIMUser implements SCIMUserStore.
func (h *hooked) DeleteSCIMUser(ctx context.Context, tenantID, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error { return tx.DeleteSCIMUser(ctx, tenantID, id, version, events...) })
}

// CreateWebhook implements WebhookStore.
func (h *hookedOptional) CreateWebhook(ctx context.Context, tenantID string, w Webhook, events ...Event) (Webhook, error) {
	return written(ctx, h.hooked, tenantID, events, func(tx Store) (Webhook, error) {
		in, ok := tx.(WebhookStore)
		if !ok {
			return Webhook{}, errNoOptional
		}
		return in.CreateWebhook(ctx, tenantID, w, events...)
	})
}

// UpdateWebhook implements WebhookStore.
func (h *hookedOptional) UpdateWebhook(ctx context.Context, tenantID string, w Webhook, events ...Event) (Webhook, error) {
	return written(ctx, h.hooked, tenantID, events, func(tx Store) (Webhook, error) {
		in, ok := tx.(WebhookStore)
		if !ok {
			return Webhook{}, errNoOptional
		}
		return in.UpdateWebhook(ctx, tenantID, w, events...)
	})
}

// DeleteWebhook implements WebhookStore.
func (h *hookedOptional) DeleteWebhook(ctx context.Context, tenantID, id string, version int64, events ...Event) error {
	return h.did(ctx, tenantID, events, func(tx Store) error {
		in, ok := tx.(WebhookStore)
		if !ok {
			return errNoOptional
		}
		return in.DeleteWebhook(ctx, tenantID, id, version, events...)
	})
}

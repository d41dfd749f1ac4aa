package oidc

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// connectionForDomain is home realm discovery by the tenant package's rule: which active connection signs in the
// people of an e-mail domain.
func (h *Handler) connectionForDomain(ctx context.Context, domain string) (store.Connection, error) {
	realm, err := tenant.FindRealm(ctx, h.cfg.Store, domain)
	if err != nil {
		return store.Connection{}, err
	}
	return h.activeConnection(ctx, realm.TenantID, realm.ConnectionID)
}

// activeConnection reads a connection; one that is not active is not found.
func (h *Handler) activeConnection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	c, err := h.cfg.Store.Connection(ctx, tenantID, id)
	if err != nil {
		return store.Connection{}, err
	}
	if c.State != store.ConnectionActive {
		return store.Connection{}, store.ErrNotFound
	}
	c.TenantID = tenantID
	return c, nil
}

// connectionForIssuer finds the connection of a third-party-initiated login. Customers of one provider may share an
// issuer; the hint's domain tells them apart.
func (h *Handler) connectionForIssuer(ctx context.Context, issuer, hint string) (store.Connection, error) {
	refs, err := h.cfg.Store.ConnectionsByIssuer(ctx, issuer)
	if err != nil {
		return store.Connection{}, err
	}
	if len(refs) == 1 {
		return h.activeConnection(ctx, refs[0].TenantID, refs[0].ID)
	}
	if addr, ok := parseAddress(hint); ok && len(refs) > 1 {
		c, err := h.connectionForDomain(ctx, addr.domain)
		if err == nil && c.Issuer == issuer {
			return c, nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return store.Connection{}, err
		}
	}
	return store.Connection{}, store.ErrNotFound
}

package oidc

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// connectionsForDomain is home realm discovery by the tenant package's rule: which active connections sign in the
// people of an e-mail domain, the first choice first. The store is asked each time: what was remembered could send people
// to a connection that was suspended.
func (h *Handler) connectionsForDomain(ctx context.Context, domain string) ([]store.Connection, error) {
	return tenant.FindConnections(ctx, h.cfg.Store, domain)
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

// errSharedIssuer says that several customers share an issuer and nothing tells which of them is meant.
var errSharedIssuer = errors.New("oidc: several customers share the issuer")

// connectionsForIssuer finds the connections of a third-party-initiated login. Customers of one provider may share an
// issuer; the hint's domain tells them apart. Where it does not, only the connections of one tenant are told: who else
// is a customer is nobody's business.
func (h *Handler) connectionsForIssuer(ctx context.Context, issuer, hint string) ([]store.Connection, error) {
	refs, err := h.cfg.Store.ConnectionsByIssuer(ctx, issuer)
	if err != nil {
		return nil, err
	}
	if addr, ok := parseAddress(hint); ok && len(refs) > 1 {
		found, err := h.connectionsForDomain(ctx, addr.domain)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(c store.Connection) bool { return c.Issuer != issuer })
		if len(found) > 0 {
			return found, nil
		}
	}
	if len(refs) == 0 {
		return nil, store.ErrNotFound
	}
	if len(refs) > tenant.MaxDomainConnections || refs[0].TenantID != refs[len(refs)-1].TenantID {
		return nil, errSharedIssuer
	}
	var found []store.Connection
	for _, ref := range refs {
		c, err := h.activeConnection(ctx, ref.TenantID, ref.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil, store.ErrNotFound
	}
	return found, nil
}

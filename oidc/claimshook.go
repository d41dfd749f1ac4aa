package oidc

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// ClaimsHook hears what a provider says about groups and roles of somebody who signs in. It is what
// provisioning.Engine does, which maps them to the host's teams and roles by the tenant's rules: an
// engine can be Config.Claims as it is.
type ClaimsHook interface {
	// OnClaims runs at each sign-in that passed all checks, in its transaction and before OnLogin, with
	// the host's account. claim returns the JSON of a claim of the verified ID token by its exact name,
	// or, where the token has none, of userinfo (see Config.AlwaysUserinfo); ok is false if neither has
	// it. What it returns is not to be changed, nor kept.
	//
	// It cannot fail a sign-in: it deals with its own errors. committed, if it is not nil, is called
	// once the transaction has committed; it must not block. OnClaims may be called more than once for
	// one sign-in when the database asks for a retry. It is not called at tests and by Handler.Refresh.
	OnClaims(ctx context.Context, tx store.Store, tenantID, connectionID, accountID string, claim func(name string) (value []byte, ok bool)) (committed func())
}

// hearClaims calls the host's hook, if it has one.
func (h *Handler) hearClaims(ctx context.Context, tx store.Store, l Login) (committed func()) {
	if h.cfg.Claims == nil {
		return nil
	}
	return h.cfg.Claims.OnClaims(ctx, tx, l.TenantID, l.ConnectionID, l.Account.ID, func(name string) ([]byte, bool) {
		for _, doc := range []object{l.claims, l.userinfo} {
			if doc.has(name) {
				return doc.get(name), true
			}
		}
		return nil, false
	})
}

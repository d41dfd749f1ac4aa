package oidc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// UnlinkIdentity takes one of an account's identities away, by its ID in the store, in a transaction of its own; see
// [Unlink]. That by may do this ([tenant.ActionManageUsers]) is for the caller to decide.
//
// The error matches store.ErrNotFound if the account of this tenant has no such identity, or has it no more.
func (h *Handler) UnlinkIdentity(ctx context.Context, by tenant.Actor, tenantID, accountID, identityID string) error {
	return h.cfg.Store.InTx(ctx, func(tx store.Store) error {
		all, err := tx.IdentitiesOf(ctx, tenantID, accountID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(i store.Identity) bool { return i.ID == identityID })
		if i < 0 {
			return fmt.Errorf("oidc: the account has no such identity: %w", store.ErrNotFound)
		}
		return Unlink(ctx, tx, by, all[i], h.cfg.Now())
	})
}

// EndSessions ends all that an account is signed in with at a tenant, a password's sessions included, now
// ([ReasonByHand]), and tells the journal. Whoever may sign in can do so again at once. That by may do this
// ([tenant.ActionManageUsers]) is for the caller to decide.
//
// The error matches store.ErrNotFound if the tenant has no such account, and [errors.ErrUnsupported] without Config.Sessions.
func (h *Handler) EndSessions(ctx context.Context, by tenant.Actor, tenantID, accountID string) error {
	if h.cfg.Sessions == nil {
		return fmt.Errorf("oidc: Config.Sessions is not set: %w", errors.ErrUnsupported)
	}
	return h.cfg.Store.InTx(ctx, func(tx store.Store) error {
		account, err := h.cfg.Accounts.AccountByID(ctx, tx, tenantID, accountID)
		if err != nil {
			return err
		}
		if !account.Member {
			return fmt.Errorf("oidc: the tenant has no such account: %w", store.ErrNotFound)
		}
		r := Revocation{TenantID: tenantID, AccountID: accountID, Reason: ReasonByHand}
		if err := h.cfg.Sessions.RevokeSessions(ctx, tx, r); err != nil {
			return fmt.Errorf("oidc: the application could not end the sessions: %w", err)
		}
		now, name := store.Time(h.cfg.Now()), by.Name
		if name == "" {
			name = by.Email
		}
		return tx.AppendEvents(ctx, tenantID, store.Event{
			ID: store.NewID(now), Type: EventLogout, At: now, After: asJSON(logoutEventData{Reason: r.Reason}),
			Actor:   store.EventActor{Kind: string(by.Kind), ID: by.ID, Name: name},
			Origin:  by.Origin.Event(),
			Subject: store.EventSubject{Kind: subjectAccount, ID: accountID, Name: account.Email},
			Message: "All sessions of this person were ended by hand.",
		})
	})
}

// EndsSessions says whether [Handler.EndSessions] can do its work: Config.Sessions is set.
func (h *Handler) EndsSessions() bool { return h.cfg.Sessions != nil }

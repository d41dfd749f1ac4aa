package oidc

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Unlink takes the link between an identity and its account away, as an account's owner may want who did not expect
// the first sign-in, and tells the journal, so that a [Revoker] ends the sessions that began with it. The next sign-in
// of that identity is a first one, with its checks. tx is a store or a transaction; identities are those of
// store.IdentityStore.IdentitiesOf. That by may do this is for the caller to decide.
//
// The error matches store.ErrNotFound if the link is gone already.
func Unlink(ctx context.Context, tx store.Store, by tenant.Actor, i store.Identity, now time.Time) error {
	now = store.Time(now)
	after, err := json.Marshal(signInEvent{Connection: i.ConnectionID, Issuer: i.Issuer, Subject: i.Subject, Email: i.Email})
	if err != nil {
		return err
	}
	name := by.Name
	if name == "" {
		name = by.Email
	}
	return tx.DeleteIdentity(ctx, i.TenantID, i.ID, store.Event{
		ID: store.NewID(now), Type: EventUnlinked, At: now, After: after,
		Actor:   store.EventActor{Kind: string(by.Kind), ID: by.ID, Name: name},
		Origin:  by.Origin.Event(),
		Subject: store.EventSubject{Kind: "account", ID: i.AccountID, Name: i.Email},
	})
}

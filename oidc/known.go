package oidc

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// look reads at once what the sign-in of somebody who was here before looks at, and makes sure that the connection is
// still active: it was read before the provider was asked, which takes time.
func (m *matcher) look(ctx context.Context) error {
	q := store.SignInQuery{ConnectionID: m.conn.ID, Issuer: m.who.issuer, Subject: m.who.subject}
	if m.who.hasAddr {
		q.Email = m.who.addr.String()
	}
	found, err := store.FindSignIn(ctx, m.tx, m.conn.TenantID, q)
	switch now := found.Connection; {
	case err != nil:
		return unavailable(CodeInternal, "the set-up could not be read", err)
	case now.State != store.ConnectionActive:
		return denied(CodeConnectionOff, "the connection was switched off while the sign-in was under way")
	case now.Issuer != m.conn.Issuer || now.ClientID != m.conn.ClientID:
		return badRequest(CodeFlowMismatch, "the connection was changed while the sign-in was under way")
	}
	m.known = &known{SignIn: found, email: q.Email}
	return nil
}

// known is what one look at the store said, at the beginning of the transaction. A first sign-in, which writes, and lets
// the host write, reads for itself. What a directory or an owner changes after the look and before the commit is for
// Revoker.signedInMeanwhile, as ever.
type known struct {
	store.SignIn
	email string // that ByEmail is about
}

// identity returns the link of the person.
func (m *matcher) identity(ctx context.Context) (store.Identity, error) {
	if m.known == nil {
		return m.tx.Identity(ctx, m.conn.TenantID, m.conn.ID, m.who.issuer, m.who.subject)
	}
	return orNotFound(m.known.Identity, m.known.Identity.ID)
}

// account returns what is known of an account.
func (m *matcher) account(ctx context.Context, id string) (store.Account, error) {
	if m.known == nil || m.known.Identity.ID == "" || m.known.Identity.AccountID != id {
		return m.tx.Account(ctx, m.conn.TenantID, id)
	}
	return orNotFound(m.known.Account, m.known.Account.ID)
}

// userActive tells whether the provisioned user of an account is active; store.ErrNotFound if there is no such user.
func (m *matcher) userActive(ctx context.Context, id string) (bool, error) {
	if m.known != nil && m.known.Account.SCIMUserID == id {
		return orNotFound(m.known.User.Active, m.known.User.ID)
	}
	u, err := m.tx.SCIMUser(ctx, m.conn.TenantID, id)
	return u.Active, err
}

// inactiveByEmail tells whether the provisioned user with the address, as scimUserOf finds it, is inactive.
func (m *matcher) inactiveByEmail(ctx context.Context, email string) (bool, error) {
	if m.known == nil || m.known.More || m.known.email == "" || m.known.email != email {
		u, found, err := m.scimUser(ctx, email)
		return found && !u.Active, err
	}
	for _, named := range []bool{true, false} {
		inactive := func(u store.SignInUser) bool { return u.Named == named && !u.Active }
		is := func(u store.SignInUser) bool { return u.Named == named }
		if slices.ContainsFunc(m.known.ByEmail, is) {
			return slices.ContainsFunc(m.known.ByEmail, inactive), nil
		}
	}
	return false, nil
}

// signedInAgain is the last write of the sign-in of somebody who was here before.
func (m *matcher) signedInAgain(ctx context.Context, link store.Identity, events []store.Event) func(store.Store) error {
	return func(tx store.Store) error {
		_, err := tx.UpdateIdentity(ctx, m.conn.TenantID, link, events...)
		if errors.Is(err, store.ErrStale) {
			// Another sign-in of the same person was faster; the time of the last one is right either way.
			err = tx.AppendEvents(ctx, m.conn.TenantID, events[0])
		}
		return m.appended(err)
	}
}

func orNotFound[T any](v T, id string) (T, error) {
	if id == "" {
		return v, store.ErrNotFound
	}
	return v, nil
}

package oidc

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// takesOutsider tells whether somebody whom trustEmail refused gets an account all the same.
func (m *matcher) takesOutsider(refused error) bool {
	if m.who.emailClaim != "email" {
		return false // a user name in no domain of the tenant is nobody's address
	}
	return CodeOf(refused) == CodeEmailDomain && m.foreign && m.conn.JustInTime && m.conn.JustInTimeAnyDomain
}

// outsider makes an account for somebody whom the tenant's provider vouches for and whose address is in none of the
// tenant's domains, where the connection says so. Since the provider may assert any address, the address must not reach
// anything that exists: it finds no account, no provisioned user and no domain of another tenant. From then on the person
// is known by (connection, issuer, subject) like everybody.
func (m *matcher) outsider(ctx context.Context) (Account, error) {
	n, err := m.newOutsider(ctx)
	if err != nil {
		return Account{}, err
	}
	acct, err := m.create(ctx, n)
	if err != nil {
		return Account{}, err
	}
	if acct.ID == "" {
		return Account{}, m.hostFailed(errors.New("oidc: Accounts returned an account without ID"))
	}
	if err := m.usable(ctx, acct, n.Email); err != nil {
		return Account{}, err
	}
	m.unproven = true
	return acct, m.link(ctx, acct, n.Email)
}

// checkProven refuses an account that an outsider's sign-in made for the address: the address may have come to be in a
// domain of the tenant since, and its owner must not find himself in an account that somebody else prepared for him.
func (m *matcher) checkProven(ctx context.Context, acct Account) error {
	if acct.ID == "" {
		return nil // refused for that
	}
	record, err := m.tx.Account(ctx, m.conn.TenantID, acct.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return m.storeFailed(err)
	case record.EmailUnproven:
		return denied(CodeAddressTaken, "the account with this e-mail address was made for somebody who never proved it; prove it, or close that account")
	}
	return nil
}

// newOutsider decides whether the address is free. It is the same for a preview.
func (m *matcher) newOutsider(ctx context.Context) (NewAccount, error) {
	email := m.who.addr.String()
	if m.dry { // whoever tests with a provider of their own learns nothing about anybody's address
		return NewAccount{Email: email, Name: m.who.name, EmailUnproven: true}, nil
	}
	taken, err := tenant.HeldByOther(ctx, m.tx, m.conn.TenantID, m.who.addr.domain)
	if err != nil {
		return NewAccount{}, m.storeFailed(err)
	}
	if taken {
		return NewAccount{}, denied(CodeAddressTaken, "the e-mail address is in a domain of another tenant")
	}
	_, err = m.h.cfg.Accounts.AccountByEmail(ctx, m.tx, m.conn.TenantID, email)
	switch {
	case err == nil:
		return NewAccount{}, denied(CodeAddressTaken, "an account has the e-mail address, and one outside the tenant's domains is never matched")
	case !errors.Is(err, store.ErrNotFound):
		return NewAccount{}, m.hostFailed(err)
	}
	provisioned, found, err := m.scimUser(ctx, email)
	switch {
	case err != nil:
		return NewAccount{}, err
	case found && provisioned.Active:
		return NewAccount{}, denied(CodeAddressTaken, "a provisioned user has the e-mail address, and one outside the tenant's domains is never matched")
	case found:
		return NewAccount{}, denied(CodeUserInactive, "the directory deactivated this user")
	}
	return NewAccount{Email: email, Name: m.who.name, EmailUnproven: true}, nil
}

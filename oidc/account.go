package oidc

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// Account is one of the host's accounts, seen from one tenant.
type Account struct {
	// ID is the host's own, stable user ID.
	ID string
	// Email is the account's address.
	Email string
	// Member says that the account belongs to the tenant already. Nobody joins a tenant by signing in.
	Member bool
	// Disabled refuses the sign-in: the host closed the account.
	Disabled bool
}

// Accounts is how sign-in finds the host's accounts. Both methods get the transaction of the sign-in, or outside of one
// ([Handler.SignInMethods], [Handler.Refresh], tests) the store itself, and should read through it where the accounts live
// in the same database.
type Accounts interface {
	// AccountByID returns the account, or an error that matches store.ErrNotFound.
	AccountByID(ctx context.Context, tx store.Store, tenantID, accountID string) (Account, error)

	// AccountByEmail returns the account with this address, compared as the host compares addresses, or an error that
	// matches store.ErrNotFound. The address's domain is in lower case with A-labels. An account that does not belong
	// to the tenant is returned as well, with Member false: it must be refused, not made a second time.
	// An account that was made for an address which nobody proved (NewAccount.EmailUnproven) is found for its own tenant
	// alone: otherwise any tenant could keep the address's owner out of another.
	AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (Account, error)
}

// AccountCreator is an optional interface of [Accounts]: it makes accounts at the first sign-in (just in time) for
// connections that allow it.
type AccountCreator interface {
	// CreateAccount makes an account that belongs to the tenant.
	CreateAccount(ctx context.Context, tx store.Store, tenantID string, n NewAccount) (Account, error)
}

// NewAccount is what is known about somebody who signs in for the first time.
type NewAccount struct {
	Email string
	Name  string // as the provider sent it, may be empty
	// EmailUnproven says that the address is in none of the tenant's domains, at a connection that makes accounts for
	// such people too (JustInTimeAnyDomain): the tenant's provider asserts it, and its owner never proved it to anybody.
	// Send nothing confidential there, link nothing with it, and let it confirm itself before it is good for a password;
	// then clear store.Account.EmailUnproven.
	EmailUnproven bool
	// ConnectionID, Issuer and Subject are what the person is known by from now on.
	ConnectionID, Issuer, Subject string

	claims, userinfo object
}

// Claims decodes the claims of the verified ID token into v, as [Login.Claims] does.
func (n NewAccount) Claims(v any) error { return decodeClaims(n.claims, v) }

// Userinfo decodes the answer of the userinfo endpoint into v, as [Login.Userinfo] does.
func (n NewAccount) Userinfo(v any) error { return decodeClaims(n.userinfo, v) }

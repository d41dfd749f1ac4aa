package store

import (
	"context"
	"errors"
)

// SignInStore is an optional interface of a [Store], of a transaction's as well: what a
// sign-in asks of it in one step each, for databases to which every step is a way there
// and back. [UseAttempt], [FindSignIn] and [InTxThen] use it; without it they do the same
// by the methods of Store.
type SignInStore interface {
	// SignInStoreOf returns the store that these methods work on, which is the receiver, a pointer. A type
	// that embeds a store and has some methods of its own, such as those of users
	// that the host keeps, so does not lend these, which know nothing of them.
	SignInStoreOf() Store

	// UseAttempt puts the token, as PutToken does, and returns the tenant's connection as
	// it is then: the zero Connection if there is none, and the token is put all the
	// same. ErrConflict if the token exists.
	UseAttempt(ctx context.Context, tenantID string, t Token, connectionID string) (Connection, error)

	// FindSignIn returns what the tenant's records say about somebody who signs in. What
	// there is not is zero.
	FindSignIn(ctx context.Context, tenantID string, q SignInQuery) (SignIn, error)

	// InTxThen runs fn as InTx does, and then last, if fn returns one, as the end of
	// the same transaction: an error of either undoes all. Both may run again.
	//
	// last makes the transaction's last write, and one only: a call of a store is
	// atomic by itself, so that no transaction is needed around it where fn wrote
	// nothing. If the call was refused (ErrConflict, ErrStale, ErrNotFound), last may
	// make another in its place. As long as fn has written nothing, it reads as if
	// outside of a transaction.
	InTxThen(ctx context.Context, fn func(tx Store) (last func(tx Store) error, err error)) error
}

// signInStore returns st as a SignInStore if it is one itself.
func signInStore(st Store) (SignInStore, bool) {
	s, ok := st.(SignInStore)
	return s, ok && s.SignInStoreOf() == st
}

// SignInQuery names somebody who signs in.
type SignInQuery struct {
	// ConnectionID, Issuer and Subject are the key of the identity.
	ConnectionID, Issuer, Subject string
	// Email finds provisioned users. Empty finds none.
	Email string
}

// SignIn is what a tenant's records say about somebody who signs in. Records that there
// are not have no ID.
type SignIn struct {
	Connection Connection
	// Identity is the link of the subject, Account what is known of the account that it
	// leads to, and User the provisioned user that this one names.
	Identity Identity
	Account  Account
	User     SignInUser
	// ByEmail are the provisioned users that have the address, in no order. If More is set, there are
	// others too.
	ByEmail []SignInUser
	More    bool
}

// SignInUser is a provisioned user as a sign-in looks at it.
type SignInUser struct {
	ID     string
	Active bool
	// Named says that the address is the user's UserName, compared by [Fold]. Otherwise it
	// is one of the user's e-mail addresses (AttrEmail).
	Named bool
}

// UseAttempt is st's UseAttempt if it is a [SignInStore]. Otherwise the token is put and
// then the connection read.
func UseAttempt(ctx context.Context, st Store, tenantID string, t Token, connectionID string) (Connection, error) {
	if s, ok := signInStore(st); ok {
		return s.UseAttempt(ctx, tenantID, t, connectionID)
	}
	if err := st.PutToken(ctx, tenantID, t); err != nil {
		return Connection{}, err
	}
	return found(st.Connection(ctx, tenantID, connectionID))
}

// FindSignIn is st's FindSignIn if it is a [SignInStore]. Otherwise record after record
// is read.
func FindSignIn(ctx context.Context, st Store, tenantID string, q SignInQuery) (SignIn, error) {
	if s, ok := signInStore(st); ok {
		return s.FindSignIn(ctx, tenantID, q)
	}
	return findSignIn(ctx, st, tenantID, q)
}

func findSignIn(ctx context.Context, st Store, tenantID string, q SignInQuery) (s SignIn, err error) {
	if s.Connection, err = found(st.Connection(ctx, tenantID, q.ConnectionID)); err != nil {
		return SignIn{}, err
	}
	if s.Identity, err = found(st.Identity(ctx, tenantID, q.ConnectionID, q.Issuer, q.Subject)); err != nil {
		return SignIn{}, err
	}
	if s.Identity.ID != "" {
		if s.Account, err = found(st.Account(ctx, tenantID, s.Identity.AccountID)); err != nil {
			return SignIn{}, err
		}
	}
	if s.Account.SCIMUserID != "" {
		u, err := found(st.SCIMUser(ctx, tenantID, s.Account.SCIMUserID))
		if err != nil {
			return SignIn{}, err
		}
		s.User = SignInUser{ID: u.ID, Active: u.Active}
	}
	if q.Email == "" {
		return s, nil
	}
	email := Fold(q.Email)
	for _, filter := range []Compare{{Attr: AttrUserName, Op: Eq, Value: email}, {Attr: AttrEmail, Op: Eq, Value: email}} {
		page, err := st.SCIMUsers(ctx, tenantID, Query{Filter: filter, WithoutBody: true})
		if err != nil {
			return SignIn{}, err
		}
		for _, u := range page.Items {
			if Matches(filter, u.Values) {
				s.ByEmail = append(s.ByEmail, SignInUser{ID: u.ID, Active: u.Active, Named: filter.Attr == AttrUserName})
			}
		}
		s.More = s.More || page.More
	}
	return s, nil
}

// found makes the zero value of ErrNotFound.
func found[T any](v T, err error) (T, error) {
	if err != nil {
		var zero T
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return zero, err
	}
	return v, nil
}

// InTxThen is st's InTxThen if it is a [SignInStore]. Otherwise fn and last run in InTx.
func InTxThen(ctx context.Context, st Store, fn func(tx Store) (last func(tx Store) error, err error)) error {
	if s, ok := signInStore(st); ok {
		return s.InTxThen(ctx, fn)
	}
	return st.InTx(ctx, func(tx Store) error {
		last, err := fn(tx)
		if err != nil || last == nil {
			return err
		}
		return last(tx)
	})
}

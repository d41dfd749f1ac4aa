package sqlite

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// oneByOne is a store without store.SignInStore: to a file, several statements are no slower than one.
type oneByOne struct{ store.Store }

// SignInStoreOf implements store.SignInStore.
func (s *Store) SignInStoreOf() store.Store { return s }

// UseAttempt implements store.SignInStore.
func (s *Store) UseAttempt(ctx context.Context, tenantID string, t store.Token, connectionID string) (store.Connection, error) {
	return store.UseAttempt(ctx, oneByOne{s}, tenantID, t, connectionID)
}

// FindSignIn implements store.SignInStore.
func (s *Store) FindSignIn(ctx context.Context, tenantID string, q store.SignInQuery) (store.SignIn, error) {
	return store.FindSignIn(ctx, oneByOne{s}, tenantID, q)
}

// InTxThen implements store.SignInStore.
func (s *Store) InTxThen(ctx context.Context, fn func(tx store.Store) (last func(tx store.Store) error, err error)) error {
	return s.db.TransactThen(ctx, func(db *sqlstore.DB) (func(*sqlstore.DB) error, error) {
		last, err := fn(on(db))
		if err != nil || last == nil {
			return nil, err
		}
		return func(db *sqlstore.DB) error { return last(on(db)) }, nil
	})
}

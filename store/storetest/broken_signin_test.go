package storetest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// signs is a store.SignInStore that goes one by one. The broken stores of this file are about sign-ins.
type signs struct{ store.Store }

func newSigns(st store.Store) *signs { return &signs{Store: storetest.Bare(st)} }

func (s *signs) SignInStoreOf() store.Store { return s }

func (s *signs) InTx(c ctx, fn func(store.Store) error) error {
	return s.Store.InTx(c, func(tx store.Store) error { return fn(newSigns(tx)) })
}

func (s *signs) UseAttempt(c ctx, tenant string, t store.Token, connection string) (store.Connection, error) {
	return store.UseAttempt(c, s.Store, tenant, t, connection)
}

func (s *signs) FindSignIn(c ctx, tenant string, q store.SignInQuery) (store.SignIn, error) {
	return store.FindSignIn(c, s.Store, tenant, q)
}

func (s *signs) InTxThen(c ctx, fn func(store.Store) (func(store.Store) error, error)) error {
	return store.InTxThen(c, s.Store, func(tx store.Store) (func(store.Store) error, error) { return fn(newSigns(tx)) })
}

func TestSignInStoreOneByOne(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return newSigns(memory.New()) })
}

// hostUsers keeps one thing of its own and embeds a store for the rest.
type hostUsers struct {
	*signs
	asked int
}

func (s *hostUsers) Account(context.Context, string, string) (store.Account, error) {
	s.asked++
	return store.Account{Meta: store.Meta{ID: "of the host"}}, nil
}

// TestEmbeddedSignInStore: what a host's store embeds does not answer in its place.
func TestEmbeddedSignInStore(t *testing.T) {
	st := &hostUsers{signs: newSigns(memory.New())}
	at := time.Now()
	_, err := st.CreateIdentity(t.Context(), "acme", store.Identity{
		Meta: store.Meta{ID: "i", CreatedAt: at, UpdatedAt: at}, ConnectionID: "c", Issuer: "https://idp.example", Subject: "s", AccountID: "a",
	})
	require.NoError(t, err)
	found, err := store.FindSignIn(t.Context(), st, "acme", store.SignInQuery{ConnectionID: "c", Issuer: "https://idp.example", Subject: "s"})
	require.NoError(t, err)
	require.Equal(t, "of the host", found.Account.ID)
	require.Equal(t, 1, st.asked)
}

type forgetsAttempt struct{ signs }

func (s *forgetsAttempt) SignInStoreOf() store.Store { return s }

func (s *forgetsAttempt) UseAttempt(c ctx, tenant string, _ store.Token, connection string) (store.Connection, error) {
	conn, _ := s.Connection(c, tenant, connection)
	return conn, nil
}

type looksForAttempt struct{ signs }

func (s *looksForAttempt) SignInStoreOf() store.Store { return s }

func (s *looksForAttempt) UseAttempt(c ctx, tenant string, t store.Token, connection string) (store.Connection, error) {
	_, err := s.TakeToken(c, tenant, t.Kind, t.Key, time.Time{})
	yield()
	_ = s.PutToken(c, tenant, t)
	if err == nil {
		return store.Connection{}, store.ErrConflict
	}
	return s.Connection(c, tenant, connection)
}

type allActive struct{ signs }

func (s *allActive) SignInStoreOf() store.Store { return s }

func (s *allActive) FindSignIn(c ctx, tenant string, q store.SignInQuery) (store.SignIn, error) {
	found, err := s.signs.FindSignIn(c, tenant, q)
	found.User.Active = found.User.ID != ""
	return found, err
}

type byNameAlone struct{ signs }

func (s *byNameAlone) SignInStoreOf() store.Store { return s }

func (s *byNameAlone) FindSignIn(c ctx, tenant string, q store.SignInQuery) (store.SignIn, error) {
	found, err := s.signs.FindSignIn(c, tenant, q)
	var named []store.SignInUser
	for _, u := range found.ByEmail {
		if u.Named {
			named = append(named, u)
		}
	}
	found.ByEmail = named
	return found, err
}

type lastOutside struct{ signs }

func (s *lastOutside) SignInStoreOf() store.Store { return s }

func (s *lastOutside) InTxThen(c ctx, fn func(store.Store) (func(store.Store) error, error)) error {
	var last func(store.Store) error
	err := s.InTx(c, func(tx store.Store) (err error) {
		last, err = fn(tx)
		return err
	})
	if err != nil || last == nil {
		return err
	}
	return last(s)
}

// foreignSignIn knows a link wherever it is.
type foreignSignIn struct{ signs }

func (s *foreignSignIn) SignInStoreOf() store.Store { return s }

func (s *foreignSignIn) FindSignIn(c ctx, tenant string, q store.SignInQuery) (store.SignIn, error) {
	found, err := s.signs.FindSignIn(c, tenant, q)
	for after := ""; err == nil && found.Identity.ID == ""; {
		tenants, listErr := s.Tenants(c, after, 1)
		if listErr != nil || len(tenants) == 0 {
			return found, listErr
		}
		after = tenants[0]
		found, err = s.signs.FindSignIn(c, after, q)
	}
	return found, err
}

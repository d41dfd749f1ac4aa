package oidc

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// lookStore counts the looks outside of a transaction and in one, and can fail them or run a transaction twice.
type lookStore struct {
	*memory.Store
	outside, inside int
	failOutside     error
	again           func() // called between two runs of one transaction
}

func (s *lookStore) SignInStoreOf() store.Store { return s }

func (s *lookStore) FindSignIn(ctx context.Context, tenantID string, q store.SignInQuery) (store.SignIn, error) {
	s.outside++
	if s.failOutside != nil {
		return store.SignIn{}, s.failOutside
	}
	return s.Store.FindSignIn(ctx, tenantID, q)
}

// lookTx is the store within a transaction.
type lookTx struct {
	store.Store
	of *lookStore
}

func (tx lookTx) SignInStoreOf() store.Store { return tx }

func (tx lookTx) UseAttempt(ctx context.Context, tenantID string, t store.Token, id string) (store.Connection, error) {
	return store.UseAttempt(ctx, tx.Store, tenantID, t, id)
}

func (tx lookTx) FindSignIn(ctx context.Context, tenantID string, q store.SignInQuery) (store.SignIn, error) {
	tx.of.inside++
	return store.FindSignIn(ctx, tx.Store, tenantID, q)
}

func (tx lookTx) InTxThen(ctx context.Context, fn func(store.Store) (func(store.Store) error, error)) error {
	return store.InTxThen(ctx, tx.Store, fn)
}

func (s *lookStore) InTxThen(ctx context.Context, fn func(store.Store) (func(store.Store) error, error)) error {
	run := func(tx store.Store) (func(store.Store) error, error) { return fn(lookTx{tx, s}) }
	if s.again != nil {
		begun := errors.New("somebody was faster")
		if err := s.Store.InTxThen(ctx, func(tx store.Store) (func(store.Store) error, error) {
			if _, err := run(tx); err != nil {
				return nil, err
			}
			return nil, begun
		}); !errors.Is(err, begun) {
			return err
		}
		s.again()
	}
	return s.Store.InTxThen(ctx, run)
}

// looking is a host on a lookStore, with somebody who has signed in once.
func looking(t *testing.T) (*app, *lookStore, *oidctest.Server, store.Connection) {
	t.Helper()
	st, idp := &lookStore{Store: memory.New()}, oidctest.NewServer(t)
	a := newApp(t, func(cfg *Config) { cfg.Store = st })
	a.store = st
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	st.outside, st.inside = 0, 0
	return a, st, idp, c
}

func TestLookWhileTheSignatureIsChecked(t *testing.T) {
	t.Run("once", func(t *testing.T) {
		a, st, _, _ := looking(t)
		require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
		require.Equal(t, [2]int{1, 0}, [2]int{st.outside, st.inside})
		require.Equal(t, 2, a.loginCount())
	})
	t.Run("a token with a wrong signature leads nowhere", func(t *testing.T) {
		a, st, idp, _ := looking(t)
		before := len(a.events("acme", EventSignIn))
		for _, m := range oidctest.Misbehaviours() {
			if m.Name == "oidcc-client-test-invalid-sig-rs256" {
				idp.SetFaults(m.Faults)
			}
		}
		p := a.signIn(oidctest.DefaultEmail)
		require.Equal(t, 403, p.status)
		require.Contains(t, p.body, CodeTokenInvalid)
		require.Equal(t, 1, a.loginCount())
		require.Len(t, a.events("acme", EventSignIn), before)
		require.Equal(t, [2]int{1, 0}, [2]int{st.outside, st.inside})
	})
	t.Run("what failed is read again", func(t *testing.T) {
		a, st, _, _ := looking(t)
		st.failOutside = errors.New("the link is down")
		require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
		require.Equal(t, [2]int{1, 1}, [2]int{st.outside, st.inside})
	})
	t.Run("a transaction that runs again reads what is then", func(t *testing.T) {
		a, st, _, c := looking(t)
		st.again = func() {
			c.State = store.ConnectionSuspended
			_, err := a.store.UpdateConnection(t.Context(), "acme", c)
			require.NoError(t, err)
		}
		p := a.signIn(oidctest.DefaultEmail)
		require.Equal(t, 403, p.status)
		require.Contains(t, p.body, CodeConnectionOff)
		require.Equal(t, [2]int{1, 1}, [2]int{st.outside, st.inside})
	})
	t.Run("a panic costs one sign-in", func(t *testing.T) {
		a, _, _, c := looking(t)
		known, err := a.handler.lookMeanwhile(t.Context(), c, person{issuer: c.Issuer, subject: "s"}, func() error { panic("a key of a kind that nobody knows") })
		require.Nil(t, known)
		require.Equal(t, CodeInternal, CodeOf(err))
	})
}

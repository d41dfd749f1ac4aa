package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// seen is a hook that remembers the events by their IDs.
type seen struct {
	mu     sync.Mutex
	events map[string]store.Event
}

func newSeen() *seen { return &seen{events: map[string]store.Event{}} }

func (s *seen) OnEvents(_ context.Context, _ store.Store, _ string, events []store.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		s.events[e.ID] = e
	}
	return nil
}

// requireAll wants the hook to have seen all that the journal has, of every tenant, as the journal has it.
func (s *seen) requireAll(t *testing.T, st store.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := context.WithoutCancel(t.Context())
	tenants, err := st.TenantsBehind(ctx, "nobody", "", store.MaxLimit)
	require.NoError(t, err)
	for _, id := range tenants {
		for after := int64(0); ; {
			events, err := st.Events(ctx, id, store.EventQuery{After: after})
			require.NoError(t, err)
			for _, e := range events {
				got, ok := s.events[e.ID]
				require.True(t, ok, "the hook was not told of %s %s", e.Type, e.ID)
				after, e.Seq = e.Seq, 0
				require.Equal(t, e.Members, got.Members, e.Type)
				require.Equal(t, e.Type, got.Type)
			}
			if len(events) < store.MaxLimit {
				break
			}
		}
	}
}

// TestEventHookSuite runs the suite of adapters on stores with a hook, which has to see whatever gets into the journal: the
// suite calls every method.
func TestEventHookSuite(t *testing.T) {
	for _, tt := range []struct {
		name string
		wrap func(store.Store) store.Store
	}{
		{"with optional interfaces", func(st store.Store) store.Store { return st }},
		{"bare", storetest.Bare},
		{"twice", func(st store.Store) store.Store {
			return store.WithEventHook(st, store.EventHookConfig{Hook: newSeen()})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store {
				hook, inner := newSeen(), memory.New()
				t.Cleanup(func() { hook.requireAll(t, inner) })
				return store.WithEventHook(tt.wrap(inner), store.EventHookConfig{Hook: hook})
			})
		})
	}
}

func event(id, typ string) store.Event {
	return store.Event{ID: id, Type: typ, At: time.Now()}
}

func types(t *testing.T, st store.Store, tenantID string) (out []string) {
	events, err := st.Events(t.Context(), tenantID, store.EventQuery{})
	require.NoError(t, err)
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

// TestEventHookTransaction: what a hook writes is there with the events, or not at all.
func TestEventHookTransaction(t *testing.T) {
	ctx, inner := t.Context(), memory.New()
	st := store.WithEventHook(inner, store.EventHookConfig{Hook: store.EventHookFunc(func(ctx context.Context, tx store.Store, tenantID string, events []store.Event) error {
		for _, e := range events {
			if err := tx.PutToken(ctx, tenantID, store.Token{Kind: "told", Key: e.ID}); err != nil {
				return err
			}
		}
		return tx.AppendEvents(ctx, tenantID, event("of the hook", "hook.ran")) // nobody is told
	})})
	told := func(id string) bool {
		err := inner.PutToken(ctx, "acme", store.Token{Kind: "told", Key: id})
		return errors.Is(err, store.ErrConflict)
	}
	_, err := st.CreateAccount(ctx, "acme", store.Account{Meta: store.Meta{ID: "a"}}, event("e1", "account.made"))
	require.NoError(t, err)
	require.True(t, told("e1"))
	require.Equal(t, []string{"account.made", "hook.ran"}, types(t, inner, "acme"))

	_, err = st.CreateAccount(ctx, "acme", store.Account{Meta: store.Meta{ID: "a"}}, event("e2", "account.made"))
	require.ErrorIs(t, err, store.ErrConflict)
	require.False(t, told("e2"), "a refused write is not told")

	gone := errors.New("gone")
	err = st.InTx(ctx, func(tx store.Store) error {
		require.NoError(t, tx.AppendEvents(ctx, "acme", event("e3", "x")))
		require.ErrorIs(t, tx.InTx(ctx, func(tx store.Store) error {
			require.NoError(t, tx.AppendEvents(ctx, "acme", event("e4", "x")))
			return gone
		}), gone)
		return nil
	})
	require.NoError(t, err)
	require.True(t, told("e3"))
	require.False(t, told("e4"), "the inner transaction was undone, with what the hook did in it")
	err = st.InTx(ctx, func(tx store.Store) error {
		require.NoError(t, tx.AppendEvents(ctx, "acme", event("e5", "x")))
		return gone
	})
	require.ErrorIs(t, err, gone)
	require.False(t, told("e5"))
	require.NoError(t, store.InTxThen(ctx, st, func(store.Store) (func(store.Store) error, error) {
		return func(tx store.Store) error { return tx.AppendEvents(ctx, "acme", event("e6", "x")) }, nil
	}))
	require.True(t, told("e6"))
}

// TestEventHookFails: a hook's error or panic undoes what the hook did, stops no write (D10), and is recorded.
func TestEventHookFails(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("the table is full") },
		"panic": func() error { panic("out of luck") },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, inner := t.Context(), memory.New()
			var log bytes.Buffer
			st := store.WithEventHook(inner, store.EventHookConfig{
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Hook: store.EventHookFunc(func(ctx context.Context, tx store.Store, tenantID string, _ []store.Event) error {
					require.NoError(t, tx.PutToken(ctx, tenantID, store.Token{Kind: "half", Key: "done"}))
					return fail()
				}),
			})
			u, err := st.CreateSCIMUser(ctx, "acme", store.SCIMUser{Meta: store.Meta{ID: "u"}, UserName: "ann", Active: true}, event("e1", "scim.user.created"))
			require.NoError(t, err)
			u.Active = false
			_, err = st.UpdateSCIMUser(ctx, "acme", u, event("e2", "scim.user.updated"))
			require.NoError(t, err, "access is taken whatever the hook does")
			require.Equal(t, []string{"scim.user.created", store.EventHookFailed, "scim.user.updated", store.EventHookFailed}, types(t, inner, "acme"))
			events, err := inner.Events(ctx, "acme", store.EventQuery{TypePrefix: store.EventHookFailed, Newest: true, Limit: 1})
			require.NoError(t, err)
			require.Equal(t, store.EventSubject{Kind: "event", ID: "e2", Name: "scim.user.updated"}, events[0].Subject)
			require.JSONEq(t, `{"events":["e2"]}`, string(events[0].After))
			require.NoError(t, inner.PutToken(ctx, "acme", store.Token{Kind: "half", Key: "done"}), "what the hook did is undone")
			require.Contains(t, log.String(), "event hook failed")
			require.NotContains(t, string(events[0].After)+events[0].Message, "full", "the error is not for the tenant's owner")
		})
	}
}

// TestNoEventHook: without a hook there is no wrapper, so that nothing costs.
func TestNoEventHook(t *testing.T) {
	st := memory.New()
	require.Same(t, st, store.WithEventHook(st, store.EventHookConfig{}))
	require.Same(t, st, store.Unwrap(store.WithEventHook(st, store.EventHookConfig{Hook: newSeen()})))
}

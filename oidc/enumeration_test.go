package oidc

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// watched is a store that writes down what it is asked, without the arguments.
type watched struct {
	store.Store
	mu    sync.Mutex
	calls []string
}

func (w *watched) saw(call string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, call)
}

func (w *watched) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

func (w *watched) TenantOfDomain(ctx context.Context, name string) (store.Ref, error) {
	w.saw("TenantOfDomain")
	return w.Store.TenantOfDomain(ctx, name)
}

func (w *watched) Domain(ctx context.Context, tenantID, id string) (store.Domain, error) {
	w.saw("Domain")
	return w.Store.Domain(ctx, tenantID, id)
}

func (w *watched) Domains(ctx context.Context, tenantID string) ([]store.Domain, error) {
	w.saw("Domains")
	return w.Store.Domains(ctx, tenantID)
}

func (w *watched) Connection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	w.saw("Connection")
	return w.Store.Connection(ctx, tenantID, id)
}

func (w *watched) Connections(ctx context.Context, tenantID string) ([]store.Connection, error) {
	w.saw("Connections")
	return w.Store.Connections(ctx, tenantID)
}

func (w *watched) SCIMUsers(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMUser], error) {
	w.saw("SCIMUsers")
	return w.Store.SCIMUsers(ctx, tenantID, q)
}

func (w *watched) Account(ctx context.Context, tenantID, id string) (store.Account, error) {
	w.saw("Account")
	return w.Store.Account(ctx, tenantID, id)
}

func (w *watched) AppendEvents(ctx context.Context, tenantID string, events ...store.Event) error {
	w.saw("AppendEvents")
	return w.Store.AppendEvents(ctx, tenantID, events...)
}

// TestSignInMethodsAskTheSame: whether an account exists, is provisioned, or is on the break-glass list changes nothing
// about what is read. Only the use of a break-glass address writes.
func TestSignInMethodsAskTheSame(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	w := &watched{}
	var used []tenant.BreakGlassUse
	a := newApp(t, func(c *Config) {
		w.Store, c.Store = c.Store, w
		list, err := tenant.NewBreakGlassList(tenant.BreakGlassConfig{Store: w, OnUse: func(_ context.Context, u tenant.BreakGlassUse) { used = append(used, u) }})
		require.NoError(t, err)
		c.BreakGlass = list
	})
	now := time.Now()
	meta := func() store.Meta { return store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now} }
	for _, enforced := range []bool{false, true} {
		name := map[bool]string{false: "open", true: "strict"}[enforced]
		c := a.connect(idp, name, name+".example", func(c *store.Connection) {
			c.Enforced, c.BreakGlass = enforced, []string{"admin@" + name + ".example"}
		})
		for _, user := range []string{"scim", "gone"} {
			_, err := a.store.CreateSCIMUser(t.Context(), name, store.SCIMUser{
				Meta: meta(), UserName: user + "@" + name + ".example", Active: user != "gone", Body: []byte(`{}`),
			})
			require.NoError(t, err)
		}
		a.accounts.add(name, name+"-manual", "manual@"+name+".example")
		a.accounts.add(name, name+"-linked", "linked@"+name+".example")
		_, err := a.store.CreateAccount(t.Context(), name, store.Account{
			Meta: store.Meta{ID: name + "-linked", CreatedAt: now, UpdatedAt: now}, Source: store.SourceSCIM, SCIMUserID: "u", Active: true,
		})
		require.NoError(t, err)
		a.accounts.add("elsewhere", name+"-foreign", "foreign@"+name+".example")

		var want []string
		for _, user := range []string{"nobody", "manual", "linked", "scim", "gone", "foreign"} {
			w.take()
			_, err := a.handler.SignInMethods(t.Context(), user+"@"+name+".example")
			require.NoError(t, err)
			got := w.take()
			if want == nil {
				want = got
				require.NotEmpty(t, want)
			}
			require.Equal(t, want, got, "%s at %s", user, name)
		}
		m, err := a.handler.SignInMethods(t.Context(), "admin@"+name+".example")
		require.NoError(t, err)
		require.Equal(t, enforced, m.BreakGlass)
		calls := w.take()
		require.Equal(t, want, calls[:len(want)])
		if !enforced {
			require.Len(t, calls, len(want))
			require.Empty(t, used, "no use where a password is allowed anyway")
			continue
		}
		require.Contains(t, calls[len(want):], "AppendEvents")
		require.Len(t, used, 1)
		require.Equal(t, tenant.BreakGlassUse{TenantID: "strict", ConnectionID: c.ID, Email: "admin@strict.example", At: used[0].At}, used[0])
	}
}

package oidc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestListedByDefault: without a Config.BreakGlass the owners' own lists count.
func TestListedByDefault(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example", func(c *store.Connection) {
		c.Enforced, c.BreakGlass = true, []string{"admin@acme.example"}
	})
	want := SignInMethods{OIDC: true, Password: true, BreakGlass: true, TenantID: "acme", ConnectionID: c.ID}
	for range 3 { // looking is no use
		m, err := a.handler.PeekSignInMethods(t.Context(), "Admin@acme.example")
		require.NoError(t, err)
		require.Equal(t, want, m)
	}
	require.Empty(t, a.events("acme", "break_glass"))
	m, err := a.handler.SignInMethods(t.Context(), "admin@acme.example")
	require.NoError(t, err)
	require.Equal(t, want, m)
	require.Len(t, a.events("acme", "break_glass"), 1)
	m, err = a.handler.PeekSignInMethods(t.Context(), "ada@acme.example")
	require.NoError(t, err)
	require.False(t, m.Password)
}

// TestPeekAtAHostsOwnList: a list that can't be asked without a use breaks no glass on a page.
func TestPeekAtAHostsOwnList(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	asked := 0
	a := newApp(t, func(c *Config) {
		c.BreakGlass = tenant.BreakGlassFunc(func(context.Context, string, string) (bool, error) { asked++; return true, nil })
	})
	a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.Enforced = true })
	m, err := a.handler.PeekSignInMethods(t.Context(), "admin@acme.example")
	require.NoError(t, err)
	require.False(t, m.Password)
	require.Zero(t, asked)
}

// TestAccountSignInMethods: R76. A provisioned person who gave the account another address has no way around either.
func TestAccountSignInMethods(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.BreakGlass = []string{"admin@acme.example"} })
	now := time.Now()
	for id, scimUser := range map[string]string{"provisioned": "su1", "admin": "su2", "manual": ""} {
		_, err := a.store.CreateAccount(t.Context(), "acme", store.Account{
			Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, Source: store.SourceManual, SCIMUserID: scimUser, Active: true,
		})
		require.NoError(t, err)
	}
	for name, tt := range map[string]struct {
		tenantID, id, email string
		password, glass     bool
	}{
		"another address":               {"acme", "provisioned", "me@private.example", false, false},
		"no address":                    {"acme", "provisioned", "", false, false},
		"its own address":               {"acme", "provisioned", "ada@acme.example", false, false},
		"break-glass":                   {"acme", "admin", "admin@acme.example", true, true},
		"not provisioned":               {"acme", "manual", "me@private.example", true, false},
		"unknown account":               {"acme", "nobody", "me@private.example", true, false},
		"the same ID at another tenant": {"globex", "provisioned", "me@private.example", true, false},
	} {
		m, err := a.handler.AccountSignInMethods(t.Context(), tt.tenantID, tt.id, tt.email)
		require.NoError(t, err, name)
		require.Equal(t, tt.password, m.Password, name)
		require.Equal(t, tt.glass, m.BreakGlass, name)
	}
	require.Len(t, a.events("acme", "break_glass"), 1)
}

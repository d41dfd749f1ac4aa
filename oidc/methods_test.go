package oidc

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestS16_SignInMethods: what the host's own login may do, for each kind of account.
func TestS16_SignInMethods(t *testing.T) {
	proves(t)
	t.Parallel()
	idp := oidctest.NewServer(t)
	broken := false
	var asked []string
	a := newApp(t, func(c *Config) {
		c.BreakGlass = tenant.BreakGlassFunc(func(_ context.Context, tenantID, email string) (bool, error) {
			asked = append(asked, tenantID+" "+email)
			if broken {
				return false, errors.New("down")
			}
			return email == "admin@strict.example" || email == "admin@open.example", nil
		})
	})
	open := a.connect(idp, "open", "open.example")
	strict := a.connect(idp, "strict", "strict.example", func(c *store.Connection) { c.Enforced = true })
	a.connect(idp, "off", "off.example", func(c *store.Connection) { c.Enforced, c.State = true, store.ConnectionSuspended })
	now := time.Now()
	for _, name := range []string{"scim@open.example", "admin@open.example"} {
		_, err := a.store.CreateSCIMUser(t.Context(), "open", store.SCIMUser{
			Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, UserName: name, Active: true, Body: []byte(`{}`),
		})
		require.NoError(t, err)
	}
	a.accounts.add("open", "u-byname", "byname@open.example")
	_, err := a.store.CreateAccount(t.Context(), "open", store.Account{
		Meta: store.Meta{ID: "u-byname", CreatedAt: now, UpdatedAt: now}, Source: store.SourceSCIM, SCIMUserID: "some-user", Active: true,
	})
	require.NoError(t, err)
	a.accounts.add("open", "u-manual", "manual@open.example")

	inOpen := SignInMethods{OIDC: true, TenantID: "open", ConnectionID: open.ID}
	inStrict := SignInMethods{OIDC: true, TenantID: "strict", ConnectionID: strict.ID}
	with := func(m SignInMethods, password, glass bool) SignInMethods {
		m.Password, m.BreakGlass = password, glass
		return m
	}
	for email, want := range map[string]SignInMethods{
		"someone@nowhere.example": {Password: true},
		"no address":              {Password: true},
		"ada@off.example":         {Password: true},
		"manual@open.example":     with(inOpen, true, false),
		"unknown@OPEN.example":    with(inOpen, true, false),
		"SCIM@open.example":       inOpen,
		"byname@open.example":     inOpen,
		"admin@open.example":      with(inOpen, true, true),
		"ada@strict.example":      inStrict,
		"unknown@strict.example":  inStrict,
		"admin@strict.example":    with(inStrict, true, true),
	} {
		got, err := a.handler.SignInMethods(t.Context(), email)
		require.NoError(t, err, email)
		require.Equal(t, want, got, email)
	}
	require.NotContains(t, asked, "open manual@open.example", "a use is recorded only where it is one")

	broken = true
	got, err := a.handler.SignInMethods(t.Context(), "admin@strict.example")
	require.ErrorIs(t, err, ErrUnavailable)
	require.Zero(t, got, "unknown means no")
}

// TestSignInMethodsAskForASecondFactor: R45. An address that may bypass the provider needs the second factor that the host's
// policy demands; the login learns that it should ask for it, and pages learn nothing.
func TestSignInMethodsAskForASecondFactor(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	passed := false
	a := newApp(t, func(c *Config) {
		list, err := tenant.NewBreakGlassList(tenant.BreakGlassConfig{Store: c.Store, SecondFactor: func(context.Context, string, string) (bool, error) {
			return passed, nil
		}})
		require.NoError(t, err)
		c.BreakGlass = list
	})
	c := a.connect(idp, "strict", "strict.example", func(c *store.Connection) { c.Enforced, c.BreakGlass = true, []string{"admin@strict.example"} })
	now := time.Now()
	_, err := a.store.CreateAccount(t.Context(), "strict", store.Account{
		Meta: store.Meta{ID: "u-admin", CreatedAt: now, UpdatedAt: now}, Source: store.SourceSCIM, SCIMUserID: "some-user", Active: true,
	})
	require.NoError(t, err)
	want := SignInMethods{OIDC: true, TenantID: "strict", ConnectionID: c.ID, SecondFactor: true}
	ask := func() [2]SignInMethods {
		first, err := a.handler.SignInMethods(t.Context(), "admin@strict.example")
		require.NoError(t, err)
		second, err := a.handler.AccountSignInMethods(t.Context(), "strict", "u-admin", "admin@strict.example")
		require.NoError(t, err)
		return [2]SignInMethods{first, second}
	}
	require.Equal(t, [2]SignInMethods{want, want}, ask())
	other, err := a.handler.SignInMethods(t.Context(), "other@strict.example")
	require.NoError(t, err)
	require.False(t, other.SecondFactor)
	peek, err := a.handler.PeekSignInMethods(t.Context(), "admin@strict.example")
	require.NoError(t, err)
	require.False(t, peek.SecondFactor)
	passed = true
	want.Password, want.BreakGlass, want.SecondFactor = true, true, false
	require.Equal(t, [2]SignInMethods{want, want}, ask())

	// Where it came from stands in the journal.
	from := tenant.Origin{IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Browser"}
	_, err = a.handler.SignInMethodsFrom(t.Context(), "admin@strict.example", from)
	require.NoError(t, err)
	_, err = a.handler.AccountSignInMethodsFrom(t.Context(), "strict", "u-admin", "admin@strict.example", from)
	require.NoError(t, err)
	events, err := a.store.Events(t.Context(), "strict", store.EventQuery{TypePrefix: "break_glass.used"})
	require.NoError(t, err)
	var origins []string
	for _, e := range events {
		origins = append(origins, e.Origin.IP)
	}
	require.Equal(t, []string{"", "", "192.0.2.7", "192.0.2.7"}, origins)
}

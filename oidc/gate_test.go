package oidc

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

// fakeGate answers what a test wants.
type fakeGate struct{ existing, first error }

func (g *fakeGate) SignInGate(context.Context, string) (existing, first error) {
	return g.existing, g.first
}

func TestTheGateDecidesAboutSignIns(t *testing.T) {
	t.Parallel()
	lapsed := fmt.Errorf("lapsed: %w", tenant.ErrForbidden)
	down := errors.New("billing is down")
	for name, tt := range map[string]struct {
		gate            fakeGate
		linked          bool
		status          int
		code            string
		passwordInstead bool
	}{
		"open":                            {fakeGate{}, false, 200, "", false},
		"grace, linked":                   {fakeGate{nil, lapsed}, true, 200, "", false},
		"grace, for the first time":       {fakeGate{nil, lapsed}, false, 403, CodePlanRequired, false},
		"over, linked":                    {fakeGate{lapsed, lapsed}, true, 403, CodePlanRequired, true},
		"unknown, linked":                 {fakeGate{nil, down}, true, 200, "", false},
		"unknown, for the first time":     {fakeGate{nil, down}, false, 503, CodePlanUnknown, false},
		"unknown and closed, linked":      {fakeGate{down, down}, true, 503, CodePlanUnknown, false},
		"unknown and closed, a first one": {fakeGate{down, down}, false, 503, CodePlanUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			gate := &fakeGate{}
			a := newApp(t, func(c *Config) { c.Gate = gate })
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u1", oidctest.DefaultEmail)
			if tt.linked {
				require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
			}
			logins := a.loginCount()
			*gate = tt.gate
			p := a.signIn(oidctest.DefaultEmail)
			require.Equal(t, tt.status, p.status, p.body)
			methods, err := a.handler.PeekSignInMethods(t.Context(), oidctest.DefaultEmail)
			require.NoError(t, err)
			require.Equal(t, tt.passwordInstead, !methods.OIDC && methods.Password, "nobody is left without any way in")
			if tt.code == "" {
				require.Equal(t, "u1", p.session)
				return
			}
			require.Contains(t, p.body, tt.code)
			require.Equal(t, tt.status == 503, p.header.Get("Retry-After") != "")
			require.Equal(t, logins, a.loginCount())
			refused := a.events("acme", EventSignInRefused)
			require.Len(t, refused, 1)
			require.Equal(t, tt.code, refused[0].Code)
			if !tt.linked {
				links, err := a.store.IdentitiesOf(t.Context(), "acme", "u1")
				require.NoError(t, err)
				require.Empty(t, links)
			}
		})
	}
}

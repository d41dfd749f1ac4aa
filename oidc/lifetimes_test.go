package oidc

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestS23_RemovedKey: whoever stole a key signs tokens with it until the provider withdrew it, and ten minutes longer at
// most; a provider that is down meanwhile makes it an hour.
func TestS23_RemovedKey(t *testing.T) {
	proves(t)
	t.Parallel()
	stolen, err := oidctest.GenerateKey("stolen", "RS256")
	require.NoError(t, err)
	good, err := oidctest.GenerateKey("good", "RS256")
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		down   bool
		passes time.Duration
		ok     bool
	}{
		"withdrawn just now":                 {false, keysFresh - time.Second, true},
		"withdrawn ten minutes ago":          {false, keysFresh + time.Second, false},
		"and the provider's keys are down":   {true, keysFresh + time.Second, true},
		"and they are down for over an hour": {true, keysUsable + time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{now: time.Now()}
			idp := oidctest.NewServerConfig(t, oidctest.Config{Keys: []oidctest.Key{stolen, good}, Now: c.Now})
			a := newApp(t, func(cfg *Config) { cfg.Now = c.Now })
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)

			idp.SetKeys(good)
			forged := oidctest.Faults{SignWith: &stolen}
			if tt.down {
				forged.Endpoints = map[oidctest.Endpoint]oidctest.Fault{oidctest.Keys: {Status: 500}}
			}
			idp.SetFaults(forged)
			c.pass(tt.passes)
			p := a.signIn(oidctest.DefaultEmail)
			require.Equal(t, tt.ok, p.status == 200, p.body)
			if !tt.ok {
				require.Equal(t, 1, a.loginCount())
				return
			}
			idp.SetFaults(oidctest.Faults{})
			c.pass(keysUsable)
			require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status, "the good key goes on")
		})
	}
}

// TestS16_BreakGlass: a named owner gets in without the provider, which is written down each time; nobody else does,
// whichever door of the host they try, and asking tells nothing about accounts.
func TestS16_BreakGlass(t *testing.T) {
	proves(t)
	t.Parallel()
	idp := oidctest.NewServer(t)
	var glass *tenant.BreakGlassList
	a := newApp(t, func(c *Config) {
		var err error
		glass, err = tenant.NewBreakGlassList(tenant.BreakGlassConfig{Store: c.Store})
		require.NoError(t, err)
		c.BreakGlass = glass
	})
	c := a.connect(idp, "acme", "acme.example")
	c.Enforced, c.BreakGlass = true, []string{"owner@acme.example"}
	_, err := a.store.UpdateConnection(t.Context(), "acme", c)
	require.NoError(t, err)
	a.accounts.add("acme", "u-ada", "ada@acme.example")

	// Password, reset, magic link, invitation, passkey and API key creation ask the same question.
	for door := range 6 {
		for _, email := range []string{"ada@acme.example", "nobody-we-know@acme.example", "ADA@ACME.EXAMPLE", "owner@acme.example.evil", "xowner@acme.example"} {
			m, err := a.handler.SignInMethods(t.Context(), email)
			require.NoError(t, err)
			if email == "owner@acme.example.evil" { // not this tenant's
				require.False(t, m.BreakGlass)
				continue
			}
			require.Equal(t, SignInMethods{OIDC: true, TenantID: "acme", ConnectionID: c.ID}, m, "known or unknown, the answer is the same")
		}
		m, err := a.handler.SignInMethods(t.Context(), "Owner@acme.example")
		require.NoError(t, err)
		require.True(t, m.Password && m.BreakGlass)
		require.Len(t, a.events("acme", "break_glass."), door+1, "each use is in the journal")
	}
}

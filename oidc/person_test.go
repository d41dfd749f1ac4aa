package oidc

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestPersonIsSignedOutByHand: all sessions of the account end, the journal tells by whom, and nothing is told of what failed.
func TestPersonIsSignedOutByHand(t *testing.T) {
	t.Parallel()
	var ended []Revocation
	var fail error
	a, _, c, _ := signedIn(t, func(c *Config) {
		c.Sessions = SessionRevokerFunc(func(_ context.Context, _ store.Store, r Revocation) error {
			ended = append(ended, r)
			return fail
		})
	})
	by := tenant.Actor{Kind: tenant.ActorOwner, ID: "u-olga", Email: "olga@acme.example"}
	require.True(t, a.handler.EndsSessions())
	require.NoError(t, a.handler.EndSessions(t.Context(), by, "acme", "u-ada"))
	require.Equal(t, []Revocation{{TenantID: "acme", AccountID: "u-ada", Reason: ReasonByHand}}, ended)
	for _, x := range []struct{ tenantID, account string }{{"acme", "nobody"}, {"globex", "u-ada"}} {
		require.ErrorIs(t, a.handler.EndSessions(t.Context(), by, x.tenantID, x.account), store.ErrNotFound)
	}
	require.Len(t, ended, 1)
	fail = errors.New("session store is down")
	require.ErrorIs(t, a.handler.EndSessions(t.Context(), by, "acme", "u-ada"), fail)
	events, err := a.store.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventLogout})
	require.NoError(t, err)
	require.Len(t, events, 1, "what failed is not told as done")
	require.Equal(t, "u-olga", events[0].Actor.ID)
	require.Equal(t, "olga@acme.example", events[0].Actor.Name)

	links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-ada")
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.ErrorIs(t, a.handler.UnlinkIdentity(t.Context(), by, "acme", "u-bob", links[0].ID), store.ErrNotFound)
	require.ErrorIs(t, a.handler.UnlinkIdentity(t.Context(), by, "globex", "u-ada", links[0].ID), store.ErrNotFound)
	require.NoError(t, a.handler.UnlinkIdentity(t.Context(), by, "acme", "u-ada", links[0].ID))
	require.ErrorIs(t, a.handler.UnlinkIdentity(t.Context(), by, "acme", "u-ada", links[0].ID), store.ErrNotFound)
	_, err = a.store.Identity(t.Context(), "acme", c.ID, links[0].Issuer, links[0].Subject)
	require.ErrorIs(t, err, store.ErrNotFound)

	none := newApp(t)
	require.False(t, none.handler.EndsSessions())
	require.ErrorIs(t, none.handler.EndSessions(t.Context(), by, "acme", "u-ada"), errors.ErrUnsupported)
}

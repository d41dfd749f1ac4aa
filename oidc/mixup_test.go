package oidc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// TestS17_TwoTenantsOfOneIssuer: where customers share an issuer, as Google's do, iss separates nobody. The redirect URI
// of the connection and the browser's cookie do, and a subject is known at its own connection alone.
func TestS17_TwoTenantsOfOneIssuer(t *testing.T) {
	proves(t)
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	acme := a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.SharedIssuer = true })
	globex := a.connect(idp, "globex", "globex.example", func(c *store.Connection) { c.SharedIssuer = true })
	a.accounts.add("acme", "u-ada", "ada@acme.example")
	a.accounts.add("globex", "u-gus", "gus@globex.example")
	ada := oidctest.User{Subject: "s-ada", Email: "ada@acme.example"}
	idp.SetUsers(ada, oidctest.User{Subject: "s-gus", Email: "gus@globex.example"})

	// Ada's answer, delivered to the other tenant's address: no code is redeemed.
	b := a.browser()
	answer := a.started(b, "ada@acme.example").location
	p := b.get(strings.Replace(answer, acme.ID, globex.ID, 1))
	require.Equal(t, 400, p.status)
	require.Contains(t, p.body, CodeFlowMismatch)
	require.Zero(t, idp.Count(oidctest.Token))

	// Each signs in at home.
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	require.Equal(t, "acme", a.lastLogin().TenantID)
	require.Equal(t, 200, a.signIn("gus@globex.example").status)
	require.Equal(t, "globex", a.lastLogin().TenantID)

	// Ada chooses the other tenant: her link at home counts for nothing there.
	idp.SetUsers(ada)
	p = a.signIn("gus@globex.example")
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeEmailDomain)
	require.Equal(t, 2, a.loginCount())
}

// TestS18_AudienceInjection is CVE-2025-27370: a hostile provider's document names an honest provider's token endpoint, so
// that the assertion that we make for the one arrives at the other. It is worthless there, since its audience is the issuer
// that the hostile provider's own connection was reviewed with.
func TestS18_AudienceInjection(t *testing.T) {
	proves(t)
	t.Parallel()
	_, p256, _ := testKeys(t)
	a := newApp(t, func(c *Config) { c.ClientKeys = []ClientKey{{ID: "k", Signer: p256}} })
	client := oidctest.Client{ID: oidctest.DefaultClientID, AuthMethod: "private_key_jwt", JWKSURI: a.handler.JWKSURI()}
	honest := oidctest.NewServerConfig(t, oidctest.Config{Clients: []oidctest.Client{client}})
	hostile := oidctest.NewServerConfig(t, oidctest.Config{Clients: []oidctest.Client{client}})
	a.connect(honest, "acme", "acme.example", clientAuth("private_key_jwt"))
	a.connect(hostile, "rival", "rival.example", clientAuth("private_key_jwt"))
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	hostile.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["token_endpoint"] = honest.Issuer() + "/token" }})

	p := a.signIn("bob@rival.example")
	require.Equal(t, 503, p.status)
	require.Contains(t, p.body, CodeClientRejected)
	require.Equal(t, 1, honest.Count(oidctest.Token))
	require.Len(t, honest.Violations(), 1, "the honest provider refused the assertion itself")
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status, "its own ones it takes")
}

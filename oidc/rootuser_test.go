package oidc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestR6RootAddressChanges: the person whose own account created the organisation gives it a team's address. As long as the
// link stands their sign-in leads to that account, whatever its address is now; once it is taken away, to one of their own.
func TestR6RootAddressChanges(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-root", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, "u-root", a.lastLogin().Account.ID)

	a.accounts.remove("u-root")
	a.accounts.add("acme", "u-root", "devops@acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail) // the address is free: a directory provisions it
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, "u-root", a.lastLogin().Account.ID, "the subject decides, not the address")

	link, err := a.store.Identity(t.Context(), "acme", c.ID, idp.Issuer(), oidctest.DefaultSubject)
	require.NoError(t, err)
	require.NoError(t, Unlink(t.Context(), a.store, tenant.Actor{Kind: tenant.ActorOwner, ID: "u-root"}, link, time.Now()))
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, "u-ada", a.lastLogin().Account.ID)
	links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-root")
	require.NoError(t, err)
	require.Empty(t, links)
}

// TestR18NoOtherClaimIsAnAddress: what a provider sends beside email is a name that people can choose, and never stands in
// for a missing address.
func TestR18NoOtherClaimIsAnAddress(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	idp := oidctest.NewServer(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", "ada@acme.example")
	for _, claim := range []string{"preferred_username", "upn", "unique_name", "mail"} {
		idp.SetFaults(oidctest.Faults{Claims: func(m map[string]any) {
			delete(m, "email")
			m[claim] = "ada@acme.example"
		}, UserinfoClaims: func(m map[string]any) { delete(m, "email") }})
		a.refused(CodeEmailMissing)
	}
}

package oidc

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

func TestInactiveUserIsFoundByAddress(t *testing.T) {
	a, idp, _ := oneTenant(t, func(c *store.Connection) { c.JustInTime = true })
	_, err := a.store.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{
		Meta: store.Meta{ID: "01a0"}, UserName: "eva.f", Active: false,
		Body: []byte(`{"userName":"eva.f","active":false,"emails":[{"value":"eva@acme.example","primary":true}]}`),
		Keys: []store.Key{{Attr: "emails.value", Value: "eva@acme.example"}},
	})
	require.NoError(t, err)
	idp.SetUsers(oidctest.User{Subject: "eva", Email: "eva@acme.example"})
	p := a.signIn("eva@acme.example")
	require.Equal(t, 403, p.status, "session=%q", p.session)
}

// acme (acme.example with sub-domains) signs in somebody of labs.acme.example, which rival proved.
func TestSubdomainThatAnotherTenantProved(t *testing.T) {
	a, idp, c := oneTenant(t, func(c *store.Connection) { c.JustInTime = true })
	ds, err := a.store.Domains(t.Context(), "acme")
	require.NoError(t, err)
	ds[0].Subdomains = true
	_, err = a.store.UpdateDomain(t.Context(), "acme", ds[0])
	require.NoError(t, err)
	a.domain("rival", c.ID, "labs.acme.example", false)
	idp.SetUsers(oidctest.User{Subject: "x", Email: "x@labs.acme.example"})
	p := a.signIn("ada@acme.example")
	require.Equal(t, 403, p.status, "session=%q", p.session)
}

package tenant

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestR22ClientAuthFoundByTest: the way in which the provider took the secret is kept,
// and the test that found it counts for what is kept.
func TestR22ClientAuthFoundByTest(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ have, found, want string }{
		"the other way":                 {ClientSecretBasic, ClientSecretPost, ClientSecretPost},
		"the same way":                  {ClientSecretBasic, ClientSecretBasic, ClientSecretBasic},
		"not told":                      {ClientSecretPost, "", ClientSecretPost},
		"no secret is no finding":       {ClientSecretBasic, ClientAuthNone, ClientSecretBasic},
		"a signature is no finding":     {ClientSecretBasic, ClientPrivateKeyJWT, ClientSecretBasic},
		"a public client stays public":  {ClientAuthNone, ClientSecretPost, ClientAuthNone},
		"a signing client keeps to it":  {ClientPrivateKeyJWT, ClientSecretBasic, ClientPrivateKeyJWT},
		"nothing that we don't know of": {ClientSecretBasic, "tls_client_auth", ClientSecretBasic},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.report.ClientAuth = row.have
			d := acme()
			d.ClientAuth = row.have
			c := w.approved(t, "acme", d)
			w.prove(t, "acme", c)
			require.Equal(t, row.have, c.ClientAuth)
			before := c.ConfigVersion

			c, err := w.RecordTestSignIn(t.Context(), owner, "acme", c.ID, TestSignIn{
				ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "owner@acme.com", ClientAuth: row.found,
			})
			require.NoError(t, err)
			require.Equal(t, row.want, c.ClientAuth)
			require.Equal(t, before, c.ConfigVersion)
			require.Equal(t, before, c.TestedVersion)

			w.report.ClientAuth = row.want // what a check answers for a connection that names its way
			c, err = w.Activate(t.Context(), owner, "acme", c.ID, c.Version, Activation{})
			require.NoError(t, err)
			require.Equal(t, store.ConnectionActive, c.State)
			require.Equal(t, row.want, w.asked[len(w.asked)-1].ClientAuth, "the check asks for what was found")
		})
	}
}

// TestClientPrivateKeyJWTNeedsNoSecret: the application's own key proves who it is.
func TestClientPrivateKeyJWTNeedsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := acme()
	d.ClientSecret = Secret{}
	c := w.draft(t, "acme", d)
	w.refusedWith(t, "acme", CodeRequired, func() error {
		_, _, err := w.Submit(t.Context(), owner, "acme", c.ID, c.Version)
		return err
	})
	d.ClientAuth = ClientPrivateKeyJWT
	w.report.ClientAuth = ClientPrivateKeyJWT
	c = w.submitted(t, "acme2", d)
	require.Equal(t, ClientPrivateKeyJWT, c.ClientAuth)
	require.False(t, c.HasSecret)
}

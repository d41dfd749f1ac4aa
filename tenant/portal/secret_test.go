package portal

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/tenant"
)

// TestR44NewSecretWaits: screen 11. A new secret waits beside the one in force until a test has worked with it; nobody's sign-in
// depends on one that was never tried.
func TestR44NewSecretWaits(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	b, page := w.as(t, "owner"), at("/c/"+c.ID+"/secret")
	inForce := func() string {
		t.Helper()
		_, secret, err := w.tenants.SignInConnection(t.Context(), org, c.ID)
		require.NoError(t, err)
		return secret.Reveal()
	}
	a := clean(t, b.get(page))
	require.Contains(t, a.body, `value="stage"`)
	require.NotContains(t, a.body, "A new secret waits")
	a = clean(t, b.post(page, "version", versionIn(t, a), "client_secret", "", "then", "stage"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-client_secret-error"`)
	a = clean(t, b.post(page, "version", versionIn(t, a), "client_secret", testSecret+"-new", "secret_expires", "soon", "then", "stage"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `value="soon"`)
	require.Equal(t, http.StatusConflict, b.post(page, "version", versionIn(t, a), "then", "drop").status, "none waits")
	require.Equal(t, http.StatusConflict, b.post(page, "version", "1", "client_secret", testSecret+"-new", "then", "stage").status)

	a = clean(t, b.post(page, "version", versionIn(t, b.get(page)), "client_secret", testSecret+"-new", "secret_expires", "2027-05-01T10:00", "then", "stage"))
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "A new secret waits")
	require.Contains(t, a.body, page+"/test")
	require.Equal(t, testSecret, inForce(), "the old one")
	a = clean(t, b.post(page, "version", versionIn(t, a), "then", "drop"))
	require.Contains(t, a.body, "The secret that waited is forgotten.")
	require.NotContains(t, a.body, "A new secret waits")

	_ = b.post(page, "version", versionIn(t, a), "client_secret", testSecret+"-new", "then", "stage")
	staged, err := w.tenants.Connection(t.Context(), who["owner"], org, c.ID)
	require.NoError(t, err)
	_, err = w.tenants.RecordTestSignIn(t.Context(), who["owner"], org, c.ID, tenant.TestSignIn{
		ConfigVersion: staged.ConfigVersion, Issuer: staged.Issuer, Email: "owner@acme.com", SecretSetAt: staged.NextSecret.SetAt,
	})
	require.NoError(t, err)
	require.NotContains(t, clean(t, b.get(page)).body, "A new secret waits")
	require.Equal(t, testSecret+"-new", inForce())

	w.denied[tenant.ActionReplaceSecret] = true
	require.Equal(t, http.StatusForbidden, b.post(page, "then", "stage").status)
	require.Equal(t, http.StatusForbidden, b.post(page+"/test").status)
	w.denied[tenant.ActionReplaceSecret] = false
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").post("/settings/sso/t/"+other+"/c/"+c.ID+"/secret/test").status)
}

// TestR44SecretWithASetupLink: whoever has a link to renew the secret can enter it and test it, and nothing else.
func TestR44SecretWithASetupLink(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	l, err := w.tenants.CreateSetupLink(t.Context(), who["owner"], org, tenant.NewSetupLink{Name: "Ida", Intents: []tenant.Intent{tenant.IntentSecretRenewal}})
	require.NoError(t, err)
	b := w.as(t, "")
	b.get(l.URL.Reveal())
	b.post(l.URL.Reveal())
	page := "/settings/sso/setup/" + org + "/c/" + c.ID + "/secret"
	a := clean(t, b.post(page, "version", versionIn(t, b.get(page)), "client_secret", testSecret+"-new", "then", "stage"))
	require.Contains(t, a.body, "A new secret waits")
	a = b.post(page + "/test")
	require.NotEqual(t, http.StatusForbidden, a.status)
	require.NotEqual(t, http.StatusNotFound, a.status)
	require.Equal(t, http.StatusForbidden, b.get("/settings/sso/setup/"+org+"/c/"+c.ID+"/test").status)
}

package scimtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/scim/scimtest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

const key = "acme-key"

// newHandler is our own server with one tenant, acme.
func newHandler(t testing.TB) (http.Handler, store.Store) {
	t.Helper()
	st := memory.New()
	h, err := scim.NewHandler(scim.Config{
		BaseURL: "https://app.example.com/scim/v2", Store: st, Policy: scim.InsecureAllowAll{},
		Authenticator: scim.AuthenticatorFunc(func(_ context.Context, tenantID, bearer string) (tenant.Principal, error) {
			if tenantID != "acme" || bearer != key {
				return tenant.Principal{}, scim.ErrUnauthorized
			}
			return tenant.Principal{KeyID: "k1", KeyName: "Directory", DirectoryID: "d1", ConnectionID: "c1", Scopes: []string{scim.ScopeWrite}}, nil
		}),
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(h.Mount())
	return mux, st
}

// serve starts h on loopback and gives a Config for acme's directory.
func serve(t testing.TB, h http.Handler) scimtest.Config {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return scimtest.Config{BaseURL: srv.URL + "/scim/v2/acme", Token: key, UserDomain: "acme.example", HTTPClient: srv.Client()}
}

func TestOurHandler(t *testing.T) {
	h, st := newHandler(t)
	scimtest.Run(t, serve(t, h))

	users, err := st.SCIMUsers(t.Context(), "acme", store.Query{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, users.Items, "the scripts clean up")
	groups, err := st.SCIMGroups(t.Context(), "acme", store.Query{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, groups.Items, "the scripts clean up")
}

package oidc

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestZitadelOP signs in at a provider that is not ours: zitadel/oidc's OP with its example storage and login page, with
// and without a slash at the end of the issuer. Its ID tokens have no e-mail address, so userinfo is asked too.
func TestZitadelOP(t *testing.T) {
	for _, slash := range []string{"", "/"} {
		mux := http.NewServeMux()
		srv := httptest.NewServer(mux)
		t.Cleanup(srv.Close)
		issuer := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) + slash

		report := func() tenant.ProviderReport {
			r, err := NewChecker(CheckerConfig{InsecureAllowLoopback: true}).CheckProvider(t.Context(), tenant.ProviderRequest{Authority: strings.TrimSuffix(issuer, "/")})
			require.NoError(t, err)
			return r
		}
		a := newApp(t)
		now := time.Now()
		id := store.NewID(now)
		client := storage.WebClient(oidctest.DefaultClientID, oidctest.DefaultClientSecret, a.handler.RedirectURI(id))
		st := storage.NewStorageWithClients(storage.NewUserStore(issuer), map[string]*storage.Client{oidctest.DefaultClientID: client})
		mux.Handle("/", exampleop.SetupServer(issuer, st, nil, false))

		r := report()
		require.Empty(t, errorCodes(r), "%+v", r.Findings)
		require.Equal(t, issuer, r.Issuer)
		c, err := a.store.CreateConnection(t.Context(), "acme", store.Connection{
			Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, State: store.ConnectionActive,
			Authority: strings.TrimSuffix(issuer, "/"), Issuer: r.Issuer, ClientID: oidctest.DefaultClientID,
			SigningAlg: r.SigningAlg, ClientAuth: r.ClientAuth,
		})
		require.NoError(t, err)
		a.domain("acme", c.ID, "zitadel.ch", false)
		a.accounts.add("acme", "u-test", "test-user@zitadel.ch")

		for range 2 {
			b := a.browser()
			page := b.get(a.url + "/sso/login?return_to=/inside&email=test-user@zitadel.ch")
			require.Contains(t, page.url, "/login/username", page.body)
			u, err := url.Parse(page.url)
			require.NoError(t, err)
			done := b.post(srv.URL+"/login/username", url.Values{
				"id": {u.Query().Get("authRequestID")}, "username": {"test-user@localhost"}, "password": {"verysecure"},
			})
			require.Equal(t, "home /inside", done.body)
			require.Equal(t, "id1", a.lastLogin().Subject)
			require.Equal(t, issuer, a.lastLogin().Issuer)
		}
	}
}

package scim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/scim/scimtest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	key  = "acme-key"
	base = "/scim/v2/acme"
)

// newHandler is our own server with one tenant, acme.
func newHandler(t testing.TB, change ...func(*scim.Config)) (http.Handler, store.Store) {
	t.Helper()
	cfg := scim.Config{
		BaseURL: "https://app.example.com/scim/v2", Store: memory.New(), Policy: scim.InsecureAllowAll{}, InsecureNoRateLimit: true,
		Authenticator: scim.AuthenticatorFunc(func(_ context.Context, tenantID, bearer string) (tenant.Principal, error) {
			if tenantID != "acme" || bearer != key {
				return tenant.Principal{}, scim.ErrUnauthorized
			}
			return tenant.Principal{KeyID: "k1", KeyName: "Directory", DirectoryID: "d1", ConnectionID: "c1", Scopes: []string{scim.ScopeWrite}}, nil
		}),
	}
	for _, c := range change {
		c(&cfg)
	}
	h, err := scim.NewHandler(cfg)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(h.Mount())
	return mux, cfg.Store
}

// serve starts h on loopback and gives a Config for acme's directory.
func serve(t testing.TB, h http.Handler) scimtest.Config {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return scimtest.Config{BaseURL: srv.URL + base, Token: key, UserDomain: "acme.example", HTTPClient: srv.Client()}
}

// direct answers requests without a network.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	res := w.Result()
	res.Request = r
	return res, nil
}

// call gives a Config for acme's directory at h, without a network and with small groups.
func call(h http.Handler, providers ...scimtest.Provider) scimtest.Config {
	return scimtest.Config{
		BaseURL: "https://app.example.com" + base, Token: key, UserDomain: "acme.example", Members: 5,
		HTTPClient: &http.Client{Transport: direct{h}}, Providers: providers,
	}
}

// requireEmpty fails unless acme has neither users nor groups.
func requireEmpty(t testing.TB, st store.Store) {
	t.Helper()
	users, err := st.SCIMUsers(t.Context(), "acme", store.Query{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, users.Items, "the scripts clean up")
	groups, err := st.SCIMGroups(t.Context(), "acme", store.Query{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, groups.Items, "the scripts clean up")
}

func TestOurHandler(t *testing.T) {
	h, st := newHandler(t)
	scimtest.Run(t, serve(t, h))
	requireEmpty(t, st)
}

// PATCH may be answered with 204 or with the resource, and a server may hold clients back.
func TestOurHandlerConfigured(t *testing.T) {
	h, st := newHandler(t, func(c *scim.Config) {
		c.PatchUserNoContent, c.PatchGroupContent = true, true
		c.DefaultPageSize, c.MaxPageSize = 2, 3
		c.InsecureNoRateLimit, c.RequestsPerSecond, c.Burst = false, 200, 60
	})
	cfg := serve(t, h)
	cfg.Members = 10
	scimtest.Run(t, cfg)
	requireEmpty(t, st)
}

// Several may test one directory at the same time.
func TestAtOnce(t *testing.T) {
	h, st := newHandler(t)
	cfg := call(h)
	cfg.Members = 30
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			report, err := scimtest.Check(t.Context(), cfg)
			if err != nil || !report.OK() {
				t.Error(err, report)
			}
		})
	}
	wait.Wait()
	requireEmpty(t, st)
}

func TestStepNames(t *testing.T) {
	h, _ := newHandler(t)
	report, err := scimtest.Check(t.Context(), call(h))
	require.NoError(t, err)
	require.Len(t, report.Scripts, len(scimtest.Providers()))
	for i, sc := range report.Scripts {
		require.Equal(t, scimtest.Providers()[i], sc.Provider)
		seen := map[string]bool{}
		for _, st := range sc.Steps {
			require.False(t, seen[st.Name], "%s/%s is there twice", sc.Provider, st.Name)
			seen[st.Name] = true
			require.NotEmpty(t, st.Expect, st.Name)
			require.NotEmpty(t, st.Why, st.Name)
			require.NotEmpty(t, st.Exchanges, st.Name)
		}
		require.Greater(t, len(sc.Steps), 8, fmt.Sprint(sc.Provider))
	}
}

package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/oidc/internal/oidcbench"
	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// onlyAda is a host with one account.
type onlyAda struct{}

func (onlyAda) AccountByID(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{ID: oidcbench.AccountID, Email: oidcbench.Email, Member: true}, nil
}

func (a onlyAda) AccountByEmail(ctx context.Context, tx store.Store, tenantID, _ string) (oidc.Account, error) {
	return a.AccountByID(ctx, tx, tenantID, "")
}

// benchHandler is a handler whose providers are reached without a network.
func benchHandler(tb testing.TB, st store.Store, providers http.RoundTripper, signingAlg string) http.Handler {
	tb.Helper()
	require.NoError(tb, oidcbench.Prepare(tb.Context(), st, signingAlg))
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: []byte(strings.Repeat("k", 32))}}})
	require.NoError(tb, err)
	secret := tenant.NewSecret(oidcbench.ClientSecret)
	h, err := oidc.NewHandler(oidc.Config{
		BaseURL: oidcbench.Base, Store: st, Keys: keys, Accounts: onlyAda{}, HTTPClient: &http.Client{Transport: providers},
		OnLogin: oidc.LoginFunc(func(_ context.Context, w http.ResponseWriter, _ *http.Request, _ store.Store, l oidc.Login) error {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: l.Account.ID, Secure: true, HttpOnly: true})
			return nil
		}),
		Secrets: oidc.SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) { return secret, nil }),
	})
	require.NoError(tb, err)
	return h
}

// BenchmarkCallback is our callback with the provider's own time taken out, beside one RSA verification and one write to
// the store, in memory. oidc/internal/sqltest has the same on SQLite and PostgreSQL.
func BenchmarkCallback(b *testing.B) {
	p, err := oidcbench.NewProvider()
	require.NoError(b, err)
	st := memory.New()
	oidcbench.Callback(b, p, benchHandler(b, st, p, "RS256"), st)
}

// direct is a provider without a network, which counts its requests.
type direct struct{ idp *oidctest.Provider }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.idp.ServeHTTP(w, req)
	return w.Result(), nil
}

// firstSignIns lets many people sign in at once at a provider that nobody has asked for anything yet.
func firstSignIns(tb testing.TB, idp *oidctest.Provider, people int) {
	tb.Helper()
	h := benchHandler(tb, memory.New(), direct{idp}, "EdDSA")
	get := func(h http.Handler, target string, cookies []*http.Cookie) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, target, http.NoBody)
		for _, c := range cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w
	}
	var wg sync.WaitGroup
	for range people {
		wg.Go(func() {
			start := get(h, oidcbench.Base+"/login?return_to=/in&email="+oidcbench.Email, nil)
			page := get(idp, start.Header().Get("Location"), nil)
			done := get(h, page.Header().Get("Location"), start.Result().Cookies())
			if done.Code != http.StatusSeeOther || done.Header().Get("Location") != "/in" {
				tb.Errorf("status %d: %s", done.Code, done.Body)
			}
		})
	}
	wg.Wait()
}

func quickProvider(tb testing.TB) *oidctest.Provider {
	tb.Helper()
	key, err := oidctest.GenerateKey("k", "EdDSA")
	require.NoError(tb, err)
	p, err := oidctest.New(oidctest.Config{
		Issuer: oidcbench.Issuer, Keys: []oidctest.Key{key}, Users: []oidctest.User{{Subject: "s1", Email: oidcbench.Email}},
		Clients: []oidctest.Client{{ID: oidcbench.ClientID, Secret: oidcbench.ClientSecret}},
	})
	require.NoError(tb, err)
	return p
}

// TestThousandFirstSignIns: a thousand people at once cause one discovery and one key request.
func TestThousandFirstSignIns(t *testing.T) {
	t.Parallel()
	idp := quickProvider(t)
	firstSignIns(t, idp, 1000)
	require.Equal(t, 1, idp.Count(oidctest.Discovery))
	require.Equal(t, 1, idp.Count(oidctest.Keys))
	require.Equal(t, 1000, idp.Count(oidctest.Token))
	require.Empty(t, idp.Violations())
}

// BenchmarkThousandFirstSignIns is what those cost, the provider's work included, and the requests that they cause.
func BenchmarkThousandFirstSignIns(b *testing.B) {
	idp := quickProvider(b)
	for b.Loop() {
		firstSignIns(b, idp, 1000)
	}
	b.ReportMetric(float64(idp.Count(oidctest.Discovery))/float64(b.N), "discoveries/op")
	b.ReportMetric(float64(idp.Count(oidctest.Keys))/float64(b.N), "key-requests/op")
}

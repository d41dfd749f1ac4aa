// Package oidcbench measures sign-ins with the provider's own time taken out. The caller makes the handler and the store,
// so that the same is measured on each store.
package oidcbench

import (
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// What the handler has to have: its BaseURL, a client of the provider, and one account with this address, which is a member
// of the tenant.
const (
	Base         = "https://app.example.com/sso"
	ClientID     = "client"
	ClientSecret = "a-client-secret-for-benchmarks-only"
	Tenant       = "acme"
	AccountID    = "u-ada"
	Email        = "ada@acme.example"

	connection = "01990000-0000-7000-8000-000000000001"
	domain     = "01990000-0000-7000-8000-000000000002"
)

// Prepare gives the tenant an active connection to the provider, and a proven domain.
func Prepare(ctx context.Context, st store.Store, signingAlg string) error {
	now := time.Now()
	meta := func(id string) store.Meta { return store.Meta{ID: id, CreatedAt: now, UpdatedAt: now} }
	_, err := st.CreateConnection(ctx, Tenant, store.Connection{
		Meta: meta(connection), State: store.ConnectionActive, Authority: Issuer, Issuer: Issuer, ClientID: ClientID, SigningAlg: signingAlg,
	})
	if err == nil {
		_, err = st.CreateDomain(ctx, Tenant, store.Domain{Meta: meta(domain), ConnectionID: connection, Name: "acme.example", State: store.DomainVerified})
	}
	if err != nil {
		return fmt.Errorf("oidcbench: %w", err)
	}
	return nil
}

// batch is how many sign-ins are prepared before they are measured together.
const batch = 100

// signIn is a sign-in whose answer is on its way back.
type signIn struct {
	answer *http.Request
	token  signed
	w      *httptest.ResponseRecorder
}

// Callback measures the callback, from the provider's answer to the redirect into the application, as ns/op. floor-ns/op is
// what nobody can do without, measured in the same run: one RSA verification and one write to the store. ratio is the one
// by the other.
func Callback(b *testing.B, p *Provider, h http.Handler, st store.Store) {
	b.Helper()
	// A process with a few MiB of heap collects garbage all the time. Hosts have more.
	host := make([]byte, 64<<20)
	defer runtime.KeepAlive(host)
	var ours, floor time.Duration
	n := 0
	once := func() {
		all := make([]signIn, batch)
		for i := range all {
			all[i] = start(b, p, h)
		}
		p.took = 0
		began := time.Now()
		for _, s := range all {
			h.ServeHTTP(s.w, s.answer)
		}
		ours += time.Since(began) - p.took

		began = time.Now()
		for _, s := range all {
			if err := rsa.VerifyPKCS1v15(&p.key.PublicKey, crypto.SHA256, s.token.digest, s.token.signature); err != nil {
				b.Fatal(err)
			}
			token := store.Token{Kind: "floor", Key: strconv.Itoa(n), ExpiresAt: began.Add(time.Hour)}
			if err := st.PutToken(b.Context(), Tenant, token); err != nil {
				b.Fatal(err)
			}
			n++
		}
		floor += time.Since(began)
		for _, s := range all {
			s.check(b)
		}
	}
	once() // the first sign-in links; caches fill
	ours, floor = 0, 0
	warm := n
	for b.Loop() {
		once()
	}
	count := float64(n - warm)
	b.ReportMetric(float64(ours.Nanoseconds())/count, "ns/op")
	b.ReportMetric(float64(floor.Nanoseconds())/count, "floor-ns/op")
	b.ReportMetric(float64(ours)/float64(floor), "ratio")
}

// Answer begins a sign-in, and returns the function that brings the provider's answer to the callback.
func Answer(tb testing.TB, p *Provider, h http.Handler) (deliver func()) {
	tb.Helper()
	s := start(tb, p, h)
	return func() {
		h.ServeHTTP(s.w, s.answer)
		s.check(tb)
	}
}

// check fails if the sign-in did not lead into the application.
func (s signIn) check(tb testing.TB) {
	tb.Helper()
	if s.w.Code != http.StatusSeeOther || s.w.Header().Get("Location") != "/in" {
		tb.Fatalf("status %d: %s", s.w.Code, s.w.Body)
	}
}

// start begins a sign-in and lets the provider answer it.
func start(tb testing.TB, p *Provider, h http.Handler) signIn {
	tb.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, Base+"/login?return_to=/in&email="+url.QueryEscape(Email), http.NoBody))
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		tb.Fatalf("login: status %d, %v: %s", w.Code, err, w.Body)
	}
	q := u.Query()
	token, err := p.queue(q.Get("nonce"))
	if err != nil {
		tb.Fatal(err)
	}
	back := q.Get("redirect_uri") + "?" + url.Values{"code": {"c0de"}, "state": {q.Get("state")}, "iss": {Issuer}}.Encode()
	answer := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, back, http.NoBody)
	for _, c := range w.Result().Cookies() {
		answer.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return signIn{answer: answer, token: token, w: httptest.NewRecorder()}
}

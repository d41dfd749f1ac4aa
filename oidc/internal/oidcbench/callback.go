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
	"slices"
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

// Callback measures the callback of somebody who was here before, from the provider's answer to the redirect into the
// application, as ns/op. What Provider does is taken out: it stands for the network and all that lies behind it. What
// net/http does on our side of it, and the host's hooks, which do next to nothing here, are the callback's.
//
// floor-ns/op is what nobody can do without: one RSA verification with crypto/rsa, of the same token's signature, and the one
// store write that a sign-in makes to last, which is that the identity signed in at this time, together with its event in the
// journal. The write goes through the same API, to a record of the same size, and is as durable: with SQLite and PostgreSQL each
// waits for the disk once. ratio is the callback by the floor; it has to be 2 at most.
//
// least-ratio is the callback by a floor whose write is the smallest that there is: a token without content, and no event. No
// sign-in could do with it; it shows that the ratio does not rest on what an event costs.
//
// The three take turns, so that all meet the machine in the same state: a hundred equal writes in a row are faster than each is
// among other work. All figures are medians: others may use the machine.
func Callback(b *testing.B, p *Provider, h http.Handler, st store.Store) {
	b.Helper()
	// A process with a few MiB of heap collects garbage all the time. Hosts have more.
	host := make([]byte, 64<<20)
	defer runtime.KeepAlive(host)
	Answer(b, p, h)() // the first sign-in links, the second tells the floor what to write
	Answer(b, p, h)()
	writer, err := newWriter(b.Context(), st)
	if err != nil {
		b.Fatal(err)
	}
	var ours, floor, least []time.Duration
	n := 0
	once := func() {
		all := make([]signIn, batch)
		for i := range all {
			all[i] = start(b, p, h)
		}
		for _, s := range all {
			p.took = 0
			callback := timed(b, func() error {
				h.ServeHTTP(s.w, s.answer)
				return nil
			})
			ours = append(ours, callback-p.took)
			verify := timed(b, func() error {
				return rsa.VerifyPKCS1v15(&p.key.PublicKey, crypto.SHA256, s.token.digest, s.token.signature)
			})
			floor = append(floor, verify+timed(b, func() error { return writer.signedIn(b.Context()) }))
			least = append(least, verify+timed(b, func() error {
				return st.PutToken(b.Context(), Tenant, store.Token{Kind: "floor", Key: strconv.Itoa(n), ExpiresAt: time.Now().Add(time.Hour)})
			}))
			n++
		}
		for _, s := range all {
			s.check(b)
		}
	}
	once() // caches fill
	ours, floor, least = nil, nil, nil
	for b.Loop() {
		once()
	}
	b.ReportMetric(median(ours), "ns/op")
	b.ReportMetric(median(floor), "floor-ns/op")
	b.ReportMetric(median(ours)/median(floor), "ratio")
	b.ReportMetric(median(least), "least-ns/op")
	b.ReportMetric(median(ours)/median(least), "least-ratio")
}

// median is in nanoseconds.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Nanoseconds())
}

// timed runs a part of what is measured.
func timed(b *testing.B, fn func() error) time.Duration {
	b.Helper()
	began := time.Now()
	err := fn()
	took := time.Since(began)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// writer makes the write of a sign-in, for another identity than the one that signs in.
type writer struct {
	st       store.Store
	identity store.Identity
	event    store.Event
}

// newWriter takes the event of the last sign-in as its example.
func newWriter(ctx context.Context, st store.Store) (*writer, error) {
	events, err := st.Events(ctx, Tenant, store.EventQuery{TypePrefix: "oidc.signin.succeeded", Newest: true, Limit: 1})
	if err != nil || len(events) == 0 {
		return nil, fmt.Errorf("oidcbench: no event of a sign-in: %w", err)
	}
	now := store.Time(time.Now())
	w := &writer{st: st, event: events[0]}
	w.identity, err = st.CreateIdentity(ctx, Tenant, store.Identity{
		Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: connection, Issuer: Issuer, Subject: "subject-2",
		AccountID: "u-bob", Email: "bob@acme.example", LastSignInAt: now,
	})
	if err != nil {
		return nil, fmt.Errorf("oidcbench: %w", err)
	}
	return w, nil
}

// signedIn is the write.
func (w *writer) signedIn(ctx context.Context) (err error) {
	now := store.Time(time.Now())
	w.identity.LastSignInAt, w.identity.UpdatedAt = now, now
	w.event.ID, w.event.At = store.NewID(now), now
	w.identity, err = w.st.UpdateIdentity(ctx, Tenant, w.identity, w.event)
	return err
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

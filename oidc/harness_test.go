package oidc

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// app is a host for tests: accounts in a map, a session cookie, our handler on a loopback server.
type app struct {
	t        *testing.T
	store    store.Store
	handler  *Handler
	mux      *http.ServeMux
	url      string
	accounts *accounts
	log      *lockedBuffer

	mu     sync.Mutex
	logins []Login
	hook   func(w http.ResponseWriter, l Login) error
}

const sessionCookie = "app_session"

// newApp starts a host. change edits the configuration before the handler is made.
func newApp(t *testing.T, change ...func(*Config)) *app {
	t.Helper()
	st := memory.New()
	a := &app{t: t, store: st, accounts: &accounts{}, log: &lockedBuffer{}}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	a.url, a.mux = srv.URL, mux
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: []byte(strings.Repeat("k", 32))}}})
	require.NoError(t, err)
	cfg := Config{
		BaseURL: srv.URL + "/sso", Store: st, Keys: keys, Accounts: a.accounts, OnLogin: LoginFunc(a.onLogin),
		Secrets: SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) {
			return tenant.NewSecret(oidctest.DefaultClientSecret), nil
		}),
		InsecureAllowLoopback: true,
		Logger:                slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&cfg)
	}
	a.handler, err = NewHandler(cfg)
	require.NoError(t, err)
	mux.Handle(a.handler.Mount())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("home " + r.URL.RequestURI()))
	})
	return a
}

func (a *app) onLogin(_ context.Context, w http.ResponseWriter, _ *http.Request, _ store.Store, l Login) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: l.Account.ID, Path: "/", HttpOnly: true})
	if a.hook != nil {
		if err := a.hook(w, l); err != nil {
			return err
		}
	}
	a.logins = append(a.logins, l)
	return nil
}

func (a *app) lastLogin() Login {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	require.NotEmpty(a.t, a.logins, "nobody signed in")
	return a.logins[len(a.logins)-1]
}

func (a *app) loginCount() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.logins)
}

// connect gives a tenant an active connection to a provider, with a verified domain and one member.
func (a *app) connect(idp *oidctest.Server, tenantID, domain string, change ...func(*store.Connection)) store.Connection {
	a.t.Helper()
	now := time.Now()
	c := store.Connection{
		Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, State: store.ConnectionActive,
		Authority: idp.Issuer(), Issuer: idp.Issuer(), ClientID: oidctest.DefaultClientID,
	}
	for _, f := range change {
		f(&c)
	}
	c, err := a.store.CreateConnection(a.t.Context(), tenantID, c)
	require.NoError(a.t, err)
	if domain != "" {
		a.domain(tenantID, c.ID, domain, false)
	}
	return c
}

func (a *app) domain(tenantID, connectionID, name string, subdomains bool) {
	a.t.Helper()
	now := time.Now()
	_, err := a.store.CreateDomain(a.t.Context(), tenantID, store.Domain{
		Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: connectionID, Name: name,
		State: store.DomainVerified, Subdomains: subdomains,
	})
	require.NoError(a.t, err)
}

func (a *app) events(tenantID, prefix string) []store.Event {
	a.t.Helper()
	events, err := a.store.Events(a.t.Context(), tenantID, store.EventQuery{TypePrefix: prefix})
	require.NoError(a.t, err)
	return events
}

// signIn walks through a whole sign-in in a new browser.
func (a *app) signIn(email string) view {
	a.t.Helper()
	return a.browser().get(a.url + "/sso/login?email=" + url.QueryEscape(email) + "&return_to=/inside")
}

// browser is an HTTP client with a cookie jar.
func (a *app) browser() *browser {
	a.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(a.t, err)
	b := &browser{t: a.t, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	return b
}

type browser struct {
	t      *testing.T
	client *http.Client
	// stopAt ends following redirects before a URL that contains it; the answer's location is then what is left.
	stopAt string
}

// view is what the browser shows in the end.
type view struct {
	status   int
	body     string
	url      string
	location string
	header   http.Header
	session  string
}

func (b *browser) get(target string) view {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, target, http.NoBody)
	require.NoError(b.t, err)
	return b.do(req)
}

func (b *browser) post(target string, form url.Values) view {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

func (b *browser) do(req *http.Request) view {
	b.t.Helper()
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if b.stopAt != "" && strings.Contains(r.URL.String(), b.stopAt) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	res, err := b.client.Do(req)
	require.NoError(b.t, err)
	defer res.Body.Close()
	var body strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := res.Body.Read(buf)
		body.Write(buf[:n])
		if err != nil {
			break
		}
	}
	p := view{status: res.StatusCode, body: body.String(), url: res.Request.URL.String(), location: res.Header.Get("Location"), header: res.Header}
	for _, c := range b.client.Jar.Cookies(req.URL) {
		if c.Name == sessionCookie {
			p.session = c.Value
		}
	}
	return p
}

// accounts is the host's table of accounts.
type accounts struct {
	mu   sync.Mutex
	list []testAccount
	made int
}

type testAccount struct {
	Account
	tenantID string
}

func (s *accounts) add(tenantID, id, email string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, testAccount{Account{ID: id, Email: email}, tenantID})
}

func (s *accounts) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.list {
		if a.ID == id {
			s.list = append(s.list[:i], s.list[i+1:]...)
			return
		}
	}
}

func (s *accounts) find(tenantID string, match func(Account) bool) (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.list {
		if match(a.Account) {
			acct := a.Account
			acct.Member = a.tenantID == tenantID
			return acct, nil
		}
	}
	return Account{}, store.ErrNotFound
}

func (s *accounts) AccountByID(_ context.Context, _ store.Store, tenantID, id string) (Account, error) {
	return s.find(tenantID, func(a Account) bool { return a.ID == id })
}

func (s *accounts) AccountByEmail(_ context.Context, _ store.Store, tenantID, email string) (Account, error) {
	return s.find(tenantID, func(a Account) bool { return strings.EqualFold(a.Email, email) })
}

func (s *accounts) CreateAccount(_ context.Context, _ store.Store, tenantID string, n NewAccount) (Account, error) {
	s.mu.Lock()
	s.made++
	id := "jit-" + n.Email
	s.mu.Unlock()
	s.add(tenantID, id, n.Email)
	return Account{ID: id, Email: n.Email, Member: true}, nil
}

// lockedBuffer collects log lines.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

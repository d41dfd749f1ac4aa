package realidp

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	ada          = "ada@acme.example"
	password     = "a-password-for-tests-only"
	clientSecret = "a-client-secret-for-tests-only"
)

// clientKey is what all applications use for private_key_jwt.
var clientKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// app is an application with one customer: sessions in a map, Ada's account, and one connection to the provider.
type app struct {
	t            *testing.T
	url          string
	log          *output
	handler      *oidc.Handler
	store        store.Store
	connectionID string
	secret       string

	mu          sync.Mutex
	sessions    map[string]oidc.Login
	logins      []oidc.Login
	revocations []oidc.Revocation
	tests       []oidc.TestResult
	callbacks   []callback
	requests    []*http.Request
	answers     []string // content types
}

// callback is how the provider's answer arrived.
type callback struct {
	method string
	form   url.Values
}

// newApp starts an application on loopback: with TLS it asks for form_post.
func newApp(t *testing.T, withTLS bool) *app {
	t.Helper()
	mux := http.NewServeMux()
	srv := httptest.NewUnstartedServer(mux)
	if withTLS {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	a := &app{t: t, url: srv.URL, log: &output{}, store: memory.New(), connectionID: store.NewID(time.Now()), secret: clientSecret, sessions: map[string]oidc.Login{}}
	t.Cleanup(func() {
		if said := a.log.String(); t.Failed() && said != "" {
			t.Logf("an application said:\n%s", said)
		}
	})
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: make([]byte, 32)}}})
	require.NoError(t, err)
	outbound := tenant.NewOutboundClient(tenant.OutboundConfig{InsecureAllowLoopback: true})
	outbound.Transport = recorder{a, outbound.Transport}
	a.handler, err = oidc.NewHandler(oidc.Config{
		BaseURL: a.url + "/sso", Store: a.store, Keys: keys, Accounts: a, OnLogin: oidc.LoginFunc(a.onLogin),
		Sessions: oidc.SessionRevokerFunc(a.revoke),
		Secrets: oidc.SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) {
			return tenant.NewSecret(a.secret), nil
		}),
		OnTest: oidc.TestFunc(func(_ context.Context, r oidc.TestResult) error {
			a.tests = append(a.tests, r)
			return nil
		}),
		RefreshTokens:         func(store.Connection) bool { return true },
		ClientKeys:            []oidc.ClientKey{{ID: "app", Signer: clientKey()}},
		AlwaysUserinfo:        true,
		FormPost:              withTLS,
		HTTPClient:            outbound,
		InsecureAllowLoopback: true,
		Logger:                slog.New(slog.NewTextHandler(a.log, nil)),
	})
	require.NoError(t, err)
	pattern, handler := a.handler.Mount()
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/signin-oidc/") && r.ParseForm() == nil {
			a.mu.Lock()
			a.callbacks = append(a.callbacks, callback{r.Method, r.Form})
			a.mu.Unlock()
		}
		handler.ServeHTTP(w, r)
	})
	mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
		maxAge, _ := time.ParseDuration(r.FormValue("max_age")) // none is zero
		a.handler.StartLogin(w, r, oidc.LoginRequest{
			TenantID: "acme", ConnectionID: a.connectionID, ReturnTo: "/inside", Prompt: strings.Fields(r.FormValue("prompt")), MaxAge: maxAge,
		})
	})
	mux.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
		a.handler.StartTest(w, r, oidc.TestRequest{TenantID: "acme", ConnectionID: a.connectionID, ReturnTo: "/tested"})
	})
	mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) {
		login, _ := a.end(r)
		a.handler.StartLogout(w, r, oidc.LogoutRequest{TenantID: "acme", ConnectionID: a.connectionID, IDToken: login.IDToken, ReturnTo: "/bye"})
	})
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := a.session(r); !ok {
			http.Error(w, "signed out", http.StatusUnauthorized)
			return
		}
		w.Write([]byte("inside"))
	})
	mux.HandleFunc("/bye", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("bye")) })
	mux.HandleFunc("/tested", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("tested")) })
	return a
}

// connect stores the connection as the check of the provider found it. alg is the algorithm of ID tokens that the
// administrator chose, "" for what the check found.
func (a *app) connect(issuer, clientID, auth, alg string) {
	a.t.Helper()
	now := time.Now()
	report, err := oidc.NewChecker(oidc.CheckerConfig{InsecureAllowLoopback: true}).CheckProvider(a.t.Context(), tenant.ProviderRequest{Authority: issuer})
	require.NoError(a.t, err)
	require.Equal(a.t, issuer, report.Issuer, "%+v", report.Findings)
	for _, f := range report.Findings {
		require.NotEqual(a.t, tenant.SeverityError, f.Severity, "%+v", f)
	}
	_, err = a.store.CreateConnection(a.t.Context(), "acme", store.Connection{
		Meta: store.Meta{ID: a.connectionID, CreatedAt: now, UpdatedAt: now}, State: store.ConnectionActive,
		Authority: issuer, Issuer: report.Issuer, ClientID: clientID, ClientAuth: auth, SigningAlg: cmp.Or(alg, report.SigningAlg),
	})
	require.NoError(a.t, err)
	_, err = a.store.CreateDomain(a.t.Context(), "acme", store.Domain{
		Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: a.connectionID, Name: "acme.example", State: store.DomainVerified,
	})
	require.NoError(a.t, err)
}

// AccountByID finds the one account that there is.
func (a *app) AccountByID(_ context.Context, _ store.Store, _, id string) (oidc.Account, error) {
	return oidc.Account{ID: id, Email: ada, Member: true}, nil
}

// AccountByEmail finds Ada's.
func (a *app) AccountByEmail(_ context.Context, _ store.Store, _, email string) (oidc.Account, error) {
	if email != ada {
		return oidc.Account{}, store.ErrNotFound
	}
	return oidc.Account{ID: "u-ada", Email: email, Member: true}, nil
}

func (a *app) onLogin(_ context.Context, w http.ResponseWriter, _ *http.Request, _ store.Store, l oidc.Login) error {
	id := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: a.cookie(), Value: id, Path: "/", HttpOnly: true})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions[id] = l
	a.logins = append(a.logins, l)
	return nil
}

// revoke ends sessions as oidc.Revocation tells.
func (a *app) revoke(_ context.Context, _ store.Store, r oidc.Revocation) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revocations = append(a.revocations, r)
	for id, l := range a.sessions {
		switch {
		case l.TenantID != r.TenantID || l.Issuer != r.Issuer,
			r.Subject != "" && l.Subject != r.Subject,
			r.SessionID != "" && l.SessionID != r.SessionID && (r.Subject == "" || l.SessionID != ""):
		default:
			delete(a.sessions, id)
		}
	}
	return nil
}

// cookie is the session cookie's name: browsers don't keep the cookies of two ports apart.
func (a *app) cookie() string { return "session_" + a.connectionID }

func (a *app) session(r *http.Request) (oidc.Login, bool) {
	c, err := r.Cookie(a.cookie())
	if err != nil {
		return oidc.Login{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	l, ok := a.sessions[c.Value]
	return l, ok
}

// end ends the session of a request.
func (a *app) end(r *http.Request) (oidc.Login, bool) {
	l, ok := a.session(r)
	if ok {
		c, _ := r.Cookie(a.cookie())
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.sessions, c.Value)
	}
	return l, ok
}

func (a *app) lastLogin() oidc.Login {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	require.NotEmpty(a.t, a.logins, "nobody signed in")
	return a.logins[len(a.logins)-1]
}

func (a *app) lastCallback() callback {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	require.NotEmpty(a.t, a.callbacks, "the provider sent no answer")
	return a.callbacks[len(a.callbacks)-1]
}

// revoked returns what providers ended, for this reason.
func (a *app) revoked(reason string) []oidc.Revocation {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []oidc.Revocation
	for _, r := range a.revocations {
		if r.Reason == reason {
			out = append(out, r)
		}
	}
	return out
}

// open returns the sessions that there are.
func (a *app) open() []oidc.Login {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.sessions))
}

// posts returns the POSTs that our handler sent to the provider with this grant type, or with none for "".
func (a *app) posts(grantType string) []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*http.Request
	for _, r := range a.requests {
		if r.Method == http.MethodPost && r.PostForm.Get("grant_type") == grantType {
			out = append(out, r)
		}
	}
	return out
}

// recorder keeps what an application sends to its provider.
type recorder struct {
	app  *app
	next http.RoundTripper
}

func (c recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(context.WithoutCancel(r.Context()))
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		sent.Body = body
		if err := sent.ParseForm(); err != nil {
			return nil, err
		}
	}
	c.app.mu.Lock()
	c.app.requests = append(c.app.requests, sent)
	c.app.mu.Unlock()
	res, err := c.next.RoundTrip(r)
	if err == nil {
		c.app.mu.Lock()
		c.app.answers = append(c.app.answers, res.Header.Get("Content-Type"))
		c.app.mu.Unlock()
	}
	return res, err
}

// authentication names the way in which a request proves who the client is (OpenID Connect Core section 9).
func authentication(r *http.Request) string {
	_, _, basic := r.BasicAuth()
	switch form := r.PostForm; {
	case basic && !form.Has("client_secret") && !form.Has("client_assertion"):
		return "client_secret_basic"
	case form.Has("client_secret") && !form.Has("client_assertion"):
		return "client_secret_post"
	case form.Has("client_assertion"):
		return "private_key_jwt"
	case form.Has("client_id"):
		return "none"
	}
	return "unknown"
}

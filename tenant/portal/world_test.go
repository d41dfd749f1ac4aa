package portal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
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
	org        = "org-1"
	other      = "org-2"
	testSecret = "s3cr3t-that-nobody-may-see"
)

// world is a host with the portal on a server: owner, member and staff sign in by a header-like cookie.
type world struct {
	mu       sync.Mutex
	now      time.Time
	proven   map[string]bool
	denied   map[tenant.Action]bool
	store    *memory.Store
	tenants  *tenant.Service
	login    *oidc.Handler
	portal   *Handler
	server   *httptest.Server
	report   tenant.ProviderReport
	changed  map[string]int
	hostDown error
	// slow is how the provider takes its time.
	slow func() error
}

type organisation string

func (o organisation) TenantID() string   { return string(o) }
func (o organisation) TenantName() string { return "Organisation " + string(o) }

// who are the host's people, by the value of their session cookie.
var who = map[string]tenant.Actor{
	"owner":    {Kind: tenant.ActorOwner, ID: "u-owner", Email: "owner@acme.com", Name: "Olga Owner"},
	"stranger": {Kind: tenant.ActorOwner, ID: "u-stranger", Email: "owner@globex.com", Name: "Stan Stranger"},
	"member":   {Kind: "member", ID: "u-member", Email: "member@acme.com", Name: "Mia Member"},
	"staff":    {Kind: tenant.ActorStaff, ID: "u-staff", Email: "staff@host.example", Name: "Sten Staff"},
}

var orgOf = map[string]string{"u-owner": org, "u-member": org, "u-stranger": other}

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	w := &world{
		store: memory.New(), now: time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC), proven: map[string]bool{}, denied: map[tenant.Action]bool{}, changed: map[string]int{}, slow: func() error { return nil },
		report: tenant.ProviderReport{
			Issuer: "https://login.acme.com", ClientAuth: tenant.ClientSecretBasic, SigningAlg: "RS256",
			Findings: []tenant.Finding{{Field: tenant.FieldAuthority, Code: "discovery", Severity: tenant.SeverityOK, Message: "The discovery document was read."}},
		},
	}
	mux := http.NewServeMux()
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
	require.NoError(t, err)
	base := w.server.URL + "/settings/sso"
	names := tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) {
		if id != org && id != other {
			return nil, store.ErrNotFound
		}
		return organisation(id), nil
	})
	w.tenants, err = tenant.New(tenant.Config{
		Store: w.store, Keyring: ring, Tenants: names, DomainValidator: w, Now: w.clock,
		Authorizer: tenant.AuthorizerFunc(w.can),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return w.report, w.slow()
		}),
		SCIMBaseURL: w.server.URL + "/scim/v2", SCIMFields: []string{"title"}, SetupLinkBaseURL: SetupLinkBaseURL(base),
	})
	require.NoError(t, err)
	w.login, err = oidc.NewHandler(oidc.Config{
		BaseURL: w.server.URL + "/sso", Store: w.store, Secrets: w.tenants, Keys: ring, Accounts: noAccounts{}, OnLogin: noAccounts{},
		OnTest: oidc.RecordTests(w.tenants), InsecureAllowLoopback: true, Now: w.clock,
	})
	require.NoError(t, err)
	cfg := Config{
		BaseURL: base, Tenants: w.tenants, Login: w.login, Store: w.store, Names: names, Authorize: w.authorize, SignInURL: "/login", Now: w.clock,
		Brand: Brand{Name: "On Call"}, Changed: func(id string) { w.mu.Lock(); w.changed[id]++; w.mu.Unlock() },
	}
	for _, c := range change {
		c(&cfg)
	}
	w.portal, err = New(cfg)
	require.NoError(t, err)
	mux.Handle(w.portal.Mount())
	mux.Handle(w.login.Mount())
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) can(_ context.Context, a tenant.Actor, action tenant.Action, tenantID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	staffOnly := action == tenant.ActionReview || action == tenant.ActionVerifyDomain || action == tenant.ActionSuspendTenant || action == tenant.ActionRemoveTenant || action == tenant.ActionExportTenant
	switch {
	case w.denied[action]:
	case a.Kind == tenant.ActorSetupLink:
		return nil
	case a.Kind == tenant.ActorStaff && (staffOnly || action == tenant.ActionViewConnection || action == tenant.ActionViewAudit):
		return nil
	case a.Kind == tenant.ActorOwner && !staffOnly && orgOf[a.ID] == tenantID:
		return nil
	}
	return tenant.ErrForbidden
}

// authorize is the host's session.
func (w *world) authorize(r *http.Request, tenantID string, action tenant.Action) (Visitor, error) {
	if w.hostDown != nil {
		return Visitor{}, w.hostDown
	}
	c, err := r.Cookie("session")
	if err != nil {
		return Visitor{}, ErrSignIn
	}
	a, ok := who[c.Value]
	if !ok {
		return Visitor{}, ErrSignIn
	}
	if tenantID != "" && a.Kind != tenant.ActorStaff && orgOf[a.ID] != tenantID {
		return Visitor{}, store.ErrNotFound
	}
	return Visitor{Actor: a}, w.can(r.Context(), a, action, tenantID)
}

// Validate makes the world its own DomainValidator.
func (w *world) Validate(_ context.Context, c tenant.DomainClaim) (tenant.DomainProof, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proven[c.Name] {
		return tenant.DomainProof{Proven: true, Method: tenant.MethodDNS, Finding: tenant.Finding{Field: tenant.FieldDomains, Code: tenant.CodeDomainProven, Severity: tenant.SeverityOK, Message: "ok"}}, nil
	}
	return tenant.DomainProof{Method: tenant.MethodDNS, Finding: tenant.Finding{
		Field: tenant.FieldDomains, Code: tenant.CodeDomainRecordMissing, Severity: tenant.SeverityError, Message: "There is no TXT record yet.",
	}}, nil
}

// DomainInstructions are those of a DNS validator.
func (w *world) DomainInstructions(c tenant.DomainClaim) []tenant.DomainInstruction {
	return []tenant.DomainInstruction{{Method: tenant.MethodDNS, Type: "TXT", Name: "_tenantgate-challenge." + c.Name, ShortName: "_tenantgate-challenge", Value: "tenantgate-verification=" + c.Token}}
}

type noAccounts struct{}

func (noAccounts) AccountByID(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{}, store.ErrNotFound
}

func (noAccounts) AccountByEmail(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{}, store.ErrNotFound
}

func (noAccounts) OnLogin(context.Context, http.ResponseWriter, *http.Request, store.Store, oidc.Login) error {
	return errors.New("nobody signs in here")
}

// browser is a person's browser, which follows redirects within the portal.
type browser struct {
	t      testing.TB
	w      *world
	client *http.Client
	header http.Header
}

// as opens a browser in which somebody is signed in; empty is nobody.
func (w *world) as(t testing.TB, session string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	u, err := url.Parse(w.server.URL)
	require.NoError(t, err)
	if session != "" {
		jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: session}})
	}
	return &browser{t: t, w: w, header: http.Header{}, client: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != u.Host || !strings.HasPrefix(r.URL.Path, "/settings/sso") {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// answer is a page as it came.
type answer struct {
	status int
	body   string
	header http.Header
	url    *url.URL
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	for k, v := range b.header {
		r.Header[k] = v
	}
	res, err := b.client.Do(r)
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	require.NotContains(b.t, string(body), testSecret, "no page shows a secret")
	return answer{res.StatusCode, string(body), res.Header, res.Request.URL}
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.w.server.URL + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return r
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(b.request(http.MethodPost, path, form))
}

// at is the address of one of the owner's pages.
func at(path string) string { return "/settings/sso/t/" + org + path }

// draft is a complete one.
func draft() tenant.Draft {
	return tenant.Draft{
		Name: "Acme login", Domains: []string{"acme.com, ops.example"}, Authority: "https://login.acme.com", ClientID: "client-1",
		ClientSecret: tenant.NewSecret(testSecret), BreakGlass: []string{"admin@acme.com"},
	}
}

func (w *world) draft(t testing.TB) tenant.Connection {
	t.Helper()
	c, _, err := w.tenants.CreateDraft(t.Context(), who["owner"], org, draft())
	require.NoError(t, err)
	return c
}

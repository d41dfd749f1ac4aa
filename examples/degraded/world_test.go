package degraded

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	org    = "acme"
	domain = "acme.example"
	glass  = "root@acme.example"
)

// world is a host with one tenant: an enforced connection, a directory, people and a group.
type world struct {
	t      *testing.T
	st     store.Store
	db     *host.DB
	idp    *oidctest.Server
	svc    *tenant.Service
	login  *oidc.Handler
	engine *provisioning.Engine
	url    string
	key    string
	conn   tenant.Connection
	owner  tenant.Actor
	staff  tenant.Actor
	users  map[string]string // SCIM IDs by name

	mails    []string
	mailErr  error
	readOnly atomic.Bool
	plan     tenant.Included
	planErr  error
	dnsGone  bool
}

func keyring(t *testing.T, b byte) *tenant.Keyring {
	t.Helper()
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: string('a' + rune(b)), Bytes: bytes.Repeat([]byte{b}, 32)}}})
	require.NoError(t, err)
	return ring
}

// newWorld makes it on a store in memory, which can be made read-only.
func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(t.Name())+"?mode=memory&_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	own, err := host.OpenDB(t.Context(), db, host.Dialect{})
	require.NoError(t, err)
	return newWorldOn(t, own, func(w *world) store.Store { return storetest.ReadOnly(memory.New(), w.readOnly.Load) })
}

// newWorldOn makes it on the host's tables and the store of the same database.
func newWorldOn(t *testing.T, own *host.DB, st func(*world) store.Store) *world {
	t.Helper()
	w := &world{t: t, db: own, plan: tenant.Included{SSO: true, SCIM: true}, users: map[string]string{}}
	w.st = st(w)
	w.people()
	w.idp = oidctest.NewServer(t)
	var users []oidctest.User
	for _, name := range []string{"ada", "bob"} {
		users = append(users, oidctest.User{Subject: "sub-" + name, Email: name + "@" + domain, Name: name})
	}
	w.idp.SetUsers(users...)
	w.svc = w.service(keyring(t, 1))
	w.handlers()
	w.activate()
	for _, name := range []string{"ada", "bob", "cleo", "dan"} {
		status, body := w.scim(http.MethodPost, "/Users", user(name))
		require.Equal(t, 201, status, body)
		w.users[name] = idOf(t, body)
	}
	w.sync()
	require.Equal(t, 200, w.signIn("ada").status, "ada has signed in before")
	return w
}

func (w *world) people() {
	w.t.Helper()
	ctx := w.t.Context()
	require.NoError(w.t, w.db.AddOrg(ctx, host.Org{ID: host.StaffOrg, Name: "Staff"}))
	require.NoError(w.t, w.db.AddOrg(ctx, host.Org{ID: org, Name: "Acme", RootUserID: "root"}))
	add := func(u host.User) tenant.Actor {
		require.NoError(w.t, w.db.AddUser(ctx, nil, u, host.DemoPassword))
		return host.Actor(u)
	}
	w.owner = add(host.User{ID: "root", OrgID: org, Email: glass, Name: "Root", Source: store.SourceManual, Active: true, OrgRole: host.RoleOwner})
	w.staff = add(host.User{ID: "staff", OrgID: host.StaffOrg, Email: host.StaffEmail, Name: "Staff", Source: store.SourceManual, Active: true, OrgRole: host.RoleMember})
}

// entitled is the host's billing.
func (w *world) entitled(context.Context, string) (tenant.Included, error) { return w.plan, w.planErr }

// mail stands for a queue.
func (w *world) mail(_ context.Context, _ store.Store, _ string, p tenant.Person, o tenant.Offer) error {
	if w.mailErr != nil {
		return w.mailErr
	}
	w.mails = append(w.mails, p.Email+" "+string(o))
	return nil
}

// Validate makes the world the tenant.DomainValidator.
func (w *world) Validate(_ context.Context, _ tenant.DomainClaim) (tenant.DomainProof, error) {
	if w.dnsGone {
		return tenant.DomainProof{Method: tenant.MethodDNS, Absent: true, Finding: tenant.Finding{Field: tenant.FieldDomains, Code: tenant.CodeDomainRecordMissing, Severity: tenant.SeverityError, Message: "Publish the record again."}}, nil
	}
	return tenant.DomainProof{Proven: true, Method: tenant.MethodDNS, Finding: tenant.Finding{Field: tenant.FieldDomains, Code: tenant.CodeDomainProven, Severity: tenant.SeverityOK, Message: "ok"}}, nil
}

func (w *world) service(ring *tenant.Keyring) *tenant.Service {
	w.t.Helper()
	target := host.Target{DB: w.db}
	var err error
	w.engine, err = provisioning.New(provisioning.Config{
		Store: w.st, Target: target, Authorizer: w.db, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(),
	})
	require.NoError(w.t, err)
	svc, err := tenant.New(tenant.Config{
		Users: tenant.HostUsersFunc(w.db.AssociatedUsers), People: host.People{DB: w.db, Mail: w.mail}, Releaser: w.engine.Releaser(),
		Store: w.st, Keyring: ring, Tenants: w.db, Authorizer: w.db, DomainValidator: w, ProviderChecker: oidc.NewChecker(oidc.CheckerConfig{InsecureAllowLoopback: true}),
		Entitlements: tenant.EntitlementsFunc(w.entitled), LocalCredentials: w.db, Reviewer: tenant.AutoApprove(),
		AllowAuthorityPorts: true, InsecureAllowLoopback: true, InsecureSkipTestSignIn: true,
	})
	require.NoError(w.t, err)
	return svc
}

func (w *world) handlers() {
	t := w.t
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	var err error
	w.login, err = oidc.NewHandler(oidc.Config{
		BaseURL: w.url + "/sso", Store: w.st, Keys: keyring(t, 3), Accounts: host.Accounts{DB: w.db}, OnLogin: w.db, Gate: w.svc, Sessions: w.db,
		Secrets: oidc.SecretsFunc(func(ctx context.Context, c store.Connection) (tenant.Secret, error) {
			return w.svc.ClientSecret(ctx, c)
		}),
		InsecureAllowLoopback: true,
	})
	require.NoError(t, err)
	target := host.Target{DB: w.db}
	policy, err := provisioning.NewPolicy(provisioning.PolicyConfig{Store: w.st, Target: target, Entitlements: tenant.EntitlementsFunc(w.entitled)})
	require.NoError(t, err)
	dir, err := scim.NewHandler(scim.Config{BaseURL: w.url + "/scim/v2", Store: w.st, Authenticator: scim.APIKeys(w.svc), Policy: policy})
	require.NoError(t, err)
	mux.Handle(w.login.Mount())
	mux.Handle(dir.Mount())
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "home") })
}

// activate sets the tenant up: an enforced connection and a directory with a key.
func (w *world) activate() {
	t, ctx := w.t, w.t.Context()
	c, _, err := w.svc.CreateDraft(ctx, w.owner, org, tenant.Draft{
		Name: "Acme", Domains: []string{domain}, Authority: w.idp.Issuer(), ClientID: oidctest.DefaultClientID,
		ClientSecret: tenant.NewSecret(oidctest.DefaultClientSecret), BreakGlass: []string{glass}, SCIM: store.SCIMPreferences{Wanted: true},
	})
	require.NoError(t, err)
	c, _, err = w.svc.Submit(ctx, w.owner, org, c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionApproved, c.State)
	for _, d := range c.Domains {
		_, err := w.svc.CheckDomain(ctx, w.owner, org, d.ID)
		require.NoError(t, err)
	}
	w.conn, err = w.svc.Activate(ctx, w.owner, org, c.ID, c.Version, tenant.Activation{Enforced: true})
	require.NoError(t, err)
	key, _, err := w.svc.CreateAPIKey(ctx, w.owner, org, tenant.NewAPIKey{Name: "directory"})
	require.NoError(t, err)
	w.key = key.Reveal()
}

func (w *world) sync() {
	w.t.Helper()
	_, err := w.engine.Sync(w.t.Context(), org)
	require.NoError(w.t, err)
}

// answer is what a client got.
type answer struct {
	status     int
	code       string
	retryAfter string
}

// address is that of a person of the tenant, unless it is one already.
func address(name string) string {
	if strings.Contains(name, "@") {
		return name
	}
	return name + "@" + domain
}

// signIn walks through a sign-in in a new browser. A refusal is asked for as JSON.
func (w *world) signIn(name string) answer {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/sso/login?email="+url.QueryEscape(address(name)), http.NoBody)
	require.NoError(w.t, err)
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	var problem struct {
		Code string `json:"code"`
	}
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	_ = json.Unmarshal(body, &problem) // the home page is none
	if res.StatusCode == http.StatusOK {
		require.Equal(w.t, "home", string(body))
	}
	return answer{res.StatusCode, problem.Code, res.Header.Get("Retry-After")}
}

// scimAnswer sends a directory's request; the code of a refusal is that in the journal.
func (w *world) scimAnswer(method, path string, body any) (answer, string) {
	w.t.Helper()
	var data []byte
	if body != nil {
		var err error
		data, err = json.Marshal(body)
		require.NoError(w.t, err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+"/scim/v2/"+org+path, bytes.NewReader(data))
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+w.key)
	req.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	a := answer{status: res.StatusCode, retryAfter: res.Header.Get("Retry-After")}
	if a.status >= 400 {
		a.code = tenant.ErrorCodeUnavailable // what is not in the journal
		if !strings.Contains(string(out), "can't store changes") && !w.readOnly.Load() {
			events, err := w.st.Events(w.t.Context(), org, store.EventQuery{TypePrefix: provisioning.EventRefused, Newest: true, Limit: 1})
			require.NoError(w.t, err)
			require.NotEmpty(w.t, events, string(out))
			require.Contains(w.t, string(out), events[0].Message)
			a.code = events[0].Code
		}
	}
	return a, string(out)
}

func (w *world) scim(method, path string, body any) (int, string) {
	w.t.Helper()
	a, text := w.scimAnswer(method, path, body)
	return a.status, text
}

func user(name string) map[string]any {
	return map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name + "@" + domain, "active": true,
		"emails": []map[string]any{{"value": name + "@" + domain, "primary": true}},
	}
}

func idOf(t *testing.T, body string) string {
	t.Helper()
	var v struct {
		ID string `json:"id"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &v))
	return v.ID
}

// refusalOf is what a host answers for an error of package tenant.
func refusalOf(err error) answer {
	switch {
	case err == nil:
		return answer{}
	case errors.Is(err, tenant.ErrForbidden):
		return answer{status: 403, code: tenant.CodeOf(err)}
	case errors.Is(err, tenant.ErrUnavailable), errors.Is(err, store.ErrUnavailable):
		return answer{status: 503, code: tenant.CodeOf(err), retryAfter: "30"}
	}
	return answer{status: 500, code: err.Error()}
}

func confirm(p provisioning.Plan) provisioning.Confirm { return provisioning.Confirm{Hash: p.Hash} }

// scimRaw sends a directory's request and returns the answer as it is.
func (w *world) scimRaw(method, path string) (status int, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+"/scim/v2/"+org+path, http.NoBody)
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+w.key)
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return res.StatusCode, string(out)
}

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

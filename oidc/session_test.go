package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// sessions is a host's session table, used as LoginHook asks for: a new session with a new ID, and an end to the one that
// the browser had.
type sessions struct {
	mu   sync.Mutex
	open map[string]string // account by session ID
	fail error
}

func (s *sessions) OnLogin(_ context.Context, w http.ResponseWriter, r *http.Request, _ store.Store, l Login) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, err := r.Cookie(sessionCookie); err == nil {
		delete(s.open, c.Value)
	}
	id := rand.Text()
	s.open[id] = l.Account.ID
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true})
	return s.fail
}

func (s *sessions) whoami(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := r.Cookie(sessionCookie)
	if err != nil || s.open[c.Value] == "" {
		http.Error(w, "nobody", http.StatusUnauthorized)
		return
	}
	w.Write([]byte(s.open[c.Value]))
}

// TestS11_SessionFixation: what an attacker put into the victim's browser before the sign-in is worth nothing after it.
func TestS11_SessionFixation(t *testing.T) {
	proves(t)
	t.Parallel()
	table := &sessions{open: map[string]string{}}
	idp := oidctest.NewServer(t)
	a := newApp(t, func(c *Config) { c.OnLogin = table })
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	a.mux.HandleFunc("/me", table.whoami)
	base, err := url.Parse(a.url)
	require.NoError(t, err)

	const planted = "planted-by-the-attacker"
	table.open[planted] = "u-attacker"
	victim, attacker := a.browser(), a.browser()
	for _, b := range []*browser{victim, attacker} {
		b.client.Jar.SetCookies(base, []*http.Cookie{{Name: sessionCookie, Value: planted, Path: "/"}})
	}
	require.Equal(t, "u-attacker", victim.get(a.url+"/me").body)
	p := victim.get(a.url + "/sso/login?email=" + oidctest.DefaultEmail)
	require.Equal(t, 200, p.status, p.body)
	require.NotEqual(t, planted, p.session)
	require.Equal(t, "u-ada", victim.get(a.url+"/me").body)
	require.Equal(t, 401, attacker.get(a.url+"/me").status, "the planted session is dead")

	first := p.session
	p = victim.get(a.url + "/sso/login?email=" + oidctest.DefaultEmail)
	require.NotEqual(t, first, p.session, "each sign-in begins a session of its own")
	require.Len(t, table.open, 1)

	// A sign-in that the host refuses leaves the browser as it was: no cookie of a session that was rolled back.
	table.fail = errors.Join(ErrDenied, errors.New("not today"))
	stranger := a.browser()
	p = stranger.get(a.url + "/sso/login?email=" + oidctest.DefaultEmail)
	require.Equal(t, 403, p.status)
	require.Empty(t, p.session)
}

// TestS28_IssuerOfALiveConnection: what was linked, sealed and remembered at one provider is worth nothing at another.
func TestS28_IssuerOfALiveConnection(t *testing.T) {
	proves(t)
	t.Parallel()
	ended := &revoker{}
	old, other := oidctest.NewServer(t), oidctest.NewServer(t)
	a := newApp(t, withRefresh, func(c *Config) { c.Sessions = ended })
	c := a.connect(old, "acme", "acme.example", func(c *store.Connection) { c.SigningAlg = "RS256" })
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	before := a.lastLogin()
	unfinished := a.browser()
	answer := a.started(unfinished, oidctest.DefaultEmail).location

	c, err := a.store.Connection(t.Context(), "acme", c.ID)
	require.NoError(t, err)
	c.Authority, c.Issuer = other.Issuer(), other.Issuer()
	c, err = a.store.UpdateConnection(t.Context(), "acme", c)
	require.NoError(t, err)

	p := unfinished.get(answer)
	require.Equal(t, 400, p.status, "a sign-in that was under way")
	require.Contains(t, p.body, CodeFlowMismatch)
	require.Equal(t, 1, old.Count(oidctest.Token))

	a.refused(CodeAlreadyLinked) // the same subject of another provider is another person
	require.Equal(t, 1, a.loginCount())

	_, err = a.handler.Refresh(t.Context(), before.RefreshToken)
	require.ErrorIs(t, err, ErrDenied)
	require.Equal(t, CodeFlowMismatch, CodeOf(err))

	refusedLogout(t, a.logOut(old, c.ID, oidctest.Logout{Subject: before.Subject}), "invalid_request", CodeNoConnection)
	front := a.browser().get(frontchannelURL(a, c, other.Issuer(), before.SessionID))
	require.Equal(t, 200, front.status)
	require.Empty(t, ended.all(), "the new provider does not end sessions of the old one")
}

// TestS28_LiveConnectionsAreNotEdited: an owner can't point a connection that people sign in with elsewhere.
func TestS28_LiveConnectionsAreNotEdited(t *testing.T) {
	proves(t)
	t.Parallel()
	a, _, c := oneTenant(t)
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: []byte(strings.Repeat("k", 32))}}})
	require.NoError(t, err)
	service, err := tenant.New(tenant.Config{
		Store: a.store, Keyring: keys, InsecureAllowLoopback: true,
		Tenants:         tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return host(id), nil }),
		Authorizer:      tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		ProviderChecker: NewChecker(CheckerConfig{InsecureAllowLoopback: true}),
		DomainValidator: host(""),
	})
	require.NoError(t, err)
	c, err = a.store.Connection(t.Context(), "acme", c.ID)
	require.NoError(t, err)
	for _, state := range []store.ConnectionState{store.ConnectionActive, store.ConnectionSuspended} {
		c.State = state
		c, err = a.store.UpdateConnection(t.Context(), "acme", c)
		require.NoError(t, err)
		_, _, err := service.SaveDraft(t.Context(), tenant.Actor{Kind: tenant.ActorOwner, ID: "o1"}, "acme", c.ID, c.Version, tenant.Draft{
			Authority: "https://evil.example", ClientID: "x", ClientSecret: tenant.NewSecret("a-long-enough-secret-of-evil"), Domains: []string{"acme.example"},
		})
		require.ErrorContains(t, err, "in force")
		now, err := a.store.Connection(t.Context(), "acme", c.ID)
		require.NoError(t, err)
		require.Equal(t, c, now)
	}
}

// host is an organisation of the host's, and proves every domain.
type host string

func (h host) TenantID() string   { return string(h) }
func (h host) TenantName() string { return string(h) }

func (h host) Validate(context.Context, tenant.DomainClaim) (tenant.DomainProof, error) {
	return tenant.DomainProof{Proven: true}, nil
}

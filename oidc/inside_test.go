package oidc

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// names is a name server: each name has addresses that it gives out in turn, the last one for ever.
type names struct {
	mu   sync.Mutex
	next map[string][]netip.Addr
}

func (n *names) set(name string, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = map[string][]netip.Addr{}
	}
	n.next[name+"."] = nil
	for _, a := range addrs {
		n.next[name+"."] = append(n.next[name+"."], netip.MustParseAddr(a))
	}
}

func (n *names) take(name string) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.next[name]
	if len(all) == 0 {
		return nil
	}
	if len(all) > 1 {
		n.next[name] = all[1:]
	}
	return all[:1]
}

// resolver asks the name server, by a connection that is a pipe.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.serve(theirs)
		return ours, nil
	}}
}

// serve answers until the resolver hangs up (RFC 1035 section 4.2.2).
func (n *names) serve(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(query) != nil || len(m.Questions) != 1 {
			return
		}
		q := m.Questions[0]
		r := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
		if q.Type == dnsmessage.TypeA {
			for _, a := range n.take(q.Name.String()) {
				r.Answers = append(r.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}, Body: &dnsmessage.AResource{A: a.As4()},
				})
			}
		}
		body, err := r.Pack()
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...)); err != nil { //nolint:gosec // a few bytes
			return
		}
	}
}

// counting counts the connections that reach a listener.
type counting struct {
	net.Listener
	conns atomic.Int64
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.conns.Add(1)
	}
	return c, err
}

// inner is a network with a provider at a public address, which 127.0.0.2 stands for, and something inside at the same
// port of 127.0.0.1, where nothing of ours may ever connect. TLS, DNS and dialling are real.
type inner struct {
	*app
	idp    *oidctest.Provider
	names  *names
	client *http.Client
	canary *counting
	port   string
	conn   store.Connection
}

// listenTwice listens at 127.0.0.2 and at the same port of 127.0.0.1.
func listenTwice(t *testing.T) (outside, inside net.Listener) {
	t.Helper()
	var listen net.ListenConfig
	for range 20 {
		l, err := listen.Listen(t.Context(), "tcp", "127.0.0.2:0")
		require.NoError(t, err)
		inside, err = listen.Listen(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
		if err == nil {
			return l, inside
		}
		require.NoError(t, l.Close()) // taken there: another one
	}
	require.FailNow(t, "no port is free on both addresses")
	return nil, nil
}

func newInner(t *testing.T) *inner {
	t.Helper()
	n := &inner{names: &names{}}
	l, inside := listenTwice(t)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	n.port = port
	n.canary = &counting{Listener: inside}
	serve := func(l net.Listener, h http.Handler) *httptest.Server {
		srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}} //nolint:gosec // of a test
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	keys, err := suiteKeys()
	require.NoError(t, err)
	n.idp, err = oidctest.New(oidctest.Config{
		Issuer: "https://idp.example.com:" + n.port, Keys: keys[:1], EmailInUserinfo: true, PushedRequests: true,
		Clients: []oidctest.Client{{ID: oidctest.DefaultClientID, Secret: oidctest.DefaultClientSecret}},
		Users:   []oidctest.User{{Subject: "s1", Email: oidctest.DefaultEmail}},
	})
	require.NoError(t, err)
	srv := serve(l, n.idp)
	serve(n.canary, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"secret":"of the inside"}`)) }))
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	n.names.set("idp.example.com", "127.0.0.2")
	n.names.set("inside.example.com", "127.0.0.1")
	n.client = tenant.NewOutboundClient(tenant.OutboundConfig{
		Resolver: n.names.resolver(), RootCAs: pool, InsecureAllowPrefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
	})
	t.Cleanup(n.client.CloseIdleConnections)
	n.app = newApp(t, func(c *Config) {
		c.BaseURL, c.InsecureAllowLoopback, c.HTTPClient = "https://app.example.com/sso", false, n.client
	})
	n.conn, err = n.store.CreateConnection(t.Context(), "acme", store.Connection{
		Meta: store.Meta{ID: "c1"}, State: store.ConnectionActive, Authority: n.idp.Issuer(), Issuer: n.idp.Issuer(), ClientID: oidctest.DefaultClientID,
	})
	require.NoError(t, err)
	n.domain("acme", n.conn.ID, "acme.example", false)
	n.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	return n
}

// signIn walks through a sign-in, with the provider's page at its public address.
func (n *inner) signIn() *httptest.ResponseRecorder {
	n.t.Helper()
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, httptest.NewRequestWithContext(n.t.Context(), http.MethodGet, "/sso/login?email="+oidctest.DefaultEmail, http.NoBody))
	if w.Code != http.StatusSeeOther {
		return w
	}
	req := httptest.NewRequestWithContext(n.t.Context(), http.MethodGet, w.Header().Get("Location"), http.NoBody)
	page := httptest.NewRecorder()
	n.idp.ServeHTTP(page, req)
	require.Equal(n.t, http.StatusSeeOther, page.Code, page.Body)
	req = httptest.NewRequestWithContext(n.t.Context(), http.MethodGet, page.Header().Get("Location"), http.NoBody)
	for _, c := range w.Result().Cookies() {
		req.AddCookie(c)
	}
	w = httptest.NewRecorder()
	n.handler.ServeHTTP(w, req)
	return w
}

// TestS12_NothingInsideIsReached: each endpoint, named by the provider's document, leads inside in each way.
func TestS12_NothingInsideIsReached(t *testing.T) {
	proves(t)
	t.Parallel()
	n := newInner(t)
	require.Equal(t, http.StatusSeeOther, n.signIn().Code, "the provider itself works")
	for _, endpoint := range []string{"jwks_uri", "token_endpoint", "userinfo_endpoint", "pushed_authorization_request_endpoint"} {
		for _, host := range []string{
			"127.0.0.1:" + n.port, "localhost:" + n.port, "[::1]:" + n.port, "[::ffff:127.0.0.1]:" + n.port, "inside.example.com:" + n.port,
			"169.254.169.254", "10.1.2.3", "172.16.0.1", "192.168.0.1", "[fd00::1]", "[fe80::1]", "0.0.0.0:" + n.port, "[64:ff9b::7f00:1]:" + n.port,
		} {
			n.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m[endpoint] = "https://" + host + "/x" }})
			n.handler.providers = newProviders(n.handler.out, n.handler.now, defaultFetchTimeout) // as on another replica
			n.handler.verifier.keys = n.handler.providers.keys
			w := n.signIn()
			if endpoint == "pushed_authorization_request_endpoint" { // is done without
				require.Equal(t, http.StatusSeeOther, w.Code, host)
			} else {
				require.Equal(t, http.StatusServiceUnavailable, w.Code, "%s %s", endpoint, host)
			}
			require.NotContains(t, w.Body.String(), "inside")
			require.Zero(t, n.canary.conns.Load(), "%s %s", endpoint, host)
		}
	}
	require.NotContains(t, n.log.String(), "127.0.0.1", "a log line does not map the inside for whoever reads it")
}

// TestS12_Redirects: no endpoint sends us inside by a redirect.
func TestS12_Redirects(t *testing.T) {
	proves(t)
	t.Parallel()
	for _, e := range []oidctest.Endpoint{oidctest.Discovery, oidctest.Keys, oidctest.Token, oidctest.Userinfo} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			n := newInner(t)
			n.idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{
				e: {Status: status, Redirect: "https://inside.example.com:" + n.port + "/x"},
			}})
			require.Equal(t, http.StatusServiceUnavailable, n.signIn().Code, e)
			require.Zero(t, n.canary.conns.Load(), e)
		}
	}
}

// TestS12_Rebinding: a name that is public at the first look-up and private at the second.
func TestS12_Rebinding(t *testing.T) {
	proves(t)
	t.Parallel()
	n := newInner(t)
	n.names.set("rebind.example.com", "127.0.0.2", "127.0.0.1")
	n.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["jwks_uri"] = "https://rebind.example.com:" + n.port + "/keys" }})
	require.Equal(t, http.StatusSeeOther, n.signIn().Code)
	require.Equal(t, 1, n.idp.Count(oidctest.Keys))
	n.client.CloseIdleConnections()
	key, err := oidctest.GenerateKey("new", "RS256")
	require.NoError(t, err)
	n.idp.SetKeys(key) // the keys must be fetched again, and the name leads inside by now
	w := n.signIn()
	require.Equal(t, http.StatusForbidden, w.Code, "the new key can't be had")
	require.Zero(t, n.canary.conns.Load())
	require.Equal(t, 1, n.idp.Count(oidctest.Keys))
}

// TestS12_AtSetUp: the check of a provider that somebody types in asks nothing inside either.
func TestS12_AtSetUp(t *testing.T) {
	proves(t)
	t.Parallel()
	n := newInner(t)
	checker := NewChecker(CheckerConfig{HTTPClient: n.client})
	for _, authority := range []string{
		"https://127.0.0.1:" + n.port, "https://localhost:" + n.port, "https://inside.example.com:" + n.port, "https://[::ffff:127.0.0.1]:" + n.port,
		"https://169.254.169.254", "http://idp.example.com", "file:///etc/passwd", "javascript:alert(1)", "https://user:pw@idp.example.com",
	} {
		r, err := checker.CheckProvider(t.Context(), tenant.ProviderRequest{Authority: authority})
		require.NoError(t, err)
		require.Len(t, errorCodes(r), 1, authority)
		require.Zero(t, n.canary.conns.Load(), authority)
		for _, f := range r.Findings {
			require.NotContains(t, f.Message, "of the inside")
		}
	}
	for _, scheme := range []string{"javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "https://user:pw@idp.example.com/authorize", "//evil.example/a"} {
		n.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["authorization_endpoint"] = scheme }})
		r, err := checker.CheckProvider(t.Context(), tenant.ProviderRequest{Authority: n.idp.Issuer()})
		require.NoError(t, err)
		require.Contains(t, strings.Join(errorCodes(r), " "), tenant.CodeDiscoveryIncomplete, scheme)
	}
}

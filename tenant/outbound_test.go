package tenant

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

func TestPublicAddress(t *testing.T) {
	for _, s := range []string{"8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"} {
		require.True(t, publicAddress(netip.MustParseAddr(s)), s)
	}
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.1", "168.63.129.16", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1111%eth0",
	} {
		require.False(t, publicAddress(netip.MustParseAddr(s)), s)
	}
	require.False(t, publicAddress(netip.Addr{}))
}

// get fetches a URL and reads the whole body.
func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func TestOutboundRefusesAddresses(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	require.NoError(t, err)

	c := NewOutboundClient(OutboundConfig{RootCAs: pool(srv)})
	defer c.CloseIdleConnections()
	for _, url := range []string{
		"https://127.0.0.1:" + port, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://[::1]:" + port,
		"https://0.0.0.0:" + port, "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[64:ff9b::7f00:1]/",
		"http://8.8.8.8/", "http://127.0.0.1:" + port, "file:///etc/passwd", "https://user:pw@8.8.8.8/",
	} {
		_, err := get(t, c, url)
		require.ErrorIs(t, err, ErrBlockedAddress, url)
	}
	require.Zero(t, asked.Load())
}

func pool(srv *httptest.Server) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(srv.Certificate())
	return p
}

func TestOutboundChecksAfterDNS(t *testing.T) {
	// The name gives a public address when somebody looks first, and a private one to
	// the connection.
	var looked atomic.Int32
	dns := newRebindingServer(t, func() netip.Addr {
		if looked.Add(1) == 1 {
			return netip.MustParseAddr("8.8.8.8")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, dns)
	}}
	first, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.")
	require.NoError(t, err)
	require.True(t, publicAddress(first[0]))

	c := NewOutboundClient(OutboundConfig{Resolver: resolver})
	_, err = get(t, c, "https://rebind.example./")
	require.ErrorIs(t, err, ErrBlockedAddress)
	require.NotContains(t, err.Error(), "127.0.0.1", "the error must not tell what a name resolves to")
}

// newRebindingServer answers every A query with what next gives.
func newRebindingServer(t *testing.T, next func() netip.Addr) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			r := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true}, Questions: m.Questions}
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				r.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: next().As4()},
				}}
			}
			if out, err := r.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String()
}

func TestOutboundLoopbackForTests(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain") }))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secure") }))
	defer secure.Close()

	c := NewOutboundClient(OutboundConfig{InsecureAllowLoopback: true, RootCAs: pool(secure)})
	defer c.CloseIdleConnections()
	body, err := get(t, c, plain.URL)
	require.NoError(t, err)
	require.Equal(t, "plain", body)
	body, err = get(t, c, secure.URL)
	require.NoError(t, err)
	require.Equal(t, "secure", body)
	for _, url := range []string{"http://8.8.8.8/", "http://10.0.0.1/", "https://10.0.0.1/"} {
		_, err := get(t, c, url)
		require.ErrorIs(t, err, ErrBlockedAddress, url)
	}

	c = NewOutboundClient(OutboundConfig{InsecureAllowPrefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RootCAs: pool(secure)})
	defer c.CloseIdleConnections()
	_, err = get(t, c, secure.URL)
	require.NoError(t, err)
	_, err = get(t, c, plain.URL)
	require.ErrorIs(t, err, ErrBlockedAddress, "a network that is allowed still needs https")
}

func TestOutboundIgnoresProxies(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("HTTP_PROXY", proxy.URL)
	_, err := get(t, NewOutboundClient(OutboundConfig{}), "https://10.0.0.1/")
	require.ErrorIs(t, err, ErrBlockedAddress)
}

func TestOutboundBounds(t *testing.T) {
	const limit = 1000
	stop := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/size/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		if r.URL.Query().Has("chunked") {
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(make([]byte, 1<<20))
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b.Bytes())
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/size/1", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 100<<10))
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		for {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	defer close(stop)

	c := NewOutboundClient(OutboundConfig{InsecureAllowLoopback: true, MaxBodyBytes: limit})
	defer c.CloseIdleConnections()
	for _, path := range []string{"/size/0", "/size/1000", "/size/1000?chunked"} {
		_, err := get(t, c, srv.URL+path)
		require.NoError(t, err, path)
	}
	for _, path := range []string{"/size/1001", "/size/1001?chunked", "/size/100000", "/bomb"} {
		body, err := get(t, c, srv.URL+path)
		require.ErrorIs(t, err, ErrBodyTooLarge, path)
		require.LessOrEqual(t, len(body), limit)
	}
	_, err := get(t, c, srv.URL+"/redirect")
	require.ErrorIs(t, err, ErrRedirect)
	_, err = get(t, c, srv.URL+"/headers")
	require.Error(t, err)
	started := time.Now()
	hasty := NewOutboundClient(OutboundConfig{InsecureAllowLoopback: true, Timeout: 300 * time.Millisecond})
	defer hasty.CloseIdleConnections()
	_, err = get(t, hasty, srv.URL+"/slow")
	netErr, ok := errors.AsType[net.Error](err)
	require.True(t, ok && netErr.Timeout(), "%v", err)
	require.Less(t, time.Since(started), 5*time.Second)
}

func TestOutboundChecksEachHop(t *testing.T) {
	srv := httptest.NewServer(http.RedirectHandler("http://10.0.0.1/", http.StatusFound))
	defer srv.Close()
	c := *NewOutboundClient(OutboundConfig{InsecureAllowLoopback: true})
	c.CheckRedirect = nil // a caller who follows redirects
	_, err := get(t, &c, srv.URL)
	require.ErrorIs(t, err, ErrBlockedAddress)
}

package tenant

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Errors of requests made with a client of [NewOutboundClient]. They arrive wrapped
// in *url.Error; use errors.Is.
var (
	// ErrBlockedAddress says that the host is, or resolves to, an address that
	// customers' URLs may not reach, or that the URL's scheme is not https.
	ErrBlockedAddress = errors.New("tenant: address not allowed")
	// ErrRedirect says that the server answered with a redirect, which is not followed.
	ErrRedirect = errors.New("tenant: redirect not followed")
	// ErrBodyTooLarge says that the response's body is larger than the limit. Reading
	// the body gives it too.
	ErrBodyTooLarge = errors.New("tenant: response too large")
)

// OutboundConfig configures [NewOutboundClient]. The zero value is the safe choice.
type OutboundConfig struct {
	// Timeout bounds a whole request, reading the body included. Zero means 10 seconds.
	Timeout time.Duration
	// DialTimeout bounds connecting to the server, DNS included. Zero means 5 seconds.
	DialTimeout time.Duration
	// MaxBodyBytes bounds the decompressed body. Zero means 1 MiB.
	MaxBodyBytes int64
	// MaxHeaderBytes bounds the response's header. Zero means 64 KiB.
	MaxHeaderBytes int64
	// Resolver looks up names. Nil means net.DefaultResolver.
	Resolver *net.Resolver
	// RootCAs are the certificate authorities that are trusted. Nil means the system's.
	RootCAs *x509.CertPool
	// InsecureAllowPrefixes are networks that https requests may reach although they are
	// private, for a host whose customers' providers are in its own network.
	InsecureAllowPrefixes []netip.Prefix
	// InsecureAllowLoopback additionally allows http and https to loopback addresses.
	// For tests and demos only.
	InsecureAllowLoopback bool
}

// NewOutboundClient returns the client for every URL that a customer typed or a
// customer's server named. It speaks https only, follows no redirect, uses no proxy
// from the environment, bounds time and size, and refuses private, loopback,
// link-local, carrier-grade NAT, metadata, multicast, reserved and unspecified
// addresses, also those inside of IPv4-mapped, NAT64 and 6to4 addresses. Addresses
// are checked when the connection is made, after DNS, so that a name that changes
// its address between two look-ups gains nothing.
//
// A caller may copy the client and replace CheckRedirect: each hop is checked like
// the first. CloseIdleConnections frees what it holds.
func NewOutboundClient(cfg OutboundConfig) *http.Client {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = 5 * time.Second
	}
	if cfg.MaxBodyBytes <= 0 {
		cfg.MaxBodyBytes = 1 << 20
	}
	if cfg.MaxHeaderBytes <= 0 {
		cfg.MaxHeaderBytes = 64 << 10
	}
	rt := &outboundTransport{maxBody: cfg.MaxBodyBytes, secure: newTransport(cfg, func(ip netip.Addr) bool {
		return publicAddress(ip) || cfg.InsecureAllowLoopback && isLoopback(ip) || inPrefixes(ip, cfg.InsecureAllowPrefixes)
	})}
	if cfg.InsecureAllowLoopback {
		rt.plain = newTransport(cfg, isLoopback)
	}
	return &http.Client{
		Transport:     rt,
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
	}
}

// maxConnsPerHost bounds what one server that hangs can hold of us.
const maxConnsPerHost = 256

func newTransport(cfg OutboundConfig, allowed func(netip.Addr) bool) *http.Transport {
	dialer := &net.Dialer{
		Timeout:  cfg.DialTimeout,
		Resolver: cfg.Resolver,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			if network != "tcp4" && network != "tcp6" {
				return fmt.Errorf("%w: network %s", ErrBlockedAddress, network)
			}
			ap, err := netip.ParseAddrPort(address)
			if err != nil || !allowed(ap.Addr()) {
				return ErrBlockedAddress // the address stays unsaid: it would tell what a name resolves to inside
			}
			return nil
		},
	}
	return &http.Transport{
		Proxy:                  nil, // a proxy would connect for us, unchecked
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		TLSHandshakeTimeout:    cfg.DialTimeout,
		ResponseHeaderTimeout:  cfg.Timeout,
		MaxResponseHeaderBytes: cfg.MaxHeaderBytes,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    2,
		MaxConnsPerHost:        maxConnsPerHost,
		IdleConnTimeout:        30 * time.Second,
	}
}

// outboundTransport picks the transport by the URL's scheme and bounds the body.
type outboundTransport struct {
	secure  *http.Transport
	plain   *http.Transport // to loopback alone; nil unless allowed
	maxBody int64
}

// RoundTrip implements http.RoundTripper.
func (t *outboundTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	var rt *http.Transport
	switch {
	case req.URL.Scheme == "https":
		rt = t.secure
	case req.URL.Scheme == "http" && t.plain != nil:
		rt = t.plain
	default:
		closeBody(req)
		return nil, fmt.Errorf("%w: expected an https URL", ErrBlockedAddress)
	}
	if req.URL.User != nil {
		closeBody(req)
		return nil, fmt.Errorf("%w: the URL names a user", ErrBlockedAddress)
	}
	res, err := rt.RoundTrip(req)
	if errors.Is(err, ErrBlockedAddress) {
		return nil, ErrBlockedAddress // without the dialer's text, which names the address
	}
	if err != nil {
		return nil, err
	}
	if res.ContentLength > t.maxBody {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%w: more than %d bytes", ErrBodyTooLarge, t.maxBody)
	}
	res.Body = &boundedBody{ReadCloser: res.Body, left: t.maxBody}
	return res, nil
}

// CloseIdleConnections is found by http.Client.CloseIdleConnections.
func (t *outboundTransport) CloseIdleConnections() {
	t.secure.CloseIdleConnections()
	if t.plain != nil {
		t.plain.CloseIdleConnections()
	}
}

// closeBody does what a RoundTripper owes its caller also when it refuses.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// boundedBody gives ErrBodyTooLarge instead of the first byte beyond the limit.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.left < 0 {
		return 0, ErrBodyTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left+1] // one more than allowed, to see whether there is more
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		b.left = -1
		return n, ErrBodyTooLarge
	}
	b.left -= int64(n)
	return n, err
}

package oidc

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// Bounds on what is read from a provider. A real discovery document has 2 to 6 KiB, Entra's key set 20 KiB.
const (
	maxMetadataBytes = 256 << 10
	maxKeySetBytes   = 512 << 10
	maxTokenBytes    = 256 << 10
)

// failure is why a request to a provider gave nothing usable. Its text never holds what the provider sent.
type failure struct {
	code   string // one of the codes of R34
	reason string
	cause  error // for logs' type only; never printed to a browser
	at     time.Time
}

func (f *failure) Error() string { return "oidc: " + f.code + ": " + f.reason }

func (f *failure) Unwrap() error { return f.cause }

// answer is a provider's response, read completely and within its bound.
type answer struct {
	status      int
	contentType string
	body        []byte
}

// outbound is the way to a provider: one transport, no redirects, bounded bodies.
type outbound struct {
	transport     http.RoundTripper
	timeout       time.Duration // of a request, its body included
	allowLoopback bool          // http to loopback addresses, for tests and demos
}

// newOutbound takes the client's transport and time limit, and nothing else of it: a transport answers one request, so that no
// redirect is followed, whatever the client would do. A 307 from a token endpoint would carry the code, the verifier and the
// secret to another host. Cookies are for browsers.
func newOutbound(client *http.Client, allowLoopback bool) *outbound {
	o := &outbound{transport: client.Transport, timeout: client.Timeout, allowLoopback: allowLoopback}
	if o.transport == nil {
		o.transport = http.DefaultTransport
	}
	if o.timeout <= 0 {
		o.timeout = defaultFetchTimeout
	}
	return o
}

// get fetches a document that must answer 200. The codes notFound and invalid are those of the document's kind.
func (o *outbound) get(ctx context.Context, url string, limit int64, unreachable string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, &failure{code: unreachable, reason: "the address can't be requested"}
	}
	req.Header.Set("Accept", "application/json")
	ans, err := o.do(req, limit, unreachable)
	if err != nil {
		return nil, err
	}
	if ans.status != http.StatusOK {
		return nil, &failure{code: unreachable, reason: fmt.Sprintf("expected status 200, got %d", ans.status)}
	}
	return ans.body, nil
}

// do sends the request and reads the answer within limit bytes.
func (o *outbound) do(req *http.Request, limit int64, unreachable string) (*answer, error) {
	if !o.allowed(req.URL.Scheme, req.URL.Hostname()) {
		return nil, &failure{code: tenant.CodeDiscoveryBlocked, reason: "only https addresses are requested"}
	}
	ctx, cancel := context.WithTimeout(req.Context(), o.timeout)
	defer cancel()
	req = req.WithContext(ctx)
	req.Header.Set("User-Agent", "tenantgate")
	res, err := o.transport.RoundTrip(req)
	if err != nil {
		return nil, classify(err, unreachable)
	}
	if res == nil || res.Body == nil {
		return nil, &failure{code: unreachable, reason: "the transport gave neither an answer nor an error"}
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return nil, &failure{code: tenant.CodeDiscoveryRedirect, reason: fmt.Sprintf("the provider answered with a redirect (%d), which is not followed", res.StatusCode)}
	}
	body, err := readWithin(res.Body, res.ContentLength, limit+1)
	if err != nil {
		return nil, classify(err, unreachable)
	}
	if int64(len(body)) > limit {
		return nil, &failure{code: unreachable, reason: fmt.Sprintf("the answer is larger than %d bytes", limit)}
	}
	return &answer{status: res.StatusCode, contentType: res.Header.Get("Content-Type"), body: body}, nil
}

// readWithin reads at most limit bytes. length is what the provider says the body has, negative if it does not.
func readWithin(r io.Reader, length, limit int64) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, min(max(length, 0), limit)+bytes.MinRead))
	_, err := buf.ReadFrom(io.LimitReader(r, limit))
	return buf.Bytes(), err
}

// allowed tells whether an address may be requested at all; the client decides again about the IP when it dials.
func (o *outbound) allowed(scheme, host string) bool {
	return scheme == "https" || scheme == "http" && o.allowLoopback && isLoopback(host)
}

// isLoopback tells whether a host name or address is this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// classify turns a transport error into a code. The error's own text is dropped: it names addresses.
func classify(err error, unreachable string) error {
	f := &failure{code: unreachable, reason: "the provider could not be reached", cause: err}
	netErr, isNet := errors.AsType[net.Error](err)
	_, isVerification := errors.AsType[*tls.CertificateVerificationError](err)
	_, isUnknownCA := errors.AsType[x509.UnknownAuthorityError](err)
	_, isHostname := errors.AsType[x509.HostnameError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(err, tenant.ErrBlockedAddress):
		f.code, f.reason = tenant.CodeDiscoveryBlocked, "the address is private, loopback or otherwise not allowed"
	case isVerification || isUnknownCA || isHostname || isRecord || errors.Is(err, http.ErrSchemeMismatch):
		f.code, f.reason = tenant.CodeTLSError, "the TLS certificate or handshake was refused"
	case errors.Is(err, tenant.ErrBodyTooLarge):
		f.reason = "the answer is too large"
	case errors.Is(err, context.DeadlineExceeded) || isNet && netErr.Timeout():
		f.code, f.reason = tenant.CodeDiscoveryTimeout, "the provider did not answer in time"
	}
	return f
}

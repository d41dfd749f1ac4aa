package oidctest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Endpoint names a part of the provider.
type Endpoint string

// The endpoints.
const (
	Discovery Endpoint = "discovery"
	Keys      Endpoint = "keys"
	Authorize Endpoint = "authorize"
	Token     Endpoint = "token"
	Userinfo  Endpoint = "userinfo"

	PushedRequest Endpoint = "pushed_authorization_request"
	EndSession    Endpoint = "end_session"
)

// Fault replaces an endpoint's answer. The zero value changes nothing.
type Fault struct {
	// Delay waits before anything else, or until the client goes away.
	Delay time.Duration
	// Status, Body, Header and Redirect replace the answer where they are set. Redirect answers 307 with that
	// Location unless Status says otherwise.
	Status   int
	Body     string
	Header   http.Header
	Redirect string
	// Endless sends this many bytes of JSON white space after the answer has begun.
	Endless int64
	// Bomb sends this many bytes of JSON white space as a gzip stream, which is a thousandth of them.
	Bomb int64
	// HeaderFlood sends header lines, this many bytes of them, and no answer.
	HeaderFlood int64
	// Drip sends Body, or without one white space for ever, one byte at a time with this pause in between.
	Drip time.Duration
}

func (f Fault) answers() bool {
	return f.Status != 0 || f.Body != "" || f.Redirect != "" || f.Endless != 0 || f.Bomb != 0 || f.HeaderFlood != 0 || f.Drip != 0
}

// Faults tells the provider how to misbehave. The zero value is a provider without fault.
type Faults struct {
	// Endpoints replaces the answers of whole endpoints.
	Endpoints map[Endpoint]Fault

	// Metadata, KeySet, TokenResponse and UserinfoClaims change a document before it is sent. Values can be changed,
	// added and deleted.
	Metadata       func(map[string]any)
	KeySet         func(map[string]any)
	TokenResponse  func(map[string]any)
	UserinfoClaims func(map[string]any)

	// Claims changes the claims of the ID token, Header its JOSE header.
	Claims func(map[string]any)
	Header func(map[string]any)
	// Payload changes the claims after they became JSON: for null, repeated members and other JSON that no map has.
	Payload func([]byte) []byte
	// Alg signs the ID token with another algorithm: "none", "HS256" with the client's secret, that of another published
	// key, or another one of the first key's.
	Alg string
	// SignWith signs with this key in place of the published one.
	SignWith *Key
	// IDToken changes the finished token.
	IDToken func(string) string

	// UserinfoAlg signs userinfo with another algorithm, as Alg does for the ID token, where Config.SignUserinfo is set.
	UserinfoAlg string

	// Response changes the parameters of the authorization response, such as iss and state.
	Response func(map[string][]string)
	// LogoutResponse changes the parameters with which the browser comes back from a logout, such as state.
	LogoutResponse func(map[string][]string)
	// AuthorizeError answers every authorization request with this error code.
	AuthorizeError string
	// AuthorizeErrorDescription goes with it, as attackers' and providers' texts do.
	AuthorizeErrorDescription string
}

// apply sends the fault's answer, if it has one, and tells whether it did.
func (f Fault) apply(w http.ResponseWriter, r *http.Request) bool {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			return true
		}
	}
	if !f.answers() {
		return false
	}
	if f.HeaderFlood > 0 {
		f.flood(w)
		return true
	}
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	status := http.StatusOK
	if f.Redirect != "" {
		w.Header().Set("Location", f.Redirect)
		status = http.StatusTemporaryRedirect
	}
	if f.Status != 0 {
		status = f.Status
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	if f.Bomb > 0 {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(status)
	switch {
	case f.Drip > 0:
		f.drip(w, r)
	case f.Bomb > 0:
		z := gzip.NewWriter(w)
		spaces(z, f.Bomb)
		z.Close()
	default:
		if _, err := w.Write([]byte(f.Body)); err == nil {
			spaces(w, f.Endless)
		}
	}
	return true
}

// drip sends single bytes until the body ends or the client goes away.
func (f Fault) drip(w http.ResponseWriter, r *http.Request) {
	flush, _ := w.(http.Flusher)
	for i := 0; f.Body == "" || i < len(f.Body); i++ {
		b := byte(' ')
		if f.Body != "" {
			b = f.Body[i]
		}
		if _, err := w.Write([]byte{b}); err != nil {
			return
		}
		if flush != nil {
			flush.Flush()
		}
		select {
		case <-time.After(f.Drip):
		case <-r.Context().Done():
			return
		}
	}
}

// flood sends header lines past the server, which would not.
func (f Fault) flood(w http.ResponseWriter) {
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(out, "HTTP/1.1 200 OK\r\n")
	for sent := int64(0); sent < f.HeaderFlood; {
		n, err := fmt.Fprintf(out, "X-Flood-%d: %s\r\n", sent, strings.Repeat("x", 80))
		if err != nil {
			return
		}
		sent += int64(n)
	}
	out.Flush()
}

// spaces writes n bytes of JSON white space.
func spaces(w io.Writer, n int64) {
	block := bytes.Repeat([]byte{' '}, 32<<10)
	for left := n; left > 0; left -= int64(len(block)) {
		if _, err := w.Write(block[:min(left, int64(len(block)))]); err != nil {
			return
		}
	}
}

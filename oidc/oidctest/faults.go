package oidctest

import (
	"net/http"
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
	// Drip sends the answer one byte at a time with this pause in between.
	Drip time.Duration
}

func (f Fault) answers() bool {
	return f.Status != 0 || f.Body != "" || f.Redirect != "" || f.Endless != 0
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
	w.WriteHeader(status)
	f.send(w, r)
	return true
}

func (f Fault) send(w http.ResponseWriter, r *http.Request) {
	if f.Drip > 0 {
		flush, _ := w.(http.Flusher)
		for i := range len(f.Body) {
			if _, err := w.Write([]byte{f.Body[i]}); err != nil {
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
		return
	}
	if _, err := w.Write([]byte(f.Body)); err != nil {
		return
	}
	block := make([]byte, 32<<10)
	for i := range block {
		block[i] = ' '
	}
	for left := f.Endless; left > 0; left -= int64(len(block)) {
		if _, err := w.Write(block[:min(left, int64(len(block)))]); err != nil {
			return
		}
	}
}

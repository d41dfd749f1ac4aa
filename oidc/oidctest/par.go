package oidctest

import (
	"maps"
	"net/http"
	"net/url"
	"time"
)

// pushedRequest is a pushed authorization request (RFC 9126) that no browser has brought yet.
type pushedRequest struct {
	clientID string
	params   url.Values
	expires  time.Time
}

const (
	pushedLife   = time.Minute
	pushedPrefix = "urn:ietf:params:oauth:request_uri:"
)

// servePushed takes a pushed authorization request of a client that proves who it is (section 2).
func (p *Provider) servePushed(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || !p.push {
		tokenError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	client, ok := p.authenticate(r)
	if !ok {
		p.violate("pushed authorization request: the client authentication is not the registered one")
		refuseClient(w)
		return
	}
	if r.PostForm.Has("request_uri") {
		p.violate("pushed authorization request: it has a request_uri")
		tokenError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	uri := pushedPrefix + random()
	p.mu.Lock()
	makeRoom(p.pushed)
	p.pushed[uri] = pushedRequest{clientID: client.ID, params: maps.Clone(r.PostForm), expires: p.now().Add(pushedLife)}
	p.mu.Unlock()
	writeJSON(w, http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": int(pushedLife / time.Second)})
}

// pulled returns the parameters of an authorization request: those that were pushed, once, or those that the browser
// brought.
func (p *Provider) pulled(client Client, brought url.Values) (url.Values, bool) {
	uri := brought.Get("request_uri")
	if uri == "" {
		return brought, !p.mustPush
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pushed, ok := p.pushed[uri]
	delete(p.pushed, uri)
	return pushed.params, ok && pushed.clientID == client.ID && p.now().Before(pushed.expires)
}

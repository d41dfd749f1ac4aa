package oidctest

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// serveAuthorize accepts an authorization request (OpenID Connect Core section 3.1.2.1). What makes it unsafe to send
// the browser back is told here; everything else goes to the redirect URI as an error.
func (p *Provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the request can't be read", http.StatusBadRequest)
		return
	}
	client, ok := p.client(r.Form.Get("client_id"))
	if !ok {
		p.violate("authorization request: the client_id is not registered")
		http.Error(w, "unknown client_id", http.StatusBadRequest)
		return
	}
	params, ok := p.pulled(client, r.Form)
	if !ok {
		p.violate("authorization request: the request_uri is unknown, used or another client's, or is required")
		http.Error(w, "request_uri is unknown, used or another client's, or is required", http.StatusBadRequest)
		return
	}
	p.checkAuthorization(params)
	req := authRequest{
		clientID: client.ID, redirectURI: params.Get("redirect_uri"), state: params.Get("state"),
		nonce: params.Get("nonce"), challenge: params.Get("code_challenge"), scope: params.Get("scope"),
		responseMode: params.Get("response_mode"), loginHint: params.Get("login_hint"), expires: p.now().Add(requestLife),
	}
	if u, err := url.Parse(req.redirectURI); err != nil || u.Scheme == "" || u.Host == "" ||
		len(client.RedirectURIs) > 0 && !slices.Contains(client.RedirectURIs, req.redirectURI) {
		p.violate("authorization request: the redirect_uri is not registered")
		http.Error(w, "redirect_uri is not registered for this client", http.StatusBadRequest)
		return
	}
	faults := p.currentFaults()
	switch {
	case faults.AuthorizeError != "":
		p.respond(w, r, req, url.Values{"error": {faults.AuthorizeError}, "error_description": {faults.AuthorizeErrorDescription}})
	case params.Get("response_type") != "code":
		p.respond(w, r, req, url.Values{"error": {"unsupported_response_type"}})
	case !slices.Contains(strings.Fields(req.scope), "openid"):
		p.respond(w, r, req, url.Values{"error": {"invalid_scope"}})
	case params.Get("code_challenge_method") != "S256" || req.challenge == "":
		p.respond(w, r, req, url.Values{"error": {"invalid_request"}, "error_description": {"PKCE with S256 is required"}})
	case p.loginPage && params.Get("prompt") == "none":
		p.respond(w, r, req, url.Values{"error": {"login_required"}})
	case p.loginPage:
		p.showLogin(w, http.StatusOK, p.hold(req), req.loginHint, "")
	default:
		p.autoLogin(w, r, req)
	}
}

// autoLogin signs in without a page: the user of the login_hint, else the first.
func (p *Provider) autoLogin(w http.ResponseWriter, r *http.Request, req authRequest) {
	users := p.Users()
	i := slices.IndexFunc(users, func(u User) bool { return strings.EqualFold(u.Email, req.loginHint) })
	if i < 0 {
		i = 0
	}
	if len(users) == 0 || users[i].Disabled {
		p.respond(w, r, req, url.Values{"error": {"access_denied"}})
		return
	}
	p.grantCode(w, r, req, users[i])
}

func (p *Provider) grantCode(w http.ResponseWriter, r *http.Request, req authRequest, user User) {
	code, session := random(), user.SessionID
	if session == "" {
		session = random()
	}
	p.mu.Lock()
	makeRoom(p.codes)
	req.expires = p.now().Add(codeLife)
	p.codes[code] = grant{authRequest: req, user: user, sessionID: session, at: p.now()}
	p.mu.Unlock()
	p.respond(w, r, req, url.Values{"code": {code}})
}

// respond sends the authorization response by query or form_post, with iss (RFC 9207).
func (p *Provider) respond(w http.ResponseWriter, r *http.Request, req authRequest, params url.Values) {
	params.Set("iss", p.issuer)
	if req.state != "" {
		params.Set("state", req.state)
	}
	if params.Get("error_description") == "" {
		params.Del("error_description")
	}
	if change := p.currentFaults().Response; change != nil {
		change(params)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if req.responseMode == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		formPost.Execute(w, map[string]any{"Action": req.redirectURI, "Params": params}) //nolint:errcheck // the client went away
		return
	}
	sep := "?"
	if strings.Contains(req.redirectURI, "?") {
		sep = "&"
	}
	http.Redirect(w, r, req.redirectURI+sep+params.Encode(), http.StatusSeeOther)
}

var formPost = template.Must(template.New("form_post").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title></head>
<body onload="document.forms[0].submit()">
<form method="post" action="{{.Action}}">
{{range $name, $values := .Params}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<noscript><button>Continue</button></noscript></form></body></html>
`))

func (p *Provider) client(id string) (Client, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return p.clients[i], true
}

// makeRoom drops some entry of a full map: a test kit needs a bound, not fairness.
func makeRoom[V any](m map[string]V) {
	if len(m) < maxHeld {
		return
	}
	for k := range m {
		delete(m, k)
		return
	}
}

package oidctest

import (
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// serveEndSession ends somebody's session at the provider (OpenID Connect RP-Initiated Logout 1.0 section 2) and tells
// the client about it, by a logout token and a frame, where it registered for that.
func (p *Provider) serveEndSession(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the request can't be read", http.StatusBadRequest)
		return
	}
	hint, given := p.readHint(r.Form.Get("id_token_hint"))
	if !given && r.Form.Has("id_token_hint") {
		p.violate("logout request: id_token_hint is no ID token of this provider")
		http.Error(w, "id_token_hint is not an ID token of this provider", http.StatusBadRequest)
		return
	}
	id := r.Form.Get("client_id")
	if id == "" {
		id = hint.Audience
	}
	client, ok := p.client(id)
	if !ok || given && hint.Audience != client.ID {
		http.Error(w, "client_id is unknown, or another one than that of id_token_hint", http.StatusBadRequest)
		return
	}
	back := r.Form.Get("post_logout_redirect_uri")
	if u, err := url.Parse(back); back != "" && (err != nil || u.Host == "" ||
		len(client.PostLogoutRedirectURIs) > 0 && !slices.Contains(client.PostLogoutRedirectURIs, back)) {
		p.violate("logout request: post_logout_redirect_uri is not registered")
		http.Error(w, "post_logout_redirect_uri is not registered for this client", http.StatusBadRequest)
		return
	}
	if client.BackchannelLogoutURI != "" && given {
		// A client that does not take it keeps nobody signed in here.
		p.SendLogout(r.Context(), nil, client.BackchannelLogoutURI, Logout{ClientID: client.ID, Subject: hint.Subject, SessionID: hint.SessionID}) //nolint:errcheck // see above
	}
	p.signedOut(w, r, client, hint, back)
}

// idTokenHint is what an ID token that comes back as a hint says.
type idTokenHint struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	SessionID string `json:"sid"`
}

// readHint reads a hint without checking its signature: it decides nothing but whom to sign out, in a test.
func (p *Provider) readHint(token string) (idTokenHint, bool) {
	var hint idTokenHint
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return hint, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &hint) != nil || hint.Issuer != p.issuer {
		return idTokenHint{}, false
	}
	return hint, true
}

// signedOut sends the browser back, by a page with a frame where the client wants one.
func (p *Provider) signedOut(w http.ResponseWriter, r *http.Request, client Client, hint idTokenHint, back string) {
	target := ""
	if back != "" {
		params := url.Values{}
		if state := r.Form.Get("state"); state != "" {
			params.Set("state", state)
		}
		if change := p.currentFaults().LogoutResponse; change != nil {
			change(params)
		}
		target = back
		if len(params) > 0 {
			target += "?" + params.Encode()
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if client.FrontchannelLogoutURI == "" && target != "" {
		http.Redirect(w, r, target, http.StatusSeeOther)
		return
	}
	frame := ""
	if client.FrontchannelLogoutURI != "" {
		frame = client.FrontchannelLogoutURI + "?" + url.Values{"iss": {p.issuer}, "sid": {hint.SessionID}}.Encode()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	signedOutPage.Execute(w, map[string]string{"Frame": frame, "Target": target}) //nolint:errcheck // the client went away
}

var signedOutPage = template.Must(template.New("signed_out").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signed out</title></head>
<body><p>You are signed out.</p>
{{if .Frame}}<iframe title="Signing out of the application" src="{{.Frame}}"></iframe>{{end}}
{{if .Target}}<p><a href="{{.Target}}">Continue</a></p>{{end}}
</body></html>
`))

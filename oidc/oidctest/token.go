package oidctest

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// serveToken redeems a code (OpenID Connect Core section 3.1.3), once, for the client and redirect URI that it was
// made for, against the PKCE verifier.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		tokenError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	p.checkTokenForm(r)
	client, ok := p.authenticate(r)
	if !ok {
		p.violate("token request: the client authentication is not the registered one")
		refuseClient(w)
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		p.redeemCode(w, r, client)
	case "refresh_token":
		p.redeemRefresh(w, r, client)
	default:
		tokenError(w, http.StatusBadRequest, "unsupported_grant_type")
	}
}

func (p *Provider) redeemCode(w http.ResponseWriter, r *http.Request, client Client) {
	code := r.PostForm.Get("code")
	p.mu.Lock()
	g, ok := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	p.checkCode(r, g, ok, client)
	if !ok || g.clientID != client.ID || !p.now().Before(g.expires) ||
		g.redirectURI != r.PostForm.Get("redirect_uri") || s256(r.PostForm.Get("code_verifier")) != g.challenge {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	p.answerTokens(w, client, g)
}

// redeemRefresh gives new tokens for a refresh token, which is used up (OpenID Connect Core section 12). The new ID token
// has no nonce.
func (p *Provider) redeemRefresh(w http.ResponseWriter, r *http.Request, client Client) {
	token := r.PostForm.Get("refresh_token")
	p.mu.Lock()
	g, ok := p.refresh[token]
	delete(p.refresh, token)
	delete(p.tokens, g.access) // whoever refreshes goes on with the new one
	p.mu.Unlock()
	if scope := r.PostForm.Get("scope"); ok && !within(scope, g.scope) {
		p.violate("token request: the scope %q is wider than what was granted", scope)
	}
	if !ok || g.clientID != client.ID {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	g.nonce = ""
	p.answerTokens(w, client, g)
}

// within tells whether each scope of a list is in another one.
func within(scope, granted string) bool {
	for _, s := range strings.Fields(scope) {
		if !slices.Contains(strings.Fields(granted), s) {
			return false
		}
	}
	return true
}

// s256 is the code challenge of a verifier (RFC 7636 section 4.2).
func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return b64(sum[:])
}

// answerTokens makes the tokens of a grant.
func (p *Provider) answerTokens(w http.ResponseWriter, client Client, g grant) {
	access, refresh := random(), ""
	g.expires = p.now().Add(tokenLife)
	p.mu.Lock()
	makeRoom(p.tokens)
	p.tokens[access] = g
	if slices.Contains(strings.Fields(g.scope), "offline_access") {
		refresh = random()
		makeRoom(p.refresh)
		g.access = access
		p.refresh[refresh] = g
	}
	p.mu.Unlock()

	idToken, err := p.idToken(g, client, access)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	doc := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second),
		"scope": g.scope, "id_token": idToken,
	}
	if refresh != "" {
		doc["refresh_token"] = refresh
	}
	if change := p.currentFaults().TokenResponse; change != nil {
		change(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

func refuseClient(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
	tokenError(w, http.StatusUnauthorized, "invalid_client")
}

// authenticate checks who the client is, told in exactly one way (RFC 6749 section 2.3.1).
func (p *Provider) authenticate(r *http.Request) (Client, bool) {
	if r.PostForm.Has("client_assertion") || r.PostForm.Has("client_assertion_type") {
		return p.checkAssertion(r)
	}
	method := "client_secret_post"
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		if secret != "" {
			return Client{}, false
		}
		method = "client_secret_basic"
		var err1, err2 error
		id, err1 = url.QueryUnescape(user)
		secret, err2 = url.QueryUnescape(pass)
		if err1 != nil || err2 != nil {
			return Client{}, false
		}
	}
	client, ok := p.client(id)
	if ok && client.AuthMethod == "none" {
		return client, method == "client_secret_post" && secret == ""
	}
	if !ok || client.AuthMethod != "" && client.AuthMethod != method ||
		subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) != 1 {
		return Client{}, false
	}
	return client, true
}

// idToken signs the ID token, with all faults that were asked for.
func (p *Provider) idToken(g grant, client Client, access string) (string, error) {
	now, faults := p.now(), p.currentFaults()
	s := p.signer(faults)
	claims := map[string]any{
		"iss": p.issuer, "sub": g.user.Subject, "aud": client.ID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": g.at.Unix(), "at_hash": halfHash(s.alg, access), "sid": g.sessionID,
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if !p.emailInUserinfo {
		maps.Copy(claims, userClaims(g))
	}
	return s.token(claims, "JWT", client)
}

// signer makes tokens with one key and the faults that were asked for.
type signer struct {
	key    Key
	alg    string
	faults Faults
}

// signer picks the key: that of the faults, else the published one that is for their algorithm, else the first one.
func (p *Provider) signer(faults Faults) signer {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := signer{key: p.keys[0], faults: faults}
	if i := slices.IndexFunc(p.keys, func(k Key) bool { return k.Alg == faults.Alg }); i > 0 {
		s.key = p.keys[i]
	}
	if faults.SignWith != nil {
		s.key = *faults.SignWith
	}
	s.alg = s.key.Alg
	if faults.Alg != "" {
		s.alg = faults.Alg
	}
	return s
}

// token signs claims for a client.
func (s signer) token(claims map[string]any, typ string, client Client) (string, error) {
	if s.faults.Claims != nil {
		s.faults.Claims(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("oidctest: claims: %w", err)
	}
	if s.faults.Payload != nil {
		payload = s.faults.Payload(payload)
	}
	header := map[string]any{"alg": s.alg, "typ": typ}
	if s.key.ID != "" {
		header["kid"] = s.key.ID
	}
	if s.faults.Header != nil {
		s.faults.Header(header)
	}
	token, err := sign(header, payload, s.alg, s.key, []byte(client.Secret))
	if err == nil && s.faults.IDToken != nil {
		token = s.faults.IDToken(token)
	}
	return token, err
}

// halfHash is at_hash (OpenID Connect Core section 3.1.3.6): the left half of the hash that goes with alg.
func halfHash(alg, access string) string {
	if alg == "EdDSA" {
		sum := sha512.Sum512([]byte(access))
		return b64(sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(access))
	return b64(sum[:len(sum)/2])
}

// userClaims are the claims that the scopes give (OpenID Connect Core section 5.4), groups with a scope of that name.
func userClaims(g grant) map[string]any {
	claims := map[string]any{}
	scopes := strings.Fields(g.scope)
	if slices.Contains(scopes, "email") && g.user.Email != "" {
		claims["email"] = g.user.Email
		switch g.user.EmailVerified {
		case nil:
			claims["email_verified"] = true
		case any(Unstated):
		default:
			claims["email_verified"] = g.user.EmailVerified
		}
	}
	if slices.Contains(scopes, "profile") && g.user.Name != "" {
		claims["name"] = g.user.Name
	}
	if slices.Contains(scopes, "groups") && g.user.Groups != nil {
		claims["groups"] = g.user.Groups
	}
	maps.Copy(claims, g.user.Claims)
	return claims
}

func (p *Provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	access, ok := p.accessToken(r)
	p.mu.Lock()
	g, known := p.tokens[access]
	p.mu.Unlock()
	if ok && !known {
		p.violate("userinfo request: the access token was never given, or replaced by a newer one")
	}
	if !ok || !known || !p.now().Before(g.expires) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		tokenError(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	claims := userClaims(g)
	claims["sub"] = g.user.Subject
	if p.signUserinfo {
		claims["iss"], claims["aud"] = p.issuer, g.clientID
	}
	if change := p.currentFaults().UserinfoClaims; change != nil {
		change(claims)
	}
	if !p.signUserinfo {
		writeJSON(w, http.StatusOK, claims)
		return
	}
	client, _ := p.client(g.clientID)
	faults := p.currentFaults()
	token, err := p.signer(Faults{Alg: faults.UserinfoAlg}).token(claims, "JWT", client)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	w.Write([]byte(token))
}

func tokenError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": "refused by oidctest"})
}

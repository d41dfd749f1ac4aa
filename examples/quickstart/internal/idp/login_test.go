package idp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

const callback = "http://app.test/sso/callback/c1"

// browser is an HTTP client with a cookie jar that follows redirects at the provider, and stops at the application.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
	*Directory
}

type reply struct {
	status int
	header http.Header
	body   string
}

// open serves a provider at a path of a server on loopback.
func open(t *testing.T, path string, change ...func(*Config)) *browser {
	t.Helper()
	var p *Provider
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	cfg := testConfig(Entra)
	cfg.BaseURL = server.URL + path
	for _, c := range change {
		c(&cfg)
	}
	var err error
	p, err = New(cfg)
	require.NoError(t, err)
	d, ok := p.Directory("acme")
	require.True(t, ok)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t: t, base: strings.TrimRight(cfg.BaseURL, "/"), Directory: d, http: &http.Client{
		Jar: jar,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if r.URL.Host == "app.test" {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

func (b *browser) send(r *http.Request) reply {
	b.t.Helper()
	res, err := b.http.Do(r)
	require.NoError(b.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return reply{res.StatusCode, res.Header, string(body)}
}

func (b *browser) get(path string) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	require.NoError(b.t, err)
	return b.send(r)
}

// post sends a form as a browser does from this site; change can make it another's.
func (b *browser) post(path string, form url.Values, change ...func(*http.Request)) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range change {
		c(r)
	}
	return b.send(r)
}

const verifier = "a-verifier-that-is-long-enough-for-rfc-7636-0123456789"

func authorizeQuery(scope string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {"tenantgate"}, "redirect_uri": {callback}, "scope": {scope}, "state": {"st"},
		"nonce": {"no"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
}

var hidden = regexp.MustCompile(`name="request" value="([^"]+)"`)

// login goes through the login page and returns the answer to the form.
func (b *browser) login(scope, email, password string) reply {
	b.t.Helper()
	page := b.get("/acme/authorize?" + authorizeQuery(scope).Encode())
	require.Equal(b.t, 200, page.status, page.body)
	m := hidden.FindStringSubmatch(page.body)
	require.NotNil(b.t, m, page.body)
	return b.post("/acme/login", url.Values{"request": {html.UnescapeString(m[1])}, "email": {email}, "password": {password}})
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &out), text)
	return out
}

// redeem turns the redirect to the application into the claims of the ID token and of userinfo.
func (b *browser) redeem(r reply) (idToken, userinfo map[string]any) {
	t := b.t
	t.Helper()
	require.Equal(t, http.StatusSeeOther, r.status, r.body)
	back, err := url.Parse(r.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, callback, back.Scheme+"://"+back.Host+back.Path)
	require.Equal(t, "st", back.Query().Get("state"))
	require.Equal(t, b.Issuer(), back.Query().Get("iss"))

	metadata := decode(t, b.get("/acme/.well-known/openid-configuration").body)
	require.Equal(t, b.Issuer(), metadata["issuer"])
	form := url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	token := b.post(strings.TrimPrefix(metadata["token_endpoint"].(string), b.base), form, func(r *http.Request) {
		r.Header.Del("Sec-Fetch-Site")
		r.SetBasicAuth("tenantgate", "s3cret")
	})
	require.Equal(t, 200, token.status, token.body)
	tokens := decode(t, token.body)

	var keys jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal([]byte(b.get(strings.TrimPrefix(metadata["jwks_uri"].(string), b.base)).body), &keys))
	signed, err := jose.ParseSignedCompact(tokens["id_token"].(string), []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	require.NoError(t, err)
	payload, err := signed.Verify(keys)
	require.NoError(t, err)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, metadata["userinfo_endpoint"].(string), nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
	return decode(t, string(payload)), decode(t, b.send(req).body)
}

func TestSignIn(t *testing.T) {
	for _, path := range []string{"", "/", "/some/where"} {
		b := open(t, path)
		require.NoError(t, b.SetRedirectURIs("http://app.test/other", callback))
		claims, info := b.redeem(b.login("openid email profile groups", "ADA@acme.example", "pw-ada"))
		require.Equal(t, b.Issuer(), claims["iss"])
		require.Equal(t, "tenantgate", claims["aud"])
		require.Equal(t, "no", claims["nonce"])
		for _, c := range []map[string]any{claims, info} {
			require.Equal(t, "u-ada", c["sub"])
			require.Equal(t, "ada@acme.example", c["email"])
			require.Equal(t, true, c["email_verified"])
			require.Equal(t, "Ada Lovelace", c["name"])
			require.Equal(t, "Lovelace", c["family_name"])
			require.Equal(t, []any{"SRE"}, c["groups"])
		}
		claims, _ = b.redeem(b.login("openid email", "bob@acme.example", "pw-bob"))
		require.NotContains(t, claims, "groups", "not asked for")
	}
}

func TestSignInFollowsTheDirectory(t *testing.T) {
	b := open(t, "")
	require.NoError(t, b.SetRedirectURIs(callback))
	refused := func(email, password string) {
		t.Helper()
		r := b.login("openid", email, password)
		require.Equal(t, http.StatusUnprocessableEntity, r.status)
		require.Contains(t, r.body, `role="alert"`)
	}
	refused("ada@acme.example", "wrong")
	refused("ada@acme.example", "")
	refused("nobody@acme.example", "pw-ada")
	refused("cid@acme.example", "pw-cid")

	require.NoError(t, b.SetActive("cid@acme.example", true))
	b.redeem(b.login("openid", "cid@acme.example", "pw-cid"))
	require.NoError(t, b.SetActive("cid@acme.example", false))
	refused("cid@acme.example", "pw-cid")
	b.SetInsecureInactiveSignIn(true)
	claims, _ := b.redeem(b.login("openid email", "cid@acme.example", "pw-cid"))
	require.Equal(t, "u-cid", claims["sub"])
	b.SetInsecureInactiveSignIn(false)
	refused("cid@acme.example", "pw-cid")

	require.NoError(t, b.RemoveMember("SRE", "ada@acme.example"))
	claims, _ = b.redeem(b.login("openid groups", "ada@acme.example", "pw-ada"))
	require.Equal(t, []any{}, claims["groups"])
	require.NoError(t, b.RemoveUser("ada@acme.example"))
	refused("ada@acme.example", "pw-ada")
}

func TestSignInRefusesForeignRequests(t *testing.T) {
	b := open(t, "")
	authorize := func(change func(url.Values)) reply {
		q := authorizeQuery("openid")
		change(q)
		return b.get("/acme/authorize?" + q.Encode())
	}
	same := func(url.Values) {}
	require.Equal(t, 400, authorize(same).status, "no redirect URI is registered yet")
	require.Equal(t, 400, authorize(func(q url.Values) { q.Set("redirect_uri", noRedirectURI) }).status)
	require.NoError(t, b.SetRedirectURIs(callback))
	require.Equal(t, 200, authorize(same).status)
	require.Equal(t, 400, authorize(func(q url.Values) { q.Set("redirect_uri", callback+"/") }).status)
	require.Equal(t, 400, authorize(func(q url.Values) { q.Set("client_id", "other") }).status)
	r := authorize(func(q url.Values) { q.Del("code_challenge") })
	require.Contains(t, r.header.Get("Location"), "error=invalid_request")
	r = authorize(func(q url.Values) { q.Set("prompt", "none") })
	require.Contains(t, r.header.Get("Location"), "error=login_required")

	require.NoError(t, b.SetClient(Client{ID: "second", Secret: "x", AuthMethod: "client_secret_post", RedirectURIs: []string{callback}}))
	require.Equal(t, 400, authorize(same).status)
	for _, c := range []Client{
		{},
		{ID: "a"},
		{Secret: "a"},
		{ID: "a", Secret: "b", AuthMethod: "none"},
		{ID: "a", Secret: "b", RedirectURIs: []string{"javascript:alert(1)"}},
		{ID: "a", Secret: "b", RedirectURIs: []string{"/cb"}},
		{ID: "a", Secret: "b", RedirectURIs: []string{callback + "#"}},
		{ID: "a", Secret: "b", InitiateLoginURI: "javascript:x"},
	} {
		require.ErrorIs(t, b.SetClient(c), ErrInvalid, "%+v", c)
	}
	require.ErrorIs(t, b.SetRedirectURIs("x"), ErrInvalid)
	require.Equal(t, "second", b.Client().ID)
}

func TestLoginPage(t *testing.T) {
	b := open(t, "/idp")
	require.NoError(t, b.SetRedirectURIs(callback))
	q := authorizeQuery("openid")
	q.Set("login_hint", `"><script>alert(1)</script>`)
	page := b.get("/acme/authorize?" + q.Encode())
	require.NotContains(t, page.body, "<script")
	require.Contains(t, page.body, "pw-ada", "the demonstration's accounts are shown")
	require.Contains(t, page.body, `href="/idp/style.css"`)
	require.Contains(t, page.body, `action="/idp/acme/login"`)
	require.Contains(t, page.body, `http-equiv="Content-Security-Policy" content="default-src 'none'`)
	require.Equal(t, "DENY", page.header.Get("X-Frame-Options"))

	r := b.post("/acme/login", url.Values{"request": {"x"}}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	require.Equal(t, http.StatusForbidden, r.status)
	r = b.post("/acme/login", url.Values{"request": {"x"}})
	require.Equal(t, http.StatusBadRequest, r.status)

	q.Set("response_mode", "form_post")
	page = b.get("/acme/authorize?" + q.Encode())
	r = b.post("/acme/login", url.Values{"request": {hidden.FindStringSubmatch(page.body)[1]}, "email": {"ada@acme.example"}, "password": {"pw-ada"}})
	require.Equal(t, 200, r.status)
	require.Contains(t, r.body, `action="`+callback+`"`)
	require.Empty(t, r.header.Get("Content-Security-Policy"), "the page sends itself by script")
}

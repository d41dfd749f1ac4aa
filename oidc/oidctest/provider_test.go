package oidctest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

const (
	redirectURI = "https://app.example.com/cb"
	verifier    = "a-verifier-that-is-long-enough-for-the-purpose-of-this-test"
)

func noRedirect() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func authorizeQuery(change url.Values) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {"app"}, "redirect_uri": {redirectURI}, "response_type": {"code"}, "scope": {"openid email profile groups"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	for k, v := range change {
		q[k] = v
	}
	return q.Encode()
}

func get(t *testing.T, c *http.Client, target string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	require.NoError(t, err)
	return send(t, c, req)
}

func post(t *testing.T, c *http.Client, target string, form url.Values, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(req)
	}
	return send(t, c, req)
}

func send(t *testing.T, c *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := c.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func server(t *testing.T, cfg oidctest.Config) *oidctest.Server {
	t.Helper()
	cfg.Clients = []oidctest.Client{{ID: "app", Secret: "s&cret", AuthMethod: "client_secret_basic", RedirectURIs: []string{redirectURI}}}
	cfg.Users = []oidctest.User{
		{Subject: "1", Email: "ada@acme.example", Password: "pw", Name: "Ada", Groups: []string{"g"}},
		{Subject: "2", Email: "off@acme.example", Password: "pw", Disabled: true},
	}
	return oidctest.NewServerConfig(t, cfg)
}

// TestLoginPage: the page asks, refuses wrong passwords and switched-off users, and gives a code that works once.
func TestLoginPage(t *testing.T) {
	t.Parallel()
	idp := server(t, oidctest.Config{LoginPage: true, Title: "Acme <IdP>", Issuer: "/realms/a"})
	c := noRedirect()
	_, page := get(t, c, idp.Issuer()+"/authorize?"+authorizeQuery(url.Values{"login_hint": {`a"b@acme.example`}}))
	require.Contains(t, page, "Acme &lt;IdP&gt;")
	require.Contains(t, page, `action="/realms/a/login"`)
	require.NotContains(t, page, `a"b@`)
	_, rest, ok := strings.Cut(page, `name="request" value="`)
	require.True(t, ok)
	handle := rest[:strings.IndexByte(rest, '"')]

	for _, bad := range []url.Values{
		{"email": {"ada@acme.example"}, "password": {"wrong"}}, {"email": {"off@acme.example"}, "password": {"pw"}}, {"email": {"x@y.example"}},
	} {
		bad.Set("request", handle)
		res, body := post(t, c, idp.Issuer()+"/login", bad, nil)
		require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
		require.Contains(t, body, `role="alert"`)
	}
	good := url.Values{"request": {handle}, "email": {"Ada@acme.example"}, "password": {"pw"}}
	res, _ := post(t, c, idp.Issuer()+"/login", good, nil)
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	u, err := url.Parse(res.Header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, idp.Issuer(), u.Query().Get("iss"))
	require.Equal(t, "s", u.Query().Get("state"))
	res, _ = post(t, c, idp.Issuer()+"/login", good, nil)
	require.Equal(t, http.StatusBadRequest, res.StatusCode, "the handle works once")

	redeem := url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}}
	basic := func(r *http.Request) { r.SetBasicAuth("app", url.QueryEscape("s&cret")) }
	res, _ = post(t, c, idp.Issuer()+"/token", redeem, nil)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	res, body := post(t, c, idp.Issuer()+"/token", redeem, basic)
	require.Equal(t, http.StatusOK, res.StatusCode, body)
	var tokens struct {
		IDToken     string `json:"id_token"`
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &tokens))
	res, _ = post(t, c, idp.Issuer()+"/token", redeem, basic)
	require.Equal(t, http.StatusBadRequest, res.StatusCode, "a code works once")

	_, keys := get(t, c, idp.Issuer()+"/keys")
	var set jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal([]byte(keys), &set))
	jws, err := jose.ParseSignedCompact(tokens.IDToken, []jose.SignatureAlgorithm{jose.RS256})
	require.NoError(t, err)
	payload, err := jws.Verify(set.Key("key-1")[0].Key)
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.Equal(t, idp.Issuer(), claims["iss"])
	require.Equal(t, "1", claims["sub"])
	require.Equal(t, true, claims["email_verified"])
	require.Equal(t, []any{"g"}, claims["groups"])

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, idp.Issuer()+"/userinfo", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	_, body = send(t, c, req)
	require.Contains(t, body, `"email":"ada@acme.example"`)
	res, _ = get(t, c, idp.Issuer()+"/userinfo?access_token="+tokens.AccessToken)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.Len(t, idp.Violations(), 3, "no authentication, a code twice, a token in the address")
}

// TestAuthorizeRefuses: what is unsafe stays at the provider, the rest goes back as an error.
func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	idp := server(t, oidctest.Config{})
	for _, tt := range []struct {
		change   url.Values
		status   int
		err      string
		violates string
	}{
		{url.Values{"client_id": {"other"}}, 400, "", "client_id"},
		{url.Values{"redirect_uri": {"https://evil.example/"}}, 400, "", "redirect_uri"},
		{url.Values{"redirect_uri": {redirectURI + "/"}}, 400, "", "redirect_uri"},
		{url.Values{"response_type": {"token"}}, 303, "unsupported_response_type", "response_type"},
		{url.Values{"scope": {"email"}}, 303, "invalid_scope", "openid"},
		{url.Values{"code_challenge_method": {"plain"}}, 303, "invalid_request", "PKCE"},
		{url.Values{"login_hint": {"off@acme.example"}}, 303, "access_denied", ""},
		{url.Values{"request_uri": {"https://app.example.com/r"}}, 400, "", "request_uri"},
		{url.Values{"request": {"e30.e30."}}, 303, "", "request object"},
		{url.Values{"prompt": {"none"}, "max_age": {"0"}}, 303, "", "max_age=0"},
		{url.Values{"nonce": {"a b"}}, 303, "", "nonce"},
		{url.Values{"nonce": {strings.Repeat("n", 129)}}, 303, "", "nonce"},
		{url.Values{"state": {"a", "b"}}, 303, "", "repeated"},
		{url.Values{"response_mode": {"fragment"}}, 303, "", "response_mode"},
		{nil, 303, "", ""},
	} {
		res, _ := get(t, noRedirect(), idp.Issuer()+"/authorize?"+authorizeQuery(tt.change))
		require.Equal(t, tt.status, res.StatusCode, "%v", tt.change)
		u, err := url.Parse(res.Header.Get("Location"))
		require.NoError(t, err)
		require.Equal(t, tt.err, u.Query().Get("error"), "%v", tt.change)
		v := idp.Violations()
		if tt.violates == "" {
			require.Empty(t, v, "%v", tt.change)
			continue
		}
		require.Len(t, v, 1, "%v", tt.change)
		require.Contains(t, v[0], tt.violates)
	}
}

// TestTokenViolations: what a relying party does wrong at the token and the userinfo endpoint is refused and told.
func TestTokenViolations(t *testing.T) {
	t.Parallel()
	idp := server(t, oidctest.Config{})
	code := func() string {
		res, _ := get(t, noRedirect(), idp.Issuer()+"/authorize?"+authorizeQuery(url.Values{"scope": {"openid offline_access"}}))
		u, err := url.Parse(res.Header.Get("Location"))
		require.NoError(t, err)
		return u.Query().Get("code")
	}
	redeem := func(change url.Values) (int, string) {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code()}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}}
		for k, v := range change {
			form[k] = v
		}
		res, body := post(t, noRedirect(), idp.Issuer()+"/token", form, func(r *http.Request) { r.SetBasicAuth("app", url.QueryEscape("s&cret")) })
		return res.StatusCode, body
	}
	for _, tt := range []struct {
		change   url.Values
		violates string
	}{
		{url.Values{"redirect_uri": {redirectURI + "/"}}, "redirect_uri"},
		{url.Values{"code_verifier": {"another"}}, "code_verifier"},
		{url.Values{"code": {"made-up"}}, "code"},
		{url.Values{"client_secret": {"s&cret"}}, "client authentication"},
		{url.Values{"grant_type": nil}, "grant_type"},
	} {
		status, _ := redeem(tt.change)
		require.GreaterOrEqual(t, status, 400, "%v", tt.change)
		v := idp.Violations()
		require.Len(t, v, 1, "%v", tt.change)
		require.Contains(t, v[0], tt.violates)
	}
	_, body := redeem(url.Values{"client_id": {"other"}})
	require.Contains(t, idp.Violations()[0], "client_id")
	var first, second struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &first))
	_, body = redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}, "scope": {"openid admin"}})
	require.Contains(t, idp.Violations()[0], "wider")
	require.NoError(t, json.Unmarshal([]byte(body), &second))

	info := func(header string, form url.Values) int {
		res, _ := post(t, noRedirect(), idp.Issuer()+"/userinfo", form, func(r *http.Request) {
			if header != "" {
				r.Header.Set("Authorization", "Bearer "+header)
			}
		})
		return res.StatusCode
	}
	require.Equal(t, 200, info(second.Access, nil))
	require.Equal(t, 200, info("", url.Values{"access_token": {second.Access}}))
	require.Empty(t, idp.Violations())
	require.Equal(t, 401, info(second.Access, url.Values{"access_token": {second.Access}}))
	require.Contains(t, idp.Violations()[0], "both")
	require.Equal(t, 401, info(first.Access, nil))
	require.Contains(t, idp.Violations()[0], "newer")
	require.Equal(t, 401, info("", nil))
	require.Contains(t, idp.Violations()[0], "no access token")
}

// failures is a TB whose test goes on.
type failures struct {
	testing.TB
	cleanup []func()
	said    []string
}

func (f *failures) Cleanup(g func()) { f.cleanup = append(f.cleanup, g) }

func (f *failures) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

// TestServerFailsItsTest: a rule that was broken fails the test, once.
func TestServerFailsItsTest(t *testing.T) {
	t.Parallel()
	tb := &failures{TB: t}
	idp := oidctest.NewServer(tb)
	for range 300 {
		get(t, noRedirect(), idp.Issuer()+"/userinfo")
	}
	for _, g := range tb.cleanup {
		g()
	}
	require.Len(t, tb.said, 100)
	require.Contains(t, tb.said[0], "no access token")
}

// TestDecoys: the key set of the conformance suite.
func TestDecoys(t *testing.T) {
	t.Parallel()
	idp := server(t, oidctest.Config{Decoys: true})
	_, body := get(t, noRedirect(), idp.Issuer()+"/keys")
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(body), &set))
	require.Len(t, set.Keys, 4)
	require.Equal(t, "key-1", set.Keys[0]["kid"])
	require.Equal(t, "secp256k1", set.Keys[1]["crv"])
	require.Equal(t, "enc", set.Keys[2]["use"])
	require.Equal(t, "enc", set.Keys[3]["use"])
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"", "/path", "idp.example", "https://idp.example?x", "https://idp.example#x"} {
		_, err := oidctest.New(oidctest.Config{Issuer: issuer})
		require.Error(t, err, issuer)
	}
	_, err := oidctest.New(oidctest.Config{Issuer: "https://idp.example", Keys: []oidctest.Key{{}}})
	require.ErrorContains(t, err, "Private")
	_, err = oidctest.GenerateKey("k", "HS256")
	require.ErrorContains(t, err, "HS256")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	idp := server(t, oidctest.Config{})
	idp.SetFaults(oidctest.Faults{
		Endpoints: map[oidctest.Endpoint]oidctest.Fault{
			oidctest.Keys:     {Endless: 100_000},
			oidctest.Userinfo: {Status: 418, Body: "x", Header: http.Header{"X-Y": {"z"}}},
			oidctest.Token:    {Redirect: "https://evil.example/"},
		},
		Metadata: func(m map[string]any) { delete(m, "jwks_uri") },
	})
	_, body := get(t, noRedirect(), idp.Issuer()+"/keys")
	require.Len(t, body, 100_000)
	res, body := get(t, noRedirect(), idp.Issuer()+"/userinfo")
	require.Equal(t, 418, res.StatusCode)
	require.Equal(t, "x", body)
	require.Equal(t, "z", res.Header.Get("X-Y"))
	res, _ = post(t, noRedirect(), idp.Issuer()+"/token", nil, nil)
	require.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
	_, body = get(t, noRedirect(), idp.Issuer()+"/.well-known/openid-configuration")
	require.NotContains(t, body, "jwks_uri")
	require.Equal(t, 1, idp.Count(oidctest.Discovery))
	idp.SetFaults(oidctest.Faults{})
	_, body = get(t, noRedirect(), idp.Issuer()+"/.well-known/openid-configuration")
	require.Contains(t, body, "jwks_uri")
}

// TestNamesAreUnique: each misbehaviour can be run by its name.
func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	for least, list := range map[int][]oidctest.Misbehaviour{90: oidctest.Misbehaviours(), 60: oidctest.LogoutMisbehaviours()} {
		seen := map[string]bool{}
		for _, m := range list {
			require.NotEmpty(t, m.Name)
			require.False(t, seen[m.Name], m.Name)
			seen[m.Name] = true
		}
		require.Greater(t, len(seen), least)
	}
}

// TestLogout: a logout token arrives as a form and says what it was asked to say; faults change it.
func TestLogout(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	var got url.Values
	rp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.NoError(t, r.ParseForm())
		got = r.PostForm
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte("no"))
	}))
	t.Cleanup(rp.Close)
	answer, err := idp.SendLogout(t.Context(), rp.Client(), rp.URL, oidctest.Logout{Subject: "u1", TokenID: "j1"})
	require.NoError(t, err)
	require.Equal(t, 400, answer.Status)
	require.Equal(t, "no", string(answer.Body))
	head, claims := parts(t, got.Get("logout_token"))
	require.Equal(t, map[string]any{"alg": "RS256", "typ": "logout+jwt", "kid": "key-1"}, head)
	require.Equal(t, idp.Issuer(), claims["iss"])
	require.Equal(t, oidctest.DefaultClientID, claims["aud"])
	require.Equal(t, "u1", claims["sub"])
	require.Equal(t, "j1", claims["jti"])
	require.NotContains(t, claims, "sid")
	require.Equal(t, map[string]any{oidctest.LogoutEvent: map[string]any{}}, claims["events"])

	token, err := idp.LogoutToken(oidctest.Logout{SessionID: "d1", Faults: oidctest.Faults{
		Alg: "none", Claims: func(c map[string]any) { delete(c, "events") },
	}})
	require.NoError(t, err)
	head, claims = parts(t, token)
	require.Equal(t, "none", head["alg"])
	require.Equal(t, "d1", claims["sid"])
	require.NotContains(t, claims, "sub")
	require.NotContains(t, claims, "events")
	require.NotEmpty(t, claims["jti"])

	_, err = idp.LogoutToken(oidctest.Logout{ClientID: "nobody"})
	require.ErrorContains(t, err, "nobody")
}

// parts decodes the header and the claims of a token.
func parts(t *testing.T, token string) (head, claims map[string]any) {
	t.Helper()
	p := strings.Split(token, ".")
	require.Len(t, p, 3)
	for i, to := range []*map[string]any{&head, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(p[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, to))
	}
	return head, claims
}

// TestServeItYourself: the provider is an http.Handler for a server of one's own.
func TestServeItYourself(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	key, err := oidctest.GenerateKey("fixed", "ES256")
	require.NoError(t, err)
	p, err := oidctest.New(oidctest.Config{Issuer: srv.URL, Keys: []oidctest.Key{key}, Now: func() time.Time { return time.Unix(1e9, 0) }})
	require.NoError(t, err)
	mux.Handle("/", p)
	_, body := get(t, noRedirect(), srv.URL+"/keys")
	require.Contains(t, body, `"kid":"fixed"`)
	_, body = get(t, noRedirect(), srv.URL+"/.well-known/openid-configuration")
	require.Contains(t, body, `"id_token_signing_alg_values_supported":["ES256"]`)
}

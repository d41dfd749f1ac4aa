package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// started walks to the provider's answer and stops before it reaches the callback.
func (a *app) started(b *browser, email string) view {
	a.t.Helper()
	b.stopAt = callbackPath
	p := b.get(a.url + "/sso/login?return_to=/inside&email=" + url.QueryEscape(email))
	b.stopAt = ""
	require.Contains(a.t, p.location, callbackPath, p.body)
	return p
}

func twoTenants(t *testing.T) (*app, *oidctest.Server, *oidctest.Server, store.Connection, store.Connection) {
	t.Helper()
	acme, rival := oidctest.NewServer(t), oidctest.NewServer(t)
	a := newApp(t)
	ca := a.connect(acme, "acme", "acme.example")
	cb := a.connect(rival, "rival", "rival.example")
	a.accounts.add("acme", "u-ada", "ada@acme.example")
	a.accounts.add("rival", "u-bob", "bob@rival.example")
	rival.SetUsers(oidctest.User{Subject: "bob", Email: "bob@rival.example"})
	return a, acme, rival, ca, cb
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	a, acme, _, c, _ := twoTenants(t)
	acme.SetUsers(oidctest.User{Subject: "s1", Email: "Ada@ACME.example", Name: "Ada", Groups: []string{"g1"}, SessionID: "sid-1"})
	p := a.signIn("ada@acme.example")
	require.Equal(t, 200, p.status, p.body)
	require.Equal(t, "home /inside", p.body)
	l := a.lastLogin()
	require.Equal(t, Login{
		TenantID: "acme", ConnectionID: c.ID, Account: Account{ID: "u-ada", Email: "ada@acme.example", Member: true},
		Issuer: acme.Issuer(), Subject: "s1", Email: "Ada@ACME.example", SessionID: "sid-1", First: true, ReturnTo: "/inside",
		IDToken: l.IDToken, AuthenticatedAt: l.AuthenticatedAt, claims: l.claims,
	}, l)
	require.Len(t, strings.Split(l.IDToken.Reveal(), "."), 3)
	require.WithinDuration(t, time.Now(), l.AuthenticatedAt, time.Minute)
	var claims struct {
		Name   string   `json:"name"`
		Groups []string `json:"groups"`
	}
	require.NoError(t, l.Claims(&claims))
	require.Equal(t, "Ada", claims.Name)
	require.Nil(t, claims.Groups, "the scope was not asked for: absent is not empty")

	link, err := a.store.Identity(t.Context(), "acme", c.ID, acme.Issuer(), "s1")
	require.NoError(t, err)
	require.Equal(t, "u-ada", link.AccountID)
	require.Equal(t, "Ada@acme.example", link.Email)
	require.Len(t, a.events("acme", EventLinked), 1)
	require.Len(t, a.events("acme", EventSignIn), 1)

	a.signIn("ada@acme.example")
	require.False(t, a.lastLogin().First)
	require.Len(t, a.events("acme", EventSignIn), 2)
	require.Empty(t, a.events("rival", ""))
}

func TestAuthorizationRequest(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.AdditionalScopes = []string{"groups", "email", "bad scope"} })
	b := a.browser()
	b.stopAt = idp.Issuer()
	p := b.get(a.url + "/sso/login?email=ada@acme.example")
	require.Equal(t, http.StatusSeeOther, p.status)
	require.Equal(t, "no-store", p.header.Get("Cache-Control"))
	u, err := url.Parse(p.location)
	require.NoError(t, err)
	q := u.Query()
	require.Equal(t, "code", q.Get("response_type"))
	require.Equal(t, "openid profile email groups", q.Get("scope"))
	require.Equal(t, a.handler.RedirectURI(c.ID), q.Get("redirect_uri"))
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.Equal(t, "ada@acme.example", q.Get("login_hint"))
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, q.Get(name), name)
	}
	require.NotEqual(t, q.Get("state"), q.Get("nonce"))
	cookie := p.header.Get("Set-Cookie")
	require.Contains(t, cookie, "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax")
	require.NotContains(t, cookie, q.Get("state"))
	require.Empty(t, a.events("acme", ""), "an unauthenticated request writes nothing")
}

// TestS9_StateBinding: a callback without cookie, with another browser's cookie, with another tab's state, and with tenant
// A's state at tenant B.
func TestS9_StateBinding(t *testing.T) {
	proves(t)
	t.Parallel()
	a, acme, rival, ca, cb := twoTenants(t)
	victim, attacker := a.browser(), a.browser()
	answer := a.started(victim, "ada@acme.example").location

	p := attacker.get(answer)
	require.Equal(t, 400, p.status)
	require.Contains(t, p.body, CodeFlowMissing)

	a.started(attacker, "bob@rival.example")
	p = attacker.get(answer)
	require.Equal(t, 400, p.status)
	require.Contains(t, p.body, CodeFlowMissing)

	// RFC 9700 section 4.4: the honest provider's answer, delivered to the hostile tenant's redirect URI.
	before := acme.Count(oidctest.Token) + rival.Count(oidctest.Token)
	p = victim.get(strings.Replace(answer, ca.ID, cb.ID, 1))
	require.Equal(t, 400, p.status)
	require.Contains(t, p.body, CodeFlowMismatch)
	require.Equal(t, before, acme.Count(oidctest.Token)+rival.Count(oidctest.Token), "no code was sent anywhere")

	p = victim.get(a.url + "/sso/signin-oidc/" + ca.ID + "?code=x&state=")
	require.Equal(t, 400, p.status)
	p = victim.get(a.url + "/sso/signin-oidc/" + ca.ID)
	require.Equal(t, 400, p.status)
	require.Zero(t, a.loginCount())
}

// TestTabs: several attempts in one browser, at one tenant and at two, finish in any order.
func TestTabs(t *testing.T) {
	t.Parallel()
	a, _, _, _, _ := twoTenants(t)
	b := a.browser()
	first, second := a.started(b, "ada@acme.example").location, a.started(b, "ada@acme.example").location
	third := a.started(b, "bob@rival.example").location
	for _, answer := range []string{third, first, second} {
		p := b.get(answer)
		require.Equal(t, 200, p.status, p.body)
	}
	require.Equal(t, 3, a.loginCount())
}

func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	a, _, _, _, _ := twoTenants(t)
	b := a.browser()
	var answers []string
	for range maxAttempts + 3 {
		answers = append(answers, a.started(b, "ada@acme.example").location)
	}
	base, err := url.Parse(a.url)
	require.NoError(t, err)
	require.Len(t, b.client.Jar.Cookies(base), maxAttempts)
	require.Equal(t, 200, b.get(answers[len(answers)-1]).status)
	require.Len(t, b.client.Jar.Cookies(base), maxAttempts, "one attempt less, one session more")
}

// TestS10_Replay: of a callback and its copies exactly one redeems the code.
func TestS10_Replay(t *testing.T) {
	proves(t)
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	b := a.browser()
	answer := a.started(b, "ada@acme.example").location
	base, err := url.Parse(a.url)
	require.NoError(t, err)
	cookies := b.client.Jar.Cookies(base)

	statuses := make([]int, 8)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() {
			own := a.browser()
			own.client.Jar.SetCookies(base, cookies)
			statuses[i] = own.get(answer).status
		})
	}
	wg.Wait()
	ok := 0
	for _, s := range statuses {
		if s == 200 {
			ok++
		} else {
			require.Equal(t, 400, s)
		}
	}
	require.Equal(t, 1, ok)
	require.Equal(t, 1, acme.Count(oidctest.Token))
	require.Equal(t, 1, a.loginCount())

	p := a.browser()
	p.client.Jar.SetCookies(base, cookies)
	require.Contains(t, p.get(answer).body, CodeFlowUsed)
}

func TestAttemptExpires(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	idp := oidctest.NewServer(t)
	a := newApp(t, func(c *Config) { c.Now = clock })
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	b := a.browser()
	answer := a.started(b, oidctest.DefaultEmail).location
	mu.Lock()
	now = now.Add(attemptLife)
	mu.Unlock()
	p := b.get(answer)
	require.Equal(t, 400, p.status)
	require.Contains(t, p.body, CodeFlowExpired)
	require.Zero(t, idp.Count(oidctest.Token))
}

// TestS4_Disabled: a connection that was switched off, or changed, between start and callback.
func TestS4_Disabled(t *testing.T) {
	proves(t)
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*store.Connection)
		status int
		code   string
	}{
		"suspended":      {func(c *store.Connection) { c.State = store.ConnectionSuspended }, 403, CodeConnectionOff},
		"other client":   {func(c *store.Connection) { c.ClientID = "other" }, 400, CodeFlowMismatch},
		"other issuer":   {func(c *store.Connection) { c.Issuer = "https://other.example" }, 400, CodeFlowMismatch},
		"name is no cfg": {func(c *store.Connection) { c.Name = "new name" }, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, acme, _, c, _ := twoTenants(t)
			b := a.browser()
			answer := a.started(b, "ada@acme.example").location
			tt.change(&c)
			_, err := a.store.UpdateConnection(t.Context(), "acme", c)
			require.NoError(t, err)
			p := b.get(answer)
			require.Equal(t, tt.status, p.status, p.body)
			require.Contains(t, p.body, tt.code)
			if tt.status != 200 {
				require.Zero(t, acme.Count(oidctest.Token))
			}
		})
	}
}

// TestS13_ReturnTo: only paths of this origin survive.
func TestS13_ReturnTo(t *testing.T) {
	proves(t)
	t.Parallel()
	for _, bad := range []string{
		"", "evil", "//evil.example", `/\evil.example`, `\\evil.example`, "https:evil.example", "https://evil.example/", "/\t/evil.example",
		"\t//evil.example", "/%5cevil.example", "/%2fevil.example", "/..//evil.example", "/a/../..//evil", "/a\r\nSet-Cookie: x=y",
		"/%0d%0ax", "javascript:alert(1)", "/" + strings.Repeat("a", 10<<10), "/a b", "/ä", "/\x00", "/x/%2e%2e/y",
	} {
		require.False(t, safeReturnTo(bad), "%q", bad)
	}
	for _, good := range []string{"/", "/inside", "/a/b?x=1&y=//z#frag", "/a%20b", "/?next=https://x.example"} {
		require.True(t, safeReturnTo(good), "%q", good)
	}
	a, _, _, _, _ := twoTenants(t)
	p := a.browser().get(a.url + "/sso/login?email=ada@acme.example&return_to=//evil.example/")
	require.Equal(t, "home /", p.body)
}

// TestS26_ThirdPartyInitiated: OpenID Connect Core section 4, oidcc-client-test-3rd-party-init-login.
func TestS26_ThirdPartyInitiated(t *testing.T) {
	proves(t)
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	login := func(q url.Values) view { return a.browser().get(a.url + "/sso/login?" + q.Encode()) }

	p := login(url.Values{"iss": {acme.Issuer()}, "login_hint": {"ada@acme.example"}, "target_link_uri": {a.url + "/deep?x=1"}})
	require.Equal(t, "home /deep?x=1", p.body)
	p = login(url.Values{"iss": {acme.Issuer()}, "target_link_uri": {"https://evil.example/deep"}})
	require.Equal(t, "home /", p.body)
	p = login(url.Values{"iss": {"https://unknown.example"}})
	require.Equal(t, 400, p.status)
	require.Contains(t, p.body, CodeIssuerUnknown)
	p = login(url.Values{"iss": {acme.Issuer() + "/"}})
	require.Equal(t, 400, p.status, "the issuer is compared exactly")

	// Two tenants with one issuer: the hint's domain decides; without it nobody is guessed, and the person is asked (R14).
	a.connect(acme, "third", "third.example")
	a.accounts.add("third", "u-eve", "eve@third.example")
	acme.SetUsers(oidctest.User{Subject: "eve", Email: "eve@third.example"})
	before := acme.Count(oidctest.Authorize)
	p = login(url.Values{"iss": {acme.Issuer()}, "target_link_uri": {a.url + "/deep"}})
	require.Equal(t, 200, p.status)
	require.Contains(t, p.body, `name="email"`)
	require.Contains(t, p.body, `name="return_to" value="/deep"`)
	require.Equal(t, before, acme.Count(oidctest.Authorize))
	p = login(url.Values{"iss": {acme.Issuer()}, "login_hint": {"eve@third.example"}})
	require.Equal(t, 200, p.status, p.body)
	require.Equal(t, "third", a.lastLogin().TenantID)
}

// TestHomeRealm: exact domain, sub-domains by opt-in, unknown and odd addresses.
func TestHomeRealm(t *testing.T) {
	t.Parallel()
	a, acme, _, c, _ := twoTenants(t)
	a.domain("acme", c.ID, "open.example", true)
	for _, tt := range []struct {
		email  string
		status int
	}{
		{"ada@acme.example", 200},
		{"  ADA@Acme.Example ", 200},
		{"ada@sub.open.example", 200},
		{"ada@deep.sub.open.example", 200},
		{"ada@sub.acme.example", 400},
		{"ada@evilacme.example", 400},
		{"ada@acme.example.evil", 400},
		{"ada@evil@acme.example", 400},
		{`"ada@acme.example"@evil`, 400},
		{"ada@unknown.example", 400},
		{"@acme.example", 400},
		{"ada", 400},
		{strings.Repeat("a", 300) + "@acme.example", 400},
	} {
		b := a.browser()
		b.stopAt = acme.Issuer()
		p := b.get(a.url + "/sso/login?email=" + url.QueryEscape(tt.email))
		if tt.status == 200 {
			require.Equal(t, http.StatusSeeOther, p.status, "%q: %s", tt.email, p.body)
			continue
		}
		require.Equal(t, tt.status, p.status, "%q", tt.email)
		require.Contains(t, p.body, CodeNoConnection)
		require.NotContains(t, p.body, "unknown.example")
	}
}

func TestLoginForm(t *testing.T) {
	t.Parallel()
	a, _, _, _, _ := twoTenants(t)
	p := a.browser().get(a.url + "/sso/login?return_to=/x%22%3E")
	require.Equal(t, 200, p.status)
	require.Contains(t, p.body, `<label for="email">`)
	require.Contains(t, p.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, p.body, `"/x">`)
}

// TestHostRefuses: what OnLogin wrote is dropped with the transaction.
func TestHostRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"denied": {errors.Join(ErrDenied, errors.New("secret reason")), 403, CodeHostRefused},
		"broken": {errors.New("secret reason"), 503, CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, _, c, _ := twoTenants(t)
			a.hook = func(w http.ResponseWriter, _ Login) error {
				w.Header().Set("X-Secret", "y")
				return tt.err
			}
			p := a.signIn("ada@acme.example")
			require.Equal(t, tt.status, p.status)
			require.Contains(t, p.body, tt.code)
			require.NotContains(t, p.body, "secret reason")
			require.Empty(t, p.session)
			require.Empty(t, p.header.Get("X-Secret"))
			links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-ada")
			require.NoError(t, err)
			require.Empty(t, links, "the link was rolled back")
			refused := a.events("acme", EventSignInRefused)
			require.Len(t, refused, 1)
			require.Equal(t, tt.code, refused[0].Code)
			require.Equal(t, c.ID, refused[0].Subject.ID)
			require.Contains(t, p.body, refused[0].CorrelationID)
		})
	}
}

func TestHostAnswersItself(t *testing.T) {
	t.Parallel()
	a, _, _, _, _ := twoTenants(t)
	a.hook = func(w http.ResponseWriter, _ Login) error {
		w.WriteHeader(http.StatusTeapot)
		_, err := w.Write([]byte("second factor, please"))
		return err
	}
	p := a.signIn("ada@acme.example")
	require.Equal(t, http.StatusTeapot, p.status)
	require.Equal(t, "second factor, please", p.body)
	require.Equal(t, "u-ada", p.session)
}

// TestS17_ResponseIssuer: RFC 9207 where the provider does not announce it, and two tenants with one issuer.
func TestS17_ResponseIssuer(t *testing.T) {
	proves(t)
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	unannounced := func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
	drop := func(v map[string][]string) { delete(v, "iss") }
	acme.SetFaults(oidctest.Faults{Metadata: unannounced, Response: drop})
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	acme.SetFaults(oidctest.Faults{Metadata: unannounced, Response: func(v map[string][]string) { v["iss"] = []string{acme.Issuer() + "/"} }})
	p := a.signIn("ada@acme.example")
	require.Equal(t, 400, p.status)
	require.Contains(t, p.body, CodeIssuerMixUp)
}

// TestS21_TokenRedirect: a 307 of the token endpoint carries nothing to the other host.
func TestS21_TokenRedirect(t *testing.T) {
	proves(t)
	t.Parallel()
	a, acme, rival, _, _ := twoTenants(t)
	acme.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{
		oidctest.Token: {Redirect: rival.Issuer() + "/token"},
	}})
	p := a.signIn("ada@acme.example")
	require.Equal(t, 503, p.status)
	require.Contains(t, p.body, CodeProviderConfig)
	require.Zero(t, rival.Count(oidctest.Token))
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		registered, configured string
		advertised             []string
		code                   string
	}{
		{"client_secret_basic", "", nil, ""},
		{"client_secret_post", "client_secret_post", nil, ""},
		{"client_secret_post", "", []string{"client_secret_post"}, ""},
		{"client_secret_basic", "", []string{"private_key_jwt", "client_secret_basic"}, ""},
		{"client_secret_post", "client_secret_basic", nil, CodeClientRejected},
		{"", "private_key_jwt", nil, CodeAuthUnsupported},
	} {
		t.Run(tt.registered+" "+tt.configured, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServerConfig(t, oidctest.Config{Clients: []oidctest.Client{
				{ID: oidctest.DefaultClientID, Secret: oidctest.DefaultClientSecret, AuthMethod: tt.registered},
			}})
			if tt.advertised != nil {
				idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = tt.advertised }})
			}
			a := newApp(t)
			a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.ClientAuth = tt.configured })
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			p := a.signIn(oidctest.DefaultEmail)
			if tt.code == "" {
				require.Equal(t, 200, p.status, p.body)
				return
			}
			require.Equal(t, 503, p.status)
			require.Contains(t, p.body, tt.code)
			require.Equal(t, tt.code == CodeClientRejected, len(idp.Violations()) == 1)
		})
	}
}

// TestSigningAlgorithms: each pinned algorithm works, and the pin of the connection wins over the provider's list.
func TestSigningAlgorithms(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			key, err := oidctest.GenerateKey("k-"+alg, alg)
			require.NoError(t, err)
			idp := oidctest.NewServerConfig(t, oidctest.Config{Keys: []oidctest.Key{key}})
			a := newApp(t)
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)

			a.connect(idp, "pinned", "pinned.example", func(c *store.Connection) { c.SigningAlg = "ES384" })
			p := a.signIn("x@pinned.example")
			require.Equal(t, 403, p.status)
			require.Contains(t, p.body, CodeTokenInvalid)
		})
	}
}

// TestKeyRotation: the keys change, to another ID and then under that same one.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	for _, id := range []string{"key-2", "key-2"} {
		key, err := oidctest.GenerateKey(id, "RS256")
		require.NoError(t, err)
		acme.SetKeys(key)
		require.Equal(t, 200, a.signIn("ada@acme.example").status, "rotated to %s", id)
	}
	require.Equal(t, 3, acme.Count(oidctest.Keys))
}

// TestS30_Logs: no code, token, secret, nonce or state in logs, whatever happens.
func TestS30_Logs(t *testing.T) {
	proves(t)
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	var secrets []string
	for _, f := range []oidctest.Faults{
		{IDToken: func(s string) string { secrets = append(secrets, s); return s + "x" }},
		{Claims: func(c map[string]any) { secrets = append(secrets, c["nonce"].(string)); c["nonce"] = "x" }},
		{Response: func(v map[string][]string) {
			secrets = append(secrets, v["code"]...)
			v["iss"] = []string{"https://evil.example/?secret"}
		}},
		{TokenResponse: func(m map[string]any) {
			secrets = append(secrets, m["access_token"].(string))
			delete(m, "id_token")
		}},
	} {
		acme.SetFaults(f)
		b := a.browser()
		answer := a.started(b, "ada@acme.example").location
		u, err := url.Parse(answer)
		require.NoError(t, err)
		secrets = append(secrets, u.Query().Get("state"), u.Query().Get("code"))
		p := b.get(answer)
		require.GreaterOrEqual(t, p.status, 400)
		for _, s := range secrets {
			require.NotContains(t, a.log.String(), s)
			require.NotContains(t, p.body, s)
		}
	}
	require.Contains(t, a.log.String(), "correlation_id=")
}

func TestProblemJSON(t *testing.T) {
	t.Parallel()
	a, _, _, _, _ := twoTenants(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/sso/login?email=x@unknown.example", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/json")
	p := a.browser().do(req)
	require.Equal(t, 400, p.status)
	require.Equal(t, "application/problem+json", p.header.Get("Content-Type"))
	require.Contains(t, p.body, `"code":"no_connection"`)
	require.Contains(t, p.body, `"login_url":"/sso/login"`)
}

// TestTestSignIn: a connection is tested before it is active; nobody is signed in, linked or made.
func TestTestSignIn(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	var results []TestResult
	a := newApp(t, func(c *Config) {
		c.OnTest = TestFunc(func(_ context.Context, r TestResult) error { results = append(results, r); return nil })
	})
	c := a.connect(idp, "acme", "", func(c *store.Connection) { c.State, c.ConfigVersion = store.ConnectionApproved, 7 })
	owner := http.NewServeMux()
	owner.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
		a.handler.StartTest(w, r, TestRequest{
			TenantID: "acme", ConnectionID: c.ID, ReturnTo: "/result", Actor: tenant.Actor{Kind: tenant.ActorOwner, ID: "o1", Name: "Olga"},
		})
	})
	a.mux.Handle("/test", owner)

	p := a.browser().get(a.url + "/test")
	require.Equal(t, "home /result", p.body)
	require.Len(t, results, 1)
	require.NoError(t, results[0].Err)
	require.Equal(t, int64(7), results[0].ConfigVersion)
	require.Equal(t, tenant.Actor{Kind: tenant.ActorOwner, ID: "o1", Name: "Olga"}, results[0].Actor)
	require.Equal(t, oidctest.DefaultEmail, results[0].Email)
	require.Equal(t, oidctest.DefaultSubject, results[0].Subject)
	require.Equal(t, CodeEmailDomain, results[0].EmailCode, "the domain is not proven yet")

	a.domain("acme", c.ID, "acme.example", false)
	a.browser().get(a.url + "/test")
	require.Empty(t, results[1].EmailCode)

	idp.SetFaults(oidctest.Faults{Alg: "none"})
	p = a.browser().get(a.url + "/test")
	require.Equal(t, "home /result", p.body)
	require.Equal(t, CodeTokenInvalid, CodeOf(results[2].Err))
	require.Empty(t, results[2].Email)
	require.Zero(t, a.loginCount())
	require.Empty(t, p.session)

	p = a.signIn(oidctest.DefaultEmail)
	require.Contains(t, p.body, CodeNoConnection, "not active: not for sign-ins")
	links, err := a.store.Identity(t.Context(), "acme", c.ID, idp.Issuer(), oidctest.DefaultSubject)
	require.ErrorIs(t, err, store.ErrNotFound, "%v", links)
}

// TestStrangersWriteNothing: whoever starts a sign-in can send himself any answer to it. Without a code that the provider
// knows, nothing of it is in the database but that a code was used.
func TestStrangersWriteNothing(t *testing.T) {
	t.Parallel()
	a, acme, _, ca, _ := twoTenants(t)
	b := a.browser()
	u, err := url.Parse(a.started(b, "ada@acme.example").location)
	require.NoError(t, err)
	base, err := url.Parse(a.url)
	require.NoError(t, err)
	cookies := b.client.Jar.Cookies(base)
	answer := func(name, value string) string {
		b.client.Jar.SetCookies(base, cookies)
		values := url.Values{"state": {u.Query().Get("state")}, "iss": {u.Query().Get("iss")}}
		if name != "" {
			values.Set(name, value)
		}
		return b.get(a.handler.RedirectURI(ca.ID) + "?" + values.Encode()).body
	}
	for range 3 { // that it goes on says that it was not even remembered
		require.Contains(t, answer("error", "access_denied"), CodeProviderDenied)
		require.Contains(t, answer("", ""), CodeRequestInvalid)
	}
	require.Contains(t, answer("code", "junk"), CodeCodeRejected)
	require.Contains(t, answer("code", "junk"), CodeFlowUsed)
	require.Len(t, acme.Violations(), 1, "the code that was never given")
	require.Empty(t, a.events("acme", ""))
}

func TestHeadUsesNothingUp(t *testing.T) {
	t.Parallel()
	a, _, _, _, _ := twoTenants(t)
	b := a.browser()
	answer := a.started(b, "ada@acme.example").location
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, answer, http.NoBody)
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, b.do(req).status)
	require.Equal(t, 200, b.get(answer).status)
}

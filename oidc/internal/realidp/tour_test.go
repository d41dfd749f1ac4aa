package realidp

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
)

// provider is one that others wrote.
type provider struct {
	name string
	// methods are the client authentications of its clients.
	methods []string
	// refusesUs are those that it announces, and that it refuses as they are done here.
	refusesUs []string
	// lacks are the columns that it does not offer.
	lacks []string
	// badLogoutTokens is why its logout tokens are refused, "" where they are not.
	badLogoutTokens string
	// consent says that it gives refresh tokens with prompt=consent alone (OpenID Connect Core section 11).
	consent bool
	// bothSecrets says that it takes a client secret in either way, whatever is registered.
	bothSecrets bool
	// forgets says that it has no sessions: every sign-in asks for the password.
	forgets bool
	// ageless says that it does not tell when somebody authenticated.
	ageless bool
	// cancels says that its page for signing in has a link for those who don't want to.
	cancels bool
	// alg is another algorithm than the usual one, with which it signs ID tokens and userinfo for a client that registers it.
	alg string
	// more is what its administrator can do besides, with a client of each method.
	more func(t *testing.T, p provider, issuer string, byMethod map[string]*client)
	// start registers the clients, runs it and returns its issuer.
	start func(t *testing.T, clients []*client) string
}

// client is an application's registration at the provider.
type client struct {
	*app
	id   string
	auth string
	// alg is registered for the signatures of ID tokens and userinfo, "" for the usual one and unsigned userinfo.
	alg string
	// frontChannel registers the address of front-channel logout, and not that of back-channel logout.
	frontChannel bool
}

func (c *client) redirectURI() string    { return c.handler.RedirectURI(c.connectionID) }
func (c *client) postLogoutURI() string  { return c.handler.PostLogoutRedirectURI(c.connectionID) }
func (c *client) backchannelURI() string { return c.handler.BackchannelLogoutURI(c.connectionID) }
func (c *client) frontchannelURI() string {
	return c.handler.FrontchannelLogoutURI(c.connectionID)
}

// discovered is what a provider's document says about what the table is of.
type discovered struct {
	TokenAuth     []string `json:"token_endpoint_auth_methods_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	EndSession    string   `json:"end_session_endpoint"`
	Backchannel   bool     `json:"backchannel_logout_supported"`
	Frontchannel  bool     `json:"frontchannel_logout_supported"`
	PAR           string   `json:"pushed_authorization_request_endpoint"`
	Iss           bool     `json:"authorization_response_iss_parameter_supported"`
}

// offers holds the document against the table: nothing that is announced goes untested.
func (p provider) offers(t *testing.T, issuer string) discovered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	var d discovered
	require.NoError(t, json.Unmarshal(text, &d))
	for column, announced := range map[string]bool{
		rpInitiated: d.EndSession != "", backChannel: d.Backchannel, frontChannel: d.Frontchannel,
		pushed: d.PAR != "", formPost: slices.Contains(d.ResponseModes, "form_post"), issParameter: d.Iss,
	} {
		require.Equal(t, announced, !slices.Contains(p.lacks, column), "%s announces %s", p.name, column)
	}
	return d
}

func (p provider) has(column string) bool { return !slices.Contains(p.lacks, column) }

// tour does at the provider all that it offers.
func (p provider) tour(t *testing.T) {
	byMethod := map[string]*client{}
	var clients []*client
	add := func(c *client) *client {
		clients = append(clients, c)
		return c
	}
	for _, method := range slices.Concat(p.methods, p.refusesUs) {
		byMethod[method] = add(&client{app: newApp(t, false), id: "app-" + method, auth: method})
	}
	secure := add(&client{app: newApp(t, true), id: "app-form-post", auth: "client_secret_basic"})
	second := add(&client{app: newApp(t, false), id: "app-second", auth: "client_secret_post"})
	framed := add(&client{app: newApp(t, false), id: "app-framed", auth: "client_secret_basic", frontChannel: true})
	signed := second
	if p.alg != "" {
		signed = add(&client{app: newApp(t, false), id: "app-signed", auth: "client_secret_basic", alg: p.alg})
	}
	issuer := p.start(t, clients)
	results.lacking(p.name, p.lacks)
	d := p.offers(t, issuer)
	for _, c := range clients {
		auth := c.auth
		if c == second { // its administrator registered the other way of sending the secret
			auth = "client_secret_basic"
		}
		c.connect(issuer, c.id, auth, c.alg)
	}
	for _, method := range p.methods {
		t.Run(method, func(t *testing.T) {
			b := newBrowser(t, issuer, clients)
			p.signsIn(t, b, byMethod[method], d)
			p.refreshes(t, byMethod[method])
			p.stepsUp(t, b, byMethod[method])
			p.signsOut(t, b, byMethod[method], d)
		})
	}
	for _, method := range p.refusesUs {
		t.Run(method, func(t *testing.T) {
			p.refusesClient(t, newBrowser(t, issuer, clients), byMethod[method])
			results.saw(p.name, clientAuth, "("+method+" refused)")
		})
	}
	t.Run("a wrong secret", func(t *testing.T) {
		c := byMethod["client_secret_basic"]
		c.secret = "not the client's secret"
		defer func() { c.secret = clientSecret }()
		p.refusesClient(t, newBrowser(t, issuer, clients), c)
	})
	t.Run("a test sign-in finds the way of sending the secret", func(t *testing.T) {
		p.findsMethod(t, newBrowser(t, issuer, clients), second)
	})
	if p.cancels {
		t.Run("somebody who does not want to", func(t *testing.T) {
			b := newBrowser(t, issuer, clients)
			b.cancels = true
			refused := p.enter(b, byMethod["client_secret_basic"])
			require.Equal(t, http.StatusForbidden, refused.status, refused.body)
			require.Contains(t, refused.body, oidc.CodeProviderDenied)
		})
	}
	if p.has(formPost) {
		t.Run("form_post", func(t *testing.T) { p.postsForm(t, newBrowser(t, issuer, clients), secure) })
	}
	if p.alg != "" {
		t.Run(p.alg+" and signed userinfo", func(t *testing.T) {
			p.signsIn(t, newBrowser(t, issuer, clients), signed, d)
			require.Equal(t, p.alg, header(t, signed.lastLogin()).Alg)
			require.True(t, slices.ContainsFunc(signed.answers, func(s string) bool { return strings.HasPrefix(s, "application/jwt") }), "%q", signed.answers)
		})
	}
	first := byMethod["client_secret_basic"]
	if p.has(backChannel) {
		t.Run("back-channel logout", func(t *testing.T) {
			second := byMethod["client_secret_post"]
			refused := func() int { return strings.Count(second.log.String(), "logout refused") }
			before := refused()
			login := p.signsOutBeside(t, newBrowser(t, issuer, clients), first, second)
			if p.badLogoutTokens != "" {
				require.Eventually(t, func() bool { return refused() > before }, 10*time.Second, 10*time.Millisecond)
				require.Contains(t, second.log.String(), p.badLogoutTokens)
				require.Empty(t, second.revoked(oidc.ReasonBackchannelLogout))
				results.saw(p.name, backChannel, "refused: "+p.badLogoutTokens)
				return
			}
			ended(t, second, login, oidc.ReasonBackchannelLogout)
			results.saw(p.name, backChannel, "ok")
		})
	}
	if p.has(backChannel) && p.alg != "" {
		t.Run("back-channel logout with "+p.alg, func(t *testing.T) {
			ended(t, signed, p.signsOutBeside(t, newBrowser(t, issuer, clients), first, signed), oidc.ReasonBackchannelLogout)
		})
	}
	if p.has(frontChannel) {
		t.Run("front-channel logout", func(t *testing.T) {
			login := p.signsOutBeside(t, newBrowser(t, issuer, clients), first, framed)
			ended(t, framed, login, oidc.ReasonFrontchannelLogout)
			results.saw(p.name, frontChannel, "ok")
		})
	}
	if p.more != nil {
		p.more(t, p, issuer, byMethod)
	}
	if run := flag.Lookup("test.run").Value.String(); !t.Failed() && !strings.Contains(run, "/") { // not a part alone
		require.ElementsMatch(t, p.lacks, results.missing(p.name))
	}
}

// enter signs in from the application's own page.
func (p provider) enter(b *browser, c *client) page {
	target := c.url + "/signin"
	if p.consent {
		target += "?prompt=consent"
	}
	return b.get(target)
}

// signsIn signs Ada in and looks at all that was said on the way.
func (p provider) signsIn(t *testing.T, b *browser, c *client, d discovered) {
	t.Helper()
	require.Equal(t, "inside", p.enter(b, c).body)
	require.NotZero(t, b.pages, "the provider asked for a password")
	login := c.lastLogin()
	require.Equal(t, "u-ada", login.Account.ID)
	require.NotEmpty(t, login.Subject)
	require.Equal(t, b.issuer, login.Issuer)
	require.Equal(t, ada, login.Email)
	require.False(t, login.IDToken.IsZero())
	results.saw(p.name, signIn, "ok")

	exchanges := c.posts("authorization_code")
	require.NotEmpty(t, exchanges)
	require.Equal(t, c.auth, authentication(exchanges[len(exchanges)-1]))
	results.saw(p.name, clientAuth, strings.TrimPrefix(c.auth, "client_secret_"))

	answer := c.lastCallback()
	require.Equal(t, http.MethodGet, answer.method)
	if p.has(issParameter) {
		require.Equal(t, []string{b.issuer}, answer.form["iss"])
		results.saw(p.name, issParameter, "ok")
	} else {
		require.NotContains(t, answer.form, "iss")
	}
	if p.has(pushed) {
		asked := b.went(func(u *url.URL) bool { return u.Query().Has("request_uri") })
		require.NotEmpty(t, asked)
		require.ElementsMatch(t, []string{"client_id", "request_uri"}, keys(asked[0].Query()), "the browser carries the reference alone")
		pushes := c.posts("")
		require.NotEmpty(t, pushes)
		require.Equal(t, d.PAR, pushes[len(pushes)-1].URL.String())
		require.Equal(t, c.auth, authentication(pushes[len(pushes)-1]))
		results.saw(p.name, pushed, "ok")
	}
}

func keys(q url.Values) []string {
	var out []string
	for name := range q {
		out = append(out, name)
	}
	return out
}

// joseHeader is a part of a token's header.
type joseHeader struct{ Alg, Kid string }

// header reads the header of a sign-in's ID token.
func header(t *testing.T, login oidc.Login) joseHeader {
	t.Helper()
	first, _, _ := strings.Cut(login.IDToken.Reveal(), ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	require.NoError(t, err)
	var h joseHeader
	require.NoError(t, json.Unmarshal(text, &h))
	return h
}

// refreshes uses the refresh token, and then the one that came for it.
func (p provider) refreshes(t *testing.T, c *client) {
	t.Helper()
	token := c.lastLogin().RefreshToken
	require.False(t, token.IsZero(), "the provider gave a refresh token")
	for range 2 {
		again, err := c.handler.Refresh(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, "u-ada", again.Account.ID)
		require.Equal(t, c.lastLogin().Subject, again.Subject)
		require.Equal(t, ada, again.Email)
		token = again.RefreshToken
	}
	requests := c.posts("refresh_token")
	require.Len(t, requests, 2)
	require.Equal(t, c.auth, authentication(requests[0]))
	results.saw(p.name, refresh, "ok")
}

// stepsUp asks for Ada to be recognised without a page, for a sign-in that is recent, and for her password again.
func (p provider) stepsUp(t *testing.T, b *browser, c *client) {
	t.Helper()
	if !p.forgets {
		b.forget()
		require.Equal(t, "inside", b.get(c.url+"/signin?prompt=none").body, "the provider knows the browser")
		require.Zero(t, b.pages)
	}
	recent := b.get(c.url + "/signin?max_age=10m")
	if p.ageless {
		require.Equal(t, http.StatusForbidden, recent.status)
		require.Contains(t, recent.body, oidc.CodeAuthenticationOld)
		return
	}
	require.Equal(t, "inside", recent.body)
	require.WithinDuration(t, time.Now(), c.lastLogin().AuthenticatedAt, 5*time.Minute)

	b.forget()
	require.Equal(t, "inside", b.get(c.url+"/signin?prompt=login").body)
	require.NotZero(t, b.pages, "the provider asked for the password again")
}

// signsOut signs out at the application, and so at the provider, which then does not know the browser any more.
func (p provider) signsOut(t *testing.T, b *browser, c *client, d discovered) {
	t.Helper()
	b.forget()
	bye := b.post(c.url+"/signout", c.url, url.Values{})
	require.Equal(t, "bye", bye.body, bye.url)
	require.Equal(t, http.StatusUnauthorized, b.get(c.url+"/inside").status)
	if !p.has(rpInitiated) {
		return
	}
	asked := b.went(func(u *url.URL) bool { return strings.HasPrefix(u.String(), d.EndSession) })
	require.NotEmpty(t, asked)
	require.NotEmpty(t, asked[0].Query().Get("id_token_hint"))
	require.Len(t, b.went(func(u *url.URL) bool { return strings.HasPrefix(u.String(), c.postLogoutURI()) }), 1)
	if !p.forgets {
		silent := b.get(c.url + "/signin?prompt=none")
		require.Equal(t, http.StatusForbidden, silent.status, silent.body)
		require.Contains(t, silent.body, oidc.CodeInteractionRequired)
	}
	results.saw(p.name, rpInitiated, "ok")
}

// refusesClient signs in at a provider that does not take the application's proof of who it is.
func (p provider) refusesClient(t *testing.T, b *browser, c *client) {
	t.Helper()
	refused := p.enter(b, c)
	require.Equal(t, http.StatusServiceUnavailable, refused.status, refused.body)
	require.Contains(t, refused.body, oidc.CodeClientRejected)
	require.NotContains(t, refused.body, c.secret)
}

// findsMethod tests a connection whose client is registered with the other way of sending the secret (R22).
func (p provider) findsMethod(t *testing.T, b *browser, c *client) {
	t.Helper()
	require.Equal(t, "tested", b.get(c.url+"/test").body)
	require.Len(t, c.tests, 1)
	require.NoError(t, c.tests[0].Err)
	require.Equal(t, ada, c.tests[0].Email)
	require.Empty(t, c.tests[0].EmailCode)
	want := c.auth
	if p.bothSecrets {
		want = "client_secret_basic"
	}
	require.Equal(t, want, c.tests[0].ClientAuth)
	require.Empty(t, c.logins)
}

// postsForm signs in at an application with https, which asked for the answer in a form.
func (p provider) postsForm(t *testing.T, b *browser, c *client) {
	t.Helper()
	require.Equal(t, "inside", p.enter(b, c).body)
	answer := c.lastCallback()
	require.Equal(t, http.MethodPost, answer.method)
	require.True(t, answer.form.Has("code"))
	results.saw(p.name, formPost, "ok")
}

// signsOutBeside signs in at two applications with one browser, and out at the first. It returns the sign-in at the
// second, whose session the provider is to end.
func (p provider) signsOutBeside(t *testing.T, b *browser, first, second *client) oidc.Login {
	t.Helper()
	require.Equal(t, "inside", p.enter(b, first).body)
	require.Equal(t, "inside", p.enter(b, second).body)
	require.Equal(t, "inside", b.get(first.url+"/inside").body)
	require.Equal(t, "bye", b.post(first.url+"/signout", first.url, url.Values{}).body)
	return second.lastLogin()
}

// ended looks at what the provider's word for it ended: the session of a sign-in, and no other.
func ended(t *testing.T, c *client, login oidc.Login, reason string) {
	t.Helper()
	require.NotEmpty(t, login.SessionID, "the ID token names the session")
	var told oidc.Revocation
	require.Eventually(t, func() bool { // a provider need not wait until it has told everybody
		all := c.revoked(reason)
		i := slices.IndexFunc(all, func(r oidc.Revocation) bool { return r.SessionID == login.SessionID })
		if i >= 0 {
			told = all[i]
		}
		return i >= 0
	}, 10*time.Second, 10*time.Millisecond, "the provider told the application")
	require.Equal(t, login.Issuer, told.Issuer)
	require.Equal(t, "u-ada", told.AccountID)
	for _, s := range c.open() {
		require.NotEqual(t, login.SessionID, s.SessionID)
	}
}

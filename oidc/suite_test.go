package oidc

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// suite is a relying party as one is entered for certification: on https, with a static client whose redirect URI is
// registered, in front of a provider that publishes the keys that the conformance suite publishes and is as strict.
type suite struct {
	*app
	idp   *oidctest.Server
	conn  store.Connection
	ended *revoker
	tls   http.RoundTripper
}

// suiteKeys are two RSA keys, two EC keys and an Ed25519 key, with IDs and without alg; the first one signs.
var suiteKeys = sync.OnceValues(func() (keys []oidctest.Key, err error) {
	for _, k := range []struct{ id, alg string }{{"rsa-1", "RS256"}, {"rsa-2", "RS256"}, {"ec-1", "ES256"}, {"ec-2", "ES256"}, {"okp-1", "EdDSA"}} {
		key, err := oidctest.GenerateKey(k.id, k.alg)
		if err != nil {
			return nil, err
		}
		key.HideAlg = true
		keys = append(keys, key)
	}
	return keys, nil
})

// variant is what can be different about a suite.
type variant struct {
	formPost bool
	provider func(*oidctest.Config)
	rp       func(*Config)
	conn     func(*store.Connection)
}

func newSuite(t *testing.T, v variant) *suite {
	t.Helper()
	keys, err := suiteKeys()
	require.NoError(t, err)
	cfg := oidctest.Config{Keys: keys, Decoys: true}
	if v.provider != nil {
		v.provider(&cfg)
	}
	mux := http.NewServeMux()
	srv := httptest.NewTLSServer(mux)
	t.Cleanup(srv.Close)
	s := &suite{idp: oidctest.NewServerConfig(t, cfg), ended: &revoker{}, tls: srv.Client().Transport}
	s.app = newApp(t, func(c *Config) {
		c.BaseURL, c.FormPost, c.AlwaysUserinfo, c.Sessions = srv.URL+"/sso", v.formPost, true, s.ended
		if v.rp != nil {
			v.rp(c)
		}
	})
	s.url = srv.URL
	mux.Handle(s.handler.Mount())
	mux.Handle("/", s.mux)
	s.conn = s.connect(s.idp, "acme", "acme.example", func(c *store.Connection) {
		if v.conn != nil {
			v.conn(c)
		}
	})
	s.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	s.idp.SetClients(oidctest.Client{
		ID: oidctest.DefaultClientID, Secret: oidctest.DefaultClientSecret, AuthMethod: "client_secret_basic",
		RedirectURIs:           []string{s.handler.RedirectURI(s.conn.ID)},
		PostLogoutRedirectURIs: []string{s.handler.PostLogoutRedirectURI(s.conn.ID)},
	})
	return s
}

func (s *suite) browser() *browser {
	b := s.app.browser()
	b.client.Transport = s.tls
	return b
}

// signIn signs in in a new browser.
func (s *suite) signIn() view { return s.signInWith(s.browser()) }

func (s *suite) signInWith(b *browser) view {
	s.t.Helper()
	return b.submit(b.get(s.url + "/sso/login?return_to=/inside&email=" + url.QueryEscape(oidctest.DefaultEmail)))
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]+)">`)
	formInput  = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

// submit posts the page of a form_post answer, as its script does in a browser; other pages stay.
func (b *browser) submit(p view) view {
	b.t.Helper()
	action := formAction.FindStringSubmatch(p.body)
	if action == nil {
		return p
	}
	form := url.Values{}
	for _, in := range formInput.FindAllStringSubmatch(p.body, -1) {
		form.Add(in[1], in[2])
	}
	return b.post(action[1], form)
}

// accepted checks that somebody was signed in, and that userinfo was asked after the ID token was accepted.
func (s *suite) accepted(p view) {
	s.t.Helper()
	require.Equal(s.t, 200, p.status, p.body)
	require.Equal(s.t, "home /inside", p.body)
	require.Equal(s.t, "u-ada", p.session)
	require.Equal(s.t, s.loginCount(), s.idp.Count(oidctest.Userinfo))
}

// rejected checks that nobody was signed in, and that nothing was asked of the endpoints that come after the fault.
func (s *suite) rejected(p view, after ...oidctest.Endpoint) {
	s.t.Helper()
	require.Contains(s.t, []int{400, 403, 503}, p.status, p.body)
	require.Empty(s.t, p.session)
	require.Zero(s.t, s.loginCount())
	for _, e := range after {
		require.Zero(s.t, s.idp.Count(e), "a request to %s after the fault", e)
	}
}

package oidc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// module is a test module of the OpenID Foundation's conformance suite for relying parties.
type module struct {
	id   string
	plan string // of the suite
	what string // what the provider does, and what must happen
	run  func(t *testing.T)
	note string // what is different here, and why
	// without says why the module does not apply to this relying party; what run shows then is that nothing breaks.
	without string
}

// The plans that apply to static clients of the code flow, and the comprehensive plan's further modules.
const (
	planBasic    = "Basic RP and Form Post RP"
	planFormPost = "Form Post RP"
	planConfig   = "Config RP"
	planAll      = "comprehensive, uncertified"
	planRefresh  = "refresh"
	planThird    = "3rd Party-Init RP"
	planLogout   = "RP-Initiated RP"
	planBack     = "Back-Channel RP"
	planFront    = "Front-Channel RP"
)

// modules are all modules of those plans, each once.
func modules() []module {
	return slices.Concat(basicModules(), configModules(), furtherModules(), refreshModules(), logoutModules())
}

// TestConformance runs each module under its ID.
func TestConformance(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range modules() {
		require.False(t, seen[m.id], "%s is there twice", m.id)
		seen[m.id] = true
		t.Run(m.id, func(t *testing.T) {
			proves(t, m.id)
			t.Parallel()
			require.NotNil(t, m.run, "nobody wrote this module")
			m.run(t)
		})
	}
	require.Len(t, seen, 47, "modules of the suite")
}

// fault returns the misbehaviour of oidctest with this name.
func fault(t *testing.T, id string) oidctest.Misbehaviour {
	t.Helper()
	all := slices.Concat(oidctest.Misbehaviours(), oidctest.LogoutMisbehaviours())
	i := slices.IndexFunc(all, func(m oidctest.Misbehaviour) bool { return m.Name == id })
	require.GreaterOrEqual(t, i, 0, "oidctest has no %s", id)
	return all[i]
}

// bothModes runs a sign-in with answers by redirect and by form_post: the Form Post plan has the modules of the Basic one.
func bothModes(v variant, faults func(t *testing.T) oidctest.Faults, check func(s *suite, p view)) func(*testing.T) {
	return func(t *testing.T) {
		for name, formPost := range map[string]bool{"query": false, "form_post": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				v := v
				v.formPost = formPost
				s := newSuite(t, v)
				s.idp.SetFaults(faults(t))
				check(s, s.signIn())
			})
		}
	}
}

// mutation is a module of the basic plan: one thing is wrong in what the token endpoint answers.
func mutation(id, what string) module {
	return module{id: id, plan: planBasic, what: what, run: bothModes(variant{},
		func(t *testing.T) oidctest.Faults { return fault(t, id).Faults },
		func(s *suite, p view) { s.rejected(p, oidctest.Userinfo) })}
}

func noFaults(*testing.T) oidctest.Faults { return oidctest.Faults{} }

func withoutIDs(algs ...string) func(*oidctest.Config) {
	return func(c *oidctest.Config) {
		all := c.Keys
		c.Keys = nil
		for _, alg := range algs {
			i := slices.IndexFunc(all, func(k oidctest.Key) bool { return k.Alg == alg })
			key := all[i]
			all = slices.Delete(slices.Clone(all), i, i+1)
			key.ID = ""
			c.Keys = append(c.Keys, key)
		}
	}
}

func basicModules() []module {
	accepted := func(s *suite, p view) { s.accepted(p) }
	return []module{
		{
			id: "oidcc-client-test", plan: planBasic, what: "nothing is wrong: signed in",
			run: bothModes(variant{}, noFaults, accepted),
		},
		mutation("oidcc-client-test-invalid-iss", "another issuer in the ID token: refused"),
		mutation("oidcc-client-test-missing-sub", "no subject: refused"),
		mutation("oidcc-client-test-invalid-aud", "another audience: refused"),
		mutation("oidcc-client-test-missing-iat", "no time of issue: refused"),
		{
			id: "oidcc-client-test-kid-absent-single-jwks", plan: planBasic, what: "no kid, one key that fits: signed in",
			run: bothModes(variant{provider: withoutIDs("RS256", "ES256", "EdDSA")}, noFaults, accepted),
		},
		{
			id: "oidcc-client-test-kid-absent-multiple-jwks", plan: planBasic, what: "no kid, several keys that fit: either",
			run: bothModes(variant{provider: withoutIDs("RS256", "RS256", "ES256")}, func(t *testing.T) oidctest.Faults {
				keys, err := suiteKeys()
				require.NoError(t, err)
				second := keys[1]
				second.ID = ""
				return oidctest.Faults{SignWith: &second}
			}, accepted),
			note: "each that fits is tried",
		},
		{
			id: "oidcc-client-test-idtoken-sig-rs256", plan: planBasic, what: "RS256 alone is announced: signed in",
			run: bothModes(variant{}, func(*testing.T) oidctest.Faults {
				return oidctest.Faults{Metadata: func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"RS256"} }}
			}, accepted),
		},
		withNote(mutation("oidcc-client-test-idtoken-sig-none", "an unsigned ID token: either; also in the Config RP plan"), "always refused"),
		mutation("oidcc-client-test-invalid-sig-rs256", "a corrupted signature: refused"),
		{
			id: "oidcc-client-test-userinfo-invalid-sub", plan: planBasic, what: "userinfo about another subject: refused",
			run: bothModes(variant{}, func(*testing.T) oidctest.Faults {
				return oidctest.Faults{UserinfoClaims: func(c map[string]any) { c["sub"] = c["sub"].(string) + "invalid" }}
			}, func(s *suite, p view) { s.rejected(p) }),
		},
		mutation("oidcc-client-test-nonce-invalid", "another nonce than was sent: refused"),
		{
			id: "oidcc-client-test-scope-userinfo-claims", plan: planBasic, what: "scopes for claims are asked for, and userinfo gives them: signed in",
			run: bothModes(variant{provider: func(c *oidctest.Config) { c.EmailInUserinfo = true }}, noFaults, func(s *suite, p view) {
				s.accepted(p)
				require.Equal(s.t, oidctest.DefaultEmail, s.lastLogin().Email)
			}),
		},
		{
			id: "oidcc-client-test-client-secret-basic", plan: planBasic, what: "client_secret_basic is enforced: signed in",
			run: bothModes(variant{}, noFaults, accepted),
		},
		{
			id: "oidcc-client-test-form-post-error", plan: planFormPost, what: "prompt=none is answered with login_required: a page, no session, no token request",
			run: runFormPostError,
		},
	}
}

func withNote(m module, note string) module {
	m.note = note
	return m
}

func runFormPostError(t *testing.T) {
	s := newSuite(t, variant{formPost: true, provider: func(c *oidctest.Config) { c.LoginPage = true }})
	s.stepUp(s.conn, LoginRequest{Prompt: []string{PromptNone}, MaxAge: MaxAgeNow})
	b := s.browser()
	page := b.get(s.url + "/stepup")
	require.Len(t, s.idp.Violations(), 1, "this module alone wants max_age=0 beside prompt=none")
	require.Contains(t, page.body, `value="login_required"`)
	p := b.submit(page)
	s.rejected(p, oidctest.Token, oidctest.Userinfo)
	require.Contains(t, p.body, CodeInteractionRequired)
}

func configModules() []module {
	return []module{
		{id: "oidcc-client-test-discovery-openid-config", plan: planConfig, what: "the metadata is fetched and used", run: func(t *testing.T) {
			s := newSuite(t, variant{})
			s.accepted(s.signIn())
			require.Equal(t, 1, s.idp.Count(oidctest.Discovery))
			require.Equal(t, 1, s.idp.Count(oidctest.Authorize))
		}},
		{id: "oidcc-client-test-discovery-jwks-uri-keys", plan: planConfig, what: "the keys are fetched from where the metadata says", run: runJWKSURI},
		{id: "oidcc-client-test-discovery-issuer-mismatch", plan: planConfig, what: "the metadata is another issuer's: no authorization request", run: func(t *testing.T) {
			s := newSuite(t, variant{})
			s.idp.SetFaults(fault(t, "oidcc-client-test-discovery-issuer-mismatch").Faults)
			s.rejected(s.signIn(), oidctest.Authorize, oidctest.Token, oidctest.Userinfo)
		}},
		{id: "oidcc-client-test-signing-key-rotation-just-before-signing", plan: planConfig, what: "all keys are new when the token is signed: signed in", run: func(t *testing.T) {
			s := newSuite(t, variant{})
			s.accepted(s.signIn()) // the keys are known now
			b := s.browser()
			b.stopAt = callbackPath
			answer := s.signInWith(b).location
			b.stopAt = ""
			s.rotate()
			s.accepted(b.get(answer))
			require.Equal(t, 2, s.idp.Count(oidctest.Keys))
		}},
		{id: "oidcc-client-test-signing-key-rotation", plan: planConfig, what: "all keys are new between two sign-ins: both signed in", run: func(t *testing.T) {
			s := newSuite(t, variant{})
			s.accepted(s.signIn())
			s.rotate()
			s.accepted(s.signIn())
			require.Equal(t, 2, s.idp.Count(oidctest.Keys))
		}},
	}
}

// rotate gives the provider other keys, with other IDs.
func (s *suite) rotate() {
	s.t.Helper()
	rsa, err := oidctest.GenerateKey("rotated-rsa", "RS256")
	require.NoError(s.t, err)
	ec, err := oidctest.GenerateKey("rotated-ec", "ES256")
	require.NoError(s.t, err)
	s.idp.SetKeys(rsa, ec)
}

// relay serves the provider's keys at another place, and counts.
func (s *suite) relay(path string) (string, *atomic.Int64) {
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		req := r.Clone(r.Context())
		req.URL.Path, req.RequestURI = "/keys", ""
		s.idp.ServeHTTP(w, req)
	})
	srv := httptest.NewServer(mux)
	s.t.Cleanup(srv.Close)
	return srv.URL + path, &asked
}

func runJWKSURI(t *testing.T) {
	s := newSuite(t, variant{})
	address, asked := s.relay("/jwks/" + randomText())
	s.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["jwks_uri"] = address }})
	s.accepted(s.signIn())
	require.EqualValues(t, 1, asked.Load())
}

func furtherModules() []module {
	es256 := variant{conn: func(c *store.Connection) { c.SigningAlg = "ES256" }}
	return []module{
		withPlan(mutation("oidcc-client-test-missing-aud", "no audience: refused"), planAll),
		{id: "oidcc-client-test-invalid-sig-es256", plan: planAll, what: "a corrupted ES256 signature: refused", run: func(t *testing.T) {
			s := newSuite(t, es256)
			s.idp.SetFaults(oidctest.Faults{Alg: "ES256"})
			s.accepted(s.signIn())
			s = newSuite(t, es256)
			corrupt := fault(t, "oidcc-client-test-invalid-sig-rs256").Faults
			corrupt.Alg = "ES256"
			s.idp.SetFaults(corrupt)
			s.rejected(s.signIn(), oidctest.Userinfo)
		}},
		withPlan(mutation("oidcc-client-test-invalid-sig-hs256", "HS256 with the client's secret: refused"), planAll),
		withPlan(mutation("oidcc-client-test-invalid-athash", "at_hash of another access token: refused"), planAll),
		{
			id: "oidcc-client-test-missing-athash", plan: planAll, what: "no at_hash beside an access token in the front channel", run: bothModes(variant{},
				func(*testing.T) oidctest.Faults {
					return oidctest.Faults{Claims: func(c map[string]any) { delete(c, "at_hash") }}
				}, func(s *suite, p view) { s.accepted(p) }),
			without: "tokens never come by the front channel; in the code flow at_hash is optional and its lack accepted",
		},
		{id: "oidcc-client-test-userinfo-bearer-header", plan: planAll, what: "the access token travels in the header alone", run: runBearerHeader},
		{
			id: "oidcc-client-test-userinfo-signed", plan: planAll, what: "userinfo is a signed token: signed in",
			run: bothModes(variant{provider: func(c *oidctest.Config) { c.SignUserinfo, c.EmailInUserinfo = true, true }}, noFaults,
				func(s *suite, p view) { s.accepted(p) }),
		},
		{
			id: "oidcc-client-test-aggregated-claims", plan: planAll, what: "userinfo has aggregated claims: signed in",
			run: bothModes(variant{}, func(*testing.T) oidctest.Faults {
				return oidctest.Faults{UserinfoClaims: func(c map[string]any) {
					c["_claim_names"] = map[string]any{"address": "src1"}
					c["_claim_sources"] = map[string]any{"src1": map[string]any{"JWT": "e30.e30."}}
				}}
			}, func(s *suite, p view) { s.accepted(p) }),
			note: "they are not used",
		},
		{
			id: "oidcc-client-test-distributed-claims", plan: planAll, what: "userinfo names a claims endpoint", run: runDistributedClaims,
			without: "an address in somebody's claims is never requested; signed in without those claims",
		},
		{
			id: "oidcc-client-test-mtls-endpoint-aliases", plan: planAll, what: "the metadata has endpoints for client certificates", run: runEndpointAliases,
			without: "tls_client_auth is not offered, so that its aliases are not used",
		},
		{id: "oidcc-client-test-3rd-party-init-login", plan: planThird, what: "the provider sends the browser with iss: a fresh sign-in", run: runThirdParty},
	}
}

func withPlan(m module, plan string) module {
	m.plan = plan
	return m
}

// elsewhere is an endpoint that must, or must not, be asked.
func elsewhere(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, &asked
}

func runBearerHeader(t *testing.T) {
	s := newSuite(t, variant{})
	address, asked := elsewhere(t, func(w http.ResponseWriter, r *http.Request) {
		form := r.ParseForm() == nil && r.Form.Has("access_token")
		if form || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || len(r.Header.Values("Authorization")) != 1 {
			t.Errorf("expected the token in the header alone")
		}
		s.idp.ServeHTTP(w, r)
	})
	s.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) { m["userinfo_endpoint"] = address + "/userinfo" }})
	s.accepted(s.signIn())
	require.EqualValues(t, 1, asked.Load())
}

func runDistributedClaims(t *testing.T) {
	s := newSuite(t, variant{})
	address, asked := elsewhere(t, nil)
	s.idp.SetFaults(oidctest.Faults{UserinfoClaims: func(c map[string]any) {
		c["_claim_names"] = map[string]any{"credit_score": "src1", "email": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": address, "access_token": "t"}}
	}})
	s.accepted(s.signIn())
	require.Zero(t, asked.Load())
}

func runEndpointAliases(t *testing.T) {
	s := newSuite(t, variant{})
	address, asked := elsewhere(t, nil)
	s.idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) {
		m["mtls_endpoint_aliases"] = map[string]any{"token_endpoint": address, "userinfo_endpoint": address}
	}})
	s.accepted(s.signIn())
	require.Zero(t, asked.Load())
}

func runThirdParty(t *testing.T) {
	s := newSuite(t, variant{})
	start := s.handler.InitiateLoginURI() + "?iss=" + url.QueryEscape(s.idp.Issuer())
	require.True(t, strings.HasPrefix(start, "https://"))
	states := map[string]bool{}
	for range 2 {
		b := s.browser()
		b.stopAt = "/authorize"
		p := b.get(start)
		u, err := url.Parse(p.location)
		require.NoError(t, err)
		states[u.Query().Get("state")], states[u.Query().Get("nonce")] = true, true
		b.stopAt = ""
		require.Equal(t, "home /", b.get(p.location).body)
	}
	require.Len(t, states, 4, "each has a state and a nonce of its own")
	require.Equal(t, 2, s.loginCount())
	require.Equal(t, 2, s.idp.Count(oidctest.Userinfo))
}

func refreshModules() []module {
	refresh := func(change func(map[string]any), check func(s *suite, r Refreshed, err error)) func(*testing.T) {
		return func(t *testing.T) {
			s := newSuite(t, variant{rp: withRefresh})
			s.accepted(s.signIn())
			s.idp.SetFaults(oidctest.Faults{Claims: change})
			r, err := s.handler.Refresh(t.Context(), s.lastLogin().RefreshToken)
			check(s, r, err)
		}
	}
	refused := func(s *suite, r Refreshed, err error) {
		require.ErrorIs(s.t, err, ErrDenied)
		require.Equal(s.t, CodeTokenInvalid, CodeOf(err))
		require.Zero(s.t, r)
		require.Equal(s.t, 1, s.idp.Count(oidctest.Userinfo), "that of the sign-in alone")
	}
	return []module{
		{
			id: "oidcc-client-test-refresh-token", plan: planRefresh, what: "refreshed, and userinfo asked with the new access token",
			run: refresh(nil, func(s *suite, r Refreshed, err error) {
				require.NoError(s.t, err)
				require.Equal(s.t, "u-ada", r.Account.ID)
				require.Equal(s.t, 2, s.idp.Count(oidctest.Userinfo))
			}),
		},
		{
			id: "oidcc-client-test-refresh-token-invalid-issuer", plan: planRefresh, what: "another issuer in the new ID token: refused",
			run: refresh(func(c map[string]any) { c["iss"] = c["iss"].(string) + "1" }, refused),
		},
		{
			id: "oidcc-client-test-refresh-token-invalid-sub", plan: planRefresh, what: "another subject in the new ID token: refused",
			run: refresh(func(c map[string]any) { c["sub"] = c["sub"].(string) + "1" }, refused),
		},
	}
}

func logoutModules() []module {
	const prefix = "oidcc-client-test-rp-backchannel-rpinitlogout"
	all := []module{
		{id: "oidcc-client-test-rp-init-logout", plan: planLogout, what: "signed out at the provider, and back", run: rpLogout(nil, "home /bye")},
		{
			id: "oidcc-client-test-rp-init-logout-other-state", plan: planLogout, what: "back with another state: signed out, nobody else's answer",
			run: rpLogout(func(p map[string][]string) { p["state"] = []string{p["state"][0] + "_INVALID"} }, "home /"),
		},
		{
			id: "oidcc-client-test-rp-init-logout-no-state", plan: planLogout, what: "back without a state: signed out",
			run: rpLogout(func(p map[string][]string) { delete(p, "state") }, "home /"),
		},
		{id: prefix, plan: planBack, what: "a logout token: 200, the session is over", run: runBackchannelLogout},
	}
	for suffix, what := range map[string]string{
		"-alg-none": "unsigned", "-no-event": "no event", "-with-nonce": "a nonce", "-wrong-alg": "another algorithm, with a key that is published",
		"-wrong-aud": "another audience", "-wrong-event": "another event", "-wrong-iss": "another issuer",
	} {
		all = append(all, module{id: prefix + suffix, plan: planBack, what: what + ": 400, nothing ends", run: func(t *testing.T) {
			s := newSuite(t, variant{conn: func(c *store.Connection) { c.SigningAlg = "RS256" }})
			s.accepted(s.signIn())
			l := s.lastLogin()
			answer, err := s.idp.SendLogout(t.Context(), &http.Client{Transport: s.tls}, s.handler.BackchannelLogoutURI(s.conn.ID),
				oidctest.Logout{Subject: l.Subject, SessionID: l.SessionID, Faults: fault(t, prefix+suffix).Faults})
			require.NoError(t, err)
			refusedLogout(t, answer, "invalid_request", "")
			require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
			require.Empty(t, s.ended.all())
		}})
	}
	slices.SortStableFunc(all[4:], func(a, b module) int { return strings.Compare(a.id, b.id) })
	return append(all,
		module{id: "oidcc-client-test-rp-frontchannel-rpinitlogout", plan: planFront, what: "a frame after signing out here: the session is over", run: runFrontchannelRP},
		module{id: "oidcc-client-test-rp-frontchannel-opinitlogout", plan: planFront, what: "a frame after signing out there: the session is over", run: runFrontchannelOP},
	)
}

// leave signs out as a host does: its own session first, then the provider's.
func (s *suite) leave(b *browser) view {
	s.t.Helper()
	l := s.lastLogin()
	s.signOut(func() LogoutRequest {
		return LogoutRequest{TenantID: l.TenantID, ConnectionID: l.ConnectionID, IDToken: l.IDToken, ReturnTo: "/bye"}
	})
	return b.post(s.url+"/signout", nil)
}

func rpLogout(change func(map[string][]string), lands string) func(*testing.T) {
	return func(t *testing.T) {
		s := newSuite(t, variant{})
		b := s.browser()
		s.accepted(s.signInWith(b))
		s.idp.SetFaults(oidctest.Faults{LogoutResponse: change})
		p := s.leave(b)
		require.Equal(t, 200, p.status, p.body)
		require.Equal(t, lands, p.body)
		require.Empty(t, p.session)
		require.Equal(t, 1, s.idp.Count(oidctest.EndSession))
	}
}

// register adds logout addresses to the client.
func (s *suite) register(change func(*oidctest.Client)) {
	c := oidctest.Client{
		ID: oidctest.DefaultClientID, Secret: oidctest.DefaultClientSecret, AuthMethod: "client_secret_basic",
		RedirectURIs:           []string{s.handler.RedirectURI(s.conn.ID)},
		PostLogoutRedirectURIs: []string{s.handler.PostLogoutRedirectURI(s.conn.ID)},
	}
	change(&c)
	s.idp.SetClients(c)
}

// runBackchannelLogout lets the provider send its token, by the request that the browser's sign-out causes.
func runBackchannelLogout(t *testing.T) {
	s := newSuite(t, variant{})
	b := s.browser()
	s.accepted(s.signInWith(b))
	var status atomic.Int64
	back, asked := elsewhere(t, func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path, r.RequestURI = "/sso"+backchannelPath+s.conn.ID, ""
		rec := httptest.NewRecorder()
		s.handler.ServeHTTP(rec, r)
		status.Store(int64(rec.Code))
		w.WriteHeader(rec.Code)
	})
	s.register(func(c *oidctest.Client) { c.BackchannelLogoutURI = back })
	require.Equal(t, "home /bye", s.leave(b).body)
	require.EqualValues(t, 1, asked.Load())
	require.EqualValues(t, 200, status.Load())
	require.Len(t, s.ended.all(), 1)
	require.Equal(t, s.lastLogin().SessionID, s.ended.all()[0].SessionID)
	require.Equal(t, ReasonBackchannelLogout, s.ended.all()[0].Reason)
}

// framed loads a logout page in a frame: without any cookie, as browsers do across sites.
func (s *suite) framed(address string) {
	s.t.Helper()
	p := s.browser().get(address)
	require.Equal(s.t, 200, p.status)
	require.Equal(s.t, "no-store", p.header.Get("Cache-Control"))
	require.Contains(s.t, p.header.Get("Content-Security-Policy"), "frame-ancestors "+s.idp.Issuer())
	require.Empty(s.t, p.header.Get("X-Frame-Options"))
	require.Len(s.t, s.ended.all(), 1)
	require.Equal(s.t, s.lastLogin().SessionID, s.ended.all()[0].SessionID)
	require.Equal(s.t, ReasonFrontchannelLogout, s.ended.all()[0].Reason)
}

func runFrontchannelRP(t *testing.T) {
	s := newSuite(t, variant{})
	b := s.browser()
	s.accepted(s.signInWith(b))
	s.register(func(c *oidctest.Client) { c.FrontchannelLogoutURI = s.handler.FrontchannelLogoutURI(s.conn.ID) })
	page := s.leave(b)
	_, rest, ok := strings.Cut(page.body, `src="`)
	require.True(t, ok, page.body)
	s.framed(strings.ReplaceAll(rest[:strings.IndexByte(rest, '"')], "&amp;", "&"))
}

func runFrontchannelOP(t *testing.T) {
	s := newSuite(t, variant{})
	s.accepted(s.signIn())
	s.framed(frontchannelURL(s.app, s.conn, s.idp.Issuer(), s.lastLogin().SessionID))
	// Elsewhere nothing of the application may be framed.
	p := s.browser().get(s.url + "/sso/login")
	require.Contains(t, p.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
}

// TestSuiteKeys: the key set that every module publishes is the suite's: IDs without alg, and keys that don't sign.
func TestSuiteKeys(t *testing.T) {
	t.Parallel()
	s := newSuite(t, variant{})
	p := s.browser().get(s.idp.Issuer() + "/keys")
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(p.body), &set))
	require.Len(t, set.Keys, 8)
	for _, k := range set.Keys {
		require.NotContains(t, k, "alg")
		require.NotEmpty(t, k["kid"])
	}
}

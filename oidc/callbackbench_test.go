package oidc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// instant is a provider that takes no time: its documents are there already, and the next ID token is made before the
// callback begins.
type instant struct {
	key      oidctest.Key
	metadata []byte
	keys     []byte
	tokens   [][]byte      // token responses, each given once, in this order
	took     time.Duration // what answering took
}

const instantIssuer = "https://idp.example"

func newInstant(tb testing.TB) *instant {
	tb.Helper()
	key, err := oidctest.GenerateKey("k", "RS256")
	require.NoError(tb, err)
	p, err := oidctest.New(oidctest.Config{Issuer: instantIssuer, Keys: []oidctest.Key{key}})
	require.NoError(tb, err)
	read := func(path string) []byte {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, path, http.NoBody))
		require.Equal(tb, 200, w.Code)
		return w.Body.Bytes()
	}
	return &instant{key: key, metadata: read("/.well-known/openid-configuration"), keys: read("/keys")}
}

func (p *instant) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	defer func() { p.took += time.Since(start) }()
	var body []byte
	switch req.URL.Path {
	case "/.well-known/openid-configuration":
		body = p.metadata
	case "/keys":
		body = p.keys
	default:
		body, p.tokens = p.tokens[0], p.tokens[1:]
		_ = req.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// sign queues the token response for a nonce, and returns what a bare check of its ID token needs.
func (p *instant) sign(tb testing.TB, nonce, subject, email string) (digest, signature []byte) {
	tb.Helper()
	now := time.Now()
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"k"}`))
	access := sha256.Sum256([]byte("access"))
	claims, err := json.Marshal(map[string]any{
		"iss": instantIssuer, "sub": subject, "aud": oidctest.DefaultClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": now.Unix(), "nonce": nonce, "email": email, "email_verified": true, "name": "Ada Lovelace", "sid": "session-1",
		"at_hash": base64.RawURLEncoding.EncodeToString(access[:16]), "preferred_username": email, "groups": []string{"a", "b", "c"},
	})
	require.NoError(tb, err)
	input := head + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(input))
	signature, err = p.key.Private.Sign(nil, sum[:], crypto.SHA256)
	require.NoError(tb, err)
	body, err := json.Marshal(map[string]any{
		"access_token": "access", "token_type": "Bearer", "expires_in": 600, "scope": "openid profile email",
		"id_token": input + "." + base64.RawURLEncoding.EncodeToString(signature),
	})
	require.NoError(tb, err)
	p.tokens = append(p.tokens, body)
	return sum[:], signature
}

// callbacks is a host without a network.
type callbacks struct {
	idp     *instant
	handler *Handler
	store   store.Store
	conn    store.Connection
}

func newCallbacks(tb testing.TB, change ...func(*Config)) *callbacks {
	tb.Helper()
	c := &callbacks{idp: newInstant(tb), store: memory.New()}
	accts := &accounts{}
	accts.add("acme", "u-ada", "ada@acme.example")
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: []byte(strings.Repeat("k", 32))}}})
	require.NoError(tb, err)
	secret := tenant.NewSecret(oidctest.DefaultClientSecret)
	cfg := Config{
		BaseURL: "https://app.example.com/sso", Store: c.store, Keys: keys, Accounts: accts, HTTPClient: &http.Client{Transport: c.idp},
		OnLogin: LoginFunc(func(_ context.Context, w http.ResponseWriter, _ *http.Request, _ store.Store, l Login) error {
			http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: l.Account.ID})
			return nil
		}),
		Secrets: SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) { return secret, nil }),
	}
	for _, f := range change {
		f(&cfg)
	}
	c.handler, err = NewHandler(cfg)
	require.NoError(tb, err)
	now := time.Now()
	meta := func() store.Meta { return store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now} }
	c.conn, err = c.store.CreateConnection(tb.Context(), "acme", store.Connection{
		Meta: meta(), State: store.ConnectionActive, Authority: instantIssuer, Issuer: instantIssuer, ClientID: oidctest.DefaultClientID, SigningAlg: "RS256",
	})
	require.NoError(tb, err)
	_, err = c.store.CreateDomain(tb.Context(), "acme", store.Domain{Meta: meta(), ConnectionID: c.conn.ID, Name: "acme.example", State: store.DomainVerified})
	require.NoError(tb, err)
	return c
}

// started is an authorization request that was answered: the request that brings the answer.
func (c *callbacks) started(tb testing.TB) (answer *http.Request, nonce string) {
	tb.Helper()
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/sso/login?email=ada@acme.example&return_to=/in", http.NoBody))
	require.Equal(tb, http.StatusSeeOther, w.Code, w.Body.String())
	u, err := url.Parse(w.Header().Get("Location"))
	require.NoError(tb, err)
	back := "/sso" + callbackPath + "/" + c.conn.ID + "?" + url.Values{
		"code": {"c0de"}, "state": {u.Query().Get("state")}, "iss": {instantIssuer},
	}.Encode()
	answer = httptest.NewRequestWithContext(tb.Context(), http.MethodGet, back, http.NoBody)
	for _, cookie := range w.Result().Cookies() {
		answer.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	return answer, u.Query().Get("nonce")
}

// BenchmarkCallback is our callback, from the provider's answer to the redirect into the application, with the
// provider's own time taken out. The floor beside it, from the same run, is what nobody can do without: one RSA
// verification and one write to the store. ns/op is the callback alone.
func BenchmarkCallback(b *testing.B) {
	c := newCallbacks(b)
	pub, ok := c.idp.key.Private.Public().(*rsa.PublicKey)
	require.True(b, ok)
	const batch = 100
	type signIn struct {
		answer            *http.Request
		digest, signature []byte
		w                 *httptest.ResponseRecorder
	}
	var ours, floor time.Duration
	n := 0
	run := func() {
		all := make([]signIn, batch)
		for i := range all {
			answer, nonce := c.started(b)
			all[i] = signIn{answer: answer, w: httptest.NewRecorder()}
			all[i].digest, all[i].signature = c.idp.sign(b, nonce, "s1", "ada@acme.example")
		}
		c.idp.took = 0
		start := time.Now()
		for _, s := range all {
			c.handler.ServeHTTP(s.w, s.answer)
		}
		ours += time.Since(start) - c.idp.took

		start = time.Now()
		for _, s := range all {
			if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, s.digest, s.signature); err != nil {
				b.Fatal(err)
			}
			token := store.Token{Kind: "floor", Key: strconv.Itoa(n), ExpiresAt: start.Add(time.Hour)}
			if err := c.store.PutToken(b.Context(), "acme", token); err != nil {
				b.Fatal(err)
			}
			n++
		}
		floor += time.Since(start)
		for _, s := range all {
			if s.w.Code != http.StatusSeeOther || s.w.Header().Get("Location") != "/in" {
				b.Fatalf("status %d: %s", s.w.Code, s.w.Body)
			}
		}
	}
	run() // the first sign-in links; caches fill
	ours, floor = 0, 0
	measured := n
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(n-measured), "ns/op")
	b.ReportMetric(float64(floor.Nanoseconds())/float64(n-measured), "floor-ns/op")
	b.ReportMetric(float64(ours)/float64(floor), "ratio")
}

package scim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

const testBase = "https://app.example.com/scim/v2"

// server is a handler with two tenants, acme (key "acme-key") and globex.
type server struct {
	t     testing.TB
	h     http.Handler
	store store.Store
	// shared says that several requests are under way at once, so that what one leaves behind can't be told.
	shared bool
}

func newServer(t testing.TB, change ...func(*Config)) *server {
	t.Helper()
	cfg := Config{
		BaseURL: testBase, Store: memory.New(), Policy: InsecureAllowAll{},
		Authenticator: AuthenticatorFunc(func(_ context.Context, tenantID, bearer string) (tenant.Principal, error) {
			p := tenant.Principal{KeyID: "k1", KeyName: "Directory", DirectoryID: "d1", ConnectionID: "c1", Scopes: []string{ScopeWrite}}
			switch tenantID + " " + bearer {
			case "acme acme-key", "globex globex-key":
				return p, nil
			case "acme read-key":
				p.Scopes = []string{ScopeRead}
				return p, nil
			}
			return tenant.Principal{}, ErrUnauthorized
		}),
	}
	for _, c := range change {
		c(&cfg)
	}
	h, err := NewHandler(cfg)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(h.Mount())
	return &server{t: t, h: mux, store: cfg.Store}
}

// bareStore is what a host's own store may be: no optional interfaces, no
// filters, no offsets, small pages.
type bareStore struct{ store.Store }

func (s bareStore) SCIMUsers(ctx context.Context, tenant string, q store.Query) (store.Page[store.SCIMUser], error) {
	p, err := s.Store.SCIMUsers(ctx, tenant, store.Query{After: q.After, Limit: 2})
	p.Exact = false
	return p, err
}

func (s bareStore) SCIMGroups(ctx context.Context, tenant string, q store.Query) (store.Page[store.SCIMGroup], error) {
	p, err := s.Store.SCIMGroups(ctx, tenant, store.Query{After: q.After, Limit: 2})
	p.Exact = false
	return p, err
}

// onStores runs a test on the memory store and on a bare one: the answers
// have to be the same.
func onStores(t *testing.T, run func(t *testing.T, pick func(*Config))) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { run(t, func(*Config) {}) })
	t.Run("bare", func(t *testing.T) {
		run(t, func(c *Config) { c.Store = bareStore{c.Store} })
	})
}

// reply is an answer with its JSON decoded.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   any
}

func (s *server) send(r *http.Request) reply {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	res := w.Result()
	raw, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	out := reply{t: s.t, status: res.StatusCode, header: res.Header, raw: string(raw)}
	if len(raw) > 0 {
		require.NoError(s.t, json.Unmarshal(raw, &out.body), "body %q", raw)
	}
	return out
}

// request makes a request of acme's directory.
func (s *server) request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, testBase+"/acme"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer acme-key")
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	return r
}

// do sends a request of acme's directory. One that is refused must leave everything as it was.
func (s *server) do(method, path, body string) reply {
	s.t.Helper()
	if s.shared {
		return s.send(s.request(method, path, body))
	}
	before := s.held()
	out := s.send(s.request(method, path, body))
	if out.status >= http.StatusBadRequest {
		require.Equal(s.t, before, s.held(), "%s %s was refused with %d, and did something", method, path, out.status)
	}
	return out
}

// held counts acme's records of each kind, events included.
func (s *server) held() map[store.RecordKind]int {
	s.t.Helper()
	got, err := s.store.Holdings(s.t.Context(), "acme")
	require.NoError(s.t, err)
	return got
}

// want fails unless the answer has the status.
func (r reply) want(status int) reply {
	r.t.Helper()
	require.Equal(r.t, status, r.status, "body %s", r.raw)
	return r
}

// refused fails unless the answer is an Error with status and scimType.
func (r reply) refused(status int, scimType string) reply {
	r.t.Helper()
	r.want(status)
	require.Equal(r.t, []any{urnError}, r.at("schemas"))
	got, _ := r.at("scimType").(string)
	require.Equal(r.t, scimType, got, r.raw)
	require.NotEmpty(r.t, r.at("detail"))
	return r
}

// at walks into the body: names, and numbers for array indexes. What is missing
// is nil.
func (r reply) at(path ...any) any {
	v := r.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func (r reply) id() string {
	r.t.Helper()
	id, _ := r.at("id").(string)
	require.NotEmpty(r.t, id, r.raw)
	return id
}

func (s *server) user(userName, more string) string {
	s.t.Helper()
	if more != "" {
		more = "," + more
	}
	return s.do("POST", "/Users", `{"schemas":["`+URNUser+`"],"userName":"`+userName+`"`+more+`}`).want(201).id()
}

func (s *server) group(name string, members ...string) string {
	s.t.Helper()
	list := make([]map[string]string, len(members))
	for i, m := range members {
		list[i] = map[string]string{"value": m}
	}
	raw, err := json.Marshal(list)
	require.NoError(s.t, err)
	return s.do("POST", "/Groups", `{"schemas":["`+URNGroup+`"],"displayName":"`+name+`","members":`+string(raw)+`}`).want(201).id()
}

func (s *server) patch(path string, ops string) reply {
	s.t.Helper()
	return s.do("PATCH", path, `{"schemas":["`+urnPatchOp+`"],"Operations":[`+ops+`]}`)
}

// find lists what a filter matches, by one attribute.
func (s *server) find(endpoint, filter, attr string) []string {
	s.t.Helper()
	r := s.do("GET", endpoint+"?filter="+url.QueryEscape(filter), "").want(200)
	return r.column(attr)
}

func (r reply) column(attr string) []string {
	out := []string{}
	list, _ := r.at("Resources").([]any)
	for _, e := range list {
		v, _ := e.(map[string]any)[attr].(string)
		out = append(out, v)
	}
	return out
}

func (s *server) members(group string) []string {
	s.t.Helper()
	out := []string{}
	list, _ := s.do("GET", "/Groups/"+group, "").want(200).at("members").([]any)
	for _, e := range list {
		out = append(out, e.(map[string]any)["value"].(string))
	}
	return out
}

// events are the types in acme's journal.
func (s *server) events() []store.Event {
	s.t.Helper()
	e, err := s.store.Events(s.t.Context(), "acme", store.EventQuery{})
	require.NoError(s.t, err)
	return e
}

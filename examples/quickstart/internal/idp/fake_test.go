package idp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

const (
	fakeBase  = "http://app.test/scim/v2/acme"
	fakeToken = "the-api-key"
)

// fakeSCIM knows users and groups by ID and name and takes every change; what a change does is tested against the real
// handler. It is a transport, so that a test in a synctest bubble needs no network.
type fakeSCIM struct {
	t  *testing.T
	mu sync.Mutex
	// before answers in place of the fake where it returns a status.
	before func(r *http.Request) (status int, header http.Header, body string)
	names  map[string]string // "/Users/u1" -> userName
	next   int
	calls  []string // "METHOD /path body"
}

func newFakeSCIM(t *testing.T) *fakeSCIM {
	return &fakeSCIM{t: t, names: map[string]string{}}
}

func (f *fakeSCIM) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	f.serve(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

func (f *fakeSCIM) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		require.NoError(f.t, err)
	}
	path, below := strings.CutPrefix(r.URL.Path, "/scim/v2/acme")
	require.True(f.t, below, r.URL.Path)
	require.Equal(f.t, "Bearer "+fakeToken, r.Header.Get("Authorization"))
	if filter := r.URL.Query().Get("filter"); filter != "" {
		f.calls = append(f.calls, r.Method+" "+path+"?"+filter)
	} else {
		f.calls = append(f.calls, strings.TrimSpace(r.Method+" "+path+" "+string(body)))
	}
	if f.before != nil {
		if status, header, text := f.before(r); status != 0 {
			for k, v := range header {
				w.Header()[k] = v
			}
			w.WriteHeader(status)
			fmt.Fprint(w, text)
			return
		}
	}
	kind := "/" + strings.Split(path, "/")[1]
	_, exists := f.names[path]
	switch {
	case r.Method == http.MethodGet && path == kind:
		f.list(w, kind, r.URL.Query().Get("filter"))
	case r.Method == http.MethodPost && path == kind:
		f.create(w, kind, body)
	case !exists:
		f.refuse(w, 404, "no such resource")
	case r.Method == http.MethodDelete:
		delete(f.names, path)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPatch, r.Method == http.MethodPut:
		w.WriteHeader(http.StatusNoContent)
	default:
		f.refuse(w, 405, r.Method)
	}
}

func (f *fakeSCIM) list(w http.ResponseWriter, kind, filter string) {
	attr, quoted, ok := strings.Cut(filter, " eq ")
	require.True(f.t, ok, filter)
	require.Equal(f.t, map[string]string{"/Users": "userName", "/Groups": "displayName"}[kind], attr)
	var want string
	require.NoError(f.t, json.Unmarshal([]byte(quoted), &want))
	found := []map[string]string{}
	for path, name := range f.names {
		if strings.HasPrefix(path, kind+"/") && strings.EqualFold(name, want) {
			found = append(found, map[string]string{"id": strings.TrimPrefix(path, kind+"/"), attr: name})
		}
	}
	json.NewEncoder(w).Encode(map[string]any{"totalResults": len(found), "Resources": found})
}

func (f *fakeSCIM) create(w http.ResponseWriter, kind string, body []byte) {
	var in struct{ UserName, DisplayName string }
	require.NoError(f.t, json.Unmarshal(body, &in))
	name := in.UserName
	if kind == "/Groups" {
		name = in.DisplayName
	}
	for path, taken := range f.names {
		if strings.HasPrefix(path, kind+"/") && strings.EqualFold(taken, name) {
			f.refuse(w, 409, name+" exists")
			return
		}
	}
	f.next++
	id := fmt.Sprintf("r%d", f.next)
	f.names[kind+"/"+id] = name
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(map[string]string{"id": id})
}

func (f *fakeSCIM) refuse(w http.ResponseWriter, status int, detail string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"detail": detail})
}

// took returns the calls since the last time, without the probe that each push begins with.
func (f *fakeSCIM) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	if len(calls) > 0 && strings.HasPrefix(calls[0], "GET /Users?userName eq ") {
		calls = calls[1:]
	}
	return calls
}

// testKey is one for all, since making one takes time.
var testKey = sync.OnceValue(func() oidctest.Key {
	key, err := oidctest.GenerateKey("test", "ES256")
	if err != nil {
		panic(err)
	}
	return key
})

func testConfig(dialect Dialect) Config {
	return Config{
		BaseURL: "http://127.0.0.1:8081",
		Directories: []DirectoryConfig{{
			Slug: "acme", Name: "Acme", Dialect: dialect, GroupsClaim: true, Keys: []oidctest.Key{testKey()},
			Users: []User{
				{ID: "u-ada", Email: "ada@acme.example", Password: "pw-ada", GivenName: "Ada", FamilyName: "Lovelace", Phone: "+49 30 901820"},
				{ID: "u-bob", Email: "bob@acme.example", Password: "pw-bob", GivenName: "Bob", FamilyName: "Babbage"},
				{ID: "u-cid", Email: "cid@acme.example", Password: "pw-cid", Inactive: true},
			},
			Groups: []Group{{ID: "g-sre", Name: "SRE", Members: []string{"ada@acme.example", "bob@acme.example", "cid@acme.example"}}},
			Client: Client{ID: "tenantgate", Secret: "s3cret"},
		}},
	}
}

// withFake is a directory that pushes to a fake.
func withFake(t *testing.T, dialect Dialect) (*Directory, *fakeSCIM) {
	t.Helper()
	f := newFakeSCIM(t)
	cfg := testConfig(dialect)
	cfg.HTTPClient = &http.Client{Transport: f}
	p, err := New(cfg)
	require.NoError(t, err)
	d, ok := p.Directory("acme")
	require.True(t, ok)
	require.NoError(t, d.SetSCIM(fakeBase+"/", fakeToken))
	return d, f
}

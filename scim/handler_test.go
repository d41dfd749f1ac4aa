package scim

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

func TestNewHandlerNeedsItsParts(t *testing.T) {
	good := Config{
		BaseURL: testBase, Store: memory.New(), Policy: InsecureAllowAll{},
		Authenticator: AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) { return tenant.Principal{}, nil }),
	}
	_, err := NewHandler(good)
	require.NoError(t, err)
	for name, breakIt := range map[string]func(*Config){
		"Config.BaseURL":       func(c *Config) { c.BaseURL = "/scim" },
		"Config.Store":         func(c *Config) { c.Store = nil },
		"Config.Authenticator": func(c *Config) { c.Authenticator = nil },
		"Config.Policy":        func(c *Config) { c.Policy = nil },
		"twice": func(c *Config) {
			c.UserExtensions = []Extension{{Schema: EnterpriseUserSchema()}}
		},
		"taken": func(c *Config) {
			c.ResourceTypes = []ResourceType{{Name: "User", Endpoint: "/People", Schema: UserSchema()}}
		},
		"Endpoint": func(c *Config) { c.ResourceTypes = []ResourceType{{Name: "X", Endpoint: "X", Schema: UserSchema()}} },
		"unknown type": func(c *Config) {
			c.UserExtensions = []Extension{{Schema: Schema{ID: "urn:x", Attributes: []Attribute{{Name: "a", Type: "text"}}}}}
		},
	} {
		cfg := good
		breakIt(&cfg)
		_, err := NewHandler(cfg)
		require.ErrorContains(t, err, name)
	}
}

// An unknown tenant, a foreign key and a wrong key can't be told apart.
func TestAuthentication(t *testing.T) {
	s := newServer(t)
	s.user("ada", "")
	get := func(path, authorization string) reply {
		r := httptest.NewRequest(http.MethodGet, testBase+path, nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		return s.send(r)
	}
	want := get("/acme/Users", "Bearer wrong").refused(401, "")
	require.Contains(t, want.header.Get("WWW-Authenticate"), "Bearer")
	for _, tt := range [][2]string{
		{"/acme/Users", ""},
		{"/acme/Users", "Bearer"},
		{"/acme/Users", "Bearer "},
		{"/acme/Users", "acme-key"},
		{"/acme/Users", "Basic YWNtZS1rZXk6"},
		{"/acme/Users", "Bearer globex-key"},
		{"/nobody/Users", "Bearer acme-key"},
		{"/nobody/Nothing", "Bearer acme-key"},
		{"/acme/Users?access_token=acme-key", ""},
		{"/", "Bearer acme-key"},
	} {
		r := get(tt[0], tt[1])
		require.Equal(t, want.status, r.status, tt)
		require.Equal(t, want.raw, r.raw, tt)
		require.Equal(t, want.header, r.header, tt)
	}
	get("/acme/Users", "bearer acme-key").want(200)
	get("/acme/Users", "Bearer read-key").want(200)
	r := httptest.NewRequest(http.MethodPost, testBase+"/acme/Users", strings.NewReader(`{"userName":"x"}`))
	r.Header.Set("Authorization", "Bearer read-key")
	s.send(r).refused(403, "")
}

func TestAuthenticatorFailure(t *testing.T) {
	s := newServer(t, func(c *Config) {
		c.Authenticator = AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) {
			return tenant.Principal{}, errors.New("pq: password of db")
		})
	})
	r := s.do("GET", "/Users", "").refused(503, "")
	require.NotContains(t, r.raw, "pq")
}

func TestTenantsAreApart(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", `"externalId":"e"`)
	g := s.group("Staff", id)
	other := func(method, path, body string) reply {
		r := httptest.NewRequest(method, testBase+"/globex"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer globex-key")
		return s.send(r)
	}
	other("GET", "/Users/"+id, "").refused(404, "")
	other("PUT", "/Users/"+id, `{"userName":"x"}`).refused(404, "")
	other("PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"active","value":false}]}`).refused(404, "")
	other("DELETE", "/Users/"+id, "").refused(404, "")
	other("GET", "/Groups/"+g, "").refused(404, "")
	other("PATCH", "/Groups/"+g, `{"Operations":[{"op":"remove","path":"members"}]}`).refused(404, "")
	require.Equal(t, float64(0), other("GET", "/Users?filter=externalId+eq+%22e%22", "").want(200).at("totalResults"))
	require.Equal(t, float64(0), other("GET", "/", "").want(200).at("totalResults"))
	other("POST", "/Users", `{"userName":"ada"}`).want(201)
	require.Equal(t, []string{id}, s.members(g))
}

func TestMethodsAndPaths(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", "")
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"PUT", "/Users", 405, "GET, HEAD, POST, OPTIONS"},
		{"POST", "/Users/" + id, 405, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
		{"DELETE", "/Schemas", 405, "GET, HEAD, OPTIONS"},
		{"GET", "/Bulk", 405, "POST, OPTIONS"},
		{"OPTIONS", "/Users", 204, "GET, HEAD, POST, OPTIONS"},
		{"HEAD", "/Users/" + id, 200, ""},
		{"GET", "/Users/", 200, ""},
		{"GET", "/Users/" + id + "/", 200, ""},
		{"GET", "/Users/" + id + "?aadOptscim062020", 200, ""},
		{"GET", "/Users/%2e%2e%2fGroups", 404, ""},
		{"GET", "/Users/%00", 404, ""},
		{"GET", "/Users/%ff", 404, ""},
		{"GET", "/Users/" + strings.Repeat("a", 4000), 404, ""},
		{"GET", "/Users/" + id + "/emails", 404, ""},
		{"GET", "/Nothing", 404, ""},
		{"GET", "/Users/Users", 404, ""}, // a base URL that was entered with /Users
		{"GET", "/v2/Users", 404, ""},
		{"GET", "", 200, ""}, // a provider that tries the base URL itself
		{"GET", "/Me", 501, ""},
		{"GET", "/ServiceProviderConfig?filter=x", 200, ""},
		{"GET", "/Schemas?filter=x", 403, ""},
		{"GET", "/Schemas/urn:none", 404, ""},
		{"GET", "/Schemas/" + URNUser, 200, ""},
		{"GET", "/ResourceTypes/User", 200, ""},
	} {
		r := s.do(tt.method, tt.path, "").want(tt.status)
		require.Equal(t, tt.allow, r.header.Get("Allow"), tt.method+" "+tt.path)
		if tt.status >= 400 {
			r.refused(tt.status, "")
		}
	}
}

func TestBodyLimitsAndTypes(t *testing.T) {
	s := newServer(t, func(c *Config) { c.MaxBodyBytes = 1000; c.MaxOperations = 3; c.MaxMembers = 2 })
	long := `{"userName":"` + strings.Repeat("a", 2000) + `"}`
	s.do("POST", "/Users", long).refused(413, TypeTooMany)
	r := s.request("POST", "/Users", long)
	r.ContentLength = -1 // chunked
	s.send(r).refused(413, TypeTooMany)
	for ct, status := range map[string]int{
		"application/json": 201, "application/scim+json; charset=utf-8": 201, "": 201, "text/plain": 415, "x": 415,
	} {
		r := s.request("POST", "/Users", `{"userName":"`+strings.ReplaceAll(ct, "/", "-")+`u"}`)
		r.Header.Set("Content-Type", ct)
		s.send(r).want(status)
	}
	id := s.user("ada", "")
	op := `{"op":"add","path":"title","value":"x"}`
	s.patch("/Users/"+id, op+","+op+","+op).want(200)
	s.patch("/Users/"+id, op+","+op+","+op+","+op).refused(413, TypeTooMany)
	g := s.group("G")
	s.patch("/Groups/"+g, `{"op":"add","path":"members","value":[{"value":"a"},{"value":"b"},{"value":"c"}]}`).refused(413, TypeTooMany)
	require.Empty(t, s.members(g))
}

func TestDiscovery(t *testing.T) {
	s := newServer(t)
	c := s.do("GET", "/ServiceProviderConfig", "").want(200)
	require.Equal(t, testBase+"/acme/ServiceProviderConfig", c.at("meta", "location"))
	require.Equal(t, true, c.at("patch", "supported"))
	require.Equal(t, float64(1000), c.at("bulk", "maxOperations"))
	r := s.do("GET", "/Schemas", "").want(200)
	require.NotContains(t, r.raw, "null")
	require.Equal(t, float64(3), r.at("totalResults"))
	require.Equal(t, []string{URNUser, URNEnterpriseUser, URNGroup}, r.column("id"))
	types := s.do("GET", "/ResourceTypes", "").want(200)
	require.Equal(t, []string{"/Users", "/Groups"}, types.column("endpoint"))
	require.Equal(t, false, types.at("Resources", 0, "schemaExtensions", 0, "required"))
}

func TestAPIKeysOfTenantService(t *testing.T) {
	_, err := principal(tenant.Principal{}, tenant.ErrBadAPIKey)
	require.ErrorIs(t, err, ErrUnauthorized)
	_, err = principal(tenant.Principal{}, errors.New("db down"))
	require.ErrorContains(t, err, "db down")
	got, err := principal(tenant.Principal{KeyID: "k", KeyName: "n", DirectoryID: "d", ConnectionID: "c", Scopes: []string{ScopeRead}}, nil)
	require.NoError(t, err)
	require.Equal(t, tenant.Principal{KeyID: "k", KeyName: "n", DirectoryID: "d", ConnectionID: "c", Scopes: []string{ScopeRead}}, got)

	s := newServer(t, func(c *Config) {
		c.Authenticator = AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) {
			return tenant.Principal{}, &Error{Status: 403, Detail: "Provisioning is switched off."}
		})
	})
	s.do("GET", "/Users", "").refused(403, "")
}

func TestSplitPath(t *testing.T) {
	for in, want := range map[string][]string{
		"/scim/v2/acme/Users/": {"acme", "Users"}, "/scim/v2/acme//Users/x": {"acme", "Users", "x"}, "/scim/v2//": {""},
		"/scim/v2/a%20b/Users": {"a b", "Users"}, "/scim/v2": nil, "/scim/v2/../x": nil, "/scim/v2/a%2fb": nil, "/scim/v2/%ff": nil,
	} {
		got, ok := splitPath(in, "/scim/v2")
		require.Equal(t, want, got, in)
		require.Equal(t, want != nil, ok, in)
	}
}

func TestBareAuthorization(t *testing.T) {
	get := func(s *server, authorization string) int {
		r := httptest.NewRequest(http.MethodGet, testBase+"/acme/Users", nil)
		r.Header.Set("Authorization", authorization)
		return s.send(r).status
	}
	strict := newServer(t)
	lenient := newServer(t, func(c *Config) { c.BareAuthorization = true })
	for _, s := range []*server{strict, lenient} {
		require.Equal(t, 200, get(s, "Bearer acme-key"))
		for _, bad := range []string{"", "Bearer", "Bearer ", "Basic acme-key", "wrong", "acme-key x"} {
			require.Equal(t, 401, get(s, bad), bad)
		}
	}
	require.Equal(t, 401, get(strict, "acme-key"))
	require.Equal(t, 200, get(lenient, " acme-key "))
}

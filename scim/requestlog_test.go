package scim

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// logged is a server with its handler's log.
func logged(t *testing.T, change ...func(*Config)) (*server, func() Exchange) {
	t.Helper()
	l := &RecentRequests{}
	s := newServer(t, append(change, func(c *Config) { c.RequestLog = l })...)
	return s, func() Exchange {
		t.Helper()
		all := l.Requests("acme")
		require.NotEmpty(t, all)
		return all[0]
	}
}

func TestRequestLog(t *testing.T) {
	s, last := logged(t)
	r := s.request("POST", "/Users?attributes=userName&access_token=acme-key", `{"userName":"ada","shoeSize":43,"name":{"nick":"A"}}`)
	r.Header.Set("X-Request-Id", "req-1")
	r.Header.Set("User-Agent", "Okta SCIM Client")
	id := s.send(r).want(201).id()
	e := last()
	require.Equal(t, "POST", e.Method)
	require.Equal(t, "/Users?attributes=userName&access_token=REDACTED", e.Path)
	require.Equal(t, 201, e.Status)
	require.Equal(t, "k1", e.KeyID)
	require.Equal(t, "req-1", e.CorrelationID)
	require.Equal(t, "Okta SCIM Client", e.UserAgent)
	require.Contains(t, e.Request, `"shoeSize":43`)
	require.Nil(t, e.Error)
	require.Len(t, e.Warnings, 1)
	require.Equal(t, WarningUnknownAttribute, e.Warnings[0].Code)
	require.Equal(t, 2, e.Warnings[0].Count)
	require.ElementsMatch(t, []string{"shoeSize", "name.nick"}, e.Warnings[0].Names)

	s.do("POST", "/Users", `{"userName":"ADA"}`).refused(409, TypeUniqueness)
	require.Equal(t, 409, last().Status)
	require.Equal(t, TypeUniqueness, last().Error.Type)
	require.Contains(t, last().Error.Detail, "ADA")

	inner := s.group("Inner")
	g := s.group("G", "nobody", inner, id)
	require.ElementsMatch(t, []Warning{
		{Code: WarningUnknownMember, Count: 1, Names: []string{"nobody"}},
		{Code: WarningNestedGroup, Count: 1, Names: []string{inner}},
	}, last().Warnings)
	s.patch("/Groups/"+g, `{"op":"add","path":"members","value":["x1","x2","x3","x4","x5","x6"]}`).want(204)
	require.Equal(t, 6, last().Warnings[0].Count)
	require.Len(t, last().Warnings[0].Names, maxWarningNames)

	s.do("GET", "/Users/"+id, "").want(200)
	require.Empty(t, last().Warnings)
	s.do("POST", "/Users", `{"userName":"`+strings.Repeat("x", 5<<20)+`"}`).refused(413, TypeTooMany)
	require.Equal(t, 413, last().Error.Status)
	s.do("DELETE", "/Users/"+id, "").want(204)
	require.Equal(t, 204, last().Status)
	s.do("HEAD", "/Users", "").want(200)
	require.Equal(t, "/Users", last().Path)
}

func TestRequestLogTellsWhatAPolicyRefused(t *testing.T) {
	var answer error
	s, last := logged(t, func(c *Config) {
		c.Policy = PolicyFunc(func(context.Context, tenant.DirectoryWrite) error { return answer })
	})
	id := s.user("ada", "")
	answer = &tenant.Refusal{Status: 403, Code: "plan_required", Detail: "Not in this plan."}
	s.patch("/Users/"+id, `{"op":"add","path":"title","value":"x"}`).refused(403, "")
	require.Equal(t, "Not in this plan.", last().Error.Detail)
	s.do("PUT", "/Users/"+id, `{"userName":"other","active":false}`).want(200)
	require.Equal(t, []Warning{{Code: WarningPartlyRefused, Count: 1, Names: []string{id}}}, last().Warnings)
}

func TestRequestLogKeepsNoSecret(t *testing.T) {
	ext := Extension{Schema: Schema{ID: "urn:acme:1.0:User", Name: "Acme", Attributes: []Attribute{
		{Name: "pin", Returned: ReturnedNever},
		{Name: "box", SubAttributes: []Attribute{{Name: "label"}, {Name: "code", Returned: ReturnedNever}}},
	}}}
	s, last := logged(t, func(c *Config) { c.UserExtensions = []Extension{ext} })
	id := s.user("ada", "")
	for _, tt := range []struct{ method, path, body string }{
		{"PUT", "/Users/" + id, `{"userName":"ada","password":"s3cret"}`},
		{"PUT", "/Users/" + id, `{"userName":"ada","PASSWORD":"s3cret"}`},
		{"PUT", "/Users/" + id, `{"userName":"ada","p\u0061ssword":"s3cret"}`},
		{"PUT", "/Users/" + id, `{"userName":"ada","urn:acme:1.0:User":{"pin":"s3cret","box":{"label":"L","code":"s3cret"}}}`},
		{"PUT", "/Users/" + id, `{"userName":"ada","password":"s3cret"`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","path":"password","value":"s3cret"}]}`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","path":"urn:acme:1.0:User:box.code","value":"s3cret"}]}`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","path":"urn:acme:1.0:User:box[code eq \"s3cret\"]","value":"s3cret"}]}`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","value":{"password":"s3cret","urn:acme:1.0:User:pin":"s3cret","urn:acme:1.0:User:box.code":"s3cret"}}]}`},
		{"POST", "/Bulk", `{"Operations":[{"method":"PATCH","path":"/Users/` + id + `","data":{"Operations":[{"op":"add","path":"password","value":"s3cret"}]}}]}`},
		{"POST", "/Users/.search", `{"filter":"password eq \"s3cret\""}`},
		{"GET", "/Users?filter=password+eq+%22s3cret%22", ""},
		{"GET", "/Users?filter=p%61ssword+eq+%22s3cret%22", ""},
		{"GET", "/Users?token=s3cret", ""},
		{"GET", "/Users?filter=password+eq+s3cret", ""},
		{"GET", "/Users?sortBy=password+s3cret", ""},
		{"POST", "/Users/.search", `{"filter":"password eq s3cret"}`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"add","value":{"password ":"s3cret"}}]}`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"add","value":{"password eq s3cret":"x"}}]}`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"add","value":{"urn:acme:1.0:User:box.code":"s3cret"}}]}`},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"add","path":"emails[password eq s3cret]","value":1}]}`},
		{"POST", "/Users", `{"userName":"z","password":{"s3cret":1}}`},
		{"PUT", "/Users/" + id, `{"userName":"ada","pin":"s3cret","more":"` + strings.Repeat("x", maxRedacted) + `"}`},
	} {
		s.do(tt.method, tt.path, tt.body)
		e := last()
		require.Equal(t, tt.method, e.Method)
		require.NotContains(t, fmt.Sprintf("%+v %+v", e, e.Error), "s3cret", "%v", tt)
		require.Contains(t, e.Request+e.Path, redacted, "%v", tt)
	}
}

func TestRequestLogIsBounded(t *testing.T) {
	l := &RecentRequests{PerTenant: 3, MaxTenants: 2}
	s := newServer(t, func(c *Config) { c.RequestLog = l })
	s.do("GET", "/Users/none", "").want(404)
	for i := range 5 {
		s.user(fmt.Sprint("u", i), `"title":"`+strings.Repeat("é", 1+maxLoggedBody/2)+`"`)
	}
	all := l.Requests("acme")
	require.Len(t, all, 4, "three users, and the one refusal")
	require.Equal(t, 404, all[3].Status)
	require.LessOrEqual(t, len(all[0].Request), maxLoggedBody+3)
	require.True(t, strings.HasSuffix(all[0].Request, "é…"))
	for _, id := range []string{"t1", "t2"} {
		l.LogRequest(t.Context(), id, Exchange{})
	}
	require.Empty(t, l.Requests("acme"), "two later tenants push it out")
	require.Len(t, l.Requests("t1"), 1)

	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				l.LogRequest(t.Context(), fmt.Sprint("t", i), Exchange{})
				l.Requests("t0")
			}
		})
	}
	wg.Wait()
}

func TestRequestLogOptions(t *testing.T) {
	s := newServer(t)
	mount := func(change ...func(*Config)) *Handler {
		cfg := Config{BaseURL: testBase, Store: s.store, Policy: InsecureAllowAll{}, Authenticator: AuthenticatorFunc(
			func(context.Context, string, string) (tenant.Principal, error) {
				return tenant.Principal{KeyID: "k", Scopes: []string{ScopeRead}}, nil
			})}
		for _, c := range change {
			c(&cfg)
		}
		h, err := NewHandler(cfg)
		require.NoError(t, err)
		s.h = h
		s.do("GET", "/Users", "").want(200)
		return h
	}
	require.Len(t, mount().Requests("acme"), 1)
	require.Empty(t, mount().Requests("globex"))
	require.Empty(t, mount(func(c *Config) { c.NoRequestLog = true }).Requests("acme"))
	var got string
	own := RequestLogFunc(func(_ context.Context, tenantID string, e Exchange) { got = tenantID + e.Path })
	require.Empty(t, mount(func(c *Config) { c.RequestLog = own }).Requests("acme"))
	require.Equal(t, "acme/Users", got)
}

func TestMe(t *testing.T) {
	var user string
	s := newServer(t, func(c *Config) {
		c.Me = func(_ context.Context, tenantID string, p tenant.Principal) (string, error) {
			require.Equal(t, "acme k1", tenantID+" "+p.KeyID)
			if user == "" {
				return "", store.ErrNotFound
			}
			return user, nil
		}
	})
	s.do("GET", "/Me", "").refused(404, "")
	user = s.user("ada", `"title":"x"`)
	r := s.do("GET", "/Me?attributes=userName", "").want(200)
	require.Equal(t, "ada", r.at("userName"))
	require.Nil(t, r.at("title"))
	require.Equal(t, testBase+"/acme/Users/"+user, r.header.Get("Location"))
	r = s.patch("/Me", `{"op":"replace","path":"title","value":"y"}`).want(200)
	require.Equal(t, testBase+"/acme/Users/"+user, r.at("meta", "location"))
	s.do("PUT", "/Me", `{"userName":"ada2"}`).want(200)
	s.do("POST", "/Me", `{"userName":"x"}`).refused(405, "")
	s.do("GET", "/Me/x", "").refused(501, "")
	s.do("DELETE", "/Me", "").want(204)
	s.do("GET", "/Users/"+user, "").refused(404, "")
}

func TestAccept(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", "")
	for accept, want := range map[string]string{
		"":                       "application/scim+json",
		"*/*":                    "application/scim+json",
		"application/scim+json":  "application/scim+json",
		"application/json":       "application/json",
		"Application/JSON;q=0.9": "application/json",
		"text/html":              "application/scim+json",
		"application/json, */*":  "application/scim+json",
		"application/*":          "application/scim+json",
		"application/json, application/scim+json": "application/scim+json",
	} {
		for _, path := range []string{"/Users/" + id, "/Users", "/Users/none", "/Schemas"} {
			r := s.request("GET", path, "")
			if accept != "" {
				r.Header.Set("Accept", accept)
			}
			require.Equal(t, want, s.send(r).header.Get("Content-Type"), accept+path)
		}
	}
	del := s.do("DELETE", "/Users/"+id, "").want(http.StatusNoContent)
	require.Empty(t, del.header.Get("Content-Type"))
}

// TestWriteOrigin: R51. The journal tells from where a directory wrote, once the host says how to find out.
func TestWriteOrigin(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Origin = tenant.PeerOrigin })
	r := s.request("POST", "/Users", `{"userName":"ada"}`)
	r.Header.Set("User-Agent", "Okta SCIM Client")
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	r.RemoteAddr = "203.0.113.9:443"
	s.send(r).want(201)
	require.Equal(t, store.EventOrigin{IP: "203.0.113.9", UserAgent: "Okta SCIM Client"}, s.events()[0].Origin)

	s = newServer(t)
	s.do("POST", "/Users", `{"userName":"ada"}`).want(201)
	require.Zero(t, s.events()[0].Origin)
}

// placed is an authenticator that asks from where.
type placed struct {
	Authenticator
	from *tenant.Origin
}

func (a placed) AuthenticateFrom(ctx context.Context, tenantID, bearer string, from tenant.Origin) (tenant.Principal, error) {
	*a.from = from
	return a.Authenticate(ctx, tenantID, bearer)
}

// TestKeyOrigin: an authenticator that asks is told from where a key is presented, a bad one too.
func TestKeyOrigin(t *testing.T) {
	var from tenant.Origin
	s := newServer(t, func(c *Config) {
		c.Origin, c.Authenticator = tenant.PeerOrigin, placed{c.Authenticator, &from}
	})
	r := s.request("GET", "/Users", "")
	r.RemoteAddr = "203.0.113.9:443"
	s.send(r).want(200)
	require.Equal(t, "203.0.113.9", from.IP.String())
	r = s.request("GET", "/Users", "")
	r.RemoteAddr = "203.0.113.10:443"
	r.Header.Set("Authorization", "Bearer wrong")
	s.send(r).want(401)
	require.Equal(t, "203.0.113.10", from.IP.String())
}

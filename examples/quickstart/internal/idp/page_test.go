package idp

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPages(t *testing.T) {
	for _, path := range []string{"", "/some/where"} {
		b := open(t, path)
		r := b.get("/")
		require.Equal(t, 200, r.status)
		require.Contains(t, r.body, `href="`+path+`/acme/"`)
		require.Contains(t, r.body, b.Issuer())
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
		} {
			require.Equal(t, want, r.header.Get(name))
		}
		r = b.get("/acme")
		require.Equal(t, 200, r.status, "led to /acme/")
		for _, want := range []string{"Ada Lovelace", "bob@acme.example", "SRE", "Nothing was pushed yet", `aria-checked="false"`} {
			require.Contains(t, r.body, want)
		}
		require.NotContains(t, r.body, "<script")
		require.NotContains(t, r.body, "style=")
		require.Equal(t, "text/css; charset=utf-8", b.get("/style.css").header.Get("Content-Type"))
		require.Equal(t, 404, b.get("/other/").status)
		require.Equal(t, 404, b.get("/other/.well-known/openid-configuration").status)
		require.Equal(t, 404, b.get("/acme/nothing").status)
	}
}

func TestForms(t *testing.T) {
	b := open(t, "")
	ok := func(path string, form url.Values) string {
		t.Helper()
		r := b.post("/acme/"+path, form)
		require.Equal(t, 200, r.status, r.body)
		require.NotContains(t, r.body, `role="alert"`)
		return r.body
	}
	body := ok("users", url.Values{"email": {" eve@acme.example "}, "password": {"x"}, "given_name": {"<b>Eve"}, "phone": {"5"}})
	require.Contains(t, body, "&lt;b&gt;Eve")
	eve, err := b.User("eve@acme.example")
	require.NoError(t, err)
	require.Equal(t, "5", eve.Phone)
	require.NotEmpty(t, eve.ID)
	ok("users/active", url.Values{"email": {"eve@acme.example"}, "active": {"false"}})
	eve, err = b.User("eve@acme.example")
	require.NoError(t, err)
	require.True(t, eve.Inactive)

	ok("groups", url.Values{"name": {"Support"}})
	ok("members", url.Values{"group": {"Support"}, "email": {"eve@acme.example"}})
	ok("members", url.Values{"group": {"Support"}, "email": {"ada@acme.example"}})
	ok("members", url.Values{"group": {"Support"}, "email": {"ada@acme.example"}})
	require.Equal(t, []string{"eve@acme.example", "ada@acme.example"}, b.Groups()[1].Members)
	ok("members/remove", url.Values{"group": {"Support"}, "email": {"ada@acme.example"}})
	ok("users/remove", url.Values{"email": {"eve@acme.example"}})
	require.Empty(t, b.Groups()[1].Members)
	ok("groups/remove", url.Values{"name": {"Support"}})
	require.Len(t, b.Groups(), 1)
	ok("client", url.Values{"redirect_uris": {callback + "\r\n http://app.test/second \n"}})
	require.Equal(t, []string{callback, "http://app.test/second"}, b.Client().RedirectURIs)

	for _, tt := range []struct {
		path   string
		form   url.Values
		status int
		says   string
	}{
		{"users", url.Values{"email": {"ADA@acme.example"}, "password": {"x"}}, 409, "ADA@acme.example"},
		{"users", url.Values{"email": {"Ada <ada2@acme.example>"}, "password": {"x"}}, 422, "no e-mail address"},
		{"users", url.Values{"email": {"new@acme.example"}}, 422, "password"},
		{"users/active", url.Values{"email": {"nobody@acme.example"}}, 404, "nobody@acme.example"},
		{"users/remove", url.Values{}, 404, "not found"},
		{"groups", url.Values{"name": {" "}}, 422, "name"},
		{"groups", url.Values{"name": {"sre"}}, 409, "sre"},
		{"groups/remove", url.Values{"name": {"x"}}, 404, "not found"},
		{"members", url.Values{"group": {"SRE"}, "email": {"x"}}, 404, "not found"},
		{"members", url.Values{"group": {"x"}, "email": {"ada@acme.example"}}, 404, "not found"},
		{"client", url.Values{"redirect_uris": {"x"}}, 422, "absolute"},
		{"scim", url.Values{"base_url": {"x"}, "token": {"y"}}, 422, "absolute"},
		{"push", url.Values{}, 422, "not set"},
	} {
		r := b.post("/acme/"+tt.path, tt.form)
		require.Equal(t, tt.status, r.status, "%s %v", tt.path, tt.form)
		require.Contains(t, r.body, `role="alert"`)
		require.Contains(t, r.body, tt.says)
	}
	require.Equal(t, 404, b.post("/other/push", url.Values{}).status)
	require.Equal(t, 400, b.post("/acme/push", url.Values{}, func(r *http.Request) { r.URL.RawQuery = "%zz" }).status)
}

func TestFormsRefuseOtherSites(t *testing.T) {
	b := open(t, "")
	for path := range forms {
		for name, change := range map[string]func(*http.Request){
			"cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"same-site":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"origin":     func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "http://evil.test") },
		} {
			r := b.post("/acme/"+path, url.Values{"email": {"ada@acme.example"}, "name": {"SRE"}, "group": {"SRE"}}, change)
			require.Equal(t, http.StatusForbidden, r.status, "%s %s", path, name)
		}
	}
	require.Len(t, b.Users(), 3)
	require.Len(t, b.Groups(), 1)
}

func TestSCIMFormKeepsTheTokenToItsAddress(t *testing.T) {
	f := newFakeSCIM(t)
	b := open(t, "", func(c *Config) { c.HTTPClient = &http.Client{Transport: f} })
	save := func(base, token string) reply {
		return b.post("/acme/scim", url.Values{"base_url": {base}, "token": {token}})
	}
	require.Equal(t, 200, save(fakeBase+"/", fakeToken).status)
	require.Equal(t, 200, save(fakeBase, "").status, "the same address keeps it")
	require.Equal(t, 422, save("http://evil.test/scim", "").status)
	require.Equal(t, fakeBase, b.SCIMBaseURL())

	r := b.post("/acme/push", url.Values{})
	require.Equal(t, 200, r.status)
	require.Contains(t, r.body, "2 users created, 1 group created, 2 members added")
	require.Contains(t, r.body, "PATCH /Groups/r3")
	require.NotContains(t, r.body, fakeToken)
	require.True(t, strings.Contains(r.body, "&#34;userName&#34;: &#34;ada@acme.example&#34;"), r.body)

	require.Equal(t, 200, save("", "").status)
	require.Empty(t, b.SCIMBaseURL())
}

func TestStartAddress(t *testing.T) {
	b := open(t, "")
	c := b.Client()
	c.InitiateLoginURI = "http://app.test/sso/start?x=1"
	require.NoError(t, b.SetClient(c))
	want := "http://app.test/sso/start?iss=" + url.QueryEscape(b.Issuer()) + "&amp;x=1"
	require.Contains(t, b.get("/acme/").body, want)
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no address":     func(c *Config) { c.BaseURL = "" },
		"relative":       func(c *Config) { c.BaseURL = "127.0.0.1:8081" },
		"query":          func(c *Config) { c.BaseURL += "?x" },
		"no directory":   func(c *Config) { c.Directories = nil },
		"slug":           func(c *Config) { c.Directories[0].Slug = "A/b" },
		"slug twice":     func(c *Config) { c.Directories = append(c.Directories, c.Directories[0]) },
		"dialect":        func(c *Config) { c.Directories[0].Dialect = "x" },
		"client":         func(c *Config) { c.Directories[0].Client = Client{} },
		"user":           func(c *Config) { c.Directories[0].Users[0].Email = "x" },
		"user twice":     func(c *Config) { c.Directories[0].Users[1].ID = "u-ada" },
		"group":          func(c *Config) { c.Directories[0].Groups[0].Name = "" },
		"unknown member": func(c *Config) { c.Directories[0].Groups[0].Members = []string{"x"} },
	} {
		cfg := testConfig(Entra)
		change(&cfg)
		_, err := New(cfg)
		require.Error(t, err, name)
	}
}

func TestUpdateUserAndRenameGroup(t *testing.T) {
	b := open(t, "")
	require.NoError(t, b.UpdateUser("ada@acme.example", func(u *User) { u.ID, u.Email = "x", "countess@acme.example" }))
	u, err := b.User("countess@acme.example")
	require.NoError(t, err)
	require.Equal(t, "u-ada", u.ID, "the ID never changes")
	require.Contains(t, b.Groups()[0].Members, "countess@acme.example")
	require.ErrorIs(t, b.UpdateUser("bob@acme.example", func(u *User) { u.Email = "CID@acme.example" }), ErrConflict)
	require.ErrorIs(t, b.UpdateUser("bob@acme.example", func(u *User) { u.Email = "" }), ErrInvalid)
	require.ErrorIs(t, b.UpdateUser("ada@acme.example", func(*User) {}), ErrNotFound)

	require.NoError(t, b.AddGroup(Group{Name: "Support"}))
	require.ErrorIs(t, b.RenameGroup("Support", "sre"), ErrConflict)
	require.ErrorIs(t, b.RenameGroup("nothing", "x"), ErrNotFound)
	require.ErrorIs(t, b.RenameGroup("Support", " "), ErrInvalid)
	require.NoError(t, b.RenameGroup("Support", "SUPPORT"))
	require.Equal(t, "SUPPORT", b.Groups()[1].Name)
}

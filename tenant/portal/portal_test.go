package portal

import (
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestNewChecksItsConfig(t *testing.T) {
	w := newWorld(t)
	good := w.portal.cfg
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no service":       {func(c *Config) { c.Tenants = nil }, "Config.Tenants is required"},
		"no login":         {func(c *Config) { c.Login = nil }, "Config.Login is required"},
		"no store":         {func(c *Config) { c.Store = nil }, "Config.Store is required"},
		"no names":         {func(c *Config) { c.Names = nil }, "Config.Names is required"},
		"no authorizer":    {func(c *Config) { c.Authorize = nil }, "Config.Authorize is required"},
		"no address":       {func(c *Config) { c.BaseURL = "/sso" }, "Config.BaseURL"},
		"plain http":       {func(c *Config) { c.BaseURL = "http://app.example.com/sso" }, "expected https"},
		"a colour's name":  {func(c *Config) { c.Brand.Accent = "red" }, "expected a colour"},
		"a faint colour":   {func(c *Config) { c.Brand.Accent = "#ffee00" }, "at least 4.5"},
		"a dark one":       {func(c *Config) { c.Brand.AccentDark = "#111111" }, "at least 4.5"},
		"CSS in a font":    {func(c *Config) { c.Brand.Font = "x;}body{display:none" }, "font families"},
		"a huge radius":    {func(c *Config) { c.Brand.Radius = new(99) }, "0 to 24"},
		"a script as logo": {func(c *Config) { c.Brand.LogoURL = "javascript:alert(1)" }, "https address or a path"},
		"frames of all":    {func(c *Config) { c.FrameAncestors = []string{"*"} }, "expected an origin"},
		"a policy inside":  {func(c *Config) { c.FrameAncestors = []string{"https://a.example; script-src *"} }, "expected an origin"},
		"a bad language":   {func(c *Config) { c.Texts = map[string]map[string]string{"": {}} }, "languages such as"},
		"a bad text":       {func(c *Config) { c.Texts = map[string]map[string]string{"fr": {"This link was made for %s.": "Lien."}} }, "placeholders"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			_, err := New(cfg)
			require.ErrorContains(t, err, c.want)
		})
	}
	h, err := New(good)
	require.NoError(t, err)
	require.Equal(t, w.server.URL+"/settings/sso/t/org-1", h.URL(org))
	require.Equal(t, w.server.URL+"/settings/sso/staff", h.StaffURL())
	require.Equal(t, w.server.URL+"/settings/sso/setup", h.SetupLinkBaseURL())
}

func TestWhoMayOpenAPage(t *testing.T) {
	w := newWorld(t)
	w.draft(t)

	a := w.as(t, "").get(at(""))
	require.Equal(t, http.StatusSeeOther, a.status)
	require.Equal(t, "/login?return_to=%2Fsettings%2Fsso%2Ft%2Forg-1", a.header.Get("Location"))

	a = w.as(t, "member").get(at(""))
	require.Equal(t, http.StatusForbidden, a.status)
	require.Contains(t, a.body, "Only an owner of the organisation can do this")
	require.NotContains(t, a.body, "Acme login")

	// A foreign organisation and one that does not exist look the same.
	foreign, missing := w.as(t, "stranger").get(at("")), w.as(t, "stranger").get("/settings/sso/t/nowhere")
	require.Equal(t, http.StatusNotFound, foreign.status)
	require.Equal(t, http.StatusNotFound, missing.status)
	require.Equal(t, withoutNonce(missing.body), strings.ReplaceAll(withoutNonce(foreign.body), "org-1", "nowhere"))
	require.Equal(t, http.StatusNotFound, w.as(t, "owner").get("/settings/sso/nothing/here").status)

	a = w.as(t, "owner").get(at(""))
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "Acme login")
	require.Contains(t, a.body, "Olga Owner")

	w.hostDown = errors.New("session database: password 12345 is wrong")
	a = w.as(t, "owner").get(at(""))
	require.Equal(t, http.StatusInternalServerError, a.status)
	require.NotContains(t, a.body, "12345")
	w.hostDown = store.ErrUnavailable
	a = w.as(t, "owner").get(at(""))
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "30", a.header.Get("Retry-After"))
}

var nonces = regexp.MustCompile(`nonce="[A-Z2-7]+"`)

func withoutNonce(body string) string { return nonces.ReplaceAllString(body, "") }

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	a := w.as(t, "owner").get(at(""))
	csp := a.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'nonce-", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self';"} {
		require.Contains(t, csp, want)
	}
	require.NotContains(t, csp, "unsafe")
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(t, "DENY", a.header.Get("X-Frame-Options"))
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	require.NotEqual(t, csp, w.as(t, "owner").get(at("")).header.Get("Content-Security-Policy"), "a nonce is used once")
	nonce := regexp.MustCompile(`nonce-([A-Z2-7]+)`).FindStringSubmatch(csp)[1]
	require.Contains(t, a.body, `nonce="`+nonce+`"`)
	require.NotRegexp(t, `<[^>]+ (style|on[a-z]+)=`, a.body, "nothing inline")

	framed := newWorld(t, func(c *Config) {
		c.FrameAncestors = []string{"https://app.example.com"}
		c.Brand.LogoURL = "https://cdn.example.com/logo.svg"
	})
	a = framed.as(t, "owner").get(at(""))
	require.Contains(t, a.header.Get("Content-Security-Policy"), "frame-ancestors https://app.example.com")
	require.Contains(t, a.header.Get("Content-Security-Policy"), "img-src 'self' data: https://cdn.example.com;")
	require.Empty(t, a.header.Get("X-Frame-Options"))
}

func TestFormsOfOtherSites(t *testing.T) {
	w := newWorld(t)
	b := w.as(t, "owner")
	r := b.request(http.MethodPost, "/settings/sso/setup/org-1/token", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, b.do(r).status)
}

func TestAssets(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Brand.Accent = "#7a1fa2"; c.Brand.Font = `Inter, "Noto Sans", sans-serif` })
	b := w.as(t, "")
	css := regexp.MustCompile(`href="([^"]+portal\.css)"`).FindStringSubmatch(w.as(t, "owner").get(at("")).body)
	require.NotNil(t, css)
	a := b.get(css[1])
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.header.Get("Cache-Control"), "immutable")
	require.Contains(t, a.body, "--accent:#7a1fa2;--on-accent:#ffffff;")
	require.Contains(t, a.body, `--font:Inter, "Noto Sans", sans-serif;`)
	require.Contains(t, a.body, "Pico", "its licence's notice stays")
	r := b.request(http.MethodGet, css[1], nil)
	r.Header.Set("Accept-Encoding", "br, gzip;q=0.8")
	a = b.do(r)
	require.Equal(t, "gzip", a.header.Get("Content-Encoding"))
	require.Less(t, len(a.body), 20<<10)
}

func TestLanguages(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Texts = map[string]map[string]string{"fr": {"Overview": "Aperçu"}, "en": {"Overview": "At a glance"}}
	})
	b := w.as(t, "owner")
	require.Contains(t, b.get(at("")).body, "At a glance")
	for accept, want := range map[string]string{
		"fr-CA, de;q=0.5":           "Aperçu",
		"xx, de-AT;q=0.9, fr;q=0.1": "Überblick",
		"fr;q=0, en":                "At a glance",
		strings.Repeat("a,", 2000):  "At a glance",
	} {
		b.header.Set("Accept-Language", accept)
		require.Contains(t, b.get(at("")).body, want, accept)
	}
}

// TestGermanIsComplete finds all texts in templates and code, and looks for their translation.
func TestGermanIsComplete(t *testing.T) {
	texts, err := builtinTexts()
	require.NoError(t, err)
	missing, used := []string{}, map[string]bool{}
	for _, text := range Texts() {
		used[text] = true
		if texts["de"][text] == "" {
			missing = append(missing, text)
		}
	}
	require.Empty(t, missing, "texts without a German translation")
	for text := range texts["de"] {
		if !strings.HasPrefix(text, "code:") && !strings.HasPrefix(text, "guide:") {
			require.True(t, used[text], "the German text of %q is used nowhere", text)
		}
	}
	require.Greater(t, len(used), 20)
}

// TestTextsAreListed: the list that hosts translate from is that of the source.
func TestTextsAreListed(t *testing.T) {
	found, err := textsInSource(".")
	require.NoError(t, err)
	listed := strings.Join(Texts(), "\n")
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile("texts/list.txt", []byte(strings.Join(found, "\n")+"\n"), 0o600))
		return
	}
	require.Equal(t, strings.Join(found, "\n"), listed, "run UPDATE=1 go test -run TestTextsAreListed ./tenant/portal")
}

func TestProblemsForPrograms(t *testing.T) {
	w := newWorld(t)
	b := w.as(t, "member")
	b.header.Set("Accept", "application/json")
	a := b.get(at(""))
	require.Equal(t, http.StatusForbidden, a.status)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	require.JSONEq(t, `{"title":"Forbidden","status":403,"code":"forbidden","detail":"Only an owner of the organisation can do this. Sign in as an owner, or ask one."}`, a.body)
	b = w.as(t, "")
	b.header.Set("Accept", "application/json")
	require.Equal(t, http.StatusUnauthorized, b.get(at("")).status)
	b = w.as(t, "owner")
	b.header.Set("Accept", "application/json")
	a = b.get(at(""))
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Contains(t, a.body, `"code":"not_configured"`)
}

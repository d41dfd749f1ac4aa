package oidc

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

func validConfig(t *testing.T) Config {
	t.Helper()
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: make([]byte, 32)}}})
	require.NoError(t, err)
	return Config{
		BaseURL: "https://app.example.com/sso", Store: memory.New(), Keys: keys, Accounts: &accounts{},
		Secrets: SecretsFunc(nil), OnLogin: LoginFunc(nil),
	}
}

// TestNewHandlerRefuses: a missing or unsafe field is an error that names it.
func TestNewHandlerRefuses(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*Config){
		"BaseURL":         func(c *Config) { c.BaseURL = "" },
		"BaseURL ":        func(c *Config) { c.BaseURL = "http://app.example.com" },
		"BaseURL  ":       func(c *Config) { c.BaseURL = "http://127.0.0.1:8080" },
		"BaseURL   ":      func(c *Config) { c.BaseURL = "https://app.example.com/?x=1" },
		"Store":           func(c *Config) { c.Store = nil },
		"Secrets":         func(c *Config) { c.Secrets = nil },
		"Keys":            func(c *Config) { c.Keys = nil },
		"Accounts":        func(c *Config) { c.Accounts = nil },
		"OnLogin":         func(c *Config) { c.OnLogin = nil },
		"ClockSkew":       func(c *Config) { c.ClockSkew = 61 * time.Second },
		"ClockSkew ":      func(c *Config) { c.ClockSkew = -1 },
		"DefaultReturnTo": func(c *Config) { c.DefaultReturnTo = "//evil.example" },
		"FormPost": func(c *Config) {
			c.BaseURL, c.InsecureAllowLoopback, c.FormPost = "http://127.0.0.1", true, true
		},
	} {
		cfg := validConfig(t)
		change(&cfg)
		_, err := NewHandler(cfg)
		require.ErrorContains(t, err, "Config."+strings.TrimSpace(field))
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for base, prefix := range map[string]string{
		"https://app.example.com": "/", "https://app.example.com/": "/", "https://app.example.com/sso": "/sso/", "https://app.example.com/sso/": "/sso/",
	} {
		cfg := validConfig(t)
		cfg.BaseURL = base
		h, err := NewHandler(cfg)
		require.NoError(t, err)
		pattern, _ := h.Mount()
		require.Equal(t, prefix, pattern)
		clean := strings.TrimSuffix(base, "/")
		require.Equal(t, clean+"/signin-oidc/c%2F1", h.RedirectURI("c/1"))
		require.Equal(t, clean+"/backchannel-logout/c%2F1", h.BackchannelLogoutURI("c/1"))
		require.Equal(t, clean+"/login", h.InitiateLoginURI())
	}
}

// TestS27_FormPost: with https the cookies are __Host-, Secure, and SameSite=None for answers by a cross-site POST.
func TestS27_FormPost(t *testing.T) {
	proves(t)
	t.Parallel()
	for _, formPost := range []bool{false, true} {
		idp := oidctest.NewServer(t)
		mux := http.NewServeMux()
		srv := httptest.NewTLSServer(mux)
		t.Cleanup(srv.Close)
		a := newApp(t, func(c *Config) { c.BaseURL, c.FormPost = srv.URL+"/sso", formPost })
		mux.Handle(a.handler.Mount())
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("home")) })
		c := a.connect(idp, "acme", "acme.example")
		a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)

		b := a.browser()
		b.client.Transport = srv.Client().Transport
		b.stopAt = idp.Issuer()
		start := b.get(srv.URL + "/sso/login?email=" + oidctest.DefaultEmail)
		cookie := start.header.Get("Set-Cookie")
		require.True(t, strings.HasPrefix(cookie, "__Host-tg_signin_"), cookie)
		require.Contains(t, cookie, "; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=")
		require.NotContains(t, cookie, "Domain")
		b.stopAt = ""
		if !formPost {
			require.Contains(t, cookie, "SameSite=Lax")
			require.NotContains(t, start.location, "response_mode")
			require.Equal(t, "home", b.get(start.location).body)
			continue
		}
		require.Contains(t, cookie, "SameSite=None")
		require.Contains(t, start.location, "response_mode=form_post")
		page := b.get(start.location)
		require.Contains(t, page.body, `action="`+a.handler.RedirectURI(c.ID)+`"`)
		form := url.Values{}
		for _, in := range formInput.FindAllStringSubmatch(page.body, -1) {
			form.Set(in[1], in[2])
		}
		// Parameters in the query of a POST count for nothing.
		require.Equal(t, 400, b.post(a.handler.RedirectURI(c.ID)+"?"+form.Encode(), nil).status)
		require.Equal(t, "home", b.post(a.handler.RedirectURI(c.ID), form).body)
		require.Equal(t, 1, a.loginCount())

		page = b.post(a.handler.RedirectURI(c.ID), url.Values{"error": {"login_required"}, "state": form["state"]})
		require.Equal(t, 400, page.status, "no attempt is under way any more")
	}
}

func TestErrorFamilies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		status int
		family error
	}{
		{badRequest("a", "b"), 400, ErrRequest},
		{denied("a", "b"), 403, ErrDenied},
		{unavailable("a", "b", errors.New("cause")), 503, ErrUnavailable},
	} {
		require.Equal(t, tt.status, statusOf(tt.err))
		require.ErrorIs(t, tt.err, tt.family)
		require.Equal(t, "a", CodeOf(tt.err))
		require.NotContains(t, tt.err.Error(), "cause")
	}
	require.Equal(t, 500, statusOf(errors.New("x")))
	require.Equal(t, CodeInternal, CodeOf(errors.New("x")))
	require.Empty(t, CodeOf(nil))
}

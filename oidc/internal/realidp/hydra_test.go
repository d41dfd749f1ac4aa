package realidp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHydra is a tour of Ory Hydra, which leaves login, consent and logout to a program of its operator: here, to a few
// lines that agree to everything. It wants its token endpoint as the audience of client assertions, where we name the
// issuer; and its logout tokens have no exp, which OpenID Connect Back-Channel Logout 1.0 section 2.4 requires.
func TestHydra(t *testing.T) {
	provider{
		name:            "hydra 2.3.0",
		methods:         []string{"client_secret_basic", "client_secret_post", "none"},
		refusesUs:       []string{"private_key_jwt"},
		lacks:           []string{pushed, issParameter},
		badLogoutTokens: "exp is missing",
		start:           startHydra,
	}.tour(t)
}

// hydraPages are the pages that Hydra sends browsers to.
type hydraPages struct {
	t     *testing.T
	admin string
}

// serve shows a page to sign in at, and lets everything else pass.
func (p hydraPages) serve(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		challenge := r.FormValue("login_challenge")
		if skip, _ := p.call(http.MethodGet, "login?login_challenge="+challenge, nil)["skip"].(bool); skip {
			p.accept(w, r, "login", challenge, map[string]any{"subject": "ada"})
			return
		}
		fmt.Fprintf(w, `<form method="post" action="/login"><input name="challenge" value=%q><input name="password"></form>`, challenge)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("password") != password {
			http.Error(w, "wrong password", http.StatusForbidden)
			return
		}
		p.accept(w, r, "login", r.PostFormValue("challenge"), map[string]any{"subject": "ada", "remember": true})
	})
	mux.HandleFunc("GET /consent", func(w http.ResponseWriter, r *http.Request) {
		challenge := r.FormValue("consent_challenge")
		asked := p.call(http.MethodGet, "consent?consent_challenge="+challenge, nil)
		p.accept(w, r, "consent", challenge, map[string]any{
			"grant_scope": asked["requested_scope"], "remember": true,
			"session": map[string]any{"id_token": map[string]any{"email": ada, "email_verified": true, "name": "Ada"}},
		})
	})
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		p.accept(w, r, "logout", r.FormValue("logout_challenge"), map[string]any{})
	})
}

func (p hydraPages) accept(w http.ResponseWriter, r *http.Request, what, challenge string, with map[string]any) {
	answer := p.call(http.MethodPut, what+"/accept?"+what+"_challenge="+challenge, with)
	target, _ := answer["redirect_to"].(string)
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// call asks Hydra's administration about a request of a browser.
func (p hydraPages) call(method, path string, body map[string]any) map[string]any {
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Error(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.admin+"/admin/oauth2/auth/requests/"+path, bytes.NewReader(text))
	if err != nil {
		p.t.Error(err)
		return nil
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Error(err)
		return nil
	}
	defer res.Body.Close()
	answer := map[string]any{}
	if text, err = io.ReadAll(res.Body); err != nil || json.Unmarshal(text, &answer) != nil || res.StatusCode != http.StatusOK {
		p.t.Errorf("hydra answered %s to %s: %s", res.Status, path, text)
	}
	return answer
}

func startHydra(t *testing.T, clients []*client) string {
	t.Helper()
	program := goProgram(t, "hydra", "github.com/ory/hydra/v2", "-tags", "sqlite,sqlite_omit_load_extension")
	public, admin := freePort(t), freePort(t)
	issuer := fmt.Sprintf("http://127.0.0.1:%d", public)
	pages := hydraPages{t, fmt.Sprintf("http://127.0.0.1:%d", admin)}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	pages.serve(mux)
	server := func(port int) map[string]any {
		return map[string]any{"host": "127.0.0.1", "port": port, "request_log": map[string]any{"disable_for_health": true}}
	}
	// JSON is YAML too.
	text, err := json.Marshal(map[string]any{
		"dsn": "memory", "serve": map[string]any{"public": server(public), "admin": server(admin)},
		"urls": map[string]any{
			"self":  map[string]any{"issuer": issuer, "public": issuer},
			"login": srv.URL + "/login", "consent": srv.URL + "/consent", "logout": srv.URL + "/logout",
		},
		"secrets": map[string]any{"system": []string{"a-system-secret-for-tests-only"}},
		"oauth2":  map[string]any{"pkce": map[string]any{"enforced": true}},
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "hydra.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	start(t, issuer+"/health/ready", nil, program, "serve", "all", "--dev", "--sqa-opt-out", "--config", file)
	for _, c := range clients {
		registration, err := json.Marshal(hydraClient(c))
		require.NoError(t, err)
		send(t, http.MethodPost, pages.admin+"/admin/clients", "application/json", "", registration)
	}
	return issuer
}

// hydraClient is a client as Hydra's admin API takes it.
func hydraClient(c *client) map[string]any {
	m := map[string]any{
		"client_id": c.id, "token_endpoint_auth_method": c.auth, "redirect_uris": []string{c.redirectURI()},
		"post_logout_redirect_uris": []string{c.postLogoutURI()}, "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "scope": "openid profile email offline_access",
	}
	if c.frontChannel {
		m["frontchannel_logout_uri"], m["frontchannel_logout_session_required"] = c.frontchannelURI(), true
	} else {
		m["backchannel_logout_uri"], m["backchannel_logout_session_required"] = c.backchannelURI(), true
	}
	switch c.auth {
	case "private_key_jwt":
		m["jwks_uri"] = c.handler.JWKSURI()
	case "none":
	default:
		m["client_secret"] = clientSecret
	}
	return m
}

package realidp

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// need skips, or fails with CI=true, and says what to install.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// install fetches oidc-provider once.
func install(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		_, err := exec.LookPath(tool)
		need(t, err == nil, "install Node.js 20 or later (node and npm) to test against oidc-provider")
	}
	if _, err := os.Stat("node_modules/oidc-provider/package.json"); err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput()
	need(t, err == nil, "run npm ci in oidc/internal/realidp to test against oidc-provider: "+string(out))
}

// start runs the provider and returns its issuer.
func start(t *testing.T, redirectURI, logoutURI, authentication string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "provider.mjs", redirectURI, logoutURI, authentication)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // killed by the end of the context, or ended with stdin
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var ready struct{ Issuer string }
		if json.Unmarshal(lines.Bytes(), &ready) == nil && ready.Issuer != "" {
			go io.Copy(io.Discard, stdout)
			return ready.Issuer
		}
	}
	t.Fatalf("the provider did not start: %s", stderr.String())
	return ""
}

// people is a host with one account.
type people struct{}

func (people) AccountByID(_ context.Context, _ store.Store, _, id string) (oidc.Account, error) {
	return oidc.Account{ID: id, Member: true}, nil
}

func (people) AccountByEmail(_ context.Context, _ store.Store, _, email string) (oidc.Account, error) {
	if email != "ada@acme.example" {
		return oidc.Account{}, store.ErrNotFound
	}
	return oidc.Account{ID: "u-ada", Email: email, Member: true}, nil
}

// TestOIDCProvider signs in at oidc-provider, which is OpenID certified: PKCE is demanded, iss is sent, e-mail is in
// userinfo. Its login and consent pages are filled in by a client without a browser. Then it signs the person out there,
// and its logout token ends the session here.
func TestOIDCProvider(t *testing.T) {
	install(t)
	for _, authentication := range []string{"client_secret_basic", "client_secret_post"} {
		t.Run(authentication, func(t *testing.T) {
			var login oidc.Login
			ended := make(chan oidc.Revocation, 10)
			mux := http.NewServeMux()
			app := httptest.NewServer(mux)
			t.Cleanup(app.Close)
			st := memory.New()
			keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: make([]byte, 32)}}})
			require.NoError(t, err)
			handler, err := oidc.NewHandler(oidc.Config{
				BaseURL: app.URL + "/sso", Store: st, Keys: keys, Accounts: people{}, InsecureAllowLoopback: true,
				Secrets: oidc.SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) {
					return tenant.NewSecret("a-client-secret-for-tests-only"), nil
				}),
				OnLogin: oidc.LoginFunc(func(_ context.Context, _ http.ResponseWriter, _ *http.Request, _ store.Store, l oidc.Login) error {
					login = l
					return nil
				}),
				Sessions: oidc.SessionRevokerFunc(func(_ context.Context, _ store.Store, r oidc.Revocation) error {
					ended <- r
					return nil
				}),
			})
			require.NoError(t, err)
			mux.Handle(handler.Mount())
			mux.HandleFunc("/inside", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("inside")) })

			now := time.Now()
			id := store.NewID(now)
			issuer := start(t, handler.RedirectURI(id), handler.BackchannelLogoutURI(id), authentication)
			report, err := oidc.NewChecker(oidc.CheckerConfig{InsecureAllowLoopback: true}).CheckProvider(t.Context(), tenant.ProviderRequest{Authority: issuer})
			require.NoError(t, err)
			require.Equal(t, issuer, report.Issuer, "%+v", report.Findings)
			_, err = st.CreateConnection(t.Context(), "acme", store.Connection{
				Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, State: store.ConnectionActive,
				Authority: issuer, Issuer: report.Issuer, ClientID: "client", ClientAuth: authentication, SigningAlg: report.SigningAlg,
			})
			require.NoError(t, err)
			_, err = st.CreateDomain(t.Context(), "acme", store.Domain{
				Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: id, Name: "acme.example", State: store.DomainVerified,
			})
			require.NoError(t, err)

			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
			body := walk(t, client, app.URL+"/sso/login?return_to=/inside&email=ada@acme.example", issuer)
			require.Equal(t, "inside", body)
			require.Equal(t, "u-ada", login.Account.ID)
			require.Equal(t, "ada", login.Subject)
			require.Equal(t, "ada@acme.example", login.Email)

			walk(t, client, issuer+"/session/end", issuer)
			select {
			case r := <-ended:
				require.NotEmpty(t, login.SessionID)
				require.Equal(t, oidc.Revocation{
					TenantID: "acme", ConnectionID: id, Issuer: issuer, Subject: "ada", SessionID: login.SessionID, AccountID: "u-ada",
					Reason: oidc.ReasonBackchannelLogout,
				}, r)
			default:
				t.Fatal("the provider's logout token did not end the session")
			}
		})
	}
}

var formAction = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// walk follows redirects and fills in the first form of each page of the provider.
func walk(t *testing.T, client *http.Client, target, issuer string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	require.NoError(t, err)
	for range 5 {
		res, err := client.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		require.NoError(t, err)
		action := formAction.FindSubmatch(body)
		if !strings.HasPrefix(res.Request.URL.String(), issuer) || action == nil {
			return string(body)
		}
		next, err := res.Request.URL.Parse(string(action[1]))
		require.NoError(t, err)
		form := url.Values{"login": {"ada"}, "password": {"any"}, "logout": {"yes"}}
		for _, m := range hiddenInput.FindAllSubmatch(body, -1) {
			form.Set(string(m[1]), string(m[2]))
		}
		req, err = http.NewRequestWithContext(t.Context(), http.MethodPost, next.String(), strings.NewReader(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	t.Fatal("too many pages")
	return ""
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/scim/scimtest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// anywhere are the flags with which several programs run side by side.
func anywhere(more ...string) []string {
	return append([]string{"-addr", "127.0.0.1:0", "-idp-addr", "127.0.0.1:0"}, more...)
}

// play runs the program to its end.
func play(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestDemoOnEveryStore(t *testing.T) {
	for name, address := range map[string]func(t *testing.T) string{
		"memory":   func(*testing.T) string { return "memory" },
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "quickstart.db") },
		"postgres": func(t *testing.T) string { return pgtest.Start(t).Schema(t) },
	} {
		t.Run(name, func(t *testing.T) {
			store := address(t)
			rounds := 2 // the second time on what the first left
			if name == "memory" {
				rounds = 1
			}
			for range rounds {
				code, stdout, stderr := play(t, anywhere("-demo", "-store", store)...)
				require.Zero(t, code, "%s\n%s", stdout, stderr)
				require.Contains(t, stdout, "The whole story worked.")
				require.Empty(t, stderr)
			}
		})
	}
}

func TestDefaultStoreLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	code, stdout, stderr := play(t, anywhere("-demo")...)
	require.Zero(t, code, stdout+stderr)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestBadInput holds that a mistake is one line that says what is wrong and what to
// do, with status 1, and leaves nothing half-made.
func TestBadInput(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(noDatabase, []byte(strings.Repeat("no database, ", 100)), 0o600))

	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"-prot", "1"}, "run with -help"},
		{"argument", []string{"sqlite:x.db"}, "flags start with a dash"},
		{"no address", []string{"-addr", "8080"}, "use HOST:PORT"},
		{"open to the network", []string{"-addr", "0.0.0.0:8080"}, "use 127.0.0.1"},
		{"port taken", []string{"-addr", taken.Addr().String(), "-idp-addr", "127.0.0.1:0"}, "is taken by another program"},
		{"provider's port taken", []string{"-addr", "127.0.0.1:0", "-idp-addr", taken.Addr().String(), "-store", "sqlite:" + filepath.Join(dir, "never.db")}, "is taken by another program"},
		{"unknown store", anywhere("-store", "mysql://root:pa55word@localhost/x"), "use memory, sqlite:FILE or postgres://"},
		{"sqlite without a file", anywhere("-store", "sqlite:"), "needs a file"},
		{"folder that is missing", anywhere("-store", "sqlite:"+filepath.Join(dir, "no", "such", "folder.db")), "can't make the database file"},
		{"file that is no database", anywhere("-store", "sqlite:"+noDatabase), "name another file"},
		{"no PostgreSQL there", anywhere("-store", "postgres://oncall:pa55word@127.0.0.1:1/oncall?connect_timeout=2"), "check that it runs"},
		{"unknown policy", anywhere("-scim-policy", "lenient"), "use strict or open"},
		{"client without authority", anywhere("-client-id", "x"), "give its -authority too"},
		{"authority without client", anywhere("-authority", "https://idp.example"), "needs the -client-id"},
		{"client-auth", anywhere("-authority", "https://idp.example", "-client-id", "x", "-client-auth", "none"), "use basic or post"},
		{"authority without secret", anywhere("-authority", "https://idp.example", "-client-id", "x"), "needs the -client-secret"},
		{"domain that is a URL", anywhere("-domains", "https://acme.com/"), "-domains: "},
		{"demo with another provider", anywhere("-demo", "-authority", "https://idp.example", "-client-id", "x"), "leave -authority out"},
		{"public domain", anywhere("-store", "memory", "-domains", "gmail.com"), "gmail.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := play(t, tt.args...)
			require.Equal(t, 1, code)
			require.Empty(t, stdout)
			require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
			require.Contains(t, stderr, tt.want)
			require.NotContains(t, stderr, "pa55word")
		})
	}
	require.NoFileExists(t, filepath.Join(dir, "never.db"))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing but the file that was there")
}

func TestHelp(t *testing.T) {
	code, stdout, stderr := play(t, "-help")
	require.Zero(t, code)
	require.Empty(t, stderr)
	for _, flag := range []string{"-addr", "-authority", "-client-auth", "-demo", "-domains", "-idp-addr", "-json", "-scim-policy", "-store"} {
		require.Regexp(t, `(?m)^  `+flag+`( |$)`, stdout)
	}
}

// started runs the program in the background and returns what -json printed.
func started(t *testing.T, args ...string) announcement {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan int, 1)
	go func() {
		code := run(ctx, anywhere(append(args, "-json")...), write, os.Stderr)
		_ = write.Close()
		done <- code
	}()
	t.Cleanup(func() {
		cancel()
		require.Zero(t, <-done, "it stops without an error")
	})
	line, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	var a announcement
	require.NoError(t, json.Unmarshal([]byte(line), &a))
	return a
}

func TestJSONTellsEverythingThatScriptsNeed(t *testing.T) {
	a := started(t, "-store", "memory", "-domains", "example.org, example.net")
	require.Len(t, a.Tenants, 2)
	first := a.Tenants[0]
	require.Equal(t, "example.org", first.Domain)
	require.Equal(t, "owner@example.org", first.OwnerEmail)
	require.Contains(t, first.RedirectURI, a.AppURL+"/sso/signin-oidc/")
	require.NotEmpty(t, first.InitiateLoginURI)
	require.NotEmpty(t, first.BackchannelLogoutURI)
	for _, address := range []string{a.AppURL, a.IDPURL, a.PortalURL, a.StateURL} {
		resp, err := http.Get(address) //nolint:gosec // addresses of the program under test
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, address)
	}

	for _, tt := range []struct {
		base, token string
		want        int
	}{
		{first.SCIMBaseURL, first.SCIMToken, http.StatusOK},
		{a.Tenants[1].SCIMBaseURL, first.SCIMToken, http.StatusUnauthorized},
		{first.SCIMBaseURL, "", http.StatusUnauthorized},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.base+"/Users", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+tt.token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, tt.want, resp.StatusCode, tt.base)
	}

	resp, err := http.Get(a.AppURL + "/me")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

// TestLoginPassesOn holds the two ways in which scripts start a sign-in.
func TestLoginPassesOn(t *testing.T) {
	a := started(t, "-store", "memory")
	follow := &http.Client{Timeout: 10 * time.Second}
	for _, query := range []string{
		"?email=alice@acme.example",
		"?iss=" + a.IDPURL + "/acme&login_hint=alice@acme.example",
	} {
		resp, err := follow.Get(a.AppURL + "/login" + query)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", query, body)
		require.Contains(t, resp.Request.URL.String(), a.IDPURL+"/acme/", "the browser is at the provider")
	}
}

// TestOpenPolicy holds what -scim-policy open is for: any domain, and a resource type
// with one attribute of each kind.
func TestOpenPolicy(t *testing.T) {
	post := func(a announcement, path, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.Tenants[0].SCIMBaseURL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+a.Tenants[0].SCIMToken)
		req.Header.Set("Content-Type", "application/scim+json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	user := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"x@elsewhere.example"}`
	thing := fmt.Sprintf(`{"schemas":[%q],"identifier":"one",%q:{"extRequired":"x"}}`, testSchema, testExtension)

	open := started(t, "-store", "memory", "-scim-policy", "open")
	require.Equal(t, http.StatusCreated, post(open, "/Users", user))
	require.Equal(t, http.StatusCreated, post(open, "/TestResources", thing))

	strict := started(t, "-store", "memory")
	require.Equal(t, http.StatusBadRequest, post(strict, "/Users", user))
	require.Equal(t, http.StatusNotFound, post(strict, "/TestResources", thing))
}

// TestIdentityProvidersGetAlong plays what each identity provider does against the running
// program, with all its rules on.
func TestIdentityProvidersGetAlong(t *testing.T) {
	for _, st := range []string{"memory", "sqlite:" + filepath.Join(t.TempDir(), "q.db")} {
		name, _, _ := strings.Cut(st, ":")
		t.Run(name, func(t *testing.T) {
			one := started(t, "-store", st).Tenants[0]
			scimtest.Run(t, scimtest.Config{BaseURL: one.SCIMBaseURL, Token: one.SCIMToken, UserDomain: one.Domain})
		})
	}
}

// TestOtherProvider points the first tenant to a provider that is not there yet: it may
// need the redirect URI before it can start.
func TestOtherProvider(t *testing.T) {
	a := started(t, "-store", "memory", "-authority", "http://127.0.0.1:1/", "-client-id", "oncall", "-client-secret", "not-a-secret", "-client-auth", "post", "-domains", "example.org")
	require.Equal(t, "example.org", a.Tenants[0].Domain)
	require.Contains(t, a.Tenants[0].RedirectURI, "/sso/signin-oidc/")
}

// TestEditRefusesWhatCannotBe holds the product's own form: roles that there are, addresses that can be
// read, and never an organisation without an owner.
func TestEditRefusesWhatCannotBe(t *testing.T) {
	a := started(t, "-store", "memory")
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	owner := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	post := func(path string, form url.Values) (status int, code string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.AppURL+path, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/json")
		resp, err := owner.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var body struct {
			Code string `json:"code"`
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
		return resp.StatusCode, body.Code
	}
	status, _ := post("/login/password", url.Values{"email": {"owner@acme.example"}, "password": {host.DemoPassword}})
	require.Equal(t, http.StatusOK, status)

	for _, tt := range []struct {
		user, field, value string
		status             int
		code               string
	}{
		{"acme-break-glass", "org_role", "emperor", http.StatusUnprocessableEntity, "role_unknown"},
		{"acme-break-glass", "email", "", http.StatusUnprocessableEntity, "email_invalid"},
		{"acme-break-glass", "email", "x@evil.example@acme.example", http.StatusUnprocessableEntity, "email_invalid"},
		{"acme-break-glass", "email", "OWNER@acme.example", http.StatusUnprocessableEntity, "email_in_use"},
		{"acme-break-glass", "org_role", "member", http.StatusOK, ""},
		{"acme-owner", "org_role", "member", http.StatusUnprocessableEntity, "last_owner"},
		{"globex-owner", "name", "x", http.StatusNotFound, "not_found"},
	} {
		status, code := post("/org/acme/users/"+tt.user, url.Values{tt.field: {tt.value}})
		require.Equal(t, tt.status, status, tt)
		require.Equal(t, tt.code, code, tt)
	}
}

// TestStartsSideBySide holds that several programs may start at once on an empty
// database, and go on side by side.
func TestStartsSideBySide(t *testing.T) {
	for name, store := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "quickstart.db"),
		"postgres": pgtest.Start(t).Schema(t),
	} {
		t.Run(name, func(t *testing.T) {
			type end struct {
				code int
				said string
			}
			ends := make(chan end, 3)
			for range 3 {
				go func() {
					var out, errs bytes.Buffer
					code := run(t.Context(), anywhere("-demo", "-store", store), &out, &errs)
					ends <- end{code, errs.String()}
				}()
			}
			for range 3 {
				e := <-ends
				require.Zero(t, e.code, e.said)
			}
		})
	}
}

// TestStartsAgainWithOtherFlags holds that what -json says is what the product does,
// also on a database that a run with other flags left.
func TestStartsAgainWithOtherFlags(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "quickstart.db")
	redirect := ""
	for _, tt := range []struct{ domains, owner string }{
		{"one.example", "owner@one.example"},
		{"ONE.example", "owner@one.example"},
		{"Bücher.example, one.example", "owner@xn--bcher-kva.example"},
	} {
		t.Run(tt.domains, func(t *testing.T) {
			a := started(t, "-store", store, "-domains", tt.domains, "-authority", "http://127.0.0.1:1", "-client-id", "x", "-client-secret", "s-"+strings.ToLower(tt.domains[:3]))
			first := a.Tenants[0]
			require.Equal(t, tt.owner, first.OwnerEmail)
			if redirect != "" && tt.owner == "owner@one.example" {
				require.Equal(t, redirect, path.Base(first.RedirectURI), "the connection is the same")
			}
			redirect = path.Base(first.RedirectURI)
			signedIn(t, a.AppURL, first.OwnerEmail)

			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, first.SCIMBaseURL+"/Users",
				strings.NewReader(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"`+first.OwnerEmail+`"}`))
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer "+first.SCIMToken)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusConflict, resp.StatusCode, "the root user: %s", body)
			require.Contains(t, string(body), "created the organisation")
		})
	}
}

// TestBackgroundChecksDomains: the program looks at domains by itself. One whose time has come is looked at within moments.
func TestBackgroundChecksDomains(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quickstart.db")
	a := started(t, "-store", "sqlite:"+file)
	db, err := openSQLiteFile(t.Context(), file)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.close()) }()
	org := a.Tenants[0].ID
	due := func() store.Domain {
		domains, err := db.store.Domains(t.Context(), org)
		require.NoError(t, err)
		return domains[0]
	}
	before := due()
	require.Equal(t, store.DomainVerified, before.State)
	before.CheckAt = time.Now().Add(-time.Minute)
	_, err = db.store.UpdateDomain(t.Context(), org, before)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return due().CheckAt.After(time.Now().Add(time.Hour)) }, 30*time.Second, 100*time.Millisecond)
	after := due()
	require.True(t, after.CheckedAt.After(before.CheckedAt))
	require.Equal(t, tenant.CodeDomainProven, after.Finding.Code, "its record is there")
	require.Zero(t, after.MissingSince)
}

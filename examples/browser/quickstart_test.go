package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// announcement is what the quick start's -json prints.
type announcement struct {
	AppURL  string `json:"app_url"`
	IDPURL  string `json:"idp_url"`
	Tenants []struct {
		Domain     string
		OwnerEmail string `json:"owner_email"`
	}
}

const password = "correct horse battery" // everybody's, as the start page says

// startQuickstart builds and starts the program as a newcomer would.
func startQuickstart(t *testing.T) announcement {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "quickstart")
	build := exec.Command("go", "build", "-o", bin, "./quickstart")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	cmd := exec.Command(bin, "-addr", "127.0.0.1:0", "-idp-addr", "127.0.0.1:0", "-json")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		require.NoError(t, cmd.Wait(), "it stops without an error when it is asked to")
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	var a announcement
	require.NoError(t, json.Unmarshal([]byte(line), &a))
	return a
}

// visit opens a page.
func visit(t *testing.T, tab context.Context, address string) { //nolint:revive // the tab comes second, as a context of the browser's
	t.Helper()
	require.NoError(t, chromedp.Run(tab, chromedp.Navigate(address)), address)
}

// press clicks the button with this text, after the fields before it were filled in
// (pairs of selector and value), and waits until the page that follows is there.
func press(t *testing.T, tab context.Context, button string, fields ...string) { //nolint:revive // as visit
	t.Helper()
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, chromedp.Run(tab, chromedp.SetValue(fields[i], fields[i+1], chromedp.ByQuery)), fields[i])
	}
	click := chromedp.Click(`//button[contains(normalize-space(.), "`+button+`")]`, chromedp.BySearch, chromedp.NodeVisible)
	_, err := chromedp.RunResponse(tab, click)
	require.NoError(t, err, button)
}

// text returns what the element shows.
func text(t *testing.T, tab context.Context, selector string) string { //nolint:revive // as visit
	t.Helper()
	var out string
	require.NoError(t, chromedp.Run(tab, chromedp.Text(selector, &out, chromedp.ByQuery)), selector)
	return out
}

// pushAndSignIn pushes Acme's directory and signs its owner in.
func pushAndSignIn(t *testing.T, tab context.Context, a announcement) { //nolint:revive // as visit
	t.Helper()
	visit(t, tab, a.IDPURL+"/acme/")
	press(t, tab, "Push to SCIM")
	require.Contains(t, text(t, tab, "body"), "4 users created", "the push says what it did")
	visit(t, tab, a.AppURL+"/login")
	press(t, tab, "Sign in", "#email", a.Tenants[0].OwnerEmail, "#password", password)
	require.Equal(t, "Single sign-on", text(t, tab, "h1"))
}

// TestNewcomer does what the start page proposes: push the directory, look at the
// people as the owner, sign in as one of them.
func TestNewcomer(t *testing.T) {
	tab := newTab(t, 1200, 760)
	a := startQuickstart(t)
	pushAndSignIn(t, tab, a)

	visit(t, tab, a.AppURL+"/org/acme/users")
	table := text(t, tab, "table")
	require.Contains(t, table, "alice@"+a.Tenants[0].Domain)
	require.Contains(t, table, "scim")
	require.NoError(t, chromedp.Run(tab, chromedp.Focus(`button.lock`, chromedp.ByQuery)))
	require.Contains(t, text(t, tab, "button.lock + .tip"), "managed by the built-in provider", "the lock explains itself by keyboard too")

	press(t, tab, "Sign out")
	visit(t, tab, a.AppURL+"/login")
	press(t, tab, "Continue with OpenID Connect", "#oidc-email", "alice@"+a.Tenants[0].Domain)
	press(t, tab, "Sign in", `input[name="email"]`, "alice@"+a.Tenants[0].Domain, `input[name="password"]`, password)
	require.Equal(t, "Quick start", text(t, tab, "h1"))
	visit(t, tab, a.AppURL+"/me")
	me := text(t, tab, "body")
	require.Contains(t, me, `"email":"alice@`+a.Tenants[0].Domain+`"`)
	require.Contains(t, me, `"method":"oidc"`)
}

// TestMappingInTheBrowser makes teams of groups with the page's own form, and finds the
// preview's words before anything is saved.
func TestMappingInTheBrowser(t *testing.T) {
	tab := newTab(t, 1200, 1000)
	a := startQuickstart(t)
	pushAndSignIn(t, tab, a)

	visit(t, tab, a.AppURL+"/org/acme/groups?mode=auto")
	press(t, tab, "Preview", "#filter", "oncall-*")
	require.Contains(t, text(t, tab, "main"), "Team oncall-sre is made")
	press(t, tab, "Save")
	require.Contains(t, text(t, tab, "p.notice"), "Saved")
	require.Contains(t, text(t, tab, "main"), "oncall-sre")

	require.NoError(t, chromedp.Run(tab, chromedp.EmulateViewport(1200, 600)))
	visit(t, tab, a.AppURL+"/org/acme/users")
	require.NoError(t, chromedp.Run(tab, chromedp.Focus(`button.lock`, chromedp.ByQuery)))
	screenshot(t, tab, "people.png")

	var narrow bool
	require.NoError(t, chromedp.Run(tab,
		chromedp.EmulateViewport(360, 800),
		chromedp.Reload(),
		chromedp.Evaluate(`document.documentElement.scrollWidth <= 360`, &narrow),
	))
	require.True(t, narrow, "at 360 px the page does not scroll sideways")
}

// screenshot keeps a picture of the page in the folder that SCREENSHOTS names.
func screenshot(t *testing.T, ctx context.Context, name string) { //nolint:revive // the tab comes second, as testing.T does everywhere
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	require.NoError(t, chromedp.Run(ctx, chromedp.CaptureScreenshot(&png)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), png, 0o600))
}

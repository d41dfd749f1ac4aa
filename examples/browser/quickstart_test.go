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

// submit fills in fields by name and sends the form with the button of this text.
func submit(button string, fields ...string) chromedp.Tasks {
	var tasks chromedp.Tasks
	for i := 0; i < len(fields); i += 2 {
		tasks = append(tasks, chromedp.SetValue(fields[i], fields[i+1], chromedp.ByQuery))
	}
	return append(tasks, clickButton(button))
}

func clickButton(text string) chromedp.Action {
	return chromedp.Click(`//button[contains(normalize-space(.), "`+text+`")]`, chromedp.BySearch, chromedp.NodeVisible)
}

// TestNewcomer does what the start page proposes: push the directory, look at the
// people as the owner, sign in as one of them.
func TestNewcomer(t *testing.T) {
	ctx := newTab(t, 1200, 760)
	a := startQuickstart(t)
	var body, table, me string

	require.NoError(t, chromedp.Run(ctx,
		chromedp.Navigate(a.IDPURL+"/acme/"),
		clickButton("Push to SCIM"),
		chromedp.WaitVisible(`//body[contains(., "4 users created")]`, chromedp.BySearch),
		chromedp.Text(`body`, &body, chromedp.ByQuery),
	))
	require.Contains(t, body, "4 users created", "the push says what it did")

	require.NoError(t, chromedp.Run(ctx,
		chromedp.Navigate(a.AppURL+"/login"),
		submit("Sign in", "#email", a.Tenants[0].OwnerEmail, "#password", password),
		chromedp.WaitVisible(`//h1[contains(., "Single sign-on")]`, chromedp.BySearch),
		chromedp.Navigate(a.AppURL+"/org/acme/users"),
		chromedp.Text(`table`, &table, chromedp.ByQuery),
		chromedp.Focus(`button.lock`, chromedp.ByQuery),
		chromedp.Text(`button.lock + .tip`, &body, chromedp.ByQuery),
	))
	require.Contains(t, table, "alice@"+a.Tenants[0].Domain)
	require.Contains(t, table, "scim")
	require.Contains(t, body, "managed by the built-in provider", "the lock explains itself by keyboard too")

	require.NoError(t, chromedp.Run(ctx,
		clickButton("Sign out"),
		chromedp.WaitVisible(`//a[contains(., "Sign in")]`, chromedp.BySearch),
		chromedp.Navigate(a.AppURL+"/login"),
		submit("Continue with OpenID Connect", "#oidc-email", "alice@"+a.Tenants[0].Domain),
		chromedp.WaitVisible(`input[name="password"]`, chromedp.ByQuery),
		submit("Sign in", `input[name="email"]`, "alice@"+a.Tenants[0].Domain, `input[name="password"]`, password),
		chromedp.WaitVisible(`//h1[contains(., "Quick start")]`, chromedp.BySearch),
		chromedp.Navigate(a.AppURL+"/me"),
		chromedp.Text(`body`, &me, chromedp.ByQuery),
	))
	require.Contains(t, me, `"email":"alice@`+a.Tenants[0].Domain+`"`)
	require.Contains(t, me, `"method":"oidc"`)
}

// TestMappingInTheBrowser maps a group to a team with the page's own form, and finds
// the preview's words before anything is saved.
func TestMappingInTheBrowser(t *testing.T) {
	ctx := newTab(t, 1200, 1000)
	a := startQuickstart(t)
	var preview, teams string
	var narrow bool
	require.NoError(t, chromedp.Run(ctx,
		chromedp.Navigate(a.IDPURL+"/acme/"),
		clickButton("Push to SCIM"),
		chromedp.WaitVisible(`//body[contains(., "4 users created")]`, chromedp.BySearch),
		chromedp.Navigate(a.AppURL+"/login"),
		submit("Sign in", "#email", a.Tenants[0].OwnerEmail, "#password", password),
		chromedp.WaitVisible(`//h1[contains(., "Single sign-on")]`, chromedp.BySearch),
		chromedp.Navigate(a.AppURL+"/org/acme/groups?mode=auto"),
		chromedp.SetValue(`#filter`, "oncall-*", chromedp.ByQuery),
		clickButton("Preview"),
		chromedp.WaitVisible(`//h2[contains(., "Preview")]`, chromedp.BySearch),
		chromedp.Text(`main`, &preview, chromedp.ByQuery),
	))
	require.Contains(t, preview, "Team oncall-sre is made")
	screenshot(t, ctx, "groups.png")
	require.NoError(t, chromedp.Run(ctx,
		clickButton("Save"),
		chromedp.WaitVisible(`p.notice`, chromedp.ByQuery),
		chromedp.Text(`main`, &teams, chromedp.ByQuery),
		chromedp.EmulateViewport(1200, 600),
		chromedp.Navigate(a.AppURL+"/org/acme/users"),
		chromedp.Focus(`button.lock`, chromedp.ByQuery),
	))
	screenshot(t, ctx, "people.png")
	require.NoError(t, chromedp.Run(ctx,
		chromedp.EmulateViewport(360, 800),
		chromedp.Reload(),
		chromedp.Evaluate(`document.documentElement.scrollWidth <= 360`, &narrow),
	))
	require.Contains(t, teams, "oncall-sre")
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

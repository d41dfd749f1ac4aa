package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const needChromium = "install Chromium to test with a browser (Debian: apt-get install chromium)"

var errNoChromium = errors.New("no chromium, chromium-browser or google-chrome in PATH")

// chromium is the one browser of all tests. It starts with the first test that wants it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		return nil, errNoChromium
	}
	profile, err := os.MkdirTemp("", "tenantgate-chromium-")
	if err != nil {
		return nil, err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(wide, tall), chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"), chromedp.Flag("accept-lang", "en"),
		chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(allocator)
	endings = append(endings, func() error {
		err := chromedp.Cancel(ctx) // waits for the process to end
		cancel()
		stop()
		return errors.Join(err, os.RemoveAll(profile))
	})
	return ctx, chromedp.Run(ctx)
})

// newTab returns a tab with cookies of its own, as if it were another person's browser.
func newTab(t *testing.T) context.Context {
	t.Helper()
	browser, err := chromium()
	need(t, err, needChromium)
	// A window of its own: Chromium opens no tab where a person's browser has none yet.
	control := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	person, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(control)
	require.NoError(t, err)
	tab, err := target.CreateTarget("about:blank").WithBrowserContextID(person).WithNewWindow(true).Do(control)
	require.NoError(t, err)
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithTargetID(tab))
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancelTime)
	require.NoError(t, chromedp.Run(ctx)) // the first run's context is the tab's
	return ctx
}

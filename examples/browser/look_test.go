package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// The screens that pages are looked at on, in CSS pixels.
const (
	wide   = 1440
	narrow = 360
	tall   = 900
)

const (
	axeVersion = "4.14.1"
	needAxe    = "install Node.js with npm (Debian: apt-get install nodejs npm) and let npm reach its registry, to look at pages with axe-core"
)

// axe is the source of axe-core, as npm brings it.
var axe = sync.OnceValues(func() (string, error) {
	var installed struct{ Version string }
	if text, err := os.ReadFile("node_modules/axe-core/package.json"); err != nil || json.Unmarshal(text, &installed) != nil || installed.Version != axeVersion {
		if out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	}
	text, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	return string(text), err
})

// audit is what axe.run is asked for: the rules of WCAG 2.2 AA and of the versions before.
const audit = `axe.run(document, {
	runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"] }, resultTypes: ["violations"]
}).then(function (r) {
	return JSON.stringify({ passes: r.passes.length, violations: r.violations.map(function (v) {
		return v.id + ": " + v.help + "\n" + v.nodes.map(function (n) { return "    " + n.html.slice(0, 300) + "\n      " + n.failureSummary.replace(/\n/g, "\n      "); }).join("\n");
	}) });
})`

// look looks at the page as it is now, in both looks and on both screens. The page is as it was afterwards.
func (p *person) look(name string) {
	p.t.Helper()
	if !p.looks {
		return
	}
	source, err := axe()
	need(p.t, err, needAxe)
	var loaded bool
	p.do(chromedp.Evaluate(`!!window.axe`, &loaded))
	if !loaded {
		p.do(chromedp.Evaluate(source, nil))
	}
	for _, width := range []int64{wide, narrow} {
		p.do(emulation.SetDeviceMetricsOverride(width, tall, 1, false))
		var needs int64
		p.do(chromedp.Evaluate(`document.documentElement.scrollWidth`, &needs))
		p.check(needs <= width, "%s: at %d px the page is %d px wide: %s", name, width, needs, p.tooWide(width))
		for _, scheme := range []string{"light", "dark"} {
			p.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}))
			var text string
			p.do(chromedp.Evaluate(audit, &text, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
			var report struct {
				Passes     int
				Violations []string
			}
			require.NoError(p.t, json.Unmarshal([]byte(text), &report))
			p.check(len(report.Violations) == 0, "%s, %s, %d px: axe-core found:\n%s", name, scheme, width, strings.Join(report.Violations, "\n"))
			p.keep(name, scheme, width, report.Passes, len(report.Violations))
		}
	}
	p.do(emulation.SetDeviceMetricsOverride(wide, tall, 1, false), emulation.SetEmulatedMedia())
}

// check notes what is wrong and goes on, so that one run tells all of it.
func (p *person) check(ok bool, format string, args ...any) {
	p.t.Helper()
	if !ok {
		p.t.Errorf(format, args...)
	}
}

// tooWide names the elements that stand out of the screen.
func (p *person) tooWide(width int64) string {
	p.t.Helper()
	var out string
	p.do(chromedp.Evaluate(fmt.Sprintf(`Array.from(document.querySelectorAll("main *, header *, nav *")).filter(function (e) {
		return e.getBoundingClientRect().right > %d && !e.closest(".scroll, nav.side, pre");
	}).slice(0, 5).map(function (e) { return e.outerHTML.slice(0, 120); }).join("\n")`, width), &out))
	return out
}

// keep writes a picture and a line of the report into the folder that SCREENSHOTS names.
func (p *person) keep(name, scheme string, width int64, passes, violations int) {
	p.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	size := "wide"
	if width == narrow {
		size = "narrow"
	}
	require.NoError(p.t, os.MkdirAll(dir, 0o750))
	f, err := os.OpenFile(filepath.Join(dir, "axe.txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	_, err = fmt.Fprintf(f, "%-34s %-5s %4d px: %d rules passed, %d violated\n", name, scheme, width, passes, violations)
	require.NoError(p.t, errors.Join(err, f.Close()))
	p.picture(filepath.Join(dir, fmt.Sprintf("%s-%s-%s.png", name, scheme, size)))
}

// picture writes the whole page as PNG.
func (p *person) picture(file string) {
	p.t.Helper()
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		png, err := page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).WithCaptureBeyondViewport(true).Do(ctx)
		if err != nil {
			return err
		}
		return os.WriteFile(file, png, 0o600)
	}))
}

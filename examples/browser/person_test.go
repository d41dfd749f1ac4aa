package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// person is somebody at a browser, who finds things by what they are called. How a person works is chosen once: with the pointer,
// or with the keyboard alone, or in a browser that runs no scripts.
type person struct {
	t   *testing.T
	tab context.Context
	app announcement

	keyboard, noScript bool
	// looks says that the pages are looked at: see look.
	looks bool
}

// at opens a browser for somebody who works as p does.
func (p person) at(t *testing.T) *person {
	t.Helper()
	p.t, p.tab = t, newTab(t)
	p.settle()
	return &p
}

func (p *person) settle() {
	p.t.Helper()
	p.do(emulation.SetDeviceMetricsOverride(wide, tall, 1, false), emulation.SetScriptExecutionDisabled(p.noScript))
}

// patience is how long one step may take.
const patience = 20 * time.Second

func (p *person) do(actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.tab, patience)
	defer cancel()
	require.NoError(p.t, chromedp.Run(ctx, actions...))
}

// open goes to an address.
func (p *person) open(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address))
}

// find marks the one thing of a kind that is called so: "field" by its label, "button" for buttons, links and what unfolds. Where
// several are called so, within is what else stands in the row, the list item or the section of the right one.
const find = `(function (kind, name, within) {
	var plain = function (s) { return (s || "").replace(/\s+/g, " ").trim(); };
	document.querySelectorAll("[data-found]").forEach(function (e) { e.removeAttribute("data-found"); });
	var named = [];
	if (kind === "field") {
		document.querySelectorAll("label").forEach(function (l) { if (l.control) { named.push([plain(l.textContent), l.control]); } });
		document.querySelectorAll("input[aria-label], select[aria-label], textarea[aria-label]").forEach(function (e) { named.push([e.getAttribute("aria-label"), e]); });
	} else {
		document.querySelectorAll("button, a[href], summary").forEach(function (e) { named.push([plain(e.getAttribute("aria-label") || e.textContent), e]); });
	}
	named = named.filter(function (n) { return n[1].getClientRects().length > 0 && !n[1].disabled; });
	if (within) {
		named = named.filter(function (n) {
			for (var e = n[1].parentElement; e && e.tagName !== "MAIN" && e.tagName !== "BODY"; e = e.parentElement) {
				if (/^(LI|TR|SECTION|FIELDSET|DETAILS)$/.test(e.tagName) && plain(e.textContent).includes(within)) { return true; }
			}
			return false;
		});
	}
	var hits = named.filter(function (n) { return n[0] === name; });
	if (!hits.length) { hits = named.filter(function (n) { return n[0].startsWith(name); }); }
	if (!hits.length) { hits = named.filter(function (n) { return n[0].includes(name); }); }
	if (hits.length) { hits[0][1].setAttribute("data-found", ""); }
	return hits.length ? hits[0][1].tagName + " " + (hits[0][1].type || "") : "";
})(%s, %s, %s)`

const found = `[data-found]`

// called finds something and returns its tag and type.
func (p *person) called(kind, name string, within ...string) string {
	p.t.Helper()
	what := p.lookFor(kind, name, within...)
	require.NotEmpty(p.t, what, "no %s is called %q %v; the page says: %s", kind, name, within, p.text())
	return what
}

// lookFor is called, and returns nothing where there is no such thing.
func (p *person) lookFor(kind, name string, within ...string) string {
	p.t.Helper()
	args := []any{quote(kind), quote(name), quote(strings.Join(within, " "))}
	var what string
	p.do(chromedp.Evaluate(fmt.Sprintf(find, args...), &what))
	return what
}

func quote(s string) string {
	b, _ := json.Marshal(s) //nolint:errchkjson // a string
	return string(b)
}

// text is what the page says.
func (p *person) text() string {
	p.t.Helper()
	var text string
	p.do(chromedp.Evaluate(`document.body.innerText`, &text))
	return text
}

// sees fails unless the page says all of it.
func (p *person) sees(texts ...string) {
	p.t.Helper()
	said := strings.Join(strings.Fields(p.text()), " ")
	for _, text := range texts {
		require.Contains(p.t, said, text)
	}
}

// doesNotSee fails if the page says it.
func (p *person) doesNotSee(text string) {
	p.t.Helper()
	require.NotContains(p.t, strings.Join(strings.Fields(p.text()), " "), text)
}

// fill writes into the field with this label, over what it holds.
func (p *person) fill(label, value string) {
	p.t.Helper()
	what := p.called("field", label)
	if !p.keyboard {
		if strings.HasPrefix(what, "SELECT") {
			p.t.Fatalf("%s is a choice: %s", label, what)
		}
		p.do(chromedp.Evaluate(`document.querySelector("[data-found]").value = ""`, nil))
		if value != "" {
			p.do(chromedp.SetValue(found, value, chromedp.ByQuery))
		}
		return
	}
	p.reach(label)
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2)), chromedp.KeyEvent(kb.Delete))
	if value != "" {
		p.do(chromedp.KeyEvent(value))
	}
	require.Equal(p.t, value, p.value(), label)
}

// value is what the found field holds.
func (p *person) value() string {
	p.t.Helper()
	var value string
	p.do(chromedp.Value(found, &value, chromedp.ByQuery))
	return value
}

// choose takes an option of the choice with this label.
func (p *person) choose(label, option string, within ...string) {
	p.t.Helper()
	p.called("field", label, within...)
	const at = `(function (text) {
		var e = document.querySelector("[data-found]"), i = Array.from(e.options).findIndex(function (o) { return o.text.trim() === text || o.text.startsWith(text + " "); });
		return [e.selectedIndex, i];
	})(%s)`
	var places []int
	p.do(chromedp.Evaluate(fmt.Sprintf(at, quote(option)), &places))
	require.GreaterOrEqual(p.t, places[1], 0, "%s has no option %q", label, option)
	if !p.keyboard {
		p.do(chromedp.Evaluate(fmt.Sprintf(`document.querySelector("[data-found]").selectedIndex = %d`, places[1]), nil))
		return
	}
	p.reach(label)
	for n := places[0]; n < places[1]; n++ {
		p.do(chromedp.KeyEvent(kb.ArrowDown))
	}
	for n := places[0]; n > places[1]; n-- {
		p.do(chromedp.KeyEvent(kb.ArrowUp))
	}
	var chosen int
	p.do(chromedp.Evaluate(`document.querySelector("[data-found]").selectedIndex`, &chosen))
	require.Equal(p.t, places[1], chosen, label)
}

// tick ticks the box, or takes the radio button, with this label.
func (p *person) tick(label string, within ...string) {
	p.t.Helper()
	what := p.called("field", label, within...)
	var checked bool
	p.do(chromedp.Evaluate(`document.querySelector("[data-found]").checked`, &checked))
	if checked {
		return
	}
	switch {
	case !p.keyboard:
		p.do(chromedp.Click(found, chromedp.ByQuery))
	case strings.HasSuffix(what, "radio"):
		p.reach(label) // the group's chosen one, or this
		for range 5 {
			p.do(chromedp.Evaluate(`document.querySelector("[data-found]").checked`, &checked))
			if checked {
				break
			}
			p.do(chromedp.KeyEvent(kb.ArrowDown))
		}
	default:
		p.reach(label)
		p.do(chromedp.KeyEvent(" "))
	}
	p.do(chromedp.Evaluate(`document.querySelector("[data-found]").checked`, &checked))
	require.True(p.t, checked, label)
}

// press takes a button or a link, waits until the page that follows is there, and returns its status.
func (p *person) press(name string, within ...string) int64 {
	p.t.Helper()
	p.called("button", name, within...)
	ctx, cancel := context.WithTimeout(p.tab, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, p.pressing(name))
	require.NoError(p.t, err, "%s; the page says: %s", name, p.text())
	return response.Status
}

// pressing is the press alone, of what was found.
func (p *person) pressing(name string) chromedp.Action {
	p.t.Helper()
	if !p.keyboard {
		return chromedp.Click(found, chromedp.ByQuery)
	}
	p.reach(name)
	return chromedp.KeyEvent(kb.Enter)
}

// pressForTab presses what opens a tab, and goes there.
func (p *person) pressForTab(name string) {
	p.t.Helper()
	p.called("button", name)
	ctx, cancelWait := context.WithTimeout(p.tab, patience)
	defer cancelWait()
	opened := chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return i.Type == "page" })
	p.do(p.pressing(name))
	id := <-opened
	require.NotEmpty(p.t, id, "%s opens no tab", name)
	tab, cancel := chromedp.NewContext(p.tab, chromedp.WithTargetID(id))
	p.t.Cleanup(cancel)
	p.tab = tab
	require.NoError(p.t, chromedp.Run(tab)) // the first run's context is the tab's
	p.settle()
	p.do(chromedp.WaitReady(`main`, chromedp.ByQuery))
}

// closeTab closes a tab that pressForTab opened, and goes back to the one before.
func (p *person) closeTab(before context.Context) {
	p.t.Helper()
	p.do(page.Close())
	p.tab = before
	p.do(page.BringToFront())
}

// reach goes to what was found with the Tab key alone, and fails if it can't be reached or if one can't see where one is.
func (p *person) reach(name string) {
	p.t.Helper()
	const here = `(function () {
		var e = document.activeElement, f = document.querySelector("[data-found]");
		var there = e === f || e && f && e.type === "radio" && e.name === f.name;
		if (!there) { return "away"; }
		var s = getComputedStyle(e);
		return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none" ? "seen" : "hidden";
	})()`
	for range 300 {
		p.do(chromedp.KeyEvent(kb.Tab))
		var at string
		p.do(chromedp.Evaluate(here, &at))
		if at != "away" {
			require.Equal(p.t, "seen", at, "the focus on %q can be seen", name)
			return
		}
	}
	require.Fail(p.t, "not reached by keyboard", name)
}

package portal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// page is what the layout shows around a screen.
type page struct {
	Language string
	Title    string
	Brand    Brand
	Nonce    string
	CSS, JS  string
	// Base is where the visitor's pages begin, Organisation whose they are.
	Base         string
	Organisation string
	Who          string
	Staff        bool
	Link         *tenant.SetupLink
	Nav          []navItem
	// Notice says what was done, Problem what was not.
	Notice, Problem string
	// Banner is what the organisation's state has everybody know.
	Banner string
	// Body is the screen's own.
	Body any

	zone *time.Location
}

type navItem struct {
	Name    string
	URL     string
	Current bool
}

// notices are what a page says after something was done. Their keys stand in addresses, so that nobody can put words of their
// own into a page.
var notices = map[string]string{
	"saved":     "Saved.",
	"submitted": "Your request was submitted.",
	"withdrawn": "Your request was withdrawn.",
	"removed":   "Removed.",
	"checked":   "Checked just now.",
	"sent":      "Your message was sent.",
	"created":   "Created.",
	"revoked":   "Revoked.",
	"activated": "Single sign-on is active.",
	"applied":   "Applied.",
	"started":   "Started. This page follows along.",
	"completed": "Completed.",
	"decided":   "Your decision was recorded.",
	"drafted":   "Kept in your draft. Nothing is in force before you have seen its preview and applied it.",
	"discarded": "Your draft was discarded.",
	"previewed": "This is what would happen. Nothing has changed yet.",
	"changed":   "The directory or the settings changed since this preview. Here is the new one.",
	"compared":  "Everybody was compared with the rules.",
	"paused":    "Provisioning is paused.",
	"sent_test": "A test was sent. Below is what came of it.",
	"replayed":  "It is sent again, in order.",
	"resumed":   "Single sign-on is resumed. Activate each connection again.",
	"staged":    "The new secret waits. Test it now; people go on signing in with the old one until the test has worked.",
	"dropped":   "The secret that waited is forgotten. The one in force stays.",
	"unlinked":  "The identity is not linked any more.",
	"sessions":  "All sessions of this person were ended.",
	"lifted":    "The lock is lifted for a time.",
	"locked":    "The lock holds again.",
	"retried":   "It was tried again.",
	"kept":      "The account is not deleted.",
	"converted": "The directory may take over these accounts.",
	"undone":    "It was taken back.",
	"ignored":   "It is not shown any more.",
}

// show writes a screen. The template has the screen's name; title is one of our texts.
func (v *visit) show(template, title string, body any) error {
	return v.showProblem(http.StatusOK, template, title, "", body)
}

// showProblem is show with a sentence on top about what could not be done.
func (v *visit) showProblem(status int, template, title, problem string, body any) error {
	if v.wantsJSON() {
		return v.json(status, "application/json", body)
	}
	g := &page{
		Language: v.p.language, Title: v.p.text(title), Brand: v.h.cfg.Brand, Nonce: nonceOf(v.r.Context()),
		CSS: v.h.assets.css.url, JS: v.h.assets.js.url, Base: v.base, Organisation: v.name, Who: v.Actor.Name, Staff: v.staff,
		Link: v.link, Problem: problem, Body: body, zone: v.Zone,
	}
	if g.Who == "" {
		g.Who = v.Actor.Email
	}
	if n := notices[v.r.URL.Query().Get("done")]; n != "" && status == http.StatusOK && v.r.Method == http.MethodGet {
		g.Notice = v.p.text(n)
	}
	var err error
	if g.Nav, err = v.nav(template); err != nil {
		return err
	}
	if g.Banner, err = v.banner(); err != nil {
		return err
	}
	return v.write(status, template, g)
}

// write renders to memory first, so that a failure is no half page.
func (v *visit) write(status int, template string, g *page) error {
	var b bytes.Buffer
	if err := v.p.pages.ExecuteTemplate(&b, template, g); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.p.language)
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes())
	return nil
}

func (v *visit) json(status int, contentType string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", contentType)
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b)
	return nil
}

// banner is about the whole organisation, for those who may see its state.
func (v *visit) banner() (string, error) {
	if v.tenantID == "" || v.staff || v.link != nil {
		return "", nil
	}
	ok, err := v.may(tenant.ActionViewConnection)
	if err != nil || !ok {
		return "", err
	}
	health, err := v.h.cfg.Tenants.Health(v.r.Context(), v.Actor, v.tenantID)
	return v.p.banner(health), err
}

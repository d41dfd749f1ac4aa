package oidc

import (
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// choice is a connection that the chooser offers.
type choice struct{ ID, Name string }

// field is a parameter that the chooser's form carries on.
type field struct{ Name, Value string }

// choose returns the connection to sign in at: the only one, or the one among several that the request names as
// connection. Otherwise it shows them by name and returns false. It is asked only about connections of one tenant that
// serve the address or issuer of the request, so that naming another one leads to the chooser again.
func (h *Handler) choose(w http.ResponseWriter, r *http.Request, among []store.Connection) (store.Connection, bool) {
	if len(among) == 1 {
		return among[0], true
	}
	for _, c := range among {
		if c.ID == r.Form.Get("connection") {
			return c, true
		}
	}
	p := page{
		Title: "Where do you sign in?", Message: "Your organisation has several ways to sign in. Choose yours; its administrator knows which.",
		Action: h.prefix + "/login", StartAgain: h.cfg.LoginURL,
	}
	for _, c := range among {
		p.Choices = append(p.Choices, choice{ID: c.ID, Name: choiceName(c, among)})
	}
	for _, name := range []string{"email", "return_to", "iss", "login_hint", "target_link_uri"} {
		if v := r.Form.Get(name); v != "" && len(v) <= maxURLBytes {
			p.Hidden = append(p.Hidden, field{Name: name, Value: v})
		}
	}
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	h.writePage(w, http.StatusOK, p)
	return store.Connection{}, false
}

// choiceName is what people read on a connection's button: its name, else the provider's, with the host where two would
// read the same.
func choiceName(c store.Connection, among []store.Connection) string {
	name, same := shortName(c), 0
	for _, other := range among {
		if shortName(other) == name {
			same++
		}
	}
	if u, err := url.Parse(c.Authority); err == nil && u.Host != "" && u.Host != name && same > 1 {
		return name + " (" + u.Host + ")"
	}
	return name
}

func shortName(c store.Connection) string {
	if c.Name != "" {
		return c.Name
	}
	if c.Provider != "" && c.Provider != tenant.ProviderGeneric {
		if g := tenant.GuideOf(c.Provider); g.Provider == c.Provider {
			return g.Name
		}
	}
	if u, err := url.Parse(c.Authority); err == nil && u.Host != "" {
		return u.Host
	}
	return "OpenID Connect"
}

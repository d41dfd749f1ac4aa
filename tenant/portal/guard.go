package portal

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
)

// maxForm bounds what a form may send.
const maxForm = 2 << 20

type nonceKey struct{}

func newNonce() string { return rand.Text() }

func nonceOf(ctx context.Context) string {
	n, _ := ctx.Value(nonceKey{}).(string)
	return n
}

// guard sets the headers that keep a page to itself.
func (h *Handler) guard(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", h.policy(nonceOf(r.Context()), "'self'"))
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if len(h.cfg.FrameAncestors) == 0 {
		header.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	}
}

// policy is the Content-Security-Policy. formAction is where forms may lead, redirects included.
func (h *Handler) policy(nonce, formAction string) string {
	ancestors := "'none'"
	if len(h.cfg.FrameAncestors) > 0 {
		ancestors = strings.Join(h.cfg.FrameAncestors, " ")
	}
	img := "'self' data:"
	if o := h.cfg.Brand.logoOrigin(); o != "" {
		img += " " + o
	}
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'self' 'nonce-" + nonce + "'; img-src " + img +
		"; connect-src 'self'; form-action " + formAction + "; base-uri 'none'; frame-ancestors " + ancestors
}

// leadsAway lets the forms of a page lead to an identity provider: browsers hold form-action against the redirect that
// answers a form, too.
func (h *Handler) leadsAway(w http.ResponseWriter, r *http.Request) {
	to := "'self' https:"
	if isLoopback(h.base.Hostname()) {
		to += " http:"
	}
	w.Header().Set("Content-Security-Policy", h.policy(nonceOf(r.Context()), to))
}

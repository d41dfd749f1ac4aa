package oidc

import (
	"net/url"
	"strings"
)

const maxReturnTo = 1024 // bytes; it travels in a cookie

// safeReturnTo tells whether a browser that is sent to s stays at this origin: an absolute path, and nothing that some
// browser or proxy reads as another host.
func safeReturnTo(s string) bool {
	if s == "" || len(s) > maxReturnTo || s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '\\' {
			return false
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	// The decoded path counts too: some proxies decode before they forward or redirect.
	path := u.Path
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.Contains(path, "//") &&
		!strings.Contains(path, `\`) && !strings.Contains(path, "/../") && !strings.HasSuffix(path, "/..") &&
		!strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// returnTo picks where the browser goes after a sign-in: the wish where it is safe, else the default.
func (h *Handler) returnTo(wish string) string {
	if safeReturnTo(wish) {
		return wish
	}
	return h.cfg.DefaultReturnTo
}

// targetLink turns the target_link_uri of a third-party-initiated login into a path of ours. One of another origin
// gives the default.
func (h *Handler) targetLink(target string) string {
	if u, err := url.Parse(target); err == nil && u.IsAbs() && u.User == nil && len(target) <= maxReturnTo &&
		u.Scheme == h.base.Scheme && u.Host == h.base.Host {
		u.Scheme, u.Host, u.Fragment = "", "", ""
		return h.returnTo(u.String())
	}
	return h.returnTo(target)
}

package oidc

import (
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

// RegionLogin is one of the host's regions on a page where people sign in.
type RegionLogin struct {
	// ID and Label are the region's.
	ID, Label string
	// URL is where people sign in there.
	URL string
	// Current says that it is this one.
	Current bool
}

// LoginRegions are all regions for a host's own login page (R77), nil without Config.Regions. They are the same for
// everybody: which of them knows an address is not told, and nobody here knows.
func (h *Handler) LoginRegions() []RegionLogin {
	var out []RegionLogin
	for _, r := range h.cfg.Regions.All() {
		out = append(out, RegionLogin{ID: r.ID, Label: r.Label, URL: h.loginURLIn(r), Current: r.ID == h.cfg.Regions.Current().ID})
	}
	return out
}

// loginURLIn is where people sign in in a region: the same path below its base URL as here.
func (h *Handler) loginURLIn(r tenant.Region) string {
	here := h.cfg.Regions.Current().BaseURL
	path, found := strings.CutPrefix(h.absoluteLoginURL(), here)
	if !found || path != "" && path[0] != '/' && path[0] != '?' {
		path = strings.TrimPrefix(h.InitiateLoginURI(), here) // a login page elsewhere serves this region alone
	}
	return r.BaseURL + path
}

// absoluteLoginURL is Config.LoginURL as an address.
func (h *Handler) absoluteLoginURL() string {
	u, err := url.Parse(h.cfg.LoginURL)
	if err != nil {
		return ""
	}
	return h.base.ResolveReference(u).String()
}

// statePrefix is what states of this region begin with; no other part of a state has a dot.
func (h *Handler) statePrefix() string {
	if id := h.cfg.Regions.Current().ID; id != "" {
		return id + "."
	}
	return ""
}

// checkRegion refuses the answer to a sign-in of another region. That a state names one is no secret and proves nothing:
// it picks the words, and what belongs to another region can't be opened here anyway.
func (h *Handler) checkRegion(state string) error {
	id, _, found := strings.Cut(state, ".")
	region, known := h.cfg.Regions.Region(id)
	if !found || !known || id == h.cfg.Regions.Current().ID {
		return nil
	}
	e := badRequest(CodeOtherRegion, "the sign-in was started in the region "+id)
	e.region = region
	return e
}

// offersRegions are the refusals where another region may be what the person looks for. Its page lists all, whatever the
// request was.
var offersRegions = map[string]bool{CodeOtherRegion: true, CodeNoConnection: true, CodeIssuerUnknown: true}

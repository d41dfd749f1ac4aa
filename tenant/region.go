package tenant

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Region is one place where a host runs its product, with customers, a database and an address of its own (R13 to R15).
type Region struct {
	// ID names the region: 1 to 16 lower-case letters, digits and dashes, such as "eu". API keys and sealed values are bound
	// to it, so that it never changes.
	ID string
	// Label is what people choose by, such as "EU hosted".
	Label string
	// BaseURL is where the product is reached, such as https://app.example.eu. The paths below it are the same in every
	// region.
	BaseURL string
	// Original marks the region that ran before there were others: what was made without regions stays valid there. One region
	// at most has it, and keeps it.
	Original bool
}

// RegionsConfig configures [NewRegions].
type RegionsConfig struct {
	// Regions are all of them, in the order in which people are offered them. It is the same list everywhere.
	Regions []Region
	// Current is the ID of the region that this process serves.
	Current string
	// InsecureAllowLoopback admits addresses at http and https on loopback. For tests and demos.
	InsecureAllowLoopback bool
}

// Regions are a host's regions, stated once and given to this package's Config, oidc.Config and scim.Config, all of which
// compute addresses from the current region alone, and bind to it what they give out: an API key, an unfinished sign-in, a
// cursor of one region is worth nothing in another, even where both share a database or a keyring by mistake.
//
// No request of one region ever asks another: which region knows an address or a domain is not told.
//
// A nil *Regions is a host without regions. Regions is immutable and safe for concurrent use.
type Regions struct {
	all     []Region
	current Region
}

const (
	maxRegions  = 64
	maxRegionID = 16
)

// NewRegions checks the regions. It fails, naming what is wrong, for an ID or a base URL that is missing, malformed or
// there twice, one base URL inside of another, two original regions, and a current one that is not among them.
func NewRegions(cfg RegionsConfig) (*Regions, error) {
	if len(cfg.Regions) == 0 || len(cfg.Regions) > maxRegions {
		return nil, fmt.Errorf("tenant: RegionsConfig.Regions must have 1 to %d regions, got %d", maxRegions, len(cfg.Regions))
	}
	r := &Regions{}
	originals := 0
	for _, region := range cfg.Regions {
		if !validRegionID(region.ID) {
			return nil, fmt.Errorf("tenant: the region ID %q must have 1 to %d lower-case letters, digits and dashes", region.ID, maxRegionID)
		}
		if region.Label = strings.TrimSpace(region.Label); region.Label == "" || region.Label != shown(region.Label) {
			return nil, fmt.Errorf("tenant: the region %s needs a Label of at most 100 ordinary characters", region.ID)
		}
		base, err := regionBase(region.BaseURL, cfg.InsecureAllowLoopback)
		if err != nil {
			return nil, fmt.Errorf("tenant: the region %s: %w", region.ID, err)
		}
		region.BaseURL = base
		for _, other := range r.all {
			if other.ID == region.ID {
				return nil, fmt.Errorf("tenant: two regions have the ID %q", region.ID)
			}
			if below(region.BaseURL, other.BaseURL) || below(other.BaseURL, region.BaseURL) {
				return nil, fmt.Errorf("tenant: the base URLs of the regions %s and %s must not be the same or one below the other", other.ID, region.ID)
			}
		}
		if region.Original {
			originals++
		}
		if region.ID == cfg.Current {
			r.current = region
		}
		r.all = append(r.all, region)
	}
	if originals > 1 {
		return nil, errors.New("tenant: at most one region is the original one")
	}
	if r.current.ID == "" {
		return nil, fmt.Errorf("tenant: RegionsConfig.Current %q is not among the regions", cfg.Current)
	}
	return r, nil
}

func validRegionID(id string) bool {
	if id == "" || len(id) > maxRegionID {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// regionBase normalises a base URL: scheme and host in lower case, the default port and a trailing slash cut.
func regionBase(raw string, loopback bool) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" || !plainPath(u.EscapedPath()) {
		return "", fmt.Errorf("BaseURL %q must be a URL such as https://app.example.com", raw)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback || !isLoopbackHost(u.Hostname())) {
		return "", fmt.Errorf("BaseURL %q must start with https:// (http is for loopback with InsecureAllowLoopback)", raw)
	}
	u.Host = strings.ToLower(u.Host)
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// below reports whether an address is a base or lies below it; both are normalised.
func below(address, base string) bool {
	return address == base || strings.HasPrefix(address, base+"/")
}

// All returns the regions in their order: every page that offers them offers all, always.
func (r *Regions) All() []Region {
	if r == nil {
		return nil
	}
	return slices.Clone(r.all)
}

// Current returns the region that this process serves, the zero Region without regions.
func (r *Regions) Current() Region {
	if r == nil {
		return Region{}
	}
	return r.current
}

// Region returns the region with this ID.
func (r *Regions) Region(id string) (Region, bool) {
	if r == nil {
		return Region{}, false
	}
	i := slices.IndexFunc(r.all, func(region Region) bool { return region.ID == id })
	if i < 0 {
		return Region{}, false
	}
	return r.all[i], true
}

// Base returns the address of a part of the product in the current region: given if it lies there, or path below the
// region's base URL if given is empty. An address elsewhere is an error: what is shown to customers must be their region's.
// Without regions it returns given.
func (r *Regions) Base(given, path string) (string, error) {
	switch {
	case r == nil:
		return given, nil
	case given == "":
		return r.current.BaseURL + path, nil
	}
	u, err := url.Parse(given)
	if err == nil && u.Host != "" {
		u.Host = strings.ToLower(u.Host)
		if u.Scheme == "https" {
			u.Host = strings.TrimSuffix(u.Host, ":443")
		}
		if plainPath(u.EscapedPath()) && below(strings.TrimRight(u.String(), "/"), r.current.BaseURL) {
			return given, nil
		}
	}
	return "", fmt.Errorf("%q is not below %s, the base URL of the region %s", given, r.current.BaseURL, r.current.ID)
}

// Binding is what values of the current region are bound to: empty without regions and in the original one, else the
// region's ID.
func (r *Regions) Binding() string {
	if r == nil || r.current.Original {
		return ""
	}
	return r.current.ID
}

// Bind returns the ring of keys for the current region: what it seals, no other region's ring opens. Without regions, and in
// the original one, it is k itself.
func (r *Regions) Bind(k *Keyring) *Keyring {
	if b := r.Binding(); b != "" {
		return k.Derive("region/" + b)
	}
	return k
}

// hashToken is what is stored of a token that this region gives out: an API key, for example. Presented in another region
// it is not found, like one that there never was.
func (r *Regions) hashToken(presented string) []byte {
	if b := r.Binding(); b != "" {
		return hashAPIKey("region " + b + "\x00" + presented)
	}
	return hashAPIKey(presented)
}

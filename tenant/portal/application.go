package portal

import (
	"github.com/tenantgate/tenantgate/tenant"
)

// applicationPage is screen 3: what to do in the provider's console.
type applicationPage struct {
	Tabs      connectionTabs     `json:"-"`
	Guide     tenant.Guide       `json:"guide"`
	Providers []providerChoice   `json:"-"`
	Region    string             `json:"region,omitempty"`
	Asked     string             `json:"-"`
	Explained *tenant.GuideError `json:"explained,omitempty"`
}

// application shows the guide of the connection's provider, or of another one, with the connection's own values in it.
func (h *Handler) application(v *visit) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	provider := c.Provider
	if asked := q.Get("provider"); asked != "" {
		provider = asked
	}
	values := h.cfg.Login.GuideValues(c.ID)
	values.AppName, values.SCIMBaseURL = h.cfg.Brand.Name, h.cfg.Tenants.SCIMBaseURL(v.tenantID)
	guide := v.p.guide(tenant.GuideOf(provider)).Fill(values)
	body := applicationPage{Tabs: v.tabs(c, "application"), Guide: guide, Region: h.regionLabel(), Asked: q.Get("error")}
	for _, g := range tenant.Guides() {
		body.Providers = append(body.Providers, providerChoice{Provider: g.Provider, Name: g.Name})
	}
	if body.Asked != "" && len(body.Asked) <= 2000 {
		if e, ok := tenant.Explain(guide.Provider, tenant.PlacePage, "", body.Asked); ok {
			e = v.p.guideError(e)
			body.Explained = &e
		}
	}
	return v.show("application", "Create the application", body)
}

// regionLabel is the name of the region that the values are for, empty if the host has none.
func (h *Handler) regionLabel() string {
	if regions := h.cfg.Login.LoginRegions(); len(regions) > 1 {
		for _, r := range regions {
			if r.Current {
				return r.Label
			}
		}
	}
	return ""
}

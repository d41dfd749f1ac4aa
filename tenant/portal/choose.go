package portal

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/tenant"
)

// choosePage is screen 1: which identity provider it is.
type choosePage struct {
	Providers []providerChoice `json:"providers"`
	Form      *form            `json:"-"`
}

type providerChoice struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	// Summary says whether it provisions people.
	Summary string `json:"summary"`
}

func (h *Handler) choose(v *visit) error { return v.showChoose(http.StatusOK, "", nil) }

func (v *visit) showChoose(status int, problem string, findings []tenant.Finding) error {
	body := choosePage{Form: newForm(url.Values{}, findings)}
	for _, g := range tenant.Guides() {
		g = v.p.guide(g)
		body.Providers = append(body.Providers, providerChoice{g.Provider, g.Name, g.SCIM.Summary.Text})
	}
	return v.showProblem(status, "choose", "Choose your identity provider", problem, body)
}

// create begins a request for a connection.
func (h *Handler) create(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	provider := values.Get("provider")
	if tenant.GuideOf(provider).Provider != provider {
		return v.showChoose(http.StatusUnprocessableEntity, v.p.text("Choose one of these providers."), nil)
	}
	c, _, err := h.cfg.Tenants.CreateDraft(v.r.Context(), v.Actor, v.tenantID, tenant.Draft{Provider: provider})
	var invalid *tenant.ValidationError
	if errors.As(err, &invalid) {
		return v.showChoose(http.StatusUnprocessableEntity, v.p.finding(invalid.Refusals()[0]), invalid.Findings)
	}
	if sentence, ok := v.conflicted(err); ok {
		return v.showChoose(http.StatusConflict, sentence, nil)
	}
	if err != nil {
		return err
	}
	return v.done(v.path("c", c.ID, "application"), "", map[string]any{"id": c.ID})
}

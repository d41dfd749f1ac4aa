package portal

import (
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/tenant"
)

// linksPage lists set-up links, for somebody of the customer's IT who has no account.
type linksPage struct {
	Links []tenant.SetupLink `json:"links"`
	// URL is that of the link that was made just now; it is shown once.
	URL     string           `json:"url,omitempty"`
	Intents []tenant.Intent  `json:"-"`
	Form    *form            `json:"-"`
	Errors  []tenant.Finding `json:"-"`
	Next    string           `json:"next,omitempty"`
}

func (h *Handler) links(v *visit) error {
	return v.showLinks(http.StatusOK, "", "", url.Values{}, nil)
}

func (v *visit) showLinks(code int, problem, created string, values url.Values, findings []tenant.Finding) error {
	page, err := v.h.cfg.Tenants.SetupLinks(v.r.Context(), v.Actor, v.tenantID, v.r.URL.Query().Get("after"), 0)
	if err != nil {
		return err
	}
	body := linksPage{
		Links: append([]tenant.SetupLink{}, page.Links...), URL: created, Intents: tenant.Intents(),
		Form: newForm(values, findings, tenant.FieldLinkName, tenant.FieldLinkEmail, tenant.FieldLinkIntents),
	}
	body.Errors = body.Form.Errors(tenant.FieldLinkIntents)
	if page.Next != "" {
		body.Next = v.pageURL("links", url.Values{}, "after", page.Next)
	}
	return v.showProblem(code, "links", "Set-up links", problem, body)
}

// createLink makes a link, and shows it once.
func (h *Handler) createLink(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	n := tenant.NewSetupLink{Name: values.Get(tenant.FieldLinkName), Email: values.Get(tenant.FieldLinkEmail)}
	for _, i := range values[tenant.FieldLinkIntents] {
		n.Intents = append(n.Intents, tenant.Intent(i))
	}
	l, err := h.cfg.Tenants.CreateSetupLink(v.r.Context(), v.Actor, v.tenantID, n)
	sentence, conflict := v.conflicted(err)
	switch findings := findingsOf(err); {
	case err == nil:
		return v.showLinks(http.StatusOK, "", l.URL.Reveal(), url.Values{}, nil)
	case v.wantsJSON():
		return err
	case conflict:
		return v.showLinks(http.StatusConflict, sentence, "", values, nil)
	case findings != nil:
		return v.showLinks(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), "", values, findings)
	}
	return err
}

func (h *Handler) revokeLink(v *visit) error {
	l, err := h.cfg.Tenants.RevokeSetupLink(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("link"))
	if err != nil {
		return err
	}
	return v.done(v.path("links"), "revoked", map[string]any{"id": l.ID, "state": l.State})
}

package portal

import (
	"net/http"
	"net/url"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// secretPage is screen 11: a new client secret, before the old one expires.
type secretPage struct {
	Tabs        connectionTabs `json:"-"`
	ID          string         `json:"id"`
	Version     int64          `json:"version"`
	Hint        string         `json:"secretHint,omitempty"`
	SetAt       time.Time      `json:"secretSetAt,omitzero"`
	ExpiresAt   time.Time      `json:"secretExpiresAt,omitzero"`
	Zone        string         `json:"-"`
	ConfirmPast bool           `json:"-"`
	Form        *form          `json:"-"`
	Guide       tenant.Guide   `json:"-"`
}

func (h *Handler) secret(v *visit) error {
	return v.showSecret(http.StatusOK, "", url.Values{}, nil)
}

func (v *visit) showSecret(code int, problem string, values url.Values, findings []tenant.Finding) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	body := secretPage{
		Tabs: v.tabs(c, "secret"), ID: c.ID, Version: c.Version, Hint: c.SecretHint, SetAt: c.SecretSetAt, ExpiresAt: c.SecretExpiresAt, Zone: v.Zone.String(),
		Form: newForm(values, findings, tenant.FieldClientSecret, tenant.FieldSecretExpiry), Guide: v.p.guide(tenant.GuideOf(c.Provider)),
	}
	for _, f := range findings {
		body.ConfirmPast = body.ConfirmPast || f.Code == tenant.CodeSecretExpiredAlready
	}
	return v.showProblem(code, "secret", "Client secret", problem, body)
}

// replaceSecret stores a new secret, or only when the present one expires.
func (h *Handler) replaceSecret(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	secret, id, svc := tenant.NewSecret(values.Get(tenant.FieldClientSecret)), v.r.PathValue("connection"), h.cfg.Tenants
	values.Del(tenant.FieldClientSecret)
	switch expires, findings := v.readTime(values.Get(tenant.FieldSecretExpiry)); {
	case len(findings) > 0:
		err = &tenant.ValidationError{Findings: findings}
	case values.Get("only") == "expiry":
		_, _, err = svc.SetSecretExpiry(v.r.Context(), v.Actor, v.tenantID, id, version(values), expires, values.Get("accept_expired") != "")
	default:
		_, _, err = svc.ReplaceSecret(v.r.Context(), v.Actor, v.tenantID, id, version(values), secret, expires)
	}
	sentence, conflict := v.conflicted(err)
	switch findings := findingsOf(err); {
	case err == nil:
		return v.done(v.path("c", id, "secret"), "saved", map[string]any{"done": "secret"})
	case v.wantsJSON():
		return err
	case conflict:
		return v.showSecret(http.StatusConflict, sentence, values, nil)
	case findings != nil:
		return v.showSecret(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), values, findings)
	}
	return err
}

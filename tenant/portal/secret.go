package portal

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// secretPage is screen 11: a new client secret, before the old one expires.
type secretPage struct {
	Tabs      connectionTabs `json:"-"`
	ID        string         `json:"id"`
	Version   int64          `json:"version"`
	Hint      string         `json:"secretHint,omitempty"`
	SetAt     time.Time      `json:"secretSetAt,omitzero"`
	ExpiresAt time.Time      `json:"secretExpiresAt,omitzero"`
	Zone      string         `json:"-"`
	// Next is the secret that waits beside the one in force until a test worked with it; nil if none does.
	Next *store.NextSecret `json:"nextSecret,omitempty"`
	// Waits says that a new secret can wait beside the old one.
	Waits bool `json:"waits"`
	// Report is what the last test brought; it is shown once.
	Report      *oidc.TestReport `json:"report,omitempty"`
	ConfirmPast bool             `json:"-"`
	Form        *form            `json:"-"`
	Guide       tenant.Guide     `json:"-"`
}

func (h *Handler) secret(v *visit) error {
	h.leadsAway(v.w, v.r)
	return v.showSecret(http.StatusOK, "", url.Values{}, nil)
}

// testSecret tries the secret that waits, or the one in force, and comes back to this page.
func (h *Handler) testSecret(v *visit) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	h.leadsAway(v.w, v.r)
	h.cfg.Login.StartTest(v.w, v.r, oidc.TestRequest{
		TenantID: v.tenantID, ConnectionID: c.ID, Actor: v.Actor, ReturnTo: v.path("c", c.ID, "secret"), Report: true,
	})
	return nil
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
	inForce := c.State == store.ConnectionActive || c.State == store.ConnectionSuspended
	body.Next, body.Waits = c.NextSecret, inForce && c.HasSecret
	if code == http.StatusOK && v.r.Method == http.MethodGet {
		report, err := v.h.cfg.Login.TakeTestReport(v.r.Context(), v.tenantID, c.ID, v.Actor)
		switch {
		case err == nil:
			body.Report = &report
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	for _, f := range findings {
		body.ConfirmPast = body.ConfirmPast || f.Code == tenant.CodeSecretExpiredAlready
	}
	return v.showProblem(code, "secret", "Client secret", problem, body)
}

// replaceSecret stores a new secret: beside the one in force until a test worked with it, or at once in its place; or only when
// the present one expires; or forgets the one that waits.
func (h *Handler) replaceSecret(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	secret, id, svc := tenant.NewSecret(values.Get(tenant.FieldClientSecret)), v.r.PathValue("connection"), h.cfg.Tenants
	values.Del(tenant.FieldClientSecret)
	notice := "saved"
	switch expires, findings := v.readTime(values.Get(tenant.FieldSecretExpiry)); {
	case len(findings) > 0:
		err = &tenant.ValidationError{Findings: findings}
	case values.Get("then") == "stage":
		_, _, err = svc.StageSecret(v.r.Context(), v.Actor, v.tenantID, id, version(values), secret, expires)
		notice = "staged"
	case values.Get("then") == "drop":
		_, err = svc.DropNextSecret(v.r.Context(), v.Actor, v.tenantID, id, version(values))
		notice = "dropped"
	case values.Get("only") == "expiry":
		_, _, err = svc.SetSecretExpiry(v.r.Context(), v.Actor, v.tenantID, id, version(values), expires, values.Get("accept_expired") != "")
	default:
		_, _, err = svc.ReplaceSecret(v.r.Context(), v.Actor, v.tenantID, id, version(values), secret, expires)
	}
	sentence, conflict := v.conflicted(err)
	switch findings := findingsOf(err); {
	case err == nil:
		return v.done(v.path("c", id, "secret"), notice, map[string]any{"done": "secret"})
	case v.wantsJSON():
		return err
	case conflict:
		return v.showSecret(http.StatusConflict, sentence, values, nil)
	case findings != nil:
		return v.showSecret(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), values, findings)
	}
	return err
}

package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// detailFields are the inputs of the form that findings can be about.
var detailFields = []string{
	tenant.FieldConnection, tenant.FieldDomains, tenant.FieldAuthority, tenant.FieldClientID, tenant.FieldClientSecret, tenant.FieldClientAuth,
	tenant.FieldSecretExpiry, tenant.FieldBreakGlass, tenant.FieldScopes, tenant.FieldJustInTime, tenant.FieldJustInTimeAnyDomain, tenant.FieldEmailVerifiedString, tenant.FieldEmailFallback,
}

// detailsPage is screen 4: the connection's entries.
type detailsPage struct {
	Tabs    connectionTabs `json:"-"`
	ID      string         `json:"id"`
	Version int64          `json:"version"`
	// Editable says whether the form can be saved in the connection's state; else a change is requested.
	Editable  bool `json:"editable"`
	MayChange bool `json:"mayChange"`
	MaySubmit bool `json:"-"`
	Form      *form
	// Hint is what is told of the stored secret, Authority the pattern of the provider's.
	SecretHint  string       `json:"secretHint,omitempty"`
	SecretSetAt time.Time    `json:"secretSetAt,omitzero"`
	Guide       tenant.Guide `json:"-"`
	Scopes      string       `json:"scopes"`
	Auths       []option     `json:"-"`
	Fallbacks   []option     `json:"-"`
	// Fields are those that the host lets owners choose about, beside the phone number.
	Fields      []fieldChoice `json:"-"`
	Region      string        `json:"region,omitempty"`
	Zone        string        `json:"-"`
	Checks      []store.CheckResult
	CheckedAt   time.Time
	ConfirmPast bool `json:"-"`
}

func (h *Handler) details(v *visit) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	return v.showDetails(http.StatusOK, "", c, v.detailValues(c), nil)
}

func (v *visit) showDetails(code int, problem string, c tenant.Connection, values url.Values, findings []tenant.Finding) error {
	body := detailsPage{
		Tabs: v.tabs(c, "details"), ID: c.ID, Version: c.Version, Form: newForm(values, findings, detailFields...), SecretHint: c.SecretHint, SecretSetAt: c.SecretSetAt,
		Guide: v.p.guide(tenant.GuideOf(c.Provider)), Zone: v.Zone.String(), Checks: c.Checks, CheckedAt: c.CheckedAt,
		Fields: v.fieldChoices(store.SCIMPreferences{Fields: typedFields(values)}), Region: v.h.regionLabel(),
		Scopes: strings.Join(tenant.Scopes(c.AdditionalScopes), " "),
		Auths: []option{
			{Value: "", Label: v.p.text("As the provider says")},
			{Value: tenant.ClientSecretBasic, Label: "client_secret_basic"},
			{Value: tenant.ClientSecretPost, Label: "client_secret_post"},
			{Value: tenant.ClientPrivateKeyJWT, Label: "private_key_jwt"},
			{Value: tenant.ClientAuthNone, Label: "none"},
		},
		Fallbacks: []option{
			{Value: "", Label: v.p.text("Nothing: they can't sign in")},
			{Value: tenant.EmailFallbackUserName, Label: tenant.EmailFallbackUserName},
			{Value: tenant.EmailFallbackUPN, Label: tenant.EmailFallbackUPN},
		},
	}
	for _, f := range findings {
		body.ConfirmPast = body.ConfirmPast || f.Code == tenant.CodeSecretExpiredAlready
	}
	steps, err := v.stepsOf(c)
	if err != nil {
		return err
	}
	for _, s := range steps {
		body.Editable = body.Editable || s == tenant.StepSave
		body.MaySubmit = body.MaySubmit || s == tenant.StepSubmit
	}
	if !body.Editable && (c.State == store.ConnectionActive || c.State == store.ConnectionSuspended) {
		if body.MayChange, err = v.may(tenant.ActionEditConnection); err != nil {
			return err
		}
	}
	return v.showProblem(code, "details", "Connection details", problem, body)
}

// detailValues are the form's values as stored.
func (v *visit) detailValues(c tenant.Connection) url.Values {
	values := url.Values{
		tenant.FieldConnection: {c.Name}, tenant.FieldAuthority: {c.Authority}, tenant.FieldClientID: {c.ClientID}, tenant.FieldClientAuth: {c.ClientAuth},
		tenant.FieldBreakGlass: {strings.Join(c.BreakGlass, ", ")}, tenant.FieldScopes: {strings.Join(c.AdditionalScopes, " ")},
		tenant.FieldSecretExpiry: {localTime(c.SecretExpiresAt, v.Zone)}, tenant.FieldEmailFallback: {c.EmailFallback},
	}
	var names []string
	for _, d := range c.Domains {
		names = append(names, d.Name)
	}
	values.Set(tenant.FieldDomains, strings.Join(names, "\n"))
	tick := func(name string, on bool) {
		if on {
			values.Set(name, "1")
		}
	}
	tick(tenant.FieldJustInTime, c.JustInTime)
	tick(tenant.FieldJustInTimeAnyDomain, c.JustInTimeAnyDomain)
	tick(tenant.FieldEmailVerifiedString, c.EmailVerifiedString)
	tick("scim", c.SCIM.Wanted)
	tick("phone_editable", c.SCIM.PhoneEditable)
	for _, f := range c.SCIM.Fields {
		if f.UserEditable {
			values.Add("field_editable", f.Field)
		}
		if f.MustConfirm {
			values.Add("field_confirm", f.Field)
		}
	}
	tick("phone_confirm", !c.SCIM.PhoneUnconfirmed)
	if c.Authority == "" { // a new one: what is recommended
		values.Set("phone_confirm", "1")
		guide := tenant.GuideOf(c.Provider)
		if len(guide.Authority.Fixed) > 0 {
			values.Set(tenant.FieldAuthority, guide.Authority.Fixed[0])
		}
		values.Set(tenant.FieldScopes, strings.Join(guide.Scopes.Extra, " "))
		values.Set(tenant.FieldClientAuth, tenant.RecommendedClientAuth(c.Provider))
	}
	return values
}

// saveDetails saves what was typed; the button says what then: nothing more, a check, or the submission.
func (h *Handler) saveDetails(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	c, err := v.connection()
	if err != nil {
		return err
	}
	draft, err := v.readDraft(c, values)
	if err == nil {
		var saved tenant.Connection
		if saved, _, err = h.cfg.Tenants.SaveDraft(v.r.Context(), v.Actor, v.tenantID, c.ID, version(values), draft); err == nil {
			return v.thenDo(saved, values.Get("then"))
		}
	}
	values.Del(tenant.FieldClientSecret)
	findings := findingsOf(err)
	sentence, conflict := v.conflicted(err)
	switch {
	case v.wantsJSON():
		return err
	case conflict:
		return v.showDetails(http.StatusConflict, sentence, c, values, nil)
	case findings != nil:
		return v.showDetails(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), c, values, findings)
	}
	return err
}

func (v *visit) thenDo(c tenant.Connection, then string) error {
	svc := v.h.cfg.Tenants
	switch then {
	case "check":
		return v.beside("Checking the connection", v.path("c", c.ID, "details"), "checked", func(ctx context.Context) error {
			_, _, err := svc.RunChecks(ctx, v.Actor, v.tenantID, c.ID)
			return err
		})
	case "submit":
		return v.beside("Submitting the request", v.path("c", c.ID), "submitted", func(ctx context.Context) error {
			_, _, err := svc.Submit(ctx, v.Actor, v.tenantID, c.ID, c.Version)
			return err
		})
	}
	return v.done(v.path("c", c.ID, "details"), "saved", map[string]any{"id": c.ID, "version": c.Version})
}

// readDraft is the whole form.
func (v *visit) readDraft(c tenant.Connection, values url.Values) (tenant.Draft, error) {
	d := tenant.Draft{
		Name: values.Get(tenant.FieldConnection), Provider: c.Provider, Domains: []string{values.Get(tenant.FieldDomains)}, BreakGlass: []string{values.Get(tenant.FieldBreakGlass)},
		AdditionalScopes: []string{values.Get(tenant.FieldScopes)}, Authority: values.Get(tenant.FieldAuthority), ClientID: values.Get(tenant.FieldClientID),
		ClientSecret: tenant.NewSecret(values.Get(tenant.FieldClientSecret)), ClientAuth: values.Get(tenant.FieldClientAuth), AcceptExpired: values.Get("accept_expired") != "",
		JustInTime: values.Get(tenant.FieldJustInTime) != "", JustInTimeAnyDomain: values.Get(tenant.FieldJustInTimeAnyDomain) != "",
		EmailVerifiedString: values.Get(tenant.FieldEmailVerifiedString) != "", EmailFallback: values.Get(tenant.FieldEmailFallback),
		SCIM: typedPreferences(values),
	}
	d.SCIM.Wanted = values.Get("scim") != ""
	expires, findings := v.readTime(values.Get(tenant.FieldSecretExpiry))
	if len(findings) > 0 {
		return d, &tenant.ValidationError{Findings: findings}
	}
	d.SecretExpiresAt = expires
	return d, nil
}

// readTime reads a date, or a date and a time, in the visitor's zone.
func (v *visit) readTime(raw string) (time.Time, []tenant.Finding) {
	if strings.TrimSpace(raw) == "" {
		return time.Time{}, nil
	}
	return tenant.ParseExpiry(raw, v.Zone)
}

// findingsOf are those of a refusal, nil for any other error.
func findingsOf(err error) []tenant.Finding {
	if invalid, ok := errors.AsType[*tenant.ValidationError](err); ok {
		return invalid.Findings
	}
	return nil
}

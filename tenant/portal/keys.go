package portal

import (
	"net/http"
	"net/url"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// provisioningPage is screen 8: where the directory sends its users, and with which key.
type provisioningPage struct {
	BaseURL     string         `json:"baseUrl"`
	Directories []directoryRow `json:"directories"`
	Keys        []keyRow       `json:"keys"`
	// Key is the one that was made just now; it is shown once.
	Key         string       `json:"key,omitempty"`
	Connections []option     `json:"-"`
	MayKeys     bool         `json:"-"`
	MayManage   bool         `json:"-"`
	MayRequests bool         `json:"-"`
	Form        *form        `json:"-"`
	Guide       tenant.Guide `json:"-"`
	Zone        string       `json:"-"`
	Region      string       `json:"region,omitempty"`
}

// directoryRow is a directory with what it is set to.
type directoryRow struct {
	ID            string                `json:"id"`
	Version       int64                 `json:"version"`
	Connection    string                `json:"connection"`
	Enabled       bool                  `json:"enabled"`
	Preferences   store.SCIMPreferences `json:"preferences"`
	LastRequestAt time.Time             `json:"lastRequestAt,omitzero"`
	Fields        []fieldChoice         `json:"-"`
}

// keyRow is a key without what opens anything.
type keyRow struct {
	ID         string    `json:"id"`
	Version    int64     `json:"version"`
	Name       string    `json:"name"`
	Hint       string    `json:"hint"`
	Scopes     []string  `json:"scopes"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
	ExpiresAt  time.Time `json:"expiresAt,omitzero"`
	Revoked    bool      `json:"revoked"`
	// Replaces is the name of the key that this one is to replace, Rotating says that another is to replace this one.
	Replaces string `json:"replaces,omitempty"`
	Rotating bool   `json:"rotating"`
}

func (h *Handler) provisioning(v *visit) error {
	return v.showProvisioning(http.StatusOK, "", "", url.Values{}, nil)
}

func (v *visit) showProvisioning(code int, problem, key string, values url.Values, findings []tenant.Finding) error {
	ctx, svc := v.r.Context(), v.h.cfg.Tenants
	body := provisioningPage{
		BaseURL: svc.SCIMBaseURL(v.tenantID), Key: key, Directories: []directoryRow{}, Keys: []keyRow{}, Zone: v.Zone.String(), Region: v.h.regionLabel(),
		Form: newForm(values, findings, tenant.FieldKeyName, tenant.FieldKeyExpiry, tenant.FieldKeyScopes),
	}
	list, err := svc.Connections(ctx, v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	dirs, err := svc.Directories(ctx, v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	provider, names := "", map[string]string{}
	for _, c := range list {
		names[c.ID] = v.card(c).Name
		if c.State == store.ConnectionActive {
			provider = c.Provider
			body.Connections = append(body.Connections, option{Value: c.ID, Label: names[c.ID]})
		}
	}
	for _, d := range dirs {
		body.Directories = append(body.Directories, directoryRow{
			ID: d.ID, Version: d.Version, Connection: names[d.ConnectionID], Enabled: d.Enabled, Preferences: d.Preferences, LastRequestAt: d.LastRequestAt, Fields: v.fieldChoices(d.Preferences),
		})
	}
	if body.MayKeys, err = v.may(tenant.ActionViewAPIKeys); err != nil {
		return err
	}
	if body.MayManage, err = v.may(tenant.ActionManageSCIM); err != nil {
		return err
	}
	if h := v.h; h.cfg.Requests != nil && v.link == nil {
		if body.MayRequests, err = v.may(tenant.ActionViewRequests); err != nil {
			return err
		}
	}
	if body.MayKeys {
		keys, err := svc.APIKeys(ctx, v.Actor, v.tenantID)
		if err != nil {
			return err
		}
		body.Keys = keyRows(keys)
	}
	guideValues := tenant.GuideValues{AppName: v.h.cfg.Brand.Name, SCIMBaseURL: body.BaseURL}
	if key != "" {
		guideValues.APIKey = tenant.NewSecret(key)
	}
	body.Guide = v.p.guide(tenant.GuideOf(provider)).Fill(guideValues)
	return v.showProblem(code, "provisioning", "Provisioning", problem, body)
}

func keyRows(keys []store.APIKey) []keyRow {
	rows, names, replaced := []keyRow{}, map[string]string{}, map[string]bool{}
	for _, k := range keys {
		names[k.ID] = k.Name
		if k.Replaces != "" && k.RevokedAt.IsZero() {
			replaced[k.Replaces] = true
		}
	}
	for _, k := range keys {
		rows = append(rows, keyRow{
			ID: k.ID, Version: k.Version, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt,
			ExpiresAt: k.ExpiresAt, Revoked: !k.RevokedAt.IsZero(), Replaces: names[k.Replaces], Rotating: replaced[k.ID],
		})
	}
	return rows
}

// changeDirectory switches provisioning on and off, and changes its preferences; {directory} is "new" to switch it on.
func (h *Handler) changeDirectory(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	svc, id := h.cfg.Tenants, v.r.PathValue("directory")
	prefs := typedPreferences(values)
	switch v.r.PathValue("step") {
	case "enable":
		_, err = svc.EnableSCIM(v.r.Context(), v.Actor, v.tenantID, values.Get("connection"), prefs)
	case "preferences":
		_, err = svc.SetSCIMPreferences(v.r.Context(), v.Actor, v.tenantID, id, version(values), prefs)
	case "disable":
		_, err = svc.DisableSCIM(v.r.Context(), v.Actor, v.tenantID, id, version(values), values.Get("confirm") != "")
	default:
		return store.ErrNotFound
	}
	return v.afterKeys(err, values)
}

// afterKeys goes on after a change of screen 8, or shows it again.
func (v *visit) afterKeys(err error, values url.Values) error {
	sentence, conflict := v.conflicted(err)
	switch findings := findingsOf(err); {
	case err == nil:
		return v.done(v.path("provisioning"), "saved", map[string]any{"done": true})
	case v.wantsJSON():
		return err
	case conflict:
		return v.showProvisioning(http.StatusConflict, sentence, "", values, nil)
	case findings != nil:
		return v.showProvisioning(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), "", values, findings)
	}
	return err
}

// createKey makes a key, and shows it once.
func (h *Handler) createKey(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	expires, findings := v.readTime(values.Get(tenant.FieldKeyExpiry))
	if len(findings) > 0 {
		for i := range findings {
			findings[i].Field = tenant.FieldKeyExpiry
		}
		return v.afterKeys(&tenant.ValidationError{Findings: findings}, values)
	}
	key, _, err := h.cfg.Tenants.CreateAPIKey(v.r.Context(), v.Actor, v.tenantID, tenant.NewAPIKey{
		Name: values.Get(tenant.FieldKeyName), ExpiresAt: expires, DirectoryID: values.Get("directory"),
	})
	if err != nil {
		return v.afterKeys(err, values)
	}
	return v.showProvisioning(http.StatusOK, "", key.Reveal(), url.Values{}, nil)
}

// changeKey does what the buttons of a key say.
func (h *Handler) changeKey(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	ctx, svc, id, at := v.r.Context(), h.cfg.Tenants, v.r.PathValue("key"), version(values)
	switch v.r.PathValue("step") {
	case "rotate":
		key, _, err := svc.StartKeyRotation(ctx, v.Actor, v.tenantID, id, at)
		if err != nil {
			return v.afterKeys(err, values)
		}
		return v.showProvisioning(http.StatusOK, "", key.Reveal(), url.Values{}, nil)
	case "complete":
		_, err = svc.CompleteKeyRotation(ctx, v.Actor, v.tenantID, id, at, values.Get("confirm") != "")
	case "cancel":
		_, err = svc.CancelKeyRotation(ctx, v.Actor, v.tenantID, id, at)
	case "revoke":
		_, err = svc.RevokeAPIKey(ctx, v.Actor, v.tenantID, id, at, values.Get("confirm") != "")
	default:
		return store.ErrNotFound
	}
	return v.afterKeys(err, values)
}

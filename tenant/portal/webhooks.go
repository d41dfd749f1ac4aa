package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// webhooksPage lists where events of the organisation are sent.
type webhooksPage struct {
	Webhooks []webhookRow       `json:"webhooks"`
	Types    []tenant.EventType `json:"types"`
	// Secret is that of a webhook that was made just now; it is shown once.
	Secret    string `json:"secret,omitempty"`
	MayManage bool   `json:"-"`
	Form      *form  `json:"-"`
}

// webhookPage is one of them, with what was sent last.
type webhookPage struct {
	Webhook   webhookRow              `json:"webhook"`
	Attempts  []tenant.WebhookAttempt `json:"attempts"`
	Types     []tenant.EventType      `json:"types"`
	Secret    string                  `json:"secret,omitempty"`
	MayManage bool                    `json:"-"`
	Form      *form                   `json:"-"`
	Zone      string                  `json:"-"`
	Overlaps  []option                `json:"-"`
}

// webhookRow is a webhook with its words.
type webhookRow struct {
	tenant.Webhook

	Status  status `json:"status"`
	PageURL string `json:"page"`
}

// webhookRoutes are those of webhooks, where the store can keep them.
func (h *Handler) webhookRoutes() {
	if !h.keepsWebhooks() {
		return
	}
	h.member("GET", "/webhooks", tenant.ActionViewWebhooks, h.webhooks)
	h.member("POST", "/webhooks", tenant.ActionManageWebhooks, h.createWebhook)
	h.member("GET", "/webhooks/{webhook}", tenant.ActionViewWebhooks, h.webhook)
	h.member("POST", "/webhooks/{webhook}/{step}", tenant.ActionManageWebhooks, h.changeWebhook)
}

func (h *Handler) keepsWebhooks() bool {
	_, ok := h.cfg.Store.(store.WebhookStore)
	return ok
}

func (h *Handler) webhooks(v *visit) error {
	return v.showWebhooks(http.StatusOK, "", "", url.Values{}, nil)
}

func (v *visit) showWebhooks(code int, problem, secret string, values url.Values, findings []tenant.Finding) error {
	svc := v.h.cfg.Tenants
	body := webhooksPage{Webhooks: []webhookRow{}, Types: svc.WebhookTypes(), Secret: secret, Form: newForm(values, findings, tenant.FieldWebhookURL, tenant.FieldWebhookDescription, tenant.FieldWebhookTypes)}
	list, err := svc.Webhooks(v.r.Context(), v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	for _, w := range list {
		body.Webhooks = append(body.Webhooks, v.webhookRow(w))
	}
	if body.MayManage, err = v.may(tenant.ActionManageWebhooks); err != nil {
		return err
	}
	return v.showProblem(code, "webhooks", "Webhooks", problem, body)
}

func (v *visit) webhookRow(w tenant.Webhook) webhookRow {
	row := webhookRow{Webhook: w, PageURL: v.path("webhooks", w.ID), Status: status{Code: string(w.State), Text: v.p.text("Sent"), Mood: "good"}}
	switch w.State {
	case tenant.WebhookFailing:
		row.Status.Text, row.Status.Mood = v.p.text("Failing"), "bad"
	case tenant.WebhookDisabled:
		row.Status.Text, row.Status.Mood = v.p.text("Switched off"), ""
	}
	return row
}

// webhookOf is what a form chose.
func webhookOf(values url.Values) tenant.NewWebhook {
	return tenant.NewWebhook{
		URL: values.Get(tenant.FieldWebhookURL), Description: values.Get(tenant.FieldWebhookDescription),
		Types: strings.FieldsFunc(values.Get(tenant.FieldWebhookTypes), func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) }),
	}
}

// createWebhook makes one, and shows its secret once.
func (h *Handler) createWebhook(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	made, err := h.cfg.Tenants.CreateWebhook(v.r.Context(), v.Actor, v.tenantID, webhookOf(values))
	if err == nil {
		h.cfg.Changed(v.tenantID)
		return v.showWebhooks(http.StatusOK, "", made.Secret.Reveal(), url.Values{}, nil)
	}
	return v.webhookRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showWebhooks(code, problem, "", values, findings)
	})
}

// webhookRefused answers for a form that was refused: again shows it with what was typed.
func (v *visit) webhookRefused(err error, again func(code int, problem string, findings []tenant.Finding) error) error {
	sentence, conflict := v.conflicted(err)
	switch findings := findingsOf(err); {
	case v.wantsJSON():
		return err
	case conflict:
		return again(http.StatusConflict, sentence, nil)
	case findings != nil:
		return again(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), findings)
	}
	return err
}

func (h *Handler) webhook(v *visit) error {
	return v.showWebhook(http.StatusOK, "", "", nil, nil)
}

// showWebhook shows one; values are what was typed, nil for what is stored.
func (v *visit) showWebhook(code int, problem, secret string, values url.Values, findings []tenant.Finding) error {
	w, log, err := v.h.cfg.Tenants.WebhookLog(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("webhook"))
	if err != nil {
		return err
	}
	if values == nil {
		values = url.Values{tenant.FieldWebhookURL: {w.URL}, tenant.FieldWebhookDescription: {w.Description}, tenant.FieldWebhookTypes: {strings.Join(w.Types, "\n")}}
	}
	body := webhookPage{
		Webhook: v.webhookRow(w), Attempts: append([]tenant.WebhookAttempt{}, log...), Types: v.h.cfg.Tenants.WebhookTypes(), Secret: secret, Zone: v.Zone.String(),
		Form: newForm(values, findings, tenant.FieldWebhookURL, tenant.FieldWebhookDescription, tenant.FieldWebhookTypes, tenant.FieldWebhookOverlap, "since"),
		Overlaps: []option{
			{Value: "24h", Label: v.p.text("one more day")},
			{Value: "168h", Label: v.p.text("seven more days")},
			{Value: "-1s", Label: v.p.text("not any more")},
		},
	}
	if body.MayManage, err = v.may(tenant.ActionManageWebhooks); err != nil {
		return err
	}
	return v.showProblem(code, "webhook", "Webhook", problem, body)
}

// changeWebhook does what the buttons of a webhook say.
func (h *Handler) changeWebhook(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	ctx, svc, id, at := v.r.Context(), h.cfg.Tenants, v.r.PathValue("webhook"), version(values)
	to, notice := v.path("webhooks", id), "saved"
	switch v.r.PathValue("step") {
	case "edit":
		_, err = svc.EditWebhook(ctx, v.Actor, v.tenantID, id, at, webhookOf(values))
	case "rotate":
		var made tenant.CreatedWebhook
		if made, err = svc.RotateWebhookSecret(ctx, v.Actor, v.tenantID, id, at, overlapOf(values.Get(tenant.FieldWebhookOverlap))); err == nil {
			h.cfg.Changed(v.tenantID)
			return v.showWebhook(http.StatusOK, "", made.Secret.Reveal(), nil, nil)
		}
	case "test":
		err = v.beside("Sending a test", to, "sent_test", func(ctx context.Context) error {
			_, err := svc.TestWebhook(ctx, v.Actor, v.tenantID, id)
			return err
		})
		if err == nil {
			return nil
		}
	case "enable":
		_, err = svc.EnableWebhook(ctx, v.Actor, v.tenantID, id, at, values.Get("missed") != "")
	case "disable":
		_, err = svc.DisableWebhook(ctx, v.Actor, v.tenantID, id, at)
	case "replay":
		err = v.replayWebhook(id, at, values)
		notice = "replayed"
	case "delete":
		to, notice = v.path("webhooks"), "removed"
		err = svc.DeleteWebhook(ctx, v.Actor, v.tenantID, id, at)
	default:
		return store.ErrNotFound
	}
	if err == nil {
		return v.done(to, notice, map[string]any{"done": v.r.PathValue("step")})
	}
	if errors.Is(err, store.ErrNotFound) {
		return err
	}
	var typed url.Values
	if slices.Contains([]string{"edit", "replay"}, v.r.PathValue("step")) {
		typed = values
	}
	return v.webhookRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showWebhook(code, problem, "", typed, findings)
	})
}

// overlapOf reads for how long the old secret signs, too.
func overlapOf(raw string) time.Duration {
	d, err := time.ParseDuration(raw)
	if err != nil {
		return 0 // the usual time
	}
	return d
}

func (v *visit) replayWebhook(id string, at int64, values url.Values) error {
	since, findings := v.readTime(values.Get("since"))
	if since.IsZero() && len(findings) == 0 {
		findings = []tenant.Finding{{Field: "since", Code: tenant.CodeDateInvalid, Severity: tenant.SeverityError, Message: v.p.text("This is not a date and a time.")}}
	}
	if len(findings) > 0 {
		for i := range findings {
			findings[i].Field = "since"
		}
		return &tenant.ValidationError{Findings: findings}
	}
	_, err := v.h.cfg.Tenants.ReplayWebhook(v.r.Context(), v.Actor, v.tenantID, id, at, tenant.WebhookReplay{Since: since})
	return err
}

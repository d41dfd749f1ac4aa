package portal

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// queuePage is what waits for the host's staff.
type queuePage struct {
	Requests []requestRow `json:"requests"`
	Next     string       `json:"next,omitempty"`
}

type requestRow struct {
	TenantID     string `json:"tenantId"`
	Organisation string `json:"organisation"`
	connectionCard
	SubmittedAt string `json:"submittedAt"`
	AnswerBy    string `json:"answerBy,omitempty"`
}

func (h *Handler) queue(v *visit) error {
	q := v.r.URL.Query()
	page, err := h.cfg.Tenants.Queue(v.r.Context(), v.Actor, store.Ref{TenantID: q.Get("tenant"), ID: q.Get("after")}, 50)
	if err != nil {
		return err
	}
	body := queuePage{Requests: []requestRow{}}
	for _, r := range page.Requests {
		row := requestRow{TenantID: r.Tenant.TenantID(), Organisation: r.Tenant.TenantName(), connectionCard: v.card(r.Connection), SubmittedAt: v.p.date(r.SubmittedAt, v.Zone)}
		row.URL = v.path("t", row.TenantID, "c", r.ID)
		if !r.AnswerBy.IsZero() {
			row.AnswerBy = v.p.date(r.AnswerBy, v.Zone)
		}
		body.Requests = append(body.Requests, row)
	}
	if page.More {
		body.Next = v.base + "?" + url.Values{"tenant": {page.Next.TenantID}, "after": {page.Next.ID}}.Encode()
	}
	return v.show("queue", "Requests that wait", body)
}

// reviewPage is screen 6 for staff: all that a decision needs.
type reviewPage struct {
	Sheet   tenant.ReviewSheet `json:"-"`
	ID      string             `json:"id"`
	Version int64              `json:"version"`
	Status  status             `json:"status"`
	Form    *form              `json:"-"`
	// Decide says that the request waits for a decision.
	Decide bool `json:"decide"`
}

func (h *Handler) review(v *visit) error {
	return v.showReview(http.StatusOK, "", url.Values{}, nil)
}

func (v *visit) showReview(code int, problem string, values url.Values, findings []tenant.Finding) error {
	sheet, err := v.h.cfg.Tenants.Review(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("connection"))
	if err != nil {
		return err
	}
	body := reviewPage{
		Sheet: sheet, ID: sheet.ID, Version: sheet.Version, Status: v.connectionStatus(sheet.Connection), Form: newForm(values, findings, tenant.FieldMessage),
		Decide: sheet.State == store.ConnectionSubmitted || sheet.State == store.ConnectionNeedsInformation,
	}
	return v.showProblem(code, "review", "Review", problem, body)
}

// decide records what staff say.
func (h *Handler) decide(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	ctx, svc, id, at, text := v.r.Context(), h.cfg.Tenants, v.r.PathValue("connection"), version(values), values.Get(tenant.FieldMessage)
	switch values.Get("decision") {
	case "approve":
		err = v.beside("Approving", v.path("c", id), "decided", func(ctx context.Context) error {
			_, _, err := svc.Approve(ctx, v.Actor, v.tenantID, id, at)
			return err
		})
		if err == nil {
			return nil
		}
	case "ask":
		_, err = svc.AskForInformation(ctx, v.Actor, v.tenantID, id, at, text)
	case "reject":
		_, err = svc.Reject(ctx, v.Actor, v.tenantID, id, at, text)
	case "message":
		_, err = svc.AddMessage(ctx, v.Actor, v.tenantID, id, at, text)
	default:
		return store.ErrNotFound
	}
	sentence, conflict := v.conflicted(err)
	switch findings := findingsOf(err); {
	case err == nil:
		return v.done(v.path("c", id), "decided", map[string]any{"decision": values.Get("decision")})
	case v.wantsJSON():
		return err
	case conflict:
		return v.showReview(http.StatusConflict, sentence, values, nil)
	case findings != nil:
		return v.showReview(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), values, findings)
	}
	return err
}

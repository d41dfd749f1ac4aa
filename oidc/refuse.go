package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// refuse ends a request with the page, or the problem+json, of its error.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error, c store.Connection) {
	h.answerRefusal(w, r, err, c, rand.Text())
}

// refuseAttempt does the same for an answer that belongs to a sign-in of this browser, and tells the tenant's journal.
// Only then: what anybody can cause writes nothing.
func (h *Handler) refuseAttempt(w http.ResponseWriter, r *http.Request, err error, a attempt, c store.Connection) {
	id := rand.Text()
	if !errors.Is(err, ErrRequest) {
		h.journalRefusal(r.Context(), err, a, id, h.cfg.Origin.Of(r))
	}
	h.answerRefusal(w, r, err, c, id)
}

func (h *Handler) journalRefusal(ctx context.Context, err error, a attempt, id string, from tenant.Origin) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	now := store.Time(h.now())
	event := store.Event{
		ID: store.NewID(now), Type: EventSignInRefused, At: now, Code: CodeOf(err), Message: reasonText(err), CorrelationID: id,
		Actor:   store.EventActor{Kind: "user"},
		Origin:  from.Event(),
		Subject: store.EventSubject{Kind: "connection", ID: a.ConnectionID},
	}
	if jerr := h.cfg.Store.AppendEvents(ctx, a.TenantID, event); jerr != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "oidc: a refused sign-in could not be recorded",
			slog.String("correlation_id", id), slog.String("tenant", a.TenantID), slog.Any("error", jerr))
	}
}

// reasonText is our own sentence about a refusal: for the journal and logs, never for the browser.
func reasonText(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// logRefusal writes one line about a refusal. Our own failures are errors, providers' are warnings.
func (h *Handler) logRefusal(ctx context.Context, line string, err error, c store.Connection, id string) {
	status := statusOf(err)
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("code", CodeOf(err)), slog.String("reason", reasonText(err)), slog.Int("status", status),
		slog.String("correlation_id", id), slog.String("tenant", c.TenantID), slog.String("connection", c.ID),
	}
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
		if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeInternal && e.cause != nil {
			level = slog.LevelError
			attrs = append(attrs, slog.Any("error", e.cause))
		}
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeHostRefused && e.cause != nil {
		attrs = append(attrs, slog.Any("error", e.cause))
	}
	h.log.LogAttrs(ctx, level, line, attrs...)
}

// retryAfter is when to come back after a 503 (RFC 9110 section 10.2.3), in seconds.
const retryAfter = "30"

func (h *Handler) answerRefusal(w http.ResponseWriter, r *http.Request, err error, c store.Connection, id string) {
	h.logRefusal(r.Context(), "oidc: sign-in refused", err, c, id)
	status, code := statusOf(err), CodeOf(err)
	head := w.Header()
	if status == http.StatusServiceUnavailable {
		head.Set("Retry-After", retryAfter)
	}
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	text := textOf(code, status)
	why := whyOf(err)
	if wantsJSON(r) {
		h.writeProblem(w, status, code, id, text, why)
		return
	}
	p := page{Title: text.title, Message: text.message, Help: text.help, Code: code, CorrelationID: id, StartAgain: h.cfg.LoginURL}
	if why != nil {
		p.Admin = why.What.Text + " " + why.Fix.Text
	}
	if offersRegions[code] {
		p.Regions = h.LoginRegions()
	}
	if e, ok := errors.AsType[*Error](err); ok && e.region.ID != "" {
		p.StartAgain = h.loginURLIn(e.region)
	}
	h.writePage(w, status, p)
}

// whyOf is what the provider's guide says about its error, nil if it says nothing.
func whyOf(err error) *tenant.GuideError {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.why
	}
	return nil
}

// wantsJSON tells whether a program asks: it accepts JSON and does not accept HTML.
func wantsJSON(r *http.Request) bool {
	accept := strings.ToLower(r.Header.Get("Accept"))
	return (strings.Contains(accept, "application/json") || strings.Contains(accept, "application/problem+json")) &&
		!strings.Contains(accept, "text/html")
}

// writeProblem answers with RFC 9457 problem details. An error that the provider's guide knows has its explanation beside
// them, with the ID by which it is translated.
func (h *Handler) writeProblem(w http.ResponseWriter, status int, code, id string, text refusalText, why *tenant.GuideError) {
	problem := map[string]any{
		"type": "about:blank", "title": text.title, "status": status, "detail": text.message + " " + text.help,
		"code": code, "correlation_id": id, "login_url": h.cfg.LoginURL,
	}
	if offersRegions[code] && h.cfg.Regions != nil {
		regions := []map[string]string{}
		for _, r := range h.LoginRegions() {
			regions = append(regions, map[string]string{"id": r.ID, "label": r.Label, "login_url": r.URL})
		}
		problem["regions"] = regions
	}
	if why != nil {
		problem["explanation"], problem["explanation_id"] = why.What.Text+" "+why.Fix.Text, why.ID
	}
	body, err := json.Marshal(problem)
	if err != nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(body)
}

package portal

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// errForm says that a form can't be read: it is too large, or no form.
var errForm = errors.New("portal: the form can't be read")

// problem is a refusal as programs get it (RFC 9457).
type problem struct {
	Title    string           `json:"title"`
	Status   int              `json:"status"`
	Code     string           `json:"code"`
	Detail   string           `json:"detail"`
	Findings []tenant.Finding `json:"findings,omitempty"`
}

// fail answers for an error.
func (v *visit) fail(err error) {
	switch {
	case err == nil:
	case errors.Is(err, ErrSignIn):
		v.signIn()
	default:
		v.refuse(v.problemOf(err))
	}
}

// problemOf is the one table from errors to refusals. What is not in it is a failure of ours or the host's: a fixed text, and a line
// in the log.
func (v *visit) problemOf(err error) problem {
	var (
		invalid   *tenant.ValidationError
		refusal   *tenant.Error
		stalePlan *provisioning.StaleKeptPlanError
	)
	refused := func(status int, code, message string, findings ...tenant.Finding) problem {
		return problem{Status: status, Code: code, Detail: message, Findings: findings}
	}
	switch {
	case errors.Is(err, errForm):
		return refused(http.StatusBadRequest, "form_invalid", v.p.text("The form can't be read. Go back and try again."))
	case errors.As(err, &invalid):
		return refused(http.StatusUnprocessableEntity, tenant.CodeOf(err), v.p.finding(invalid.Refusals()[0]), invalid.Findings...)
	case v.link != nil && errors.Is(err, tenant.ErrBadSetupLink):
		return v.linkProblem(err)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, tenant.ErrUnavailable):
		v.h.cfg.Logger.WarnContext(v.r.Context(), "portal: unavailable", "path", v.r.URL.Path, "tenant", v.tenantID, "error", err)
		return refused(http.StatusServiceUnavailable, "unavailable", v.p.text("This can't be done just now. Nothing was changed. Try again in a minute."))
	case errors.As(err, &stalePlan):
		return refused(http.StatusConflict, tenant.ErrorCodePlanStale, v.p.text("The directory or the settings changed since this preview. Here is the new one."), tenant.Finding{
			Field: "hash", Code: tenant.ErrorCodePlanStale, Severity: tenant.SeverityError, Message: stalePlan.Error(),
			Expected: stalePlan.Now.Plan.Hash, Suggestion: v.path("groups", "preview", stalePlan.Now.ID),
		})
	case errors.Is(err, provisioning.ErrSuperseded):
		return refused(http.StatusConflict, "plan_superseded", v.p.text("The settings were changed after this plan. Take the later plans back first, the newest before the others."))
	case errors.Is(err, provisioning.ErrNotPaused):
		return refused(http.StatusConflict, "not_paused", v.p.text("Provisioning is not paused."))
	case errors.As(err, &refusal):
		return refused(statusOf(err), refusal.Code, v.p.refusal(refusal.Code, refusal.Message))
	case errors.Is(err, store.ErrNotFound):
		return refused(http.StatusNotFound, "not_found", v.p.text("There is no such page, or it is not yours to see."))
	case errors.Is(err, tenant.ErrForbidden):
		return refused(http.StatusForbidden, tenant.ErrorCodeForbidden, v.p.text("Only an owner of the organisation can do this. Sign in as an owner, or ask one."))
	case errors.Is(err, store.ErrStale):
		return refused(http.StatusConflict, tenant.CodeOf(err), v.p.text("Somebody else changed this meanwhile. Look at it again, then decide."))
	case errors.Is(err, store.ErrConflict):
		return refused(http.StatusConflict, tenant.CodeOf(err), v.p.text("This is there already, or in use."))
	default:
		v.h.cfg.Logger.ErrorContext(v.r.Context(), "portal: request failed", "path", v.r.URL.Path, "tenant", v.tenantID, "error", err)
		return refused(http.StatusInternalServerError, "internal", v.p.text("Something went wrong on our side. Nothing was changed. Try again."))
	}
}

// conflicted is the sentence for a conflict that a page shows in its own place, with what was typed; ok is false for other errors.
func (v *visit) conflicted(err error) (sentence string, ok bool) {
	var refusal *tenant.Error
	switch {
	case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrStale):
		return "", false
	case errors.As(err, &refusal):
		return v.p.refusal(refusal.Code, refusal.Message), true
	case errors.Is(err, store.ErrStale):
		return v.p.text("Somebody else changed this meanwhile. Look at it again, then decide."), true
	}
	return v.p.text("This is there already, or in use."), true
}

// statusTexts are the titles of refusals.
var statusTexts = map[int]string{
	http.StatusBadRequest: "Bad Request", http.StatusUnauthorized: "Unauthorized", http.StatusForbidden: "Forbidden",
	http.StatusNotFound: "Not Found", http.StatusConflict: "Conflict", http.StatusGone: "Gone",
	http.StatusUnprocessableEntity: "Unprocessable Entity", http.StatusInternalServerError: "Internal Server Error",
	http.StatusServiceUnavailable: "Service Unavailable",
}

// statusOf is the HTTP status of a refusal.
func statusOf(err error) int {
	switch {
	case errors.Is(err, tenant.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrStale):
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

// signIn sends a browser to the host's sign-in, and back to this page if it was only looked at.
func (v *visit) signIn() {
	if v.wantsJSON() || v.h.cfg.SignInURL == "" {
		v.refuse(problem{Status: http.StatusUnauthorized, Code: "unauthenticated", Detail: v.p.text("Sign in first.")})
		return
	}
	to, err := url.Parse(v.h.cfg.SignInURL)
	if err != nil {
		v.fail(err)
		return
	}
	if v.r.Method == http.MethodGet {
		q := to.Query()
		q.Set("return_to", v.r.URL.RequestURI())
		to.RawQuery = q.Encode()
	}
	http.Redirect(v.w, v.r, to.String(), http.StatusSeeOther)
}

// refuse shows a refusal as a page of its own, or as problem details.
func (v *visit) refuse(p problem) {
	p.Title = statusTexts[p.Status]
	if p.Status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", "30")
	}
	var err error
	if v.wantsJSON() {
		err = v.json(p.Status, "application/problem+json", p)
	} else {
		err = v.write(p.Status, "problem", &page{
			Language: v.p.language, Title: v.p.text(p.Title), Brand: v.h.cfg.Brand, Nonce: nonceOf(v.r.Context()),
			CSS: v.h.assets.css.url, JS: v.h.assets.js.url, Base: v.base, Organisation: v.name, Body: p, zone: v.Zone,
		})
	}
	if err != nil {
		v.h.cfg.Logger.ErrorContext(v.r.Context(), "portal: answer", "path", v.r.URL.Path, "error", err)
	}
}

package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// auditPage is screen 12: what was done, by whom and when.
type auditPage struct {
	Entries  []store.Event `json:"entries"`
	Previous string        `json:"-"`
	Next     string        `json:"next,omitempty"`
	Form     *form         `json:"-"`
	Zone     string        `json:"-"`
}

// auditFields are the filters.
var auditFields = []string{"from", "to", "actor", "subject", "type"}

func (h *Handler) audit(v *visit) error {
	values := v.r.URL.Query()
	q, findings := v.auditQuery(values)
	body := auditPage{Form: newForm(values, findings, auditFields...), Zone: v.Zone.String(), Entries: []store.Event{}}
	if len(findings) > 0 {
		return v.showProblem(http.StatusUnprocessableEntity, "audit", "Audit log", v.p.text("Some entries need a change."), body)
	}
	page, err := h.cfg.Tenants.Audit(v.r.Context(), v.Actor, v.tenantID, q)
	if err != nil {
		return err
	}
	body.Entries = append(body.Entries, page.Entries...)
	if page.Next > 0 {
		body.Next = v.pageURL("audit", values, "before", strconv.FormatInt(page.Next, 10))
	}
	if values.Has("before") {
		body.Previous = v.pageURL("audit", values, "before", "")
	}
	return v.show("audit", "Audit log", body)
}

// pageURL is a page of a list, with the same filters.
func (v *visit) pageURL(path string, values url.Values, key, place string) string {
	q := url.Values{}
	for k, x := range values {
		if k != key && k != "done" {
			q[k] = x
		}
	}
	if place != "" {
		q.Set(key, place)
	}
	return v.path(path) + "?" + q.Encode()
}

func (v *visit) auditQuery(values url.Values) (tenant.AuditQuery, []tenant.Finding) {
	q := tenant.AuditQuery{ActorID: values.Get("actor"), SubjectID: values.Get("subject"), TypePrefix: values.Get("type")}
	var findings []tenant.Finding
	read := func(field string) (at time.Time) {
		raw := values.Get(field)
		if raw == "" {
			return at
		}
		for _, layout := range []string{"2006-01-02T15:04", "2006-01-02"} {
			if at, err := time.ParseInLocation(layout, raw, v.Zone); err == nil {
				return at
			}
		}
		findings = append(findings, tenant.Finding{
			Field: field, Code: tenant.CodeDateInvalid, Severity: tenant.SeverityError, Got: raw, Expected: "2026-11-26T09:30",
			Message: v.p.text("This is not a date and a time."),
		})
		return at
	}
	q.From, q.To = read("from"), read("to")
	if before := values.Get("before"); before != "" {
		q.Before, _ = strconv.ParseInt(before, 10, 64) // a place that is none begins with the newest
	}
	return q, findings
}

// exportAudit sends the log, filtered as the page is, as NDJSON.
func (h *Handler) exportAudit(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	q, findings := v.auditQuery(values)
	if len(findings) > 0 {
		return &tenant.ValidationError{Findings: findings}
	}
	out := &download{w: v.w, mime: "application/x-ndjson", name: "audit.ndjson"}
	if _, err = h.cfg.Tenants.ExportAudit(v.r.Context(), v.Actor, v.tenantID, q, out); err != nil && !out.begun {
		return err
	}
	if err != nil { // a part is on its way: the connection must break, or the file would look whole
		h.cfg.Logger.ErrorContext(v.r.Context(), "portal: export", "tenant", v.tenantID, "error", err)
		panic(http.ErrAbortHandler)
	}
	out.begin()
	return nil
}

// download is a file for the browser. Its headers are sent with the first byte, so that a refusal before is still a page.
type download struct {
	w          http.ResponseWriter
	mime, name string
	begun      bool
}

func (d *download) begin() {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", d.mime)
		d.w.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
}

// Write implements io.Writer.
func (d *download) Write(b []byte) (int, error) {
	d.begin()
	return d.w.Write(b)
}

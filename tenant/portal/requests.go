package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// RequestLog is what the portal asks of the log of directories' requests. *scim.Handler is one.
type RequestLog interface {
	ReadRequests(ctx context.Context, actor tenant.Actor, tenantID string, q scim.RequestQuery) (scim.RequestPage, error)
	Traffic(ctx context.Context, actor tenant.Actor, tenantID string) ([]scim.DirectoryTraffic, error)
	ExportRequests(ctx context.Context, actor tenant.Actor, tenantID string, q scim.RequestQuery, w io.Writer) (int, error)
}

// RefusedLog is what the portal asks of the list of what policy refused. *provisioning.Engine is one.
type RefusedLog interface {
	Refused(ctx context.Context, actor tenant.Actor, tenantID string, before int64, limit int) (list []provisioning.RefusedWrite, next int64, err error)
}

var (
	_ RequestLog = (*scim.Handler)(nil)
	_ RefusedLog = (*provisioning.Engine)(nil)
)

// requestsPage is the health of screen 8: how the directories' requests go.
type requestsPage struct {
	Traffic  []trafficRow                `json:"traffic"`
	Refused  []provisioning.RefusedWrite `json:"refused"`
	Requests []scim.Exchange             `json:"requests"`
	Previous string                      `json:"-"`
	Next     string                      `json:"next,omitempty"`
	Form     *form                       `json:"-"`
	Results  []option                    `json:"-"`
	// Readable says that the log can be read at all.
	Readable bool `json:"readable"`
}

// trafficRow is a directory with its counts as people read them.
type trafficRow struct {
	scim.DirectoryTraffic

	HourErrors string `json:"hourErrors"`
	DayErrors  string `json:"dayErrors"`
}

func percent(c scim.RequestCounts) string { return fmt.Sprintf("%.1f %%", 100*c.ErrorRate()) }

// requestQuery is what the address, or the form of a download, selects.
func requestQuery(values url.Values) scim.RequestQuery {
	q := scim.RequestQuery{DirectoryID: values.Get("directory"), Result: scim.RequestResult(values.Get("result")), Limit: 20}
	q.Before, _ = strconv.ParseInt(values.Get("before"), 10, 64) // a place that is none begins with the newest
	return q
}

func (h *Handler) requests(v *visit) error {
	if h.cfg.Requests == nil {
		return store.ErrNotFound
	}
	ctx, values := v.r.Context(), v.r.URL.Query()
	body := requestsPage{
		Traffic: []trafficRow{}, Refused: []provisioning.RefusedWrite{}, Requests: []scim.Exchange{}, Form: newForm(values, nil, "result", "directory"),
		Results: []option{
			{Value: "", Label: v.p.text("All")},
			{Value: string(scim.RequestRefused), Label: v.p.text("Refused")},
			{Value: string(scim.RequestWarned), Label: v.p.text("With a warning")},
			{Value: string(scim.RequestGood), Label: v.p.text("Gone well")},
		},
	}
	traffic, err := h.cfg.Requests.Traffic(ctx, v.Actor, v.tenantID)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if body.Readable = err == nil; body.Readable {
		for _, t := range traffic {
			body.Traffic = append(body.Traffic, trafficRow{DirectoryTraffic: t, HourErrors: percent(t.Hour), DayErrors: percent(t.Day)})
		}
		page, err := h.cfg.Requests.ReadRequests(ctx, v.Actor, v.tenantID, requestQuery(values))
		if err != nil {
			return err
		}
		body.Requests = append(body.Requests, page.Requests...)
		if page.Next > 0 {
			body.Next = v.path("provisioning", "requests") + "?" + requestPlace(values, page.Next)
		}
		if values.Has("before") {
			body.Previous = v.path("provisioning", "requests") + "?" + requestPlace(values, 0)
		}
	}
	if h.cfg.Refused != nil {
		refused, _, err := h.cfg.Refused.Refused(ctx, v.Actor, v.tenantID, 0, 50)
		if err != nil {
			return err
		}
		body.Refused = append(body.Refused, refused...)
	}
	return v.show("requests", "Requests of your directory", body)
}

// requestPlace is the query of a page of the log, with the same filters.
func requestPlace(values url.Values, before int64) string {
	q := url.Values{}
	for _, k := range []string{"result", "directory"} {
		if values.Get(k) != "" {
			q.Set(k, values.Get(k))
		}
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	return q.Encode()
}

// exportRequests sends what the page selects, for support, as NDJSON.
func (h *Handler) exportRequests(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if h.cfg.Requests == nil {
		return store.ErrNotFound
	}
	q := requestQuery(values)
	q.Before = 0
	out := &download{w: v.w, mime: "application/x-ndjson", name: "scim-requests.ndjson"}
	_, err = h.cfg.Requests.ExportRequests(v.r.Context(), v.Actor, v.tenantID, q, out)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return store.ErrNotFound
	case err != nil && !out.begun:
		return err
	case err != nil: // a part is on its way: the connection must break, or the file would look whole
		h.cfg.Logger.ErrorContext(v.r.Context(), "portal: export", "tenant", v.tenantID, "error", err)
		panic(http.ErrAbortHandler)
	}
	out.begin()
	return nil
}

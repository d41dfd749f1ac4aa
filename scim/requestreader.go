package scim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	requestLimit = 100 // of a page, unless the query says otherwise
	// EventRequestsExported is the type of the event that tells who took along what a directory sent.
	EventRequestsExported = "scim.requests.exported"
)

// RequestReader is an optional interface of a [RequestLog] that gives back what it heard, as [RecentRequests] does for one
// replica, and [StoredRequests] for all.
type RequestReader interface {
	// ReadRequests returns a page of a tenant's requests, newest first.
	ReadRequests(ctx context.Context, tenantID string, q RequestQuery) (RequestPage, error)

	// CountRequests counts the requests of one directory in the last hour and the last day before now.
	CountRequests(ctx context.Context, tenantID, directoryID string, now time.Time) (hour, day RequestCounts, err error)
}

// RequestQuery selects requests. Conditions that are zero select all.
type RequestQuery struct {
	// DirectoryID is whose requests.
	DirectoryID string
	// Result is how they went.
	Result RequestResult
	// From and To are when they came, From included, To not.
	From, To time.Time
	// Before continues after a page: its Next. Zero begins with the newest request.
	Before int64
	// Limit is the most requests to return. Zero means 100, more than [store.MaxLimit] means that.
	Limit int
}

// RequestPage is a page of a tenant's requests, newest first.
type RequestPage struct {
	Requests []Exchange `json:"requests"`
	// Next is the Before of the next page, zero when there is none.
	Next int64 `json:"next,omitempty"`
}

func (q RequestQuery) limit() int {
	if q.Limit <= 0 {
		return requestLimit
	}
	return min(q.Limit, store.MaxLimit)
}

func (q RequestQuery) selects(e *Exchange) bool {
	return (q.DirectoryID == "" || e.DirectoryID == q.DirectoryID) && (q.Result == "" || e.result() == q.Result) &&
		(q.From.IsZero() || !e.At.Before(q.From)) && (q.To.IsZero() || e.At.Before(q.To)) && (q.Before <= 0 || e.Seq < q.Before)
}

// ReadRequests implements [RequestReader]: what this replica keeps since it started.
func (l *RecentRequests) ReadRequests(_ context.Context, tenantID string, q RequestQuery) (RequestPage, error) {
	page := RequestPage{}
	for _, e := range l.Requests(tenantID) {
		if !q.selects(&e) {
			continue
		}
		if len(page.Requests) == q.limit() {
			page.Next = page.Requests[len(page.Requests)-1].Seq
			break
		}
		page.Requests = append(page.Requests, e)
	}
	return page, nil
}

// DirectoryTraffic is how the requests of a directory go.
type DirectoryTraffic struct {
	DirectoryID string `json:"directoryId"`
	// Enabled says that the directory is switched on.
	Enabled bool `json:"enabled"`
	// LastRequestAt is when the last one came, in steps of five minutes; zero for never.
	LastRequestAt time.Time `json:"lastRequestAt,omitzero"`
	// Hour and Day count what came in the last hour and the last day, as far as the log knows: see [RecentRequests].
	Hour RequestCounts `json:"hour"`
	Day  RequestCounts `json:"day"`
}

// reader is the log, if the actor may read it.
func (h *Handler) reader(ctx context.Context, actor tenant.Actor, tenantID string) (RequestReader, error) {
	if h.cfg.Authorizer == nil {
		return nil, fmt.Errorf("scim: Config.Authorizer is not set: %w", tenant.ErrForbidden)
	}
	if err := tenant.Allow(ctx, h.cfg.Authorizer, actor, tenant.ActionViewRequests, tenantID); err != nil {
		return nil, err
	}
	r, ok := h.cfg.RequestLog.(RequestReader)
	if !ok {
		return nil, fmt.Errorf("scim: Config.RequestLog can't be read: %w", errors.ErrUnsupported)
	}
	return r, nil
}

// ReadRequests returns what a tenant's directories sent, and what they were answered: no secret is in it, but personal data
// is. The actor needs [tenant.ActionViewRequests], which Config.Authorizer decides. An error that matches
// errors.ErrUnsupported says that the log keeps nothing that could be read.
func (h *Handler) ReadRequests(ctx context.Context, actor tenant.Actor, tenantID string, q RequestQuery) (RequestPage, error) {
	r, err := h.reader(ctx, actor, tenantID)
	if err != nil {
		return RequestPage{}, err
	}
	page, err := r.ReadRequests(ctx, tenantID, q)
	if err != nil {
		return RequestPage{}, fmt.Errorf("scim: reading the request log: %w", err)
	}
	return page, nil
}

// Traffic returns how the requests of each of a tenant's directories go, in the order of the directories' IDs. It needs what
// [Handler.ReadRequests] needs.
func (h *Handler) Traffic(ctx context.Context, actor tenant.Actor, tenantID string) ([]DirectoryTraffic, error) {
	r, err := h.reader(ctx, actor, tenantID)
	if err != nil {
		return nil, err
	}
	directories, err := h.cfg.Store.Directories(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("scim: reading directories: %w", err)
	}
	now := h.cfg.Now()
	out := make([]DirectoryTraffic, 0, len(directories))
	for _, d := range directories {
		t := DirectoryTraffic{DirectoryID: d.ID, Enabled: d.Enabled, LastRequestAt: d.LastRequestAt}
		if t.Hour, t.Day, err = r.CountRequests(ctx, tenantID, d.ID, now); err != nil {
			return nil, fmt.Errorf("scim: counting requests: %w", err)
		}
		out = append(out, t)
	}
	return out, nil
}

// ExportRequests writes the requests that the query selects to w, newest first, as JSON objects, one in each line (NDJSON), in
// the form of [Exchange], for those who support the customer, and returns how many it wrote. The query's Limit is ignored.
// That somebody exported stands in the journal before the first line is written. It needs what [Handler.ReadRequests] needs.
func (h *Handler) ExportRequests(ctx context.Context, actor tenant.Actor, tenantID string, q RequestQuery, w io.Writer) (int, error) {
	r, err := h.reader(ctx, actor, tenantID)
	if err != nil {
		return 0, err
	}
	now := store.Time(h.cfg.Now())
	err = h.cfg.Store.AppendEvents(ctx, tenantID, store.Event{
		ID: store.NewID(now), Type: EventRequestsExported, At: now, Origin: actor.Origin.Event(),
		Actor: store.EventActor{Kind: string(actor.Kind), ID: actor.ID, Name: cmp.Or(actor.Name, actor.Email)}, Subject: store.EventSubject{Kind: "scim_requests", ID: q.DirectoryID},
	})
	if err != nil {
		return 0, fmt.Errorf("scim: writing the journal: %w", err)
	}
	q.Limit = store.MaxLimit
	n, out := 0, json.NewEncoder(w)
	for {
		page, err := r.ReadRequests(ctx, tenantID, q)
		if err != nil {
			return n, fmt.Errorf("scim: reading the request log: %w", err)
		}
		for i := range page.Requests {
			if err := out.Encode(&page.Requests[i]); err != nil {
				return n, fmt.Errorf("scim: writing the request log: %w", err)
			}
			n++
		}
		if page.Next == 0 || len(page.Requests) == 0 || q.Before > 0 && page.Next >= q.Before {
			return n, nil
		}
		q.Before = page.Next
	}
}

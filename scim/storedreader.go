package scim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	logRows   = 8 // records of requests that are read at a time
	countRows = 500
)

// rows are a tenant's records of a type, the newest step first, from that step on back to the other.
func (l *StoredRequests) rows(ctx context.Context, tenantID, typ string, from, back int64, limit int) iter.Seq2[store.SCIMResource, error] {
	return func(yield func(store.SCIMResource, error) bool) {
		st := l.cfg.Store.(store.SCIMResourceStore)
		for after := stepKey(from); ; {
			page, err := st.SCIMResources(ctx, tenantID, typ, store.Query{After: after, Limit: limit, ReadOnly: true})
			if err != nil {
				yield(store.SCIMResource{}, fmt.Errorf("scim: reading the request log: %w", err))
				return
			}
			for _, r := range page.Items {
				if stepOfKey(r.ID) < back || !yield(r, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			after = page.Next
		}
	}
}

// ReadRequests implements [RequestReader]: what all replicas wrote, and what this one has not written yet. A page may have a
// few more than the limit, where replicas answered in the same microsecond.
func (l *StoredRequests) ReadRequests(ctx context.Context, tenantID string, q RequestQuery) (RequestPage, error) {
	if err := l.flush(ctx, tenantID); err != nil { // a log that can't be written may still be read
		l.tell(ctx, err)
	}
	page := RequestPage{}
	from, back := maxStep, l.oldest()
	if q.Before > 0 {
		from = stepOfSeq(q.Before)
	}
	if !q.From.IsZero() {
		back = max(back, stepOfSeq(q.From.UnixMicro()))
	}
	var step []Exchange // those of one step, of all replicas
	// take adds a step to the page, and says whether there is room for more.
	take := func() bool {
		slices.SortFunc(step, func(x, y Exchange) int { return cmp.Compare(y.Seq, x.Seq) })
		for _, e := range step {
			if n := len(page.Requests); n >= q.limit() && page.Requests[n-1].Seq != e.Seq {
				page.Next = page.Requests[n-1].Seq
				return false
			}
			page.Requests = append(page.Requests, e)
		}
		step = step[:0]
		return true
	}
	at := int64(-1)
	for r, err := range l.rows(ctx, tenantID, requestLogType, from, back, logRows) {
		if err != nil {
			return RequestPage{}, err
		}
		if s := stepOfKey(r.ID); s != at {
			if !take() {
				return page, nil
			}
			at = s
		}
		var all []Exchange
		if err := json.Unmarshal(r.Body, &all); err != nil {
			return RequestPage{}, fmt.Errorf("scim: reading the request log: %w", err)
		}
		for i := range all {
			if q.selects(&all[i]) {
				step = append(step, all[i])
			}
		}
	}
	take()
	return page, nil
}

// oldest is the step before which nothing is told any more, deleted or not.
func (l *StoredRequests) oldest() int64 {
	return stepOfSeq(l.cfg.Now().Add(-l.cfg.KeepFor).UnixMicro())
}

// CountRequests implements [RequestReader]: what all replicas wrote, and what this one has not written yet, in steps of five
// minutes.
func (l *StoredRequests) CountRequests(ctx context.Context, tenantID, directoryID string, now time.Time) (hour, day RequestCounts, err error) {
	if err := l.flush(ctx, tenantID); err != nil {
		l.tell(ctx, err)
	}
	last := stepOf(now)
	for r, err := range l.rows(ctx, tenantID, requestCountsType, last, last-stepsDay+1, countRows) {
		if err != nil {
			return RequestCounts{}, RequestCounts{}, err
		}
		var counts map[string]RequestCounts
		if err := json.Unmarshal(r.Body, &counts); err != nil {
			return RequestCounts{}, RequestCounts{}, fmt.Errorf("scim: reading the request log: %w", err)
		}
		day.plus(counts[directoryID])
		if stepOfKey(r.ID) > last-stepsHour {
			hour.plus(counts[directoryID])
		}
	}
	return hour, day, nil
}

func (c *RequestCounts) plus(o RequestCounts) {
	c.Good, c.Warned, c.Refused, c.Throttled = c.Good+o.Good, c.Warned+o.Warned, c.Refused+o.Refused, c.Throttled+o.Throttled
}

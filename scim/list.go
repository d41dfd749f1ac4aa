package scim

import (
	"context"
	"net/http"

	"github.com/tenantgate/tenantgate/store"
)

const urnList = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// listing is a query made ready, and what it found.
type listing struct {
	view  view
	p     params
	cond  *condition
	match *matcher
	expr  store.Expr
	exact bool // expr says all that the filter does
	by    *order

	total   int
	records []record
	next    string // nextCursor
}

// list answers a query of one resource type (RFC 7644 section 3.4.2).
func (h *Handler) list(w http.ResponseWriter, r *request) error {
	return h.search(w, r, r.params)
}

func (h *Handler) search(w http.ResponseWriter, r *request, p params) error {
	l, err := h.listing(r.Context(), r, r.rt, p)
	if err != nil {
		return err
	}
	if err := l.find(r.Context()); err != nil {
		return err
	}
	return h.respondList(w, r, p, l.total, l.next, l)
}

func (h *Handler) listing(ctx context.Context, r *request, rt *resourceType, p params) (*listing, error) {
	l := &listing{view: h.view(r, rt, p), p: p, exact: true}
	if p.filtered {
		parsed, err := h.parser.Filter(p.filter)
		if err != nil {
			return nil, err
		}
		if l.cond, err = rt.compile(parsed, h.dialect); err != nil {
			return nil, err
		}
		l.expr, l.exact = h.pushdown(rt, l.cond)
		if l.match, err = h.matcher(ctx, r, rt, l.cond); err != nil {
			return nil, err
		}
	}
	if p.sortBy != "" {
		var err error
		if l.by, err = h.order(rt, p); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// size is how many resources the client gets at most.
func (h *Handler) size(p params) int {
	if !p.counted {
		return h.cfg.DefaultPageSize
	}
	return min(p.count, h.cfg.MaxPageSize)
}

func (l *listing) find(ctx context.Context) error {
	switch {
	case l.by != nil:
		return l.findSorted(ctx)
	case l.p.cursored:
		return l.findAfter(ctx)
	}
	return l.findWindow(ctx, l.p.startIndex-1, l.view.h.size(l.p))
}

func (l *listing) kind() kind { return l.view.h.kinds[l.view.rt] }

func (l *listing) store() store.Store { return l.view.h.cfg.Store }

// findWindow finds the matches from an offset on, and counts all of them.
func (l *listing) findWindow(ctx context.Context, offset, size int) error {
	if l.exact {
		if done, err := l.findExact(ctx, offset, size); done || err != nil {
			return err
		}
	}
	l.total, l.records = 0, nil
	q := store.Query{Filter: l.expr, WithoutBody: size == 0 && l.match == nil}
	return l.walk(ctx, q, func(rec record) bool {
		if l.total >= offset && len(l.records) < size {
			l.records = append(l.records, rec)
		}
		l.total++
		return true
	})
}

// findExact lets the store skip and count. done is false when it can't. The
// last page tells the total without counting.
func (l *listing) findExact(ctx context.Context, offset, size int) (done bool, err error) {
	if size > 0 {
		able, more, err := l.jump(ctx, offset, size)
		if !able || err != nil {
			return false, err
		}
		if !more && (offset == 0 || len(l.records) > 0) {
			l.total = offset + len(l.records)
			return true, nil
		}
	}
	l.total, done, err = l.kind().count(ctx, l.store(), l.view.r.tenant, l.expr)
	return done, err
}

// jump reads a page at an offset. able is false when the store doesn't apply
// the filter or the offset exactly.
func (l *listing) jump(ctx context.Context, offset, size int) (able, more bool, err error) {
	q := store.Query{Filter: l.expr, Offset: offset, Limit: size, ReadOnly: true}
	for {
		page, err := l.kind().page(ctx, l.store(), l.view.r.tenant, q)
		if err != nil || !page.Exact {
			return false, false, err
		}
		l.records = append(l.records, page.Items...)
		if !page.More || len(l.records) >= size {
			return true, page.More, nil
		}
		q.After, q.Offset, q.Limit = page.Next, 0, size-len(l.records)
	}
}

// walkPage is how many resources are in memory at once when all have to be looked at.
const walkPage = 200

// walk calls fn for each match in the order of IDs, until it returns false.
func (l *listing) walk(ctx context.Context, q store.Query, fn func(record) bool) error {
	if q.Limit == 0 && !q.WithoutBody {
		q.Limit = walkPage
	}
	q.ReadOnly = true
	for {
		page, err := l.kind().page(ctx, l.store(), l.view.r.tenant, q)
		if err != nil {
			return err
		}
		if l.match != nil {
			if err := l.match.prepare(ctx, page.Items); err != nil {
				return err
			}
		}
		for i := range page.Items {
			if l.match != nil {
				if err := l.match.spent.spend(l.match.cost(&page.Items[i])); err != nil {
					return err
				}
				ok, err := l.match.match(ctx, &page.Items[i])
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
			}
			if !fn(page.Items[i]) {
				return nil
			}
		}
		if !page.More {
			return nil
		}
		q.After = page.Next
	}
}

// respondList answers with a ListResponse of one or more listings.
func (h *Handler) respondList(w http.ResponseWriter, r *request, p params, total int, next string, lists ...*listing) error {
	ctx, a, n := r.Context(), h.answer(w, http.StatusOK), 0
	for _, l := range lists {
		if err := l.view.prepare(ctx, l.records...); err != nil {
			return h.finish(a, err)
		}
		n += len(l.records)
	}
	a.buf = append(a.buf, `{"schemas":["`+urnList+`"]`...)
	a.buf = appendNumber(a.buf, `,"totalResults":`, total)
	if !p.cursored {
		a.buf = appendNumber(a.buf, `,"startIndex":`, p.startIndex)
	}
	a.buf = appendNumber(a.buf, `,"itemsPerPage":`, n)
	if next != "" {
		a.buf = append(a.buf, `,"nextCursor":`...)
		a.buf = appendString(a.buf, next)
	}
	a.buf = append(a.buf, `,"Resources":[`...)
	some := false
	for _, l := range lists {
		for i := range l.records {
			if some {
				a.buf = append(a.buf, ',')
			}
			some = true
			if err := l.view.append(ctx, a, &l.records[i]); err != nil {
				return h.finish(a, err)
			}
		}
	}
	a.buf = append(a.buf, "]}"...)
	return h.finish(a, nil)
}

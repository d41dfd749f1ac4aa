package scim

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// order is what sortBy asks for (RFC 7644 section 3.4.2.3).
type order struct {
	field      field
	descending bool
}

// sortKey is one value, ready to be compared.
type sortKey struct {
	none bool
	text string
	num  json.Number
	at   time.Time
}

type sorted struct {
	id  string
	key sortKey
}

func (h *Handler) order(rt *resourceType, p params) (*order, error) {
	path, err := h.parser.Path(p.sortBy)
	if err == nil && path.ValueExpression == nil {
		f, ok := rt.resolve(path.AttributePath)
		if ok && f.attr != nil && f.sub == nil && f.attr.complex() {
			f.sub = f.attr.sub("value")
			ok = f.sub != nil
		}
		relation := f.ext == nil && f.attr != nil && (rt.isMembers(f.attr) || h.isUser(rt) && f.attr.Name == "groups")
		if ok && f.attr != nil && !relation && f.leaf().Returned != ReturnedNever {
			return &order{field: f, descending: p.descending}, nil
		}
	}
	return nil, badRequest(TypeInvalidPath, "%s can't be sorted by %q.", rt.Name, clip(p.sortBy))
}

// key takes the value to sort by: of several the primary, else the first.
func (o *order) key(doc map[string]any) sortKey {
	values := o.field.elements(doc)
	if len(values) == 0 {
		return sortKey{none: true}
	}
	pick := values[0]
	for _, e := range values {
		if m, ok := e.(map[string]any); ok && m["primary"] == true {
			pick = e
			break
		}
	}
	if o.field.sub != nil {
		m, _ := pick.(map[string]any)
		if pick = m[o.field.sub.Name]; pick == nil {
			return sortKey{none: true}
		}
	}
	a := o.field.leaf()
	switch v := pick.(type) {
	case json.Number:
		return sortKey{num: v}
	case bool:
		if v {
			return sortKey{text: "1"}
		}
		return sortKey{text: "0"}
	case string:
		if a.Type == TypeDateTime {
			if at, err := parseTime(v); err == nil {
				return sortKey{at: at}
			}
		}
		if !a.CaseExact {
			v = store.Fold(v)
		}
		return sortKey{text: v}
	}
	return sortKey{none: true}
}

func (o *order) compare(a, b sorted) int {
	c := 0
	switch {
	case a.key.none || b.key.none: // without a value: last, or first when descending
		if a.key.none != b.key.none {
			c = -1
			if a.key.none {
				c = 1
			}
		}
	case a.key.num != "" && b.key.num != "":
		c = compareNumbers(a.key.num, b.key.num)
	case !a.key.at.IsZero() || !b.key.at.IsZero():
		c = a.key.at.Compare(b.key.at)
	default:
		c = strings.Compare(a.key.text, b.key.text)
	}
	if o.descending {
		c = -c
	}
	return cmp.Or(c, strings.Compare(a.id, b.id))
}

// findSorted sorts the keys of all matches and loads the page.
func (l *listing) findSorted(ctx context.Context) error {
	h := l.view.h
	list, err := l.sortedKeys(ctx)
	if err != nil {
		return err
	}
	l.total = len(list)
	offset, size := l.p.startIndex-1, h.size(l.p)
	var c cursor
	if l.p.cursored {
		if c, err = l.start(); err != nil {
			return err
		}
		offset = c.Offset
		if i := slices.IndexFunc(list, func(s sorted) bool { return s.id == c.After }); i >= 0 {
			offset = i + 1
		}
	}
	end := min(offset+size, len(list))
	if err := l.load(ctx, list[min(offset, end):end]); err != nil {
		return err
	}
	if l.p.cursored && end < len(list) && size > 0 {
		l.next = cursor{After: list[end-1].id, Offset: end, Total: l.total, Query: c.Query}.encode()
	}
	return nil
}

// load reads the resources of a sorted page. One that was deleted in the
// meantime is left out.
func (l *listing) load(ctx context.Context, page []sorted) error {
	if len(page) == 0 {
		return nil
	}
	ids := make([]string, len(page))
	for i, s := range page {
		ids[i] = s.id
	}
	found := make(map[string]record, len(ids))
	q := store.Query{Filter: store.In{Attr: store.AttrID, Values: ids}}
	for {
		p, err := l.kind().page(ctx, l.store(), l.view.r.tenant, q)
		if err != nil {
			return err
		}
		for _, rec := range p.Items {
			found[rec.ID] = rec
		}
		if !p.More {
			break
		}
		q.After = p.Next
	}
	for _, id := range ids {
		if rec, ok := found[id]; ok {
			l.records = append(l.records, rec)
		}
	}
	return nil
}

func (l *listing) sortedKeys(ctx context.Context) ([]sorted, error) {
	var list []sorted
	var failed error
	most := l.view.h.cfg.MaxSorted
	err := l.walk(ctx, store.Query{Filter: l.expr}, func(rec record) bool {
		if len(list) == most {
			failed = badRequest(TypeTooMany, "More than %d resources would have to be sorted; narrow the filter.", most)
			return false
		}
		doc, err := l.view.h.document(l.view.r, l.view.rt, &rec)
		if err != nil {
			failed = err
			return false
		}
		list = append(list, sorted{id: rec.ID, key: l.by.key(doc)})
		return true
	})
	if err = cmp.Or(failed, err); err != nil {
		return nil, err
	}
	slices.SortFunc(list, l.by.compare)
	return list, nil
}

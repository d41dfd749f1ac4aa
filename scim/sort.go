package scim

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// order is what sortBy asks for (RFC 7644 section 3.4.2.3).
type order struct {
	field      field
	descending bool
}

// sortKey is one value, ready to be compared, and part of cursors.
type sortKey struct {
	None bool        `json:"none,omitempty"`
	Text string      `json:"text,omitempty"`
	Num  json.Number `json:"num,omitempty"`
	At   time.Time   `json:"at,omitzero"`
}

// maxSortText bounds the text that is compared, in bytes, and so the size of cursors.
// What differs only behind it is sorted by ID.
const maxSortText = 1024

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
		return sortKey{None: true}
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
		several := elements(m[o.field.sub.Name])
		if len(several) == 0 {
			return sortKey{None: true}
		}
		pick = several[0]
	}
	a := o.field.leaf()
	switch v := pick.(type) {
	case json.Number:
		return sortKey{Num: v}
	case bool:
		if v {
			return sortKey{Text: "1"}
		}
		return sortKey{Text: "0"}
	case string:
		if a.Type == TypeDateTime {
			if at, err := parseTime(v); err == nil {
				return sortKey{At: at}
			}
		}
		if a.folded() {
			v = store.Fold(v)
		}
		return sortKey{Text: prefix(v, maxSortText)}
	}
	return sortKey{None: true}
}

func (o *order) compare(a, b sorted) int {
	c := 0
	switch {
	case a.key.None || b.key.None: // without a value: last, or first when descending
		if a.key.None != b.key.None {
			c = -1
			if a.key.None {
				c = 1
			}
		}
	case a.key.Num != "" && b.key.Num != "":
		c = compareNumbers(a.key.Num, b.key.Num)
	case !a.key.At.IsZero() || !b.key.At.IsZero():
		c = a.key.At.Compare(b.key.At)
	default:
		c = strings.Compare(a.key.Text, b.key.Text)
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
		if offset = 0; c.Key != nil {
			offset = behind(list, sorted{id: c.After, key: *c.Key}, l.by)
		}
	}
	end := min(offset+size, len(list))
	if err := l.load(ctx, list[min(offset, end):end]); err != nil {
		return err
	}
	if l.p.cursored && end < len(list) && size > 0 {
		last := list[end-1]
		l.next, err = l.seal(cursor{After: last.id, Key: &last.key, Total: l.total})
	}
	return err
}

// behind is the place of the first that comes after the one at which a page ended,
// wherever that is now.
func behind(list []sorted, last sorted, by *order) int {
	i, found := slices.BinarySearchFunc(list, last, by.compare)
	if found {
		i++
	}
	return i
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
	q := store.Query{Filter: store.In{Attr: store.AttrID, Values: ids}, ReadOnly: true}
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

// prefix is the part of s that has at most n bytes, between runes.
func prefix(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

package filtertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// checker asks all servers for the matches of a filter, in all ways there are.
type checker struct {
	rt      *resourceType
	docs    []map[string]any // in the order of IDs
	servers []*client
}

// mismatch is an answer that is not as it should be.
type mismatch struct {
	server, step string
	want, got    []string
	detail       string
}

func (c *checker) matches(n *node) (out []map[string]any) {
	for _, d := range c.docs {
		if n.holds(d) {
			out = append(out, d)
		}
	}
	return out
}

// check tries a filter. The same seed tries the same ways.
func (c *checker) check(n *node, seed uint64) *mismatch {
	r := rand.New(rand.NewPCG(seed, 0))
	want := c.matches(n)
	for _, s := range c.servers {
		if m := c.full(s, n, ids(want), chance(r, 20)); m != nil {
			return m
		}
	}
	q := query{filter: n.String(), count: 1 + r.IntN(len(want)+2)}
	if m := c.byIndex(pick(r, c.servers), q, ids(want), "pages by index"); m != nil {
		return m
	}
	if m := c.byCursor(pick(r, c.servers), q, ids(want), "pages by cursor"); m != nil {
		return m
	}
	if m := c.bySearch(r, q, want); m != nil {
		return m
	}
	return c.sorted(r, q, want)
}

// result turns an answer into a mismatch, unless it is right.
func result(s *client, step string, a answer, err error, want, got []string, total int) *mismatch {
	m := &mismatch{server: s.name, step: step, want: want, got: got}
	switch {
	case err != nil:
		m.detail = err.Error()
	case !slices.Equal(want, got):
		m.detail = "other resources, or another order"
	case a.TotalResults != total:
		m.detail = fmt.Sprintf("totalResults is %d, not %d", a.TotalResults, total)
	case a.ItemsPerPage != len(a.Resources):
		m.detail = fmt.Sprintf("itemsPerPage is %d on a page of %d", a.ItemsPerPage, len(a.Resources))
	default:
		return nil
	}
	return m
}

// full asks for all matches at once, and for their number alone.
func (c *checker) full(s *client, n *node, want []string, whole bool) *mismatch {
	a, err := s.search(c.rt.Endpoint, query{filter: n.String(), count: 1000, whole: whole})
	if m := result(s, "all at once", a, err, want, a.ids(""), len(want)); m != nil {
		return m
	}
	a, err = s.search(c.rt.Endpoint, query{filter: n.String(), count: 0})
	return result(s, "count=0", a, err, nil, a.ids(""), len(want))
}

// byIndex walks by startIndex, and asks for a page behind the last.
func (c *checker) byIndex(s *client, q query, want []string, step string) *mismatch {
	for q.start = 1; q.start <= len(want)+1; q.start += q.count {
		part := want[q.start-1 : min(q.start-1+q.count, len(want))]
		a, err := s.search(c.rt.Endpoint, q)
		m := result(s, fmt.Sprintf("%s, startIndex=%d&count=%d", step, q.start, q.count), a, err, part, a.ids(""), len(want))
		if m != nil {
			return m
		}
		if a.StartIndex != q.start {
			return &mismatch{server: s.name, step: step, detail: fmt.Sprintf("startIndex is %d, not %d", a.StartIndex, q.start)}
		}
	}
	return nil
}

// byCursor walks by cursor (RFC 9865).
func (c *checker) byCursor(s *client, q query, want []string, step string) *mismatch {
	cursor, at := "", 0
	for {
		q.cursor = &cursor
		a, err := s.search(c.rt.Endpoint, q)
		part := want[at:min(at+q.count, len(want))]
		if m := result(s, fmt.Sprintf("%s, from %d with count=%d", step, at, q.count), a, err, part, a.ids(""), len(want)); m != nil {
			return m
		}
		at += len(part)
		if more := at < len(want); more != (a.NextCursor != "") {
			return &mismatch{server: s.name, step: step, detail: fmt.Sprintf("after %d of %d: nextCursor %q", at, len(want), a.NextCursor)}
		}
		if cursor = a.NextCursor; cursor == "" {
			return nil
		}
	}
}

// bySearch asks by POST, of the type and of all types at once.
func (c *checker) bySearch(r *rand.Rand, q query, want []map[string]any) *mismatch {
	s, total := pick(r, c.servers), len(want)
	a, err := s.post(c.rt.Endpoint, q)
	if m := result(s, "POST "+c.rt.Endpoint+"/.search", a, err, ids(want[:min(q.count, total)]), a.ids(""), total); m != nil {
		return m
	}
	if !chance(r, 30) {
		return nil
	}
	q.count = 1000
	a, err = s.post("/", q)
	// Other types may have the attribute too, in another meaning.
	return result(s, "POST /.search", a, err, ids(want), a.ids(c.rt.Name), a.TotalResults)
}

// sorted asks for an order, at once and by pages.
func (c *checker) sorted(r *rand.Rand, q query, want []map[string]any) *mismatch {
	by := c.sorting(r)
	by.sort(want)
	q.sortBy, q.descending = by.name, by.descending
	step := fmt.Sprintf("sortBy=%s", by.name)
	if by.descending {
		step += "&sortOrder=descending"
	}
	s := pick(r, c.servers)
	switch r.IntN(3) {
	case 0:
		return c.byIndex(s, q, ids(want), step)
	case 1:
		return c.byCursor(s, q, ids(want), step)
	}
	q.count = 1000
	a, err := s.search(c.rt.Endpoint, q)
	return result(s, step, a, err, ids(want), a.ids(""), len(want))
}

// sorting picks an attribute that can be sorted by: no relation, and of a complex one
// a sub-attribute, if it has no value of its own.
func (c *checker) sorting(r *rand.Rand) *sorting {
	for {
		p := pick(r, c.rt.attrs)
		if subs := p.withSubs(); p.attr.Type == "complex" {
			p = pick(r, subs)
		}
		relation := p.urn == "" && (p.attr.Name == "groups" && c.rt.Name == "User" || p.attr.Name == "members" && c.rt.Name == "Group")
		if relation || p.sub == nil && p.attr.Type == "complex" && p.attr.value() == nil {
			continue
		}
		g := generator{values: &values{r: r}}
		return &sorting{path: p, name: g.spell(p), descending: chance(r, 50)}
	}
}

// describe is the report of a filter that fails.
func (c *checker) describe(n *node, m *mismatch) string {
	var b strings.Builder
	fmt.Fprintf(&b, "filter: %s\n", clip(n.String()))
	fmt.Fprintf(&b, "endpoint %s, store %s, %s: %s\n", c.rt.Endpoint, m.server, m.step, m.detail)
	fmt.Fprintf(&b, "want %v\ngot  %v\n", c.numbers(m.want), c.numbers(m.got))
	for i, d := range c.differing(m) {
		if i == 2 {
			break
		}
		fmt.Fprintf(&b, "%v passes: %v: %s\n", c.numbers([]string{id(d)}), n.holds(d), c.excerpt(n, d, m.step))
	}
	return b.String()
}

// numbers are short names of resources.
func (c *checker) numbers(list []string) (out []int) {
	all := ids(c.docs)
	for _, id := range list {
		out = append(out, slices.Index(all, id)+1)
	}
	return out
}

// differing are the resources that one of both lacks, or has at another place.
func (c *checker) differing(m *mismatch) (out []map[string]any) {
	for _, d := range c.docs {
		if slices.Contains(m.want, id(d)) != slices.Contains(m.got, id(d)) {
			out = append(out, d)
		}
	}
	for i := 0; len(out) == 0 && i < len(m.want) && i < len(m.got); i++ {
		for _, d := range c.docs {
			if m.want[i] != m.got[i] && (id(d) == m.want[i] || id(d) == m.got[i]) {
				out = append(out, d)
			}
		}
	}
	return out
}

// excerpt shows what a filter looks at of a resource, and what it is sorted by.
func (c *checker) excerpt(n *node, doc map[string]any, step string) string {
	keys := map[string]bool{"id": true}
	n.walk(nil, func(n *node, outer *path) {
		if outer == nil && n.path.attr != nil {
			keys[n.path.attr.Name] = true
		}
	})
	if _, by, ok := strings.Cut(step, "sortBy="); ok {
		by, _, _ = strings.Cut(by, "&")
		by = by[strings.LastIndexByte(by, ':')+1:]
		by, _, _ = strings.Cut(by, ".")
		for _, p := range c.rt.attrs {
			keys[p.attr.Name] = keys[p.attr.Name] || strings.EqualFold(p.attr.Name, strings.TrimSuffix(by, ","))
		}
	}
	var b strings.Builder
	for _, p := range c.rt.attrs {
		if v := p.elements(doc); keys[p.attr.Name] && len(v) > 0 {
			fmt.Fprintf(&b, "%s=%s ", p.name(), clip(fmt.Sprintf("%q", v)))
		}
	}
	return b.String()
}

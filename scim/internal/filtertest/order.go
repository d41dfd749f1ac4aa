package filtertest

import (
	"cmp"
	"slices"
)

// sorting is what sortBy and sortOrder ask for (RFC 7644 section 3.4.2.3).
type sorting struct {
	path       path
	name       string // as spelt
	descending bool
}

// value is what a resource is sorted by: of several values the primary one or the
// first. It is nil if there is none.
func (s *sorting) value(doc map[string]any) any {
	elements := s.path.elements(doc)
	if len(elements) == 0 {
		return nil
	}
	pick := elements[0]
	for _, e := range elements {
		if m, ok := e.(map[string]any); ok && m["primary"] == true {
			pick = e
			break
		}
	}
	if s.path.attr.Type == "complex" {
		sub := s.path.sub
		if sub == nil {
			sub = s.path.attr.value()
		}
		m, _ := pick.(map[string]any)
		values := list(m[sub.Name])
		if len(values) == 0 {
			return nil
		}
		pick = values[0]
	}
	return pick
}

func (s *sorting) leaf() *attribute {
	if s.path.attr.Type == "complex" && s.path.sub == nil {
		return s.path.attr.value()
	}
	return s.path.leaf()
}

// sort orders resources: those without a value come last, or first when
// descending; equal ones in the order of their IDs.
func (s *sorting) sort(docs []map[string]any) {
	slices.SortFunc(docs, func(a, b map[string]any) int {
		x, y := s.value(a), s.value(b)
		order := 0
		switch {
		case x == nil && y == nil:
		case x == nil:
			order = 1
		case y == nil:
			order = -1
		default:
			order = compare(s.leaf(), x, y)
		}
		if s.descending {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(id(a), id(b)))
	})
}

func id(doc map[string]any) string {
	s, _ := doc["id"].(string)
	return s
}

func ids(docs []map[string]any) (out []string) {
	for _, d := range docs {
		out = append(out, id(d))
	}
	return out
}

package provisioning

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// The bounds of what is read of values from outside. The longest value fits where the ID of a
// group does.
const (
	maxValue      = 200      // bytes of one
	maxValues     = 200      // values of one person in one attribute or claim, as Entra ID's tokens have at most
	maxValueBytes = 16 << 10 // of all of them
)

// ValueSource returns the source of what a value of the attribute roles, or of a claim, gives:
// "role:" or "claim:" and the value. It is empty for another authority.
func ValueSource(a store.AuthoritySource, value string) Source { return Source(valueID(a, value)) }

// Value returns the value that it is, and where that stands; ok is false for other sources.
func (s Source) Value() (a store.AuthoritySource, value string, ok bool) { return valueIn(string(s)) }

// valueID is what stands for a value where else the ID of a group does.
func valueID(a store.AuthoritySource, value string) string {
	switch a {
	case store.AuthorityRoles:
		return store.GrantedByRole + value
	case store.AuthorityClaims:
		return store.GrantedByClaim + value
	}
	return ""
}

func valueIn(id string) (a store.AuthoritySource, value string, ok bool) {
	if value, ok = strings.CutPrefix(id, store.GrantedByRole); ok {
		return store.AuthorityRoles, value, true
	}
	if value, ok = strings.CutPrefix(id, store.GrantedByClaim); ok {
		return store.AuthorityClaims, value, true
	}
	return "", "", false
}

// isValue says whether what stands for a group is a value.
func isValue(id string) bool {
	_, _, ok := valueIn(id)
	return ok
}

// plainValue says whether a text may be a value at all: a row can name no other, and so no other
// gives anything.
func plainValue(s string) bool {
	return s != "" && len(s) <= maxValue && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
}

// valueName names a value for people.
func valueName(a store.AuthoritySource, value string) string {
	if a == store.AuthorityRoles {
		return "the directory's role “" + label(value) + "”"
	}
	return "the identity provider's value “" + label(value) + "”"
}

// named names a value's source for people; empty for other sources.
func (s Source) named() string {
	a, v, ok := s.Value()
	if !ok {
		return ""
	}
	return valueName(a, v)
}

// valueList gathers values within the bounds.
type valueList struct {
	values []string
	seen   map[string]bool
	bytes  int
	full   bool
}

// add takes a value, unless no row can name it.
func (l *valueList) add(v string) {
	v = strings.TrimSpace(v)
	switch {
	case !plainValue(v) || l.seen[v] || l.full:
		return
	case len(l.values) == maxValues || l.bytes+len(v) > maxValueBytes:
		l.full = true
		return
	case l.seen == nil:
		l.seen = map[string]bool{}
	}
	l.seen[v] = true
	l.values, l.bytes = append(l.values, v), l.bytes+len(v)
}

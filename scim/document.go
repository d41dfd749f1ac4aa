package scim

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// maxValues bounds the values of one multi-valued attribute. A group's members
// have a limit of their own.
const maxValues = 1000

// canonical brings a client's resource to our form: attribute names as the
// schema spells them, values checked and of the right type, read-only, unknown
// and empty attributes left out. It doesn't check what is required.
func (rt *resourceType) canonical(raw map[string]any, d dialect) (map[string]any, error) {
	doc := make(map[string]any, len(raw))
	for name, v := range raw {
		if c := rt.container(name); c != nil {
			m, ok := v.(map[string]any)
			if !ok && !d.cleared(v) {
				return nil, badRequest(TypeInvalidValue, "%s has to be an object.", c.urn)
			}
			if err := rt.extension(doc, c, m, d); err != nil {
				return nil, err
			}
			continue
		}
		a := rt.core.attr(name)
		if a == nil {
			a = rt.common[strings.ToLower(name)]
		}
		if a == nil {
			d.ignore(name)
			continue
		}
		if err := setCanonical(doc, a, v, d); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

func (rt *resourceType) extension(doc map[string]any, c *container, m map[string]any, d dialect) error {
	into := doc
	if c.extension {
		into = make(map[string]any, len(m))
	}
	for name, v := range m {
		a := c.attr(name)
		if a == nil {
			d.ignore(c.urn + ":" + name)
			continue
		}
		if err := setCanonical(into, a, v, d); err != nil {
			return err
		}
	}
	if c.extension && len(into) > 0 {
		if _, twice := doc[c.urn]; twice {
			return badRequest(TypeInvalidSyntax, "%s is given twice.", c.urn)
		}
		doc[c.urn] = into
	}
	return nil
}

func setCanonical(into map[string]any, a *attribute, v any, d dialect) error {
	if a.Mutability == MutabilityReadOnly || a.Name == "schemas" || d.cleared(v) {
		return nil
	}
	c, err := a.canonical(v, d)
	if err != nil || c == nil {
		return err
	}
	if _, twice := into[a.Name]; twice {
		return badRequest(TypeInvalidSyntax, "%s is given twice, in different case.", a.path)
	}
	into[a.Name] = c
	return nil
}

// canonical checks a value of the attribute and returns it in our form, or nil
// for none.
func (a *attribute) canonical(v any, d dialect) (any, error) {
	if !a.MultiValued {
		return a.one(d.single(v), d)
	}
	list, ok := d.values(v)
	if !ok {
		return nil, badRequest(TypeInvalidValue, "%s has to be an array.", a.path)
	}
	if err := a.countable(list); err != nil {
		return nil, err
	}
	out := valueSet{attr: a, list: make([]any, 0, len(list))}
	for _, e := range list {
		if d.cleared(e) {
			continue
		}
		c, err := a.one(e, d)
		if err != nil {
			return nil, err
		}
		if c != nil {
			out.add(c)
		}
	}
	if len(out.list) == 0 {
		return nil, nil
	}
	if a.primaries(out.list) > 1 {
		return nil, badRequest(TypeInvalidValue, "%s has more than one primary value (RFC 7643 section 2.4).", a.path)
	}
	return out.list, nil
}

// countable refuses more values than an attribute may have.
func (a *attribute) countable(list []any) error {
	if len(list) > maxValues {
		return badRequest(TypeInvalidValue, "%s has %d values; at most %d are accepted.", a.path, len(list), maxValues)
	}
	return nil
}

// one checks a single value.
func (a *attribute) one(v any, d dialect) (any, error) {
	if !a.complex() {
		return a.simple(d.plain(v), d)
	}
	m, ok := d.object(a, v)
	if !ok {
		return nil, badRequest(TypeInvalidValue, "%s has to be an object.", a.path)
	}
	out := make(map[string]any, len(m))
	for name, e := range m {
		s := a.sub(name)
		if s == nil {
			d.ignore(a.path + "." + name)
			continue
		}
		if err := setCanonical(out, s, e, d); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func (a *attribute) simple(v any, d dialect) (any, error) {
	bad := func(want string) (any, error) {
		return nil, badRequest(TypeInvalidValue, "%s has to be %s.", a.path, want)
	}
	switch a.Type {
	case TypeBoolean:
		if b, ok := d.boolean(v); ok {
			return b, nil
		}
		return bad("true or false")
	case TypeInteger:
		if n, ok := v.(json.Number); ok {
			if _, err := n.Int64(); err == nil {
				return n, nil
			}
		}
		return bad("a whole number of at most 64 bits")
	case TypeDecimal:
		if n, ok := v.(json.Number); ok && len(n) <= maxNumber {
			if _, err := n.Float64(); err == nil {
				return n, nil
			}
		}
		return bad("a number of at most " + strconv.Itoa(maxNumber) + " characters")
	}
	s, ok := v.(string)
	if !ok {
		return bad("a string")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return nil, badRequest(TypeInvalidValue, "%s must not hold the character U+0000.", a.path)
	}
	if a.Type == TypeDateTime {
		if _, err := parseTime(s); err != nil {
			return bad(`a date and time such as "2026-01-31T12:00:00Z"`)
		}
	}
	if a.Type == TypeBinary && !isBase64(s) {
		return bad("base64 (RFC 4648)")
	}
	return v, nil
}

// fold adds a value to a list, or merges it into the one that has the same
// value and type (RFC 7643 section 2.4: the pair should not come twice).
func (a *attribute) fold(list []any, v any) []any {
	for _, have := range list {
		h, n, ok := twoMaps(have, v)
		switch {
		case !ok:
			if equal(have, v) {
				return list
			}
		case !a.sameIn("value", h, n) || !a.sameIn("type", h, n):
		case h["value"] != nil:
			merge(h, n)
			return list
		case reflect.DeepEqual(h, n):
			return list
		}
	}
	return append(list, v)
}

// sameIn compares a sub-attribute of two values as its definition says.
func (a *attribute) sameIn(name string, x, y map[string]any) bool {
	s := a.sub(name)
	v, ok := x[name].(string)
	w, ok2 := y[name].(string)
	if s != nil && s.folded() && ok && ok2 {
		return store.Fold(v) == store.Fold(w)
	}
	return equal(x[name], y[name])
}

func twoMaps(a, b any) (x, y map[string]any, ok bool) {
	x, ok = a.(map[string]any)
	y, ok2 := b.(map[string]any)
	return x, y, ok && ok2
}

// primaries counts the values marked as primary.
func (a *attribute) primaries(list []any) (n int) {
	for _, e := range list {
		if m, ok := e.(map[string]any); ok && m["primary"] == true {
			n++
		}
	}
	return n
}

// required checks that the document has all it needs. What is never returned
// was dropped, so its presence is only known at creation.
func (rt *resourceType) required(doc map[string]any, creating bool) error {
	for _, c := range rt.containers() {
		in := doc
		if c.extension {
			if _, asStored := doc[c.urn].(stored); asStored {
				continue
			}
			var ok bool
			if in, ok = doc[c.urn].(map[string]any); !ok {
				if c.required {
					return badRequest(TypeInvalidValue, "The extension %s is required.", c.urn)
				}
				continue
			}
		}
		for _, a := range c.attrs {
			if a.Returned == ReturnedNever && !creating {
				continue
			}
			if err := a.present(in); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *attribute) present(in map[string]any) error {
	v, ok := in[a.Name]
	if !ok {
		if a.Required && a.Mutability != MutabilityReadOnly {
			return badRequest(TypeInvalidValue, "%s is required.", a.path)
		}
		return nil
	}
	if s, isString := v.(string); isString && a.Required && strings.TrimSpace(s) == "" {
		return badRequest(TypeInvalidValue, "%s is required and must not be blank.", a.path)
	}
	if !a.complex() {
		return nil
	}
	for _, e := range elements(v) {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		for _, s := range a.subs {
			if err := s.present(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropSecrets removes what is never returned, so that it is never stored, and
// never part of an event.
func (rt *resourceType) dropSecrets(doc map[string]any) {
	for _, c := range rt.containers() {
		in := doc
		if c.extension {
			in, _ = doc[c.urn].(map[string]any)
		}
		for _, a := range c.attrs {
			if a.Returned == ReturnedNever {
				delete(in, a.Name)
			} else if a.complex() {
				a.dropSecrets(in)
			}
		}
		if c.extension && in != nil && len(in) == 0 {
			delete(doc, c.urn)
		}
	}
}

func (a *attribute) dropSecrets(in map[string]any) {
	for _, s := range a.subs {
		if s.Returned != ReturnedNever {
			continue
		}
		for _, e := range elements(in[a.Name]) {
			if m, ok := e.(map[string]any); ok {
				delete(m, s.Name)
			}
		}
	}
}

// elements lists the values of an attribute, whether it has one or many.
func elements(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func isBase64(s string) bool {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if _, err := enc.DecodeString(s); err == nil {
			return true
		}
	}
	return false
}

// parseTime reads a dateTime (RFC 7643 section 2.3.5), also without a zone,
// which then counts as UTC, and as a date alone.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", time.DateOnly} {
		if t, e := time.Parse(layout, s); e == nil {
			return t, nil
		}
	}
	return time.Time{}, err
}

// clone copies maps and slices, so that a change of the copy leaves the
// original alone.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = clone(e)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = clone(e)
		}
		return l
	}
	return v
}

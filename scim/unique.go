package scim

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// uniqueKeys adds a key for each value that has to be unique by definition, so that the
// store refuses it a second time. userName has a column of its own.
func (rt *resourceType) uniqueKeys(keys []store.Key, doc map[string]any) []store.Key {
	for _, f := range rt.unique {
		for _, e := range f.elements(doc) {
			if f.sub != nil {
				m, _ := e.(map[string]any)
				e = m[f.sub.Name]
			}
			for _, v := range elements(e) {
				keys = addKey(keys, store.Key{Attr: store.Attr(f.name()), Value: keyValue(f.leaf(), v), Unique: true})
			}
		}
	}
	return keys
}

// keysKnown reports whether the members that keys follow from are decoded; otherwise
// they, and so the keys, are as they were.
func (rt *resourceType) keysKnown(doc map[string]any) bool {
	for key := range rt.keyed {
		if _, asStored := doc[key].(stored); asStored {
			return false
		}
	}
	return true
}

// uniqueFields lists what has to be unique by definition and has no column of its own.
func (rt *resourceType) uniqueFields() (out []field) {
	for _, c := range rt.containers() {
		for _, a := range c.attrs {
			f := field{attr: a}
			if c.extension {
				f.ext = c
			}
			if rt.core.urn == URNUser && f.ext == nil && a.Name == "userName" {
				continue
			}
			if a.Uniqueness != UniquenessNone && !a.complex() {
				out = append(out, f)
			}
			for _, s := range a.subs {
				if s.Uniqueness != UniquenessNone {
					out = append(out, field{ext: f.ext, attr: a, sub: s})
				}
			}
		}
	}
	return out
}

// keyValue is the value as stores compare it.
func keyValue(a *attribute, v any) string {
	switch v := v.(type) {
	case string:
		if a.folded() {
			return store.Fold(v)
		}
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
	}
	return "false"
}

// taken says of a conflict which values another resource may have: name is what the type
// has in a column of its own, or empty.
func (rt *resourceType) taken(err error, r record, name string) error {
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	var values []string
	if name != "" {
		values = append(values, name+" \""+clip(r.name)+"\"")
	}
	for _, k := range r.keys {
		if k.Unique {
			values = append(values, string(k.Attr)+" \""+clip(k.Value)+"\"")
		}
	}
	if len(values) > maxNamed {
		values = append(values[:maxNamed:maxNamed], "…")
	}
	return &Error{
		Status: http.StatusConflict, Type: TypeUniqueness,
		Detail: "Another resource has the " + strings.Join(values, " or the ") + " already.",
	}
}

// maxNamed bounds the values that one error names.
const maxNamed = 5

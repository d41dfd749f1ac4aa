package scim

import (
	"encoding/json"

	"github.com/tenantgate/tenantgate/store"
)

// valueSet collects the values of a multi-valued attribute; those that are the same
// become one (RFC 7643 section 2.4). Many values cost what they are, not their square.
type valueSet struct {
	attr *attribute
	list []any
	at   map[string]int // by identity, once there are some values
}

// fewValues is up to how many values comparing with each is cheaper than a map.
const fewValues = 16

func (s *valueSet) add(v any) {
	if len(s.list) < fewValues {
		s.list = s.attr.fold(s.list, v)
		return
	}
	if s.at == nil {
		s.at = make(map[string]int, 2*fewValues)
		for i, e := range s.list {
			s.at[s.attr.identity(e)] = i
		}
	}
	key := s.attr.identity(v)
	if i, ok := s.at[key]; ok {
		merge(s.list[i], v)
		return
	}
	s.at[key] = len(s.list)
	s.list = append(s.list, v)
}

// identity is equal for values that fold makes one of.
func (a *attribute) identity(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return string(appendIdentity(nil, a, v))
	}
	if m["value"] == nil {
		return string(appendObject([]byte("o"), a.subs, m))
	}
	key := appendIdentity([]byte("v"), a.sub("value"), m["value"])
	return string(appendIdentity(append(key, 0), a.sub("type"), m["type"]))
}

func appendIdentity(dst []byte, a *attribute, v any) []byte {
	switch v := v.(type) {
	case string:
		if a != nil && a.folded() {
			v = store.Fold(v)
		}
		return append(append(dst, 's'), v...)
	case json.Number:
		if r, ok := rational(v); ok {
			return append(append(dst, 'n'), r.RatString()...)
		}
		return append(append(dst, 'n'), v...)
	case nil:
		return dst
	}
	return appendValue(append(dst, 'j'), a, v)
}

// merge adds to a value what another one says of the same thing.
func merge(have, v any) {
	h, n, ok := twoMaps(have, v)
	if !ok || h["value"] == nil {
		return
	}
	for k, e := range n {
		h[k] = e
	}
}

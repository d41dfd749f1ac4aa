package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// object is a JSON object as a provider sent it, decoded one level deep, in the order of its members. Member names are
// compared exactly and a repeated member makes the whole object invalid: encoding/json would let "SUB" overwrite "sub", and
// the last of two "email_verified" win.
type object []member

type member struct {
	name  []byte
	value json.RawMessage
}

var errNotObject = errors.New("expected a JSON object")

// manyMembers is from how many members on they are compared by hash: a hostile document has thousands.
const manyMembers = 32

// parseObject decodes data, which must be exactly one JSON object. Its values are parts of data.
func parseObject(data []byte) (object, error) {
	i := skipSpace(data, 0)
	if i == len(data) || data[i] != '{' {
		return nil, errNotObject
	}
	obj := make(object, 0, min(bytes.Count(data, []byte{':'}), manyMembers)) // as many as there can be, within reason
	var seen map[string]bool
	var wrong error
	end := scanItems(data, i, 1, func(raw, value []byte) bool {
		name, ok := nameOf(raw)
		if len(obj) == manyMembers {
			seen = make(map[string]bool, len(obj))
			for _, m := range obj {
				seen[string(m.name)] = true
			}
		}
		switch {
		case !ok:
			wrong = errors.New("invalid JSON object (a member has an odd name)")
		case seen[string(name)], seen == nil && obj.has(string(name)):
			wrong = errors.New("invalid JSON object (a member is repeated)")
		case seen != nil:
			seen[string(name)] = true
		}
		obj = append(obj, member{name, value[:len(value):len(value)]})
		return wrong == nil
	})
	switch {
	case wrong != nil:
		return nil, wrong
	case end < 0 || skipSpace(data, end) != len(data):
		return nil, errors.New("invalid JSON")
	}
	return obj, nil
}

// nameOf decodes a member's name.
func nameOf(raw []byte) ([]byte, bool) {
	if inner := raw[1 : len(raw)-1]; plain(inner) {
		return inner, true
	}
	s, ok := text(raw)
	return []byte(s), ok
}

// get returns a member's value, nil if there is none.
func (o object) get(name string) json.RawMessage {
	for i := range o {
		if string(o[i].name) == name {
			return o[i].value
		}
	}
	return nil
}

// MarshalJSON gives the object as it came, without space between members.
func (o object) MarshalJSON() ([]byte, error) {
	if o == nil {
		return []byte("null"), nil
	}
	var b bytes.Buffer
	for i, m := range o {
		name, err := json.Marshal(string(m.name))
		if err != nil {
			return nil, err
		}
		b.WriteByte("{,"[min(i, 1)])
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value)
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// text decodes a JSON string.
func text(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if inner := raw[1 : len(raw)-1]; plain(inner) {
		return string(inner), true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// plain tells whether the inside of a JSON string stands for itself.
func plain(inner []byte) bool { return bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) }

// has tells whether the member is there at all, be it null.
func (o object) has(name string) bool { return o.get(name) != nil }

// str returns a string member; ok is false when it is absent or no string.
func (o object) str(name string) (s string, ok bool) { return text(o.get(name)) }

// strs returns a member that is an array of strings, or a single string (which some providers send). Entries of other
// types, and those of more than maxListItemBytes, are skipped: a provider's odd extra value must not stop a sign-in, nor
// fill the memory of those who keep it.
func (o object) strs(name string) []string {
	if s, ok := o.str(name); ok {
		return []string{s}
	}
	var items []json.RawMessage
	if json.Unmarshal(o.get(name), &items) != nil {
		return nil
	}
	out := make([]string, 0, min(len(items), maxListItems))
	for _, raw := range items {
		var s string
		if len(raw) <= maxListItemBytes && len(out) < maxListItems && len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
			out = append(out, s)
		}
	}
	return out
}

// exactStrings returns a member that must be an array of at most limit strings and nothing else.
func (o object) exactStrings(name string, limit int) ([]string, bool) {
	var items []json.RawMessage
	if json.Unmarshal(o.get(name), &items) != nil || items == nil || len(items) > limit {
		return nil, false
	}
	out := make([]string, len(items))
	for i, raw := range items {
		if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &out[i]) != nil {
			return nil, false
		}
	}
	return out, true
}

// isTrue tells whether the member is JSON true.
func (o object) isTrue(name string) bool { return string(o.get(name)) == "true" }

// date reads a NumericDate (RFC 7519 section 2): a JSON number of seconds, which may have a fraction.
func (o object) date(name string) (t time.Time, present bool, err error) {
	raw := o.get(name)
	if raw == nil {
		return time.Time{}, false, nil
	}
	if seconds, err := strconv.ParseInt(string(raw), 10, 64); err == nil && seconds >= 0 && seconds <= year9999 {
		return time.Unix(seconds, 0).UTC(), true, nil // as nearly all are
	}
	var seconds float64
	if strings.HasPrefix(string(raw), `"`) || string(raw) == "null" || json.Unmarshal(raw, &seconds) != nil {
		return time.Time{}, true, fmt.Errorf("%s must be a number of seconds", name)
	}
	if math.IsNaN(seconds) || seconds < 0 || seconds > year9999 {
		return time.Time{}, true, fmt.Errorf("%s is out of range", name)
	}
	whole, frac := math.Modf(seconds)
	return time.Unix(int64(whole), int64(frac*float64(time.Second))).UTC(), true, nil
}

const year9999 = 253402300799

// Bounds on every list that we keep from a provider's document.
const (
	maxListItems     = 64
	maxListItemBytes = 128
)

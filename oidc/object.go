package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// object is a JSON object as a provider sent it, decoded one level deep. Member names are compared exactly and a
// repeated member makes the whole object invalid: encoding/json would let "SUB" overwrite "sub", and the last of
// two "email_verified" win.
type object map[string]json.RawMessage

var errNotObject = errors.New("expected a JSON object")

// parseObject decodes data, which must be exactly one JSON object. Its values are parts of data.
//
// Every sign-in reads five documents in this way, so it is done without reflection: the standard library's scanner, which
// bounds the depth, says that the JSON is valid, and what is left is to find where members end.
func parseObject(data []byte) (object, error) {
	i := skipSpace(data, 0)
	if i == len(data) || data[i] != '{' {
		return nil, errNotObject
	}
	if !json.Valid(data) {
		return nil, errors.New("invalid JSON")
	}
	obj := make(object, min(bytes.Count(data, []byte{':'}), 64)) // as many as there can be, within reason
	for i = skipSpace(data, i+1); data[i] != '}'; i = skipSpace(data, i) {
		if data[i] == ',' {
			i = skipSpace(data, i+1)
		}
		end := skipValue(data, i)
		name, ok := text(data[i:end])
		if !ok {
			return nil, errors.New("invalid JSON object (a member has an odd name)")
		}
		if obj.has(name) {
			return nil, errors.New("invalid JSON object (a member is repeated)")
		}
		i = skipSpace(data, skipSpace(data, end)+1) // the colon
		end = skipValue(data, i)
		obj[name] = data[i:end:end]
		i = end
	}
	return obj, nil
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n') {
		i++
	}
	return i
}

// skipValue returns the end of the value that begins at i of valid JSON.
func skipValue(data []byte, i int) int {
	depth := 0
	for ; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']', ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i // of a number, true, false or null
			}
			if data[i] == '}' || data[i] == ']' {
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	return i
}

// text decodes a JSON string.
func text(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner), true
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// has tells whether the member is there at all, be it null.
func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// str returns a string member; ok is false when it is absent or no string.
func (o object) str(name string) (s string, ok bool) {
	return text(o[name])
}

// strs returns a member that is an array of strings, or a single string (which some providers send). Entries of other
// types, and those of more than maxListItemBytes, are skipped: a provider's odd extra value must not stop a sign-in, nor
// fill the memory of those who keep it.
func (o object) strs(name string) []string {
	if s, ok := o.str(name); ok {
		return []string{s}
	}
	var items []json.RawMessage
	if json.Unmarshal(o[name], &items) != nil {
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
	if json.Unmarshal(o[name], &items) != nil || items == nil || len(items) > limit {
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
func (o object) isTrue(name string) bool { return string(o[name]) == "true" }

// date reads a NumericDate (RFC 7519 section 2): a JSON number of seconds, which may have a fraction.
func (o object) date(name string) (t time.Time, present bool, err error) {
	raw, ok := o[name]
	if !ok {
		return time.Time{}, false, nil
	}
	var seconds float64
	if strings.HasPrefix(string(raw), `"`) || string(raw) == "null" || json.Unmarshal(raw, &seconds) != nil {
		return time.Time{}, true, fmt.Errorf("%s must be a number of seconds", name)
	}
	const year9999 = 253402300799
	if math.IsNaN(seconds) || seconds < 0 || seconds > year9999 {
		return time.Time{}, true, fmt.Errorf("%s is out of range", name)
	}
	whole, frac := math.Modf(seconds)
	return time.Unix(int64(whole), int64(frac*float64(time.Second))).UTC(), true, nil
}

// Bounds on every list that we keep from a provider's document.
const (
	maxListItems     = 64
	maxListItemBytes = 128
)

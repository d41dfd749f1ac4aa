package oidc

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// object is a JSON object as a provider sent it, decoded one level deep. Member names are compared exactly and a
// repeated member makes the whole object invalid: encoding/json would let "SUB" overwrite "sub", and the last of
// two "email_verified" win.
type object map[string]stdjson.RawMessage

var errNotObject = errors.New("expected a JSON object")

// parseObject decodes data, which must be exactly one JSON object.
func parseObject(data []byte) (obj object, err error) {
	defer func() {
		if r := recover(); r != nil {
			obj, err = nil, errors.New("the JSON decoder failed")
		}
	}()
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errNotObject
	}
	// The standard library's scanner bounds the nesting depth, which go-jose's copy of it does not.
	if !stdjson.Valid(data) {
		return nil, errors.New("invalid JSON")
	}
	if err := json.Unmarshal(data, &obj); err != nil {
		return nil, errors.New("invalid JSON object (is a member repeated?)")
	}
	return obj, nil
}

// has tells whether the member is there at all, be it null.
func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// str returns a string member; ok is false when it is absent or no string.
func (o object) str(name string) (s string, ok bool) {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '"' || stdjson.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// strs returns a member that is an array of strings, or a single string (which some providers send). Entries of
// other types are skipped: a provider's odd extra value must not stop a sign-in.
func (o object) strs(name string) []string {
	if s, ok := o.str(name); ok {
		return []string{s}
	}
	var items []stdjson.RawMessage
	if stdjson.Unmarshal(o[name], &items) != nil {
		return nil
	}
	out := make([]string, 0, min(len(items), maxListItems))
	for _, raw := range items {
		var s string
		if len(raw) > 0 && raw[0] == '"' && stdjson.Unmarshal(raw, &s) == nil && len(out) < maxListItems {
			out = append(out, s)
		}
	}
	return out
}

// exactStrings returns a member that must be an array of at most limit strings and nothing else.
func (o object) exactStrings(name string, limit int) ([]string, bool) {
	var items []stdjson.RawMessage
	if stdjson.Unmarshal(o[name], &items) != nil || items == nil || len(items) > limit {
		return nil, false
	}
	out := make([]string, len(items))
	for i, raw := range items {
		if len(raw) == 0 || raw[0] != '"' || stdjson.Unmarshal(raw, &out[i]) != nil {
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
	if strings.HasPrefix(string(raw), `"`) || string(raw) == "null" || stdjson.Unmarshal(raw, &seconds) != nil {
		return time.Time{}, true, fmt.Errorf("%s must be a number of seconds", name)
	}
	const year9999 = 253402300799
	if math.IsNaN(seconds) || seconds < 0 || seconds > year9999 {
		return time.Time{}, true, fmt.Errorf("%s is out of range", name)
	}
	whole, frac := math.Modf(seconds)
	return time.Unix(int64(whole), int64(frac*float64(time.Second))).UTC(), true, nil
}

// maxListItems bounds every list that we keep from a provider's document.
const maxListItems = 64

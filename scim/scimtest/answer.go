package scimtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// object and list are JSON as the scripts write it.
type (
	object = map[string]any
	list   = []any
)

const (
	urnUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	urnGroup      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	urnEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	urnPatch      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	urnList       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	urnError      = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// answer is a reply with its JSON decoded. Its methods check it; what is wrong ends the step.
type answer struct {
	s       *script
	index   int // where it is in the step's exchanges
	what    string
	code    int
	header  http.Header
	body    any
	retries int
	err     error
	note    string
	bad     string // why there is no body to look into
}

func newAnswer(s *script, r reply, at int) *answer {
	a := &answer{
		s: s, index: at, what: r.exchange.Method + " " + r.exchange.Path, code: r.exchange.Status,
		header: r.header, retries: r.exchange.Retries, err: r.err, note: r.note,
	}
	if len(bytes.TrimSpace(r.raw)) > 0 {
		a.body, a.bad = decode(r)
	}
	return a
}

// decode reads one JSON value, or says what there is instead.
func decode(r reply) (body any, bad string) {
	kind := r.header.Get("Content-Type")
	switch media, _, _ := mime.ParseMediaType(kind); media {
	case "application/scim+json", "application/json":
	case "text/html":
		return nil, "with an HTML page, not SCIM: is there a login or an error page in front of it?"
	default:
		return nil, fmt.Sprintf("with the Content-Type %q, expected application/scim+json (RFC 7644 section 3.1)", cut(kind, 100))
	}
	d := json.NewDecoder(bytes.NewReader(r.raw))
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		return nil, "with a body that is no JSON: " + err.Error()
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, "with something behind the JSON"
	}
	return body, ""
}

// problem ends the step.
func (a *answer) problem(format string, args ...any) {
	a.s.step.Exchanges[a.index].Wrong = true
	a.s.fail("%s: %s", a.what, fmt.Sprintf(format, args...))
}

// status expects one of the codes, and JSON if there is a body. It comes before all other checks.
func (a *answer) status(want ...int) *answer {
	switch {
	case a.err != nil:
		a.problem("no answer: %v", a.err)
	case !slices.Contains(want, a.code):
		words := make([]string, len(want))
		for i, c := range want {
			words[i] = fmt.Sprint(c)
		}
		a.problem("answered %d, expected %s%s%s", a.code, strings.Join(words, " or "), a.detail(), a.note)
	case a.bad != "":
		a.problem("answered %d %s", a.code, a.bad)
	}
	return a
}

// detail is what an error answer says about itself.
func (a *answer) detail() string {
	if d, _ := a.at("detail").(string); d != "" {
		return fmt.Sprintf(" (the server says: %q)", cut(d, 300))
	}
	return ""
}

// at walks into the body by names. What is missing is nil.
func (a *answer) at(path ...string) any {
	v := a.body
	for _, p := range path {
		m, _ := v.(object)
		v = m[p]
	}
	return v
}

// has expects a value at the path, nil for none: absent, null, "" and empty list are the same (RFC 7643 section 2.5).
func (a *answer) has(want any, path ...string) *answer {
	a.same(strings.Join(path, "."), want, a.at(path...))
	return a
}

// hasWhere expects a value in the element of a multi-valued attribute that has something else: in the one of type
// "work", for example.
func (a *answer) hasWhere(want any, attr, key string, is any) *answer {
	var got any
	for _, e := range elements(a.at(attr)) {
		if m, _ := e.(object); m[key] == is {
			got = m["value"]
		}
	}
	a.same(fmt.Sprintf("%s[%s eq %s].value", attr, key, show(is)), want, got)
	return a
}

func (a *answer) same(name string, want, got any) {
	if want == nil && isEmpty(got) || want != nil && reflect.DeepEqual(want, got) {
		return
	}
	a.problem("%s is %s, expected %s", name, show(got), show(want))
}

// created expects a new resource and gives its ID.
func (a *answer) created() string {
	a.status(http.StatusCreated)
	id, _ := a.at("id").(string)
	if id == "" {
		a.problem("id is %s, expected the new resource's", show(a.at("id")))
	}
	return id
}

// refused expects an Error (RFC 7644 section 3.12) with a status and, unless empty, a scimType.
func (a *answer) refused(status int, scimType string) *answer {
	a.status(status)
	if !slices.Contains(elements(a.at("schemas")), any(urnError)) {
		a.problem("schemas is %s, expected %s", show(a.at("schemas")), urnError)
	}
	if a.at("status") != fmt.Sprint(status) {
		a.problem("status in the body is %s, expected the string %q", show(a.at("status")), fmt.Sprint(status))
	}
	if d, _ := a.at("detail").(string); d == "" {
		a.problem("the error has no detail: administrators see that text")
	}
	if scimType != "" {
		a.has(scimType, "scimType")
	}
	return a
}

func elements(v any) list {
	l, _ := v.([]any)
	return l
}

func integer(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return int(i), err == nil
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case object:
		return len(v) == 0
	}
	return false
}

func show(v any) string {
	if v == nil {
		return "absent"
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return cut(string(raw), 300)
}

// hasNull looks for a null anywhere.
func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(v, hasNull)
	case object:
		for _, e := range v {
			if hasNull(e) {
				return true
			}
		}
	}
	return false
}

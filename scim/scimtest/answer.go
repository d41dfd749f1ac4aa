package scimtest

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// answer is a reply with its JSON decoded; its methods check it and add a problem to the step. After the first
// problem an answer is not looked at any further: what follows would only repeat it.
type answer struct {
	s      *script
	what   string
	code   int
	header http.Header
	body   any
	broken bool
}

func newAnswer(s *script, r reply) *answer {
	a := &answer{s: s, what: r.exchange.Method + " " + r.exchange.Path, code: r.exchange.Status, header: r.header}
	if r.err != nil {
		return a.problem("no answer: %v", r.err)
	}
	if len(bytes.TrimSpace(r.raw)) == 0 {
		return a
	}
	d := json.NewDecoder(bytes.NewReader(r.raw))
	d.UseNumber()
	if err := d.Decode(&a.body); err != nil {
		return a.problem("the answer %d is no JSON: %v", a.code, err)
	}
	switch kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type")); kind {
	case "application/scim+json", "application/json":
	default:
		a.problem("the answer's Content-Type is %q, expected application/scim+json (RFC 7644 section 3.1)", r.header.Get("Content-Type"))
	}
	return a
}

func (a *answer) problem(format string, args ...any) *answer {
	if !a.broken {
		a.s.problem(a.what + ": " + fmt.Sprintf(format, args...))
	}
	a.broken = true
	return a
}

// status expects one of the codes.
func (a *answer) status(want ...int) *answer {
	if slices.Contains(want, a.code) {
		return a
	}
	words := make([]string, len(want))
	for i, c := range want {
		words[i] = fmt.Sprint(c)
	}
	return a.problem("answered %d, expected %s%s", a.code, strings.Join(words, " or "), a.detail())
}

// detail is what an error answer says about itself.
func (a *answer) detail() string {
	if d, _ := a.at("detail").(string); d != "" {
		return fmt.Sprintf(" (the server says: %q)", d)
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
	return a.same(strings.Join(path, "."), want, a.at(path...))
}

// hasTyped expects a value in the element of a multi-valued attribute that has the type.
func (a *answer) hasTyped(want any, attr, kind, sub string) *answer {
	var got any
	for _, e := range elements(a.at(attr)) {
		if m, _ := e.(object); m["type"] == kind {
			got = m[sub]
		}
	}
	return a.same(fmt.Sprintf("%s[type eq %q].%s", attr, kind, sub), want, got)
}

func (a *answer) same(name string, want, got any) *answer {
	if want == nil && isEmpty(got) || want != nil && reflect.DeepEqual(want, got) {
		return a
	}
	return a.problem("%s is %s, expected %s", name, show(got), show(want))
}

// id expects a new resource's ID; "" if there is none.
func (a *answer) id() string {
	if a.broken {
		return ""
	}
	id, _ := a.at("id").(string)
	if id == "" {
		a.problem("id is %s, expected the new resource's", show(a.at("id")))
	}
	return id
}

// created expects a new resource with an ID.
func (a *answer) created() *answer {
	a.status(http.StatusCreated)
	a.id()
	return a
}

// refused expects an Error (RFC 7644 section 3.12) with a status and, unless empty, a scimType.
func (a *answer) refused(status int, scimType string) *answer {
	a.status(status)
	if a.broken {
		return a
	}
	if !slices.Contains(elements(a.at("schemas")), any(urnError)) {
		return a.problem("schemas is %s, expected %s", show(a.at("schemas")), urnError)
	}
	if a.at("status") != fmt.Sprint(status) {
		return a.problem("status in the body is %s, expected the string %q", show(a.at("status")), fmt.Sprint(status))
	}
	if d, _ := a.at("detail").(string); d == "" {
		return a.problem("the error has no detail: administrators see that text")
	}
	if scimType != "" {
		a.has(scimType, "scimType")
	}
	return a
}

// listing expects a ListResponse (RFC 7644 section 3.4.2) whose numbers are integers.
func (a *answer) listing() *answer {
	a.status(http.StatusOK)
	if a.broken {
		return a
	}
	if !slices.Contains(elements(a.at("schemas")), any(urnList)) {
		return a.problem("schemas is %s, expected %s", show(a.at("schemas")), urnList)
	}
	for _, name := range []string{"totalResults", "startIndex", "itemsPerPage"} {
		v := a.at(name)
		if _, ok := integer(v); !ok && (v != nil || name == "totalResults") {
			return a.problem("%s is %s, expected an integer", name, show(v))
		}
	}
	if total, n := a.total(), len(a.resources()); total < n {
		return a.problem("totalResults is %d with %d resources on the page", total, n)
	}
	return a
}

// only expects a list of exactly the resources with these IDs.
func (a *answer) only(ids ...string) *answer {
	a.listing()
	if a.broken {
		return a
	}
	if total := a.total(); total != len(ids) {
		return a.problem("totalResults is %d, expected %d: %s", total, len(ids), matches(total, len(ids)))
	}
	return a.sameIDs("Resources", ids, a.ids())
}

func matches(got, want int) string {
	switch {
	case got > want && want == 0:
		return "nothing matches this filter, so a server that answers with somebody has not applied it"
	case got > want:
		return "the answer has resources that do not match the filter"
	}
	return "something that matches the filter is missing"
}

// members expects a group to have exactly these, in any order.
func (a *answer) members(ids ...string) *answer {
	a.status(http.StatusOK)
	if a.broken {
		return a
	}
	return a.sameIDs("members", ids, a.memberIDs())
}

// hasMembers expects a group to have these, among others.
func (a *answer) hasMembers(ids ...string) *answer {
	a.status(http.StatusOK)
	got := a.memberIDs()
	lost := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(got, id) })
	if len(lost) > 0 {
		return a.problem("members lacks %q", lost)
	}
	return a
}

// hasNoMembers expects a group not to have these.
func (a *answer) hasNoMembers(ids ...string) *answer {
	a.status(http.StatusOK)
	for _, id := range a.memberIDs() {
		if slices.Contains(ids, id) {
			return a.problem("members has %q, which should not be there", id)
		}
	}
	return a
}

func (a *answer) memberIDs() (ids []string) {
	for _, e := range elements(a.at("members")) {
		m, _ := e.(object)
		id, _ := m["value"].(string)
		ids = append(ids, id)
	}
	return ids
}

func (a *answer) sameIDs(name string, want, got []string) *answer {
	var missing, extra []string
	for _, id := range want {
		if !slices.Contains(got, id) {
			missing = append(missing, id)
		}
	}
	for i, id := range got {
		if !slices.Contains(want, id) || slices.Contains(got[:i], id) {
			extra = append(extra, id)
		}
	}
	switch {
	case len(missing) > 0 && len(extra) > 0:
		return a.problem("%s lacks %q and has %q, which should not be there", name, missing, extra)
	case len(missing) > 0:
		return a.problem("%s lacks %q: it has %d of %d", name, missing, len(got), len(want))
	case len(extra) > 0:
		return a.problem("%s has %q, which should not be there", name, extra)
	}
	return a
}

func (a *answer) total() int {
	n, _ := integer(a.at("totalResults"))
	return n
}

func (a *answer) resources() list { return elements(a.at("Resources")) }

func (a *answer) ids() (ids []string) {
	for _, e := range a.resources() {
		m, _ := e.(object)
		id, _ := m["id"].(string)
		ids = append(ids, id)
	}
	return ids
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
	return cut(raw)
}

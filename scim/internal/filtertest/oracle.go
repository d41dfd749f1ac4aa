package filtertest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// holds says whether a resource passes a filter (RFC 7644 section 3.4.2.2).
func (n *node) holds(doc map[string]any) bool {
	switch n.kind {
	case all:
		for _, t := range n.terms {
			if !t.holds(doc) {
				return false
			}
		}
		return true
	case some:
		for _, t := range n.terms {
			if t.holds(doc) {
				return true
			}
		}
		return false
	case negation:
		return !n.terms[0].holds(doc)
	case brackets:
		for _, e := range n.path.elements(doc) {
			if m := asObject(e); n.terms[0].holds(m) && (n.behind == nil || n.behind.holds(m)) {
				return true
			}
		}
		return false
	}
	return n.compares(doc)
}

// asObject is one value of an attribute as the inside of brackets sees it.
func asObject(e any) map[string]any {
	if m, ok := e.(map[string]any); ok {
		return m
	}
	return map[string]any{"value": e}
}

func (n *node) compares(doc map[string]any) bool {
	present := len(n.path.values(doc)) > 0
	switch {
	case n.op == "pr":
		return present
	case n.value == nil:
		return present == (n.op == "ne")
	}
	p := n.path
	if p.sub == nil && p.attr.Type == "complex" {
		p.sub = p.attr.value()
	}
	values := p.values(doc)
	for _, v := range values {
		if passes(p.leaf(), v, n.op, n.value) {
			return true
		}
	}
	return n.op == "ne" && len(values) == 0
}

// passes compares one value of an attribute.
func passes(a *attribute, v any, op string, with any) bool {
	switch op {
	case "co", "sw", "ew":
		text, part := asText(a, v), asText(a, with)
		switch op {
		case "co":
			return strings.Contains(text, part)
		case "sw":
			return strings.HasPrefix(text, part)
		}
		return strings.HasSuffix(text, part)
	}
	order := compare(a, v, with)
	switch op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	}
	panic("no operator: " + op)
}

// compare orders two values of an attribute by its type.
func compare(a *attribute, v, with any) int {
	switch a.Type {
	case "boolean":
		return strings.Compare(strconv.FormatBool(truth(v)), strconv.FormatBool(truth(with))) // "false" < "true"
	case "integer", "decimal":
		return number(v).Cmp(number(with))
	case "dateTime":
		return instant(v.(string)).Compare(instant(with.(string)))
	}
	return strings.Compare(asText(a, v), asText(a, with))
}

// truth reads a boolean, also as a string: identity providers send "True".
func truth(v any) bool {
	if s, ok := v.(string); ok {
		return strings.EqualFold(s, "true")
	}
	return v.(bool)
}

func number(v any) *big.Rat {
	r, ok := new(big.Rat).SetString(v.(json.Number).String())
	if !ok {
		panic(fmt.Sprintf("no number: %v", v))
	}
	return r
}

// asText is a string as comparisons of the attribute see it. A number that stands
// where a string belongs is its digits.
func asText(a *attribute, v any) string {
	s, ok := v.(string)
	if !ok {
		s = v.(json.Number).String()
	}
	if a.folded() {
		return store.Fold(s)
	}
	return s
}

var dateTime = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|([+-])(\d\d):?(\d\d))?)?$`)

// instant reads a dateTime (RFC 7643 section 2.3.5), or a date alone.
func instant(s string) time.Time {
	m := dateTime.FindStringSubmatch(s)
	if m == nil {
		panic("no dateTime: " + s)
	}
	n := make([]int, len(m))
	for i := range m {
		n[i], _ = strconv.Atoi(m[i]) // 0 for what is left out
	}
	nanos, _ := strconv.Atoi((m[7] + "000000000")[:9]) // digits alone
	offset := time.Duration(n[10])*time.Hour + time.Duration(n[11])*time.Minute
	if m[9] == "-" {
		offset = -offset
	}
	return time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], nanos, time.UTC).Add(-offset)
}

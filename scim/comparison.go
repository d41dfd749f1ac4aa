package scim

import (
	"cmp"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	ast "github.com/scim2/filter-parser/v2"

	"github.com/tenantgate/tenantgate/store"
)

// comparison is an operator with the value it compares to, made ready for the
// attribute's type (RFC 7644 section 3.4.2.2).
type comparison struct {
	op   ast.CompareOperator
	kind Type
	fold bool // strings without regard to case
	null bool // compared to null
	text string
	yes  bool
	num  json.Number
	at   time.Time
}

func newComparison(f field, op ast.CompareOperator, v any, d dialect) (comparison, error) {
	a := f.leaf()
	t := comparison{op: op, kind: a.Type, fold: a.folded()}
	if op == ast.PR {
		return t, nil
	}
	if v == nil {
		if op != ast.EQ && op != ast.NE {
			return t, badRequest(TypeInvalidFilter, "null can only be compared with eq and ne.")
		}
		t.null = true
		return t, nil
	}
	if err := t.allowed(f); err != nil {
		return t, err
	}
	bad := func(want string) (comparison, error) {
		return t, badRequest(TypeInvalidFilter, "%s has to be compared with %s.", f.name(), want)
	}
	switch t.kind {
	case TypeBoolean:
		b, ok := d.boolean(v)
		if !ok {
			return bad("true or false")
		}
		t.yes = b
	case TypeInteger, TypeDecimal:
		n, ok := v.(json.Number)
		if !ok {
			return bad("a number")
		}
		t.num = n
	case TypeDateTime:
		s, ok := v.(string)
		if !ok {
			return bad("a date and time in double quotes")
		}
		if t.text = s; t.textual() {
			return t, nil
		}
		at, err := parseTime(s)
		if err != nil {
			return bad(`a date and time such as "2026-01-31T12:00:00Z"`)
		}
		t.at = at
	default:
		switch s := v.(type) {
		case string:
			t.text = s
		case json.Number:
			t.text = s.String()
		default:
			return bad("text in double quotes")
		}
		if t.fold {
			t.text = store.Fold(t.text)
		}
	}
	return t, nil
}

// textual operators look at the text, whatever it means.
func (t *comparison) textual() bool {
	return t.op == ast.CO || t.op == ast.SW || t.op == ast.EW
}

func (t *comparison) ordering() bool {
	return t.op == ast.GT || t.op == ast.GE || t.op == ast.LT || t.op == ast.LE
}

// allowed refuses operators that mean nothing for a type.
func (t *comparison) allowed(f field) error {
	refuse := t.ordering() && (t.kind == TypeBoolean || t.kind == TypeBinary) ||
		t.textual() && (t.kind == TypeBoolean || t.kind == TypeInteger || t.kind == TypeDecimal)
	if refuse {
		return badRequest(TypeInvalidFilter, "%s can't be compared with %q, because its type is %s.", f.name(), t.op, t.kind)
	}
	return nil
}

// any reports whether one of the values, or of their sub-attribute sub, passes.
// An attribute without a value differs from every value, so that "ne" holds.
func (t *comparison) any(values []any, sub *attribute) bool {
	some, passed := t.scan(values, sub)
	return t.result(some, passed)
}

// result is what any says of values of which there are some, or one passed.
func (t *comparison) result(some, passed bool) bool {
	if t.null {
		return (t.op == ast.EQ) != some
	}
	return passed || t.op == ast.NE && !some
}

// scan reports whether there are values, and whether one of them passes.
func (t *comparison) scan(values []any, sub *attribute) (some, passed bool) {
	for _, e := range values {
		if sub == nil {
			if present(e) {
				some = true
				if t.passes(e) {
					return true, true
				}
			}
			continue
		}
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		for _, v := range elements(m[sub.Name]) {
			if present(v) {
				some = true
				if t.passes(v) {
					return true, true
				}
			}
		}
	}
	return some, false
}

// present is "pr": neither null nor empty (RFC 7644 table 3).
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// passes compares one present value.
func (t *comparison) passes(v any) bool {
	if t.op == ast.PR {
		return true
	}
	if t.null {
		return false // some value is present; any decides
	}
	switch v := v.(type) {
	case bool:
		if t.kind != TypeBoolean {
			return false
		}
		return (v == t.yes) == (t.op == ast.EQ)
	case json.Number:
		return t.decide(compareNumbers(v, t.num))
	case string:
		if t.kind == TypeDateTime && !t.textual() {
			at, err := parseTime(v)
			return err == nil && t.decide(at.Compare(t.at))
		}
		if t.fold {
			v = store.Fold(v)
		}
		switch t.op {
		case ast.CO:
			return strings.Contains(v, t.text)
		case ast.SW:
			return strings.HasPrefix(v, t.text)
		case ast.EW:
			return strings.HasSuffix(v, t.text)
		}
		return t.decide(strings.Compare(v, t.text))
	}
	return false
}

func (t *comparison) decide(order int) bool {
	switch t.op {
	case ast.EQ:
		return order == 0
	case ast.NE:
		return order != 0
	case ast.GT:
		return order > 0
	case ast.GE:
		return order >= 0
	case ast.LT:
		return order < 0
	case ast.LE:
		return order <= 0
	}
	return false
}

// compareNumbers compares exactly: floating point alone takes neighbours beyond 2^53 for
// equal.
func compareNumbers(a, b json.Number) int {
	x, errX := a.Int64()
	y, errY := b.Int64()
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	f, _ := a.Float64() // out of range gives an infinity of the right sign
	g, _ := b.Float64()
	if f != g {
		return cmp.Compare(f, g)
	}
	r, okR := rational(a)
	s, okS := rational(b)
	if !okR || !okS {
		return 0
	}
	return r.Cmp(s)
}

// maxNumber bounds the text of a number, in bytes, and maxExponent the power of ten that
// is compared exactly: what is beyond is zero or infinite as floating point.
const (
	maxNumber   = 100
	maxExponent = 400
)

func rational(n json.Number) (*big.Rat, bool) {
	if len(n) > maxNumber {
		return nil, false
	}
	if i := strings.IndexAny(string(n), "eE"); i >= 0 {
		if e, err := strconv.Atoi(strings.TrimPrefix(string(n[i+1:]), "+")); err != nil || e > maxExponent || e < -maxExponent {
			return nil, false
		}
	}
	return new(big.Rat).SetString(string(n))
}

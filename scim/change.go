package scim

import (
	"encoding/json"
	"reflect"
	"slices"
	"sort"

	ast "github.com/scim2/filter-parser/v2"
)

// change computes what one operation makes of an attribute's value. have may be
// changed in place.
func (p *patch) change(have any, o operation) (any, error) {
	a := o.target.attr
	if a.MultiValued {
		list, _ := have.([]any)
		return p.changeList(list, o)
	}
	if o.target.sub != nil {
		m, _ := have.(map[string]any)
		if m == nil {
			m = map[string]any{}
		}
		return m, p.changeSub(m, o)
	}
	if o.op == opRemove || p.dialect.cleared(o.value) {
		return nil, nil
	}
	v, err := a.canonical(o.value, p.dialect)
	if err != nil {
		return nil, err
	}
	// Sub-attributes that aren't named stay as they are, but null removes.
	m, isMap := have.(map[string]any)
	n, ok := v.(map[string]any)
	if !a.complex() || !isMap {
		return v, nil
	}
	if sent, _ := p.dialect.object(a, p.dialect.single(o.value)); sent != nil {
		for name, e := range sent {
			if s := a.sub(name); s != nil && p.dialect.cleared(e) && s.Mutability != MutabilityReadOnly {
				delete(m, s.Name)
			}
		}
	}
	if ok {
		for k, e := range n {
			m[k] = e
		}
	}
	return m, nil
}

// changeSub sets or removes one sub-attribute of a value.
func (p *patch) changeSub(m map[string]any, o operation) error {
	s := o.target.sub
	if o.op == opRemove || p.dialect.cleared(o.value) {
		delete(m, s.Name)
		return nil
	}
	if err := p.work.spend(1 + textWeight(o.value)); err != nil {
		return err
	}
	v, err := s.canonical(o.value, p.dialect)
	if err != nil {
		return err
	}
	if old, ok := m[s.Name].([]any); ok && o.op == opAdd {
		added := elements(v)
		if err := p.work.spend(len(added) * len(old)); err != nil {
			return err
		}
		for _, e := range added {
			old = s.fold(old, e)
		}
		if err := tooMany(s, old); err != nil {
			return err
		}
		v = old
	}
	m[s.Name] = v
	return nil
}

func (p *patch) changeList(list []any, o operation) (any, error) {
	switch {
	case o.filter != nil:
		return p.changeMatching(list, o)
	case o.target.sub != nil:
		return p.changeEach(list, o)
	case o.op == opRemove:
		return p.removeValues(list, o)
	}
	if p.dialect.cleared(o.value) {
		if o.op == opAdd {
			return list, nil
		}
		return nil, nil
	}
	a := o.target.attr
	v, err := a.canonical(o.value, p.dialect)
	if err != nil || v == nil {
		return list, err
	}
	added := v.([]any)
	if o.op == opReplace {
		return added, nil
	}
	if err := p.work.spend(2 * len(added) * len(list)); err != nil {
		return nil, err
	}
	// What is there with all that is said of it needs no adding (RFC 7644 section 3.5.2.1).
	added = slices.DeleteFunc(added, func(e any) bool {
		return slices.ContainsFunc(list, func(have any) bool { return covers(have, e) })
	})
	onePrimary(a, list, added)
	for _, e := range added {
		list = a.fold(list, e)
	}
	return list, tooMany(a, list)
}

func tooMany(a *attribute, list []any) error {
	if len(list) > maxValues {
		return badRequest(TypeInvalidValue, "%s would have %d values; at most %d are accepted.", a.path, len(list), maxValues)
	}
	return nil
}

// onePrimary takes the mark from the values that were there when a new one
// has it (RFC 7644 section 3.5.2).
func onePrimary(a *attribute, old, added []any) {
	if a.primaries(added) == 0 {
		return
	}
	for _, e := range old {
		if m, ok := e.(map[string]any); ok && m["primary"] == true {
			m["primary"] = false
		}
	}
}

// removeValues removes what the operation lists (Entra), or everything when it
// lists nothing. An empty list removes nothing.
func (p *patch) removeValues(list []any, o operation) (any, error) {
	if !o.given || o.value == nil {
		return nil, nil
	}
	gone, ok := p.dialect.values(o.value)
	if !ok {
		return nil, badRequest(TypeInvalidValue, "The values to remove from %s have to be an array.", o.target.name())
	}
	a := o.target.attr
	if err := a.countable(gone); err != nil {
		return nil, err
	}
	if err := p.work.spend(len(gone) * len(list)); err != nil {
		return nil, err
	}
	for _, raw := range gone {
		v, err := a.one(raw, p.dialect)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(e any) bool { return covers(e, v) })
	}
	return list, nil
}

// covers reports whether a value has all that v names.
func covers(e, v any) bool {
	have, want, ok := twoMaps(e, v)
	if !ok {
		return equal(e, v)
	}
	if len(want) == 0 {
		return false
	}
	for k, w := range want {
		if !equal(have[k], w) {
			return false
		}
	}
	return true
}

// changeEach changes a sub-attribute of every value: "emails.type".
func (p *patch) changeEach(list []any, o operation) (any, error) {
	if len(list) == 0 && o.op != opRemove && !p.dialect.cleared(o.value) {
		list = []any{map[string]any{}}
	}
	if err := p.work.spend(len(list)); err != nil {
		return nil, err
	}
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		if err := p.changeSub(m, o); err != nil {
			return nil, err
		}
	}
	return p.settle(o.target.attr, dropHollow(list, nil), nil)
}

// changeMatching changes the values that the bracket filter selects.
func (p *patch) changeMatching(list []any, o operation) (any, error) {
	a := o.target.attr
	if err := p.work.spend(o.filter.terms() * weight(list)); err != nil {
		return nil, err
	}
	var hit []any
	for _, e := range list {
		if o.filter.holdsValue(e) {
			hit = append(hit, e)
		}
	}
	if err := p.work.spend(len(hit) * len(list)); err != nil {
		return nil, err
	}
	if len(hit) == 0 {
		switch {
		case o.op == opRemove, p.dialect.cleared(o.value):
			return list, nil
		case !p.dialect.createsUnmatched(o.op, o.lax):
			return nil, badRequest(TypeNoTarget, "No value of %s matches the filter of the path.", a.path)
		}
		return p.createMatching(list, o)
	}
	if o.target.sub != nil {
		for _, e := range hit {
			m, ok := e.(map[string]any)
			if !ok {
				return nil, badRequest(TypeInvalidPath, "%s has a value without sub-attributes.", a.path)
			}
			if err := p.changeSub(m, o); err != nil {
				return nil, err
			}
		}
		return p.settle(a, dropHollow(list, hit), hit)
	}
	if o.op == opRemove || p.dialect.cleared(o.value) {
		return slices.DeleteFunc(list, func(e any) bool { return o.filter.holdsValue(e) }), nil
	}
	v, err := a.one(p.dialect.single(o.value), p.dialect)
	if err != nil {
		return nil, err
	}
	out := valueSet{attr: a, list: make([]any, 0, len(list))}
	changed := make([]any, 0, len(hit))
	for _, e := range list {
		if len(changed) < len(hit) && sameValue(e, hit[len(changed)]) {
			n := clone(v)
			if old, add, ok := twoMaps(e, n); ok && o.op == opAdd {
				for k, x := range add {
					old[k] = x
				}
				n = old
			}
			changed = append(changed, n)
			e = n
		}
		out.add(e)
	}
	return p.settle(a, out.list, changed)
}

// sameValue reports whether two elements of one list are the same element.
func sameValue(a, b any) bool {
	if m, ok := b.(map[string]any); ok {
		return same(a, m)
	}
	return equal(a, b)
}

// weight is what comparing each of the values once costs: one for each, and one for each
// 64 bytes of text.
func weight(list []any) int {
	n := len(list)
	for _, e := range list {
		n += textWeight(e)
		if m, ok := e.(map[string]any); ok {
			for _, v := range m {
				n += textWeight(v)
			}
		}
	}
	return n
}

// createMatching makes the value that the terms of the filter and the
// operation describe.
func (p *patch) createMatching(list []any, o operation) (any, error) {
	a := o.target.attr
	if !a.complex() {
		return nil, badRequest(TypeNoTarget, "No value of %s matches the filter of the path.", a.path)
	}
	m := map[string]any{}
	equalities(o.terms, func(name string, v any) {
		if s := a.sub(name); s != nil {
			if c, err := s.canonical(v, p.dialect); err == nil && c != nil {
				m[s.Name] = c
			}
		}
	})
	if o.target.sub != nil {
		if err := p.changeSub(m, o); err != nil {
			return nil, err
		}
	} else {
		v, err := a.one(p.dialect.single(o.value), p.dialect)
		if err != nil {
			return nil, err
		}
		n, _ := v.(map[string]any)
		for k, e := range n {
			m[k] = e
		}
	}
	onePrimary(a, list, []any{m})
	list = a.fold(list, m)
	return list, tooMany(a, list)
}

// equalities calls fn for the terms of a filter that a new value has to meet.
func equalities(e ast.Expression, fn func(name string, v any)) {
	switch e := e.(type) {
	case *ast.LogicalExpression:
		if e.Operator == ast.AND {
			equalities(e.Left, fn)
			equalities(e.Right, fn)
		}
	case *ast.AttributeExpression:
		if e.Operator == ast.EQ {
			fn(e.AttributePath.AttributeName, e.CompareValue)
		}
	}
}

// settle keeps one primary: of the changed values if they have it.
func (p *patch) settle(a *attribute, list, changed []any) (any, error) {
	if a.primaries(changed) > 0 {
		for _, e := range list {
			m, ok := e.(map[string]any)
			if ok && m["primary"] == true && !slices.ContainsFunc(changed, func(c any) bool { return same(c, m) }) {
				m["primary"] = false
			}
		}
	}
	if a.primaries(list) > 1 {
		return nil, badRequest(TypeInvalidValue, "%s would have more than one primary value (RFC 7643 section 2.4).", a.path)
	}
	return list, nil
}

// dropHollow drops those of the changed values, nil for all, that have lost what they
// were about: {"type":"work"} after the value was cleared.
func dropHollow(list, changed []any) []any {
	return slices.DeleteFunc(list, func(e any) bool {
		m, ok := e.(map[string]any)
		return ok && hollow(m) && (changed == nil || slices.ContainsFunc(changed, func(c any) bool { return same(c, m) }))
	})
}

// hollow reports whether only a value's kind is left of it.
func hollow(m map[string]any) bool {
	for k := range m {
		if k != "type" && k != "primary" {
			return false
		}
	}
	return true
}

// same reports whether c is the very map m.
func same(c any, m map[string]any) bool {
	n, ok := c.(map[string]any)
	return ok && reflect.ValueOf(n).Pointer() == reflect.ValueOf(m).Pointer()
}

// equal compares two canonical values.
func equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		return ok && x == y
	case json.Number:
		y, ok := b.(json.Number)
		return ok && compareNumbers(x, y) == 0
	}
	return reflect.DeepEqual(a, b)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

package scim

import (
	"strings"

	ast "github.com/scim2/filter-parser/v2"
)

// condition is a filter resolved against a resource type: what it compares is
// known, and every value has the type that its attribute has.
type condition struct {
	op          conditionOp
	left, right *condition // and, or; left alone for not and for the inside of brackets
	field       field      // compare, brackets
	test        comparison // compare
}

type conditionOp int

const (
	condCompare conditionOp = iota
	condAnd
	condOr
	condNot
	condBrackets
)

// compile resolves a filter. Its errors are invalidFilter.
func (rt *resourceType) compile(e ast.Expression, d dialect) (*condition, error) {
	c := compiler{dialect: d, lookup: func(p ast.AttributePath) (field, bool) { return rt.resolve(p) }, types: rt}
	return c.compile(e)
}

// compileInside resolves a bracket filter on the values of an attribute.
func (rt *resourceType) compileInside(e ast.Expression, a *attribute, d dialect) (*condition, error) {
	c := compiler{dialect: d, types: rt, lookup: func(p ast.AttributePath) (field, bool) {
		if p.URIPrefix != nil || p.SubAttribute != nil {
			return field{}, false
		}
		if sub := a.sub(p.AttributeName); sub != nil {
			return field{attr: sub}, true
		}
		if !a.complex() && (p.AttributeName == "value" || p.AttributeName == "Value") {
			plain := *a
			plain.Name, plain.MultiValued = "value", false
			return field{attr: &plain}, true
		}
		return field{}, false
	}}
	return c.compile(e)
}

type compiler struct {
	dialect dialect
	types   *resourceType
	lookup  func(ast.AttributePath) (field, bool)
}

func (c compiler) compile(e ast.Expression) (*condition, error) {
	switch e := e.(type) {
	case *ast.LogicalExpression:
		return c.logical(e)
	case *ast.NotExpression:
		left, err := c.compile(e.Expression)
		return &condition{op: condNot, left: left}, err
	case *ast.AttributeExpression:
		return c.compare(e)
	case *ast.ValuePath:
		return c.brackets(e)
	}
	return nil, badRequest(TypeInvalidFilter, "The filter has a term of an unknown kind.")
}

func (c compiler) logical(e *ast.LogicalExpression) (*condition, error) {
	left, err := c.compile(e.Left)
	if err != nil {
		return nil, err
	}
	right, err := c.compile(e.Right)
	if err != nil {
		return nil, err
	}
	op := condAnd
	if e.Operator == ast.OR {
		op = condOr
	}
	return &condition{op: op, left: left, right: right}, nil
}

func (c compiler) find(p ast.AttributePath) (field, error) {
	f, ok := c.lookup(p)
	if s := p.SubAttribute; !ok && s != nil && strings.EqualFold(*s, "value") {
		// A simple value stands for itself (RFC 7643 section 2.4).
		p.SubAttribute = nil
		if f, ok = c.lookup(p); ok && f.attr != nil && (f.attr.complex() || !f.attr.MultiValued) {
			p.SubAttribute, ok = s, false
		}
	}
	if !ok || f.attr == nil {
		return field{}, badRequest(TypeInvalidFilter, "%s has no attribute %q.", c.types.Name, clip(p.String()))
	}
	if f.attr.Returned == ReturnedNever || f.leaf().Returned == ReturnedNever {
		return field{}, badRequest(TypeInvalidFilter, "%s can't be used in a filter, because it is never returned.", f.name())
	}
	return f, nil
}

func (c compiler) compare(e *ast.AttributeExpression) (*condition, error) {
	f, err := c.find(e.AttributePath)
	if err != nil {
		return nil, err
	}
	if e.Operator != ast.PR && e.CompareValue != nil && f.sub == nil && f.attr.complex() {
		// "emails eq" means the value (RFC 7643 section 2.4, default sub-attribute).
		if f.sub = f.attr.sub("value"); f.sub == nil {
			return nil, badRequest(TypeInvalidFilter, "%s is complex: name one of its sub-attributes.", f.name())
		}
	}
	test, err := newComparison(f, e.Operator, e.CompareValue, c.dialect)
	if err != nil {
		return nil, err
	}
	return &condition{op: condCompare, field: f, test: test}, nil
}

func (c compiler) brackets(e *ast.ValuePath) (*condition, error) {
	f, err := c.find(e.AttributePath)
	if err != nil {
		return nil, err
	}
	if f.sub != nil {
		return nil, badRequest(TypeInvalidFilter, "Brackets can't follow the sub-attribute %s.", f.name())
	}
	inside, err := c.types.compileInside(e.ValueFilter, f.attr, c.dialect)
	return &condition{op: condBrackets, field: f, left: inside}, err
}

// holds evaluates the condition on a document, or on one value between brackets.
func (c *condition) holds(doc map[string]any) bool { return c.holdsKnowing(doc, nil) }

// holdsKnowing does the same where some parts were evaluated before.
func (c *condition) holdsKnowing(doc map[string]any, known map[*condition]bool) bool {
	if v, ok := known[c]; ok {
		return v
	}
	switch c.op {
	case condAnd:
		return c.left.holdsKnowing(doc, known) && c.right.holdsKnowing(doc, known)
	case condOr:
		return c.left.holdsKnowing(doc, known) || c.right.holdsKnowing(doc, known)
	case condNot:
		return !c.left.holdsKnowing(doc, known)
	case condBrackets:
		for _, e := range c.field.elements(doc) {
			if c.left.holdsValue(e) {
				return true
			}
		}
		return false
	}
	return c.test.any(c.field.elements(doc), c.field.sub)
}

// holdsValue evaluates a bracket filter on one value of its attribute.
func (c *condition) holdsValue(e any) bool {
	m, ok := e.(map[string]any)
	if !ok {
		m = map[string]any{"value": e}
	}
	return c.holds(m)
}

// walk calls fn for each comparison of a field of the document, with the
// sub-attribute that is compared and whether it can be left out of account.
func (c *condition) walk(fn func(f field, test *comparison)) {
	switch c.op {
	case condAnd, condOr:
		c.left.walk(fn)
		c.right.walk(fn)
	case condNot:
		c.left.walk(fn)
	case condBrackets:
		c.left.walk(func(inner field, test *comparison) {
			outer := c.field
			outer.sub = inner.attr
			fn(outer, test)
		})
	case condCompare:
		fn(c.field, &c.test)
	}
}

// parts lists the comparisons and brackets of an attribute.
func (c *condition) parts(attr string) []*condition {
	switch c.op {
	case condAnd, condOr:
		return append(c.left.parts(attr), c.right.parts(attr)...)
	case condNot:
		return c.left.parts(attr)
	}
	if c.field.ext != nil || c.field.attr.Name != attr {
		return nil
	}
	return []*condition{c}
}

// terms is how many comparisons the condition has.
func (c *condition) terms() (n int) {
	c.walk(func(field, *comparison) { n++ })
	return n
}

// needs lists the members of a document that the condition looks at.
func (c *condition) needs() map[string]bool {
	keys := map[string]bool{}
	c.walk(func(f field, _ *comparison) { keys[f.key()] = true })
	return keys
}

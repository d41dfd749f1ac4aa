package filter

import (
	"strings"

	ast "github.com/scim2/filter-parser/v2"
)

// Filter parses a filter (RFC 7644 section 3.4.2.2). Numbers in comparisons
// are json.Number, null is nil. The error is an *Error.
func (p *Parser) Filter(in string) (ast.Expression, error) {
	s, err := p.scan(in)
	if err != nil {
		return nil, err
	}
	s.space()
	e, err := s.or(false)
	if err != nil {
		return nil, err
	}
	s.space()
	if s.pos < len(s.in) {
		return nil, s.fail(`"and", "or" or the end`)
	}
	return e, nil
}

// or parses terms joined by "or"; inside is true between brackets.
func (s *scanner) or(inside bool) (ast.Expression, error) {
	left, err := s.and(inside)
	for err == nil && s.joined("or") {
		var right ast.Expression
		if right, err = s.and(inside); err == nil {
			left = &ast.LogicalExpression{Left: left, Right: right, Operator: ast.OR}
		}
	}
	return left, err
}

// and binds tighter than or.
func (s *scanner) and(inside bool) (ast.Expression, error) {
	left, err := s.term(inside)
	for err == nil && s.joined("and") {
		var right ast.Expression
		if right, err = s.term(inside); err == nil {
			left = &ast.LogicalExpression{Left: left, Right: right, Operator: ast.AND}
		}
	}
	return left, err
}

// joined takes a logical operator and the spaces around it, or nothing.
func (s *scanner) joined(op string) bool {
	start := s.pos
	spaced := s.space() || (start > 0 && (s.in[start-1] == ')' || s.in[start-1] == ']'))
	if spaced && s.word(op) && (s.space() || s.pos < len(s.in) && s.in[s.pos] == '(') {
		return true
	}
	s.pos = start
	return false
}

func (s *scanner) term(inside bool) (ast.Expression, error) {
	if s.take('(') {
		return s.group(inside)
	}
	if start := s.pos; s.word("not") {
		s.space()
		if s.take('(') {
			e, err := s.group(inside)
			if err != nil {
				return nil, err
			}
			return &ast.NotExpression{Expression: e}, nil
		}
		s.pos = start // an attribute of that name
	}
	return s.comparison(inside)
}

// group parses what follows an opening parenthesis.
func (s *scanner) group(inside bool) (ast.Expression, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.space()
	e, err := s.or(inside)
	if err != nil {
		return nil, err
	}
	s.space()
	if !s.take(')') {
		return nil, s.fail(`"and", "or" or ")"`)
	}
	return e, nil
}

func (s *scanner) comparison(inside bool) (ast.Expression, error) {
	path, err := s.attributePath(!inside)
	if err != nil {
		return nil, err
	}
	if path.AttributeName == "" {
		return nil, s.fail("an attribute name after the schema URN")
	}
	if s.pos < len(s.in) && s.in[s.pos] == '[' {
		if inside {
			return nil, s.fail("no brackets inside brackets")
		}
		return s.valuePath(path)
	}
	return s.operation(path)
}

// operation parses operator and value after an attribute path.
func (s *scanner) operation(path ast.AttributePath) (*ast.AttributeExpression, error) {
	if !s.space() {
		return nil, s.fail("a space and an operator")
	}
	if s.word("pr") {
		return &ast.AttributeExpression{AttributePath: path, Operator: ast.PR}, nil
	}
	for _, op := range operators {
		if !s.word(string(op)) {
			continue
		}
		if !s.space() {
			return nil, s.fail("a space and a value")
		}
		v, err := s.value()
		if err != nil {
			return nil, err
		}
		return &ast.AttributeExpression{AttributePath: path, Operator: op, CompareValue: v}, nil
	}
	return nil, s.fail("an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr)")
}

var operators = [...]ast.CompareOperator{
	ast.EQ, ast.NE, ast.CO, ast.SW, ast.EW, ast.GT, ast.GE, ast.LT, ast.LE,
}

// valuePath parses the bracket filter after path and, where it follows, a
// comparison of a sub-attribute, which must hold for the same value.
func (s *scanner) valuePath(path ast.AttributePath) (ast.Expression, error) {
	inner, err := s.brackets()
	if err != nil {
		return nil, err
	}
	if s.take('.') {
		sub, ok := s.name()
		if !ok {
			return nil, s.fail("a sub-attribute name")
		}
		cmp, err := s.operation(ast.AttributePath{AttributeName: sub})
		if err != nil {
			return nil, err
		}
		inner = &ast.LogicalExpression{Left: inner, Right: cmp, Operator: ast.AND}
	}
	return &ast.ValuePath{AttributePath: path, ValueFilter: inner}, nil
}

func (s *scanner) brackets() (ast.Expression, error) {
	s.pos++ // the opening bracket
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.space()
	e, err := s.or(true)
	if err != nil {
		return nil, err
	}
	s.space()
	if !s.take(']') {
		return nil, s.fail(`"and", "or" or "]"`)
	}
	return e, nil
}

// Path parses the path of a PATCH operation (RFC 7644 section 3.5.2) or an
// item of attributes and excludedAttributes. A schema URN alone gives an empty
// attribute name. The error is an *Error.
func (p *Parser) Path(in string) (ast.Path, error) {
	s, err := p.scan(strings.TrimSpace(in))
	if err != nil {
		return ast.Path{}, err
	}
	attr, err := s.attributePath(true)
	if err != nil {
		return ast.Path{}, err
	}
	path := ast.Path{AttributePath: attr}
	if s.pos < len(s.in) && s.in[s.pos] == '[' && attr.AttributeName != "" {
		if path.ValueExpression, err = s.brackets(); err != nil {
			return ast.Path{}, err
		}
		if s.take('.') {
			sub, ok := s.name()
			if !ok {
				return ast.Path{}, s.fail("a sub-attribute name")
			}
			path.SubAttribute = &sub
		}
	}
	if s.pos < len(s.in) {
		return ast.Path{}, s.fail("the end of the path")
	}
	return path, nil
}

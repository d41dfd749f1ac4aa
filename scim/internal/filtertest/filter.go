package filtertest

import "strings"

// kind says what a node of a filter is.
type kind int

const (
	comparing kind = iota // path, op, value
	all                   // terms joined by "and"
	some                  // terms joined by "or"
	negation              // one term
	brackets              // path, one term, and maybe a comparison behind it
)

// node is a filter, or a part of one. How it is spelt was decided when it was made,
// so that the same node always gives the same text.
type node struct {
	kind    kind
	terms   []*node
	path    path
	op      string // in lower case
	value   any    // string, number, bool or nil
	behind  *node  // the comparison after the closing bracket
	parens  bool   // parentheses that the grammar does not need
	name    string // the path as spelt
	word    string // the operator as spelt
	literal string // the value as spelt
}

// How tightly a node binds: "and" binds tighter than "or" (RFC 7644 section 3.4.2.2).
const (
	loosest = iota
	orBinds
	andBinds
	tightest
)

func (n *node) binds() int {
	switch n.kind {
	case some:
		return orBinds
	case all:
		return andBinds
	}
	return tightest
}

// String is the filter's text.
func (n *node) String() string { return n.text(loosest) }

// text puts parentheses around what binds less tightly than least.
func (n *node) text(least int) string {
	s := n.bare()
	if n.parens || n.binds() < least {
		return "(" + s + ")"
	}
	return s
}

func (n *node) bare() string {
	switch n.kind {
	case all, some:
		parts := make([]string, len(n.terms))
		for i, t := range n.terms {
			parts[i] = t.text(n.binds())
		}
		return strings.Join(parts, " "+n.word+" ")
	case negation:
		return n.word + "(" + n.terms[0].text(loosest) + ")"
	case brackets:
		s := n.name + "[" + n.terms[0].text(loosest) + "]"
		if n.behind != nil {
			s += "." + n.behind.bare()
		}
		return s
	}
	if n.op == "pr" {
		return n.name + " " + n.word
	}
	return n.name + " " + n.word + " " + n.literal
}

// walk calls fn for the node and all below it; outer is the attribute whose
// brackets a node is in.
func (n *node) walk(outer *path, fn func(n *node, outer *path)) {
	fn(n, outer)
	if n.kind == brackets {
		outer = &n.path
	}
	for _, t := range n.terms {
		t.walk(outer, fn)
	}
	if n.behind != nil {
		n.behind.walk(outer, fn)
	}
}

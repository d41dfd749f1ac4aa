package filtertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// generator makes filters on the resources of one type.
type generator struct {
	*values
	rt    *resourceType
	docs  []map[string]any
	known map[string][]any // values of the paths, in all resources
}

func (g *generator) filter() *node { return g.term(g.r.IntN(4), nil) }

// term makes a filter that nests at most depth levels; outer is the attribute whose
// brackets it is in.
func (g *generator) term(depth int, outer *path) *node {
	n := &node{parens: chance(g.r, 10)}
	switch k := g.r.IntN(100); {
	case depth == 0 || k < 25:
		if outer == nil && chance(g.r, 15) {
			if b := g.brackets(depth); b != nil {
				return b
			}
		}
		return g.comparison(outer)
	case k < 70:
		n.kind, n.word = all, "and"
		if chance(g.r, 50) {
			n.kind, n.word = some, "or"
		}
		for range 2 + g.r.IntN(2) {
			n.terms = append(n.terms, g.term(depth-1, outer))
		}
		n.word = g.anyCase(n.word)
	case k < 82 || outer != nil:
		n.kind, n.word = negation, g.anyCase("not")+pick(g.r, []string{"", " "})
		n.terms = []*node{g.term(depth-1, outer)}
	default:
		if b := g.brackets(depth); b != nil {
			return b
		}
		return g.comparison(nil)
	}
	return n
}

// brackets makes a value path, or nil if the attribute that comes up has no use for one.
func (g *generator) brackets(depth int) *node {
	p := g.attribute()
	p.sub = nil
	if p.attr.Type != "complex" && !p.attr.MultiValued {
		return nil
	}
	n := &node{kind: brackets, path: p, name: g.spell(p), parens: chance(g.r, 10)}
	n.terms = []*node{g.term(min(depth, 2), &p)}
	if chance(g.r, 35) {
		n.behind = g.comparison(&p)
		n.behind.parens = false
	}
	return n
}

// attribute picks one to filter by, more often one of those that stores look up.
func (g *generator) attribute() path {
	p := pick(g.r, g.rt.attrs)
	if chance(g.r, 40) {
		name := pick(g.r, []string{
			"id", "externalId", "userName", "displayName", "active", "emails", "groups", "members", "meta",
			"serial", "code", "print", "link", "slot", "nicks", "number", "seal",
		})
		if i := slices.IndexFunc(g.rt.attrs, func(p path) bool { return p.attr.Name == name }); i >= 0 {
			p = g.rt.attrs[i]
		}
	}
	if subs := p.withSubs()[1:]; len(subs) > 0 && chance(g.r, 75) {
		p = pick(g.r, subs)
	}
	return p
}

// comparison makes a single term.
func (g *generator) comparison(outer *path) *node {
	n := &node{parens: chance(g.r, 5)}
	var from path // where its values are found in resources
	if outer == nil {
		n.path = g.attribute()
		from, n.name = n.path, g.spell(n.path)
	} else {
		n.path, from = g.inside(*outer)
		n.name = g.anyCase(n.path.attr.Name)
		if outer.attr.Type != "complex" {
			n.name = "value"
		}
	}
	leaf := from.leaf()
	if leaf.Type == "complex" {
		if leaf.value() == nil || chance(g.r, 20) {
			n.op = pick(g.r, []string{"pr", "pr", "eq", "ne"})
			n.word, n.literal = g.anyCase(n.op), "null"
			return n
		}
		from.sub = leaf.value()
		leaf = from.sub
	}
	n.op = pick(g.r, operators(leaf))
	n.word = g.anyCase(n.op)
	if n.op == "pr" {
		return n
	}
	if (n.op == "eq" || n.op == "ne") && chance(g.r, 6) {
		n.literal = "null"
		return n
	}
	n.value = g.value(from, n.op)
	n.literal = g.literal(n.value)
	return n
}

// inside picks a sub-attribute of the attribute before the brackets: as the path that
// counts there, and as the one from the outside.
func (g *generator) inside(outer path) (in, from path) {
	if outer.attr.Type != "complex" {
		plain := *outer.attr
		plain.Name, plain.MultiValued = "value", false
		return path{attr: &plain}, outer
	}
	from = pick(g.r, outer.withSubs()[1:])
	return path{attr: from.sub}, from
}

// operators are those that may be used with a type.
func operators(a *attribute) []string {
	switch a.Type {
	case "boolean":
		return []string{"eq", "eq", "ne", "pr"}
	case "integer", "decimal":
		return []string{"eq", "ne", "gt", "ge", "lt", "le", "pr"}
	case "binary":
		return []string{"eq", "ne", "co", "sw", "ew", "pr"}
	}
	return []string{"eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"}
}

// spell writes a path in any case, core attributes sometimes with their schema.
func (g *generator) spell(p path) string {
	name := p.name()
	if p.core != "" && chance(g.r, 15) {
		name = p.core + ":" + name
	}
	return g.anyCase(name)
}

func (g *generator) anyCase(s string) string {
	switch g.r.IntN(8) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToLower(s)
	case 2:
		return strings.Map(func(c rune) rune {
			if chance(g.r, 50) {
				return swapCase(c)
			}
			return c
		}, s)
	}
	return s
}

// value picks what to compare with: mostly a value that some resource has.
func (g *generator) value(from path, op string) any {
	a := from.leaf()
	v := g.of(a)
	if known := g.valuesOf(from); len(known) > 0 && chance(g.r, 85) {
		v = pick(g.r, known)
	}
	switch a.Type {
	case "boolean":
		return v
	case "integer", "decimal":
		if chance(g.r, 20) {
			v = json.Number(pick(g.r, []string{"1e400", "-1e400", "0.5", "9223372036854775808", "-9223372036854775809", "9007199254740993.0", "1.0e1", "1e-300"}))
		}
		return v
	case "dateTime":
		return g.timeLike(v.(string), op)
	}
	s := v.(string)
	if op != "eq" && op != "ne" && op[0] != 'g' && op[0] != 'l' {
		s = part(g.r, s, op)
	}
	if chance(g.r, 25) {
		s = mutate(g.r, s)
	}
	if chance(g.r, 2) && a.Type == "string" {
		return json.Number(pick(g.r, g.numbers)) // taken as its digits
	}
	return s
}

func (g *generator) timeLike(s, op string) string {
	switch {
	case op == "co" || op == "sw" || op == "ew":
		return part(g.r, s, op)
	case chance(g.r, 5):
		return pick(g.r, []string{"9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "0000-01-01T00:00:00Z"})
	case chance(g.r, 60):
		t := instant(s)
		if chance(g.r, 60) {
			t = t.Add(pick(g.r, []time.Duration{1, -1, time.Microsecond, -time.Microsecond, time.Second, -time.Hour}))
		}
		if t.Year() > 0 && t.Year() < 9999 {
			return g.values.spell(t)
		}
	}
	return s
}

func (g *generator) valuesOf(p path) []any {
	name := p.name()
	v, ok := g.known[name]
	if !ok {
		for _, d := range g.docs {
			v = append(v, p.values(d)...)
		}
		g.known[name] = v
	}
	return v
}

// literal writes a value as JSON, sometimes with all characters escaped.
func (g *generator) literal(v any) string {
	if s, ok := v.(string); ok && chance(g.r, 15) {
		return escaped(g.r, s)
	}
	return quote(v)
}

func quote(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings, numbers and booleans always marshal
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// escaped writes a string with an escape for each character.
func escaped(r *rand.Rand, s string) string {
	var b strings.Builder
	format := pick(r, []string{`\u%04x`, `\u%04X`})
	b.WriteByte('"')
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, format, unit)
	}
	b.WriteByte('"')
	return b.String()
}

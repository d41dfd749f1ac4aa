package scim

import (
	"strings"

	ast "github.com/scim2/filter-parser/v2"

	"github.com/tenantgate/tenantgate/store"
)

// pushdown gives the part of a condition that a store can look up. It lets
// through all that the condition does, and maybe more; exact says that it lets
// through nothing else.
func (h *Handler) pushdown(rt *resourceType, c *condition) (e store.Expr, exact bool) {
	if e, exact = h.push(rt, c, nil); exprTerms(e) > maxPushed {
		return fewer(e), false
	}
	return e, exact
}

// maxPushed bounds what a store is asked at once: databases plan long conditions slowly,
// and refuse some. The rest is tested on what comes back.
const maxPushed = 32

func exprTerms(e store.Expr) (n int) {
	switch e := e.(type) {
	case store.And:
		for _, t := range e {
			n += exprTerms(t)
		}
	case store.Or:
		for _, t := range e {
			n += exprTerms(t)
		}
	case store.Compare, store.In:
		n = 1
	}
	return n
}

// fewer leaves terms out of an expression that has too many, so that it lets through
// more.
func fewer(e store.Expr) store.Expr {
	and, ok := e.(store.And)
	if !ok {
		return store.All{}
	}
	var out store.And
	left := maxPushed
	for _, t := range and {
		n := exprTerms(t)
		if n > left {
			if t = fewer(t); isAll(t) || exprTerms(t) > left {
				continue
			}
			n = exprTerms(t)
		}
		left -= n
		out = append(out, t)
	}
	if len(out) == 0 {
		return store.All{}
	}
	return out
}

// push works inside the brackets of outer, if that is not nil.
func (h *Handler) push(rt *resourceType, c *condition, outer *field) (store.Expr, bool) {
	switch c.op {
	case condAnd:
		l, exactL := h.push(rt, c.left, outer)
		r, exactR := h.push(rt, c.right, outer)
		exact := exactL && exactR && outer == nil
		if isAll(l) {
			return r, exact
		}
		if isAll(r) {
			return l, exact
		}
		return store.And{l, r}, exact
	case condOr:
		l, exactL := h.push(rt, c.left, outer)
		r, exactR := h.push(rt, c.right, outer)
		if isAll(l) || isAll(r) {
			return store.All{}, false
		}
		if in, ok := oneOf(l, r); ok {
			return in, exactL && exactR
		}
		return store.Or{l, r}, exactL && exactR
	case condBrackets:
		e, _ := h.push(rt, c.left, &c.field)
		return e, false
	case condCompare:
		f := c.field
		if outer != nil {
			if outer.ext != nil || !outer.attr.complex() {
				return store.All{}, false
			}
			f = field{attr: outer.attr, sub: f.attr}
		}
		return h.pushCompare(rt, f, &c.test)
	}
	return store.All{}, false
}

// oneOf joins two conditions that an attribute has some values.
func oneOf(l, r store.Expr) (store.In, bool) {
	a, ok := values(l)
	b, ok2 := values(r)
	if !ok || !ok2 || a.Attr != b.Attr || len(a.Values)+len(b.Values) > store.MaxLimit {
		return store.In{}, false
	}
	a.Values = append(a.Values[:len(a.Values):len(a.Values)], b.Values...)
	return a, true
}

func values(e store.Expr) (store.In, bool) {
	switch e := e.(type) {
	case store.In:
		return e, true
	case store.Compare:
		return store.In{Attr: e.Attr, Values: []string{e.Value}}, e.Op == store.Eq
	}
	return store.In{}, false
}

func isAll(e store.Expr) bool {
	_, ok := e.(store.All)
	return ok
}

var storeOps = map[ast.CompareOperator]store.Op{
	ast.EQ: store.Eq, ast.SW: store.Sw, ast.GT: store.Gt, ast.GE: store.Ge, ast.LT: store.Lt, ast.LE: store.Le,
}

func (h *Handler) pushCompare(rt *resourceType, f field, t *comparison) (store.Expr, bool) {
	op, ok := storeOps[t.op]
	if !ok || t.null {
		return store.All{}, false
	}
	if strings.IndexByte(t.text, 0) >= 0 {
		// No stored value holds U+0000, and some databases don't even compare with it.
		if op == store.Eq || op == store.Sw {
			return store.Or{}, true
		}
		return store.All{}, false
	}
	name := f.name()
	switch {
	case name == "id" || name == "externalId":
		return store.Compare{Attr: store.Attr(name), Op: op, Value: t.text}, true
	case name == string(store.AttrCreatedAt) || name == string(store.AttrUpdatedAt):
		return h.pushTime(rt, store.Attr(name), op, t)
	case h.isUser(rt) && (name == "userName" || name == "emails.value"):
		return store.Compare{Attr: store.Attr(name), Op: op, Value: t.text}, true
	case h.isUser(rt) && name == "active" && op == store.Eq:
		value := "false"
		if t.yes {
			value = "true"
		}
		return store.Compare{Attr: store.AttrActive, Op: op, Value: value}, true
	case h.isUser(rt) && name == "groups.value" && op == store.Eq:
		return store.Compare{Attr: store.AttrGroup, Op: op, Value: t.text}, true
	case h.isGroup(rt) && name == "displayName":
		return store.Compare{Attr: store.AttrDisplayName, Op: op, Value: t.text}, true
	case h.isGroup(rt) && name == "members.value" && op == store.Eq:
		return store.Compare{Attr: store.AttrMember, Op: op, Value: t.text}, true
	}
	if a := f.leaf(); op == store.Eq && f.sub == nil && a.Uniqueness != UniquenessNone && !h.isUser(rt) && !h.isGroup(rt) {
		value := t.text
		if t.kind != TypeString && t.kind != TypeReference && t.kind != TypeBinary {
			return store.All{}, false
		}
		return store.Compare{Attr: store.Attr(name), Op: op, Value: value}, false
	}
	return store.All{}, false
}

// pushTime widens a comparison to the resolution of stores. What a group shows
// as lastModified may be later than what the store compares.
func (h *Handler) pushTime(rt *resourceType, attr store.Attr, op store.Op, t *comparison) (store.Expr, bool) {
	if y := t.at.UTC().Year(); t.textual() || y < 0 || y > 9999 {
		return store.All{}, false // stores compare times as text of four digits for the year
	}
	at := store.FormatTime(t.at)
	later := attr == store.AttrUpdatedAt && h.isGroup(rt)
	switch {
	case (op == store.Gt || op == store.Ge) && !later:
		return store.Compare{Attr: attr, Op: store.Ge, Value: at}, false
	case op == store.Lt || op == store.Le || op == store.Eq && later:
		return store.Compare{Attr: attr, Op: store.Le, Value: at}, false
	case op == store.Eq && !later:
		return store.Compare{Attr: attr, Op: store.Eq, Value: at}, false
	}
	return store.All{}, false
}

// relations notes which relations a condition looks at.
func (c *condition) relations() (groups bool, members []string, all bool) {
	c.walk(func(f field, t *comparison) {
		if f.ext != nil {
			return
		}
		switch strings.ToLower(f.attr.Name) {
		case "groups":
			groups = true
		case "members":
			if t.op == ast.EQ && !t.null && f.sub != nil && f.sub.Name == "value" {
				if strings.IndexByte(t.text, 0) < 0 {
					members = append(members, t.text)
				}
			} else {
				all = true
			}
		}
	})
	// "Some member is not …" looks at all of them.
	return groups, members, all || c.negatesInside("members")
}

// negatesInside reports whether brackets behind the attribute hold a negation.
func (c *condition) negatesInside(name string) bool {
	switch c.op {
	case condAnd, condOr:
		return c.left.negatesInside(name) || c.right.negatesInside(name)
	case condNot:
		return c.left.negatesInside(name)
	case condBrackets:
		return c.field.ext == nil && c.field.attr.Name == name && c.left.negates()
	}
	return false
}

func (c *condition) negates() bool {
	switch c.op {
	case condAnd, condOr:
		return c.left.negates() || c.right.negates()
	case condNot:
		return true
	}
	return false
}

package sqlstore

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// Kind separates users from groups where they share a table.
type Kind string

// The kinds of SCIM records.
const (
	Users  Kind = "u"
	Groups Kind = "g"
)

func (k Kind) table() string {
	if k == Groups {
		return "tenantgate_scim_groups"
	}
	return "tenantgate_scim_users"
}

// Always and Never are the conditions that every record and no record meets.
const (
	always = "true"
	never  = "false"
)

// compiler translates a condition on records named r. The first parameter is the
// tenant.
type compiler struct {
	*Dialect
	kind Kind
	args []any
}

// compile returns a condition that lets through at least what e matches; exact says
// that it lets through nothing else.
func (c *compiler) compile(e store.Expr) (cond string, exact bool) {
	switch e := e.(type) {
	case nil, store.All:
		return always, true
	case store.And:
		return c.and(e)
	case store.Or:
		return c.or(e)
	case store.Compare:
		return c.compare(e.Attr, e.Op, store.NormalizeValue(e.Attr, e.Value))
	case store.In:
		return c.in(e)
	default:
		return always, false
	}
}

func (c *compiler) and(terms store.And) (string, bool) {
	var conds []string
	exact, before := true, len(c.args)
	for _, t := range terms {
		cond, ok := c.compile(t)
		exact = exact && ok
		switch cond {
		case always:
		case never:
			c.args = c.args[:before] // a parameter that is not used has no type
			return never, true
		default:
			conds = append(conds, cond)
		}
	}
	if len(conds) > maxTerms {
		c.args = c.args[:before]
		return always, false
	}
	return joinConds(conds, " and ", always), exact
}

func (c *compiler) or(terms store.Or) (string, bool) {
	var conds []string
	exact, before := true, len(c.args)
	for _, t := range terms {
		cond, ok := c.compile(t)
		exact = exact && ok
		switch cond {
		case always:
			c.args = c.args[:before]
			return always, ok
		case never:
		default:
			conds = append(conds, cond)
		}
	}
	if len(conds) > maxTerms {
		c.args = c.args[:before]
		return always, false
	}
	return joinConds(conds, " or ", never), exact
}

// maxTerms bounds how many conditions are joined into one: databases limit the depth of
// an expression. Longer ones are the caller's to test.
const maxTerms = 200

func joinConds(conds []string, with, none string) string {
	switch len(conds) {
	case 0:
		return none
	case 1:
		return conds[0]
	}
	return "(" + strings.Join(conds, with) + ")"
}

// arg adds a parameter and returns its name.
func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *compiler) compare(attr store.Attr, op store.Op, value string) (string, bool) {
	switch {
	case attr == store.AttrActive && c.kind == Users:
		return active(op, value), known(op)
	case attr == store.AttrCreatedAt:
		return c.compareTime("r.created_at", op, value)
	case attr == store.AttrUpdatedAt:
		return c.compareTime("r.updated_at", op, value)
	}
	if c.Storable != nil && !c.Storable(value) {
		if op == store.Eq {
			return never, true
		}
		return always, false
	}
	if !known(op) {
		return always, false
	}
	return c.by(attr, func(column string) string { return c.relation(column, op, value) }), true
}

func (c *compiler) in(e store.In) (string, bool) {
	values := make([]string, 0, len(e.Values))
	for _, v := range e.Values {
		if v = store.NormalizeValue(e.Attr, v); c.Storable == nil || c.Storable(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return never, true
	}
	switch {
	case e.Attr == store.AttrActive && c.kind == Users:
		return c.or(store.Or{activeIn(values, "true"), activeIn(values, "false")})
	case e.Attr == store.AttrCreatedAt:
		return c.timeIn("r.created_at", values), true
	case e.Attr == store.AttrUpdatedAt:
		return c.timeIn("r.updated_at", values), true
	}
	return c.by(e.Attr, func(column string) string { return c.InList(column, c.arg(c.List(values))) }), true
}

// by applies a condition to the column of an attribute. Where the values have a table
// of their own it is "id in (select …)": planners turn "exists" around and walk the
// records.
func (c *compiler) by(attr store.Attr, cond func(column string) string) string {
	switch {
	case attr == store.AttrID:
		return cond("r.id")
	case attr == store.AttrUserName && c.kind == Users:
		return cond("r.user_name_key")
	case attr == store.AttrDisplayName && c.kind == Groups:
		return cond("r.display_name_key")
	case attr == store.AttrExternalID:
		return cond("r.external_id")
	case attr == store.AttrMember && c.kind == Groups:
		return "r.id in (select m.group_id from tenantgate_scim_members m where m.tenant_id = $1 and " + cond("m.member_id") + ")"
	case attr == store.AttrGroup && c.kind == Users:
		return "r.id in (select m.member_id from tenantgate_scim_members m where m.tenant_id = $1 and " + cond("m.group_id") + ")"
	}
	return "r.id in (select k.record_id from tenantgate_scim_keys k where k.tenant_id = $1 and k.kind = '" + string(c.kind) +
		"' and k.attr = " + c.arg(string(attr)) + " and " + cond("k.value") + ")"
}

func known(op store.Op) bool { return op == store.Sw || sign(op) != "" }

func sign(op store.Op) string {
	switch op {
	case store.Eq:
		return "="
	case store.Gt:
		return ">"
	case store.Ge:
		return ">="
	case store.Lt:
		return "<"
	case store.Le:
		return "<="
	}
	return ""
}

// relation compares a column of texts. A prefix is a range, which an index answers and
// in which no character has a meaning of its own.
func (c *compiler) relation(column string, op store.Op, value string) string {
	if op != store.Sw {
		return column + " " + sign(op) + " " + c.arg(value)
	}
	low := column + " >= " + c.arg(value)
	if next, ok := afterPrefix(value); ok {
		return "(" + low + " and " + column + " < " + c.arg(next) + ")"
	}
	return low
}

// afterPrefix returns the least text that is greater than all texts with the prefix.
// Byte order of UTF-8 is the order of code points, so the last one is raised.
func afterPrefix(prefix string) (string, bool) {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case r == utf8.RuneError && size <= 1:
			return "", false
		case r == utf8.MaxRune:
		case r == 0xD7FF:
			return prefix + string(rune(0xE000)), true
		default:
			return prefix + string(r+1), true
		}
	}
	return "", false
}

// active compares "true" and "false" as texts and says for which of them op holds.
func active(op store.Op, value string) string {
	holds := func(v string) bool {
		return store.Matches(store.Compare{Attr: store.AttrActive, Op: op, Value: value}, func(store.Attr) []string { return []string{v} })
	}
	switch t, f := holds("true"), holds("false"); {
	case t && f:
		return always
	case t:
		return "r.active"
	case f:
		return "not r.active"
	}
	return never
}

// activeIn is the condition that a user has one value of AttrActive, if it is asked for.
func activeIn(values []string, value string) store.Expr {
	if !slices.Contains(values, value) {
		return store.Or{}
	}
	return store.Compare{Attr: store.AttrActive, Op: store.Eq, Value: value}
}

// parseTime reads a time as FormatTime writes it; no other text equals a stored time.
func parseTime(value string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, value)
	return store.Time(t), err == nil && store.FormatTime(t) == value
}

// compareTime compares a column of times with a text as FormatTime writes it. What is
// written otherwise, or asked as a text, is left to the caller.
func (c *compiler) compareTime(column string, op store.Op, value string) (string, bool) {
	t, ok := parseTime(value)
	switch {
	case ok && sign(op) != "":
		return column + " " + sign(op) + " " + c.arg(c.Time(t)), true
	case op == store.Eq:
		return never, true
	}
	return always, false
}

func (c *compiler) timeIn(column string, values []string) string {
	var times []time.Time
	for _, v := range values {
		if t, ok := parseTime(v); ok {
			times = append(times, t)
		}
	}
	if len(times) == 0 {
		return never
	}
	return c.InTimes(column, c.arg(c.Times(times)))
}

// selection is a compiled query for a page.
type selection struct {
	where string
	args  []any
	exact bool
	limit int
}

// page compiles a query of a list. The statement reads one record more than the
// limit, which tells whether more follow.
func (d *Dialect) page(kind Kind, tenantID string, q store.Query) selection {
	c := compiler{Dialect: d, kind: kind, args: []any{tenantID, q.After}}
	cond, exact := c.compile(q.Filter)
	s := selection{exact: exact, limit: q.ClampLimit()}
	where := "r.tenant_id = $1 and r.id > $2"
	if cond != always {
		where += " and " + cond
	}
	s.where = where
	if q.Offset > 0 && exact {
		// The offset walks the keys alone; the records are read from there.
		s.where += " and r.id >= (select r.id from " + kind.table() + " r where " + where +
			" order by r.id limit 1 offset " + c.arg(q.Offset) + ")"
	}
	s.where += " order by r.id limit " + c.arg(s.limit+1)
	s.args = c.args
	return s
}

// finish cuts the extra record off and fills in how to go on.
func finish[T any](s selection, items []T, id func(*T) string) store.Page[T] {
	p := store.Page[T]{Items: items, Exact: s.exact}
	if len(items) > s.limit {
		p.Items, p.More = items[:s.limit], true
		p.Next = id(&p.Items[s.limit-1])
	}
	return p
}

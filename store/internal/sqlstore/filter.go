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

// condition is a translated condition. It lets through at least what was asked for;
// exact says that it lets through nothing else.
type condition struct {
	// row is the condition on a record named r, empty if ids says more.
	row string
	// ids, if not empty, is a query for the IDs of the same records, which an index
	// answers. Planners that know neither the values nor the size of a tenant would
	// rather walk the tenant in the order of the list; "r.id in (…)" leaves them no
	// doubt. ("exists" would: they turn it around.)
	ids   string
	exact bool
}

func (c condition) is(row string) bool { return c.ids == "" && c.row == row }

// onRow is the condition as a part of a where clause.
func (c condition) onRow() string {
	if c.row == "" {
		return "r.id in (" + c.ids + ")"
	}
	return c.row
}

func (c *compiler) compile(e store.Expr) condition {
	switch e := e.(type) {
	case nil, store.All:
		return condition{row: always, exact: true}
	case store.And:
		return c.and(e)
	case store.Or:
		return c.or(e)
	case store.Compare:
		return c.compare(e.Attr, e.Op, store.NormalizeValue(e.Attr, e.Value))
	case store.In:
		return c.in(e)
	default:
		return condition{row: always}
	}
}

// maxTerms bounds how many conditions are joined into one: databases limit the depth of
// an expression. Longer ones are the caller's to test.
const maxTerms = 200

func (c *compiler) and(terms store.And) condition {
	var rows []string
	all := condition{exact: true}
	before := len(c.args)
	indexed := false
	for _, t := range terms {
		cond := c.compile(t)
		all.exact = all.exact && cond.exact
		if cond.is(never) {
			c.args = c.args[:before] // a parameter that is not used has no type
			return condition{row: never, exact: true}
		}
		if !cond.is(always) {
			rows = append(rows, cond.onRow())
			indexed = indexed || cond.ids != ""
		}
	}
	switch {
	case len(rows) == 0:
		all.row = always
	case len(rows) > maxTerms:
		c.args = c.args[:before]
		return condition{row: always}
	default:
		all.row = "(" + strings.Join(rows, " and ") + ")"
		if indexed {
			all.ids = c.idsOf(all.row)
		}
	}
	return all
}

func (c *compiler) or(terms store.Or) condition {
	var rows, ids []string
	any := condition{exact: true}
	before := len(c.args)
	for _, t := range terms {
		cond := c.compile(t)
		any.exact = any.exact && cond.exact
		if cond.is(always) {
			c.args = c.args[:before]
			return cond
		}
		if cond.is(never) {
			continue
		}
		rows = append(rows, cond.onRow())
		if cond.ids != "" {
			ids = append(ids, cond.ids)
		}
	}
	switch {
	case len(rows) == 0:
		any.row = never
	case len(rows) > maxTerms:
		c.args = c.args[:before]
		return condition{row: always}
	case len(ids) == len(rows):
		any.ids = strings.Join(ids, " union all ")
	default:
		any.row = "(" + strings.Join(rows, " or ") + ")"
	}
	return any
}

// arg adds a parameter and returns its name.
func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *compiler) compare(attr store.Attr, op store.Op, value string) condition {
	switch {
	case attr == store.AttrActive && c.kind == Users:
		return condition{row: active(op, value), exact: known(op)}
	case attr == store.AttrCreatedAt:
		return c.compareTime("r.created_at", op, value)
	case attr == store.AttrUpdatedAt:
		return c.compareTime("r.updated_at", op, value)
	case c.Storable != nil && !c.Storable(value):
		if op == store.Eq {
			return condition{row: never, exact: true}
		}
		return condition{row: always}
	case !known(op):
		return condition{row: always}
	}
	column, own := c.column(attr)
	switch {
	case !c.hashed(attr):
	case op == store.Eq:
		value = c.Indexed(value)
	case !c.ordered(value):
		return condition{row: always}
	}
	relation := func(column string) string { return c.relation(column, op, value) }
	switch {
	case column == "external_id" && (op != store.Eq || !c.ordered(value)):
		return condition{row: relation("r." + column), exact: true}
	case own && op == store.Eq && column == "user_name_key":
		// A unique index finds it in one step.
		row := relation("r." + column)
		return condition{row: row, ids: c.idsOf(row), exact: true}
	case own && op != store.Eq && op != store.Sw:
		// A range may be most of the list, which is then better walked in its order.
		return condition{row: relation("r." + column), exact: true}
	}
	return c.by(attr, relation)
}

// idsOf queries the IDs of the records that meet a condition.
func (c *compiler) idsOf(row string) string {
	return "select r.id from " + c.kind.table() + " r where r.tenant_id = $1 and " + row
}

func (c *compiler) in(e store.In) condition {
	values := make([]string, 0, len(e.Values))
	for _, v := range e.Values {
		if v = store.NormalizeValue(e.Attr, v); c.Storable == nil || c.Storable(v) {
			values = append(values, v)
		}
	}
	switch {
	case len(values) == 0:
		return condition{row: never, exact: true}
	case e.Attr == store.AttrActive && c.kind == Users:
		return c.or(store.Or{activeIn(values, "true"), activeIn(values, "false")})
	case e.Attr == store.AttrCreatedAt:
		return c.timeIn("r.created_at", values)
	case e.Attr == store.AttrUpdatedAt:
		return c.timeIn("r.updated_at", values)
	}
	column, _ := c.column(e.Attr)
	for i, v := range values {
		if column == "external_id" && !c.ordered(v) {
			return condition{row: c.InList("r.external_id", c.arg(c.List(values))), exact: true}
		}
		if c.hashed(e.Attr) {
			values[i] = c.Indexed(v)
		}
	}
	return c.by(e.Attr, func(column string) string { return c.InList(column, c.arg(c.List(values))) })
}

// column names the column of an attribute, if the records' own table has one.
func (c *compiler) column(attr store.Attr) (name string, own bool) {
	switch {
	case attr == store.AttrID:
		return "id", true
	case attr == store.AttrExternalID:
		return "external_id", true
	case attr == store.AttrUserName && c.kind == Users:
		return "user_name_key", true
	case attr == store.AttrDisplayName && c.kind == Groups:
		return "display_name_key", true
	}
	return "", false
}

// hashed says whether an attribute is kept in the form that Dialect.Indexed gives it.
func (c *compiler) hashed(attr store.Attr) bool {
	switch attr {
	case store.AttrID, store.AttrExternalID:
		return false
	case store.AttrMember:
		return c.kind != Groups
	case store.AttrGroup:
		return c.kind != Users
	}
	return true
}

// by queries the IDs of the records of which the column of an attribute, in whatever
// table, meets a condition.
func (c *compiler) by(attr store.Attr, cond func(column string) string) condition {
	var ids string
	column, own := c.column(attr)
	switch {
	case own:
		ids = "select c.id from " + c.kind.table() + " c where c.tenant_id = $1 and " + cond("c."+column)
		if column == "external_id" {
			ids += c.ExternalID
		}
	case attr == store.AttrMember && c.kind == Groups:
		ids = "select m.group_id from tenantgate_scim_members m where m.tenant_id = $1 and " + cond("m.member_id")
	case attr == store.AttrGroup && c.kind == Users:
		ids = "select m.member_id from tenantgate_scim_members m where m.tenant_id = $1 and " + cond("m.group_id")
	default:
		ids = "select k.record_id from tenantgate_scim_keys k where k.tenant_id = $1 and k.kind = '" + string(c.kind) +
			"' and k.attr = " + c.arg(string(attr)) + " and " + cond("k.value")
	}
	return condition{ids: ids, exact: true}
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
func (c *compiler) compareTime(column string, op store.Op, value string) condition {
	t, ok := parseTime(value)
	switch {
	case ok && sign(op) != "":
		return condition{row: column + " " + sign(op) + " " + c.arg(c.Time(t)), exact: true}
	case op == store.Eq:
		return condition{row: never, exact: true}
	}
	return condition{row: always}
}

func (c *compiler) timeIn(column string, values []string) condition {
	var times []time.Time
	for _, v := range values {
		if t, ok := parseTime(v); ok {
			times = append(times, t)
		}
	}
	if len(times) == 0 {
		return condition{row: never, exact: true}
	}
	return condition{row: c.InTimes(column, c.arg(c.Times(times))), exact: true}
}

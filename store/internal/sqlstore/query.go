package sqlstore

import "github.com/tenantgate/tenantgate/store"

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
	cond := c.compile(q.Filter)
	s := selection{exact: cond.exact, limit: q.ClampLimit()}
	where := "r.tenant_id = $1 and r.id > $2"
	if cond.ids != "" {
		where = "r.tenant_id = $1 and " + d.Unindexed("r.id") + " > $2"
	}
	if !cond.is(always) {
		where += " and " + cond.onRow()
	}
	s.where = where
	if q.Offset > 0 && cond.exact {
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

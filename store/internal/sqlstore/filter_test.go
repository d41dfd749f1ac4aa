package sqlstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// testDialect writes what is easy to read.
func testDialect() *Dialect {
	return &Dialect{
		Mark: '$',
		Time: func(t time.Time) any { return t },
		List: func(values []string) any { return values },
		InList: func(column, param string) string {
			return column + " in " + param
		},
		Times:     func(times []time.Time) any { return times },
		InTimes:   func(column, param string) string { return column + " in " + param },
		Unindexed: func(column string) string { return "+" + column },
	}
}

func TestCompile(t *testing.T) {
	eq := func(attr store.Attr, v string) store.Expr { return store.Compare{Attr: attr, Op: store.Eq, Value: v} }
	const (
		byName = "r.user_name_key = $2"
		byMail = "select k.record_id from tenantgate_scim_keys k where k.tenant_id = $1 and k.kind = 'u' and k.attr = "
	)
	created := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		in    store.Expr
		cond  string
		args  []any
		exact bool
	}{
		{"nothing", nil, "true", nil, true},
		{"all", store.All{}, "true", nil, true},
		{"empty and", store.And{}, "true", nil, true},
		{"empty or", store.Or{}, "false", nil, true},
		{"userName is folded", eq(store.AttrUserName, "ADA"), byName, []any{"ada"}, true},
		{
			"externalId is not",
			eq(store.AttrExternalID, "X"),
			"r.id in (select c.id from tenantgate_scim_users c where c.tenant_id = $1 and c.external_id = $2)",
			[]any{"X"},
			true,
		},
		{"key", eq("emails.value", "a@b"), "r.id in (" + byMail + "$2 and k.value = $3)", []any{"emails.value", "a@b"}, true},
		{
			"prefix is a range",
			store.Compare{Attr: store.AttrUserName, Op: store.Sw, Value: "a%"},
			"r.id in (select c.id from tenantgate_scim_users c where c.tenant_id = $1 and (c.user_name_key >= $2 and c.user_name_key < $3))",
			[]any{"a%", "a&"},
			true,
		},
		{"active", eq(store.AttrActive, "true"), "r.active", nil, true},
		{"active before true", store.Compare{Attr: store.AttrActive, Op: store.Lt, Value: "true"}, "not r.active", nil, true},
		{"active with another word", eq(store.AttrActive, "yes"), "false", nil, true},
		{"active in both", store.In{Attr: store.AttrActive, Values: []string{"true", "false"}}, "(r.active or not r.active)", nil, true},
		{"time", store.Compare{Attr: store.AttrCreatedAt, Op: store.Gt, Value: store.FormatTime(created)}, "r.created_at > $2", []any{created}, true},
		{"time in another form equals none", eq(store.AttrCreatedAt, "2026-03-01"), "false", nil, true},
		{"time in another form is left to the caller", store.Compare{Attr: store.AttrCreatedAt, Op: store.Gt, Value: "2026"}, "true", nil, false},
		{"unknown operator is left to the caller", store.Compare{Attr: store.AttrUserName, Op: "co", Value: "x"}, "true", nil, false},
		{
			"and keeps what it can",
			store.And{eq(store.AttrUserName, "a"), store.Compare{Attr: store.AttrUserName, Op: "co", Value: "x"}},
			"(" + byName + ")",
			[]any{"a"},
			false,
		},
		{"or with what it cannot keeps nothing", store.Or{eq(store.AttrUserName, "a"), store.Compare{Attr: "x", Op: "co", Value: "x"}}, "true", nil, false},
		{"or of indexed is one list of IDs", store.Or{eq(store.AttrUserName, "a"), eq("m", "b")}, "r.id in (" +
			"select r.id from tenantgate_scim_users r where r.tenant_id = $1 and " + byName + " union all " + byMail + "$3 and k.value = $4)", []any{"a", "m", "b"}, true},
		{"or of others is a condition", store.Or{eq(store.AttrActive, "true"), eq(store.AttrUserName, "a")}, "(r.active or " + byName + ")", []any{"a"}, true},
		{"never in and drops the parameters", store.And{eq(store.AttrUserName, "a"), store.Or{}}, "false", nil, true},
		{"empty in", store.In{Attr: store.AttrUserName}, "false", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := compiler{Dialect: testDialect(), kind: Users, args: []any{"acme"}}
			cond := c.compile(tt.in)
			require.Equal(t, tt.cond, cond.onRow())
			require.Equal(t, append([]any{"acme"}, tt.args...), c.args)
			require.Equal(t, tt.exact, cond.exact)
		})
	}
}

// TestCompileLong leaves to the caller what would be too deep for a database.
func TestCompileLong(t *testing.T) {
	for _, e := range []store.Expr{
		make(store.And, maxTerms+1), make(store.Or, maxTerms+1),
	} {
		switch e := e.(type) {
		case store.And:
			for i := range e {
				e[i] = store.Compare{Attr: store.AttrUserName, Op: store.Gt, Value: "x"}
			}
		case store.Or:
			for i := range e {
				e[i] = store.Compare{Attr: store.AttrUserName, Op: store.Gt, Value: "x"}
			}
		}
		c := compiler{Dialect: testDialect(), kind: Users, args: []any{"acme"}}
		cond := c.compile(e)
		require.True(t, cond.is(always))
		require.False(t, cond.exact)
		require.Len(t, c.args, 1)
	}
}

func TestAfterPrefix(t *testing.T) {
	for _, tt := range []struct {
		prefix, next string
		ok           bool
	}{
		{"a", "b", true},
		{"", "", false},
		{"az", "a{", true},
		{"é", "ê", true},
		{"x\uD7FF", "x\uE000", true},
		{"a\U0010FFFF", "b", true},
		{"\U0010FFFF", "", false},
		{"a\xff", "", false},
	} {
		next, ok := afterPrefix(tt.prefix)
		require.Equal(t, tt.ok, ok, "%q", tt.prefix)
		require.Equal(t, tt.next, next, "%q", tt.prefix)
	}
}

func TestPage(t *testing.T) {
	d := testDialect()
	s := d.page(Groups, "acme", store.Query{After: "x", Offset: 5, Limit: 10})
	require.Equal(t, "r.tenant_id = $1 and r.id > $2 and r.id >= (select r.id from tenantgate_scim_groups r"+
		" where r.tenant_id = $1 and r.id > $2 order by r.id limit 1 offset $3) order by r.id limit $4", s.where)
	require.Equal(t, []any{"acme", "x", 5, 11}, s.args)

	s = d.page(Groups, "acme", store.Query{Filter: store.Compare{Attr: store.AttrID, Op: "co"}, Offset: 5})
	require.Equal(t, "r.tenant_id = $1 and r.id > $2 order by r.id limit $3", s.where, "an offset needs the whole filter")

	items := []store.SCIMGroup{{Meta: store.Meta{ID: "1"}}, {Meta: store.Meta{ID: "2"}}, {Meta: store.Meta{ID: "3"}}}
	p := finish(selection{limit: 2, exact: true}, items, func(g *store.SCIMGroup) string { return g.ID })
	require.True(t, p.More)
	require.True(t, p.Exact)
	require.Equal(t, "2", p.Next)
	require.Len(t, p.Items, 2)
}

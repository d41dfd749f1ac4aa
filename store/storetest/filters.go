package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func filterChecks() []check {
	return []check{
		{name: "match", rule: "a filtered list holds every record that store.Matches says matches, and no other when the page is Exact", run: checkFilters},
		{name: "exact", rule: "Eq on id, userName and externalId is answered exactly", run: checkFilterExact},
		{name: "text", rule: "values in conditions are text: quotes, backslashes and wildcards stand for themselves", run: checkFilterText},
		{name: "related", rule: "members.value finds the groups of a member and groups.value the members of a group, as they are now", run: checkFilterRelated},
		{name: "in", rule: "In holds up to MaxLimit values", run: checkFilterIn},
	}
}

// vocabulary is small, so that conditions often hold, and tricky.
var vocabulary = []string{"a", "A", "ab", "a%", "a_", "a\\", "b'", "é", "É", "z", "", "a b", "\"", "漢"}

// matchable is a list whose filters can be evaluated.
type matchable[T any] struct {
	kind   kind[T]
	items  []T // in order of the ID
	values func(T, store.Attr) []string
}

func (m matchable[T]) matching(e store.Expr) []T {
	return slices.DeleteFunc(slices.Clone(m.items), func(v T) bool {
		return !store.Matches(e, func(a store.Attr) []string { return m.values(v, a) })
	})
}

// directory is a tenant full of users and groups.
type directory struct {
	users    matchable[store.SCIMUser]
	groups   matchable[store.SCIMGroup]
	literals map[store.Attr][]string
}

// newDirectory fills the probe's tenant, always in the same way.
func newDirectory(p *probe) *directory {
	p.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	pick := func() string { return vocabulary[r.IntN(len(vocabulary))] }
	d := &directory{literals: map[store.Attr][]string{}}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	times := func() time.Time { return at.Add(time.Duration(r.IntN(5)) * 1500 * time.Millisecond) }
	keys := func() []store.Key {
		var out []store.Key
		for range r.IntN(4) {
			out = append(out, store.Key{Attr: []store.Attr{"emails.value", "title"}[r.IntN(2)], Value: pick()})
		}
		return out
	}
	for i := range 30 {
		u := users.bare(p)
		u.CreatedAt, u.UpdatedAt, u.ExternalID, u.Active, u.Keys = times(), times(), pick(), r.IntN(3) > 0, keys()
		u.UserName = vocabulary[i%len(vocabulary)] + fmt.Sprint(i/len(vocabulary))
		if i%len(vocabulary) == 1 || i%len(vocabulary) == 8 {
			u.UserName += "x" // "A" and "É" fold to others
		}
		d.users.items = append(d.users.items, users.add(p, p.tenant, u))
	}
	members := map[string][]string{}
	of := map[string][]string{}
	for range 12 {
		g := groups.bare(p)
		g.CreatedAt, g.UpdatedAt, g.ExternalID, g.DisplayName, g.Keys = times(), times(), pick(), pick(), keys()
		var list []store.Member
		for _, i := range r.Perm(len(d.users.items))[:r.IntN(8)] {
			id := d.users.items[i].ID
			list = append(list, member(id))
			members[g.ID], of[id] = append(members[g.ID], id), append(of[id], g.ID)
		}
		g, err := p.st.CreateSCIMGroup(p.ctx, p.tenant, g, list)
		p.ok(err, "create a group")
		d.groups.items = append(d.groups.items, g)
	}
	d.users.kind, d.groups.kind = users, groups
	d.users.values = func(u store.SCIMUser, a store.Attr) []string {
		if a == store.AttrGroup {
			return of[u.ID]
		}
		return u.Values(a)
	}
	d.groups.values = func(g store.SCIMGroup, a store.Attr) []string {
		if a == store.AttrMember {
			return members[g.ID]
		}
		return g.Values(a)
	}
	for i := range 6 {
		d.literals[store.AttrID] = append(d.literals[store.AttrID], d.users.items[i*4].ID, d.groups.items[i*2].ID)
		d.literals[store.AttrUserName] = append(d.literals[store.AttrUserName], d.users.items[i*4].UserName)
		d.literals[store.AttrCreatedAt] = append(d.literals[store.AttrCreatedAt], store.FormatTime(at.Add(time.Duration(i)*1500*time.Millisecond)))
	}
	d.literals[store.AttrActive] = []string{"true", "false", ""}
	d.literals[store.AttrUpdatedAt] = d.literals[store.AttrCreatedAt]
	d.literals[store.AttrMember], d.literals[store.AttrGroup] = d.literals[store.AttrID], d.literals[store.AttrID]
	return d
}

var attrs = []store.Attr{
	store.AttrID, store.AttrUserName, store.AttrExternalID, store.AttrActive, store.AttrDisplayName, store.AttrCreatedAt,
	store.AttrUpdatedAt, store.AttrMember, store.AttrGroup, "emails.value", "title", "nobody.has",
}

var ops = []store.Op{store.Eq, store.Sw, store.Gt, store.Ge, store.Lt, store.Le}

func (d *directory) value(r *rand.Rand, a store.Attr) string {
	literals := d.literals[a]
	if len(literals) == 0 || r.IntN(4) == 0 {
		return vocabulary[r.IntN(len(vocabulary))]
	}
	v := literals[r.IntN(len(literals))]
	if r.IntN(3) == 0 {
		v = v[:r.IntN(len(v)+1)]
	}
	return string([]rune(v)) // a cut letter is not text
}

// expr returns a random condition.
func (d *directory) expr(r *rand.Rand, depth int) store.Expr {
	kind := r.IntN(10)
	if depth == 0 {
		kind = r.IntN(7)
	}
	a := attrs[r.IntN(len(attrs))]
	switch kind {
	default:
		return store.Compare{Attr: a, Op: ops[r.IntN(len(ops))], Value: d.value(r, a)}
	case 4, 5:
		return store.Compare{Attr: a, Op: store.Eq, Value: d.value(r, a)}
	case 6:
		in := store.In{Attr: a}
		for range r.IntN(4) {
			in.Values = append(in.Values, d.value(r, a))
		}
		if r.IntN(6) == 0 {
			return store.All{}
		}
		return in
	case 7, 8:
		var terms store.And
		for range r.IntN(4) {
			terms = append(terms, d.expr(r, depth-1))
		}
		return terms
	case 9:
		var terms store.Or
		for range r.IntN(4) {
			terms = append(terms, d.expr(r, depth-1))
		}
		return terms
	}
}

func checkFilters(p *probe) {
	d := newDirectory(p)
	r := rand.New(rand.NewPCG(3, 5))
	for range 250 {
		e := d.expr(r, 3)
		d.users.check(p, e, 1+r.IntN(12))
		d.groups.check(p, e, 1+r.IntN(12))
	}
}

// check walks the list with a filter and compares with what matches.
func (m matchable[T]) check(p *probe, e store.Expr, limit int) {
	p.Helper()
	want := idsOf(m.kind, m.matching(e))
	exact := true
	got, err := walk(p.ctx, func(ctx context.Context, tenantID string, q store.Query) (store.Page[T], error) {
		page, err := m.kind.page(p.st, ctx, tenantID, q)
		exact = exact && page.Exact
		return page, err
	}, p.tenant, store.Query{Filter: e, Limit: limit})
	p.ok(err, "walk each %s with the filter %#v", m.kind.name, e)
	ids := idsOf(m.kind, got)
	p.that(slices.IsSorted(ids) && len(slices.Compact(slices.Clone(ids))) == len(ids), "ascending IDs, each once", fmt.Sprint(ids), "walk each %s with the filter %#v", m.kind.name, e)
	if exact {
		p.same(ids, want, "walk each %s with the filter %#v, all pages Exact", m.kind.name, e)
		m.checkOffset(p, e, want)
		return
	}
	for i, id := range want {
		_, found := slices.BinarySearch(ids, id)
		p.that(found, "every record that matches", fmt.Sprintf("number %d of %d missing", i+1, len(want)), "walk each %s with the filter %#v", m.kind.name, e)
	}
}

// checkOffset skips among those that match.
func (m matchable[T]) checkOffset(p *probe, e store.Expr, want []string) {
	p.Helper()
	offset := min(2, len(want))
	page, err := m.kind.page(p.st, p.ctx, p.tenant, store.Query{Filter: e, Offset: offset, Limit: 3})
	p.ok(err, "list each %s with the filter %#v and an Offset", m.kind.name, e)
	if page.Exact && (len(page.Items) > 0 || !page.More) {
		n := len(page.Items)
		p.that(n == 3 || page.More || n == len(want)-offset, fmt.Sprintf("%d records", min(3, len(want)-offset)), fmt.Sprint(n), "list each %s with the filter %#v and Offset %d", m.kind.name, e, offset)
		p.same(idsOf(m.kind, page.Items), want[offset:min(offset+n, len(want))], "list each %s with the filter %#v and Offset %d", m.kind.name, e, offset)
	}
}

func checkFilterExact(p *probe) {
	d := newDirectory(p)
	for _, u := range d.users.items {
		for _, c := range []store.Compare{
			{Attr: store.AttrID, Op: store.Eq, Value: u.ID},
			{Attr: store.AttrUserName, Op: store.Eq, Value: u.UserName},
			{Attr: store.AttrExternalID, Op: store.Eq, Value: u.ExternalID},
		} {
			exactly(p, d.users, c)
		}
	}
	for _, g := range d.groups.items {
		exactly(p, d.groups, store.Compare{Attr: store.AttrID, Op: store.Eq, Value: g.ID})
		exactly(p, d.groups, store.Compare{Attr: store.AttrExternalID, Op: store.Eq, Value: g.ExternalID})
	}
	for _, a := range []store.Attr{store.AttrID, store.AttrUserName, store.AttrExternalID} {
		exactly(p, d.users, store.Compare{Attr: a, Op: store.Eq, Value: "nobody"})
		exactly(p, d.users, store.Compare{Attr: a, Op: store.Eq})
	}
}

func exactly[T any](p *probe, m matchable[T], c store.Compare) {
	p.Helper()
	page, err := m.kind.page(p.st, p.ctx, p.tenant, store.Query{Filter: c})
	p.ok(err, "list each %s with the filter %#v", m.kind.name, c)
	p.that(page.Exact, "an Exact page", "a page that is not", "list each %s with the filter %#v", m.kind.name, c)
	p.same(page.Items, m.matching(c), "list each %s with the filter %#v", m.kind.name, c)
}

func checkFilterText(p *probe) {
	d := newDirectory(p)
	for _, a := range []store.Attr{store.AttrUserName, store.AttrExternalID, store.AttrDisplayName, "emails.value", "title", "it's", "a%"} {
		for _, op := range ops {
			for _, v := range append(vocabulary, "%", "_", "\\", "'", "''", "a%%", "\\%", "a*", "a?", "[a]", "$1", "?", "~", "\U0010FFFF", "e\u0301", "ﬀ") {
				c := store.Compare{Attr: a, Op: op, Value: v}
				d.users.check(p, c, 20)
				d.groups.check(p, c, 20)
			}
		}
	}
}

func checkFilterRelated(p *probe) {
	u, other := users.add(p, p.tenant, users.fresh(p)), users.add(p, p.tenant, users.fresh(p))
	g := p.group("g", member(u.ID))
	p.group("other", member(other.ID))
	inGroup := store.Compare{Attr: store.AttrGroup, Op: store.Eq, Value: g.ID}
	hasMember := store.Compare{Attr: store.AttrMember, Op: store.Eq, Value: u.ID}
	look := func(nUsers, nGroups int, did string) {
		p.Helper()
		page, err := p.st.SCIMUsers(p.ctx, p.tenant, store.Query{Filter: inGroup})
		p.ok(err, "find the users of a group")
		p.that(!page.Exact || len(page.Items) == nUsers, fmt.Sprint(nUsers), fmt.Sprint(len(page.Items)), "%s, then find the users of the group", did)
		p.that(nUsers == 0 || slices.Contains(idsOf(users, page.Items), u.ID), "the user", "others", "%s, then find the users of the group", did)
		groupsPage, err := p.st.SCIMGroups(p.ctx, p.tenant, store.Query{Filter: hasMember})
		p.ok(err, "find the groups of a member")
		p.that(!groupsPage.Exact || len(groupsPage.Items) == nGroups, fmt.Sprint(nGroups), fmt.Sprint(len(groupsPage.Items)), "%s, then find the groups of the member", did)
		p.that(nGroups == 0 || slices.Contains(idsOf(groups, groupsPage.Items), g.ID), "the group", "others", "%s, then find the groups of the member", did)
	}
	look(1, 1, "create a group with a member")
	p.delta(g.ID, store.MemberDelta{Remove: []string{u.ID}})
	look(0, 0, "remove the member")
	p.delta(g.ID, store.MemberDelta{Add: []store.Member{member(u.ID)}})
	look(1, 1, "add the member again")
	users.change(p, p.tenant, u)
	look(1, 1, "update the user")
	p.ok(p.st.DeleteSCIMUser(p.ctx, p.tenant, u.ID, 0), "delete a user")
	look(0, 0, "delete the user")
}

func checkFilterIn(p *probe) {
	d := newDirectory(p)
	for _, a := range attrs {
		in := store.In{Attr: a}
		for i := range store.MaxLimit - 12 {
			in.Values = append(in.Values, fmt.Sprint("nobody ", i))
		}
		for i := range 12 {
			in.Values = append(in.Values, d.value(rand.New(rand.NewPCG(uint64(i), 9)), a))
		}
		d.users.check(p, in, 7)
		d.groups.check(p, store.And{in, store.All{}}, 7)
	}
}

package memory

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// person is what users and groups have in common.
type person interface {
	Values(attr store.Attr) []string
}

// people is a table of users or groups with the indexes that conditions use.
type people[V person] struct {
	*table[V]
	index map[store.Attr]multi
	// unique maps the keys that are unique to the record that has them.
	unique map[store.Key]string
}

func newPeople[V person]() *people[V] {
	return &people[V]{table: newTable[V](), index: map[store.Attr]multi{}, unique: map[store.Key]string{}}
}

// columns are the attributes that have an index for equality, besides the keys.
var columns = [...]store.Attr{store.AttrUserName, store.AttrExternalID, store.AttrDisplayName}

func (p *people[V]) indexOf(a store.Attr) multi {
	m := p.index[a]
	if m == nil {
		m = multi{}
		p.index[a] = m
	}
	return m
}

func (p *people[V]) addIndex(log *undoLog, id string, v V, keys []store.Key) {
	for _, a := range columns {
		for _, value := range v.Values(a) {
			p.indexOf(a).add(log, value, id)
		}
	}
	for _, k := range keys {
		p.indexOf(k.Attr).add(log, k.Value, id)
		if _, has := p.unique[k]; k.Unique && !has {
			p.unique[k] = id
			log.add(func() { delete(p.unique, k) })
		}
	}
}

func (p *people[V]) removeIndex(log *undoLog, id string, v V, keys []store.Key) {
	for _, a := range columns {
		for _, value := range v.Values(a) {
			p.index[a].remove(log, value, id)
		}
	}
	for _, k := range keys {
		p.index[k.Attr].remove(log, k.Value, id)
		if _, has := p.unique[k]; has {
			delete(p.unique, k)
			log.add(func() { p.unique[k] = id })
		}
	}
}

// refuseMet answers store.ErrConflict if another record has one of the unique keys.
func (p *people[V]) refuseMet(id string, keys []store.Key) error {
	for _, k := range keys {
		if owner, has := p.unique[k]; has && owner != id {
			return conflict(string(k.Attr), k.Value)
		}
	}
	return nil
}

// hasIndex says whether equality on a is answered by index. An attribute that no
// record has a key for has an empty one.
func hasIndex(a store.Attr) bool {
	switch a {
	case store.AttrID, store.AttrActive, store.AttrCreatedAt, store.AttrUpdatedAt, store.AttrMember, store.AttrGroup:
		return false
	}
	return true
}

// candidates returns the IDs among which everything that matches e is, in order, if
// an index narrows them.
func (p *people[V]) candidates(e store.Expr, related func(store.Compare) (iter.Seq[string], bool)) (iter.Seq[string], bool) {
	switch e := e.(type) {
	case store.And:
		for _, t := range e {
			if ids, ok := p.candidates(t, related); ok {
				return ids, true
			}
		}
	case store.Compare:
		if e.Op != store.Eq {
			return nil, false
		}
		if ids, ok := related(e); ok {
			return ids, true
		}
		if e.Attr == store.AttrID {
			return slices.Values([]string{e.Value}), true
		}
		if hasIndex(e.Attr) {
			return p.index[e.Attr].ids(store.NormalizeValue(e.Attr, e.Value)), true
		}
	case store.In:
		var ids []string
		for _, v := range e.Values {
			some, ok := p.candidates(store.Compare{Attr: e.Attr, Op: store.Eq, Value: v}, related)
			if !ok {
				return nil, false
			}
			ids = slices.AppendSeq(ids, some)
		}
		slices.Sort(ids)
		return slices.Values(slices.Compact(ids)), true
	}
	return nil, false
}

// hasRelation says whether a record has the related ID that a condition on members or
// groups asks for; known is false for all other conditions.
type hasRelation[V person] func(v V, c store.Compare) (has, known bool)

// matches evaluates e like store.Matches, with a look-up where a list of all members
// would have to be made.
func matches[V person](v V, e store.Expr, has hasRelation[V]) bool {
	switch e := e.(type) {
	case store.And:
		for _, t := range e {
			if !matches(v, t, has) {
				return false
			}
		}
		return true
	case store.Or:
		for _, t := range e {
			if matches(v, t, has) {
				return true
			}
		}
		return false
	case store.In:
		for _, value := range e.Values {
			if matches(v, store.Compare{Attr: e.Attr, Op: store.Eq, Value: value}, has) {
				return true
			}
		}
		return false
	case store.Compare:
		if ok, known := has(v, e); known {
			return ok
		}
	}
	return store.Matches(e, v.Values)
}

// list answers a query.
func (p *people[V]) list(q store.Query, related func(store.Compare) (iter.Seq[string], bool), has hasRelation[V], clone func(V) V) store.Page[V] {
	limit, skip := q.ClampLimit(), max(q.Offset, 0)
	page := store.Page[V]{Exact: true}
	all := q.Filter == nil || q.Filter == store.Expr(store.All{})

	var ids iter.Seq[string]
	if narrowed, ok := p.candidates(q.Filter, related); ok && !all {
		ids = func(yield func(string) bool) {
			for id := range narrowed {
				if id > q.After && !yield(id) {
					return
				}
			}
		}
	} else if all {
		ids, skip = p.keys.after(q.After, skip), 0
	} else {
		ids = p.keys.after(q.After, 0)
	}
	for id := range ids {
		v, ok := p.rows[id]
		if !ok || !all && !matches(v, q.Filter, has) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(page.Items) == limit {
			page.More = true
			break
		}
		if page.Items == nil && all {
			page.Items = make([]V, 0, min(limit, p.len()))
		}
		if !q.ReadOnly {
			v = clone(v)
		}
		page.Items = append(page.Items, v)
		page.Next = id
	}
	if !page.More {
		page.Next = ""
	}
	return page
}

func (p *people[V]) count(filter store.Expr, related func(store.Compare) (iter.Seq[string], bool), has hasRelation[V]) int {
	if filter == nil || filter == store.Expr(store.All{}) {
		return p.len()
	}
	ids, ok := p.candidates(filter, related)
	if !ok {
		ids = p.keys.after("", 0)
	}
	n := 0
	for id := range ids {
		if v, ok := p.rows[id]; ok && matches(v, filter, has) {
			n++
		}
	}
	return n
}

// keepUser copies what is stored. Strings are copied too: they may be parts of a request
// that would stay in memory with them.
func keepUser(u store.SCIMUser) store.SCIMUser {
	u.Body, u.Keys = bytes.Clone(u.Body), keepKeys(u.Keys)
	u.UserName, u.ExternalID = strings.Clone(u.UserName), strings.Clone(u.ExternalID)
	return u
}

func keepGroup(g store.SCIMGroup) store.SCIMGroup {
	g.Body, g.Keys = bytes.Clone(g.Body), keepKeys(g.Keys)
	g.DisplayName, g.ExternalID = strings.Clone(g.DisplayName), strings.Clone(g.ExternalID)
	return g
}

func keepKeys(keys []store.Key) []store.Key {
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i].Value = strings.Clone(keys[i].Value)
	}
	return keys
}

func cloneUser(u store.SCIMUser) store.SCIMUser {
	u.Body, u.Keys = bytes.Clone(u.Body), slices.Clone(u.Keys)
	return u
}

func cloneGroup(g store.SCIMGroup) store.SCIMGroup {
	g.Body, g.Keys = bytes.Clone(g.Body), slices.Clone(g.Keys)
	return g
}

// CountSCIMUsers implements [store.SCIMCounter].
func (s *Store) CountSCIMUsers(ctx context.Context, tenantID string, filter store.Expr) (n int, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		n = t.users.count(filter, t.usersRelated, t.userHas)
		return nil
	})
	return n, err
}

// CountSCIMGroups implements [store.SCIMCounter].
func (s *Store) CountSCIMGroups(ctx context.Context, tenantID string, filter store.Expr) (n int, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		n = t.groups.count(filter, t.groupsRelated, t.groupHas)
		return nil
	})
	return n, err
}

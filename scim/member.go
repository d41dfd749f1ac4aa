package scim

import (
	"fmt"
	"slices"
	"strings"

	ast "github.com/scim2/filter-parser/v2"

	"github.com/tenantgate/tenantgate/store"
)

// memberOps folds the operations of a PATCH on a group's members into one
// change, so that none of them loads the group.
type memberOps struct {
	limit int // most members that one request may name
	named int
	// cleared drops what the group has; add comes on top.
	cleared bool
	add     map[string]store.Member
	order   []string // of add, with gaps and repeats
	remove  map[string]bool
	// filters select stored members to remove by more than their value.
	filters []*condition
	terms   int // of filters, those on members of the same request too
	// present are IDs that have to be members before, or the request has no target.
	present []string
}

// isMembers reports whether a is the members attribute of groups, which is a
// relation and no part of the stored group.
func (rt *resourceType) isMembers(a *attribute) bool {
	return rt.core.urn == URNGroup && a == rt.core.attr("members")
}

// read folds one operation whose target is members.
func (m *memberOps) read(o operation, d dialect) error {
	if m.add == nil {
		m.add, m.remove = map[string]store.Member{}, map[string]bool{}
	}
	if o.target.sub != nil && o.target.sub.Name != "value" {
		return nil // type and $ref follow from the member
	}
	if o.filter != nil {
		return m.readFilter(o, d)
	}
	if o.op == opRemove && (!o.given || o.value == nil) {
		m.clear()
		return nil
	}
	values, err := memberValues(o.target.attr, o.value, d)
	if err != nil {
		return err
	}
	if m.named += len(values); m.named > m.limit {
		return tooManyMembers(m.limit)
	}
	if o.op == opReplace {
		m.clear()
	}
	for _, v := range values {
		if o.op == opRemove {
			m.drop(v.ID)
		} else {
			m.put(v)
		}
	}
	return nil
}

func tooManyMembers(limit int) error {
	return &Error{
		Status: 413, Type: TypeTooMany,
		Detail: fmt.Sprintf("One request may name at most %d members; send the rest in further requests.", limit),
	}
}

// readFilter folds members[value eq "…"] without reading the group, and keeps
// any other filter for when the group's members are at hand.
func (m *memberOps) readFilter(o operation, d dialect) error {
	ids, simple := memberIDs(o.terms)
	if simple {
		if m.named += len(ids); m.named > m.limit {
			return tooManyMembers(m.limit)
		}
		for _, id := range ids {
			if err := validMember(id); err != nil {
				return err
			}
		}
	}
	switch {
	case o.op != opRemove:
		if !simple || len(ids) != 1 {
			return badRequest(TypeInvalidPath, "Members can be added and replaced by their value alone.")
		}
		return m.putFiltered(o, ids[0], d)
	case simple:
		for _, id := range ids {
			m.drop(id)
		}
	default:
		if m.terms += o.filter.terms(); m.terms > maxMemberTerms {
			return badRequest(TypeTooMany, "A PATCH may select members by at most %d comparisons other than value eq.", maxMemberTerms)
		}
		for id, v := range m.add {
			if o.filter.holdsValue(memberDoc(v)) {
				m.drop(id)
			}
		}
		if !m.cleared {
			m.filters = append(m.filters, o.filter)
		}
	}
	return nil
}

// putFiltered adds the member that a filter names, or puts another in its place.
func (m *memberOps) putFiltered(o operation, id string, d dialect) error {
	values, err := memberValues(o.target.attr, o.value, d)
	switch {
	case err != nil:
		return err
	case len(values) > 1:
		return badRequest(TypeInvalidValue, "One member can't be replaced by several.")
	case o.op == opAdd && len(values) == 1 && values[0].ID != id:
		return badRequest(TypeInvalidValue, "The path names the member %q, the value another one.", clip(id))
	case o.op == opAdd:
		m.put(store.Member{ID: id})
		return nil
	}
	if _, added := m.add[id]; !added {
		if m.cleared || m.remove[id] {
			return noMember(id)
		}
		m.present = append(m.present, id)
	}
	if len(values) == 1 && values[0].ID != id {
		m.drop(id)
		m.put(values[0])
	}
	return nil
}

func noMember(id string) *Error {
	return badRequest(TypeNoTarget, "The group has no member %q.", clip(id))
}

// memberIDs lists the values of a filter that is "value eq" or several of them
// joined by or.
func memberIDs(e ast.Expression) (ids []string, ok bool) {
	switch e := e.(type) {
	case *ast.AttributeExpression:
		id, isText := e.CompareValue.(string)
		return []string{id}, isText && e.Operator == ast.EQ && strings.EqualFold(e.AttributePath.AttributeName, "value")
	case *ast.LogicalExpression:
		left, ok1 := memberIDs(e.Left)
		right, ok2 := memberIDs(e.Right)
		return append(left, right...), ok1 && ok2 && e.Operator == ast.OR
	}
	return nil, false
}

func (m *memberOps) put(v store.Member) {
	m.order = append(m.order, v.ID)
	m.add[v.ID] = v
	delete(m.remove, v.ID)
}

func (m *memberOps) drop(id string) {
	delete(m.add, id)
	if !m.cleared {
		m.remove[id] = true
	}
}

func (m *memberOps) clear() {
	m.cleared, m.filters, m.order = true, nil, nil
	m.add, m.remove = map[string]store.Member{}, map[string]bool{}
}

// touched reports whether an operation was about members.
func (m *memberOps) touched() bool {
	return m.cleared || len(m.add) > 0 || len(m.remove) > 0 || len(m.filters) > 0
}

// delta is the change that all operations come to. Members that filters select
// are not in it yet.
func (m *memberOps) delta() store.MemberDelta {
	d := store.MemberDelta{Replace: m.cleared}
	seen := make(map[string]bool, len(m.add))
	for _, id := range m.order {
		if v, ok := m.add[id]; ok && !seen[id] {
			seen[id] = true
			d.Add = append(d.Add, v)
		}
	}
	for id := range m.remove {
		d.Remove = append(d.Remove, id)
	}
	slices.Sort(d.Remove)
	return d
}

// memberDoc is a member as filters see it.
func memberDoc(m store.Member) map[string]any {
	doc := map[string]any{"value": m.ID}
	if m.Kind != store.MemberUnknown {
		doc["type"] = string(m.Kind)
	}
	return doc
}

// memberValues reads the members that a client names.
func memberValues(a *attribute, v any, d dialect) ([]store.Member, error) {
	if d.cleared(v) {
		return nil, nil
	}
	list, ok := d.values(v)
	if !ok {
		return nil, badRequest(TypeInvalidValue, "%s has to be an array.", a.path)
	}
	out := make([]store.Member, 0, len(list))
	for _, e := range list {
		if d.cleared(e) {
			continue
		}
		one, ok := d.object(a, e)
		if !ok {
			return nil, badRequest(TypeInvalidValue, "A member has to be an object with a value.")
		}
		raw, _ := member(one, "value")
		id, _ := raw.(string)
		if err := validMember(id); err != nil {
			return nil, err
		}
		out = append(out, store.Member{ID: id})
	}
	return out, nil
}

func validMember(id string) error {
	if strings.TrimSpace(id) == "" {
		return badRequest(TypeInvalidValue, "A member needs a value: the ID of a user or group.")
	}
	if len(id) > maxMemberID || strings.IndexByte(id, 0) >= 0 {
		return badRequest(TypeInvalidValue, "A member's value must not be longer than %d bytes nor hold U+0000.", maxMemberID)
	}
	return nil
}

// maxMemberID bounds the value of one member, in bytes. Ours have 36.
const maxMemberID = 256

// maxMemberTerms bounds how often one PATCH makes us look at all members.
const maxMemberTerms = 20

package scim

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// matcher evaluates a whole filter on records that a store returned.
type matcher struct {
	h      *Handler
	r      *request
	rt     *resourceType
	cond   *condition
	needs  map[string]bool
	groups bool
	// probes says of each member that the filter names in which groups it is.
	probes map[string]map[string]bool
	terms  int
	spent  listWork
	// members are the parts of the filter for which a group's members are walked.
	members []*condition
	refs    map[string][]store.GroupRef
}

func (h *Handler) matcher(ctx context.Context, r *request, rt *resourceType, c *condition) (*matcher, error) {
	m := &matcher{h: h, r: r, rt: rt, cond: c, needs: c.needs(), terms: c.terms()}
	groups, members, all := c.relations()
	m.groups = groups && h.isUser(rt)
	if all && h.isGroup(rt) {
		m.members = c.parts("members")
	}
	if m.members != nil || len(members) == 0 || !h.isGroup(rt) {
		return m, nil
	}
	m.probes = map[string]map[string]bool{}
	refs, err := h.cfg.Store.SCIMGroupsOf(ctx, r.tenant, uniqueStrings(members)...)
	if err != nil {
		return nil, err
	}
	for id, groups := range refs {
		m.probes[id] = make(map[string]bool, len(groups))
		for _, g := range groups {
			m.probes[id][g.ID] = true
		}
	}
	return m, nil
}

func uniqueStrings(in []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// prepare loads what the filter needs to know of a page of records at once.
func (m *matcher) prepare(ctx context.Context, page []record) (err error) {
	if !m.groups || len(page) == 0 {
		return nil
	}
	ids := make([]string, len(page))
	for i := range page {
		ids[i] = page[i].ID
	}
	m.refs, err = m.h.cfg.Store.SCIMGroupsOf(ctx, m.r.tenant, ids...)
	return err
}

// cost is at most about what match does with a record.
func (m *matcher) cost(rec *record) int {
	n := len(rec.body) / 64
	for _, c := range rec.body {
		if c >= utf8.RuneSelf {
			n *= 8
			break
		}
	}
	return m.terms * (1 + n)
}

// match reports whether the record passes the filter.
func (m *matcher) match(ctx context.Context, rec *record) (bool, error) {
	doc, err := decodeNeeded(rec.body, m.needs)
	if err != nil {
		return false, err
	}
	if m.needs["id"] {
		doc["id"] = rec.ID
	}
	if m.needs["meta"] {
		doc["meta"] = map[string]any{
			"resourceType": m.rt.Name, "version": rec.tag(),
			"created": store.FormatTime(rec.CreatedAt), "lastModified": store.FormatTime(rec.lastModified()),
			"location": m.r.base + m.rt.Endpoint + "/" + url.PathEscape(rec.ID),
		}
	}
	if refs := m.refs[rec.ID]; m.groups && len(refs) > 0 {
		doc["groups"] = groupDocs(refs)
	}
	if m.members != nil {
		known, err := m.walkMembers(ctx, rec.ID)
		return err == nil && m.cond.holdsKnowing(doc, known), err
	}
	if m.probes != nil {
		var list []any
		for id, groups := range m.probes {
			if groups[rec.ID] {
				list = append(list, map[string]any{"value": id})
			}
		}
		doc["members"] = list
	}
	return m.cond.holds(doc), nil
}

// walkMembers evaluates what the filter says of a group's members, one after the other,
// so that none is kept.
func (m *matcher) walkMembers(ctx context.Context, groupID string) (map[*condition]bool, error) {
	some, passed := make([]bool, len(m.members)), make([]bool, len(m.members))
	err := m.h.eachMember(ctx, m.r.tenant, groupID, func(mem store.Member) error {
		if err := m.spent.spend(m.terms); err != nil {
			return err
		}
		doc := memberAnswer(mem)
		for i, c := range m.members {
			if c.op == condBrackets {
				passed[i] = passed[i] || c.left.holdsValue(doc)
				continue
			}
			s, p := c.test.scan([]any{doc}, c.field.sub)
			some[i], passed[i] = some[i] || s, passed[i] || p
		}
		return nil
	})
	known := make(map[*condition]bool, len(m.members))
	for i, c := range m.members {
		known[c] = passed[i]
		if c.op != condBrackets {
			known[c] = c.test.result(some[i], passed[i])
		}
	}
	return known, err
}

// decodeStored decodes a stored body, which is known to be well formed.
func decodeStored(body []byte) (map[string]any, error) { return decodeNeeded(body, nil) }

// decodeNeeded decodes the named members of a stored body and skips the rest;
// nil names all.
func decodeNeeded(body []byte, needs map[string]bool) (map[string]any, error) {
	return decodePart(body, needs, false)
}

// stored is a member of a stored body that nobody looks into.
type stored []byte

// decodePart decodes the named members of a stored body; the rest is skipped, or kept as
// it is stored.
func decodePart(body []byte, needs map[string]bool, keep bool) (map[string]any, error) {
	doc := make(map[string]any, 8)
	r := newReader(body)
	r.few = needs != nil
	tok, err := r.ReadToken()
	if err != nil {
		return nil, fmt.Errorf("scim: reading a stored body: %w", err)
	}
	if tok.Kind() != '{' {
		return nil, errors.New("scim: a stored body is no JSON object")
	}
	for r.PeekKind() == '"' {
		key, err := r.string()
		if err != nil {
			return nil, err
		}
		if needs != nil && !needs[key] {
			v, err := r.ReadValue()
			if err != nil {
				return nil, err
			}
			if keep {
				end := int(r.InputOffset())
				doc[key] = stored(body[end-len(v) : end])
			}
			continue
		}
		if doc[key], err = r.value(0); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

package provisioning

import (
	"iter"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// packed keeps what a plan does for one person without what is the same for many: a
// group that a thousand people join is one line and one line of the ledger, not a
// thousand.
type packed struct {
	lines []*Line         // without the person, where it is the plan's
	put   []*pendingGrant // without the account, where it is the plan's
}

// packer has the one copy of what is the same. The zero value is ready for use.
type packer struct {
	lines map[Line]*Line
	put   map[pendingGrant]*pendingGrant
}

// pack moves a person's lines into their packed form.
func (k *packer) pack(pp *personPlan) {
	if len(pp.lines) > 0 {
		pp.packed.lines = slices.Grow(pp.packed.lines, len(pp.lines))
		label := pp.label()
		for _, l := range pp.lines {
			if l.AccountID == pp.accountID && l.SCIMUserID == pp.scimUserID && l.Person == label {
				l.AccountID, l.SCIMUserID, l.Person = "", "", ""
			}
			pp.packed.lines = append(pp.packed.lines, one(&k.lines, l))
		}
		pp.lines = nil
	}
	if len(pp.put) > 0 {
		pp.packed.put = slices.Grow(pp.packed.put, len(pp.put))
		for _, g := range pp.put {
			if g.Grant.AccountID == pp.accountID {
				g.Grant.AccountID = ""
			}
			pp.packed.put = append(pp.packed.put, one(&k.put, g))
		}
		pp.put = nil
	}
}

// one returns the one copy of v.
func one[T comparable](have *map[T]*T, v T) *T {
	if p, ok := (*have)[v]; ok {
		return p
	}
	if *have == nil {
		*have = map[T]*T{}
	}
	p := new(T)
	*p = v
	(*have)[v] = p
	return p
}

// does are the lines of what is done for the person, in order.
func (p *personPlan) does() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		label := ""
		if len(p.packed.lines) > 0 {
			label = p.label()
		}
		for _, shared := range p.packed.lines {
			l := *shared
			if l.AccountID == "" && l.SCIMUserID == "" && l.Person == "" {
				l.AccountID, l.SCIMUserID, l.Person = p.accountID, p.scimUserID, label
			}
			if !yield(l) {
				return
			}
		}
		for _, l := range p.lines {
			if !yield(l) {
				return
			}
		}
	}
}

// puts are the lines for the ledger, in order.
func (p *personPlan) puts() iter.Seq[pendingGrant] {
	return func(yield func(pendingGrant) bool) {
		for _, shared := range p.packed.put {
			g := *shared
			if g.Grant.AccountID == "" {
				g.Grant.AccountID = p.accountID
			}
			if !yield(g) {
				return
			}
		}
		for _, g := range p.put {
			if !yield(g) {
				return
			}
		}
	}
}

// count is how many lines there are.
func (p *personPlan) count() int { return len(p.packed.lines) + len(p.lines) }

// some says whether one of the lines is so.
func (p *personPlan) some(is func(Line) bool) bool {
	for l := range p.does() {
		if is(l) {
			return true
		}
	}
	return false
}

// creates says that the plan begins with a new account.
func (p *personPlan) creates() bool {
	for l := range p.does() {
		return l.Kind == AccountCreate
	}
	return false
}

// withoutRole is the same plan but for the role in the organisation.
func (p *personPlan) withoutRole() *personPlan {
	kept := *p
	kept.packed = packed{}
	kept.lines, kept.put = nil, nil
	for l := range p.does() {
		if l.Kind != OrgRoleSet {
			kept.lines = append(kept.lines, l)
		}
	}
	for g := range p.puts() {
		if g.Grant.Kind != store.GrantOrgRole {
			kept.put = append(kept.put, g)
		}
	}
	kept.drop = slices.DeleteFunc(slices.Clone(p.drop), func(k store.GrantKey) bool { return k.Kind == store.GrantOrgRole })
	return &kept
}

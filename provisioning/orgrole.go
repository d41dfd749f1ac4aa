package provisioning

import (
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// planOrgRole compares the role in the organisation in the same way as memberships. A role that was there
// before counts as given, too, so that a sync never lowers it.
func (p *planner) planOrgRole(pp *personPlan, x *person, host *AccountState, wanted map[string]*want) {
	order := p.s.roles.org
	w := wanted[""]
	if w == nil {
		w = &want{}
	}
	base, expected := host.OrgRole, host.OrgRole
	var lines []store.Grant
	for _, g := range x.grants {
		if g.Kind == store.GrantOrgRole {
			lines = append(lines, g)
		}
	}
	if len(lines) > 0 {
		base = lines[0].Previous
		expected = base
		for _, g := range lines {
			expected = higher(order, expected, g.Role)
		}
	}
	if x.lostRole {
		// Given by an attempt whose transaction did not commit.
		base, expected = host.OwnOrgRole, host.OrgRole
		if len(lines) > 0 {
			base = lines[0].Previous
		}
	}
	best := w.best(order)
	if host.OrgRole != expected && (onlyDefault(lines) && !w.byDefault() || w.byDefault() && higher(order, best.role, host.OrgRole) == host.OrgRole) {
		// Where only the default gives, what somebody gave by hand since is what was there
		// before. A role lower than the default is told apart from it, or else it would be
		// raised again.
		base, expected = host.OrgRole, host.OrgRole
	}
	var kept []store.Grant // by a change of the settings
	for _, g := range lines {
		if _, ok := w.of(g.GroupID); !ok && p.keeps(x, g.GroupID) {
			kept, base = append(kept, g), higher(order, base, g.Role)
		}
	}
	if len(kept) > 0 {
		p.releaseRole(pp, host, expected, kept)
		if len(kept) == len(lines) && len(w.given) == 0 {
			return
		}
	}
	step := &orgStep{}
	target := higher(order, base, best.role)
	for _, r := range w.given {
		g := store.Grant{AccountID: pp.accountID, Kind: store.GrantOrgRole, GroupID: r.by.GroupID, Role: r.role, Previous: base}
		if !slices.Contains(lines, g) {
			step.put = append(step.put, pendingGrant{Grant: g})
		}
	}
	for _, g := range lines {
		if _, ok := w.of(g.GroupID); !ok && !slices.Contains(kept, g) {
			step.drop = append(step.drop, g.Key())
		}
	}
	active := x.present()
	switch {
	case target != host.OrgRole && host.OrgRole != expected && !(p.s.reset.orgRole(pp.accountID, lines) && pp.activates):
		if pp.activates {
			p.line(pp, Line{Kind: OrgRoleOverride, From: target, To: host.OrgRole, Source: SourceOverride, Reason: "changed by hand; " + w.gives(best)})
		}
	case target != host.OrgRole && (active || len(lines) > 0 || x.lostRole) && !pp.hostGone:
		l := p.lineFor(pp, Line{Kind: OrgRoleSet, From: host.OrgRole, To: target})
		l.Source = SourceManual
		switch {
		case len(w.given) > 0:
			l.Reason = p.s.inGroup(best.by)
			if target == best.role {
				l.Source = GroupSource(best.by.GroupID)
			}
		case len(lines) == 0:
			l.Reason = "given by a change that did not come to its end"
		default:
			l.Reason = p.s.leftGroup(lines[0].GroupID, x)
		}
		if host.OrgRole != expected {
			l.Reason = "an owner takes back the change by hand; " + l.Reason
		}
		step.line = &l
	}
	if step.line == nil && len(step.put) == 0 && len(step.drop) == 0 {
		return
	}
	raises := step.line != nil && higher(order, step.line.From, step.line.To) == step.line.To
	if !active && (raises || len(step.put) > 0) {
		return // given on return
	}
	if active && p.hold() {
		return
	}
	pp.org = step
}

// onlyDefault says that no group gave the role.
func onlyDefault(lines []store.Grant) bool {
	return len(lines) == 1 && lines[0].GroupID == store.GrantedByDefault
}

// byDefault says that no group gives the role.
func (w *want) byDefault() bool {
	return len(w.given) == 1 && w.given[0].by.GroupID == store.GrantedByDefault
}

// gives tells what a role changed by hand is instead of.
func (w *want) gives(best wantedRole) string {
	if w.byDefault() {
		return "the default is " + quoted(best.role, "")
	}
	return "the groups give " + quoted(best.role, "none")
}

package provisioning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// want is what rules give one person in one team, or in the organisation.
type want struct {
	team  teamRef
	given []wantedRole // in order of the groups' IDs, one for each
	// wins decides where the first row does, and gave all the others its role.
	wins *wantedRole
}

// wantedRole is the role that one group gives: its highest, or that of its first row.
type wantedRole struct {
	role string
	by   Give
}

func (w *want) give(g Give, role string, order []string, rule store.RoleRule) {
	i, ok := slices.BinarySearchFunc(w.given, g.GroupID, func(r wantedRole, id string) int { return cmp.Compare(r.by.GroupID, id) })
	switch {
	case !ok:
		w.given = slices.Insert(w.given, i, wantedRole{role, g})
	case w.given[i].loses(wantedRole{role, g}, order, rule):
		w.given[i] = wantedRole{role, g}
	}
}

// loses says whether another role is to be had instead.
func (r wantedRole) loses(other wantedRole, order []string, rule store.RoleRule) bool {
	if rule == store.RoleFirstRow && r.by.Rank != other.by.Rank {
		return other.by.Rank < r.by.Rank
	}
	return higher(order, r.role, other.role) != r.role
}

// settle lets the first row decide, where that is the rule. All groups then count as
// giving its role: the ledger's highest is what the person has, by either rule.
func (w *want) settle(order []string, rule store.RoleRule) {
	if rule != store.RoleFirstRow || len(w.given) == 0 {
		return
	}
	first := w.given[0]
	for _, r := range w.given[1:] {
		if first.loses(r, order, rule) {
			first = r
		}
	}
	for i := range w.given {
		w.given[i].role = first.role
	}
	w.wins = &first
}

// of returns the role that a group gives.
func (w *want) of(groupID string) (role string, ok bool) {
	for _, r := range w.given {
		if r.by.GroupID == groupID {
			return r.role, true
		}
	}
	return "", false
}

// best is the role to be had and what gives it; of several the first by the group's ID.
func (w *want) best(order []string) (best wantedRole) {
	if w.wins != nil {
		return *w.wins
	}
	for i, r := range w.given {
		if i == 0 || higher(order, best.role, r.role) != best.role {
			best = r
		}
	}
	return best
}

// wanted gathers what the rules give, by team; the empty key is the organisation.
func (p *planner) wanted(x *person) map[string]*want {
	out := map[string]*want{}
	rule := p.s.settings.RoleRule
	at := func(key string, ref teamRef) *want {
		if out[key] == nil {
			out[key] = &want{team: ref}
		}
		return out[key]
	}
	for _, shared := range x.gives {
		g := *shared
		if ref, ok := p.teamOf(g); ok {
			if slices.Contains(p.s.roles.team, g.TeamRole) {
				at(ref.key(), ref).give(g, g.TeamRole, p.s.roles.team, rule)
			} else {
				p.badRole(g, FindingRoleUnknown, fmt.Sprintf("gives the team role %q, which does not exist", g.TeamRole))
			}
		}
		switch {
		case g.OrgRole == "":
		case !slices.Contains(p.s.roles.org, g.OrgRole):
			p.badRole(g, FindingRoleUnknown, fmt.Sprintf("gives the role %q, which does not exist", g.OrgRole))
		case !p.s.roles.provisionable(g.OrgRole):
			p.badRole(g, FindingRoleAboveMax, fmt.Sprintf("gives the role %s; groups may give %s at most", g.OrgRole, p.s.roles.most))
		default:
			at("", teamRef{}).give(g, g.OrgRole, p.s.roles.org, rule)
		}
	}
	if g, ok := p.defaultGive(); ok && out[""] == nil && (x.user != nil || x.heardClaim) {
		at("", teamRef{}).give(g, g.OrgRole, p.s.roles.org, rule)
	}
	for key, w := range out {
		order := p.s.roles.team
		if key == "" {
			order = p.s.roles.org
		}
		w.settle(order, rule)
	}
	return out
}

// defaultGive is the settings' default role, as if a group gave it to everybody to whom
// no other does (R99).
func (p *planner) defaultGive() (Give, bool) {
	role := p.s.settings.DefaultOrgRole
	return Give{GroupID: store.GrantedByDefault, OrgRole: role, Rule: "the default role"}, p.s.roles.provisionable(role)
}

func (p *planner) badRole(g Give, code FindingCode, message string) {
	p.find(Finding{Code: code, GroupID: g.GroupID, Group: p.s.groupName(g.GroupID), Message: fmt.Sprintf("%s, %s.", upperFirst(p.s.inGroup(g)), message)})
}

// teamOf finds the team that a give names; a team that is missing is reported once.
func (p *planner) teamOf(g Give) (teamRef, bool) {
	if g.GroupTeam {
		ref, ok := p.refs[g.GroupID]
		return ref, ok // without one, the group's conflict was reported
	}
	if g.TeamID == "" {
		return teamRef{}, false
	}
	if t, ok := p.s.teams[g.TeamID]; ok {
		return teamRef{id: t.ID, name: t.Name}, true
	}
	if !p.missing[g.TeamID] {
		p.missing[g.TeamID] = true
		p.find(Finding{Code: FindingTeamMissing, TeamID: g.TeamID, GroupID: g.GroupID, Group: p.s.groupName(g.GroupID), Message: fmt.Sprintf("%s names a team that does not exist any more.", upperFirst(g.Rule))})
	}
	return teamRef{}, false
}

func upperFirst(s string) string {
	if s == "" {
		return "A rule"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package provisioning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// want is what rules give one person in one team, or in the organisation.
type want struct {
	team  teamRef
	given []wantedRole // in order of the groups' IDs, one for each
}

// wantedRole is the highest role that one group gives.
type wantedRole struct {
	role string
	by   Give
}

func (w *want) give(g Give, role string, order []string) {
	i, ok := slices.BinarySearchFunc(w.given, g.GroupID, func(r wantedRole, id string) int { return cmp.Compare(r.by.GroupID, id) })
	switch {
	case !ok:
		w.given = slices.Insert(w.given, i, wantedRole{role, g})
	case higher(order, w.given[i].role, role) != w.given[i].role:
		w.given[i] = wantedRole{role, g}
	}
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

// best is the highest role and what gives it; of several the first by the group's ID.
func (w *want) best(order []string) (best wantedRole) {
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
	at := func(key string, ref teamRef) *want {
		if out[key] == nil {
			out[key] = &want{team: ref}
		}
		return out[key]
	}
	for _, g := range x.gives {
		if ref, ok := p.teamOf(g); ok {
			if slices.Contains(p.s.roles.team, g.TeamRole) {
				at(ref.key(), ref).give(g, g.TeamRole, p.s.roles.team)
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
			at("", teamRef{}).give(g, g.OrgRole, p.s.roles.org)
		}
	}
	return out
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

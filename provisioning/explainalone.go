package provisioning

import (
	"cmp"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// alone finds what a person would lose without one of the groups, or one of the values of roles and claims. A plan costs what the person has; so each group is
// planned for with that alone which it has to do with, or a person in a thousand groups would take a thousand plans of a
// thousand memberships.
type alone struct {
	s    *snapshot
	p    *person
	plan map[Line]bool // what is done anyway

	teamsOf map[string][]string      // by group: the teams in which the ledger or a rule names it
	lines   map[string][]store.Grant // the ledger's, by team
	gives   map[string][]*Give       // by team; of a group's own team by the team that it has
	in      map[string]Membership    // the host's, by team
	org     []store.Grant
	orgGive []*Give
	place   map[*Give]int // in the order of the rules
}

func newAlone(s *snapshot, p *person, plan *Plan) *alone {
	a := &alone{
		s: s, p: p, plan: make(map[Line]bool, len(plan.Lines)),
		teamsOf: map[string][]string{}, lines: map[string][]store.Grant{}, gives: map[string][]*Give{}, in: map[string]Membership{}, place: map[*Give]int{},
	}
	for _, l := range plan.Lines {
		a.plan[l] = true
	}
	own := map[string]string{} // a group's own team
	for id, g := range s.groups {
		if g.team != nil {
			own[id] = g.team.ResourceID
		}
	}
	for _, g := range p.grants {
		if g.Kind != store.GrantMembership {
			a.org = append(a.org, g)
			continue
		}
		a.teamsOf[g.GroupID] = append(a.teamsOf[g.GroupID], g.ResourceID)
		a.lines[g.ResourceID] = append(a.lines[g.ResourceID], g)
	}
	for i, g := range p.gives {
		a.place[g] = i
		team := g.TeamID
		if g.GroupTeam {
			team = own[g.GroupID]
		}
		if team != "" {
			a.gives[team] = append(a.gives[team], g)
			a.teamsOf[g.GroupID] = append(a.teamsOf[g.GroupID], team)
		}
		if g.OrgRole != "" {
			a.orgGive = append(a.orgGive, g)
		}
	}
	if p.host != nil {
		for _, m := range p.host.Teams {
			a.in[m.TeamID] = m
		}
	}
	return a
}

// lostWithout plans the person as if not in the group, and returns what this takes.
func (a *alone) lostWithout(groupID string) []Line {
	without, one := *a.s, *a.p
	without.settings.Paused = false // what a pause holds back is lost all the same
	one.grants, one.gives, one.groups = slices.Clone(a.org), nil, nil
	seen := map[*Give]bool{}
	give := func(list []*Give) {
		for _, g := range list {
			if g.GroupID != groupID && !seen[g] {
				seen[g] = true
				one.gives = append(one.gives, g)
			}
		}
	}
	teams := slices.Compact(slices.Sorted(slices.Values(a.teamsOf[groupID])))
	var in []Membership
	for _, team := range teams {
		one.grants = append(one.grants, a.lines[team]...)
		give(a.gives[team])
		if m, ok := a.in[team]; ok {
			in = append(in, m)
		}
	}
	give(a.orgGive)
	slices.SortFunc(one.gives, func(x, y *Give) int { return cmp.Compare(a.place[x], a.place[y]) })
	if a.p.host != nil {
		host := *a.p.host
		host.Teams, one.host = in, &host
	}
	// The names of other teams matter to teams that are still to be named: nobody can lose those.
	without.groups, without.looked, without.teams = map[string]groupState{}, nil, map[string]Team{}
	keepTeam := func(id string) {
		if t, ok := a.s.teams[id]; ok {
			without.teams[id] = t
		}
	}
	keep := func(id string) {
		if g, ok := a.s.groups[id]; ok {
			without.groups[id] = g
			if g.team != nil {
				keepTeam(g.team.ResourceID)
			}
		}
	}
	keep(groupID)
	for _, team := range teams {
		keepTeam(team)
	}
	for _, g := range one.gives {
		keep(g.GroupID)
		keepTeam(g.TeamID)
	}
	for _, g := range one.grants {
		keep(g.GroupID)
	}
	for _, id := range a.s.looked {
		if _, ok := without.groups[id]; ok {
			without.looked = append(without.looked, id)
		}
	}
	for id := range without.groups {
		if !slices.Contains(one.groups, id) && id != groupID && slices.Contains(a.p.groups, id) {
			one.groups = append(one.groups, id)
		}
	}
	slices.Sort(one.groups)
	without.people = []person{one}
	var out []Line
	for _, l := range compute(&without).Lines {
		mine := l.Kind == OrgRoleSet || l.TeamID == "" || slices.Contains(teams, l.TeamID)
		if l.AccountID == a.p.accountID() && mine && l.takes(a.s.roles) && !a.plan[l] {
			out = append(out, l)
		}
	}
	return out
}

package provisioning

import (
	"cmp"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// ExplainedRight is a role that a person has in a team, or in the organisation, with all
// that gives it.
type ExplainedRight struct {
	// TeamID and Team are empty for the organisation.
	TeamID string `json:"teamId,omitempty"`
	Team   string `json:"team,omitempty"`
	// Role is what the application has; empty where it has none (any more).
	Role string `json:"role"`
	// Effective is the role in the team that the person has in effect, where the role in the
	// organisation means a higher one (Config.ImpliedTeamRoles); empty for the organisation.
	Effective string `json:"effective,omitempty"`
	// Wins is the source of Role.
	Wins Source `json:"wins"`
	// Sources are all that give the person this, those by hand first and then by ID.
	Sources []RightSource `json:"sources"`
	// Locked says that it may not be taken away by hand.
	Locked bool `json:"locked,omitempty"`
}

// RightSource is one of what gives a right.
type RightSource struct {
	Source Source `json:"source"`
	// Group and Rule name the group and the rule, such as "row 2"; Rule is empty where no rule
	// gives it any more.
	Group string `json:"group,omitempty"`
	Rule  string `json:"rule,omitempty"`
	Role  string `json:"role"`
}

// ExplainedGroup is a group that a person is in.
type ExplainedGroup struct {
	GroupID string `json:"groupId"`
	Group   string `json:"group"`
	// WouldLose is what the person would lose without this group: the lines of the plan that
	// would take it. Empty where everything is given by something else, too.
	WouldLose []Line `json:"wouldLose,omitempty"`
}

// ExplainedValue is a value of the attribute roles, or of a claim, that a person has and that counts.
type ExplainedValue struct {
	// Source is "role:" or "claim:" and the value.
	Source Source `json:"source"`
	Value  string `json:"value"`
	// WouldLose is what the person would lose without this value, as with ExplainedGroup.
	WouldLose []Line `json:"wouldLose,omitempty"`
}

// explainRights tells what gives each right, and what each group alone gives.
func (x *Explanation) explainRights(s *snapshot, p *person, plan *Plan) {
	teams := map[string]*ExplainedRight{}
	var host AccountState
	if p.host != nil {
		host = *p.host
	}
	x.OrgRole = ExplainedRight{Role: host.OrgRole}
	for _, m := range host.Teams {
		teams[m.TeamID] = &ExplainedRight{TeamID: m.TeamID, Team: cmp.Or(s.teams[m.TeamID].Name, m.TeamID), Role: m.Role}
	}
	for _, g := range p.grants {
		if g.Kind == store.GrantMembership && teams[g.ResourceID] == nil {
			teams[g.ResourceID] = &ExplainedRight{TeamID: g.ResourceID, Team: cmp.Or(s.teams[g.ResourceID].Name, g.ResourceID)}
		}
	}
	x.OrgRole.sources(s, p, store.GrantOrgRole, s.roles.org)
	now := standing{active: host.Active, org: host.OrgRole}
	for _, id := range sortedKeys(teams) {
		t := teams[id]
		t.sources(s, p, store.GrantMembership, s.roles.team)
		t.Effective = now.in(s.roles, t.Role)
		x.Teams = append(x.Teams, *t)
	}
	slices.SortStableFunc(x.Teams, func(a, b ExplainedRight) int { return cmp.Compare(a.Team, b.Team) })
	alone := newAlone(s, p, plan)
	for _, id := range p.groups {
		x.Groups = append(x.Groups, ExplainedGroup{GroupID: id, Group: s.groupName(id), WouldLose: alone.lostWithout(id)})
	}
	for _, id := range p.values {
		if _, v, ok := valueIn(id); ok {
			x.Values = append(x.Values, ExplainedValue{Source: Source(id), Value: v, WouldLose: alone.lostWithout(id)})
		}
	}
	slices.SortFunc(x.Groups, func(a, b ExplainedGroup) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.GroupID, b.GroupID))
	})
}

// sources reads from the ledger who gives the right, and which of them wins.
func (r *ExplainedRight) sources(s *snapshot, p *person, kind store.GrantKind, order []string) {
	var lines []store.Grant
	for _, g := range p.grants {
		if g.Kind == kind && g.ResourceID == r.TeamID {
			lines = append(lines, g)
		}
	}
	if len(lines) == 0 {
		if r.Role != "" {
			r.Wins, r.Sources = SourceManual, []RightSource{{Source: SourceManual, Role: r.Role}}
		}
		return
	}
	hand := lines[0].Previous
	given, wins := "", Source("")
	switch {
	case hand == "":
	case kind == store.GrantMembership: // by hand before, with the role that it has
		r.Sources = append(r.Sources, RightSource{Source: SourceManual, Role: r.Role})
		given, wins = r.Role, SourceManual
	default:
		r.Sources = append(r.Sources, RightSource{Source: SourceManual, Role: hand})
		given, wins = hand, SourceManual
	}
	for _, g := range lines {
		src := RightSource{Source: SourceOf(g), Role: g.Role, Rule: p.ruleOf(g)}
		if g.GroupID != store.GrantedByDefault {
			src.Group = s.groupName(g.GroupID)
		}
		r.Sources = append(r.Sources, src)
		if wins == "" || (kind == store.GrantOrgRole && higher(order, given, g.Role) != given) || (kind == store.GrantMembership && hand == "" && higher(order, given, g.Role) != given) {
			given, wins = g.Role, src.Source
		}
	}
	r.Wins = wins
	if r.Role != given && r.Role != "" {
		r.Wins = SourceOverride
		r.Sources = append(r.Sources, RightSource{Source: SourceOverride, Role: r.Role})
	}
}

// ruleOf names the rule by which a group still gives what the ledger has; empty if none does.
func (x *person) ruleOf(g store.Grant) string {
	for _, give := range x.gives {
		of := g.Kind == store.GrantOrgRole && give.OrgRole == g.Role ||
			g.Kind == store.GrantMembership && (give.GroupTeam || give.TeamID == g.ResourceID) && give.TeamRole == g.Role
		if give.GroupID == g.GroupID && of {
			return give.Rule
		}
	}
	return ""
}

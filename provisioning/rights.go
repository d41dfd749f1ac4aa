package provisioning

import (
	"fmt"
	"slices"
)

// RightsChange says how a person's effective rights in teams change (R102): what the
// person may do, be it by a role in the team or by the role in the organisation, of which
// Config.ImpliedTeamRoles says what it means in every team. It is there also where no
// assignment in the team changes.
type RightsChange struct {
	AccountID  string `json:"accountId,omitempty"`
	SCIMUserID string `json:"scimUserId,omitempty"`
	Person     string `json:"person,omitempty"`
	// EveryTeam means all teams in which the person has no role of their own, neither before nor
	// after; those with one are changes of their own.
	EveryTeam bool `json:"everyTeam,omitempty"`
	// TeamID is empty for every team, and for one that is still to be made.
	TeamID string `json:"teamId,omitempty"`
	Team   string `json:"team,omitempty"`
	// From and To are roles in the team; empty means no rights in it.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Reason tells a person why.
	Reason string `json:"reason"`
}

// checkImplied holds Config.ImpliedTeamRoles to the declared roles.
func (r roleOrder) checkImplied(implied map[string]string) error {
	for _, org := range sortedKeys(implied) {
		if !slices.Contains(r.org, org) {
			return fmt.Errorf("provisioning: Config.ImpliedTeamRoles has the organisation role %q, which is none of Config.OrgRoles %q", org, r.org)
		}
		if team := implied[org]; !slices.Contains(r.team, team) {
			return fmt.Errorf("provisioning: Config.ImpliedTeamRoles gives %q the team role %q, which is none of Config.TeamRoles %q", org, team, r.team)
		}
	}
	return nil
}

// standing is what a person is before or after a plan.
type standing struct {
	active bool
	org    string
}

// implies is the role that the person has in every team.
func (s standing) implies(r roleOrder) string {
	if !s.active {
		return ""
	}
	return r.implied[s.org]
}

// in is the effective role in a team where the person has this role.
func (s standing) in(r roleOrder, own string) string {
	if !s.active {
		return ""
	}
	return higher(r.team, s.implies(r), own)
}

// ownRole is a role that a person has in a team before, after, or both.
type ownRole struct {
	key, id, name string
	from, to      string
	reason        string // of the line that changes it
}

// rights calls yield for each change of a person's effective rights, until it returns
// false.
func (p *Plan) rights(pp *personPlan, yield func(RightsChange) bool) {
	before, after, org, access := pp.standings(p.roles)
	change := func(c RightsChange) RightsChange {
		c.AccountID, c.SCIMUserID, c.Person = pp.accountID, pp.scimUserID, pp.label()
		return c
	}
	why := func(own string) string {
		switch {
		case before.active != after.active && access != "":
			return access
		case own != "":
			return own
		case org != nil:
			return fmt.Sprintf("the role in the organisation, which counts in every team, becomes %s: %s", org.To, org.Reason)
		}
		return fmt.Sprintf("the role %s in the organisation counts in every team", after.org)
	}
	if from, to := before.implies(p.roles), after.implies(p.roles); from != to {
		if !yield(change(RightsChange{EveryTeam: true, From: from, To: to, Reason: why("")})) {
			return
		}
	}
	for _, o := range p.ownRoles(pp) {
		from, to := before.in(p.roles, o.from), after.in(p.roles, o.to)
		if from != to && !yield(change(RightsChange{TeamID: o.id, Team: o.name, From: from, To: to, Reason: why(o.reason)})) {
			return
		}
	}
}

// standings are the person's before and after, with the lines that make the difference.
func (pp *personPlan) standings(r roleOrder) (before, after standing, org *Line, access string) {
	if pp.before != nil {
		before = standing{active: pp.before.Active && pp.before.OrgRole != "", org: pp.before.OrgRole}
	}
	after = standing{active: pp.activates, org: before.org}
	if after.org == "" {
		after.org = r.lowest()
	}
	for l := range pp.does() {
		switch l.Kind {
		case OrgRoleSet:
			after.org, org = l.To, &l
		case AccountCreate, AccountAdopt, AccountDeactivate, AccountReactivate:
			access = l.Reason
		}
	}
	return before, after, org, access
}

// ownRoles are the person's roles in teams, in the order of the host and then of the plan.
func (p *Plan) ownRoles(pp *personPlan) []ownRole {
	var out []ownRole
	if pp.before != nil {
		for _, m := range pp.before.Teams {
			out = append(out, ownRole{key: m.TeamID, id: m.TeamID, name: p.teamNames[m.TeamID].Name, from: m.Role, to: m.Role})
		}
	}
	for l := range pp.does() {
		if l.Kind != MemberAdd && l.Kind != MemberRole && l.Kind != MemberRemove {
			continue
		}
		key := l.TeamID
		if key == "" {
			key = "\x00" + l.GroupID
		}
		i := slices.IndexFunc(out, func(o ownRole) bool { return o.key == key })
		if i < 0 {
			i = len(out)
			out = append(out, ownRole{key: key, id: l.TeamID})
		}
		out[i].name, out[i].to, out[i].reason = l.Team, l.To, l.Reason
	}
	return out
}

// changesRights says whether anything changes for the person.
func (p *Plan) changesRights(pp *personPlan) (changes bool) {
	p.rights(pp, func(RightsChange) bool {
		changes = true
		return false
	})
	return changes
}

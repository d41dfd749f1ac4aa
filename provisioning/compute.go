package provisioning

import (
	"cmp"
	"slices"
)

// planner turns a snapshot into a plan. It reads nothing else.
type planner struct {
	s    *snapshot
	plan Plan
	// refs are the teams of groups, those to be made included.
	refs map[string]teamRef
	// missing are teams already reported.
	missing map[string]bool
	// findings already made, since one rule concerns many people.
	seen map[Finding]bool
	held int
	// claimed are accounts that users take over in this plan.
	claimed map[string]string
	// seats is nil where they are not counted.
	seats *SeatPlan
	// freed are the teams that this plan takes from their groups.
	freed map[string]freedTeam
	// restored are those that it takes out of the archive.
	restored map[string]bool
}

// teamRef is a team that exists, or (id empty) will be made for a group.
type teamRef struct {
	id    string
	name  string
	group string
}

func (r teamRef) key() string {
	if r.id != "" {
		return r.id
	}
	return "\x00" + r.group
}

// compute is the one function behind preview and sync.
func compute(s *snapshot) Plan {
	p := &planner{
		s: s, refs: map[string]teamRef{}, missing: map[string]bool{}, seen: map[Finding]bool{}, freed: map[string]freedTeam{}, restored: map[string]bool{},
		plan: Plan{TenantID: s.tenantID, Settings: s.settings, roles: s.roles, teamNames: s.teams},
	}
	p.planTeams()
	p.undoTeams()
	slices.SortFunc(s.people, func(a, b person) int { return cmp.Compare(a.key(), b.key()) })
	p.countSeats()
	var people []*personPlan
	for i := range s.people {
		if x := &s.people[i]; x.user != nil || x.independent() && x.heardClaim {
			p.plan.users++
		}
		if pp := p.compose(p.planPerson(&s.people[i]), &s.people[i]); pp != nil && !pp.idle() {
			people = append(people, pp)
		}
	}
	p.protectOwners(people)
	for _, pp := range people {
		if pp.org != nil {
			if pp.org.line != nil {
				pp.lines = append(pp.lines, *pp.org.line)
			}
			pp.put = append(pp.put, pp.org.put...)
			pp.drop = append(pp.drop, pp.org.drop...)
		}
		p.plan.Lines = append(append(p.plan.Lines, pp.kept...), pp.lines...)
		if pp.acts() {
			p.plan.people = append(p.plan.people, pp)
		}
	}
	if p.held > 0 {
		p.find(Finding{Code: FindingPaused, Message: "Provisioning is paused: what gives or takes access waits until it is resumed. Deactivations go through."})
	}
	p.plan.GivesTopRole = p.givesTopRole()
	p.plan.count(s.roles)
	p.seatTotals()
	return p.plan
}

func (p *planner) find(f Finding) {
	if !p.seen[f] {
		p.seen[f] = true
		p.plan.Findings = append(p.plan.Findings, f)
	}
}

// hold says whether a change that gives or takes access has to wait.
func (p *planner) hold() bool {
	if p.s.settings.Paused {
		p.held++
		return true
	}
	return false
}

func (p *planner) givesTopRole() bool {
	top := p.s.roles.top()
	if !p.s.roles.provisionable(top) {
		return false
	}
	if p.s.settings.DefaultOrgRole == top {
		return true
	}
	for _, r := range p.s.settings.Authority.Rows {
		if r.OrgRole == top && p.s.settings.Authority.OrgRole == r.Source {
			return true
		}
	}
	for _, g := range p.s.groups {
		for _, give := range g.own {
			if give.OrgRole == top {
				return true
			}
		}
	}
	return false
}

// protectOwners drops what would take the top role from the last owner, or from an
// owner who may bypass the directory. Promotions count first, so that the order of
// people never matters.
func (p *planner) protectOwners(people []*personPlan) {
	top := p.s.roles.top()
	owners := map[string]bool{}
	for id := range p.s.owners {
		owners[id] = true
	}
	ended := ""
	for _, pp := range people {
		if owners[pp.accountID] && !pp.activates {
			delete(owners, pp.accountID)
			ended = pp.accountID
		}
		if pp.org != nil && pp.org.line != nil && pp.org.line.To == top && pp.activates {
			owners[cmp.Or(pp.accountID, "\x00"+pp.scimUserID)] = true
		}
	}
	for _, pp := range people {
		if pp.org == nil || pp.org.line == nil || pp.org.line.From != top || pp.org.line.To == top {
			continue
		}
		f := lastOwner(pp, top)
		switch {
		case p.s.breakGlass[foldEmail(pp.profile.Email)] || pp.record != nil && p.s.breakGlass[foldEmail(pp.record.Email)]:
			f.Code = FindingBreakGlass
			f.Message = "This owner is on the break-glass list and keeps the role " + top + "."
		case owners[pp.accountID] && len(owners) == 1: // as it says
		default:
			delete(owners, pp.accountID)
			continue
		}
		pp.org = nil // role and ledger stay, so that a later sync tries again
		p.find(f)
	}
	if ended != "" && len(owners) == 0 {
		p.find(Finding{Code: FindingNoOwner, AccountID: ended, Message: "The directory ended the access of the last active owner. The organisation has no owner who can sign in now."})
	}
}

// lastOwner is what is found when the top role stays with the last who has it.
func lastOwner(pp *personPlan, top string) Finding {
	return Finding{
		Code: FindingLastOwner, AccountID: pp.accountID, SCIMUserID: pp.scimUserID, Person: pp.profile.label(),
		Message: "This is the last owner and keeps the role " + top + ". Make somebody else an owner first.",
	}
}

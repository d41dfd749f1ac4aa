package provisioning

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// rewinding is what an undo adds to a snapshot. The snapshot then shows people and teams as
// they were before the plan that is undone; planning compares that with the rules, and
// what really is with the outcome.
type rewinding struct {
	reason   string
	teams    []teamPlan
	findings []Finding
	// names are the teams' names as they really are, where they were rewound.
	names map[string]string
}

// actual is what a rewound person really has.
type actual struct {
	host   AccountState
	grants []store.Grant
}

// rewind shows in the snapshot what was before a plan, for all that is as the plan left it.
func rewind(s *snapshot, r appliedRecord, canDelete, canArchive bool) {
	who := r.By.Name
	if who == "" {
		who = r.By.ID
	}
	s.undo = &rewinding{
		reason: fmt.Sprintf("as it was before the plan that %s applied on %s", cmp.Or(who, "somebody"), r.At.UTC().Format("2 January 2006, 15:04 MST")),
		names:  map[string]string{},
	}
	byAccount := make(map[string]int, len(s.people))
	for i := range s.people {
		if id := s.people[i].accountID(); id != "" {
			byAccount[id] = i
		}
	}
	for _, part := range r.parts {
		for _, t := range part.Teams {
			s.rewindTeam(t, canDelete, canArchive)
		}
	}
	for _, part := range r.parts {
		for _, a := range part.People {
			i, ok := byAccount[a.AccountID]
			if !ok {
				continue // neither the directory nor a group has anything to do with the account any more
			}
			s.rewindPerson(&s.people[i], a)
		}
	}
}

func (s *snapshot) rewindTeam(t appliedTeam, canDelete, canArchive bool) {
	g := s.groups[t.GroupID]
	_, wants := groupTeamGive(g.own)
	team, exists := s.teams[t.TeamID]
	changed := func() {
		s.undo.findings = append(s.undo.findings, Finding{
			Code: FindingChangedSince, TeamID: t.TeamID, GroupID: t.GroupID, Group: s.groupName(t.GroupID),
			Message: fmt.Sprintf("The team %s was changed since and is left as it is.", quoted(team.Name, t.TeamID)),
		})
	}
	if !exists || !sameLine(g.team, t.After) || t.Kind == TeamRename && team.Name != t.To {
		changed()
		return
	}
	line := Line{TeamID: t.TeamID, Team: team.Name, GroupID: t.GroupID, Group: label(g.name), Reason: s.undo.reason}
	plan := teamPlan{was: g.team}
	switch {
	case t.Kind == TeamRename:
		if t.From == "" || s.nameTaken(t.From, t.TeamID) {
			changed()
			return
		}
		line.Kind, line.Team, line.From, line.To = TeamRename, t.From, t.To, t.From
		s.undo.names[t.TeamID] = team.Name
		team.Name = t.From
		s.teams[t.TeamID] = team
	case t.After != nil && t.Before == nil:
		if wants && g.exists {
			return // the old rules give the group this team, too
		}
		key := g.team.Key()
		line.Kind, plan.drop = TeamRelease, &key
		switch {
		case t.Kind == TeamCreate && canDelete:
			line.Kind = TeamDelete
		case t.Restored && canArchive:
			line.Kind = TeamArchive
		}
		g.team = nil
	case t.After == nil && t.Before != nil:
		if !wants || !g.exists {
			return // nor do the old rules
		}
		grant := t.Before.grant("")
		line.Kind, plan.put, plan.restore = TeamAdopt, &grant, t.Kind == TeamArchive && canArchive
		g.team = &grant
		if plan.restore {
			team.Archived = false
			s.teams[t.TeamID] = team
		}
	default:
		return
	}
	s.groups[t.GroupID] = g
	plan.line = line
	s.undo.teams = append(s.undo.teams, plan)
}

func (s *snapshot) nameTaken(name, but string) bool {
	for id, t := range s.teams {
		if id != but && foldName(t.Name) == foldName(name) {
			return true
		}
	}
	return false
}

func sameLine(g *store.Grant, l *ledgerLine) bool {
	if g == nil || l == nil {
		return g == nil && l == nil
	}
	return lineOfGrant(*g) == *l
}

// rewindPerson shows a person as before, if it is as the plan left it.
func (s *snapshot) rewindPerson(x *person, a appliedPerson) {
	find := func(code FindingCode, message string) {
		s.undo.findings = append(s.undo.findings, Finding{Code: code, AccountID: a.AccountID, SCIMUserID: a.SCIMUserID, Person: a.Person, Message: message})
	}
	if a.Access {
		find(FindingAccessStays, "The plan gave or ended this person's access as the directory says. That stays.")
	}
	if len(a.Teams) == 0 && a.Org == nil && len(a.Before) == 0 && len(a.After) == 0 {
		return
	}
	if x.host == nil || x.mapErr != nil || x.accountID() == s.rootID || !s.asLeft(x, a) {
		find(FindingChangedSince, "This person's teams or roles were changed since and are left to the settings.")
		return
	}
	x.actual = &actual{host: *x.host, grants: x.grants}
	host := *x.host
	host.Teams = slices.Clone(host.Teams)
	for _, t := range a.Teams {
		if _, exists := s.teams[t.TeamID]; !exists {
			continue
		}
		host.Teams = slices.DeleteFunc(host.Teams, func(m Membership) bool { return m.TeamID == t.TeamID })
		if t.From != "" {
			host.Teams = append(host.Teams, Membership{TeamID: t.TeamID, Role: t.From})
		}
	}
	if a.Org != nil {
		host.OrgRole = a.Org.From
	}
	grants := map[store.GrantKey]store.Grant{}
	for _, g := range x.grants {
		grants[g.Key()] = g
	}
	for _, l := range a.After {
		delete(grants, l.grant(a.AccountID).Key())
	}
	for _, l := range a.Before {
		if _, exists := s.teams[l.ResourceID]; exists || l.Kind != store.GrantMembership {
			g := l.grant(a.AccountID)
			grants[g.Key()] = g
		}
	}
	x.host, x.grants = &host, sortedGrants(grants)
}

// asLeft says whether the person is as the plan left it.
func (s *snapshot) asLeft(x *person, a appliedPerson) bool {
	for _, t := range a.Teams {
		if _, exists := s.teams[t.TeamID]; exists && roleIn(x.host, t.TeamID) != t.To {
			return false
		}
	}
	if a.Org != nil && x.host.OrgRole != a.Org.To {
		return false
	}
	have := map[store.GrantKey]store.Grant{}
	for _, g := range x.grants {
		have[g.Key()] = g
	}
	after := map[store.GrantKey]bool{}
	for _, l := range a.After {
		g := l.grant(a.AccountID)
		after[g.Key()] = true
		if have[g.Key()] != g {
			return false
		}
	}
	for _, l := range a.Before {
		k := l.grant(a.AccountID).Key()
		if _, ok := have[k]; ok && !after[k] {
			return false
		}
	}
	return true
}

func roleIn(a *AccountState, teamID string) string {
	for _, m := range a.Teams {
		if m.TeamID == teamID {
			return m.Role
		}
	}
	return ""
}

func sortedGrants(m map[store.GrantKey]store.Grant) []store.Grant {
	out := make([]store.Grant, 0, len(m))
	for _, g := range m {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b store.Grant) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ResourceID, b.ResourceID), cmp.Compare(a.GroupID, b.GroupID))
	})
	return out
}

// undoTeams puts what happens to teams into the plan, where the rules do not do it anyway.
func (p *planner) undoTeams() {
	if p.s.undo == nil {
		return
	}
	for _, f := range p.s.undo.findings {
		p.find(f)
	}
	byRules := p.plan.teams
	lines := p.plan.Lines
	p.plan.teams, p.plan.Lines = nil, nil
	for _, t := range p.s.undo.teams {
		if t.line.Kind == TeamRename && slices.ContainsFunc(byRules, func(r teamPlan) bool { return r.line.Kind == TeamRename && r.line.TeamID == t.line.TeamID }) {
			continue // the old rules call it otherwise by now
		}
		p.addTeam(t)
	}
	for i, t := range byRules {
		if name, ok := p.s.undo.names[t.line.TeamID]; ok && t.line.Kind == TeamRename {
			if t.line.To == name {
				lines = slices.DeleteFunc(lines, func(l Line) bool { return l == t.line })
				continue
			}
			j := slices.Index(lines, t.line)
			byRules[i].line.From = name
			if j >= 0 {
				lines[j].From = name
			}
		}
		p.plan.teams = append(p.plan.teams, byRules[i])
	}
	p.plan.Lines = append(p.plan.Lines, lines...)
}

// compose turns the plan of a rewound person, which begins at what was, into one that begins at what is.
func (p *planner) compose(pp *personPlan, x *person) *personPlan {
	if x.actual == nil || pp != nil && pp.err != nil {
		return pp
	}
	if pp == nil {
		pp = newPersonPlan(x)
		pp.activates = x.actual.host.Active
	}
	now := x.actual
	pp.before, pp.grants = &now.host, now.grants
	c := composer{p: p, pp: pp, x: x, roles: map[string]string{}, told: map[string]Line{}, ledger: map[store.GrantKey]store.Grant{}}
	c.follow()
	c.memberships()
	c.orgRole()
	return pp
}

// composer follows the plan of a rewound person to its end.
type composer struct {
	p      *planner
	pp     *personPlan
	x      *person
	roles  map[string]string // in teams, in the end
	told   map[string]Line   // the rules' own lines, by team
	lines  []Line
	ledger map[store.GrantKey]store.Grant // in the end
	coming []pendingGrant                 // in teams that are to be made
}

// follow does to what was all that the rules do.
func (c *composer) follow() {
	for _, m := range c.x.host.Teams {
		c.roles[m.TeamID] = m.Role
	}
	for _, l := range c.pp.lines {
		moves := l.Kind == MemberAdd || l.Kind == MemberRole || l.Kind == MemberRemove
		if !moves || l.TeamID == "" {
			c.lines = append(c.lines, l)
			continue
		}
		c.roles[l.TeamID], c.told[l.TeamID] = l.To, l
	}
	for _, g := range c.x.grants {
		c.ledger[g.Key()] = g
	}
	put, drop := c.pp.put, append(slices.Clone(c.pp.drop), c.pp.keptDrop...)
	if c.pp.org != nil {
		put, drop = append(slices.Clone(put), c.pp.org.put...), append(drop, c.pp.org.drop...)
	}
	for _, g := range put {
		if g.TeamOf != "" {
			c.coming = append(c.coming, g)
			continue
		}
		c.ledger[g.Grant.Key()] = g.Grant
	}
	for _, k := range drop {
		delete(c.ledger, k)
	}
}

// memberships compares what is with the end, team by team.
func (c *composer) memberships() {
	now := c.x.actual
	teams := map[string]bool{}
	for _, m := range now.host.Teams {
		teams[m.TeamID] = true
	}
	for id := range c.roles {
		teams[id] = true
	}
	c.pp.lines = c.lines
	for _, id := range sortedKeys(teams) {
		from, to := roleIn(&now.host, id), c.roles[id]
		team, exists := c.p.s.teams[id]
		if from == to || !exists {
			continue
		}
		l := Line{Kind: MemberRole, TeamID: id, Team: team.Name, From: from, To: to, Source: c.source(id, to != ""), Reason: c.p.s.undo.reason}
		switch {
		case from == "":
			l.Kind = MemberAdd
		case to == "":
			l.Kind = MemberRemove
		}
		if told, ok := c.told[id]; ok {
			l.Reason, l.Source = told.Reason, told.Source
		}
		c.p.line(c.pp, l)
	}
	c.pp.put, c.pp.drop, c.pp.keptDrop = c.coming, nil, nil
	c.differences(func(k store.GrantKind) bool { return k != store.GrantOrgRole }, &c.pp.put, &c.pp.drop)
}

// source is where a membership comes from in the end, or came from.
func (c *composer) source(teamID string, stays bool) Source {
	grants := c.x.actual.grants
	if stays {
		grants = sortedGrants(c.ledger)
	}
	for _, g := range grants {
		if g.Kind == store.GrantMembership && g.ResourceID == teamID && g.Previous != previousManual {
			return SourceOf(g)
		}
	}
	return SourceManual
}

// differences are the changes of the ledger from what is to the end.
func (c *composer) differences(of func(store.GrantKind) bool, put *[]pendingGrant, drop *[]store.GrantKey) {
	have := map[store.GrantKey]store.Grant{}
	for _, g := range c.x.actual.grants {
		have[g.Key()] = g
		if _, ok := c.ledger[g.Key()]; !ok && of(g.Kind) {
			*drop = append(*drop, g.Key())
		}
	}
	for _, g := range sortedGrants(c.ledger) {
		if of(g.Kind) && have[g.Key()] != g {
			*put = append(*put, pendingGrant{Grant: g})
		}
	}
}

// orgRole does the same for the role in the organisation, which owners' protection
// looks at afterwards.
func (c *composer) orgRole() {
	from, to := c.x.actual.host.OrgRole, c.x.host.OrgRole
	step := &orgStep{}
	l := c.p.lineFor(c.pp, Line{Kind: OrgRoleSet, Source: SourceManual, Reason: c.p.s.undo.reason})
	if c.pp.org != nil && c.pp.org.line != nil {
		l, to = *c.pp.org.line, c.pp.org.line.To
	}
	l.From, l.To = from, to
	if from != to && to != "" {
		step.line = &l
	}
	c.differences(func(k store.GrantKind) bool { return k == store.GrantOrgRole }, &step.put, &step.drop)
	c.pp.org = nil
	if step.line != nil || len(step.put) > 0 || len(step.drop) > 0 {
		c.pp.org = step
	}
}

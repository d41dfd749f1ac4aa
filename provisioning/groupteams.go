package provisioning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// planTeams decides about the groups' own teams. Groups that have one come first, then
// the older group: the outcome does not depend on the order of reading.
func (p *planner) planTeams() {
	s := p.s
	slices.SortFunc(s.looked, func(a, b string) int {
		if x, y := s.groups[a].team != nil, s.groups[b].team != nil; x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	names := p.takenNames()
	for _, id := range s.looked {
		p.planTeam(id, s.groups[id], names)
	}
	slices.SortFunc(p.plan.Groups, func(a, b GroupOutcome) int { return cmp.Compare(a.GroupID, b.GroupID) })
}

// takenNames are the teams by folded name, with the group that has each.
func (p *planner) takenNames() map[string]teamRef {
	owner := map[string]string{}
	for id, g := range p.s.groups {
		if g.team != nil {
			owner[g.team.ResourceID] = id
		}
	}
	names := make(map[string]teamRef, len(p.s.teams))
	for _, t := range p.s.teams {
		k := foldName(t.Name)
		// Of several teams of one name the smallest ID, whatever the order of the map.
		if have, ok := names[k]; !ok || t.ID < have.id {
			names[k] = teamRef{id: t.ID, name: t.Name, group: owner[t.ID]}
		}
	}
	return names
}

func (p *planner) planTeam(id string, g groupState, names map[string]teamRef) {
	out := GroupOutcome{GroupID: id, Group: g.name, Outcome: "none"}
	defer func() {
		if g.exists {
			p.plan.Groups = append(p.plan.Groups, out)
		}
	}()
	give, wants := groupTeamGive(g.own)
	if len(g.own) > 0 {
		out.Outcome = "mapped"
	}
	if g.mapErr != nil {
		// Nothing is known, so nothing changes.
		out.Outcome = "conflict"
		p.find(Finding{Code: mapFinding(g.mapErr), GroupID: id, Group: g.name, Message: "The rules could not be read for this group; nothing changes for it."})
		if g.team != nil {
			p.refs[id] = teamRef{id: g.team.ResourceID, name: p.s.teams[g.team.ResourceID].Name, group: id}
		}
		return
	}
	if !wants || !g.exists {
		if g.team != nil && !p.hold() {
			p.releaseTeam(id, g)
		}
		return
	}
	name := teamName(g.name, p.s.maxTeamName)
	if g.team != nil {
		if t, ok := p.s.teams[g.team.ResourceID]; ok {
			p.refs[id] = teamRef{id: t.ID, name: t.Name, group: id}
			out.Outcome, out.TeamID, out.Team = "exists", t.ID, t.Name
			p.renameTeam(id, g, t, name, names)
			return
		}
	}
	p.makeTeam(id, g, give, name, names, &out)
}

func (p *planner) releaseTeam(id string, g groupState) {
	key := g.team.Key()
	line := Line{Kind: TeamRelease, TeamID: g.team.ResourceID, Team: p.s.teams[g.team.ResourceID].Name, GroupID: id, Group: g.name, Reason: "the rules do not give this group a team any more"}
	if !g.exists {
		line.Reason = "the directory deleted the group"
		if p.s.deleteTeams && g.team.Previous == "" {
			line.Kind = TeamDelete
		}
	}
	p.addTeam(teamPlan{line: line, drop: &key})
}

func (p *planner) addTeam(t teamPlan) {
	p.plan.teams = append(p.plan.teams, t)
	p.plan.Lines = append(p.plan.Lines, t.line)
}

func (p *planner) renameTeam(id string, g groupState, t Team, name string, names map[string]teamRef) {
	if name == "" || name == t.Name {
		return
	}
	if other, taken := names[foldName(name)]; taken && other.id != t.ID {
		p.nameConflict(id, g, other)
		return
	}
	if p.hold() {
		return
	}
	delete(names, foldName(t.Name))
	names[foldName(name)] = teamRef{id: t.ID, name: name, group: id}
	p.refs[id] = teamRef{id: t.ID, name: name, group: id}
	p.addTeam(teamPlan{line: Line{Kind: TeamRename, TeamID: t.ID, Team: name, GroupID: id, Group: g.name, From: t.Name, To: name, Reason: "the directory renamed the group"}})
}

func (p *planner) makeTeam(id string, g groupState, give Give, name string, names map[string]teamRef, out *GroupOutcome) {
	if name == "" {
		out.Outcome = "conflict"
		p.find(Finding{Code: FindingTeamNameEmpty, GroupID: id, Group: g.name, Message: "Nothing of this group's name can name a team. Rename the group, or skip it."})
		return
	}
	lost := g.lostTeam
	line := Line{Kind: TeamCreate, TeamID: lost.ID, Team: name, GroupID: id, Group: g.name, To: name, Reason: p.s.inGroupTeam(give)}
	grant := store.Grant{Kind: store.GrantTeam, GroupID: id}
	ref := teamRef{id: lost.ID, name: name, group: id}
	var drop *store.GrantKey
	if g.team != nil { // the host deleted the team that the group had
		key := g.team.Key()
		drop = &key
		p.find(Finding{Code: FindingTeamMissing, TeamID: g.team.ResourceID, GroupID: id, Group: g.name, Message: "The team of this group was deleted in the application and is made again."})
	}
	out.Outcome = "create"
	if other, taken := names[foldName(name)]; taken && (lost.ID == "" || other.id != lost.ID) {
		if !give.Adopt || other.group != "" {
			out.Outcome, out.TeamID, out.Team = "conflict", other.id, other.name
			p.nameConflict(id, g, other)
			return
		}
		line.Kind, line.TeamID, line.Team = TeamAdopt, other.id, other.name
		line.Reason = "the group takes over the team of its name"
		grant.ResourceID, grant.Previous = other.id, previousManual
		ref.id, out.Outcome, lost = other.id, "adopt", Team{}
	}
	if p.hold() {
		return
	}
	out.TeamID, out.Team = ref.id, line.Team
	names[foldName(name)] = teamRef{id: ref.id, name: line.Team, group: id}
	p.refs[id] = ref
	p.addTeam(teamPlan{line: line, put: &grant, drop: drop, lost: lost})
}

func (p *planner) nameConflict(id string, g groupState, other teamRef) {
	f := Finding{Code: FindingTeamNameTaken, TeamID: other.id, GroupID: id, Group: g.name}
	if other.group != "" {
		f.Code = FindingTeamNameShared
		f.Message = fmt.Sprintf("The group “%s” has the team of this name already. Rename one of the groups, or skip this one.", p.s.groupName(other.group))
	} else {
		f.Message = fmt.Sprintf("There is a team “%s” already. Let the group adopt it, rename one of them, or skip the group.", other.name)
	}
	p.find(f)
}

func (s *snapshot) inGroupTeam(g Give) string {
	return fmt.Sprintf("group “%s” passes the rule “%s”", s.groupName(g.GroupID), g.Rule)
}

// groupTeamGive finds the give of the group's own team.
func groupTeamGive(gives []Give) (Give, bool) {
	for _, g := range gives {
		if g.GroupTeam {
			return g, true
		}
	}
	return Give{}, false
}

// teamName makes a team's name of a group's: without control characters, with single
// spaces, cut to the host's length.
func teamName(name string, most int) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' || r == utf8.RuneError:
			return -1
		}
		return r
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	if runes := []rune(name); len(runes) > most {
		name = strings.TrimSpace(string(runes[:most]))
	}
	return name
}

// foldName is the form in which names of teams are compared.
func foldName(name string) string { return store.Fold(strings.Join(strings.Fields(name), " ")) }

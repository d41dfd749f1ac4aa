package provisioning

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// maxNameRounds bounds how often a plan tries again to give names that other groups give up.
const maxNameRounds = 10

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
	// A name may be taken only until another group of this plan gives it up.
	wait := s.looked
	for round := 1; len(wait) > 0; round++ {
		var still []string
		last := round == maxNameRounds
		for _, id := range wait {
			if !p.planTeam(id, s.groups[id], names, last) {
				still = append(still, id)
			}
		}
		if len(still) == len(wait) {
			round = maxNameRounds - 1
		}
		wait = still
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

// planTeam decides about one group's team. Unless it is the last attempt, it decides nothing
// and returns false if the team's name is taken.
func (p *planner) planTeam(id string, g groupState, names map[string]teamRef, last bool) (done bool) {
	out := GroupOutcome{GroupID: id, Group: label(g.name), Outcome: "none", Decision: g.decision}
	defer func() {
		if g.exists && done {
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
		p.find(Finding{Code: mapFinding(g.mapErr), GroupID: id, Group: label(g.name), Message: "The rules could not be read for this group; nothing changes for it."})
		if g.team != nil {
			p.refs[id] = teamRef{id: g.team.ResourceID, name: p.s.teams[g.team.ResourceID].Name, group: id}
		}
		return true
	}
	if !wants || !g.exists {
		if g.team != nil && !p.hold() {
			p.releaseTeam(id, g, names)
		}
		return true
	}
	name := p.s.nameOf(g, give)
	if g.team != nil {
		if t, ok := p.s.teams[g.team.ResourceID]; ok {
			p.refs[id] = teamRef{id: t.ID, name: t.Name, group: id}
			out.Outcome, out.TeamID, out.Team = "exists", t.ID, t.Name
			if t.Archived {
				p.findArchived(t, id)
			} else if !g.keepsName(give, t, name) {
				return p.renameTeam(id, g, t, give, name, names, last)
			}
			return true
		}
	}
	return p.makeTeam(id, g, give, name, names, &out, last)
}

func (p *planner) releaseTeam(id string, g groupState, names map[string]teamRef) {
	key := g.team.Key()
	line := Line{Kind: TeamRelease, TeamID: g.team.ResourceID, Team: p.s.teams[g.team.ResourceID].Name, GroupID: id, Group: label(g.name), Reason: "the rules do not give this group a team any more"}
	if !g.exists {
		line.Reason = "the directory deleted the group"
	}
	p.freed[g.team.ResourceID] = freedTeam{deleted: !g.exists, previous: g.team.Previous}
	if k := foldName(line.Team); names[k].id == g.team.ResourceID {
		names[k] = teamRef{id: g.team.ResourceID, name: line.Team}
	}
	if g.team.Previous == "" { // what the host had before is never ended
		switch policy := p.s.settings.Unmanaged.Teams; {
		case policy == store.TeamDelete && p.s.canDelete:
			line.Kind = TeamDelete
			if p.s.deleteAfter > 0 {
				line.Kind = TeamDeletePlanned
				line.Reason += "; it is deleted after " + spanText(p.s.deleteAfter) + " if nobody uses it"
			}
		case policy == store.TeamArchive && p.s.canArchive && !p.s.teams[g.team.ResourceID].Archived:
			line.Kind = TeamArchive
		}
	}
	p.addTeam(teamPlan{line: line, drop: &key, was: g.team})
}

// freedTeam is a team that a plan takes from its group.
type freedTeam struct {
	deleted  bool // the directory deleted the group
	previous string
}

// handOver takes back that a team loses its group: another group has it at once.
func (p *planner) handOver(teamID string) (drop *store.GrantKey) {
	p.plan.teams = slices.DeleteFunc(p.plan.teams, func(t teamPlan) bool {
		if t.line.TeamID != teamID || !t.line.Kind.releases() {
			return false
		}
		drop = t.drop
		return true
	})
	p.plan.Lines = slices.DeleteFunc(p.plan.Lines, func(l Line) bool { return l.TeamID == teamID && l.Kind.releases() })
	delete(p.freed, teamID)
	return drop
}

// releases says that the line takes a team from its group.
func (k LineKind) releases() bool {
	return k == TeamRelease || k == TeamArchive || k == TeamDelete || k == TeamDeletePlanned
}

func (p *planner) addTeam(t teamPlan) {
	p.plan.teams = append(p.plan.teams, t)
	p.plan.Lines = append(p.plan.Lines, t.line)
}

// nameOf is how the group's own team is to be called.
func (s *snapshot) nameOf(g groupState, give Give) string {
	return teamName(cmp.Or(give.TeamName, g.name), s.maxTeamName)
}

// keepsName says whether the team that the group has keeps its name.
func (g groupState) keepsName(give Give, t Team, name string) bool {
	switch {
	case name == "" || name == t.Name:
		return true
	case give.Chosen:
		return false
	case give.KeepName:
		return true
	}
	// An adopted team is called as the group is, but for case and spaces.
	return g.team.Previous == previousManual && foldName(name) == foldName(t.Name)
}

func (p *planner) renameTeam(id string, g groupState, t Team, give Give, name string, names map[string]teamRef, last bool) (done bool) {
	if other, taken := names[foldName(name)]; taken && other.id != t.ID {
		if last {
			p.nameConflict(id, g, other)
		}
		return last
	}
	if p.hold() {
		return true
	}
	delete(names, foldName(t.Name))
	names[foldName(name)] = teamRef{id: t.ID, name: name, group: id}
	p.refs[id] = teamRef{id: t.ID, name: name, group: id}
	reason := "the team follows the name of its group"
	if give.Chosen {
		reason = "the owner chose this name"
	}
	p.addTeam(teamPlan{was: g.team, line: Line{Kind: TeamRename, TeamID: t.ID, Team: name, GroupID: id, Group: label(g.name), From: t.Name, To: name, Reason: reason}})
	return true
}

func (p *planner) makeTeam(id string, g groupState, give Give, name string, names map[string]teamRef, out *GroupOutcome, last bool) (done bool) {
	if name == "" {
		out.Outcome = "conflict"
		p.find(Finding{Code: FindingTeamNameEmpty, GroupID: id, Group: label(g.name), Message: "Nothing of this group's name can name a team. Rename the group, or skip it."})
		return true
	}
	lost := g.lostTeam
	line := Line{Kind: TeamCreate, TeamID: lost.ID, Team: name, GroupID: id, Group: label(g.name), To: name, Reason: p.s.inGroupTeam(give)}
	grant := store.Grant{Kind: store.GrantTeam, GroupID: id}
	ref := teamRef{id: lost.ID, name: name, group: id}
	var drop *store.GrantKey
	if g.team != nil { // the host deleted the team that the group had
		key := g.team.Key()
		drop = &key
		p.find(Finding{Code: FindingTeamMissing, TeamID: g.team.ResourceID, GroupID: id, Group: label(g.name), Message: "The team of this group was deleted in the application and is made again."})
	}
	out.Outcome = "create"
	restore := false
	if other, taken := names[foldName(name)]; taken && (lost.ID == "" || other.id != lost.ID) {
		archived := p.s.teams[other.id].Archived
		freed, isFreed := p.freed[other.id]
		switch {
		case isFreed && g.team == nil && !archived && (give.Adopt || freed.deleted && freed.previous == ""):
			// Deleted and made again between two looks: nobody leaves and joins.
			line.Reason = "the group of this name does not have the team any more"
			if freed.deleted {
				line.Reason = "the directory deleted the group of this name and made it again"
			}
			grant.Previous, drop = freed.previous, p.handOver(other.id)
		case give.Adopt && other.group == "" && !isFreed && (!archived || p.s.canArchive):
			line.Reason = "the group takes over the team of its name"
			grant.Previous, restore = previousManual, archived
		case !last:
			return false
		default:
			out.Outcome, out.TeamID, out.Team = "conflict", other.id, other.name
			p.nameConflict(id, g, other)
			return true
		}
		line.Kind, line.TeamID, line.Team = TeamAdopt, other.id, other.name
		grant.ResourceID = other.id
		ref.id, out.Outcome, lost = other.id, "adopt", Team{}
	}
	if p.hold() {
		return true
	}
	out.TeamID, out.Team = ref.id, line.Team
	names[foldName(name)] = teamRef{id: ref.id, name: line.Team, group: id}
	p.refs[id] = ref
	if restore {
		p.restored[ref.id] = true
		line.Reason += ", out of the archive"
	}
	p.addTeam(teamPlan{line: line, put: &grant, drop: drop, was: g.team, restore: restore, lost: lost})
	return true
}

func (p *planner) nameConflict(id string, g groupState, other teamRef) {
	f := Finding{Code: FindingTeamNameTaken, TeamID: other.id, GroupID: id, Group: label(g.name)}
	former, recreated := p.s.former[other.id]
	switch {
	case other.group != "":
		f.Code = FindingTeamNameShared
		f.Message = fmt.Sprintf("The group “%s” has the team of this name already. Rename one of the groups, choose a name for this one's team, or skip it.", p.s.groupName(other.group))
	case recreated:
		f.Code, f.OldGroupID = FindingGroupRecreated, former
		f.Message = fmt.Sprintf("The team “%s” belonged to a group that the directory deleted, and this one was made in its place. Let it adopt the team, choose another name, or skip it.", other.name)
	case p.s.teams[other.id].Archived && !p.s.canArchive:
		f.Message = fmt.Sprintf("There is an archived team “%s” already. Rename it or take it out of the archive, choose another name for the group's team, or skip the group.", other.name)
	default:
		f.Message = fmt.Sprintf("There is a team “%s” already. Let the group adopt it, rename one of them, or skip the group.", other.name)
	}
	p.find(f)
}

// findArchived tells once that a team is out of use.
func (p *planner) findArchived(t Team, groupID string) {
	if !p.missing[t.ID] {
		p.missing[t.ID] = true
		p.find(archivedTeam(p.s, t, groupID))
	}
}

func archivedTeam(s *snapshot, t Team, groupID string) Finding {
	return Finding{Code: FindingTeamArchived, TeamID: t.ID, GroupID: groupID, Group: s.groupName(groupID), Message: fmt.Sprintf("The team “%s” is archived: who is in it by a group stays, and nobody joins until it is in use again.", t.Name)}
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

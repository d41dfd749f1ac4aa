package provisioning

import (
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// report adds what is wrong with the settings as a whole, whether it concerns somebody
// just now or not.
func (p *Plan) report(s *snapshot, cfg Config) {
	p.reportNested(s)
	p.reportDefault(s)
	p.reportValues(s)
	if cfg.Mapper != nil {
		return // the host's mapper decides, whatever mode and rows say
	}
	p.reportRows(s)
	if s.settings.Mode == store.ModeAuto || s.settings.Mode == store.ModeManual {
		p.reportGroups(s, cfg.ManyGroups)
	}
}

func (p *Plan) warn(f Finding) {
	p.Findings = append(p.Findings, f)
	switch {
	case f.Code.Conflict():
		p.Totals.Conflicts++
	default:
		p.Totals.Warnings++
	}
}

// reportRows flags rows that dangle: they give nothing, and stay until somebody decides.
func (p *Plan) reportRows(s *snapshot) {
	if p.Settings.Mode != store.ModeManual {
		return
	}
	told := map[string]bool{}
	for _, f := range p.Findings {
		if f.Code == FindingTeamMissing || f.Code == FindingTeamArchived {
			told[f.TeamID] = true
		}
	}
	for i, r := range p.Settings.Rows {
		if !s.groups[r.GroupID].exists {
			p.warn(s.missingGroup(i, r))
		}
		if r.TeamID == "" || told[r.TeamID] {
			continue
		}
		switch t, exists := s.teams[r.TeamID]; {
		case !exists:
			told[r.TeamID] = true
			p.warn(Finding{Code: FindingTeamMissing, TeamID: r.TeamID, GroupID: r.GroupID, Group: s.groupName(r.GroupID), Message: fmt.Sprintf("Row %d names a team that does not exist any more.", i+1)})
		case t.Archived:
			told[r.TeamID] = true
			p.warn(archivedTeam(s, t, r.GroupID))
		}
	}
}

func (s *snapshot) missingGroup(i int, r store.MappingRow) Finding {
	again := s.again[r.GroupID]
	if again == "" {
		return Finding{Code: FindingGroupMissing, GroupID: r.GroupID, TeamID: r.TeamID, Message: fmt.Sprintf("Row %d names a group that the directory does not have any more.", i+1)}
	}
	return Finding{
		Code: FindingGroupRecreated, OldGroupID: r.GroupID, GroupID: again, Group: s.groupName(again), TeamID: r.TeamID,
		Message: fmt.Sprintf("Row %d names a group that the directory deleted. It has made “%s” in its place: link the row to that one.", i+1, s.groupName(again)),
	}
}

// reportDefault flags a default role that the host does not let be given any more.
func (p *Plan) reportDefault(s *snapshot) {
	role := s.settings.DefaultOrgRole
	if role == "" || s.roles.provisionable(role) {
		return
	}
	p.warn(Finding{Code: FindingRoleAboveMax, Message: fmt.Sprintf("The default role is %s; the application lets %s be given at most.", short(role), s.roles.most)})
}

// reportGroups warns when the rules cover nothing, or surprisingly much.
func (p *Plan) reportGroups(s *snapshot, many int) {
	all, covered := 0, 0
	for _, g := range s.groups {
		if !g.exists || g.value {
			continue
		}
		all++
		if _, team := groupTeamGive(g.own); team {
			covered++
		}
	}
	if s.settings.Mode == store.ModeAuto {
		for _, f := range filterFindings(all, covered, many) {
			p.warn(f)
		}
	} else if all == 0 {
		p.warn(noGroups)
	}
}

var noGroups = Finding{Code: FindingNoGroups, Message: "The directory has no groups yet. Let the identity provider push groups first."}

// filterFindings are the warnings about a filter.
func filterFindings(all, matched, many int) []Finding {
	switch {
	case all == 0:
		return []Finding{noGroups}
	case matched == 0:
		return []Finding{{Code: FindingFilterNothing, Message: fmt.Sprintf("None of %d groups passes the filter.", all)}}
	case matched > many:
		return []Finding{{Code: FindingFilterMany, Message: fmt.Sprintf("%d of %d groups pass the filter, and each gets a team.", matched, all)}}
	}
	return nil
}

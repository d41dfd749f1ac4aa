package provisioning

import (
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// keeps says whether what a group gave to a person stays as if given by hand: the person
// still is in the group, a change of the settings stops to cover it, and the owner did
// not choose to take it back (R81, R91). A row that was changed or removed in manual
// mode is no such change: it takes what it gave (R82).
func (p *planner) keeps(x *person, groupID string) bool {
	return p.s.settings.Unmanaged.People == store.PeopleKeep && p.s.fell[groupID] && x.user != nil && slices.Contains(x.groups, groupID)
}

// fellOut is the reason for what a change of the settings stops to give.
func (s *snapshot) fellOut(groupID string) string {
	return fmt.Sprintf("the settings do not cover the group “%s” any more", s.groupName(groupID))
}

// releaseRole leaves a role that a change of the settings stops to give.
func (p *planner) releaseRole(pp *personPlan, host *AccountState, expected string, kept []store.Grant) {
	if host.OrgRole == expected {
		pp.kept = append(pp.kept, p.lineFor(pp, Line{
			Kind: OrgRoleRelease, To: host.OrgRole, Source: SourceManual,
			Reason: p.s.fellOut(kept[0].GroupID) + "; keeps the role",
		}))
	}
	for _, g := range kept {
		pp.keptDrop = append(pp.keptDrop, g.Key())
	}
}

// fellOut finds the groups that the settings covered and do not any more.
func (l *loader) fellOut() {
	if l.was == nil || l.e.cfg.Mapper != nil {
		return
	}
	l.s.fell = map[string]bool{}
	if l.was.Mode != l.settings.Mode {
		for id, g := range l.s.groups {
			l.s.fell[id] = g.exists
		}
		return
	}
	if l.settings.Mode != store.ModeAuto {
		return
	}
	old, err := NewAutoMapper(l.was.Auto)
	if err != nil {
		return // it gave nothing
	}
	for id, g := range l.s.groups {
		if _, gives := groupTeamGive(g.own); g.exists && g.mapErr == nil && !gives {
			l.s.fell[id] = !old.skip[id] && old.filter.match(g.group(id))
		}
	}
}

// group is the group as mappers see it.
func (g groupState) group(id string) Group {
	return Group{ID: id, Name: g.name, ExternalID: g.externalID}
}

package provisioning

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/tenantgate/tenantgate/store"
)

// GroupMapper says which teams and roles membership in groups gives. [ManualMapper]
// and [AutoMapper] are the two that a tenant chooses between; a host's own mapper
// (Config.Mapper) gets the same preview, sync, ledger and locks.
//
// It must answer from what it is given alone: the same groups give the same, in
// whatever order they come, or else the preview and the sync would differ. It is
// called for the groups of one person, and for single groups to learn which of them
// have a team of their own; a host's own is asked twice, the second time with the groups
// in the reverse order, and two answers are a finding ([FindingMapperUnstable]). It may be
// called concurrently. An error, a panic, or no answer within Config.CallTimeout changes
// nothing for the person concerned and is tried again later. A mapper that goes on after
// its ctx ended cannot be stopped: it is left behind, and after a few of these no more are
// begun until one has ended.
type GroupMapper interface {
	// MapGroups returns what the groups give. tenantID is the tenant that they are of.
	MapGroups(ctx context.Context, tenantID string, groups []Group) ([]Give, error)
}

// GroupMapperFunc is a function as a [GroupMapper].
type GroupMapperFunc func(ctx context.Context, tenantID string, groups []Group) ([]Give, error)

// MapGroups calls f.
func (f GroupMapperFunc) MapGroups(ctx context.Context, tenantID string, groups []Group) ([]Give, error) {
	return f(ctx, tenantID, groups)
}

// Group is a directory's group as a mapper sees it.
type Group struct {
	// ID is the SCIM group's. It stays when the name changes.
	ID string `json:"id"`
	// Name is the displayName, which need not be unique.
	Name string `json:"name"`
	// ExternalID is the directory's own identifier. It is read for an [ExternalIDMapper]
	// alone, since it costs one more query for each group, and else empty.
	ExternalID string `json:"externalId,omitempty"`
}

// ExternalIDMapper is an optional interface of a [GroupMapper] that looks at
// [Group].ExternalID.
type ExternalIDMapper interface {
	GroupMapper
	// NeedsExternalID says whether it does.
	NeedsExternalID() bool
}

// Give is what one group gives to those who are in it: a team, a role in the
// organisation, or both.
type Give struct {
	// GroupID is the group that gives it; it must be one of those asked about.
	GroupID string
	// TeamID is a team that the host has; empty if none is given, or GroupTeam is set.
	TeamID string
	// GroupTeam gives the group's own team, which is made and renamed with the group.
	GroupTeam bool
	// TeamName is how the group's own team is to be called; empty means as the group is.
	// Names are normalised: no control characters and invisible ones, single spaces, at
	// most Config.MaxTeamName characters.
	TeamName string
	// Chosen says that somebody chose TeamName for this very group: KeepName does not hold
	// it back.
	Chosen bool
	// KeepName leaves the name of a team that the group has already.
	KeepName bool
	// Adopt lets the group take over a team of its name that exists already.
	Adopt bool
	// TeamRole is the role in the team, one of Config.TeamRoles.
	TeamRole string
	// OrgRole is the role in the organisation, one of Config.OrgRoles; empty gives none.
	OrgRole string
	// Rank orders what is given to one person where the tenant chose that the first row
	// wins ([store.RoleFirstRow]): the smallest does, and of equal ones the highest role.
	Rank int
	// Rule names the rule for people, such as "row 2".
	Rule string
}

// ManualMapper maps groups to teams that exist and to roles, by rows that the tenant's
// owner wrote. It is safe for concurrent use.
type ManualMapper struct {
	rows    []store.MappingRow
	byGroup map[string][]int // indexes of rows
}

// NewManualMapper returns the mapper of these rows. Rows are counted from 1 in the
// order given, which is their [Give].Rank: it decides about roles where the settings say
// that the first row wins, and about nothing where the highest role does.
func NewManualMapper(rows []store.MappingRow) *ManualMapper {
	m := &ManualMapper{rows: slices.Clone(rows), byGroup: make(map[string][]int, len(rows))}
	for i, r := range rows {
		m.byGroup[r.GroupID] = append(m.byGroup[r.GroupID], i)
	}
	return m
}

// MapGroups implements [GroupMapper].
func (m *ManualMapper) MapGroups(_ context.Context, _ string, groups []Group) ([]Give, error) {
	var out []Give
	for _, g := range groups {
		for _, i := range m.byGroup[g.ID] {
			out = append(out, m.give(i))
		}
	}
	return out, nil
}

// give is what a row gives.
func (m *ManualMapper) give(i int) Give {
	r := m.rows[i]
	return Give{
		GroupID: r.GroupID, TeamID: r.TeamID, TeamRole: r.TeamRole, OrgRole: r.OrgRole,
		Rank: i + 1, Rule: "row " + strconv.Itoa(i+1),
	}
}

// AutoMapper gives each group that passes the filter a team of its own. It is safe
// for concurrent use.
type AutoMapper struct {
	rule        store.AutoRule
	filter      *groupFilter
	adopt, skip map[string]bool
	names       map[string]string // by group
}

// NewAutoMapper returns the mapper of the rule, or a [FilterError] that says where
// the filter is wrong.
func NewAutoMapper(rule store.AutoRule) (*AutoMapper, error) {
	f, err := newGroupFilter(rule)
	if err != nil {
		return nil, err
	}
	m := &AutoMapper{rule: rule, filter: f, adopt: set(rule.Adopt), skip: set(rule.Skip), names: make(map[string]string, len(rule.Names))}
	for _, n := range rule.Names {
		m.names[n.GroupID] = n.Name
	}
	return m, nil
}

// MapGroups implements [GroupMapper].
func (m *AutoMapper) MapGroups(_ context.Context, _ string, groups []Group) ([]Give, error) {
	var out []Give
	for _, g := range groups {
		if m.skip[g.ID] || !m.filter.match(g) {
			continue
		}
		name, chosen := m.names[g.ID]
		if !chosen {
			name = nameBy(m.rule.Naming, g.Name)
		}
		out = append(out, Give{
			GroupID: g.ID, GroupTeam: true, Adopt: m.adopt[g.ID],
			TeamName: name, Chosen: chosen, KeepName: m.rule.OnRename == store.RenameKeepTeam,
			TeamRole: m.rule.TeamRole, OrgRole: m.rule.OrgRole, Rule: "automatic mode",
		})
	}
	return out, nil
}

// NeedsExternalID implements [ExternalIDMapper].
func (m *AutoMapper) NeedsExternalID() bool { return m.rule.FilterExternalID }

// decision is what the owner decided for a group.
func (m *AutoMapper) decision(groupID string) string {
	_, renamed := m.names[groupID]
	switch {
	case m.skip[groupID]:
		return "skip"
	case m.adopt[groupID] && renamed:
		return "adopt, rename"
	case m.adopt[groupID]:
		return "adopt"
	case renamed:
		return "rename"
	}
	return ""
}

// noMapper is the mode "none".
var noMapper = NewManualMapper(nil)

// mapGroups calls a mapper and holds it to its contract.
func mapGroups(ctx context.Context, m GroupMapper, tenantID string, groups []Group) (gives []Give, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	defer func() {
		if r := recover(); r != nil {
			gives, err = nil, &hostError{op: opMap, err: fmt.Errorf("panic: %v", r)}
		}
	}()
	gives, err = m.MapGroups(ctx, tenantID, groups)
	if err != nil {
		return nil, &hostError{op: opMap, err: err}
	}
	if again, ok := m.(*guardedMapper); ok {
		if err := again.same(ctx, tenantID, groups, gives); err != nil {
			return nil, &hostError{op: opMap, err: err}
		}
	}
	for _, g := range gives {
		if !hasGroup(groups, g.GroupID) {
			return nil, &hostError{op: opMap, err: fmt.Errorf("expected gives of the groups asked about, got one of group %q", g.GroupID)}
		}
	}
	return gives, nil
}

func hasGroup(groups []Group, id string) bool {
	for _, g := range groups {
		if g.ID == id {
			return true
		}
	}
	return false
}

func set(ids []string) map[string]bool {
	m := make(map[string]bool, len(ids))
	for _, id := range ids {
		m[id] = true
	}
	return m
}

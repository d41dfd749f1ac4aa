package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// maxRecreated bounds for how many deleted groups a plan looks for one in their place.
const maxRecreated = 200

// Relink returns settings in which newGroupID stands wherever oldGroupID did, in rows and
// in decisions of automatic mode, and how many places that were. It is what an owner does
// about [FindingGroupRecreated]: preview and apply what it returns (R83). s is not
// changed. A row or decision that the new group has already is not made twice.
func Relink(s store.ProvisioningSettings, oldGroupID, newGroupID string) (relinked store.ProvisioningSettings, places int) {
	if oldGroupID == "" || newGroupID == "" || oldGroupID == newGroupID {
		return s, 0
	}
	seen := map[store.MappingRow]bool{}
	for _, r := range s.Rows {
		seen[r] = true
	}
	rows := make([]store.MappingRow, 0, len(s.Rows))
	for _, r := range s.Rows {
		if r.GroupID == oldGroupID {
			places++
			r.GroupID = newGroupID
			if seen[r] {
				continue
			}
			seen[r] = true
		}
		rows = append(rows, r)
	}
	s.Rows = rows
	relink := func(ids []string) []string {
		out := make([]string, 0, len(ids))
		for _, id := range ids {
			if id == oldGroupID {
				places++
				if id = newGroupID; slices.Contains(ids, id) {
					continue
				}
			}
			out = append(out, id)
		}
		return out
	}
	s.Auto.Adopt, s.Auto.Skip = relink(s.Auto.Adopt), relink(s.Auto.Skip)
	named := slices.ContainsFunc(s.Auto.Names, func(n store.GroupTeamName) bool { return n.GroupID == newGroupID })
	names := make([]store.GroupTeamName, 0, len(s.Auto.Names))
	for _, n := range s.Auto.Names {
		if n.GroupID == oldGroupID {
			places++
			if n.GroupID = newGroupID; named {
				continue
			}
		}
		names = append(names, n)
	}
	s.Auto.Names = names
	return s, places
}

// loadRecreated looks for groups in place of deleted ones: those that rows name, and
// those whose team a new group would like to have. Only a plan of everybody needs them.
func (l *loader) loadRecreated(ctx context.Context, c *concern) error {
	if !c.everybody {
		return nil
	}
	l.s.again, l.s.former = map[string]string{}, map[string]string{}
	if l.settings.Mode == store.ModeManual && l.e.cfg.Mapper == nil {
		return l.loadRecreatedRows(ctx)
	}
	return l.loadFormer(ctx)
}

func (l *loader) loadRecreatedRows(ctx context.Context) error {
	gone := map[string]bool{}
	for _, r := range l.settings.Rows {
		if !l.s.groups[r.GroupID].exists && len(gone) < maxRecreated {
			gone[r.GroupID] = true
		}
	}
	if len(gone) == 0 {
		return nil
	}
	byName, byExternal := map[string][]string{}, map[string][]string{}
	for id, g := range l.s.groups {
		if !g.exists {
			continue
		}
		byName[foldName(g.name)] = append(byName[foldName(g.name)], id)
		if g.externalID != "" {
			byExternal[g.externalID] = append(byExternal[g.externalID], id)
		}
	}
	for id := range gone {
		name, external, err := l.deletedGroup(ctx, id)
		if err != nil {
			return err
		}
		// Of several groups of one name none is proposed.
		if ids := byExternal[external]; external != "" && len(ids) == 1 {
			l.s.again[id] = ids[0]
		} else if ids := byName[foldName(name)]; name != "" && len(ids) == 1 {
			l.s.again[id] = ids[0]
		}
		if g := l.s.groups[id]; g.name == "" && name != "" {
			g.name = name
			l.s.groups[id] = g
		}
	}
	return nil
}

// deletedGroup finds in the journal what a deleted group was; empty if it does not tell.
func (l *loader) deletedGroup(ctx context.Context, id string) (name, externalID string, err error) {
	last, err := l.tx.Events(ctx, l.tenantID, store.EventQuery{SubjectKind: subjectGroup, SubjectID: id, Newest: true, Limit: 1})
	if err != nil || len(last) == 0 || !strings.HasSuffix(last[0].Type, ".deleted") {
		return "", "", err
	}
	var before struct {
		DisplayName string `json:"displayName"`
		ExternalID  string `json:"externalId"`
	}
	// A body of another form tells less.
	_ = json.Unmarshal(last[0].Before, &before)
	if before.DisplayName == "" {
		before.DisplayName = last[0].Subject.Name
	}
	return before.DisplayName, before.ExternalID, nil
}

// loadFormer finds for teams whose name a group would like to have, and that no group
// has, whether a deleted group had them last.
func (l *loader) loadFormer(ctx context.Context) error {
	names, owned := map[string]string{}, map[string]bool{}
	for _, g := range l.s.groups {
		if g.team != nil {
			owned[g.team.ResourceID] = true
		}
	}
	for _, t := range l.s.teams {
		if k := foldName(t.Name); names[k] == "" || t.ID < names[k] {
			names[k] = t.ID
		}
	}
	asked := 0
	for _, id := range l.s.looked {
		g := l.s.groups[id]
		give, wants := groupTeamGive(g.own)
		if !wants || !g.exists || g.team != nil || asked == maxRecreated {
			continue
		}
		team := names[foldName(l.s.nameOf(g, give))]
		if team == "" || owned[team] {
			continue
		}
		asked++
		last, err := l.tx.Events(ctx, l.tenantID, store.EventQuery{SubjectKind: subjectTeam, SubjectID: team, TypePrefix: eventPrefix + "team.", Newest: true, Limit: 1})
		if err != nil {
			return err
		}
		if len(last) == 0 {
			continue
		}
		var line Line
		if json.Unmarshal(last[0].After, &line) != nil || !line.Kind.releases() || line.GroupID == "" || line.GroupID == id {
			continue
		}
		if _, err := l.tx.SCIMGroup(ctx, l.tenantID, line.GroupID); errors.Is(err, store.ErrNotFound) {
			l.s.former[team] = line.GroupID
		} else if err != nil {
			return err
		}
	}
	return nil
}

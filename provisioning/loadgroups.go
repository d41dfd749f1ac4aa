package provisioning

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// loadGroups finds the groups that people are in, those concerned, and the names of
// those that gave something.
func (l *loader) loadGroups(ctx context.Context, c *concern) error {
	ids := map[string]bool{}
	if c.everybody {
		for g, err := range pages(func(after string) (store.Page[store.SCIMGroup], error) {
			return l.tx.SCIMGroups(ctx, l.tenantID, store.Query{After: after, WithoutBody: true})
		}) {
			if err != nil {
				return err
			}
			l.s.groups[g.ID] = groupState{name: g.DisplayName, externalID: g.ExternalID, exists: true}
			ids[g.ID] = true
		}
	}
	for id := range c.groups {
		ids[id] = true
	}
	if err := l.loadMemberships(ctx, ids); err != nil {
		return err
	}
	for _, p := range l.s.people {
		for _, g := range p.grants {
			if _, known := l.s.groups[g.GroupID]; !known && !ids[g.GroupID] && g.GroupID != store.GrantedByDefault {
				if err := l.loadGroup(ctx, g.GroupID); err != nil {
					return err
				}
			}
		}
	}
	if err := l.loadTeamGrants(ctx, c, ids); err != nil {
		return err
	}
	for _, id := range sortedKeys(ids) {
		if _, known := l.s.groups[id]; !known || !l.s.groups[id].exists {
			if err := l.loadGroup(ctx, id); err != nil {
				return err
			}
		}
	}
	l.s.looked = sortedKeys(ids)
	return nil
}

func (l *loader) loadGroup(ctx context.Context, id string) error {
	state := l.s.groups[id]
	if _, v, ok := valueIn(id); ok {
		l.s.groups[id] = groupState{name: v, exists: true, value: true}
		return nil
	}
	g, err := l.tx.SCIMGroup(ctx, l.tenantID, id)
	if err == nil {
		state.name, state.externalID, state.exists = g.DisplayName, g.ExternalID, true
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	l.s.groups[id] = state
	return nil
}

// group is the group as the mapper sees it.
func (l *loader) group(id string, g groupState) Group {
	out := g.group(id)
	if !l.external {
		out.ExternalID = "" // whether it was read or not
	}
	return out
}

// loadMemberships reads the groups of the active people into their gives, still
// without the mapper's answer.
func (l *loader) loadMemberships(ctx context.Context, ids map[string]bool) error {
	var users []string
	index := map[string]int{}
	for i, p := range l.s.people {
		if p.user != nil {
			users = append(users, p.scimUserID)
			index[p.scimUserID] = i
		}
	}
	for chunk := range slices.Chunk(users, store.MaxLimit) {
		of, err := l.tx.SCIMGroupsOf(ctx, l.tenantID, chunk...)
		if err != nil {
			return err
		}
		for user, refs := range of {
			p := &l.s.people[index[user]]
			for _, ref := range refs {
				ids[ref.ID] = true
				if _, known := l.s.groups[ref.ID]; !known {
					l.s.groups[ref.ID] = groupState{name: ref.DisplayName, exists: true}
					if l.external {
						if err := l.loadGroup(ctx, ref.ID); err != nil {
							return err
						}
					}
				}
				p.groups = append(p.groups, l.shared.text(ref.ID))
			}
		}
	}
	return nil
}

// loadTeamGrants finds the groups' own teams.
func (l *loader) loadTeamGrants(ctx context.Context, c *concern, ids map[string]bool) error {
	put := func(g store.Grant) {
		state := l.s.groups[g.GroupID]
		state.team = &g
		l.s.groups[g.GroupID] = state
		ids[g.GroupID] = true
	}
	if c.everybody || c.inOneRead || len(ids) > bulkFrom {
		all, err := l.tx.Grants(ctx, l.tenantID, "")
		if err != nil {
			return err
		}
		for _, g := range all {
			if c.everybody || ids[g.GroupID] {
				put(g)
			}
		}
		return nil
	}
	for _, id := range sortedKeys(ids) {
		// The lines of a group's team have no account and so come first.
		first, err := l.tx.GrantsOfGroup(ctx, l.tenantID, id, store.GrantKey{}, 1)
		if err != nil {
			return err
		}
		if len(first) == 1 && first[0].Kind == store.GrantTeam {
			put(first[0])
		}
	}
	return nil
}

// loadTeams reads the teams that rules and ledger name, and all of them where a name
// must not be taken.
func (l *loader) loadTeams(ctx context.Context, c *concern) error {
	ids := map[string]bool{}
	for _, p := range l.s.people {
		for _, g := range p.grants {
			if g.Kind == store.GrantMembership {
				ids[g.ResourceID] = true
			}
		}
		for _, g := range p.gives {
			ids[g.TeamID] = true
		}
		if c.inOneRead && p.host != nil { // an explanation names teams by hand, too
			for _, m := range p.host.Teams {
				ids[m.TeamID] = true
			}
		}
	}
	for _, g := range l.s.groups {
		if g.team != nil {
			ids[g.team.ResourceID] = true
		}
		for _, give := range g.own {
			ids[give.TeamID] = true
		}
	}
	delete(ids, "")
	if c.everybody {
		return l.readTeams(ctx, nil)
	}
	for chunk := range slices.Chunk(sortedKeys(ids), store.MaxLimit) {
		if err := l.readTeams(ctx, chunk); err != nil {
			return err
		}
	}
	if !l.namesTeam() {
		return nil
	}
	if err := l.readTeams(ctx, nil); err != nil {
		return err
	}
	// Which of these teams belong to groups decides about conflicts.
	grants, err := l.tx.Grants(ctx, l.tenantID, "")
	for _, g := range grants {
		if state, known := l.s.groups[g.GroupID]; !known || state.team == nil {
			state.team = &g
			if state.name == "" {
				state.name = l.s.teams[g.ResourceID].Name
			}
			l.s.groups[g.GroupID] = state
		}
	}
	return err
}

// namesTeam says whether a team will be made or renamed.
func (l *loader) namesTeam() bool {
	for _, id := range l.s.looked {
		g := l.s.groups[id]
		give, wants := groupTeamGive(g.own)
		if !wants || !g.exists {
			continue
		}
		if g.team == nil {
			return true
		}
		if t, exists := l.s.teams[g.team.ResourceID]; !exists || !g.keepsName(give, t, l.s.nameOf(g, give)) {
			return true
		}
	}
	return false
}

func (l *loader) readTeams(ctx context.Context, ids []string) error {
	teams, err := l.e.target.Teams(ctx, l.tx, l.tenantID, ids)
	if err != nil {
		return hostErr("read teams", err)
	}
	for _, t := range teams {
		l.s.teams[t.ID] = t
	}
	return nil
}

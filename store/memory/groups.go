package memory

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// isMember says whether the group has the direct member.
func (t *tenant) isMember(groupID, memberID string) bool {
	members := t.members[groupID]
	if members == nil {
		return false
	}
	_, ok := members.get(memberID)
	return ok
}

// groupHas answers conditions on the members of a group.
func (t *tenant) groupHas(g store.SCIMGroup, c store.Compare) (has, known bool) {
	if c.Attr != store.AttrMember {
		return false, false
	}
	if c.Op == store.Eq {
		return t.isMember(g.ID, c.Value), true
	}
	var members []string
	if rows := t.members[g.ID]; rows != nil {
		members = slices.Collect(rows.keys.after("", 0))
	}
	return store.Matches(c, func(store.Attr) []string { return members }), true
}

// groupsRelated narrows a condition on members to the groups of the member.
func (t *tenant) groupsRelated(c store.Compare) (iter.Seq[string], bool) {
	if c.Attr != store.AttrMember {
		return nil, false
	}
	return t.memberOf.ids(c.Value), true
}

// lastTime is when a change that its caller gave no time for happened: when its
// events did.
func lastTime(events []store.Event, otherwise time.Time) time.Time {
	if len(events) == 0 {
		return otherwise
	}
	return store.Time(events[len(events)-1].At)
}

// SCIMGroup implements [store.SCIMGroupStore].
func (s *Store) SCIMGroup(ctx context.Context, tenantID, id string) (g store.SCIMGroup, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		stored, ok := t.groups.get(id)
		if !ok {
			return notFound("group", id)
		}
		g = cloneGroup(stored)
		return nil
	})
	return g, err
}

// SCIMGroups implements [store.SCIMGroupStore].
func (s *Store) SCIMGroups(ctx context.Context, tenantID string, q store.Query) (page store.Page[store.SCIMGroup], err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		page = t.groups.list(q, t.groupsRelated, t.groupHas, cloneGroup)
		return nil
	})
	return page, err
}

// CreateSCIMGroup implements [store.SCIMGroupStore].
func (s *Store) CreateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, members []store.Member, events ...store.Event) (store.SCIMGroup, error) {
	g = keepGroup(g)
	g.TenantID, g.Version, g.MembersVersion, g.MembersUpdatedAt = tenantID, 1, 0, time.Time{}
	g.CreatedAt, g.UpdatedAt = store.Time(g.CreatedAt), store.Time(g.UpdatedAt)
	err := s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		if _, taken := t.groups.get(g.ID); taken {
			return conflict("group ID", g.ID)
		}
		if err := t.groups.refuseMet(g.ID, g.Keys); err != nil {
			return err
		}
		t.groups.put(log, g.ID, g)
		t.groups.addIndex(log, g.ID, g, g.Keys)
		change := t.changeMembers(log, g.ID, store.MemberDelta{Add: members})
		t.appendEvents(log, withMembers(events, change))
		if !change.Empty() {
			g = t.touchMembers(log, g.ID, g.CreatedAt)
		}
		return nil
	})
	if err != nil {
		return store.SCIMGroup{}, err
	}
	return cloneGroup(g), nil
}

// UpdateSCIMGroup implements [store.SCIMGroupStore].
func (s *Store) UpdateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, events ...store.Event) (store.SCIMGroup, error) {
	g = keepGroup(g)
	err := s.write(ctx, tenantID, events, func(t *tenant, log *undoLog) error {
		old, ok := t.groups.get(g.ID)
		switch {
		case !ok:
			return notFound("group", g.ID)
		case old.Version != g.Version:
			return stale("group", g.ID, old.Version, g.Version)
		}
		if err := t.groups.refuseMet(g.ID, g.Keys); err != nil {
			return err
		}
		g.TenantID, g.Version = tenantID, old.Version+1
		g.CreatedAt, g.UpdatedAt = old.CreatedAt, store.Time(g.UpdatedAt)
		g.MembersVersion, g.MembersUpdatedAt = old.MembersVersion, old.MembersUpdatedAt
		t.groups.removeIndex(log, old.ID, old, old.Keys)
		t.groups.put(log, g.ID, g)
		t.groups.addIndex(log, g.ID, g, g.Keys)
		return nil
	})
	if err != nil {
		return store.SCIMGroup{}, err
	}
	return cloneGroup(g), nil
}

// DeleteSCIMGroup implements [store.SCIMGroupStore].
func (s *Store) DeleteSCIMGroup(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return s.write(ctx, tenantID, events, func(t *tenant, log *undoLog) error {
		old, ok := t.groups.get(id)
		switch {
		case !ok:
			return notFound("group", id)
		case version != 0 && old.Version != version:
			return stale("group", id, old.Version, version)
		}
		t.changeMembers(log, id, store.MemberDelta{Replace: true})
		members := t.members[id]
		delete(t.members, id)
		log.add(func() { t.members[id] = members })
		t.groups.removeIndex(log, id, old, old.Keys)
		t.groups.remove(log, id)
		t.leaveAll(log, id, lastTime(events, old.UpdatedAt))
		return nil
	})
}

// ChangeSCIMMembers implements [store.SCIMGroupStore].
func (s *Store) ChangeSCIMMembers(ctx context.Context, tenantID, groupID string, d store.MemberDelta, at time.Time, ifVersion *store.GroupVersion, events ...store.Event) (change store.MemberChange, err error) {
	err = s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		g, ok := t.groups.get(groupID)
		switch {
		case !ok:
			return notFound("group", groupID)
		case ifVersion != nil && g.Version != ifVersion.Version:
			return stale("group", groupID, g.Version, ifVersion.Version)
		case ifVersion != nil && g.MembersVersion != ifVersion.MembersVersion:
			return stale("members of group", groupID, g.MembersVersion, ifVersion.MembersVersion)
		}
		change = t.changeMembers(log, groupID, d)
		if change.Empty() {
			return nil
		}
		t.touchMembers(log, groupID, store.Time(at))
		t.appendEvents(log, withMembers(events, change))
		return nil
	})
	if err != nil {
		return store.MemberChange{}, err
	}
	return change, nil
}

// SCIMMembers implements [store.SCIMGroupStore].
func (s *Store) SCIMMembers(ctx context.Context, tenantID, groupID, after string, limit int) (out []store.Member, err error) {
	limit = store.Query{Limit: limit}.ClampLimit()
	err = s.read(ctx, tenantID, func(t *tenant) error {
		if _, ok := t.groups.get(groupID); !ok {
			return notFound("group", groupID)
		}
		members := t.members[groupID]
		if members == nil {
			return nil
		}
		for _, m := range members.after(after, 0) {
			if len(out) == limit {
				break
			}
			out = append(out, m)
		}
		return nil
	})
	return out, err
}

// SCIMGroupsOf implements [store.SCIMGroupStore].
func (s *Store) SCIMGroupsOf(ctx context.Context, tenantID string, memberIDs ...string) (map[string][]store.GroupRef, error) {
	out := map[string][]store.GroupRef{}
	err := s.read(ctx, tenantID, func(t *tenant) error {
		for _, id := range memberIDs {
			if _, some := t.memberOf[id]; !some || out[id] != nil {
				continue
			}
			for groupID := range t.memberOf.ids(id) {
				g, _ := t.groups.get(groupID)
				out[id] = append(out[id], store.GroupRef{ID: g.ID, DisplayName: g.DisplayName})
			}
		}
		return nil
	})
	return out, err
}

// changeMembers applies a delta to the rows and says what it changed.
func (t *tenant) changeMembers(log *undoLog, groupID string, d store.MemberDelta) store.MemberChange {
	var change store.MemberChange
	members := t.members[groupID]
	if members == nil {
		members = newTable[store.Member]()
		t.members[groupID] = members
	}
	remove := d.Remove
	if d.Replace {
		keep := make(map[string]bool, len(d.Add))
		for _, m := range d.Add {
			keep[m.ID] = true
		}
		remove = nil
		for id := range members.keys.after("", 0) {
			if !keep[id] {
				remove = append(remove, id)
			}
		}
	}
	for _, id := range remove {
		if _, ok := members.get(id); ok {
			members.remove(log, id)
			t.memberOf.remove(log, id, groupID)
			change.Removed = append(change.Removed, id)
		}
	}
	for _, m := range d.Add {
		if _, ok := members.get(m.ID); !ok {
			m.ID = strings.Clone(m.ID) // no part of a request, which would stay in memory with it
			members.put(log, m.ID, m)
			t.memberOf.add(log, m.ID, groupID)
			change.Added = append(change.Added, m.ID)
		}
	}
	return change
}

// touchMembers moves the version of a group's members.
func (t *tenant) touchMembers(log *undoLog, groupID string, at time.Time) store.SCIMGroup {
	g, _ := t.groups.get(groupID)
	g.MembersVersion++
	g.MembersUpdatedAt = at
	t.groups.put(log, groupID, g)
	return g
}

// leaveAll ends the memberships of a user or group that is gone.
func (t *tenant) leaveAll(log *undoLog, memberID string, at time.Time) {
	for _, groupID := range slices.Collect(t.memberOf.ids(memberID)) {
		t.changeMembers(log, groupID, store.MemberDelta{Remove: []string{memberID}})
		t.touchMembers(log, groupID, at)
	}
}

// withMembers returns the events with the change in the last of them.
func withMembers(events []store.Event, change store.MemberChange) []store.Event {
	if len(events) == 0 || change.Empty() {
		return events
	}
	events = slices.Clone(events)
	events[len(events)-1].Members = &store.MemberChange{
		Added: slices.Clone(change.Added), Removed: slices.Clone(change.Removed),
	}
	return events
}

package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

var groups = kind[store.SCIMGroup]{
	name: "SCIM group",
	fresh: func(p *probe) store.SCIMGroup {
		g := filled[store.SCIMGroup](p)
		g.Meta, g.Body = p.meta(), p.body()
		return g
	},
	bare: func(p *probe) store.SCIMGroup {
		return store.SCIMGroup{Meta: store.Meta{ID: p.newID()}, Body: []byte("{}")}
	},
	meta:   func(g *store.SCIMGroup) *store.Meta { return &g.Meta },
	expect: func(g *store.SCIMGroup) { g.MembersVersion, g.MembersUpdatedAt = 0, time.Time{} },
	get: func(st store.Store, ctx context.Context, tenantID string, g store.SCIMGroup) (store.SCIMGroup, error) {
		return st.SCIMGroup(ctx, tenantID, g.ID)
	},
	list: func(st store.Store, ctx context.Context, tenantID string) ([]store.SCIMGroup, error) {
		return walk(ctx, st.SCIMGroups, tenantID, store.Query{})
	},
	create: func(st store.Store, ctx context.Context, tenantID string, g store.SCIMGroup, events ...store.Event) (store.SCIMGroup, error) {
		return st.CreateSCIMGroup(ctx, tenantID, g, nil, events...)
	},
	update: store.Store.UpdateSCIMGroup,
	remove: store.Store.DeleteSCIMGroup,
	page:   store.Store.SCIMGroups,
	keys:   func(g *store.SCIMGroup) *[]store.Key { return &g.Keys },
}

func groupChecks() []check {
	return []check{
		{name: "displayName", rule: "the displayName and externalId of groups need not be unique", run: checkGroupNames},
		{name: "create members", rule: "a group is created with its first members, and the last of its events then has Members set", run: checkGroupCreateMembers},
		{name: "update members", rule: "an update of a group leaves its members, MembersVersion and MembersUpdatedAt as they are", run: checkGroupUpdateMembers},
		{name: "delete members", rule: "deleting a group removes its memberships and its own membership in other groups", run: checkGroupDelete},
		{name: "many members", rule: "a group is created with any number of members", run: checkGroupCreateMany},
	}
}

// group creates a group with members.
func (p *probe) group(displayName string, members ...store.Member) store.SCIMGroup {
	p.Helper()
	g := groups.fresh(p)
	g.DisplayName = displayName
	g, err := p.st.CreateSCIMGroup(p.ctx, p.tenant, g, members)
	p.ok(err, "create a group with %d members", len(members))
	return g
}

func member(id string) store.Member { return store.Member{ID: id, Kind: store.MemberUser} }

// membersOf reads all members by small pages.
func (p *probe) membersOf(groupID string) []store.Member {
	p.Helper()
	var all []store.Member
	after := ""
	for {
		page, err := p.st.SCIMMembers(p.ctx, p.tenant, groupID, after, store.MaxLimit)
		p.ok(err, "list members of group %s", groupID)
		all = append(all, page...)
		if len(page) < store.MaxLimit {
			return all
		}
		after = page[len(page)-1].ID
	}
}

func checkGroupNames(p *probe) {
	first := groups.add(p, p.tenant, groups.fresh(p))
	second := groups.fresh(p)
	second.DisplayName, second.ExternalID = first.DisplayName, first.ExternalID
	second = groups.add(p, p.tenant, second)
	p.same(groups.all(p, p.tenant), []store.SCIMGroup{first, second}, "create two groups of one name and externalId, then list")
}

func checkGroupCreateMembers(p *probe) {
	members := []store.Member{{ID: "b", Kind: store.MemberUser}, {ID: "a", Kind: store.MemberGroup}, {ID: "c", Kind: store.MemberUnknown}}
	first, last := p.event("first"), p.event("last")
	g := groups.fresh(p)
	g, err := p.st.CreateSCIMGroup(p.ctx, p.tenant, g, members, first, last)
	p.ok(err, "create a group with members")
	p.same(groups.read(p, p.tenant, g), g, "create a group with members, then read it")
	p.same(p.membersOf(g.ID), []store.Member{members[1], members[0], members[2]}, "create a group with members, then list them")

	events := p.events(p.tenant)
	p.that(len(events) == 2, "2 events", fmt.Sprint(len(events)), "create a group with members and 2 events")
	p.that(events[0].Members == nil, "no Members in the first event", "Members", "create a group with members and 2 events")
	p.changed(events[1].Members, []string{"a", "b", "c"}, nil, "create a group with members, and look at the last event")

	groups.add(p, p.tenant, groups.fresh(p), p.event("no members"))
	events = p.events(p.tenant)
	p.that(events[2].Members == nil, "no Members", "Members", "create a group without members, and look at its event")
}

func checkGroupUpdateMembers(p *probe) {
	g := p.group("before", member("a"), member("b"))
	next := g
	next.DisplayName, next.MembersVersion, next.MembersUpdatedAt = "after", 77, p.tick()
	got := groups.change(p, p.tenant, next)
	p.same(got.MembersVersion, g.MembersVersion, "update a group, and look at its MembersVersion")
	p.same(got.MembersUpdatedAt, g.MembersUpdatedAt, "update a group, and look at its MembersUpdatedAt")
	p.same(groups.read(p, p.tenant, g), got, "update a group with members, then read it")
	p.same(p.membersOf(g.ID), []store.Member{member("a"), member("b")}, "update a group, then list its members")
}

func checkGroupDelete(p *probe) {
	child := p.group("child", member("u"))
	asMember := store.Member{ID: child.ID, Kind: store.MemberGroup}
	parent := p.group("parent", asMember, member("u"))
	p.is(p.st.DeleteSCIMGroup(p.ctx, p.tenant, child.ID, child.Version+1), store.ErrStale, "delete another version of a group")
	p.same(p.membersOf(child.ID), []store.Member{member("u")}, "fail to delete a group, then list its members")

	p.ok(p.st.DeleteSCIMGroup(p.ctx, p.tenant, child.ID, child.Version), "delete a group that is in a group")
	p.same(p.membersOf(parent.ID), []store.Member{member("u")}, "delete a group, then list the members of the group that it was in")
	got := groups.read(p, p.tenant, parent)
	p.that(got.MembersVersion > parent.MembersVersion, "a greater MembersVersion", fmt.Sprint(got.MembersVersion), "delete a group, then read the group that it was in")
	_, err := p.st.SCIMMembers(p.ctx, p.tenant, child.ID, "", 10)
	p.is(err, store.ErrNotFound, "list members of a deleted group")
	_, err = p.st.ChangeSCIMMembers(p.ctx, p.tenant, child.ID, store.MemberDelta{Add: []store.Member{member("x")}}, p.tick(), nil)
	p.is(err, store.ErrNotFound, "change members of a deleted group")
	p.groupsOf(map[string][]string{"u": {parent.ID}}, "u", child.ID)

	again := groups.fresh(p)
	again.ID = child.ID
	if _, err := p.st.CreateSCIMGroup(p.ctx, p.tenant, again, nil); err == nil {
		p.same(p.membersOf(child.ID), []store.Member(nil), "delete a group, create one of the same ID, then list its members")
	}
}

func checkGroupCreateMany(p *probe) {
	g := p.group("many", manyMembers(manyRows)...)
	p.same(len(p.membersOf(g.ID)), manyRows, "create a group with %d members, then list them", manyRows)
}

// manyRows is more than one SQL statement of SQLite or PostgreSQL can take as
// parameters when each row takes seven.
const manyRows = 10_000

func manyMembers(n int) []store.Member {
	members := make([]store.Member, n)
	for i := range members {
		members[i] = member(fmt.Sprintf("m%06d", i))
	}
	return members
}

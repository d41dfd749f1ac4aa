package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func memberChecks() []check {
	return []check{
		{name: "delta", rule: "a delta adds and removes the members named, says what it really changed, and passes over what is so already", run: checkDelta},
		{name: "kinds", rule: "a member keeps the Kind that it was added with; adding it again changes nothing", run: checkMemberKind},
		{name: "replace", rule: "Replace makes Add the whole set, changes only the difference, and ignores Remove", run: checkReplace},
		{name: "no change", rule: "a delta that changes nothing moves no version and stores no event", run: checkNoChange},
		{name: "versions", rule: "a change of members moves MembersVersion and MembersUpdatedAt, and neither Version nor UpdatedAt", run: checkMembersVersion},
		{name: "event", rule: "the last event of a change of members is stored with its Members set to what changed", run: checkMemberEvent},
		{name: "if version", rule: "a delta with ifVersion answers ErrStale and changes nothing when the group has another Version or MembersVersion", run: checkIfVersion},
		{name: "missing group", rule: "members of a group that the tenant does not have answer ErrNotFound", run: checkMembersMissing},
		{name: "at once", rule: "concurrent deltas all take effect", run: checkDeltasAtOnce},
		{name: "same at once", rule: "of several concurrent deltas that add or remove one member exactly one reports the change", run: checkSameDeltaAtOnce},
		{name: "if version at once", rule: "of several concurrent deltas with one ifVersion exactly one succeeds, all others answer ErrStale", run: checkIfVersionAtOnce},
		{name: "replace at once", rule: "concurrent Replaces leave the set of one of them, and their changes add up to it", run: checkReplaceAtOnce},
		{name: "pages", rule: "members are listed in ascending byte order of their ID from the first after the given one, at most limit and MaxLimit of them", run: checkMemberPages},
		{name: "many", rule: "a delta may name any number of members", run: checkManyMembers},
		{name: "groups of", rule: "SCIMGroupsOf returns the groups of which each ID is a direct member in ascending order of their IDs, with their current names; IDs without groups are absent", run: checkGroupsOf},
		{name: "groups of many", rule: "SCIMGroupsOf takes up to MaxLimit IDs", run: checkGroupsOfMany},
		{name: "user changes", rule: "an update of a user leaves the user's memberships as they are; a membership of somebody unknown counts when the user arrives", run: checkMemberArrives},
	}
}

// delta changes members.
func (p *probe) delta(groupID string, d store.MemberDelta, events ...store.Event) store.MemberChange {
	p.Helper()
	change, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, groupID, d, p.tick(), nil, events...)
	p.ok(err, "change members: add %v, remove %v, replace %t", d.Add, d.Remove, d.Replace)
	return change
}

// changed wants a change to be of exactly these members, in any order.
func (p *probe) changed(got *store.MemberChange, added, removed []string, did string, args ...any) {
	p.Helper()
	p.that(got != nil, "a change of members", "none", did, args...)
	p.same(slices.Sorted(slices.Values(got.Added)), added, did+" (added)", args...)
	p.same(slices.Sorted(slices.Values(got.Removed)), removed, did+" (removed)", args...)
}

// groupsOf wants each ID to be in exactly these groups.
func (p *probe) groupsOf(want map[string][]string, ids ...string) {
	p.Helper()
	refs, err := p.st.SCIMGroupsOf(p.ctx, p.tenant, ids...)
	p.ok(err, "ask for the groups of %q", ids)
	got := map[string][]string{}
	for id, list := range refs {
		for _, g := range list {
			got[id] = append(got[id], g.ID)
		}
	}
	p.same(got, want, "ask for the groups of %q", ids)
}

func membersNamed(ids ...string) []store.Member {
	var out []store.Member
	for _, id := range ids {
		out = append(out, member(id))
	}
	return out
}

func checkDelta(p *probe) {
	g := p.group("g", membersNamed("a", "b", "c")...)
	other := p.group("other", membersNamed("a")...)
	change := p.delta(g.ID, store.MemberDelta{Add: membersNamed("d", "a"), Remove: []string{"c", "nobody"}})
	p.changed(&change, []string{"d"}, []string{"c"}, "add a new and a present member, remove a present one and nobody")
	p.same(p.membersOf(g.ID), membersNamed("a", "b", "d"), "change members, then list them")
	p.same(p.membersOf(other.ID), membersNamed("a"), "change members, then list those of another group")
	change = p.delta(g.ID, store.MemberDelta{Remove: []string{"a", "b", "d"}})
	p.changed(&change, nil, []string{"a", "b", "d"}, "remove all members")
	p.same(len(p.membersOf(g.ID)), 0, "remove all members, then list them")
}

func checkMemberKind(p *probe) {
	kinds := []store.Member{{ID: "a", Kind: store.MemberUser}, {ID: "b", Kind: store.MemberGroup}, {ID: "c", Kind: store.MemberUnknown}}
	g := p.group("g")
	p.delta(g.ID, store.MemberDelta{Add: kinds})
	p.same(p.membersOf(g.ID), kinds, "add members of each kind, then list them")
	change := p.delta(g.ID, store.MemberDelta{Add: []store.Member{{ID: "a", Kind: store.MemberGroup}}})
	p.changed(&change, nil, nil, "add a member again with another kind")
	p.same(p.membersOf(g.ID), kinds, "add a member again with another kind, then list")
}

func checkReplace(p *probe) {
	g := p.group("g", membersNamed("a", "b", "c")...)
	change := p.delta(g.ID, store.MemberDelta{Replace: true, Add: membersNamed("b", "x", "y"), Remove: []string{"x", "b"}})
	p.changed(&change, []string{"x", "y"}, []string{"a", "c"}, "replace a, b, c by b, x, y")
	p.same(p.membersOf(g.ID), membersNamed("b", "x", "y"), "replace members, then list them")
	change = p.delta(g.ID, store.MemberDelta{Replace: true})
	p.changed(&change, nil, []string{"b", "x", "y"}, "replace b, x, y by nobody")
	p.same(len(p.membersOf(g.ID)), 0, "replace all members by nobody, then list them")
}

func checkNoChange(p *probe) {
	g := p.group("g", membersNamed("a", "b")...)
	for _, d := range []store.MemberDelta{
		{},
		{Add: membersNamed("a", "b")},
		{Remove: []string{"x", "y"}},
		{Add: membersNamed("b", "a"), Replace: true},
	} {
		v := g.GroupVersion()
		for _, ifVersion := range []*store.GroupVersion{nil, &v} {
			change, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, d, p.tick(), ifVersion, p.event("nothing"))
			p.ok(err, "apply the delta %+v to a, b", d)
			p.that(change.Empty(), "an empty change", fmt.Sprintf("%+v", change), "apply the delta %+v to a, b", d)
			p.same(groups.read(p, p.tenant, g), g, "apply the delta %+v to a, b, then read the group", d)
			p.same(len(p.events(p.tenant)), 0, "apply the delta %+v to a, b, then count the events", d)
		}
	}
}

func checkMembersVersion(p *probe) {
	g := p.group("g")
	for _, d := range []store.MemberDelta{
		{Add: membersNamed("a")},
		{Add: membersNamed("b"), Remove: []string{"a"}},
		{Remove: []string{"b"}},
		{Add: membersNamed("c"), Replace: true},
	} {
		at := p.tick()
		_, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, d, at.Add(345*time.Nanosecond), nil)
		p.ok(err, "apply the delta %+v", d)
		got := groups.read(p, p.tenant, g)
		p.that(got.MembersVersion > g.MembersVersion, fmt.Sprintf("a MembersVersion greater than %d", g.MembersVersion), fmt.Sprint(got.MembersVersion), "apply the delta %+v", d)
		want := g
		want.MembersVersion, want.MembersUpdatedAt = got.MembersVersion, at
		p.same(got, want, "apply the delta %+v, then read the group", d)
		g = got
	}
	groups.change(p, p.tenant, g)
}

func checkMemberEvent(p *probe) {
	g := p.group("g", membersNamed("a", "b")...)
	p.delta(g.ID, store.MemberDelta{Add: membersNamed("b", "c"), Remove: []string{"a", "x"}}, p.event("first"), p.event("last"))
	p.delta(g.ID, store.MemberDelta{Add: membersNamed("z"), Replace: true}, p.event("replaced"))
	p.delta(g.ID, store.MemberDelta{Remove: []string{"z"}})
	events := p.events(p.tenant)
	p.same(typesOf(events), []string{"first", "last", "replaced"}, "change members with 2, 1 and no events")
	p.that(events[0].Members == nil, "no Members", "Members", "change members with 2 events, and look at the first")
	p.changed(events[1].Members, []string{"c"}, []string{"a"}, "change members with 2 events, and look at the last")
	p.changed(events[2].Members, []string{"z"}, []string{"b", "c"}, "replace members, and look at the event")
}

func checkIfVersion(p *probe) {
	g := p.group("g", membersNamed("a")...)
	for _, v := range []store.GroupVersion{
		{Version: g.Version + 1, MembersVersion: g.MembersVersion},
		{Version: g.Version, MembersVersion: g.MembersVersion + 1},
		{Version: g.Version, MembersVersion: g.MembersVersion - 1},
		{},
	} {
		for _, d := range []store.MemberDelta{{Add: membersNamed("b")}, {Replace: true}, {Add: membersNamed("a")}} {
			_, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, d, p.tick(), &v, p.event("stale"))
			p.is(err, store.ErrStale, "change members if %+v, when %+v is stored", v, g.GroupVersion())
		}
	}
	p.same(groups.read(p, p.tenant, g), g, "read a group after stale changes")
	p.same(p.membersOf(g.ID), membersNamed("a"), "list members after stale changes")
	p.same(len(p.events(p.tenant)), 0, "count events after stale changes")

	v := g.GroupVersion()
	_, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, store.MemberDelta{Add: membersNamed("b")}, p.tick(), &v)
	p.ok(err, "change members if the versions are those stored")
	p.same(p.membersOf(g.ID), membersNamed("a", "b"), "list members after a conditional change")
}

func checkMembersMissing(p *probe) {
	for _, id := range []string{p.newID(), "x", ""} {
		_, err := p.st.SCIMMembers(p.ctx, p.tenant, id, "", 10)
		p.is(err, store.ErrNotFound, "list members of group %q", id)
		for _, d := range []store.MemberDelta{{}, {Add: membersNamed("a")}, {Remove: []string{"a"}}, {Replace: true}} {
			_, err = p.st.ChangeSCIMMembers(p.ctx, p.tenant, id, d, p.tick(), nil, p.event("missing"))
			p.is(err, store.ErrNotFound, "change members of group %q", id)
		}
	}
	p.same(len(p.events(p.tenant)), 0, "count events after changes of groups that do not exist")
}

func checkDeltasAtOnce(p *probe) {
	const writers, rounds = 6, 8
	var first []string
	for i := range writers * rounds {
		first = append(first, fmt.Sprintf("old%03d", i))
	}
	g := p.group("g", membersNamed(first...)...)
	at := p.tick()
	p.none(p.atOnce(writers, func(i int) error {
		for n := range rounds {
			d := store.MemberDelta{Add: membersNamed(fmt.Sprintf("new%03d", i*rounds+n)), Remove: []string{fmt.Sprintf("old%03d", i*rounds+n)}}
			_, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, d, at, nil, store.Event{ID: store.NewID(at), Type: "delta", At: at})
			if err != nil {
				return err
			}
		}
		return nil
	}), "change members of one group from %d goroutines", writers)

	var want []string
	for i := range writers * rounds {
		want = append(want, fmt.Sprintf("new%03d", i))
	}
	p.same(p.membersOf(g.ID), membersNamed(want...), "add and remove %d members from %d goroutines, then list", writers*rounds, writers)
	got := groups.read(p, p.tenant, g)
	p.that(got.MembersVersion >= g.MembersVersion+writers*rounds, fmt.Sprintf("a MembersVersion of at least %d", g.MembersVersion+writers*rounds), fmt.Sprint(got.MembersVersion), "read a group after %d concurrent changes of its members", writers*rounds)
	var added, removed []string
	for _, e := range p.events(p.tenant) {
		p.that(e.Members != nil, "Members", "none", "look at the events of concurrent changes of members")
		added, removed = append(added, e.Members.Added...), append(removed, e.Members.Removed...)
	}
	p.changed(&store.MemberChange{Added: added, Removed: removed}, want, first, "add up the events of concurrent changes")
}

func checkSameDeltaAtOnce(p *probe) {
	g := p.group("g")
	for range 4 {
		for _, d := range []store.MemberDelta{{Add: membersNamed("a")}, {Remove: []string{"a"}}} {
			changes := make([]store.MemberChange, 6)
			p.none(p.atOnce(len(changes), func(i int) (err error) {
				changes[i], err = p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, d, time.Now(), nil)
				return err
			}), "apply one delta from 6 goroutines")
			n := 0
			for _, c := range changes {
				n += len(c.Added) + len(c.Removed)
			}
			p.same(n, 1, "apply the delta %+v from 6 goroutines, and count who changed something", d)
		}
	}
}

func checkIfVersionAtOnce(p *probe) {
	g := p.group("g")
	for round := range 4 {
		g = groups.read(p, p.tenant, g)
		v := g.GroupVersion()
		p.one(p.atOnce(6, func(i int) error {
			d := store.MemberDelta{Add: membersNamed(fmt.Sprintf("%d-%d", round, i))}
			_, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, d, time.Now(), &v)
			return err
		}), store.ErrStale, "change members with one ifVersion from 6 goroutines")
		p.same(len(p.membersOf(g.ID)), round+1, "list members after round %d of conditional changes", round+1)
	}
}

func checkReplaceAtOnce(p *probe) {
	g := p.group("g")
	for range 4 {
		p.none(p.atOnce(5, func(i int) error {
			d := store.MemberDelta{Replace: true, Add: membersNamed("all", fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i))}
			at := time.Now()
			_, err := p.st.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, d, at, nil, store.Event{ID: store.NewID(at), Type: "replace", At: at})
			return err
		}), "replace the members of a group from 5 goroutines")
		got := p.membersOf(g.ID)
		p.that(len(got) == 3, "the 3 members of one Replace", fmt.Sprint(got), "replace the members of a group from 5 goroutines, then list")
		p.that(got[0].ID[1:] == got[2].ID[1:] && got[1].ID == "all", "the members of one Replace", fmt.Sprint(got), "replace the members of a group from 5 goroutines, then list")
	}
	have := map[string]bool{}
	for _, e := range p.events(p.tenant) {
		for _, id := range e.Members.Added {
			p.that(!have[id], "each added member to be new", id+" was a member", "follow the events of concurrent Replaces")
			have[id] = true
		}
		for _, id := range e.Members.Removed {
			p.that(have[id], "each removed member to be one", id+" was none", "follow the events of concurrent Replaces")
			delete(have, id)
		}
	}
	for _, m := range p.membersOf(g.ID) {
		p.that(have[m.ID], "the members that the events add up to", m.ID+" beside them", "follow the events of concurrent Replaces")
		delete(have, m.ID)
	}
	p.same(len(have), 0, "count the members that only the events of concurrent Replaces know")
}

func checkMemberPages(p *probe) {
	g := p.group("g", membersNamed(hostIDs...)...)
	want := membersNamed(slices.Sorted(slices.Values(hostIDs))...)
	for _, limit := range []int{1, 2, 5, len(want) - 1, len(want), len(want) + 1} {
		var got []store.Member
		after := ""
		for {
			page, err := p.st.SCIMMembers(p.ctx, p.tenant, g.ID, after, limit)
			p.ok(err, "list %d members after %q", limit, after)
			p.that(len(page) <= limit, fmt.Sprintf("at most %d members", limit), fmt.Sprint(len(page)), "list %d members after %q", limit, after)
			got = append(got, page...)
			if len(page) < limit {
				break
			}
			after = page[limit-1].ID
		}
		p.same(got, want, "walk members by pages of %d", limit)
	}
	page, err := p.st.SCIMMembers(p.ctx, p.tenant, g.ID, "a-c", 1)
	p.ok(err, "list the members after an ID that is none")
	p.same(page, membersNamed("a/b"), "list the first member after \"a-c\", which is none")
}

func checkManyMembers(p *probe) {
	many := manyMembers(manyRows)
	ids := make([]string, len(many))
	for i, m := range many {
		ids[i] = m.ID
	}
	g := p.group("g", membersNamed("x")...)
	change := p.delta(g.ID, store.MemberDelta{Add: many}, p.event("many"))
	p.changed(&change, ids, nil, "add %d members", manyRows)
	page, err := p.st.SCIMMembers(p.ctx, p.tenant, g.ID, "", manyRows)
	p.ok(err, "list members with a limit above MaxLimit")
	p.same(len(page), store.MaxLimit, "list %d members with a limit above MaxLimit", manyRows)
	p.same(p.membersOf(g.ID), append(slices.Clone(many), member("x")), "add %d members, then walk them", manyRows)
	change = p.delta(g.ID, store.MemberDelta{Replace: true, Add: many[:manyRows-1]})
	p.changed(&change, nil, []string{ids[manyRows-1], "x"}, "replace all but one of %d members", manyRows)
	change = p.delta(g.ID, store.MemberDelta{Remove: ids})
	p.changed(&change, nil, ids[:manyRows-1], "remove %d members", manyRows)
	p.same(len(p.membersOf(g.ID)), 0, "remove all members, then list them")
}

func checkGroupsOf(p *probe) {
	p.groupsOf(map[string][]string{}, "a")
	p.groupsOf(map[string][]string{})
	first := p.group("first", membersNamed("a", "b")...)
	second := p.group("second", membersNamed("b")...)
	third := p.group("third", store.Member{ID: first.ID, Kind: store.MemberGroup}, member("b"))
	p.groupsOf(map[string][]string{
		"a": {first.ID}, "b": {first.ID, second.ID, third.ID}, first.ID: {third.ID},
	}, "b", "a", "nobody", first.ID, second.ID, "b", "A")

	second.DisplayName = "renamed"
	second = groups.change(p, p.tenant, second)
	p.delta(first.ID, store.MemberDelta{Remove: []string{"b"}})
	refs, err := p.st.SCIMGroupsOf(p.ctx, p.tenant, "b")
	p.ok(err, "ask for groups after a rename")
	p.same(refs, map[string][]store.GroupRef{"b": {{ID: second.ID, DisplayName: "renamed"}, {ID: third.ID, DisplayName: "third"}}}, "rename a group, leave another, then ask for the member's groups")
}

func checkGroupsOfMany(p *probe) {
	many := manyMembers(store.MaxLimit)
	g := p.group("g", many...)
	ids := make([]string, len(many))
	want := map[string][]string{}
	for i, m := range many {
		ids[i] = m.ID
		want[m.ID] = []string{g.ID}
	}
	p.groupsOf(want, ids...)
}

func checkMemberArrives(p *probe) {
	u := users.fresh(p)
	g := p.group("g", store.Member{ID: u.ID})
	u = users.add(p, p.tenant, u)
	users.change(p, p.tenant, u)
	p.groupsOf(map[string][]string{u.ID: {g.ID}}, u.ID)
	p.same(p.membersOf(g.ID), []store.Member{{ID: u.ID}}, "create and update a user who was a member before, then list the group's members")
	p.same(groups.read(p, p.tenant, g), g, "create and update a user who was a member before, then read the group")
	got := users.walk(p, p.tenant, store.Query{Filter: store.Compare{Attr: store.AttrGroup, Op: store.Eq, Value: g.ID}})
	p.same(len(got), 1, "find the users of a group that knew the user before")
}

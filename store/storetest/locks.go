package storetest

import (
	"cmp"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

func readsLocks(st store.Store) bool {
	_, ok := st.(store.LockReader)
	return ok
}

func locks(st store.Store) store.LockReader { return st.(store.LockReader) }

func lockChecks() []check {
	return []check{
		{name: "grants", rule: "GrantsOfAccounts returns the lines of these accounts and of no others, each once, ordered by account, kind, resource and group", needs: readsLocks, run: checkGrantsOfAccounts},
		{name: "groups", rule: "GroupsWithIDs returns the groups with these IDs and no others, each once, in ascending order of the ID", needs: readsLocks, run: checkGroupsWithIDs},
		{name: "users", rule: "SCIMUsersAmong returns those of the IDs that users have, each once, in ascending order", needs: readsLocks, run: checkUsersAmong},
	}
}

func checkGrantsOfAccounts(p *probe) {
	ids := p.trickyIDs()
	var all []store.Grant
	for _, id := range slices.Backward(ids) {
		role := store.Grant{AccountID: id, Kind: store.GrantOrgRole, GroupID: "g", Role: "admin"}
		all = append(all, role, membership(id, "t2", "g"), membership(id, "t1", "h"), membership(id, "t1", "g"))
	}
	team := store.Grant{Kind: store.GrantTeam, ResourceID: "t1", GroupID: "g"}
	p.grants(append(all, team, membership("other", "t", "g")), nil)
	slices.SortFunc(all, func(a, b store.Grant) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ResourceID, b.ResourceID), cmp.Compare(a.GroupID, b.GroupID))
	})
	ask := func(ids ...string) []store.Grant {
		p.Helper()
		got, err := locks(p.st).GrantsOfAccounts(p.ctx, p.tenant, ids)
		p.ok(err, "read the lines of %d accounts", len(ids))
		return got
	}
	p.same(ask(append(ids, ids[0], p.newID())...), all, "read the lines of accounts, one of them twice, one without lines")
	want := slices.DeleteFunc(slices.Clone(all), func(g store.Grant) bool { return g.AccountID != ids[2] })
	p.same(ask(ids[2]), want, "read the lines of one of several accounts")
	p.same(ask(""), []store.Grant{team}, "read the lines of the empty account")
	p.that(len(ask()) == 0, "no lines", "lines", "read the lines of no account")
	many := make([]string, store.MaxLimit)
	for i := range many {
		many[i] = ids[i%len(ids)] + random()
	}
	many[len(many)-1] = ids[5]
	p.same(len(ask(many...)), 4, "read the lines of %d accounts, one of which has some", len(many))
}

func checkGroupsWithIDs(p *probe) {
	ids := p.trickyIDs()
	var all []store.GroupRef
	for _, id := range slices.Backward(ids) {
		g := groups.fresh(p)
		g.ID, g.DisplayName = id, "of "+id
		groups.add(p, p.tenant, g)
		all = append(all, store.GroupRef{ID: id, DisplayName: g.DisplayName})
	}
	slices.SortFunc(all, func(a, b store.GroupRef) int { return cmp.Compare(a.ID, b.ID) })
	ask := func(ids ...string) []store.GroupRef {
		p.Helper()
		got, err := locks(p.st).GroupsWithIDs(p.ctx, p.tenant, ids)
		p.ok(err, "read %d groups", len(ids))
		return got
	}
	p.same(ask(append(ids, ids[0], p.newID(), "")...), all, "read groups, one of them twice, some that there are not")
	want := slices.DeleteFunc(slices.Clone(all), func(g store.GroupRef) bool { return g.ID != ids[2] })
	p.same(ask(ids[2]), want, "read one group")
	p.that(len(ask()) == 0, "no groups", "groups", "read no groups")
}

func checkUsersAmong(p *probe) {
	ids := p.trickyIDs()
	for _, id := range slices.Backward(ids) {
		u := users.fresh(p)
		u.ID = id
		users.add(p, p.tenant, u)
	}
	want := slices.Sorted(slices.Values(ids))
	ask := func(ids ...string) []string {
		p.Helper()
		got, err := locks(p.st).SCIMUsersAmong(p.ctx, p.tenant, ids)
		p.ok(err, "look for %d users", len(ids))
		return got
	}
	p.same(ask(append(ids, ids[0], p.newID(), "")...), want, "look for users, one of them twice, some that there are not")
	p.same(ask(ids[2], p.newID()), []string{ids[2]}, "look for two users, one of whom there is")
	p.that(len(ask()) == 0, "nobody", "somebody", "look for nobody")
}

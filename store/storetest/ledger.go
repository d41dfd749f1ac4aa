package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

func ledgerChecks() []check {
	return []check{
		{name: "put", rule: "a line of the ledger is stored as given; putting it again replaces its Role and Previous", run: checkGrantPut},
		{name: "remove", rule: "removing lines takes exactly those with the keys, and one that does not exist is no error", run: checkGrantRemove},
		{name: "key", rule: "a line is known by account, kind, resource and group, each compared byte by byte", run: checkGrantKey},
		{name: "order", rule: "Grants is ordered by kind, resource and group, GrantsOfGroup by account, kind and resource, AllGrants by account, kind, resource and group, all by bytes", run: checkGrantOrder},
		{name: "pages", rule: "GrantsOfGroup and AllGrants start with the first line after the given key, which need not exist, and return at most limit and MaxLimit lines", run: checkGrantPages},
		{name: "at once", rule: "concurrent changes of the ledger all take effect", run: checkGrantsAtOnce},
		{name: "many", rule: "a change of the ledger may put and remove any number of lines", run: checkGrantsMany},
	}
}

// grants changes the ledger.
func (p *probe) grants(put []store.Grant, remove []store.GrantKey) {
	p.Helper()
	p.ok(p.st.ChangeGrants(p.ctx, p.tenant, put, remove), "put %d lines and remove %d", len(put), len(remove))
}

// ledger reads all lines.
func (p *probe) ledger(tenantID string) []store.Grant {
	p.Helper()
	var all []store.Grant
	var after store.GrantKey
	for {
		page, err := p.st.AllGrants(p.ctx, tenantID, after, store.MaxLimit)
		p.ok(err, "read the ledger after %+v", after)
		all = append(all, page...)
		if len(page) < store.MaxLimit {
			return all
		}
		after = page[len(page)-1].Key()
	}
}

func membership(account, team, group string) store.Grant {
	return store.Grant{AccountID: account, Kind: store.GrantMembership, ResourceID: team, GroupID: group, Role: "member", Previous: "manual"}
}

func checkGrantPut(p *probe) {
	p.same(len(p.ledger(p.tenant)), 0, "read the ledger of a tenant that nobody knows")
	first := membership("a", "t", "g")
	first.Role, first.Previous = trickyText, trickyText
	team := store.Grant{Kind: store.GrantTeam, ResourceID: "t", GroupID: "g"}
	role := store.Grant{AccountID: "a", Kind: store.GrantOrgRole, GroupID: "g", Role: "admin"}
	p.grants([]store.Grant{role, first, team}, nil)
	p.same(p.ledger(p.tenant), []store.Grant{team, first, role}, "put 3 lines, then read the ledger")

	first.Role, first.Previous = "lead", ""
	p.grants([]store.Grant{first}, nil)
	p.same(p.ledger(p.tenant), []store.Grant{team, first, role}, "put a line again, then read the ledger")
	got, err := p.st.Grants(p.ctx, p.tenant, "a")
	p.ok(err, "read the lines of an account")
	p.same(got, []store.Grant{first, role}, "read the lines of an account")
	got, err = p.st.Grants(p.ctx, p.tenant, "")
	p.ok(err, "read the lines of the empty account")
	p.same(got, []store.Grant{team}, "read the lines of the empty account")
	got, err = p.st.GrantsOfGroup(p.ctx, p.tenant, "g", store.GrantKey{}, 10)
	p.ok(err, "read the lines of a group")
	p.same(got, []store.Grant{team, first, role}, "read the lines of a group")
	p.grants(nil, nil)
}

func checkGrantRemove(p *probe) {
	a, b, c := membership("a", "t", "g"), membership("a", "t", "h"), membership("b", "t", "g")
	p.grants([]store.Grant{a, b, c}, nil)
	p.grants(nil, []store.GrantKey{a.Key(), membership("x", "t", "g").Key()})
	p.same(p.ledger(p.tenant), []store.Grant{b, c}, "remove one line and one that does not exist")
	d := membership("d", "t", "g")
	p.grants([]store.Grant{d}, []store.GrantKey{b.Key()})
	p.same(p.ledger(p.tenant), []store.Grant{c, d}, "put one line and remove another at once")
	got, err := p.st.GrantsOfGroup(p.ctx, p.tenant, "h", store.GrantKey{}, 10)
	p.ok(err, "read the lines of a group")
	p.same(len(got), 0, "remove the line of a group, then read the group's")
	got, err = p.st.Grants(p.ctx, p.tenant, "a")
	p.ok(err, "read the lines of an account")
	p.same(len(got), 0, "remove the lines of an account, then read the account's")
}

func checkGrantKey(p *probe) {
	var all []store.Grant
	for _, id := range hostIDs {
		all = append(all, membership(id, "t", "g"), membership("a", id, "g"), membership("a", "t", id))
	}
	all = append(all, membership("a\x1ft", "t", "g"), membership("a", "t\x1ft", "g"), membership("a/t", "g", "g"), membership("a", "t/g", "g"))
	slices.SortFunc(all, compareGrants)
	all = slices.CompactFunc(all, func(a, b store.Grant) bool { return a.Key() == b.Key() })
	p.grants(all, nil)
	p.same(p.ledger(p.tenant), all, "put lines whose keys are similar, then read the ledger")
	gone := all[len(all)/2]
	p.grants(nil, []store.GrantKey{gone.Key()})
	rest := slices.DeleteFunc(slices.Clone(all), func(g store.Grant) bool { return g.Key() == gone.Key() })
	p.same(p.ledger(p.tenant), rest, "remove one of many similar lines")
}

func compareGrants(a, b store.Grant) int {
	return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ResourceID, b.ResourceID), cmp.Compare(a.GroupID, b.GroupID))
}

// someGrants returns lines of 4 accounts, 3 kinds, 3 teams and 3 groups, in order.
func someGrants() []store.Grant {
	var all []store.Grant
	for _, account := range []string{"", "B", "a", "é"} {
		for _, kind := range []store.GrantKind{store.GrantTeam, store.GrantMembership, store.GrantOrgRole} {
			for _, team := range []string{"", "T-1", "t_1"} {
				for _, group := range []string{"G", "g-1", "g1"} {
					all = append(all, store.Grant{AccountID: account, Kind: kind, ResourceID: team, GroupID: group, Role: fmt.Sprint(len(all))})
				}
			}
		}
	}
	slices.SortFunc(all, compareGrants)
	return all
}

func checkGrantOrder(p *probe) {
	all := someGrants()
	shuffled := slices.Clone(all)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for chunk := range slices.Chunk(shuffled, 10) {
		p.grants(chunk, nil)
	}
	p.same(p.ledger(p.tenant), all, "put lines in no order, then read the ledger")
	for _, account := range []string{"", "B", "a", "é"} {
		got, err := p.st.Grants(p.ctx, p.tenant, account)
		p.ok(err, "read the lines of account %q", account)
		p.same(got, where(all, func(g store.Grant) bool { return g.AccountID == account }), "read the lines of account %q", account)
	}
	for _, group := range []string{"G", "g-1", "g1"} {
		got, err := p.st.GrantsOfGroup(p.ctx, p.tenant, group, store.GrantKey{}, store.MaxLimit)
		p.ok(err, "read the lines of group %q", group)
		p.same(got, where(all, func(g store.Grant) bool { return g.GroupID == group }), "read the lines of group %q", group)
	}
}

func where(all []store.Grant, keep func(store.Grant) bool) []store.Grant {
	return slices.DeleteFunc(slices.Clone(all), func(g store.Grant) bool { return !keep(g) })
}

func checkGrantPages(p *probe) {
	all := someGrants()
	p.grants(all, nil)
	ofGroup := where(all, func(g store.Grant) bool { return g.GroupID == "g-1" })
	for _, limit := range []int{1, 5, len(ofGroup), len(all)} {
		p.pages(all, limit, func(after store.GrantKey) ([]store.Grant, error) {
			return p.st.AllGrants(p.ctx, p.tenant, after, limit)
		}, "AllGrants")
		p.pages(ofGroup, limit, func(after store.GrantKey) ([]store.Grant, error) {
			return p.st.GrantsOfGroup(p.ctx, p.tenant, "g-1", after, limit)
		}, "GrantsOfGroup")
	}
	after := ofGroup[len(ofGroup)/2].Key()
	p.grants(nil, []store.GrantKey{after})
	got, err := p.st.GrantsOfGroup(p.ctx, p.tenant, "g-1", after, store.MaxLimit)
	p.ok(err, "read the lines of a group after a line that was removed")
	p.same(got, ofGroup[len(ofGroup)/2+1:], "read the lines of a group after a line that was removed")
	got, err = p.st.AllGrants(p.ctx, p.tenant, after, store.MaxLimit)
	p.ok(err, "read the ledger after a line that was removed")
	p.same(got, where(all, func(g store.Grant) bool {
		return compareGrants(g, store.Grant{AccountID: after.AccountID, Kind: after.Kind, ResourceID: after.ResourceID, GroupID: after.GroupID}) > 0
	}), "read the ledger after a line that was removed")
}

// pages reads to the end, each page after the last line of the one before.
func (p *probe) pages(want []store.Grant, limit int, page func(after store.GrantKey) ([]store.Grant, error), method string) {
	p.Helper()
	var got []store.Grant
	var after store.GrantKey
	for {
		lines, err := page(after)
		p.ok(err, "%s after %+v", method, after)
		p.that(len(lines) <= limit, fmt.Sprintf("at most %d lines", limit), fmt.Sprint(len(lines)), "%s after %+v", method, after)
		got = append(got, lines...)
		if len(lines) < limit {
			break
		}
		after = lines[limit-1].Key()
	}
	p.same(got, want, "%s by pages of %d", method, limit)
}

func checkGrantsAtOnce(p *probe) {
	const writers, rounds = 6, 6
	var old, want []store.Grant
	for i := range writers * rounds {
		old = append(old, membership(fmt.Sprintf("a%03d", i), "old", "g"))
		want = append(want, membership(fmt.Sprintf("a%03d", i), "new", "g"))
	}
	p.grants(old, nil)
	p.none(p.atOnce(writers, func(w int) error {
		for i := w * rounds; i < w*rounds+rounds; i++ {
			if err := p.st.ChangeGrants(p.ctx, p.tenant, want[i:i+1], []store.GrantKey{old[i].Key()}); err != nil {
				return err
			}
		}
		return nil
	}), "change the ledger from %d goroutines", writers)
	p.same(p.ledger(p.tenant), want, "change the ledger from %d goroutines, then read it", writers)
	p.none(p.atOnce(writers, func(w int) error {
		return p.st.ChangeGrants(p.ctx, p.tenant, []store.Grant{membership("same", "t", "g")}, nil)
	}), "put one line from %d goroutines", writers)
}

func checkGrantsMany(p *probe) {
	const n = 3_000
	many := make([]store.Grant, n)
	keys := make([]store.GrantKey, n)
	for i := range many {
		many[i] = membership(fmt.Sprintf("a%05d", i), "t", "g")
		keys[i] = many[i].Key()
	}
	p.grants(many, nil)
	p.same(len(p.ledger(p.tenant)), n, "put %d lines, then count them", n)
	for _, read := range []func() ([]store.Grant, error){
		func() ([]store.Grant, error) { return p.st.AllGrants(p.ctx, p.tenant, store.GrantKey{}, n) },
		func() ([]store.Grant, error) {
			return p.st.GrantsOfGroup(p.ctx, p.tenant, "g", store.GrantKey{}, n)
		},
	} {
		got, err := read()
		p.ok(err, "read lines with a limit above MaxLimit")
		p.same(len(got), store.MaxLimit, "read %d lines with a limit above MaxLimit", n)
	}
	p.grants(nil, keys)
	p.same(len(p.ledger(p.tenant)), 0, "remove %d lines, then count them", n)
}

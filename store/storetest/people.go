package storetest

import (
	"cmp"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

func readsPeople(st store.Store) bool {
	_, ok := st.(store.PeopleReader)
	return ok
}

func people(st store.Store) store.PeopleReader { return st.(store.PeopleReader) }

func peopleChecks() []check {
	return []check{
		{name: "identities", rule: "IdentitiesOfAccounts returns the links of these accounts and of no others, each once, in ascending order of the ID", needs: readsPeople, run: checkIdentitiesOfAccounts},
		{name: "all identities", rule: "Identities returns each of the tenant's links once, in ascending order of the ID, in pages", needs: readsPeople, run: checkAllIdentities},
		{name: "accounts by ID", rule: "AccountsWithIDs returns the accounts with these IDs and no others, each once, in ascending order of the ID", needs: readsPeople, run: checkAccountsWithIDs},
		{name: "accounts", rule: "AccountsOfSCIMUsers returns the accounts of these provisioned users and of no others, each once, in ascending order of the ID; the empty user is nobody's", needs: readsPeople, run: checkAccountsOfUsers},
	}
}

// trickyIDs are what a list of values in a statement stumbles over, and one that nobody has.
func (p *probe) trickyIDs() []string {
	return []string{"it's", `a"b`, "a,b", "{a}", "[1]", `back\slash`, "é", "null", " spaced ", p.newID()}
}

func checkIdentitiesOfAccounts(p *probe) {
	st := people(p.st)
	var all []store.Identity
	accountIDs := p.trickyIDs()
	for _, accountID := range slices.Backward(accountIDs) {
		for range 2 {
			i := identities.fresh(p)
			i.AccountID, i.Subject = accountID, random()
			all = append(all, identities.add(p, p.tenant, i))
		}
	}
	slices.SortFunc(all, func(a, b store.Identity) int { return cmp.Compare(a.ID, b.ID) })
	identities.add(p, p.tenantNamed("another"), identities.fresh(p))

	ask := func(ids ...string) []store.Identity {
		p.Helper()
		got, err := st.IdentitiesOfAccounts(p.ctx, p.tenant, ids)
		p.ok(err, "read the links of %d accounts", len(ids))
		return got
	}
	p.same(ask(append(accountIDs, accountIDs[0], theAccount, p.newID(), "")...), all, "read the links of accounts, one of them twice, some without links")
	some := accountIDs[2:4]
	want := slices.DeleteFunc(slices.Clone(all), func(i store.Identity) bool { return !slices.Contains(some, i.AccountID) })
	p.same(ask(some...), want, "read the links of two of several accounts")
	p.that(len(ask()) == 0 && len(ask(theAccount)) == 0, "no links", "links", "read the links of no account, and of one that has none here")
	many := make([]string, store.MaxLimit)
	for i := range many {
		many[i] = accountIDs[i%len(accountIDs)] + random()
	}
	many[len(many)-1] = accountIDs[5]
	p.that(len(ask(many...)) == 2, "the links of the one account that has some", "others", "read the links of %d accounts", len(many))
}

func checkAccountsOfUsers(p *probe) {
	st := people(p.st)
	userIDs := p.trickyIDs()
	var all []store.Account
	for _, id := range slices.Backward(userIDs) {
		a := accounts.fresh(p)
		a.SCIMUserID = id
		all = append(all, accounts.add(p, p.tenant, a))
	}
	slices.SortFunc(all, func(a, b store.Account) int { return cmp.Compare(a.ID, b.ID) })
	accounts.add(p, p.tenant, accounts.bare(p))

	ask := func(ids ...string) []store.Account {
		p.Helper()
		got, err := st.AccountsOfSCIMUsers(p.ctx, p.tenant, ids)
		p.ok(err, "read the accounts of %d users", len(ids))
		return got
	}
	p.same(ask(append(userIDs, userIDs[0], p.newID(), "")...), all, "read the accounts of users, one of them twice, some without an account")
	want := slices.DeleteFunc(slices.Clone(all), func(a store.Account) bool { return a.SCIMUserID != userIDs[3] })
	p.same(ask(userIDs[3]), want, "read the account of one user")
	p.that(len(ask()) == 0 && len(ask("", p.newID())) == 0, "no accounts", "accounts", "read the accounts of no user, and of users who have none")
	moved := want[0]
	moved.SCIMUserID = p.newID()
	moved = accounts.change(p, p.tenant, moved)
	p.same(ask(userIDs[3], moved.SCIMUserID), []store.Account{moved}, "read the accounts of users, after one passed to another user")
}

func checkAllIdentities(p *probe) {
	var all []store.Identity
	for range 7 {
		i := identities.fresh(p)
		i.AccountID = random()
		all = append(all, identities.add(p, p.tenant, i))
	}
	slices.SortFunc(all, func(a, b store.Identity) int { return cmp.Compare(a.ID, b.ID) })
	for _, limit := range []int{0, 1, 3, 7} {
		got, err := walk(p.ctx, p.st.Identities, p.tenant, store.Query{Limit: limit})
		p.ok(err, "walk all links, %d at a time", limit)
		p.same(got, all, "walk all links, %d at a time", limit)
	}
}

func checkAccountsWithIDs(p *probe) {
	ids := p.trickyIDs()
	var all []store.Account
	for _, id := range slices.Backward(ids) {
		a := accounts.fresh(p)
		a.ID = id
		all = append(all, accounts.add(p, p.tenant, a))
	}
	slices.SortFunc(all, func(a, b store.Account) int { return cmp.Compare(a.ID, b.ID) })
	ask := func(ids ...string) []store.Account {
		p.Helper()
		got, err := people(p.st).AccountsWithIDs(p.ctx, p.tenant, ids)
		p.ok(err, "read %d accounts", len(ids))
		return got
	}
	p.same(ask(append(ids, ids[0], p.newID(), "")...), all, "read accounts, one of them twice, some that nobody has")
	want := slices.DeleteFunc(slices.Clone(all), func(a store.Account) bool { return a.ID != ids[2] })
	p.same(ask(ids[2]), want, "read one account")
	p.that(len(ask()) == 0, "no accounts", "accounts", "read no accounts")
}

package storetest

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

var accounts = kind[store.Account]{
	name: "account",
	fresh: func(p *probe) store.Account {
		a := filled[store.Account](p)
		a.Meta, a.Source, a.SCIMUserID = p.meta(), store.SourceSCIM, p.newID()
		return a
	},
	bare: func(p *probe) store.Account {
		return store.Account{Meta: store.Meta{ID: p.newID()}, Source: store.SourceManual}
	},
	meta: func(a *store.Account) *store.Meta { return &a.Meta },
	get: func(st store.Store, ctx context.Context, tenantID string, a store.Account) (store.Account, error) {
		return st.Account(ctx, tenantID, a.ID)
	},
	list: func(st store.Store, ctx context.Context, tenantID string) ([]store.Account, error) {
		return walk(ctx, st.Accounts, tenantID, store.Query{})
	},
	create: store.Store.CreateAccount,
	update: store.Store.UpdateAccount,
	remove: store.Store.DeleteAccount,
	page:   store.Store.Accounts,
}

func accountChecks() []check {
	return []check{
		{name: "of user", rule: "AccountOfSCIMUser returns the account of a provisioned user, or ErrNotFound; the empty user is nobody's", run: checkAccountOfUser},
		{name: "user unique", rule: "a provisioned user belongs to at most one account; any number of accounts have none", run: checkAccountUser},
		{name: "user at once", rule: "of several concurrent accounts for one provisioned user exactly one succeeds, all others answer ErrConflict", run: checkAccountAtOnce},
		{name: "host IDs", rule: "an account's ID is the host's own: any text, compared and ordered byte by byte", run: checkAccountIDs},
	}
}

func checkAccountOfUser(p *probe) {
	a := accounts.add(p, p.tenant, accounts.fresh(p))
	none := accounts.add(p, p.tenant, accounts.bare(p))
	got, err := p.st.AccountOfSCIMUser(p.ctx, p.tenant, a.SCIMUserID)
	p.ok(err, "find the account of a user")
	p.same(got, a, "find the account of a user")
	for _, id := range []string{"", p.newID(), none.ID} {
		_, err = p.st.AccountOfSCIMUser(p.ctx, p.tenant, id)
		p.is(err, store.ErrNotFound, "find the account of user %q", id)
	}
	old := a.SCIMUserID
	a.SCIMUserID = ""
	accounts.change(p, p.tenant, a)
	_, err = p.st.AccountOfSCIMUser(p.ctx, p.tenant, old)
	p.is(err, store.ErrNotFound, "find the account of a user that was taken from it")
	none.SCIMUserID = old
	none = accounts.change(p, p.tenant, none)
	got, err = p.st.AccountOfSCIMUser(p.ctx, p.tenant, old)
	p.ok(err, "find the account to which a user passed")
	p.same(got, none, "find the account to which a user passed")
}

func checkAccountUser(p *probe) {
	first := accounts.add(p, p.tenant, accounts.fresh(p))
	second := accounts.fresh(p)
	second.SCIMUserID = first.SCIMUserID
	_, err := p.st.CreateAccount(p.ctx, p.tenant, second)
	p.is(err, store.ErrConflict, "create a second account for a user")
	second = accounts.add(p, p.tenant, accounts.bare(p))
	third := accounts.add(p, p.tenant, accounts.bare(p))
	moved := second
	moved.SCIMUserID = first.SCIMUserID
	_, err = p.st.UpdateAccount(p.ctx, p.tenant, moved)
	p.is(err, store.ErrConflict, "give an account the user of another")
	p.same(accounts.all(p, p.tenant), []store.Account{first, second, third}, "list accounts after conflicts")
	p.ok(p.st.DeleteAccount(p.ctx, p.tenant, first.ID, 0), "delete an account")
	accounts.change(p, p.tenant, moved)
}

func checkAccountAtOnce(p *probe) {
	user := p.newID()
	list := make([]store.Account, 6)
	for i := range list {
		list[i] = accounts.fresh(p)
		list[i].SCIMUserID = user
	}
	p.one(p.atOnce(len(list), func(i int) error {
		_, err := p.st.CreateAccount(p.ctx, p.tenant, list[i])
		return err
	}), store.ErrConflict, "create 6 accounts for one user at once")
}

// hostIDs are IDs as hosts and directories have them, in no order. Collations that are
// not of bytes have them in another order, or take some for the same.
var hostIDs = []string{
	"漢", "aB", "ab", "AB", "a-b", "a b", "a/b", "_", "%", "\\", "'; --", " lead", "10", "9", "-1", "|",
	"user@example.com", "é", "e\u0301", "Å", "ſ", "🙂", "Z", "z", "B", "a",
}

func checkAccountIDs(p *probe) {
	for _, id := range hostIDs {
		_, err := p.st.Account(p.ctx, p.tenant, id)
		p.is(err, store.ErrNotFound, "read account %q before it is created", id)
		a := accounts.fresh(p)
		a.ID = id
		accounts.add(p, p.tenant, a)
	}
	want := slices.Sorted(slices.Values(hostIDs))
	for _, limit := range []int{0, 3} {
		got, err := walk(p.ctx, p.st.Accounts, p.tenant, store.Query{Limit: limit})
		p.ok(err, "list accounts")
		p.same(idsOf(accounts, got), want, "create accounts with IDs of all sorts, then walk them with Limit %d", limit)
	}
}

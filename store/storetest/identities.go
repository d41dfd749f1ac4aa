package storetest

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// theAccount is the account of all sample identities, whose links are one list.
const theAccount = "Account 1"

var identities = kind[store.Identity]{
	name: "identity",
	fresh: func(p *probe) store.Identity {
		i := filled[store.Identity](p)
		i.Meta, i.AccountID, i.ConnectionID = p.meta(), theAccount, p.newID()
		return i
	},
	bare: func(p *probe) store.Identity {
		return store.Identity{Meta: store.Meta{ID: p.newID()}, AccountID: theAccount, Subject: "s"}
	},
	meta: func(i *store.Identity) *store.Meta { return &i.Meta },
	keep: func(old store.Identity, next *store.Identity) {
		next.ConnectionID, next.Issuer, next.Subject = old.ConnectionID, old.Issuer, old.Subject
	},
	get: func(st store.Store, ctx context.Context, tenantID string, i store.Identity) (store.Identity, error) {
		return st.Identity(ctx, tenantID, i.ConnectionID, i.Issuer, i.Subject)
	},
	list: func(st store.Store, ctx context.Context, tenantID string) ([]store.Identity, error) {
		return st.IdentitiesOf(ctx, tenantID, theAccount)
	},
	create: store.Store.CreateIdentity,
	update: store.Store.UpdateIdentity,
	remove: func(st store.Store, ctx context.Context, tenantID, id string, _ int64, events ...store.Event) error {
		return st.DeleteIdentity(ctx, tenantID, id, events...)
	},
	page:        store.Store.Identities,
	unversioned: true,
}

func identityChecks() []check {
	return []check{
		{name: "subject", rule: "an identity is known by connection, issuer and subject, each compared byte by byte", run: checkIdentityKey},
		{name: "unique", rule: "a subject is linked once at a connection, and an account has one link at a connection", run: checkIdentityUnique},
		{name: "unique at once", rule: "of several concurrent links of one subject exactly one succeeds, all others answer ErrConflict", run: checkIdentityAtOnce},
		{name: "of account", rule: "IdentitiesOf returns the links of the account, and of no other", run: checkIdentitiesOf},
		{name: "of connection", rule: "DeleteIdentitiesOfConnection removes all links of the connection, no others, and returns how many there were", run: checkIdentitiesOfConnection},
	}
}

func checkIdentityKey(p *probe) {
	i := identities.fresh(p)
	i.ConnectionID, i.Issuer, i.Subject = "c|1", "https://idp.example/A", "Sub|ject"
	i = identities.add(p, p.tenant, i)
	for _, key := range [][3]string{
		{"C|1", i.Issuer, i.Subject},
		{i.ConnectionID, "https://idp.example/a", i.Subject},
		{i.ConnectionID, "https://idp.example/A/", i.Subject},
		{i.ConnectionID, i.Issuer, "sub|ject"},
		{i.ConnectionID, i.Issuer, "Sub|ject "},
		{i.ConnectionID, i.Issuer + "Sub", "|ject"},
		{"c", "1|" + i.Issuer, i.Subject},
		{i.ConnectionID, i.Issuer, ""},
	} {
		_, err := p.st.Identity(p.ctx, p.tenant, key[0], key[1], key[2])
		p.is(err, store.ErrNotFound, "read the identity %q", key)
		other := identities.fresh(p)
		other.AccountID, other.ConnectionID, other.Issuer, other.Subject = p.newID(), key[0], key[1], key[2]
		other = identities.add(p, p.tenant, other)
		p.same(identities.read(p, p.tenant, other), other, "create and read the identity %q", key)
	}
	p.same(identities.read(p, p.tenant, i), i, "read the first of many similar identities")
}

func checkIdentityUnique(p *probe) {
	first := identities.add(p, p.tenant, identities.fresh(p))
	subject := first
	subject.Meta, subject.AccountID = p.meta(), p.newID()
	_, err := p.st.CreateIdentity(p.ctx, p.tenant, subject)
	p.is(err, store.ErrConflict, "link a subject to a second account")
	account := identities.fresh(p)
	account.ConnectionID = first.ConnectionID
	_, err = p.st.CreateIdentity(p.ctx, p.tenant, account)
	p.is(err, store.ErrConflict, "link an account to a second subject of the connection")
	_, err = p.st.Identity(p.ctx, p.tenant, account.ConnectionID, account.Issuer, account.Subject)
	p.is(err, store.ErrNotFound, "read an identity whose create was refused")

	second := identities.add(p, p.tenant, identities.fresh(p))
	moved := second
	moved.ConnectionID = first.ConnectionID
	_, err = p.st.UpdateIdentity(p.ctx, p.tenant, moved)
	p.is(err, store.ErrConflict, "move a link to a connection where the account has one")
	p.same(identities.all(p, p.tenant), []store.Identity{first, second}, "list links after conflicts")

	p.ok(p.st.DeleteIdentity(p.ctx, p.tenant, first.ID), "unlink")
	identities.add(p, p.tenant, subject)
}

func checkIdentityAtOnce(p *probe) {
	like := identities.fresh(p)
	links := make([]store.Identity, 6)
	for i := range links {
		links[i] = like
		links[i].Meta, links[i].AccountID = p.meta(), p.newID()
	}
	p.one(p.atOnce(len(links), func(i int) error {
		_, err := p.st.CreateIdentity(p.ctx, p.tenant, links[i])
		return err
	}), store.ErrConflict, "link one subject to 6 accounts at once")
}

func checkIdentitiesOf(p *probe) {
	mine := identities.add(p, p.tenant, identities.fresh(p))
	other := identities.fresh(p)
	other.AccountID = "account 1"
	other = identities.add(p, p.tenant, other)
	got, err := p.st.IdentitiesOf(p.ctx, p.tenant, other.AccountID)
	p.ok(err, "list the links of an account")
	p.same(got, []store.Identity{other}, "list the links of account %q beside %q", other.AccountID, theAccount)
	p.same(identities.all(p, p.tenant), []store.Identity{mine}, "list the links of account %q beside %q", theAccount, other.AccountID)

	mine.AccountID = other.AccountID
	mine = identities.change(p, p.tenant, mine)
	got, err = p.st.IdentitiesOf(p.ctx, p.tenant, other.AccountID)
	p.ok(err, "list the links of an account")
	p.same(got, []store.Identity{mine, other}, "move a link to another account, then list that account's")
	p.that(len(identities.all(p, p.tenant)) == 0, "no links", "links", "move a link to another account, then list those of the one before")
}

func checkIdentitiesOfConnection(p *probe) {
	stays := identities.add(p, p.tenant, identities.fresh(p))
	connection := p.newID()
	for range 3 {
		i := identities.fresh(p)
		i.ConnectionID, i.AccountID = connection, p.newID()
		identities.add(p, p.tenant, i)
	}
	for _, want := range []int{3, 0} {
		n, err := p.st.DeleteIdentitiesOfConnection(p.ctx, p.tenant, connection)
		p.ok(err, "delete the links of a connection")
		p.same(n, want, "delete the links of a connection that has %d", want)
	}
	p.same(identities.all(p, p.tenant), []store.Identity{stays}, "delete the links of a connection, then list those of others")
}

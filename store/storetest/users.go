package storetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

var users = kind[store.SCIMUser]{
	name: "SCIM user",
	fresh: func(p *probe) store.SCIMUser {
		u := filled[store.SCIMUser](p)
		u.Meta, u.UserName, u.Body = p.meta(), random()+"@example.com"+p.text, p.body()
		return u
	},
	bare: func(p *probe) store.SCIMUser {
		return store.SCIMUser{Meta: store.Meta{ID: p.newID()}, UserName: random(), Body: []byte("{}")}
	},
	meta: func(u *store.SCIMUser) *store.Meta { return &u.Meta },
	get: func(st store.Store, ctx context.Context, tenantID string, u store.SCIMUser) (store.SCIMUser, error) {
		return st.SCIMUser(ctx, tenantID, u.ID)
	},
	list: func(st store.Store, ctx context.Context, tenantID string) ([]store.SCIMUser, error) {
		return walk(ctx, st.SCIMUsers, tenantID, store.Query{})
	},
	create: store.Store.CreateSCIMUser,
	update: store.Store.UpdateSCIMUser,
	remove: store.Store.DeleteSCIMUser,
	page:   store.Store.SCIMUsers,
	keys:   func(u *store.SCIMUser) *[]store.Key { return &u.Keys },
}

func userChecks() []check {
	return []check{
		{name: "userName unique", rule: "userName is unique within a tenant, whatever its case", run: checkUserName},
		{name: "userName letters", rule: "userNames are compared by store.Fold: what it maps to one key conflicts and is found, what it keeps apart does not", run: checkUserNameFold},
		{name: "userName free", rule: "a userName is free after its user was renamed or deleted", run: checkUserNameFree},
		{name: "userName at once", rule: "of several concurrent creates or updates with one userName exactly one succeeds, all others answer ErrConflict", run: checkUserNameAtOnce},
		{name: "update order", rule: "an update answers ErrNotFound before ErrStale before ErrConflict", run: checkUserErrorOrder},
		{name: "version", rule: "an update of a user that names the version read gives it the next version, one greater", run: checkUserVersion},
		{name: "externalId", rule: "externalId need not be unique", run: checkUserExternalID},
		{name: "body", rule: "a store returns the bytes of the Body that it was given, whatever their spacing, order and length", run: checkUserBody},
		{name: "body left out", rule: "WithoutBody leaves at most the Body out", run: checkUserWithoutBody},
		{name: "keys", rule: "the Keys of a user are returned in their order; an update replaces them", run: checkUserKeys},
		{name: "delete memberships", rule: "deleting a user removes the user's memberships, and the MembersVersion of those groups changes", run: checkUserMemberships},
	}
}

// user returns a sample with a userName.
func (p *probe) user(userName string) store.SCIMUser {
	u := users.fresh(p)
	u.UserName = userName
	return u
}

func checkUserName(p *probe) {
	first := users.add(p, p.tenant, p.user("Ada.Lovelace@Example.com"))
	for _, name := range []string{"Ada.Lovelace@Example.com", "ada.lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM"} {
		_, err := p.st.CreateSCIMUser(p.ctx, p.tenant, p.user(name))
		p.is(err, store.ErrConflict, "create a user %q when there is %q", name, first.UserName)
	}
	second := users.add(p, p.tenant, p.user("bob@example.com"))
	taken := second
	taken.UserName = "ada.LOVELACE@example.com"
	_, err := p.st.UpdateSCIMUser(p.ctx, p.tenant, taken)
	p.is(err, store.ErrConflict, "rename %q to %q when there is %q", second.UserName, taken.UserName, first.UserName)
	p.same(users.all(p, p.tenant), []store.SCIMUser{first, second}, "list users after conflicts")

	second.UserName = "BOB@example.com"
	got := users.change(p, p.tenant, second)
	p.same(got.UserName, second.UserName, "change the case of a user's own userName")
	users.add(p, p.tenantNamed("other"), p.user(first.UserName))
	users.add(p, p.tenant, p.user("ada_lovelace@example.com"))
	users.add(p, p.tenant, p.user("ada%"))
}

func checkUserNameFold(p *probe) {
	for i, tt := range []struct {
		a, b string
	}{
		{"ÄRGER", "ärger"},
		{"ΣΟΦΟΣ", "σοφος"},
		{"σοφοσ", "σοφος"},
		{"ЖУК", "жук"},
		{"\u212Aelvin", "kelvin"},
		{"ſam", "Sam"},
		{"straße", "STRASSE"},
		{"İstanbul", "istanbul"},
		{"ısı", "isi"},
		{"\u00e9", "e\u0301"},
		{"ﬁ", "fi"},
		{"a", "á"},
		{"ada ", "ada"},
	} {
		tenant := p.tenantNamed(fmt.Sprint(i))
		users.add(p, tenant, p.user(tt.a))
		q := store.Query{Filter: store.Compare{Attr: store.AttrUserName, Op: store.Eq, Value: tt.b}}
		found := len(users.walk(p, tenant, q)) == 1
		_, err := p.st.CreateSCIMUser(p.ctx, tenant, p.user(tt.b))
		if store.Fold(tt.a) == store.Fold(tt.b) {
			p.is(err, store.ErrConflict, "create a user %q when there is %q", tt.b, tt.a)
			p.that(found, "the user", "nobody", "find %q by userName eq %q", tt.a, tt.b)
		} else {
			p.ok(err, "create a user %q when there is %q", tt.b, tt.a)
			p.that(!found, "nobody", "the user", "find %q by userName eq %q", tt.a, tt.b)
		}
	}
}

func checkUserNameFree(p *probe) {
	u := users.add(p, p.tenant, p.user("ada"))
	u.UserName = "lovelace"
	u = users.change(p, p.tenant, u)
	users.add(p, p.tenant, p.user("ADA"))
	p.ok(p.st.DeleteSCIMUser(p.ctx, p.tenant, u.ID, 0), "delete a user")
	users.add(p, p.tenant, p.user("Lovelace"))
	_, err := p.st.CreateSCIMUser(p.ctx, p.tenant, p.user("ada"))
	p.is(err, store.ErrConflict, "create a user whose name was freed and taken again")
}

func checkUserNameAtOnce(p *probe) {
	for round := range 3 {
		name := fmt.Sprintf("ada%d@example.com", round)
		list := make([]store.SCIMUser, 6)
		for i := range list {
			list[i] = p.user([]string{name, strings.ToUpper(name)}[i%2])
		}
		p.one(p.atOnce(len(list), func(i int) error {
			_, err := p.st.CreateSCIMUser(p.ctx, p.tenant, list[i])
			return err
		}), store.ErrConflict, "create 6 users of one name at once")

		for i := range list {
			list[i] = users.add(p, p.tenant, users.fresh(p))
			list[i].UserName = []string{"new" + name, "NEW" + name}[i%2]
		}
		p.one(p.atOnce(len(list), func(i int) error {
			_, err := p.st.UpdateSCIMUser(p.ctx, p.tenant, list[i])
			return err
		}), store.ErrConflict, "rename 6 users to one name at once")
	}
}

func checkUserErrorOrder(p *probe) {
	taken := users.add(p, p.tenant, users.fresh(p))
	u := users.add(p, p.tenant, users.fresh(p))
	u.UserName = taken.UserName
	_, err := p.st.UpdateSCIMUser(p.ctx, p.tenant, u)
	p.is(err, store.ErrConflict, "update the right version to a userName that is taken")
	u.Version++
	_, err = p.st.UpdateSCIMUser(p.ctx, p.tenant, u)
	p.is(err, store.ErrStale, "update another version to a userName that is taken")
	u.ID = p.newID()
	_, err = p.st.UpdateSCIMUser(p.ctx, p.tenant, u)
	p.is(err, store.ErrNotFound, "update a user that does not exist to a userName that is taken")
}

func checkUserVersion(p *probe) {
	u := users.add(p, p.tenant, users.fresh(p))
	for want := int64(2); want < 6; want++ {
		u = users.change(p, p.tenant, u)
		p.same(u.Version, want, "update a user for the %d. time", want-1)
	}
}

func checkUserExternalID(p *probe) {
	first := users.add(p, p.tenant, users.fresh(p))
	second := users.fresh(p)
	second.ExternalID = first.ExternalID
	second = users.add(p, p.tenant, second)
	got := users.walk(p, p.tenant, store.Query{Filter: store.Compare{Attr: store.AttrExternalID, Op: store.Eq, Value: first.ExternalID}})
	p.same(got, []store.SCIMUser{first, second}, "find users by the externalId that two have")
}

func checkUserBody(p *probe) {
	long := []byte(`{"nickName":"` + strings.Repeat("ä\\u0000x", 64<<10/9) + `"}`)
	for _, body := range []string{
		"{ \"b\" : 1.0,\n\t\"a\":1e2, \"b\":2 }",
		`{"x":"\u00e9é\/<>&'\\"}`,
		`{"n":12345678901234567890.10,"t":"2026-01-01T00:00:00+02:00"}`,
		`{"z":null,"a":[]}`,
		string(long),
	} {
		u := users.fresh(p)
		u.Body = []byte(body)
		u = users.add(p, p.tenant, u)
		p.that(bytes.Equal(u.Body, []byte(body)), "the bytes given", string(u.Body[:min(len(u.Body), 200)]), "create a user with the body %.100s, and look at what it returned", body)
		got := users.read(p, p.tenant, u)
		p.that(bytes.Equal(got.Body, []byte(body)), "the bytes given", string(got.Body[:min(len(got.Body), 200)]), "create a user with the body %.100s, then read it", body)
	}
	for i, u := range users.all(p, p.tenant) {
		u.Body = long
		p.same(users.change(p, p.tenant, u).Body, long, "give user %d a body of 64 KiB", i)
	}
	for _, u := range users.all(p, p.tenant) {
		p.same(u.Body, long, "list users with bodies of 64 KiB")
	}
}

func checkUserWithoutBody(p *probe) {
	want := users.addMany(p, p.tenant, 3)
	list := users.walk(p, p.tenant, store.Query{WithoutBody: true})
	p.same(idsOf(users, list), idsOf(users, want), "list users without their bodies")
	for i, got := range list {
		if len(got.Body) == 0 {
			got.Body = want[i].Body
		}
		p.same(got, want[i], "list users without their bodies")
	}
	p.same(users.all(p, p.tenant), want, "list users without their bodies, then with them")
}

func checkUserKeys(p *probe) {
	u := users.fresh(p)
	u.Keys = []store.Key{{Attr: "emails.value", Value: "b@x"}, {Attr: "emails.value", Value: "a@x"}, {Attr: "title", Value: "", Unique: true}, {Attr: "Emails.Value", Value: "B@x"}}
	want := u.Keys
	u = users.add(p, p.tenant, u)
	p.same(users.read(p, p.tenant, u).Keys, want, "create a user with keys, then read it")
	u.Keys = []store.Key{{Attr: "emails.value", Value: "c@x"}}
	want = u.Keys
	u = users.change(p, p.tenant, u)
	p.same(users.read(p, p.tenant, u).Keys, want, "update a user with other keys, then read it")

	for value, found := range map[string]int{"a@x": 0, "c@x": 1} {
		page, err := p.st.SCIMUsers(p.ctx, p.tenant, store.Query{Filter: store.Compare{Attr: "emails.value", Op: store.Eq, Value: value}})
		p.ok(err, "find a user by a key")
		if page.Exact || found == 1 {
			p.same(len(page.Items), found, "update a user with other keys, then find it by emails.value eq %q", value)
		}
	}
	u.Keys = nil
	u = users.change(p, p.tenant, u)
	p.same(len(users.read(p, p.tenant, u).Keys), 0, "update a user without keys, then read it")
}

func checkUserMemberships(p *probe) {
	u := users.add(p, p.tenant, users.fresh(p))
	stays := users.add(p, p.tenant, users.fresh(p))
	both := p.group("both", member(u.ID), member(stays.ID))
	other := p.group("other", member(stays.ID))
	p.is(p.st.DeleteSCIMUser(p.ctx, p.tenant, u.ID, u.Version+1), store.ErrStale, "delete another version of a user")
	p.same(p.membersOf(both.ID), []store.Member{member(u.ID), member(stays.ID)}, "fail to delete a user, then list the members of the user's group")

	p.ok(p.st.DeleteSCIMUser(p.ctx, p.tenant, u.ID, u.Version), "delete a user who is in a group")
	p.same(p.membersOf(both.ID), []store.Member{member(stays.ID)}, "delete a user, then list the members of the user's group")
	refs, err := p.st.SCIMGroupsOf(p.ctx, p.tenant, u.ID)
	p.ok(err, "ask for the groups of a deleted user")
	p.same(len(refs), 0, "ask for the groups of a deleted user")

	got := groups.read(p, p.tenant, both)
	p.that(got.MembersVersion > both.MembersVersion, fmt.Sprintf("a MembersVersion greater than %d", both.MembersVersion), fmt.Sprint(got.MembersVersion), "delete a user, then read the user's group")
	p.same(got.Version, both.Version, "delete a user, then read the Version of the user's group")
	p.same(groups.read(p, p.tenant, other), other, "delete a user, then read a group that the user was not in")
}

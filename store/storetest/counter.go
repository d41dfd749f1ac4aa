package storetest

import (
	"errors"
	"math/rand/v2"

	"github.com/tenantgate/tenantgate/store"
)

func counts(st store.Store) bool {
	_, ok := st.(store.SCIMCounter)
	return ok
}

func counterChecks() []check {
	return []check{
		{name: "walk", rule: "a count is the number of records that match the filter, or answers errors.ErrUnsupported", needs: counts, run: checkCounts},
		{name: "writes", rule: "a count follows creates, deletes and rolled-back transactions", needs: counts, run: checkCountWrites},
	}
}

// counted wants a count to be this, unless the store does not count the filter.
func (p *probe) counted(got int, err error, want int, did string, args ...any) {
	p.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	p.ok(err, did, args...)
	p.same(got, want, did, args...)
}

func checkCounts(p *probe) {
	c := p.st.(store.SCIMCounter)
	d := newDirectory(p)
	r := rand.New(rand.NewPCG(7, 11))
	for i := range 120 {
		e := d.expr(r, 2)
		if i == 0 {
			e = nil
		}
		n, err := c.CountSCIMUsers(p.ctx, p.tenant, e)
		p.counted(n, err, len(d.users.matching(e)), "count the users that match %#v", e)
		n, err = c.CountSCIMGroups(p.ctx, p.tenant, e)
		p.counted(n, err, len(d.groups.matching(e)), "count the groups that match %#v", e)
	}
}

func checkCountWrites(p *probe) {
	c := p.st.(store.SCIMCounter)
	want := 0
	check := func(did string) {
		p.Helper()
		n, err := c.CountSCIMUsers(p.ctx, p.tenant, nil)
		p.counted(n, err, want, "%s, then count the users", did)
		n, err = c.CountSCIMGroups(p.ctx, p.tenant, nil)
		p.counted(n, err, want, "%s, then count the groups", did)
	}
	check("do nothing")
	u, g := users.add(p, p.tenant, users.fresh(p)), p.group("g")
	users.add(p, p.tenantNamed("other"), users.fresh(p))
	want = 1
	check("create")
	_, err := p.st.CreateSCIMUser(p.ctx, p.tenant, u)
	p.is(err, store.ErrConflict, "create a user twice")
	check("fail to create")
	_, err = p.st.CreateSCIMUser(p.ctx, p.tenant, users.keyed(p, u.Keys...))
	p.is(err, store.ErrConflict, "create a user with the Unique Keys of another")
	_, err = p.st.CreateSCIMGroup(p.ctx, p.tenant, groups.keyed(p, g.Keys...), nil)
	p.is(err, store.ErrConflict, "create a group with the Unique Keys of another")
	check("fail to create for a Unique key")
	p.rollBack(func(tx store.Store) error { return p.writeMany(tx, p.tenant) }, "create a user and a group")
	check("roll back")
	p.none(p.atOnce(8, func(int) error {
		_, err := p.st.CreateSCIMUser(p.ctx, p.tenant, store.SCIMUser{Meta: store.Meta{ID: random()}, UserName: random(), Body: []byte("{}")})
		if err == nil {
			_, err = p.st.CreateSCIMGroup(p.ctx, p.tenant, store.SCIMGroup{Meta: store.Meta{ID: random()}, Body: []byte("{}")}, nil)
		}
		return err
	}), "create users and groups from 8 goroutines")
	want = 9
	check("create from 8 goroutines")
	p.ok(p.st.DeleteSCIMUser(p.ctx, p.tenant, u.ID, 0), "delete a user")
	p.ok(p.st.DeleteSCIMGroup(p.ctx, p.tenant, g.ID, 0), "delete a group")
	want = 8
	check("delete")
}

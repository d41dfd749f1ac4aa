package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// errRollBack is what a check's transactions fail with when they are to be undone.
var errRollBack = errors.New("storetest: roll back")

// rollBack runs fn in a transaction and undoes it.
func (p *probe) rollBack(fn func(tx store.Store) error, did string) {
	p.Helper()
	var failed error
	err := p.st.InTx(p.ctx, func(tx store.Store) error {
		if failed = fn(tx); failed != nil {
			return failed
		}
		return errRollBack
	})
	p.ok(failed, "%s in a transaction", did)
	p.is(err, errRollBack, "%s in a transaction whose fn then returns an error", did)
}

func txChecks() []check {
	return []check{
		{name: "commit", rule: "all that fn does through tx is committed when fn returns nil, events in order and once", run: checkTxCommit},
		{name: "rollback", rule: "nothing of what fn does is kept when fn returns an error, no record and no event, and InTx returns that error", run: checkTxRollback},
		{name: "panic", rule: "nothing of what fn does is kept when fn panics, and the panic goes on", run: checkTxPanic},
		{name: "own writes", rule: "reads through tx see its own writes, events too", run: checkTxOwnWrites},
		{name: "others", rule: "nobody else sees what a transaction has not committed", run: checkTxOthers},
		{name: "after errors", rule: "a transaction stays usable after ErrNotFound, ErrConflict and ErrStale", run: checkTxAfterErrors},
		{name: "nested", rule: "InTx of a tx is a part of it: it is committed and undone with the outer transaction", run: checkTxNested},
		{name: "nested error", rule: "an error in a nested InTx undoes what its fn did and leaves the outer transaction usable", run: checkTxNestedError},
		{name: "nested panic", rule: "a panic in a nested InTx that the outer fn recovers undoes what the inner fn did and leaves the outer transaction usable", run: checkTxNestedPanic},
		{name: "several tenants", rule: "a transaction may write several tenants, and their records and events are committed together", run: checkTxTenants},
		{name: "at once", rule: "concurrent transactions that read a version and write it lose no update", run: checkTxAtOnce},
		{name: "cancel", rule: "a transaction whose context is cancelled stores all and returns nil, or stores nothing and returns an error", run: checkTxCancel},
		{name: "optional interfaces", rule: "a transaction has the optional interfaces that its store has", run: checkTxOptional},
	}
}

// writeMany writes a record of several kinds with events.
func (p *probe) writeMany(tx store.Store, tenantID string) error {
	g := groups.fresh(p)
	_, err := tx.CreateSCIMUser(p.ctx, tenantID, users.fresh(p), p.event("user"))
	if err == nil {
		_, err = tx.CreateSCIMGroup(p.ctx, tenantID, g, membersNamed("a"), p.event("group"))
	}
	if err == nil {
		_, err = tx.ChangeSCIMMembers(p.ctx, tenantID, g.ID, store.MemberDelta{Add: membersNamed("b")}, p.tick(), nil, p.event("members"))
	}
	if err == nil {
		_, err = tx.CreateConnection(p.ctx, tenantID, connections.fresh(p), p.event("connection"))
	}
	if err == nil {
		err = tx.ChangeGrants(p.ctx, tenantID, []store.Grant{membership("a", "t", "g")}, nil, p.event("grants"))
	}
	if err == nil {
		err = tx.PutToken(p.ctx, tenantID, store.Token{Kind: "k", Key: "x", ExpiresAt: p.tick().Add(time.Minute)})
	}
	if err == nil {
		err = tx.SavePosition(p.ctx, tenantID, "r", 0, 7)
	}
	if err == nil {
		err = tx.AppendEvents(p.ctx, tenantID, p.event("last"))
	}
	return err
}

// written wants all that writeMany wrote to be there, or none of it.
func (p *probe) written(tenantID string, all bool, did string) {
	p.Helper()
	n, types, position := 0, []string(nil), int64(0)
	if all {
		n, types, position = 1, []string{"user", "group", "members", "connection", "grants", "last"}, 7
	}
	p.same(typesOf(p.events(tenantID)), types, "%s, then read the journal", did)
	p.same(len(users.all(p, tenantID)), n, "%s, then count the users", did)
	p.same(len(connections.all(p, tenantID)), n, "%s, then count the connections", did)
	p.same(len(p.ledger(tenantID)), n, "%s, then count the ledger's lines", did)
	list := groups.all(p, tenantID)
	p.same(len(list), n, "%s, then count the groups", did)
	refs, err := p.st.SCIMGroupsOf(p.ctx, tenantID, "a", "b")
	p.ok(err, "ask for the groups of members")
	p.same(len(refs), 2*n, "%s, then count the memberships", did)
	got, err := p.st.Position(p.ctx, tenantID, "r")
	p.ok(err, "read a position")
	p.same(got, position, "%s, then read the position", did)
	_, err = p.st.TakeToken(p.ctx, tenantID, "k", "x", p.tick())
	if all {
		p.ok(err, "%s, then take the token", did)
	} else {
		p.is(err, store.ErrNotFound, "%s, then take the token", did)
	}
}

func checkTxCommit(p *probe) {
	p.ok(p.st.InTx(p.ctx, func(store.Store) error { return nil }), "run an empty transaction")
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error { return p.writeMany(tx, p.tenant) }), "write records of several kinds in a transaction")
	p.written(p.tenant, true, "commit a transaction")
}

func checkTxRollback(p *probe) {
	p.rollBack(func(tx store.Store) error { return p.writeMany(tx, p.tenant) }, "write records of several kinds")
	p.written(p.tenant, false, "roll back a transaction")
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error { return p.writeMany(tx, p.tenant) }), "write in a transaction after one that was rolled back")
	p.written(p.tenant, true, "commit a transaction after one that was rolled back")
}

func checkTxPanic(p *probe) {
	recovered := recovering(func() {
		_ = p.st.InTx(p.ctx, func(tx store.Store) error {
			if err := p.writeMany(tx, p.tenant); err != nil {
				return err
			}
			panic(errRollBack)
		})
	})
	thrown, _ := recovered.(error)
	p.that(errors.Is(thrown, errRollBack), "the panic of fn", fmt.Sprint(recovered), "panic in a transaction")
	p.written(p.tenant, false, "panic in a transaction")
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error { return p.writeMany(tx, p.tenant) }), "write in a transaction after one that panicked")
	p.written(p.tenant, true, "commit a transaction after one that panicked")
}

// recovering returns what fn panicked with.
func recovering(fn func()) (recovered any) {
	defer func() { recovered = recover() }()
	fn()
	return nil
}

func checkTxOwnWrites(p *probe) {
	old := users.add(p, p.tenant, users.fresh(p), p.event("old"))
	type seen struct {
		user, byName, inGroup, members, events, grants int
		position                                       int64
		gone                                           error
	}
	var got seen
	err := p.st.InTx(p.ctx, func(tx store.Store) error {
		got = seen{}
		u, err := tx.CreateSCIMUser(p.ctx, p.tenant, users.fresh(p), p.event("new"))
		if err != nil {
			return err
		}
		g, err := tx.CreateSCIMGroup(p.ctx, p.tenant, groups.fresh(p), membersNamed(u.ID, old.ID))
		if err != nil {
			return err
		}
		if err := tx.DeleteSCIMUser(p.ctx, p.tenant, old.ID, 0, p.event("gone")); err != nil {
			return err
		}
		if err := tx.SavePosition(p.ctx, p.tenant, "r", 0, 3); err != nil {
			return err
		}
		if err := tx.ChangeGrants(p.ctx, p.tenant, []store.Grant{membership("a", "t", "g")}, nil); err != nil {
			return err
		}
		read, err := tx.SCIMUser(p.ctx, p.tenant, u.ID)
		got.user = int(read.Version)
		byName, err2 := tx.SCIMUsers(p.ctx, p.tenant, store.Query{Filter: store.Compare{Attr: store.AttrUserName, Op: store.Eq, Value: u.UserName}})
		got.byName = len(byName.Items)
		inGroup, err3 := walk(p.ctx, tx.SCIMUsers, p.tenant, store.Query{Filter: store.Compare{Attr: store.AttrGroup, Op: store.Eq, Value: g.ID}})
		got.inGroup = len(inGroup)
		members, err4 := tx.SCIMMembers(p.ctx, p.tenant, g.ID, "", 10)
		got.members = len(members)
		events, err5 := tx.Events(p.ctx, p.tenant, store.EventQuery{})
		got.events = len(events)
		lines, err6 := tx.Grants(p.ctx, p.tenant, "a")
		got.grants = len(lines)
		position, err7 := tx.Position(p.ctx, p.tenant, "r")
		got.position = position
		_, got.gone = tx.SCIMUser(p.ctx, p.tenant, old.ID)
		return errors.Join(err, err2, err3, err4, err5, err6, err7)
	})
	p.ok(err, "write and read in one transaction")
	p.is(got.gone, store.ErrNotFound, "delete a user, and read it in the same transaction")
	got.gone = nil
	p.same(got, seen{user: 1, byName: 1, inGroup: 1, members: 1, events: 3, grants: 1, position: 3}, "write, and read in the same transaction")
}

func checkTxOthers(p *probe) {
	u := users.add(p, p.tenant, users.fresh(p))
	started := make(chan struct{})
	read := make(chan error, 1)
	go func() {
		<-started
		got, err := p.st.SCIMUser(p.ctx, p.tenant, u.ID)
		if err == nil && got.Version != u.Version {
			err = fmt.Errorf("version %d, which was never committed", got.Version)
		}
		events, err2 := p.st.Events(p.ctx, p.tenant, store.EventQuery{})
		if len(events) != 0 {
			err2 = fmt.Errorf("%d events, which were never committed", len(events))
		}
		read <- errors.Join(err, err2)
	}()
	var got error
	signalled, waited := false, false
	p.rollBack(func(tx store.Store) error {
		next := u
		next.Active = !u.Active
		if _, err := tx.UpdateSCIMUser(p.ctx, p.tenant, next, p.event("t")); err != nil {
			return err
		}
		if !signalled {
			close(started)
			signalled = true
		}
		// The reader may have to wait until the transaction has ended.
		select {
		case got = <-read:
			waited = true
		case <-time.After(50 * time.Millisecond):
		}
		return nil
	}, "update a user while another reads it")
	if !waited {
		got = <-read
	}
	p.ok(got, "read a user and the journal while a transaction that is later rolled back has changed them")
}

func checkTxAfterErrors(p *probe) {
	u := users.add(p, p.tenant, users.fresh(p))
	d := p.claim(p.tenantNamed("other"), random()+".example", store.DomainVerified)
	c := connections.add(p, p.tenant, connections.fresh(p))
	g := p.group("g")
	t := p.token("k", "taken")
	now := p.tick()
	p.acquire("somebody", now)
	refusals := []struct {
		what string
		want error
		call func(tx store.Store) error
	}{
		{"read a user that does not exist", store.ErrNotFound, func(tx store.Store) error { _, err := tx.SCIMUser(p.ctx, p.tenant, "x"); return err }},
		{"update a user that does not exist", store.ErrNotFound, func(tx store.Store) error {
			_, err := tx.UpdateSCIMUser(p.ctx, p.tenant, users.fresh(p))
			return err
		}},
		{"create a user of a taken ID", store.ErrConflict, func(tx store.Store) error {
			v := users.fresh(p)
			v.ID = u.ID
			_, err := tx.CreateSCIMUser(p.ctx, p.tenant, v)
			return err
		}},
		{"create a user of a taken userName", store.ErrConflict, func(tx store.Store) error {
			_, err := tx.CreateSCIMUser(p.ctx, p.tenant, p.user(u.UserName))
			return err
		}},
		{"update another version of a user", store.ErrStale, func(tx store.Store) error {
			v := u
			v.Version = 9
			_, err := tx.UpdateSCIMUser(p.ctx, p.tenant, v)
			return err
		}},
		{"create a group of a taken ID", store.ErrConflict, func(tx store.Store) error {
			v := groups.fresh(p)
			v.ID = g.ID
			_, err := tx.CreateSCIMGroup(p.ctx, p.tenant, v, membersNamed("a"))
			return err
		}},
		{"change members of another version of a group", store.ErrStale, func(tx store.Store) error {
			_, err := tx.ChangeSCIMMembers(p.ctx, p.tenant, g.ID, store.MemberDelta{Add: membersNamed("a")}, now, &store.GroupVersion{})
			return err
		}},
		{"create a connection of a taken ID", store.ErrConflict, func(tx store.Store) error { _, err := tx.CreateConnection(p.ctx, p.tenant, c); return err }},
		{"verify another tenant's domain", store.ErrConflict, func(tx store.Store) error {
			v := domains.fresh(p)
			v.Name = d.Name
			_, err := tx.CreateDomain(p.ctx, p.tenant, v)
			return err
		}},
		{"put a token that exists", store.ErrConflict, func(tx store.Store) error { return tx.PutToken(p.ctx, p.tenant, t) }},
		{"take a token that does not exist", store.ErrNotFound, func(tx store.Store) error { _, err := tx.TakeToken(p.ctx, p.tenant, "k", "none", now); return err }},
		{"acquire a lease that is held", store.ErrConflict, func(tx store.Store) error {
			_, err := tx.AcquireLease(p.ctx, p.tenant, "work", "me", now, now.Add(time.Minute))
			return err
		}},
		{"move a position that is elsewhere", store.ErrStale, func(tx store.Store) error { return tx.SavePosition(p.ctx, p.tenant, "r", 5, 6) }},
		{"write another version of the settings", store.ErrStale, func(tx store.Store) error {
			_, err := tx.PutProvisioningSettings(p.ctx, p.tenant, p.settings(4))
			return err
		}},
	}
	answers := make([]error, len(refusals))
	failed := -1
	err := p.st.InTx(p.ctx, func(tx store.Store) error {
		for i, r := range refusals {
			answers[i] = r.call(tx)
			if err := tx.AppendEvents(p.ctx, p.tenant, p.event(r.what)); err != nil {
				failed = i
				return err
			}
		}
		return nil
	})
	for i, r := range refusals {
		if failed < 0 || i <= failed {
			p.is(answers[i], r.want, "%s in a transaction", r.what)
		}
	}
	p.that(failed < 0, "no error", describe(err), "append an event in a transaction in which it was refused to %s", refusals[max(failed, 0)].what)
	p.ok(err, "commit a transaction in which calls were refused")
	p.same(len(p.events(p.tenant)), len(refusals), "commit a transaction in which calls were refused, then count the events")
}

func checkTxTenants(p *probe) {
	a, b := p.tenantNamed("a"), p.tenantNamed("b")
	both := func(tx store.Store) error { return errors.Join(p.writeMany(tx, a), p.writeMany(tx, b)) }
	p.rollBack(both, "write two tenants")
	p.written(a, false, "roll back a transaction on two tenants")
	p.written(b, false, "roll back a transaction on two tenants")
	p.ok(p.st.InTx(p.ctx, both), "write two tenants in a transaction")
	p.written(a, true, "commit a transaction on two tenants")
	p.written(b, true, "commit a transaction on two tenants")
}

func checkTxAtOnce(p *probe) {
	const writers, rounds = 5, 6
	a := accounts.add(p, p.tenant, store.Account{Meta: p.meta()})
	p.none(p.atOnce(writers, func(int) error {
		for n := 0; n < rounds; {
			err := p.st.InTx(p.ctx, func(tx store.Store) error {
				next, err := tx.Account(p.ctx, p.tenant, a.ID)
				if err != nil {
					return err
				}
				next.Email += "x"
				at := time.Now()
				_, err = tx.UpdateAccount(p.ctx, p.tenant, next, store.Event{ID: store.NewID(at), Type: "x", At: at})
				return err
			})
			switch {
			case err == nil:
				n++
			case !errors.Is(err, store.ErrStale):
				return err
			}
		}
		return nil
	}), "read and update one account in transactions from %d goroutines", writers)
	p.same(len(accounts.read(p, p.tenant, a).Email), writers*rounds, "update one account %d times in concurrent transactions, and count what is left of it", writers*rounds)
	p.same(len(p.events(p.tenant)), writers*rounds, "update one account %d times in concurrent transactions, and count the events", writers*rounds)
}

func checkTxCancel(p *probe) {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	err := p.st.InTx(ctx, func(tx store.Store) error {
		err := p.writeMany(tx, p.tenant)
		cancel()
		return err
	})
	p.written(p.tenant, err == nil, fmt.Sprintf("cancel the context of a transaction, whose InTx then returned %q", fmt.Sprint(err)))
}

func checkTxOptional(p *probe) {
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error {
		has := func(st store.Store) [8]bool {
			return [8]bool{counts(st), keepsResources(st), keepsSetupLinks(st), keepsWebhooks(st), readsPeople(st), readsLocks(st), signsIn(st), looksUp(st)}
		}
		if has(p.st) != has(tx) {
			return errors.New("the transaction and its store differ in optional interfaces")
		}
		return nil
	}), "look at the optional interfaces of a transaction")
}

package storetest

import (
	"context"
	"errors"
	"reflect"

	"github.com/tenantgate/tenantgate/store"
)

func methodChecks() []check {
	return []check{
		{name: "complete", rule: "this suite calls every method of the contracts", run: checkComplete},
		{name: "answers", rule: "each method answers what its contract says where there is nothing, and where there is something already", run: checkAnswers},
		{name: "events", rule: "events given with a write are stored with it, each once and in order", run: checkWriteEvents},
		{name: "failed events", rule: "a write that fails stores no event and changes nothing", run: checkFailedEvents},
		{name: "rollback", rule: "a write in a transaction that is rolled back changes nothing and stores no event, whichever method it is", run: checkWriteRollback},
		{name: "reads", rule: "a read changes nothing", run: checkReads},
		{name: "cancelled", rule: "a method whose context is done returns its error and changes nothing", run: checkCancelled},
	}
}

func checkComplete(p *probe) {
	have := map[string]bool{}
	for _, m := range methods() {
		p.that(!have[m.name], "one row for a method", "two", "look for %s in the table of methods", m.name)
		have[m.name] = true
	}
	for _, contract := range contracts {
		for i := range contract.NumMethod() {
			name := contract.Method(i).Name
			p.that(have[name], "a row for each method", "none", "look for %s.%s in the table of methods", contract, name)
			delete(have, name)
		}
	}
	p.same(len(have), 0, "look for methods in the table that the contracts do not have")
}

// place returns a tenant where the world is settled, or one where nothing is.
func (p *probe) place(m method, what string, settled bool, w world) string {
	p.Helper()
	tenant := p.tenantNamed(m.name + " " + what)
	if settled {
		p.settle(tenant, w)
	}
	return tenant
}

func checkAnswers(p *probe) {
	for _, m := range p.calls(func(m method) bool { return !m.across }) {
		w := newWorld(p, "mark")
		tenant := p.place(m, "works", !m.creates, w)
		got, err := m.call(p.ctx, p.st, tenant, w, p.event(m.name))
		p.ok(err, "call %s where it has something to do", m.name)
		if m.reads {
			p.that(!empty(reflect.ValueOf(got)), "something", "nothing", "call %s where there is something", m.name)
		}
		if m.fails != nil || m.reads {
			tenant = p.place(m, "fails", m.creates, w)
			got, err = m.call(p.ctx, p.st, tenant, w, p.event(m.name))
			p.refusedOrEmpty(m, got, err, "where it has nothing to do")
		}
	}
}

// refusedOrEmpty wants the answer of a method that has nothing to do.
func (p *probe) refusedOrEmpty(m method, got any, err error, when string) {
	p.Helper()
	if m.fails != nil {
		p.is(err, m.fails, "call %s %s", m.name, when)
		return
	}
	p.ok(err, "call %s %s", m.name, when)
	p.that(empty(reflect.ValueOf(got)), "nothing", short(reflect.ValueOf(got)), "call %s %s", m.name, when)
}

func checkWriteEvents(p *probe) {
	for _, m := range p.calls(func(m method) bool { return takesEvents(m.name) }) {
		w := newWorld(p, "mark")
		tenant := p.place(m, "", !m.creates, w)
		before := len(p.events(tenant))
		given := []store.Event{p.event("1"), p.event("2"), p.event("3")}
		_, err := m.call(p.ctx, p.st, tenant, w, given...)
		p.ok(err, "call %s with 3 events", m.name)
		got := withoutSeq(p.events(tenant)[before:])
		for i := range got {
			got[i].Members = nil // the store sets it where members change
		}
		p.same(got, given, "call %s with 3 events, then read the journal", m.name)
	}
}

func checkFailedEvents(p *probe) {
	for _, m := range p.calls(func(m method) bool { return !m.reads && m.fails != nil }) {
		w := newWorld(p, "mark")
		tenant := p.place(m, "", m.creates, w)
		before := p.snap(tenant, w)
		_, err := m.call(p.ctx, p.st, tenant, w, p.event("1"), p.event("2"))
		p.is(err, m.fails, "call %s with 2 events where it must fail", m.name)
		p.same(p.snap(tenant, w), before, "call %s with 2 events where it must fail, then read everything", m.name)
	}
}

func checkWriteRollback(p *probe) {
	for _, m := range p.calls(func(m method) bool { return !m.reads && !m.across }) {
		w := newWorld(p, "mark")
		tenant := p.place(m, "", !m.creates, w)
		before := p.snap(tenant, w)
		p.rollBack(func(tx store.Store) error {
			_, err := m.call(p.ctx, tx, tenant, w, p.event("1"), p.event("2"))
			return err
		}, "call "+m.name)
		p.same(p.snap(tenant, w), before, "roll back %s, then read everything", m.name)
		_, err := m.call(p.ctx, p.st, tenant, w, p.event("1"))
		p.ok(err, "roll back %s, then call it again", m.name)
	}
}

func checkReads(p *probe) {
	w := newWorld(p, "mark")
	p.settle(p.tenant, w)
	before := p.snap(p.tenant, w)
	for _, m := range p.calls(func(m method) bool { return m.reads && m.name != "TenantOfDomain" }) {
		_, err := m.call(p.ctx, p.st, p.tenant, w)
		p.ok(err, "call %s", m.name)
	}
	p.same(p.snap(p.tenant, w), before, "call every method that reads, then read everything")
}

func checkCancelled(p *probe) {
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	for _, m := range p.calls(func(method) bool { return true }) {
		w := newWorld(p, "mark")
		tenant := p.place(m, "", !m.creates, w)
		before := p.snap(tenant, w)
		_, err := m.call(ctx, p.st, tenant, w, p.event("1"))
		p.that(errors.Is(err, context.Canceled), "an error matching context.Canceled", describe(err), "call %s with a cancelled context", m.name)
		p.same(p.snap(tenant, w), before, "call %s with a cancelled context, then read everything", m.name)
	}
	var failed error
	reached := errors.New("fn was never called")
	_ = p.st.InTx(p.ctx, func(tx store.Store) error {
		reached = nil
		_, failed = tx.CreateSCIMUser(ctx, p.tenant, users.fresh(p))
		return nil
	})
	p.ok(reached, "run a transaction")
	p.is(failed, context.Canceled, "write in a transaction with a cancelled context")
	p.same(len(users.all(p, p.tenant)), 0, "write in a transaction with a cancelled context, then count the users")
}

package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

func lifecycleChecks() []check {
	return []check{
		{name: "record", rule: "a tenant's lifecycle is what was last written, with an empty ID and every field as given, each write with a greater version", run: checkLifecycle},
		{name: "stale", rule: "a write of the lifecycle that names another version than the stored one, zero when there is none, answers ErrStale and changes nothing", run: checkLifecycleStale},
		{name: "copies", rule: "values are copies: changing a lifecycle that was passed or returned changes nothing stored", run: checkLifecycleCopies},
		{name: "states", rule: "TenantsInState returns the tenants whose lifecycle is in the state, each once, in byte order, from the first after the given one, up to limit", run: checkStates},
		{name: "holdings", rule: "Holdings counts every record of every kind that a tenant has, of that tenant alone", run: checkHoldings},
		{name: "erase", rule: "Erase removes up to limit records of the kind and says how many, until none is left; of no other kind, and of no other tenant", run: checkErase},
		{name: "erase all", rule: "a tenant of which every kind was erased has nothing, can hold all of it again, and holds nothing back from others", run: checkEraseAll},
		{name: "erase events", rule: "Erase removes the oldest events first, and Seq goes on where it was", run: checkEraseEvents},
		{name: "erase old events", rule: "EraseEvents removes the oldest events up to a Seq and up to limit, and says how many; of no other tenant, and Seq goes on", run: checkEraseOldEvents},
		{name: "erase read events", rule: "EraseEvents leaves what a reader with a saved position has not handled, and all after it; a mark holds nothing back", run: checkEraseReadEvents},
		{name: "erase old events at once", rule: "of the events up to a Seq several concurrent EraseEvents remove each once, and none after it", run: checkEraseOldEventsAtOnce},
		{name: "erase undone", rule: "what was erased in a transaction that is undone is there as before", run: checkEraseUndone},
	}
}

func (p *probe) lifecycle(version int64, state store.ServiceState) store.Lifecycle {
	l := filled[store.Lifecycle](p)
	now := p.tick()
	l.Meta = store.Meta{Version: version, CreatedAt: now, UpdatedAt: now}
	l.State = state
	return l
}

// putLifecycle writes a lifecycle and wants it back as given.
func (p *probe) putLifecycle(tenantID string, l store.Lifecycle) store.Lifecycle {
	p.Helper()
	got, err := p.st.PutLifecycle(p.ctx, tenantID, l)
	p.ok(err, "write the lifecycle naming version %d", l.Version)
	want := l
	want.TenantID, want.Version = tenantID, got.Version
	if l.Version != 0 {
		want.CreatedAt = got.CreatedAt
	}
	p.that(got.Version > l.Version, "a greater version", fmt.Sprint("version ", got.Version), "write the lifecycle naming version %d", l.Version)
	p.same(got, want, "write the lifecycle, and look at what came back")
	read, err := p.st.Lifecycle(p.ctx, tenantID)
	p.ok(err, "read the lifecycle")
	p.same(read, got, "write the lifecycle, then read it")
	return got
}

func checkLifecycle(p *probe) {
	_, err := p.st.Lifecycle(p.ctx, p.tenant)
	p.is(err, store.ErrNotFound, "read the lifecycle of a tenant of which nothing was written")
	p.finer, p.text = true, trickyText
	first := p.putLifecycle(p.tenant, p.lifecycle(0, store.ServiceSuspended))
	p.same(first.Version, int64(1), "write the first lifecycle")
	next := p.putLifecycle(p.tenant, p.lifecycle(first.Version, store.ServiceOn))
	p.same(next.CreatedAt, first.CreatedAt, "write the lifecycle again, and look at CreatedAt")
	p.putLifecycle(p.tenant, store.Lifecycle{Meta: store.Meta{Version: next.Version}})
}

func checkLifecycleStale(p *probe) {
	_, err := p.st.PutLifecycle(p.ctx, p.tenant, p.lifecycle(1, store.ServiceSuspended), p.event("stale"))
	p.is(err, store.ErrStale, "write the lifecycle naming version 1 when there is none")
	_, err = p.st.Lifecycle(p.ctx, p.tenant)
	p.is(err, store.ErrNotFound, "read the lifecycle after a stale first write")
	l := p.putLifecycle(p.tenant, p.lifecycle(0, store.ServiceOn))
	l = p.putLifecycle(p.tenant, p.lifecycle(l.Version, store.ServiceRemoving))
	for _, version := range []int64{0, 1, l.Version + 1} {
		_, err := p.st.PutLifecycle(p.ctx, p.tenant, p.lifecycle(version, store.ServiceOn), p.event("stale"))
		p.is(err, store.ErrStale, "write the lifecycle naming version %d when %d is stored", version, l.Version)
	}
	got, err := p.st.Lifecycle(p.ctx, p.tenant)
	p.ok(err, "read the lifecycle")
	p.same(got, l, "read the lifecycle after stale writes")
	p.same(len(p.events(p.tenant)), 0, "count events after stale writes")
	p.one(p.atOnce(6, func(int) error {
		_, err := p.st.PutLifecycle(p.ctx, p.tenant, store.Lifecycle{Meta: store.Meta{Version: l.Version}, State: store.ServiceRemoved})
		return err
	}), store.ErrStale, "write the lifecycle naming version %d from 6 goroutines", l.Version)
}

func checkLifecycleCopies(p *probe) {
	given := p.lifecycle(0, store.ServiceSuspended)
	got, err := p.st.PutLifecycle(p.ctx, p.tenant, given)
	p.ok(err, "write the lifecycle")
	want := deepCopy(got)
	for _, v := range []*store.Lifecycle{&given, &got} {
		scramble(reflect.ValueOf(v).Elem())
		got, err := p.st.Lifecycle(p.ctx, p.tenant)
		p.ok(err, "read the lifecycle")
		p.same(got, want, "change a lifecycle that was passed or returned, then read it")
		scramble(reflect.ValueOf(&got).Elem())
	}
	got, err = p.st.Lifecycle(p.ctx, p.tenant)
	p.ok(err, "read the lifecycle")
	p.same(got, want, "change a lifecycle that was read, then read it")
}

func checkStates(p *probe) {
	var want []string
	for _, name := range []string{"b", "a", "C", "a-1"} {
		tenant := p.tenantNamed(name)
		p.putLifecycle(tenant, p.lifecycle(0, store.ServiceRemoving))
		want = append(want, tenant)
	}
	slices.Sort(want)
	p.putLifecycle(p.tenantNamed("a-2"), p.lifecycle(0, store.ServiceSuspended))
	p.putLifecycle(p.tenantNamed("a-3"), p.lifecycle(0, store.ServiceOn))
	in := func(after string, limit int) []string {
		got, err := p.st.TenantsInState(p.ctx, store.ServiceRemoving, after, limit)
		p.ok(err, "list %d tenants that are being removed, after %q", limit, after)
		return got
	}
	got := in(p.prefix, store.MaxLimit)
	p.that(slices.IsSorted(got), "the tenants in byte order", fmt.Sprint(got), "list the tenants that are being removed")
	p.same(p.own(got), want, "list the tenants that are being removed")
	after := p.prefix
	for _, tenant := range want {
		p.same(in(after, 1), []string{tenant}, "list the first tenant that is being removed after %q", after)
		after = tenant
	}
	done, err := p.st.Lifecycle(p.ctx, want[1])
	p.ok(err, "read the lifecycle")
	done.State = store.ServiceRemoved
	p.putLifecycle(want[1], done)
	p.same(p.own(in(p.prefix, store.MaxLimit)), slices.Delete(slices.Clone(want), 1, 2), "finish the removal of one tenant, then list those that are being removed")

	// Of the tenants in service those are listed that have work: a-3 has, as its sample record does.
	inService := func() []string {
		got, err := p.st.TenantsInState(p.ctx, store.ServiceOn, p.prefix, store.MaxLimit)
		p.ok(err, "list the tenants in service that have work")
		return p.own(got)
	}
	p.same(inService(), []string{p.tenantNamed("a-3")}, "list the tenants in service that have work")
	worked, err := p.st.Lifecycle(p.ctx, p.tenantNamed("a-3"))
	p.ok(err, "read the lifecycle")
	worked.Work = nil
	p.putLifecycle(worked.TenantID, worked)
	p.same(len(inService()), 0, "finish the work of a tenant in service, then count those that have some")
}

// primaryKinds are the kinds that a settled world has, and how many of each.
func primaryKinds(st store.Store) map[store.RecordKind]int {
	kinds := map[store.RecordKind]int{
		store.KindConnection: 1, store.KindDomain: 1, store.KindDirectory: 1, store.KindAPIKey: 1, store.KindIdentity: 1,
		store.KindAccount: 1, store.KindSettings: 1, store.KindLifecycle: 1, store.KindUser: 1, store.KindGroup: 1, store.KindMember: 2,
		store.KindGrant: 1, store.KindToken: 1, store.KindLease: 1, store.KindEvent: 1, store.KindPosition: 1,
	}
	if keepsResources(st) {
		kinds[store.KindResource+deviceType] = 1
	}
	if keepsSetupLinks(st) {
		kinds[store.KindSetupLink] = 1
	}
	if keepsWebhooks(st) {
		kinds[store.KindWebhook] = 1
	}
	return kinds
}

// holds wants the tenant to have this many records of each kind; kinds of the store's own are passed over.
func (p *probe) holds(tenantID string, want map[store.RecordKind]int, did string, args ...any) {
	p.Helper()
	got, err := p.st.Holdings(p.ctx, tenantID)
	p.ok(err, "count holdings")
	known := primaryKinds(p.st)
	for kind, n := range got {
		p.that(n > 0, "no kind of which there is none", fmt.Sprint(kind, " ", n), did, args...)
		if _, ok := known[kind]; !ok && !strings.HasPrefix(string(kind), string(store.KindResource)) {
			delete(got, kind)
		}
	}
	p.same(got, want, did, args...)
}

func checkHoldings(p *probe) {
	owner, twin := p.tenantNamed("owner"), p.tenantNamed("twin")
	p.holds(owner, map[store.RecordKind]int{}, "count what a tenant has that nobody knows")
	w := newWorld(p, "secret")
	p.settle(owner, w)
	want := primaryKinds(p.st)
	p.holds(owner, want, "create one record of every kind, then count")
	p.settle(twin, w.twin(p, "plain"))
	users.add(p, twin, users.fresh(p))
	p.holds(owner, want, "give another tenant the same and more, then count")
}

func checkErase(p *probe) {
	owner, other := p.tenantNamed("owner"), p.tenantNamed("other")
	w := newWorld(p, "secret")
	p.settle(owner, w)
	p.settle(other, w.twin(p, "plain"))
	kept := p.snap(other, w)
	for range 4 {
		users.add(p, owner, users.fresh(p))
	}
	have := primaryKinds(p.st)
	have[store.KindUser] += 4
	kinds := make([]store.RecordKind, 0, len(have))
	for kind := range have {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		for left := have[kind]; kind != store.KindMember; left = have[kind] {
			n, err := p.st.Erase(p.ctx, owner, kind, 2)
			p.ok(err, "erase 2 records of kind %s", kind)
			p.same(n, min(left, 2), "erase 2 records of kind %s when there are %d", kind, left)
			have[kind] -= n
			if have[kind] == 0 {
				delete(have, kind)
			}
			if kind == store.KindGroup {
				delete(have, store.KindMember)
			}
			p.holds(owner, have, "erase records of kind %s, then count all", kind)
			if n == 0 {
				break
			}
		}
	}
	for _, kind := range []store.RecordKind{"", "no such kind", store.KindMember, store.KindResource + "NoSuchType"} {
		n, err := p.st.Erase(p.ctx, owner, kind, 0)
		p.ok(err, "erase records of kind %q", kind)
		p.same(n, 0, "erase records of kind %q", kind)
	}
	p.same(p.snap(other, w), kept, "erase all of a tenant, then read everything of another that has the same IDs")
}

func (p *probe) eraseAll(tenantID string) {
	p.Helper()
	for kind := range primaryKinds(p.st) {
		for {
			n, err := p.st.Erase(p.ctx, tenantID, kind, 0)
			p.ok(err, "erase the records of kind %s", kind)
			if n == 0 {
				break
			}
		}
	}
}

func checkEraseAll(p *probe) {
	w := newWorld(p, "")
	w.domain.State = store.DomainVerified
	p.settle(p.tenant, w)
	p.eraseAll(p.tenant)
	got, err := p.st.Holdings(p.ctx, p.tenant)
	p.ok(err, "count holdings")
	delete(got, "head") // where the journal goes on
	p.same(got, map[store.RecordKind]int{}, "erase every kind, then count")
	p.noTenantOf(w.domain.Name, "erase a verified domain, then ask for its tenant")
	states, err := p.st.TenantsInState(p.ctx, store.ServiceSuspended, p.tenant[:len(p.tenant)-1], store.MaxLimit)
	p.ok(err, "list suspended tenants")
	p.that(!slices.Contains(states, p.tenant), "other tenants alone", p.tenant, "erase a lifecycle, then list the suspended tenants")

	other := p.tenantNamed("other")
	p.settle(other, w)
	p.tenantOf(w.domain.Name, store.Ref{TenantID: other, ID: w.domain.ID}, "claim a domain whose holder was erased")
	again := newWorld(p, "")
	p.ok(p.st.AppendEvents(p.ctx, p.tenant, p.event("again")), "append an event after the others were erased")
	_, err = p.st.CreateSCIMUser(p.ctx, p.tenant, again.user)
	p.ok(err, "create a user after the others were erased")
	_, err = p.st.CreateSCIMGroup(p.ctx, p.tenant, again.group, again.members)
	p.ok(err, "create a group after the others were erased")
	p.same(len(users.all(p, p.tenant)), 1, "create a user after the others were erased, then list them")
}

func checkEraseEvents(p *probe) {
	for i := range 6 {
		p.ok(p.st.AppendEvents(p.ctx, p.tenant, p.event(fmt.Sprint("e", i))), "append an event")
	}
	before := p.events(p.tenant)
	n, err := p.st.Erase(p.ctx, p.tenant, store.KindEvent, 4)
	p.ok(err, "erase 4 events")
	p.same(n, 4, "erase 4 events of 6")
	p.same(p.events(p.tenant), before[4:], "erase 4 events of 6, then list them")
	n, err = p.st.Erase(p.ctx, p.tenant, store.KindEvent, 0)
	p.ok(err, "erase the other events")
	p.same(n, 2, "erase the other events")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "reader", 0, before[5].Seq), "save a position")
	p.ok(p.st.AppendEvents(p.ctx, p.tenant, p.event("late")), "append an event")
	after := p.events(p.tenant)
	p.same(len(after), 1, "append an event after all were erased, then list them")
	p.that(after[0].Seq > before[5].Seq, fmt.Sprint("more than ", before[5].Seq), fmt.Sprint(after[0].Seq), "append an event after all were erased, and look at its Seq")
	for _, q := range []store.EventQuery{{After: before[5].Seq}, {Before: after[0].Seq + 1}, {Newest: true, Limit: 1}} {
		got, err := p.st.Events(p.ctx, p.tenant, q)
		p.ok(err, "list events by %+v", q)
		p.same(got, after, "list events by %+v after all before were erased", q)
	}
	behind, err := p.st.TenantsBehind(p.ctx, "reader", p.tenant[:len(p.tenant)-1], store.MaxLimit)
	p.ok(err, "list the tenants that a reader is behind with")
	p.that(slices.Contains(behind, p.tenant), p.tenant, "other tenants", "append an event after all were erased, then list the tenants that a reader is behind with")
}

// appended appends n events, and returns all of the tenant.
func (p *probe) appended(tenantID string, n int) []store.Event {
	p.Helper()
	for i := range n {
		p.ok(p.st.AppendEvents(p.ctx, tenantID, p.event(fmt.Sprint("e", i))), "append an event")
	}
	return p.events(tenantID)
}

func (p *probe) eraseEvents(tenantID string, through int64, limit, want int, did string) {
	p.Helper()
	n, err := p.st.EraseEvents(p.ctx, tenantID, through, limit)
	p.ok(err, "%s", did)
	p.same(n, want, "%s, and look at how many were erased", did)
}

func checkEraseOldEvents(p *probe) {
	other := p.tenantNamed("other")
	kept := p.appended(other, 3)
	all := p.appended(p.tenant, 6)
	p.eraseEvents(p.tenant, all[0].Seq-1, 0, 0, "erase events up to a Seq before the first")
	p.eraseEvents(p.tenant, 0, 0, 0, "erase events up to Seq 0")
	p.eraseEvents(p.tenant, all[4].Seq, 2, 2, "erase 2 events up to the fifth of 6")
	p.same(p.events(p.tenant), all[2:], "erase 2 events up to the fifth of 6, then list them")
	p.eraseEvents(p.tenant, all[4].Seq, 0, 3, "erase the other events up to the fifth")
	p.same(p.events(p.tenant), all[5:], "erase the events up to the fifth of 6, then list them")
	p.eraseEvents(p.tenant, all[4].Seq, 0, 0, "erase the same events again")
	p.eraseEvents(p.tenant, all[5].Seq+1000, 0, 1, "erase all events")
	after := p.appended(p.tenant, 1)
	p.same(len(after), 1, "append an event after all were erased, then list them")
	p.that(after[0].Seq > all[5].Seq, fmt.Sprint("more than ", all[5].Seq), fmt.Sprint(after[0].Seq), "append an event after all were erased, and look at its Seq")
	p.same(p.events(other), kept, "erase the events of a tenant, then list those of another")

	p.rollBack(func(tx store.Store) error {
		_, err := tx.EraseEvents(p.ctx, other, kept[2].Seq, 0)
		return err
	}, "erase events")
	p.same(p.events(other), kept, "roll back the erasing of events, then list them")
}

func checkEraseReadEvents(p *probe) {
	all := p.appended(p.tenant, 6)
	p.ok(p.st.SavePosition(p.ctx, p.tenantNamed("other"), "slow", 0, 1), "save a position of another tenant")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "fast", 0, all[5].Seq), "save a position after the last event")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "slow", 0, all[2].Seq), "save a position after the third event")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, store.MarkPrefix+"place", 0, all[0].Seq), "save a mark after the first event")
	p.eraseEvents(p.tenant, all[5].Seq, 0, 3, "erase 6 events of which a reader has handled 3")
	p.same(p.events(p.tenant), all[3:], "erase 6 events of which a reader has handled 3, then list them")
	p.eraseEvents(p.tenant, all[5].Seq, 0, 0, "erase events that a reader has not handled")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "slow", all[2].Seq, all[4].Seq), "move the position by two events")
	p.eraseEvents(p.tenant, all[5].Seq, 1, 1, "erase one of two events that every reader has handled")
	p.eraseEvents(p.tenant, all[5].Seq, 0, 1, "erase the other one")
	p.same(p.events(p.tenant), all[5:], "erase what every reader has handled, then list the events")
}

func checkEraseOldEventsAtOnce(p *probe) {
	all := p.appended(p.tenant, 12)
	counts, more := make([]int, 6), 0
	for i, err := range p.atOnce(6, func(i int) (err error) {
		counts[i], err = p.st.EraseEvents(p.ctx, p.tenant, all[8].Seq, 4)
		return err
	}) {
		p.ok(err, "erase events from goroutine %d of 6", i)
	}
	for len(p.events(p.tenant)) > 3 { // those that waited for the same rows may have found none
		n, err := p.st.EraseEvents(p.ctx, p.tenant, all[8].Seq, 4)
		p.ok(err, "erase what is left")
		if n == 0 {
			break
		}
		more += n
	}
	total := more
	for _, n := range counts {
		total += n
	}
	p.same(p.events(p.tenant), all[9:], "erase the first 9 of 12 events from 6 goroutines, then list them")
	p.same(total, 9, "erase the first 9 of 12 events from 6 goroutines, and add up how many each erased")
}

func checkEraseUndone(p *probe) {
	w := newWorld(p, "")
	p.settle(p.tenant, w)
	before := p.snap(p.tenant, w)
	p.rollBack(func(tx store.Store) error {
		for kind := range primaryKinds(p.st) {
			if _, err := tx.Erase(p.ctx, p.tenant, kind, 0); err != nil {
				return err
			}
		}
		return tx.AppendEvents(p.ctx, p.tenant, p.event("undone"))
	}, "erase every kind")
	p.same(p.snap(p.tenant, w), before, "roll back the erasing of every kind, then read everything")
}

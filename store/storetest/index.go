package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func indexChecks() []check {
	return []check{
		{name: "domain", rule: "TenantOfDomain compares the name byte by byte", run: checkIndexDomain},
		{name: "issuer", rule: "ConnectionsByIssuer returns the active connections whose issuer is exactly this, of all tenants, ordered by tenant and ID", run: checkIndexIssuer},
		{name: "state", rule: "ConnectionsByState returns the connections in the state, of all tenants, ordered by tenant and ID, from the first after the given one, up to limit", run: checkIndexState},
		{name: "due", rule: "DomainsDue returns the domains that are not Unwatched and whose CheckAt is at or before the time, of all tenants, ordered by CheckAt, tenant and ID, from the first after the given one, up to limit; a zero CheckAt is due at any time", run: checkIndexDue},
		{name: "contested", rule: "DomainsContested returns the domains whose ContestedAt is set, of all tenants, ordered by tenant and ID, from the first after the given one, up to limit", run: checkIndexContested},
		{name: "tenants", rule: "Tenants returns the tenants that have a connection, each once, in byte order, from the first after the given one, up to limit", run: checkIndexTenants},
	}
}

func checkIndexDomain(p *probe) {
	name := random() + ".example"
	d := p.claim(p.tenant, name, store.DomainVerified)
	p.tenantOf(name, store.Ref{TenantID: p.tenant, ID: d.ID}, "ask for the tenant of a domain")
	for _, other := range []string{"", "%", name[1:], "x." + name, name + ".", "_" + name[1:]} {
		p.noTenantOf(other, fmt.Sprintf("ask for the tenant of the domain %q when there is %q", other, name))
	}
}

// connection creates a connection.
func (p *probe) connection(tenantID string, state store.ConnectionState, issuer string) store.Connection {
	p.Helper()
	c := connections.fresh(p)
	c.State, c.Issuer = state, issuer
	return connections.add(p, tenantID, c)
}

func refOf(c store.Connection) store.Ref { return store.Ref{TenantID: c.TenantID, ID: c.ID} }

// issuedBy wants exactly these connections for the issuer.
func (p *probe) issuedBy(issuer string, want []store.Ref, did string) {
	p.Helper()
	got, err := p.st.ConnectionsByIssuer(p.ctx, issuer)
	p.ok(err, "%s", did)
	p.same(got, want, "%s", did)
}

func checkIndexIssuer(p *probe) {
	issuer := "https://" + random() + ".example/Path?x=%20"
	a, b := p.tenantNamed("a"), p.tenantNamed("b")
	p.issuedBy(issuer, nil, "ask for the connections of an issuer that nobody has")
	second := p.connection(b, store.ConnectionActive, issuer)
	first := p.connection(a, store.ConnectionActive, issuer)
	third := p.connection(b, store.ConnectionActive, issuer)
	draft := p.connection(a, store.ConnectionSuspended, issuer)
	p.connection(a, store.ConnectionActive, issuer+"/")
	p.connection(a, store.ConnectionActive, "")
	p.issuedBy(issuer, []store.Ref{refOf(first), refOf(second), refOf(third)}, "ask for the connections of an issuer of two tenants")
	p.issuedBy(issuer[:len(issuer)-3]+"%2", nil, "ask for the connections of a similar issuer")

	draft.State = store.ConnectionActive
	draft = connections.change(p, a, draft)
	second.State = store.ConnectionDeleted
	connections.change(p, b, second)
	p.ok(p.st.DeleteConnection(p.ctx, b, third.ID, 0), "delete a connection")
	p.issuedBy(issuer, []store.Ref{refOf(first), refOf(draft)}, "activate one connection, end another, delete a third, then ask for those of the issuer")
	draft.Issuer = issuer + "/other"
	connections.change(p, a, draft)
	p.issuedBy(issuer, []store.Ref{refOf(first)}, "change a connection's issuer, then ask for those of the issuer before")
	p.issuedBy(draft.Issuer, []store.Ref{refOf(draft)}, "change a connection's issuer, then ask for those of the new one")
	p.rollBack(func(tx store.Store) error {
		first.State = store.ConnectionSuspended
		_, err := tx.UpdateConnection(p.ctx, a, first)
		return err
	}, "suspend a connection")
	p.issuedBy(issuer, []store.Ref{refOf(first)}, "roll back the suspension of a connection, then ask for those of the issuer")
}

func checkIndexState(p *probe) {
	var want []store.Ref
	var last store.Connection
	for i := range 9 {
		tenant := p.tenantNamed([]string{"a", "B", "c"}[i%3])
		last = p.connection(tenant, store.ConnectionSubmitted, "")
		p.connection(tenant, store.ConnectionApproved, "")
		want = append(want, refOf(last))
	}
	slices.SortFunc(want, compareRefs)
	start := store.Ref{TenantID: p.prefix}
	inState := func(after store.Ref, limit int) []store.Ref {
		got, err := p.st.ConnectionsByState(p.ctx, store.ConnectionSubmitted, after, limit)
		p.ok(err, "ask for %d submitted connections after %v", limit, after)
		return got
	}
	all := inState(start, store.MaxLimit)
	p.that(slices.IsSortedFunc(all, compareRefs), "references ordered by tenant and ID", fmt.Sprint(all), "ask for the submitted connections")
	p.that(len(all) >= len(want), "9 connections", fmt.Sprint(len(all)), "ask for the submitted connections")
	p.same(all[:len(want)], want, "ask for the submitted connections")
	for _, limit := range []int{1, 2, 4} {
		var got []store.Ref
		after := start
		for len(got) < len(want) {
			page := inState(after, limit)
			p.same(len(page), min(limit, max(len(page), 1)), "ask for %d submitted connections after %v", limit, after)
			got = append(got, page...)
			after = page[len(page)-1]
		}
		p.same(got[:len(want)], want, "walk the submitted connections by pages of %d", limit)
	}
	last.State = store.ConnectionApproved
	connections.change(p, last.TenantID, last)
	want = slices.DeleteFunc(want, func(r store.Ref) bool { return r == refOf(last) })
	p.same(inState(start, store.MaxLimit)[:len(want)], want, "approve a connection, then ask for the submitted ones")
}

// watched creates a domain that is to be looked at.
func (p *probe) watched(tenantID string, at time.Time) store.Domain {
	p.Helper()
	d := domains.fresh(p)
	d.Unwatched, d.CheckAt = false, at
	return domains.add(p, tenantID, d)
}

func dueOf(d store.Domain) store.DomainDue {
	return store.DomainDue{Ref: store.Ref{TenantID: d.TenantID, ID: d.ID}, At: store.Time(d.CheckAt)}
}

func compareDue(a, b store.DomainDue) int {
	return cmp.Or(a.At.Compare(b.At), compareRefs(a.Ref, b.Ref))
}

// due walks the domains that are due by pages, and returns those of this check's tenants.
func (p *probe) due(at time.Time, limit int) []store.DomainDue {
	p.Helper()
	var own []store.DomainDue
	for after := (store.DomainDue{}); ; {
		page, err := p.st.DomainsDue(p.ctx, at, after, limit)
		p.ok(err, "ask for %d domains due at %v after %v", limit, at, after)
		p.that(len(page) <= limit, fmt.Sprintf("at most %d domains", limit), fmt.Sprint(len(page)), "ask for domains that are due")
		for _, d := range page {
			p.that(compareDue(after, d) < 0 || after == store.DomainDue{}, fmt.Sprintf("what comes after %v", after), fmt.Sprint(d), "walk the domains that are due by pages of %d", limit)
			after = d
			if len(p.own([]string{d.TenantID})) > 0 {
				own = append(own, d)
			}
		}
		if len(page) == 0 {
			return own
		}
	}
}

func checkIndexDue(p *probe) {
	now := p.tick()
	a, b := p.tenantNamed("a"), p.tenantNamed("b")
	second := p.watched(b, now.Add(-time.Microsecond))
	p.watched(a, now.Add(time.Microsecond))
	third := p.watched(a, now)
	fourth := p.watched(b, now)
	fifth := p.watched(b, now)
	first := p.watched(b, time.Time{})
	domains.add(p, a, domains.fresh(p)) // is Unwatched
	want := []store.DomainDue{dueOf(first), dueOf(second), dueOf(third), dueOf(fourth), dueOf(fifth)}
	for _, limit := range []int{store.MaxLimit, 2, 1} {
		p.same(p.due(now, limit), want, "walk the domains that are due by pages of %d", limit)
	}
	p.same(p.due(now.Add(-time.Microsecond), store.MaxLimit), want[:2], "ask a microsecond earlier")

	first.CheckAt = now.Add(time.Hour)
	domains.change(p, b, first)
	third.Unwatched = true
	domains.change(p, a, third)
	p.ok(p.st.DeleteDomain(p.ctx, b, fifth.ID, 0), "delete a domain")
	p.rollBack(func(tx store.Store) error {
		d := second
		d.CheckAt = now.Add(time.Hour)
		_, err := tx.UpdateDomain(p.ctx, b, d)
		return err
	}, "put a domain off")
	p.same(p.due(now, store.MaxLimit), []store.DomainDue{want[1], want[3]}, "put one domain off, stop looking at another, delete a third, roll back a change of a fourth")
}

func checkIndexContested(p *probe) {
	a, b := p.tenantNamed("a"), p.tenantNamed("b")
	contested := func(tenantID string, at time.Time) store.Domain {
		d := domains.fresh(p)
		d.State, d.ContestedAt = store.DomainPending, at
		return domains.add(p, tenantID, d)
	}
	second := contested(b, p.tick())
	first := contested(a, p.tick())
	third := contested(b, p.tick())
	contested(a, time.Time{})
	ref := func(d store.Domain) store.Ref { return store.Ref{TenantID: d.TenantID, ID: d.ID} }
	walk := func(limit int) (own []store.Ref) {
		for after := (store.Ref{TenantID: p.prefix}); ; {
			page, err := p.st.DomainsContested(p.ctx, after, limit)
			p.ok(err, "ask for %d contested domains after %v", limit, after)
			p.that(len(page) <= limit && slices.IsSortedFunc(page, compareRefs), "a page in order", fmt.Sprint(page), "ask for %d contested domains", limit)
			for _, r := range page {
				if after = r; len(p.own([]string{r.TenantID})) > 0 {
					own = append(own, r)
				}
			}
			if len(page) == 0 {
				return own
			}
		}
	}
	for _, limit := range []int{store.MaxLimit, 1} {
		p.same(walk(limit), []store.Ref{ref(first), ref(second), ref(third)}, "walk the contested domains by pages of %d", limit)
	}
	second.ContestedAt = time.Time{}
	domains.change(p, b, second)
	p.same(walk(store.MaxLimit), []store.Ref{ref(first), ref(third)}, "end a contest")
}

func compareRefs(a, b store.Ref) int {
	return slices.Compare([]string{a.TenantID, a.ID}, []string{b.TenantID, b.ID})
}

func checkIndexTenants(p *probe) {
	for _, name := range []string{"b", "a", "C", "a", "a-1"} {
		p.connection(p.tenantNamed(name), store.ConnectionDraft, "")
	}
	users.add(p, p.tenantNamed("z"), users.fresh(p))
	want := []string{p.tenantNamed("C"), p.tenantNamed("a"), p.tenantNamed("a-1"), p.tenantNamed("b")}
	got, err := p.st.Tenants(p.ctx, p.prefix, store.MaxLimit)
	p.ok(err, "list tenants")
	p.that(slices.IsSorted(got), "the tenants in byte order", fmt.Sprint(got), "list tenants")
	p.same(p.own(got), want, "list the tenants that have a connection")
	after := p.prefix
	for _, tenant := range want {
		got, err := p.st.Tenants(p.ctx, after, 1)
		p.ok(err, "list the first tenant after %q", after)
		p.same(got, []string{tenant}, "list the first tenant after %q", after)
		after = tenant
	}
}

package storetest

import (
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

func indexChecks() []check {
	return []check{
		{name: "domain", rule: "TenantOfDomain compares the name byte by byte", run: checkIndexDomain},
		{name: "issuer", rule: "ConnectionsByIssuer returns the active connections whose issuer is exactly this, of all tenants, ordered by tenant and ID", run: checkIndexIssuer},
		{name: "state", rule: "ConnectionsByState returns the connections in the state, of all tenants, ordered by tenant and ID, from the first after the given one, up to limit", run: checkIndexState},
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

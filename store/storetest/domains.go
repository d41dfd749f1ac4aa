package storetest

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

var domains = kind[store.Domain]{
	name: "domain",
	fresh: func(p *probe) store.Domain {
		d := filled[store.Domain](p)
		d.Meta, d.Name, d.State = p.meta(), random()+".example", store.DomainVerified
		return d
	},
	bare: func(p *probe) store.Domain {
		return store.Domain{Meta: store.Meta{ID: p.newID()}, Name: random() + ".example", State: store.DomainPending}
	},
	meta: func(d *store.Domain) *store.Meta { return &d.Meta },
	get: func(st store.Store, ctx context.Context, tenantID string, d store.Domain) (store.Domain, error) {
		return st.Domain(ctx, tenantID, d.ID)
	},
	list:   store.Store.Domains,
	create: store.Store.CreateDomain,
	update: store.Store.UpdateDomain,
	remove: store.Store.DeleteDomain,
}

func domainChecks() []check {
	return []check{
		{name: "name unique", rule: "a tenant has a domain name at most once, pending or verified", run: checkDomainName},
		{name: "verified once", rule: "a domain name is verified for at most one tenant, while any tenant may claim it; TenantOfDomain names the one that holds it as verified", run: checkDomainVerified},
		{name: "verified at once", rule: "of several tenants that become verified at once exactly one succeeds, all others answer ErrConflict", run: checkDomainVerifiedAtOnce},
		{name: "verified in tx", rule: "a verification that is rolled back leaves the domain name free", run: checkDomainRollback},
	}
}

// claim creates a domain of a name.
func (p *probe) claim(tenantID, name string, state store.DomainState) store.Domain {
	p.Helper()
	d := domains.fresh(p)
	d.Name, d.State = name, state
	return domains.add(p, tenantID, d)
}

func checkDomainName(p *probe) {
	first := p.claim(p.tenant, random()+".example", store.DomainPending)
	for _, state := range []store.DomainState{store.DomainPending, store.DomainVerified} {
		second := domains.fresh(p)
		second.Name, second.State = first.Name, state
		_, err := p.st.CreateDomain(p.ctx, p.tenant, second)
		p.is(err, store.ErrConflict, "create a %s domain whose name the tenant has as pending", state)
	}
	second := p.claim(p.tenant, random()+".example", store.DomainPending)
	renamed := second
	renamed.Name = first.Name
	_, err := p.st.UpdateDomain(p.ctx, p.tenant, renamed)
	p.is(err, store.ErrConflict, "rename a domain to a name that the tenant has")
	p.same(domains.all(p, p.tenant), []store.Domain{first, second}, "list domains after conflicts")

	p.ok(p.st.DeleteDomain(p.ctx, p.tenant, first.ID, 0), "delete a domain")
	domains.change(p, p.tenant, renamed)
}

func checkDomainVerified(p *probe) {
	name := random() + ".example"
	a, b := p.tenantNamed("a"), p.tenantNamed("b")
	p.noTenantOf(name, "ask for the tenant of a domain that nobody claims")
	ofA := p.claim(a, name, store.DomainPending)
	ofB := p.claim(b, name, store.DomainPending)
	p.noTenantOf(name, "ask for the tenant of a domain that two tenants claim")

	ofA.State = store.DomainVerified
	ofA = domains.change(p, a, ofA)
	p.tenantOf(name, store.Ref{TenantID: a, ID: ofA.ID}, "ask for the tenant of a verified domain")

	taken := ofB
	taken.State = store.DomainVerified
	_, err := p.st.UpdateDomain(p.ctx, b, taken)
	p.is(err, store.ErrConflict, "verify a domain that another tenant holds as verified")
	third := domains.fresh(p)
	third.Name = name
	_, err = p.st.CreateDomain(p.ctx, p.tenant, third)
	p.is(err, store.ErrConflict, "create a verified domain that another tenant holds as verified")
	p.same(domains.read(p, b, ofB), ofB, "read a pending domain after its verification was refused")

	ofB.Token = "changed"
	ofB = domains.change(p, b, ofB)
	p.claim(p.tenant, name, store.DomainPending)
	p.tenantOf(name, store.Ref{TenantID: a, ID: ofA.ID}, "ask for the tenant of a verified domain that others claim")

	ofA.State = store.DomainPending
	domains.change(p, a, ofA)
	p.noTenantOf(name, "ask for the tenant of a domain that is no longer verified")
	ofB.State = store.DomainVerified
	ofB = domains.change(p, b, ofB)
	p.tenantOf(name, store.Ref{TenantID: b, ID: ofB.ID}, "ask for the tenant of a domain that passed to another")

	p.ok(p.st.DeleteDomain(p.ctx, b, ofB.ID, 0), "delete a verified domain")
	p.noTenantOf(name, "ask for the tenant of a domain that was deleted")
}

func checkDomainVerifiedAtOnce(p *probe) {
	for round := range 3 {
		name := random() + ".example"
		claims := make([]store.Domain, 6)
		tenant := func(i int) string { return p.tenantNamed(fmt.Sprint(round, "-", i)) }
		for i := range claims {
			claims[i] = p.claim(tenant(i), name, store.DomainPending)
			claims[i].State = store.DomainVerified
		}
		winner := p.one(p.atOnce(len(claims), func(i int) error {
			_, err := p.st.UpdateDomain(p.ctx, tenant(i), claims[i])
			return err
		}), store.ErrConflict, "verify one domain for 6 tenants at once")
		p.tenantOf(name, store.Ref{TenantID: tenant(winner), ID: claims[winner].ID}, "ask for the tenant of a domain that six wanted")
	}
}

func checkDomainRollback(p *probe) {
	d := p.claim(p.tenant, random()+".example", store.DomainPending)
	p.rollBack(func(tx store.Store) error {
		v := d
		v.State = store.DomainVerified
		_, err := tx.UpdateDomain(p.ctx, p.tenant, v)
		return err
	}, "verify a domain")
	p.noTenantOf(d.Name, "roll back a verification, then ask for the tenant of the domain")
	p.claim(p.tenantNamed("other"), d.Name, store.DomainVerified)
}

func (p *probe) tenantOf(name string, want store.Ref, did string) {
	p.Helper()
	got, err := p.st.TenantOfDomain(p.ctx, name)
	p.ok(err, "%s", did)
	p.same(got, want, "%s", did)
}

func (p *probe) noTenantOf(name, did string) {
	p.Helper()
	_, err := p.st.TenantOfDomain(p.ctx, name)
	p.is(err, store.ErrNotFound, "%s", did)
}

package storetest

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

func isolationChecks() []check {
	return []check{
		{name: "strangers", rule: "an ID of another tenant answers exactly as an ID that nobody has, in every method, and changes nothing of the other tenant", run: checkStrangers},
		{name: "twins", rule: "two tenants may have records of the same IDs and keys; each method reads and changes those of its own tenant alone", run: checkTwins},
		{name: "names", rule: "tenants are compared byte by byte", run: checkTenantNames},
	}
}

// checkStrangers calls every method for a tenant that has nothing, with what another
// tenant has.
func checkStrangers(p *probe) {
	owner := p.tenantNamed("owner")
	w := newWorld(p, "secret")
	p.settle(owner, w)
	before := p.snap(owner, w)
	for _, m := range p.calls(func(m method) bool { return !m.across }) {
		stranger := p.tenantNamed("stranger " + m.name)
		got, err := m.call(p.ctx, p.st, stranger, w, p.event("of a stranger"))
		switch {
		case m.creates:
			p.ok(err, "call %s with what another tenant has", m.name)
		case m.fails != nil || m.reads:
			p.refusedOrEmpty(m, got, err, "with what another tenant has")
		default:
			p.ok(err, "call %s with what another tenant has", m.name)
			if got != nil {
				p.that(empty(reflect.ValueOf(got)), "nothing", short(reflect.ValueOf(got)), "call %s with what another tenant has", m.name)
			}
		}
		p.same(p.snap(owner, w), before, "call %s for another tenant, then read everything of the owner", m.name)
	}
	missing := w.twin(p, "nobody's")
	for _, m := range p.calls(func(m method) bool { return !m.across && m.fails != nil && !m.creates }) {
		_, errOther := m.call(p.ctx, p.st, p.tenant, w)
		_, errNobody := m.call(p.ctx, p.st, p.tenantNamed("nobody"), missing)
		p.is(errNobody, m.fails, "call %s with IDs that nobody has", m.name)
		p.is(errOther, m.fails, "call %s with IDs of another tenant", m.name)
	}
}

// checkTwins calls every method for a tenant that has the same IDs and keys as another,
// and other texts.
func checkTwins(p *probe) {
	owner := p.tenantNamed("owner")
	w := newWorld(p, "secret")
	p.settle(owner, w)
	before := p.snap(owner, w)
	for _, m := range p.calls(func(m method) bool { return !m.across }) {
		twin := p.tenantNamed("twin " + m.name)
		t := w.twin(p, "plain")
		if !m.creates {
			p.settle(twin, t)
		}
		got, err := m.call(p.ctx, p.st, twin, t, p.event("of a twin"))
		p.ok(err, "call %s in a tenant that has the same IDs as another", m.name)
		p.that(!mentions(reflect.ValueOf(got), "secret"), "the tenant's own", "the other's", "call %s in a tenant that has the same IDs as another", m.name)
		if m.reads {
			p.that(!empty(reflect.ValueOf(got)), "the tenant's own", "nothing", "call %s in a tenant that has the same IDs as another", m.name)
		}
		p.ownMeta(reflect.ValueOf(got), twin, m.name)
		p.same(p.snap(owner, w), before, "call %s for a tenant that has the same IDs, then read everything of the other", m.name)
		token, err := p.st.TakeToken(p.ctx, twin, w.token.Kind, w.token.Key, w.now)
		if err == nil {
			p.same(token, t.token.Data, "take the token of a tenant that has the same keys as another")
		}
	}
	data, err := p.st.TakeToken(p.ctx, owner, w.token.Kind, w.token.Key, w.now)
	p.ok(err, "take a token after other tenants took theirs of the same key")
	p.same(data, w.token.Data, "take a token after other tenants took theirs of the same key")
}

// ownMeta wants every record in v to be of the tenant.
func (p *probe) ownMeta(v reflect.Value, tenantID, method string) {
	p.Helper()
	switch v.Kind() {
	case reflect.Struct:
		if m, ok := v.Interface().(store.Meta); ok {
			p.same(m.TenantID, tenantID, "call %s, and look at the TenantID of what came", method)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				p.ownMeta(v.Field(i), tenantID, method)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			p.ownMeta(v.Index(i), tenantID, method)
		}
	}
}

func checkTenantNames(p *probe) {
	base := p.tenantNamed("Org é_%'\\ x")
	others := []string{
		strings.ToLower(base), strings.ToUpper(base), base + " ", base[:len(base)-1], strings.ReplaceAll(base, "_", "-"),
		strings.ReplaceAll(base, "%", ""), strings.ReplaceAll(base, "é", "e\u0301"), base + "\u200b",
	}
	w := newWorld(p, "secret")
	p.settle(base, w)
	for i, other := range others {
		for _, m := range p.calls(func(m method) bool { return m.reads && !m.across }) {
			got, err := m.call(p.ctx, p.st, other, w)
			p.refusedOrEmpty(m, got, err, fmt.Sprintf("for the tenant %q with what %q has", other, base))
		}
		p.settle(other, w.twin(p, fmt.Sprint("plain ", i)))
	}
	p.same(users.all(p, base), []store.SCIMUser{users.stored(base, w.user)}, "list the users of %q after %d similar tenants got some", base, len(others))
}

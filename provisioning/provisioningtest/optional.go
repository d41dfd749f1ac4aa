package provisioningtest

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// has says whether the Target has an optional interface.
func has[T any](h Host) bool {
	_, ok := h.Target.(T)
	return ok
}

// optional is the Target as one of its optional interfaces.
func optional[T any](p *probe) T {
	p.Helper()
	t, ok := p.Target.(T)
	if !ok {
		p.fail("a Target that has the interface", "none", "look at the Target")
	}
	return t
}

// readsFields says that the suite can read fields of accounts.
func readsFields(h Host) bool { return h.Field != nil || has[provisioning.FieldReader](h) }

// field reads a field of an account; empty if there is none.
func (p *probe) field(tenantID, id, field string) (value string) {
	p.Helper()
	if p.Field != nil {
		value, err := p.Field(p.ctx, tenantID, id, field)
		p.ok(err, "Host.Field of %s", field)
		return value
	}
	for _, f := range p.fieldsOf(tenantID, id) {
		if f.Field == field {
			value = f.Value
		}
	}
	return value
}

// fieldsOf is what the host tells of an account's fields.
func (p *probe) fieldsOf(tenantID, id string) (list []provisioning.HostField) {
	p.Helper()
	p.do("FieldsOf", func(tx store.Store) (err error) {
		list, err = optional[provisioning.FieldReader](p).FieldsOf(p.ctx, tx, tenantID, id)
		return err
	})
	return list
}

// tried are the fields that SetField is tried with.
func (p *probe) tried() []string {
	if p.Fields == nil {
		return []string{"title"}
	}
	return slices.Clone(p.Fields)
}

func (p *probe) setField(tenantID, id, field, value string) {
	p.Helper()
	p.do("SetField "+field, func(tx store.Store) error {
		return optional[provisioning.FieldSetter](p).SetField(p.ctx, tx, tenantID, id, provisioning.FieldValue{Field: field, Value: value, Source: provisioning.FieldFromDirectory})
	})
}

// quietly runs fn, whose error is an answer, too.
func (p *probe) quietly(fn func(tx store.Store) error) { _ = p.Store.InTx(p.ctx, fn) }

// works asks what tells whether somebody can still do something.
func (p *probe) works(is func(context.Context) (bool, error), what string) bool {
	p.Helper()
	ok, err := is(p.ctx)
	p.ok(err, "ask about %s", what)
	return ok
}

// ownMethods are those of optional interfaces that end something of an account.
type ownMethod struct {
	name string
	has  func(Host) bool
	give func(h Host) func(ctx context.Context, tenantID, accountID string) (func(context.Context) (bool, error), error)
	call func(p *probe, tx store.Store, tenantID, accountID string) error
	what string
}

func ownMethods() []ownMethod {
	return []ownMethod{
		{
			"EndPassword", has[provisioning.PasswordEnder], func(h Host) func(context.Context, string, string) (func(context.Context) (bool, error), error) {
				return h.Password
			},
			func(p *probe, tx store.Store, tenantID, id string) error {
				return optional[provisioning.PasswordEnder](p).EndPassword(p.ctx, tx, tenantID, id)
			}, "the password",
		},
		{
			"RevokeTokens", has[provisioning.TokenRevoker], func(h Host) func(context.Context, string, string) (func(context.Context) (bool, error), error) {
				return h.Token
			},
			func(p *probe, tx store.Store, tenantID, id string) error {
				return optional[provisioning.TokenRevoker](p).RevokeTokens(p.ctx, tx, tenantID, id)
			}, "the API token",
		},
		{
			"EndSessions", has[provisioning.SessionEnder], func(h Host) func(context.Context, string, string) (func(context.Context) (bool, error), error) {
				return h.SignIn
			},
			func(p *probe, tx store.Store, tenantID, id string) error {
				return optional[provisioning.SessionEnder](p).EndSessions(p.ctx, tx, tenantID, id)
			}, "the session",
		},
	}
}

// takeOverChecks are about accounts that a directory takes over, and gives back.
func takeOverChecks() []check {
	var out []check
	for _, m := range ownMethods() {
		needs := func(h Host) bool { return m.has(h) && m.give(h) != nil }
		call := func(p *probe, tenantID, id string) {
			p.Helper()
			p.do(m.name, func(tx store.Store) error { return m.call(p, tx, tenantID, id) })
		}
		give := func(p *probe, tenantID, id string) func(context.Context) (bool, error) {
			p.Helper()
			is, err := m.give(p.Host)(p.ctx, tenantID, id)
			p.ok(err, "give an account %s", m.what)
			p.that(p.works(is, m.what), m.what+" works", "it does not", "give an account %s", m.what)
			return is
		}
		out = append(
			out,
			check{name: m.name, rule: m.name + " ends " + m.what + " and nothing else; done again it changes nothing", needs: needs, run: func(p *probe) {
				id, _ := p.account(p.Tenant)
				other, _ := p.account(p.Tenant)
				team, _ := p.team(p.Tenant)
				p.setMember(p.Tenant, team, id, p.TeamRoles[0])
				is, theirs := give(p, p.Tenant, id), give(p, p.Tenant, other)
				before := p.world(p.Tenant, id, team)
				for range 2 {
					call(p, p.Tenant, id)
					p.that(!p.works(is, m.what), m.what+" has ended", "it works", "%s", m.name)
					after := p.world(p.Tenant, id, team)
					p.that(before == after, before, after, "%s", m.name)
				}
				p.that(p.works(theirs, m.what), "another account's works", "it has ended", "%s", m.name)
			}},
			check{name: m.name + " isolation", rule: m.name + " ends nothing of another tenant's account", needs: needs, run: func(p *probe) {
				id, _ := p.account(p.Other)
				is := give(p, p.Other, id)
				p.quietly(func(tx store.Store) error { return m.call(p, tx, p.Tenant, id) })
				p.that(p.works(is, m.what), m.what+" works", "it has ended", "%s with an account of another tenant", m.name)
			}},
		)
	}
	invites := has[provisioning.AccountInviter]
	invite := func(p *probe, tx store.Store, id string) error {
		return optional[provisioning.AccountInviter](p).InviteAccount(p.ctx, tx, p.Tenant, id)
	}
	return append(
		out,
		check{name: "InviteAccount", rule: "InviteAccount changes nothing of the account", needs: invites, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			before := p.world(p.Tenant, id, team)
			p.do("InviteAccount", func(tx store.Store) error { return invite(p, tx, id) })
			after := p.world(p.Tenant, id, team)
			p.that(before == after, before, after, "InviteAccount")
		}},
		check{name: "InviteAccount queued", rule: "InviteAccount queues the invitation in the transaction: one that is undone sends none", needs: func(h Host) bool { return invites(h) && h.Invited != nil }, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			invited := func() bool {
				return p.works(func(ctx context.Context) (bool, error) { return p.Invited(ctx, p.Tenant, id) }, "the invitation")
			}
			if !p.Elsewhere {
				p.undo("InviteAccount", func(tx store.Store) error { return invite(p, tx, id) })
				p.that(!invited(), "no invitation", "one", "InviteAccount in a transaction that is undone")
			}
			p.do("InviteAccount", func(tx store.Store) error { return invite(p, tx, id) })
			p.that(invited(), "an invitation", "none", "InviteAccount")
		}},
	)
}

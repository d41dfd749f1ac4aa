package provisioningtest

import (
	"slices"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// attrPhone is the field of telephone numbers, tenant.FieldPhone.
const attrPhone = "phoneNumbers"

func setsFields(h Host) bool { return has[provisioning.FieldSetter](h) && readsFields(h) }

// fieldChecks are about fields of accounts that directory and person both have a say in.
func fieldChecks() []check {
	reads := has[provisioning.FieldReader]
	return []check{
		{name: "set", rule: "SetField gives the account the value", needs: setsFields, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for _, f := range p.tried() {
				for _, value := range []string{"Analyst", "O'Brien – «Ärztin» 100%"} {
					p.setField(p.Tenant, id, f, value)
					p.that(p.field(p.Tenant, id, f) == value, value, p.field(p.Tenant, id, f), "SetField %s", f)
				}
			}
		}},
		{name: "twice", rule: "SetField with what the account has is no error, and changes nothing", needs: setsFields, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for _, f := range p.tried() {
				p.setField(p.Tenant, id, f, "Analyst")
				p.setField(p.Tenant, id, f, "Analyst")
				p.that(p.field(p.Tenant, id, f) == "Analyst", "Analyst", p.field(p.Tenant, id, f), "SetField %s twice", f)
			}
		}},
		{name: "clear", rule: "SetField with an empty value takes the value away", needs: setsFields, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for _, f := range p.tried() {
				p.setField(p.Tenant, id, f, "")
				p.setField(p.Tenant, id, f, "Analyst")
				p.setField(p.Tenant, id, f, "")
				p.that(p.field(p.Tenant, id, f) == "", "no value", p.field(p.Tenant, id, f), "SetField %s, then to nothing", f)
			}
		}},
		{name: "nothing else", rule: "SetField changes nothing else of the account, and nothing of others", needs: setsFields, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			other, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.setMember(p.Tenant, team, id, p.TeamRoles[0])
			for i, f := range p.tried() {
				p.setField(p.Tenant, other, f, "theirs")
				before := p.world(p.Tenant, id, team)
				p.setField(p.Tenant, id, f, "Analyst")
				after := p.world(p.Tenant, id, team)
				p.that(before == after, before, after, "SetField %s", f)
				p.that(p.field(p.Tenant, other, f) == "theirs", "theirs", p.field(p.Tenant, other, f), "SetField %s of another account", f)
				for _, earlier := range p.tried()[:i] {
					p.that(p.field(p.Tenant, id, earlier) == "Analyst", "Analyst", p.field(p.Tenant, id, earlier), "SetField %s after %s", f, earlier)
				}
			}
		}},
		{name: "isolation", rule: "SetField changes nothing of another tenant's account", needs: setsFields, run: func(p *probe) {
			id, _ := p.account(p.Other)
			for _, f := range p.tried() {
				p.setField(p.Other, id, f, "theirs")
				p.quietly(func(tx store.Store) error {
					return optional[provisioning.FieldSetter](p).SetField(p.ctx, tx, p.Tenant, id, provisioning.FieldValue{Field: f, Value: "mine"})
				})
				p.that(p.field(p.Other, id, f) == "theirs", "theirs", p.field(p.Other, id, f), "SetField %s with an account of another tenant", f)
			}
		}},
		{name: "kept", rule: "UpdateProfile leaves the fields that Profile.Keep names, and with KeepPhone the number that the host has; of the others it takes what came", needs: readsFields, run: func(p *probe) {
			id, who := p.account(p.Tenant)
			update := func(who provisioning.Profile) {
				p.do("UpdateProfile", func(tx store.Store) error { return p.Target.UpdateProfile(p.ctx, tx, p.Tenant, id, who) })
			}
			update(who)
			name, phone := p.field(p.Tenant, id, "displayName"), p.field(p.Tenant, id, attrPhone)
			next := who
			next.DisplayName, next.Phone, next.Keep, next.KeepPhone = "Another "+random(), "+49 30 2", []string{"displayName", "phone"}, true
			update(next)
			p.that(p.field(p.Tenant, id, "displayName") == name, name, p.field(p.Tenant, id, "displayName"), "UpdateProfile with Keep displayName and phone")
			p.that(p.field(p.Tenant, id, attrPhone) == phone, phone, p.field(p.Tenant, id, attrPhone), "UpdateProfile with Keep displayName and phone")
			next.Keep = nil
			update(next)
			p.that(p.field(p.Tenant, id, attrPhone) == phone, phone, p.field(p.Tenant, id, attrPhone), "UpdateProfile with KeepPhone")
			next.KeepPhone = false
			update(next)
			for field, want := range map[string]string{"displayName": next.DisplayName, attrPhone: next.Phone} {
				// A host need not have the field.
				got := p.field(p.Tenant, id, field)
				p.that(got == want || got == "", want, got, "UpdateProfile with nothing kept")
			}
		}},
		{name: "read", rule: "FieldsOf tells each field once, with what SetField gave", needs: func(h Host) bool { return reads(h) && has[provisioning.FieldSetter](h) }, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for _, f := range p.tried() {
				p.setField(p.Tenant, id, f, "Analyst")
				var got []string
				for _, h := range p.fieldsOf(p.Tenant, id) {
					if h.Field == f {
						got = append(got, h.Value)
					}
				}
				p.that(slices.Equal(got, []string{"Analyst"}), "[Analyst]", got, "SetField %s, then FieldsOf", f)
			}
		}},
		{name: "read isolation", rule: "FieldsOf tells nothing of another tenant's account", needs: reads, run: func(p *probe) {
			id, _ := p.account(p.Other)
			var list []provisioning.HostField
			p.quietly(func(tx store.Store) (err error) {
				list, err = optional[provisioning.FieldReader](p).FieldsOf(p.ctx, tx, p.Tenant, id)
				return err
			})
			for _, f := range list {
				p.that(f.Value == "", "no value", f, "FieldsOf with an account of another tenant")
			}
		}},
		{name: "undone", rule: "what SetField did in a transaction that is undone, the host does not have", needs: func(h Host) bool { return here(h) && setsFields(h) }, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for _, f := range p.tried() {
				p.setField(p.Tenant, id, f, "before")
				p.undo("SetField "+f, func(tx store.Store) error {
					return optional[provisioning.FieldSetter](p).SetField(p.ctx, tx, p.Tenant, id, provisioning.FieldValue{Field: f, Value: "undone"})
				})
				p.that(p.field(p.Tenant, id, f) == "before", "before", p.field(p.Tenant, id, f), "SetField in a transaction that is undone")
			}
		}},
	}
}

package provisioningtest

import (
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// departureChecks are about people who go: what they leave, and accounts that are deleted.
func departureChecks() []check {
	asks := has[provisioning.Deprovisioner]
	duties := func(h Host) bool { return asks(h) && h.Duty != nil }
	before := func(p *probe, id string) (left []provisioning.HandOver) {
		p.Helper()
		p.do("BeforeDeprovision", func(tx store.Store) (err error) {
			left, err = optional[provisioning.Deprovisioner](p).BeforeDeprovision(p.ctx, tx, p.Tenant, id)
			return err
		})
		return left
	}
	deletes := has[provisioning.AccountDeleter]
	remove := func(p *probe, id string) {
		p.Helper()
		p.do("DeleteAccount", func(tx store.Store) error {
			return optional[provisioning.AccountDeleter](p).DeleteAccount(p.ctx, tx, p.Tenant, id)
		})
	}
	// away is an account without access, in a team.
	away := func(p *probe, tenantID string) (id, team, email string) {
		p.Helper()
		id, who := p.account(tenantID)
		team, _ = p.team(tenantID)
		p.setMember(tenantID, team, id, p.TeamRoles[0])
		p.setActive(tenantID, id, false)
		return id, team, who.Email
	}
	return []check{
		{name: "before", rule: "BeforeDeprovision ends neither access nor roles nor memberships: SetActive comes after it", needs: asks, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.setMember(p.Tenant, team, id, p.topTeamRole())
			want := p.world(p.Tenant, id, team)
			for range 2 {
				before(p, id)
				got := p.world(p.Tenant, id, team)
				p.that(want == got, want, got, "BeforeDeprovision")
			}
		}},
		{name: "duties", rule: "BeforeDeprovision says what somebody has to take over, in words for people", needs: duties, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			p.ok(p.Duty(p.ctx, p.Tenant, id), "give somebody a duty")
			left := before(p, id)
			p.that(len(left) > 0, "what the person leaves", "nothing", "BeforeDeprovision of somebody with a duty")
			for _, h := range left {
				p.that(h.Message != "" || h.Kind != "" && h.Name != "", "a message, or a kind and a name", h, "BeforeDeprovision of somebody with a duty")
			}
		}},
		{name: "duties isolation", rule: "BeforeDeprovision tells nothing of another tenant's account", needs: duties, run: func(p *probe) {
			id, _ := p.account(p.Other)
			p.ok(p.Duty(p.ctx, p.Other, id), "give somebody a duty")
			var left []provisioning.HandOver
			p.quietly(func(tx store.Store) (err error) {
				left, err = optional[provisioning.Deprovisioner](p).BeforeDeprovision(p.ctx, tx, p.Tenant, id)
				return err
			})
			p.that(len(left) == 0, "nothing", left, "BeforeDeprovision with an account of another tenant")
		}},
		{name: "delete", rule: "DeleteAccount deletes the account with its memberships, and nothing of others; done again it changes nothing", needs: deletes, run: func(p *probe) {
			id, team, email := away(p, p.Tenant)
			other, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, team, other, p.TeamRoles[0])
			for range 2 {
				remove(p, id)
				_, found := p.find(p.Tenant, id)
				p.that(!found, "no account", "it", "DeleteAccount, then Accounts")
				_, found = p.byEmail(p.Tenant, email)
				p.that(!found, "nobody", "an account", "DeleteAccount, then AccountByEmail")
				p.that(p.role(p.Tenant, team, other) != "", "another account's membership", "none", "DeleteAccount")
			}
		}},
		{name: "delete isolation", rule: "DeleteAccount deletes no other tenant's account", needs: deletes, run: func(p *probe) {
			id, team, _ := away(p, p.Other)
			want := p.world(p.Other, id, team)
			p.quietly(func(tx store.Store) error {
				return optional[provisioning.AccountDeleter](p).DeleteAccount(p.ctx, tx, p.Tenant, id)
			})
			got := p.world(p.Other, id, team)
			p.that(want == got, want, got, "DeleteAccount with an account of another tenant")
		}},
		{name: "delete undone", rule: "an account that DeleteAccount deleted in a transaction that is undone is there", needs: func(h Host) bool { return here(h) && deletes(h) }, run: func(p *probe) {
			id, team, _ := away(p, p.Tenant)
			want := p.world(p.Tenant, id, team)
			p.undo("DeleteAccount", func(tx store.Store) error {
				return optional[provisioning.AccountDeleter](p).DeleteAccount(p.ctx, tx, p.Tenant, id)
			})
			got := p.world(p.Tenant, id, team)
			p.that(want == got, want, got, "DeleteAccount in a transaction that is undone")
		}},
	}
}

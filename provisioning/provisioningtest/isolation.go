package provisioningtest

import (
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

func isolationChecks() []check {
	checks := []check{
		{name: "accounts", rule: "Accounts does not find another tenant's accounts", run: func(p *probe) {
			id, _ := p.account(p.Other)
			_, found := p.find(p.Tenant, id)
			p.that(!found, "none", "an account", "Accounts with the ID of another tenant's account")
		}},
		{name: "by email", rule: "what AccountByEmail says of somebody outside of the tenant has no role and no team", run: func(p *probe) {
			id, who := p.account(p.Other)
			team, _ := p.team(p.Other)
			p.setMember(p.Other, team, id, p.TeamRoles[0])
			a, found := p.byEmail(p.Tenant, who.Email)
			p.that(!found || a.OrgRole == "" && len(a.Teams) == 0, "nobody, or an account without role and teams", a, "AccountByEmail of somebody of another tenant")
		}},
		{name: "owners", rule: "Owners are this tenant's", run: func(p *probe) {
			id, _ := p.account(p.Other)
			p.setOrgRole(p.Other, id, p.topRole())
			p.that(!p.isOwner(p.Tenant, id), "not among the owners", "among them", "make an owner in another tenant")
		}},
		{name: "root", rule: "RootAccount is this tenant's", run: func(p *probe) {
			var mine, theirs string
			p.do("RootAccount of two tenants", func(tx store.Store) (err error) {
				if mine, err = p.Target.RootAccount(p.ctx, tx, p.Tenant); err != nil {
					return err
				}
				theirs, err = p.Target.RootAccount(p.ctx, tx, p.Other)
				return err
			})
			if mine != "" && mine == theirs { // one person may have made both
				p.state(p.Tenant, mine)
			}
		}},
		{name: "teams", rule: "Teams does not find another tenant's teams", run: func(p *probe) {
			id, _ := p.team(p.Other)
			for _, ids := range [][]string{nil, {id}} {
				_, found := p.teams(p.Tenant, ids)[id]
				p.that(!found, "none", "a team", "Teams of another tenant's (%v)", ids)
			}
		}},
		{name: "names", rule: "two tenants may have teams of one name", run: func(p *probe) {
			_, name := p.team(p.Other)
			p.do("create a team of a name that another tenant has", func(tx store.Store) error {
				_, err := p.Target.CreateTeam(p.ctx, tx, p.Tenant, name)
				return err
			})
		}},
	}
	for _, w := range foreignWrites() {
		checks = append(checks, check{name: w.name, rule: w.name + " changes nothing of another tenant's, whatever ID it is given", run: func(p *probe) {
			account, _ := p.account(p.Other)
			team, _ := p.team(p.Other)
			p.setMember(p.Other, team, account, p.TeamRoles[0])
			mine, _ := p.account(p.Tenant)
			myTeam, _ := p.team(p.Tenant)
			before := p.world(p.Other, account, team)
			for _, call := range w.calls(p, foreign{account: account, team: team, mine: mine, myTeam: myTeam}) {
				_ = p.Store.InTx(p.ctx, call) // an error is an answer, too
			}
			after := p.world(p.Other, account, team)
			p.that(before == after, before, after, "%s with IDs of another tenant", w.name)
			_, found := p.find(p.Tenant, account)
			p.that(!found, "none", "an account", "%s with IDs of another tenant, then Accounts", w.name)
			for _, m := range p.state(p.Tenant, mine).Teams {
				p.that(m.TeamID != team, "no membership in another tenant's team", m, "%s with IDs of another tenant", w.name)
			}
		}})
	}
	return checks
}

// foreign are IDs of another tenant, and one account and team of this one.
type foreign struct{ account, team, mine, myTeam string }

type foreignWrite struct {
	name  string
	calls func(p *probe, x foreign) []func(tx store.Store) error
}

func foreignWrites() []foreignWrite {
	type call = func(tx store.Store) error
	return []foreignWrite{
		{"UpdateProfile", func(p *probe, x foreign) []call {
			return []call{func(tx store.Store) error { return p.Target.UpdateProfile(p.ctx, tx, p.Tenant, x.account, profile()) }}
		}},
		{"SetActive", func(p *probe, x foreign) []call {
			return []call{func(tx store.Store) error { return p.Target.SetActive(p.ctx, tx, p.Tenant, x.account, false) }}
		}},
		{"SetOrgRole", func(p *probe, x foreign) []call {
			return []call{func(tx store.Store) error { return p.Target.SetOrgRole(p.ctx, tx, p.Tenant, x.account, p.topRole()) }}
		}},
		{"RenameTeam", func(p *probe, x foreign) []call {
			return []call{func(tx store.Store) error { return p.Target.RenameTeam(p.ctx, tx, p.Tenant, x.team, "Mine "+random()) }}
		}},
		{"SetMember", func(p *probe, x foreign) []call {
			return []call{
				func(tx store.Store) error {
					return p.Target.SetMember(p.ctx, tx, p.Tenant, x.team, x.account, p.topTeamRole())
				},
				func(tx store.Store) error {
					return p.Target.SetMember(p.ctx, tx, p.Tenant, x.team, x.mine, p.topTeamRole())
				},
				func(tx store.Store) error {
					return p.Target.SetMember(p.ctx, tx, p.Tenant, x.myTeam, x.account, p.topTeamRole())
				},
			}
		}},
		{"RemoveMember", func(p *probe, x foreign) []call {
			return []call{func(tx store.Store) error { return p.Target.RemoveMember(p.ctx, tx, p.Tenant, x.team, x.account) }}
		}},
		{"SetMembers", func(p *probe, x foreign) []call {
			s, ok := p.Target.(provisioning.MemberSetter)
			if !ok {
				return nil
			}
			return []call{
				func(tx store.Store) error {
					return s.SetMembers(p.ctx, tx, p.Tenant, []provisioning.MemberChange{{TeamID: x.team, AccountID: x.mine, Role: p.topTeamRole()}})
				},
				func(tx store.Store) error {
					return s.SetMembers(p.ctx, tx, p.Tenant, []provisioning.MemberChange{{TeamID: x.team, AccountID: x.account}})
				},
			}
		}},
	}
}

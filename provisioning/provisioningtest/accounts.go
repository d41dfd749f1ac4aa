package provisioningtest

import (
	"errors"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

func accountChecks() []check {
	return []check{
		{name: "root", rule: "RootAccount is an account of the tenant, or empty; the same each time", run: func(p *probe) {
			var first, second string
			p.do("RootAccount twice", func(tx store.Store) (err error) {
				if first, err = p.Target.RootAccount(p.ctx, tx, p.Tenant); err != nil {
					return err
				}
				second, err = p.Target.RootAccount(p.ctx, tx, p.Tenant)
				return err
			})
			p.that(first == second, first, second, "RootAccount twice")
			if first != "" {
				p.state(p.Tenant, first)
			}
		}},
		{name: "create", rule: "CreateAccount makes an active account with the lowest organisation role and no team", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			a := p.state(p.Tenant, id)
			p.that(strings.EqualFold(a.Email, who.Email), who.Email, a.Email, "create an account and read its address")
			p.that(a.Active, "an active account", a, "create an account")
			p.that(a.OrgRole == p.OrgRoles[0], "the role "+p.OrgRoles[0], a.OrgRole, "create an account and read its role")
			p.that(len(a.Teams) == 0, "no team", a.Teams, "create an account and read its teams")
			p.that(!p.isOwner(p.Tenant, id) || len(p.OrgRoles) == 1, "no owner", "an owner", "create an account and read the owners")
		}},
		{name: "create two", rule: "each CreateAccount makes an account of its own", run: func(p *probe) {
			a, whoA := p.account(p.Tenant)
			b, whoB := p.account(p.Tenant)
			p.that(a != b, "two IDs", a, "create two accounts")
			p.that(strings.EqualFold(p.state(p.Tenant, a).Email, whoA.Email), whoA.Email, p.state(p.Tenant, a).Email, "create two accounts and read the first")
			p.that(strings.EqualFold(p.state(p.Tenant, b).Email, whoB.Email), whoB.Email, p.state(p.Tenant, b).Email, "create two accounts and read the second")
		}},
		{name: "create with little", rule: "a directory may send no more of a person than a user name and an address", run: func(p *probe) {
			who := profile()
			who = provisioning.Profile{SCIMUserID: who.SCIMUserID, UserName: who.UserName, Email: who.Email}
			var id string
			p.do("create an account of whom no name is known", func(tx store.Store) (err error) {
				id, err = p.Target.CreateAccount(p.ctx, tx, p.Tenant, who)
				return err
			})
			p.state(p.Tenant, id)
		}},
		{name: "odd text", rule: "what a directory sends is text, whatever stands in it", run: func(p *probe) {
			who := profile()
			who.DisplayName = `Robert'); drop table "users" -- % _ \ 👩‍🚒 ` + strings.Repeat("ä", 300)
			who.Email = "o'neill%_" + who.Email
			var id string
			p.do("create an account with an odd name and address", func(tx store.Store) (err error) {
				id, err = p.Target.CreateAccount(p.ctx, tx, p.Tenant, who)
				return err
			})
			a, found := p.byEmail(p.Tenant, who.Email)
			p.that(found && a.ID == id, id, a, "AccountByEmail of %s", who.Email)
			_, found = p.byEmail(p.Tenant, strings.Replace(who.Email, "'", "_", 1))
			p.that(!found, "nobody", "an account", "AccountByEmail with a wildcard of SQL in it")
		}},
		{name: "by email", rule: "AccountByEmail finds the account by its address", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			p.account(p.Tenant)
			a, found := p.byEmail(p.Tenant, who.Email)
			p.that(found && a.ID == id, id, a, "AccountByEmail of a new account")
			b := p.state(p.Tenant, id)
			p.that(a.OrgRole == b.OrgRole && a.Active == b.Active && len(a.Teams) == len(b.Teams), "what Accounts says", a, "AccountByEmail of a new account")
		}},
		{name: "case", rule: "addresses are compared without regard to case", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			for _, email := range []string{strings.ToUpper(who.Email), strings.ToUpper(who.Email[:1]) + who.Email[1:]} {
				a, found := p.byEmail(p.Tenant, email)
				p.that(found && a.ID == id, id, a, "AccountByEmail of %s, created as %s", email, who.Email)
			}
			who = profile()
			who.Email = strings.ToUpper(who.Email)
			p.do("create an account in capital letters", func(tx store.Store) (err error) {
				id, err = p.Target.CreateAccount(p.ctx, tx, p.Tenant, who)
				return err
			})
			a, found := p.byEmail(p.Tenant, strings.ToLower(who.Email))
			p.that(found && a.ID == id, id, a, "AccountByEmail in small letters, created in capital ones")
		}},
		{name: "absent", rule: "an address that nobody has is an error that matches store.ErrNotFound", run: func(p *probe) {
			err := p.Store.InTx(p.ctx, func(tx store.Store) error {
				_, err := p.Target.AccountByEmail(p.ctx, tx, p.Tenant, random()+"@example.com")
				return err
			})
			p.that(errors.Is(err, store.ErrNotFound), "an error that matches store.ErrNotFound", err, "AccountByEmail of nobody")
		}},
		{name: "list", rule: "Accounts returns those asked for that exist, each once; the others are absent", run: func(p *probe) {
			a, _ := p.account(p.Tenant)
			b, _ := p.account(p.Tenant)
			p.account(p.Tenant)
			ids := []string{a, "no-such-" + random(), b}
			var got []string
			p.do("Accounts", func(tx store.Store) error {
				list, err := p.Target.Accounts(p.ctx, tx, p.Tenant, ids)
				got = nil
				for _, s := range list {
					got = append(got, s.ID)
				}
				return err
			})
			slices.Sort(got)
			want := []string{a, b}
			slices.Sort(want)
			p.that(slices.Equal(got, want), strings.Join(want, " and "), got, "Accounts of two accounts and an unknown ID")
		}},
		{name: "list none", rule: "Accounts of no IDs returns none", run: func(p *probe) {
			p.account(p.Tenant)
			p.do("Accounts of none", func(tx store.Store) error {
				for _, ids := range [][]string{nil, {}} {
					list, err := p.Target.Accounts(p.ctx, tx, p.Tenant, ids)
					if err != nil {
						return err
					}
					p.that(len(list) == 0, "none", list, "Accounts of no IDs")
				}
				return nil
			})
		}},
		{name: "list many", rule: "Accounts takes store.MaxLimit IDs at once", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			ids := make([]string, store.MaxLimit)
			for i := range ids {
				ids[i] = random()
			}
			ids[len(ids)/2] = id
			p.do("Accounts of many", func(tx store.Store) error {
				list, err := p.Target.Accounts(p.ctx, tx, p.Tenant, ids)
				if err != nil {
					return err
				}
				p.that(len(list) == 1 && list[0].ID == id, "the one that exists", list, "Accounts of %d IDs", len(ids))
				return nil
			})
		}},
	}
}

func profileChecks() []check {
	update := func(p *probe, id string, who provisioning.Profile) {
		p.Helper()
		p.do("UpdateProfile", func(tx store.Store) error { return p.Target.UpdateProfile(p.ctx, tx, p.Tenant, id, who) })
	}
	return []check{
		{name: "email", rule: "UpdateProfile brings another address, and the account stays the same", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			old := who.Email
			who.Email = profile().Email
			update(p, id, who)
			a, found := p.byEmail(p.Tenant, who.Email)
			p.that(found && a.ID == id, id, a, "change an address and look for the new one")
			_, found = p.byEmail(p.Tenant, old)
			p.that(!found, "nobody", "an account", "change an address and look for the old one")
		}},
		{name: "twice", rule: "UpdateProfile with what the host has already is no error", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			update(p, id, who)
			update(p, id, who)
			p.that(strings.EqualFold(p.state(p.Tenant, id).Email, who.Email), who.Email, p.state(p.Tenant, id).Email, "UpdateProfile twice")
		}},
		{name: "little", rule: "UpdateProfile with empty fields is no error: they were not sent, or cleared", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			update(p, id, provisioning.Profile{SCIMUserID: who.SCIMUserID, UserName: who.UserName})
			p.state(p.Tenant, id)
		}},
		{name: "nothing else", rule: "UpdateProfile changes neither access nor roles nor teams", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.setMember(p.Tenant, team, id, p.topTeamRole())
			p.setOrgRole(p.Tenant, id, p.topRole())
			p.setActive(p.Tenant, id, false)
			who.DisplayName = "Another"
			update(p, id, who)
			a := p.state(p.Tenant, id)
			p.that(!a.Active, "no access", a, "UpdateProfile of a suspended account")
			p.setActive(p.Tenant, id, true)
			p.that(p.role(p.Tenant, team, id) == p.topTeamRole(), "the role in the team as before", p.role(p.Tenant, team, id), "UpdateProfile of a member")
			p.that(p.state(p.Tenant, id).OrgRole == p.topRole(), "the role as before", p.state(p.Tenant, id).OrgRole, "UpdateProfile of an owner")
		}},
	}
}

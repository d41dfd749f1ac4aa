package provisioningtest

import (
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// change does one of everything to an account and a team.
func (p *probe) change(tx store.Store, account, team string, who provisioning.Profile) error {
	return errors.Join(
		p.Target.SetMember(p.ctx, tx, p.Tenant, team, account, p.topTeamRole()),
		p.Target.SetOrgRole(p.ctx, tx, p.Tenant, account, p.topRole()),
		p.Target.UpdateProfile(p.ctx, tx, p.Tenant, account, who),
		p.Target.RenameTeam(p.ctx, tx, p.Tenant, team, "Changed "+random()),
		p.Target.SetActive(p.ctx, tx, p.Tenant, account, false),
	)
}

func transactionChecks() []check {
	return []check{
		{name: "undone", rule: "what a transaction did that is undone, the host does not have", needs: here, run: func(p *probe) {
			account, who := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			before := p.world(p.Tenant, account, team)
			who.Email = profile().Email
			p.undo("change everything", func(tx store.Store) error { return p.change(tx, account, team, who) })
			after := p.world(p.Tenant, account, team)
			p.that(before == after, before, after, "change everything in a transaction that is undone")
		}},
		{name: "undone creation", rule: "an account and a team of a transaction that is undone do not exist", needs: here, run: func(p *probe) {
			who, teamID := profile(), ""
			p.undo("create in a transaction", func(tx store.Store) (err error) {
				id, err := p.Target.CreateAccount(p.ctx, tx, p.Tenant, who)
				if err != nil {
					return err
				}
				if teamID, err = p.Target.CreateTeam(p.ctx, tx, p.Tenant, "Undone "+random()); err != nil {
					return err
				}
				return p.Target.SetMember(p.ctx, tx, p.Tenant, teamID, id, p.TeamRoles[0])
			})
			_, found := p.byEmail(p.Tenant, who.Email)
			p.that(!found, "nobody", "an account", "create an account in a transaction that is undone")
			_, found = p.teams(p.Tenant, nil)[teamID]
			p.that(!found, "no team", "a team", "create a team in a transaction that is undone")
		}},
		{name: "part undone", rule: "what a part of a transaction did that is undone, the host does not have; what the rest did, it has", needs: here, run: func(p *probe) {
			account, who := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			kept, _ := p.team(p.Tenant)
			p.do("a transaction with a part that is undone", func(tx store.Store) error {
				if err := p.Target.SetMember(p.ctx, tx, p.Tenant, kept, account, p.TeamRoles[0]); err != nil {
					return err
				}
				err := tx.InTx(p.ctx, func(tx store.Store) error {
					if err := p.change(tx, account, team, who); err != nil {
						return err
					}
					return errUndo
				})
				if !errors.Is(err, errUndo) {
					return err
				}
				return nil
			})
			a := p.state(p.Tenant, account)
			p.that(a.Active && a.OrgRole == p.OrgRoles[0] && p.role(p.Tenant, team, account) == "", "nothing of the part that was undone", a, "a part of a transaction is undone")
			p.that(p.role(p.Tenant, kept, account) != "", "what the rest did", a.Teams, "a part of a transaction is undone")
		}},
		{name: "own writes", rule: "within a transaction, reading sees what it wrote", run: func(p *probe) {
			var problem string
			p.do("create and read in one transaction", func(tx store.Store) error {
				who := profile()
				id, err := p.Target.CreateAccount(p.ctx, tx, p.Tenant, who)
				if err != nil {
					return err
				}
				team, err := p.Target.CreateTeam(p.ctx, tx, p.Tenant, "Own "+random())
				if err != nil {
					return err
				}
				if err := p.Target.SetMember(p.ctx, tx, p.Tenant, team, id, p.TeamRoles[0]); err != nil {
					return err
				}
				list, err := p.Target.Accounts(p.ctx, tx, p.Tenant, []string{id})
				if err != nil {
					return err
				}
				teams, err := p.Target.Teams(p.ctx, tx, p.Tenant, []string{team})
				if err != nil {
					return err
				}
				a, err := p.Target.AccountByEmail(p.ctx, tx, p.Tenant, who.Email)
				if err != nil || len(list) != 1 || len(list[0].Teams) != 1 || len(teams) != 1 || a.ID != id {
					problem = fmt.Sprintf("accounts %+v, teams %+v, by e-mail %+v (%v)", list, teams, a, err)
				}
				return nil
			})
			p.that(problem == "", "the account in its team", problem, "create and read in one transaction")
		}},
		{name: "error of one", rule: "an error of a method leaves the rest of the transaction usable once its part is undone", needs: here, run: func(p *probe) {
			account, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.do("go on after an error", func(tx store.Store) error {
				_ = tx.InTx(p.ctx, func(tx store.Store) error {
					_, err := p.Target.AccountByEmail(p.ctx, tx, p.Tenant, random()+"@example.com")
					return err
				})
				return p.Target.SetMember(p.ctx, tx, p.Tenant, team, account, p.TeamRoles[0])
			})
			p.that(p.role(p.Tenant, team, account) != "", "the membership", "none", "go on after an error")
		}},
	}
}

func elsewhereChecks() []check {
	return []check{
		{name: "account", rule: "a host elsewhere says for which provisioned user an account was made (CreatedFor)", needs: elsewhere, run: func(p *probe) {
			who, id := profile(), ""
			p.undo("create an account", func(tx store.Store) (err error) {
				id, err = p.Target.CreateAccount(p.ctx, tx, p.Tenant, who)
				return err
			})
			a, found := p.byEmail(p.Tenant, who.Email)
			p.that(!found || a.ID == id && a.CreatedFor == who.SCIMUserID, "CreatedFor "+who.SCIMUserID, a, "create an account in a transaction that is undone")
		}},
		{name: "membership", rule: "a host elsewhere says which memberships SetMember made (Provisioned)", needs: elsewhere, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.undo("SetMember", func(tx store.Store) error { return p.Target.SetMember(p.ctx, tx, p.Tenant, team, id, p.TeamRoles[0]) })
			for _, m := range p.state(p.Tenant, id).Teams {
				p.that(m.Provisioned, "a membership that is Provisioned", m, "SetMember in a transaction that is undone")
			}
		}},
		{name: "membership by hand", rule: "a membership by hand is not Provisioned, also when SetMember gives it a role", needs: func(h Host) bool { return h.Elsewhere && h.JoinByHand != nil }, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.ok(p.JoinByHand(p.ctx, p.Tenant, team, id, p.TeamRoles[0]), "join by hand")
			p.setMember(p.Tenant, team, id, p.topTeamRole())
			for _, m := range p.state(p.Tenant, id).Teams {
				p.that(!m.Provisioned, "a membership by hand", m, "join by hand, then SetMember")
			}
		}},
		{name: "role", rule: "a host elsewhere says which role an account would have without SetOrgRole (OwnOrgRole)", needs: elsewhere, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for range 2 {
				p.undo("SetOrgRole", func(tx store.Store) error { return p.Target.SetOrgRole(p.ctx, tx, p.Tenant, id, p.topRole()) })
			}
			a := p.state(p.Tenant, id)
			p.that(a.OrgRole == p.OrgRoles[0] || a.OwnOrgRole == p.OrgRoles[0], "OwnOrgRole "+p.OrgRoles[0], a, "SetOrgRole in a transaction that is undone, twice")
		}},
		{name: "team", rule: "a host elsewhere says for which group a team was made (GroupTeamCreator, Team.CreatedFor)", needs: elsewhere, run: func(p *probe) {
			c, ok := p.Target.(provisioning.GroupTeamCreator)
			p.that(ok, "a Target that implements GroupTeamCreator", "none", "look at the Target")
			group, id := "group-"+random(), ""
			p.undo("CreateGroupTeam", func(tx store.Store) (err error) {
				id, err = c.CreateGroupTeam(p.ctx, tx, p.Tenant, group, "Group "+random())
				return err
			})
			p.do("Teams", func(tx store.Store) error {
				list, err := p.Target.Teams(p.ctx, tx, p.Tenant, []string{id})
				for _, t := range list {
					p.that(t.CreatedFor == group, "CreatedFor "+group, t, "CreateGroupTeam in a transaction that is undone")
				}
				return err
			})
		}},
	}
}

// few is how many calls run at the same time.
const few = 8

func atOnceChecks() []check {
	return []check{
		{name: "members", rule: "several people can join one team at the same time", run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			var ids [few]string
			for i := range ids {
				ids[i], _ = p.account(p.Tenant)
			}
			p.atOnce(few, "SetMember of several accounts at the same time", func(i int, tx store.Store) error {
				return p.Target.SetMember(p.ctx, tx, p.Tenant, team, ids[i], p.TeamRoles[0])
			})
			for _, id := range ids {
				p.that(p.role(p.Tenant, team, id) == p.TeamRoles[0], "each of them a member", p.state(p.Tenant, id).Teams, "SetMember of several accounts at the same time")
			}
		}},
		{name: "one account", rule: "changes of one account at the same time are all kept", run: func(p *probe) {
			id, who := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			who.Email = profile().Email
			p.atOnce(4, "change one account in several ways at the same time", func(i int, tx store.Store) error {
				switch i {
				case 0:
					return p.Target.SetMember(p.ctx, tx, p.Tenant, team, id, p.TeamRoles[0])
				case 1:
					return p.Target.SetOrgRole(p.ctx, tx, p.Tenant, id, p.topRole())
				case 2:
					return p.Target.UpdateProfile(p.ctx, tx, p.Tenant, id, who)
				default:
					return p.Target.SetActive(p.ctx, tx, p.Tenant, id, false)
				}
			})
			a := p.state(p.Tenant, id)
			p.that(!a.Active && a.OrgRole == p.topRole(), "suspended, with the role "+p.topRole(), a, "change one account in several ways at the same time")
			p.setActive(p.Tenant, id, true)
			p.that(p.role(p.Tenant, team, id) != "", "the membership", "none", "change one account in several ways at the same time")
		}},
		{name: "accounts", rule: "several accounts can be made at the same time", run: func(p *probe) {
			var ids [few]string
			p.atOnce(few, "create several accounts at the same time", func(i int, tx store.Store) (err error) {
				ids[i], err = p.Target.CreateAccount(p.ctx, tx, p.Tenant, profile())
				return err
			})
			seen := map[string]bool{}
			for _, id := range ids {
				p.that(!seen[id], "IDs of their own", ids, "create several accounts at the same time")
				seen[id] = true
				p.state(p.Tenant, id)
			}
		}},
	}
}

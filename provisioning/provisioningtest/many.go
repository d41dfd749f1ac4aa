package provisioningtest

import (
	"errors"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

func setsMany(h Host) bool {
	_, ok := h.Target.(provisioning.MemberSetter)
	return ok
}

func createsMany(h Host) bool {
	_, ok := h.Target.(provisioning.AccountsCreator)
	return ok
}

// manyPeople is as many as the engine asks for at once, or more.
const manyPeople = 250

func manyChecks() []check {
	setMembers := func(p *probe, changes []provisioning.MemberChange) {
		p.Helper()
		p.do("SetMembers", func(tx store.Store) error {
			err := p.Target.(provisioning.MemberSetter).SetMembers(p.ctx, tx, p.Tenant, slices.Clone(changes))
			if errors.Is(err, errors.ErrUnsupported) {
				p.fail("a host that does not always decline", err.Error(), "SetMembers")
			}
			return err
		})
	}
	return []check{
		{name: "members", rule: "SetMembers sets, changes and ends memberships as the single calls do", needs: setsMany, run: func(p *probe) {
			var teams [2]string
			for i := range teams {
				teams[i], _ = p.team(p.Tenant)
			}
			var ids [3]string
			for i := range ids {
				ids[i], _ = p.account(p.Tenant)
			}
			p.setMember(p.Tenant, teams[0], ids[1], p.TeamRoles[0])
			p.setMember(p.Tenant, teams[0], ids[2], p.TeamRoles[0])
			p.setMember(p.Tenant, teams[1], ids[2], p.TeamRoles[0])
			changes := []provisioning.MemberChange{
				{TeamID: teams[0], AccountID: ids[0], Role: p.topTeamRole()},
				{TeamID: teams[1], AccountID: ids[0], Role: p.TeamRoles[0]},
				{TeamID: teams[0], AccountID: ids[1], Role: p.topTeamRole()},
				{TeamID: teams[0], AccountID: ids[2]},
				{TeamID: teams[1], AccountID: ids[1]},
			}
			for range 2 { // the second time, all is as asked
				setMembers(p, changes)
				for _, c := range changes {
					got := p.role(p.Tenant, c.TeamID, c.AccountID)
					p.that(got == c.Role, "the role "+c.Role, got, "SetMembers with %+v among others", c)
				}
				p.that(p.role(p.Tenant, teams[1], ids[2]) == p.TeamRoles[0], "a membership that was not named as before", "another", "SetMembers")
			}
		}},
		{name: "members none", rule: "SetMembers of nobody is no error", needs: setsMany, run: func(p *probe) { setMembers(p, nil) }},
		{name: "members undone", rule: "what SetMembers did in a transaction that is undone, the host does not have", needs: func(h Host) bool { return here(h) && setsMany(h) }, run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			id, _ := p.account(p.Tenant)
			p.undo("SetMembers", func(tx store.Store) error {
				return p.Target.(provisioning.MemberSetter).SetMembers(p.ctx, tx, p.Tenant, []provisioning.MemberChange{{TeamID: team, AccountID: id, Role: p.TeamRoles[0]}})
			})
			p.that(p.role(p.Tenant, team, id) == "", "no membership", p.role(p.Tenant, team, id), "SetMembers in a transaction that is undone")
		}},
		{name: "accounts", rule: "CreateAccounts makes accounts as CreateAccount does, and returns their IDs in the order of the profiles", needs: createsMany, run: func(p *probe) {
			people := make([]provisioning.Profile, manyPeople)
			for i := range people {
				people[i] = profile()
			}
			var ids []string
			p.do("CreateAccounts", func(tx store.Store) (err error) {
				ids, err = p.Target.(provisioning.AccountsCreator).CreateAccounts(p.ctx, tx, p.Tenant, people)
				return err
			})
			p.that(len(ids) == len(people), "an ID for each", len(ids), "CreateAccounts of %d", len(people))
			for i, id := range ids {
				a := p.state(p.Tenant, id)
				p.that(strings.EqualFold(a.Email, people[i].Email), people[i].Email, a.Email, "CreateAccounts, then Accounts in order")
				p.that(a.Active && a.OrgRole == p.OrgRoles[0] && len(a.Teams) == 0, "active, with the lowest role and no team", a, "CreateAccounts")
			}
		}},
		{name: "members of many", rule: "SetMembers takes as many changes as a large plan has", needs: setsMany, run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			var changes []provisioning.MemberChange
			for range manyPeople {
				id, _ := p.account(p.Tenant)
				changes = append(changes, provisioning.MemberChange{TeamID: team, AccountID: id, Role: p.TeamRoles[0]})
			}
			setMembers(p, changes)
			for _, c := range changes {
				p.that(p.role(p.Tenant, team, c.AccountID) == c.Role, "each of them a member", "no member", "SetMembers of %d", len(changes))
			}
		}},
	}
}

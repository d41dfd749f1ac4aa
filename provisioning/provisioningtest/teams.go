package provisioningtest

import (
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

func teamChecks() []check {
	return []check{
		{name: "create", rule: "CreateTeam makes a team of its own, without members", run: func(p *probe) {
			a, nameA := p.team(p.Tenant)
			b, nameB := p.team(p.Tenant)
			p.that(a != b, "two IDs", a, "create two teams")
			all := p.teams(p.Tenant, nil)
			p.that(all[a] == nameA && all[b] == nameB, "both teams by their names", all, "create two teams, then Teams of all")
			id, _ := p.account(p.Tenant)
			p.that(len(p.state(p.Tenant, id).Teams) == 0, "no member", p.state(p.Tenant, id).Teams, "create a team, then read somebody's teams")
		}},
		{name: "name", rule: "the host keeps a team's name as it is given", run: func(p *probe) {
			for _, name := range []string{
				"Ops " + random(), `O'Brien "%_\ <b> ` + random(), "消防 👩‍🚒 Ärzte " + random(), "UPPER " + random(),
				random() + strings.Repeat("x", 100-26), random() + strings.Repeat("ü", 100-26),
			} {
				var id string
				p.do("create a team named "+name, func(tx store.Store) (err error) {
					id, err = p.Target.CreateTeam(p.ctx, tx, p.Tenant, name)
					return err
				})
				got := p.teams(p.Tenant, []string{id})[id]
				p.that(got == name, name, got, "create a team, then read its name")
				p.do("rename a team to the same", func(tx store.Store) error { return p.Target.RenameTeam(p.ctx, tx, p.Tenant, id, name+"!") })
				got = p.teams(p.Tenant, []string{id})[id]
				p.that(got == name+"!", name+"!", got, "rename a team, then read its name")
			}
		}},
		{name: "rename", rule: "RenameTeam renames this team, with its members; to the same name it is no error", run: func(p *probe) {
			id, _ := p.team(p.Tenant)
			other, otherName := p.team(p.Tenant)
			who, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, id, who, p.TeamRoles[0])
			name := "Renamed " + random()
			for range 2 {
				p.do("RenameTeam", func(tx store.Store) error { return p.Target.RenameTeam(p.ctx, tx, p.Tenant, id, name) })
			}
			got := p.teams(p.Tenant, []string{id, other})
			p.that(got[id] == name && got[other] == otherName, "the one renamed, the other not", got, "RenameTeam, twice")
			p.that(p.role(p.Tenant, id, who) == p.TeamRoles[0], "the member as before", p.role(p.Tenant, id, who), "RenameTeam of a team with a member")
		}},
		{name: "list", rule: "Teams returns those asked for that exist; nil asks for all, an empty list for none", run: func(p *probe) {
			a, _ := p.team(p.Tenant)
			b, _ := p.team(p.Tenant)
			got := p.teams(p.Tenant, []string{a, "no-such-" + random()})
			_, has := got[a]
			p.that(len(got) == 1 && has, "the one that exists", got, "Teams of a team and an unknown ID")
			all := p.teams(p.Tenant, nil)
			_, hasA := all[a]
			_, hasB := all[b]
			p.that(hasA && hasB, "all teams", all, "Teams of nil")
			none := p.teams(p.Tenant, []string{})
			p.that(len(none) == 0, "none", none, "Teams of an empty list")
		}},
	}
}

func memberChecks() []check {
	return []check{
		{name: "add", rule: "SetMember makes the account a member of this team alone", run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			p.team(p.Tenant)
			id, _ := p.account(p.Tenant)
			other, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, team, id, p.TeamRoles[0])
			teams := p.state(p.Tenant, id).Teams
			p.that(len(teams) == 1 && teams[0].TeamID == team && teams[0].Role == p.TeamRoles[0], "one membership as "+p.TeamRoles[0], teams, "SetMember")
			p.that(len(p.state(p.Tenant, other).Teams) == 0, "no membership", p.state(p.Tenant, other).Teams, "SetMember of another account")
		}},
		{name: "role", rule: "SetMember of a member changes the role", run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			id, _ := p.account(p.Tenant)
			for i := range 2 * len(p.TeamRoles) {
				role := p.TeamRoles[i%len(p.TeamRoles)]
				p.setMember(p.Tenant, team, id, role)
				p.that(p.role(p.Tenant, team, id) == role, role, p.role(p.Tenant, team, id), "SetMember as %s", role)
			}
		}},
		{name: "twice", rule: "SetMember with what is already is no error, and makes no second membership", run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			id, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, team, id, p.topTeamRole())
			p.setMember(p.Tenant, team, id, p.topTeamRole())
			p.that(len(p.state(p.Tenant, id).Teams) == 1, "one membership", p.state(p.Tenant, id).Teams, "SetMember twice")
		}},
		{name: "remove", rule: "RemoveMember ends this membership alone", run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			other, _ := p.team(p.Tenant)
			id, _ := p.account(p.Tenant)
			stays, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, team, id, p.TeamRoles[0])
			p.setMember(p.Tenant, other, id, p.TeamRoles[0])
			p.setMember(p.Tenant, team, stays, p.TeamRoles[0])
			p.removeMember(p.Tenant, team, id)
			p.that(p.role(p.Tenant, team, id) == "", "no membership", p.role(p.Tenant, team, id), "RemoveMember")
			p.that(p.role(p.Tenant, other, id) != "", "the membership", "none", "RemoveMember from another team")
			p.that(p.role(p.Tenant, team, stays) != "", "the membership", "none", "RemoveMember of another account")
		}},
		{name: "remove nobody", rule: "RemoveMember of nobody is no error", run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			id, _ := p.account(p.Tenant)
			p.removeMember(p.Tenant, team, id)
			p.setMember(p.Tenant, team, id, p.TeamRoles[0])
			p.removeMember(p.Tenant, team, id)
			p.removeMember(p.Tenant, team, id)
			p.removeMember(p.Tenant, "no-such-"+random(), id)
		}},
		{name: "role stays", rule: "SetMember changes no role in the organisation", run: func(p *probe) {
			team, _ := p.team(p.Tenant)
			id, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, team, id, p.topTeamRole())
			p.that(p.state(p.Tenant, id).OrgRole == p.OrgRoles[0], p.OrgRoles[0], p.state(p.Tenant, id).OrgRole, "SetMember with the highest role in a team")
		}},
	}
}

func deleter(h Host) bool {
	_, ok := h.Target.(provisioning.TeamDeleter)
	return ok
}

func deleterChecks() []check {
	del := func(p *probe, tenantID, id string) (deleted bool) {
		p.Helper()
		p.do("DeleteTeamIfUnused", func(tx store.Store) (err error) {
			deleted, err = p.Target.(provisioning.TeamDeleter).DeleteTeamIfUnused(p.ctx, tx, tenantID, id)
			return err
		})
		return deleted
	}
	exists := func(p *probe, tenantID, id string) bool {
		p.Helper()
		_, ok := p.teams(tenantID, []string{id})[id]
		return ok
	}
	return []check{
		{name: "unused", rule: "DeleteTeamIfUnused deletes a team that nobody is in", needs: deleter, run: func(p *probe) {
			id, _ := p.team(p.Tenant)
			other, _ := p.team(p.Tenant)
			p.that(del(p, p.Tenant, id), "true", false, "DeleteTeamIfUnused of an empty team")
			p.that(!exists(p, p.Tenant, id), "no such team", "the team", "DeleteTeamIfUnused of an empty team")
			p.that(exists(p, p.Tenant, other), "the other team", "none", "DeleteTeamIfUnused of an empty team")
			del(p, p.Tenant, id)
		}},
		{name: "used", rule: "DeleteTeamIfUnused keeps a team that somebody is in, suspended or not, and says so", needs: deleter, run: func(p *probe) {
			id, _ := p.team(p.Tenant)
			who, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, id, who, p.TeamRoles[0])
			for _, active := range []bool{true, false} {
				p.setActive(p.Tenant, who, active)
				p.that(!del(p, p.Tenant, id) && exists(p, p.Tenant, id), "false, and the team stays", "it was deleted", "DeleteTeamIfUnused of a team with a member (active: %v)", active)
			}
			p.setActive(p.Tenant, who, true)
			p.that(p.role(p.Tenant, id, who) != "", "the membership", "none", "DeleteTeamIfUnused of a team with a member")
		}},
		{name: "isolation", rule: "DeleteTeamIfUnused deletes no other tenant's team", needs: deleter, run: func(p *probe) {
			id, _ := p.team(p.Other)
			_ = p.Store.InTx(p.ctx, func(tx store.Store) error { // an error is an answer, too
				_, err := p.Target.(provisioning.TeamDeleter).DeleteTeamIfUnused(p.ctx, tx, p.Tenant, id)
				return err
			})
			p.that(exists(p, p.Other, id), "the other tenant's team", "none", "DeleteTeamIfUnused with a team of another tenant")
		}},
	}
}

package provisioningtest

import (
	"slices"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// teamMemberChecks are about the lists of who is in a team.
func teamMemberChecks() []check {
	lists := has[provisioning.TeamMemberLister]
	page := func(p *probe, tenantID, team, after string, limit int) (ids []string) {
		p.Helper()
		p.do("TeamMembers", func(tx store.Store) (err error) {
			ids, err = optional[provisioning.TeamMemberLister](p).TeamMembers(p.ctx, tx, tenantID, team, after, limit)
			return err
		})
		return ids
	}
	filled := func(p *probe) (team string, ids []string) {
		p.Helper()
		team, _ = p.team(p.Tenant)
		other, _ := p.team(p.Tenant)
		for range 3 {
			id, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, team, id, p.TeamRoles[0])
			ids = append(ids, id)
		}
		id, _ := p.account(p.Tenant)
		p.setMember(p.Tenant, other, id, p.TeamRoles[0])
		slices.Sort(ids)
		return team, ids
	}
	return []check{
		{name: "list", rule: "TeamMembers lists this team's members, each once, in ascending order of the bytes", needs: lists, run: func(p *probe) {
			team, want := filled(p)
			got := page(p, p.Tenant, team, "", 100)
			p.that(slices.Equal(got, want), "the three members in order", got, "TeamMembers of a team with three members")
			p.removeMember(p.Tenant, team, want[1])
			got = page(p, p.Tenant, team, "", 100)
			p.that(slices.Equal(got, []string{want[0], want[2]}), "the two that are left", got, "RemoveMember of one, then TeamMembers")
			empty, _ := p.team(p.Tenant)
			got = page(p, p.Tenant, empty, "", 100)
			p.that(len(got) == 0, "nobody", got, "TeamMembers of a team without members")
		}},
		{name: "pages", rule: "TeamMembers returns at most limit members, and those after the given one", needs: lists, run: func(p *probe) {
			team, want := filled(p)
			var got []string
			for after := ""; ; {
				one := page(p, p.Tenant, team, after, 1)
				if len(one) == 0 {
					break
				}
				p.that(len(one) == 1 && one[0] > after, "one member after "+after, one, "TeamMembers, one at a time")
				got, after = append(got, one[0]), one[0]
			}
			p.that(slices.Equal(got, want), "the three members in order", got, "TeamMembers, one at a time")
		}},
		{name: "isolation", rule: "TeamMembers tells of no other tenant's team", needs: lists, run: func(p *probe) {
			team, _ := filled(p)
			var got []string
			p.quietly(func(tx store.Store) (err error) {
				got, err = optional[provisioning.TeamMemberLister](p).TeamMembers(p.ctx, tx, p.Other, team, "", 100)
				return err
			})
			p.that(len(got) == 0, "nobody", got, "TeamMembers with a team of another tenant")
		}},
	}
}

package provisioningtest

import (
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// archiveChecks are about teams that are put out of use.
func archiveChecks() []check {
	archives := has[provisioning.TeamArchiver]
	set := func(p *probe, tx store.Store, id string, archived bool) error {
		return optional[provisioning.TeamArchiver](p).SetTeamArchived(p.ctx, tx, p.Tenant, id, archived)
	}
	archived := func(p *probe, tenantID, id string) (archived bool) {
		p.Helper()
		p.do("Teams", func(tx store.Store) error {
			list, err := p.Target.Teams(p.ctx, tx, tenantID, []string{id})
			for _, t := range list {
				archived = t.Archived
			}
			if err == nil && len(list) != 1 {
				p.fail("the one team", "none, or several", "Teams of an archived team")
			}
			return err
		})
		return archived
	}
	return []check{
		{name: "archive", rule: "SetTeamArchived puts the team into the archive and takes it out, its members stay stored; done again it changes nothing", needs: archives, run: func(p *probe) {
			id, _ := p.team(p.Tenant)
			other, _ := p.team(p.Tenant)
			who, _ := p.account(p.Tenant)
			p.setMember(p.Tenant, id, who, p.TeamRoles[0])
			for _, want := range []bool{true, true, false, false} {
				p.do("SetTeamArchived", func(tx store.Store) error { return set(p, tx, id, want) })
				p.that(archived(p, p.Tenant, id) == want, "Archived as set", !want, "SetTeamArchived %v", want)
				p.that(!archived(p, p.Tenant, other), "another team as before", "archived", "SetTeamArchived %v", want)
				p.that(p.role(p.Tenant, id, who) == p.TeamRoles[0], "the membership", "none", "SetTeamArchived %v", want)
			}
		}},
		{name: "isolation", rule: "SetTeamArchived changes no other tenant's team", needs: archives, run: func(p *probe) {
			id, _ := p.team(p.Other)
			p.quietly(func(tx store.Store) error { return set(p, tx, id, true) })
			p.that(!archived(p, p.Other, id), "in use", "archived", "SetTeamArchived with a team of another tenant")
		}},
		{name: "undone", rule: "a team that was archived in a transaction that is undone is in use", needs: func(h Host) bool { return here(h) && archives(h) }, run: func(p *probe) {
			id, _ := p.team(p.Tenant)
			p.undo("SetTeamArchived", func(tx store.Store) error { return set(p, tx, id, true) })
			p.that(!archived(p, p.Tenant, id), "in use", "archived", "SetTeamArchived in a transaction that is undone")
		}},
	}
}

package provisioningtest

func accessChecks() []check {
	return []check{
		{name: "suspend", rule: "SetActive false ends an account's access", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			other, _ := p.account(p.Tenant)
			p.setActive(p.Tenant, id, false)
			p.that(!p.state(p.Tenant, id).Active, "an inactive account", p.state(p.Tenant, id), "SetActive false")
			p.that(p.state(p.Tenant, other).Active, "an active account", p.state(p.Tenant, other), "SetActive false on another account")
		}},
		{name: "restore", rule: "SetActive true brings back access, role and memberships", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.setMember(p.Tenant, team, id, p.topTeamRole())
			p.setOrgRole(p.Tenant, id, p.topRole())
			p.setActive(p.Tenant, id, false)
			p.setActive(p.Tenant, id, true)
			a := p.state(p.Tenant, id)
			p.that(a.Active, "an active account", a, "suspend and restore")
			p.that(a.OrgRole == p.topRole(), "the role as before", a.OrgRole, "suspend and restore")
			p.that(p.role(p.Tenant, team, id) == p.topTeamRole(), "the membership as before", a.Teams, "suspend and restore a member")
		}},
		{name: "change while away", rule: "memberships of a suspended account can be ended", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.setMember(p.Tenant, team, id, p.TeamRoles[0])
			p.setActive(p.Tenant, id, false)
			p.removeMember(p.Tenant, team, id)
			p.setActive(p.Tenant, id, true)
			p.that(p.role(p.Tenant, team, id) == "", "no membership", p.role(p.Tenant, team, id), "suspend, end the membership, restore")
		}},
		{name: "twice", rule: "SetActive with the present state is no error", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for _, active := range []bool{true, false, false, true, true} {
				p.setActive(p.Tenant, id, active)
				p.that(p.state(p.Tenant, id).Active == active, "the state that was asked for", p.state(p.Tenant, id).Active, "SetActive %v once more", active)
			}
		}},
		{name: "sessions", rule: "SetActive false ends sessions at once, and they do not come back", needs: signsIn, run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			other, _ := p.account(p.Tenant)
			mine, err := p.SignIn(p.ctx, p.Tenant, id)
			p.ok(err, "sign in")
			theirs, err := p.SignIn(p.ctx, p.Tenant, other)
			p.ok(err, "sign somebody else in")
			p.signedIn(mine, true, "sign in")
			p.setActive(p.Tenant, id, false)
			p.signedIn(mine, false, "sign in, then SetActive false")
			p.setActive(p.Tenant, id, true)
			p.signedIn(mine, false, "sign in, SetActive false, SetActive true")
			p.signedIn(theirs, true, "SetActive false on another account")
		}},
		{name: "owners", rule: "a suspended owner is not among Owners", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			p.setOrgRole(p.Tenant, id, p.topRole())
			p.setActive(p.Tenant, id, false)
			p.that(!p.isOwner(p.Tenant, id), "not among the owners", "among them", "suspend an owner")
			p.setActive(p.Tenant, id, true)
			p.that(p.isOwner(p.Tenant, id), "among the owners", "not among them", "suspend and restore an owner")
		}},
	}
}

func roleChecks() []check {
	return []check{
		{name: "set", rule: "SetOrgRole gives each of the roles, up and down", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			other, _ := p.account(p.Tenant)
			for i := range 2 * len(p.OrgRoles) {
				role := p.OrgRoles[i%len(p.OrgRoles)]
				if i >= len(p.OrgRoles) {
					role = p.OrgRoles[2*len(p.OrgRoles)-1-i]
				}
				p.setOrgRole(p.Tenant, id, role)
				p.setOrgRole(p.Tenant, id, role)
				p.that(p.state(p.Tenant, id).OrgRole == role, role, p.state(p.Tenant, id).OrgRole, "SetOrgRole %s, twice", role)
			}
			p.that(p.state(p.Tenant, other).OrgRole == p.OrgRoles[0], p.OrgRoles[0], p.state(p.Tenant, other).OrgRole, "SetOrgRole of another account")
		}},
		{name: "owners", rule: "Owners are the active accounts with the highest role", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			for _, role := range p.OrgRoles {
				p.setOrgRole(p.Tenant, id, role)
				is := p.isOwner(p.Tenant, id)
				p.that(is == (role == p.topRole()), "among the owners only with the role "+p.topRole(), is, "SetOrgRole %s, then Owners", role)
			}
			for _, o := range p.owners(p.Tenant) {
				a := p.state(p.Tenant, o)
				p.that(a.Active && a.OrgRole == p.topRole(), "active accounts with the role "+p.topRole(), a, "Owners, then Accounts of them")
			}
			p.setOrgRole(p.Tenant, id, p.OrgRoles[0])
			p.that(!p.isOwner(p.Tenant, id) || len(p.OrgRoles) == 1, "not among the owners", "among them", "lower an owner")
		}},
		{name: "teams stay", rule: "SetOrgRole changes no role in a team", run: func(p *probe) {
			id, _ := p.account(p.Tenant)
			team, _ := p.team(p.Tenant)
			p.setMember(p.Tenant, team, id, p.TeamRoles[0])
			p.setOrgRole(p.Tenant, id, p.topRole())
			p.setOrgRole(p.Tenant, id, p.OrgRoles[0])
			p.that(p.role(p.Tenant, team, id) == p.TeamRoles[0], p.TeamRoles[0], p.role(p.Tenant, team, id), "SetOrgRole of a member")
		}},
	}
}

package provisioning

import (
	"fmt"
	"maps"
	"slices"
)

// roleOrder holds the host's roles, lowest first.
type roleOrder struct {
	org, team []string
	// most is the highest organisation role that groups may give.
	most string
	// implied is the role in every team that an organisation role means.
	implied map[string]string
}

func newRoleOrder(cfg Config) (roleOrder, error) {
	r := roleOrder{org: slices.Clone(cfg.OrgRoles), team: slices.Clone(cfg.TeamRoles), most: cfg.MaxProvisionableRole}
	for _, c := range []struct {
		name  string
		roles []string
	}{{"OrgRoles", r.org}, {"TeamRoles", r.team}} {
		name, list := c.name, c.roles
		if len(list) == 0 {
			return r, fmt.Errorf("provisioning: Config.%s is required: the host's roles, lowest first", name)
		}
		seen := map[string]bool{}
		for _, role := range list {
			if role == "" || seen[role] {
				return r, fmt.Errorf("provisioning: Config.%s has %q empty or twice", name, role)
			}
			seen[role] = true
		}
	}
	if r.most == "" {
		r.most = r.org[max(0, len(r.org)-2)]
	}
	if !slices.Contains(r.org, r.most) {
		return r, fmt.Errorf("provisioning: Config.MaxProvisionableRole %q is none of Config.OrgRoles %q", r.most, r.org)
	}
	r.implied = maps.Clone(cfg.ImpliedTeamRoles)
	return r, r.checkImplied(r.implied)
}

// top is the role of an owner.
func (r roleOrder) top() string { return r.org[len(r.org)-1] }

// lowest is the role that a new account has.
func (r roleOrder) lowest() string { return r.org[0] }

// provisionable says whether groups may give the organisation role.
func (r roleOrder) provisionable(role string) bool {
	i := slices.Index(r.org, role)
	return i >= 0 && i <= slices.Index(r.org, r.most)
}

// higher returns the higher of two roles; one that the order does not have is lowest.
func higher(order []string, a, b string) string {
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

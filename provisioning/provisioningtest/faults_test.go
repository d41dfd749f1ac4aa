package provisioningtest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/provisioning/provisioningtest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

func TestKeepsTheContract(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(map[bool]string{false: "here", true: "elsewhere"}[elsewhere], func(t *testing.T) {
			provisioningtest.Run(t, func(*testing.T) provisioningtest.Host { return newApp(elsewhere).host(nil) })
		})
	}
}

// TestWithoutOptionalInterfaces runs what is left for a Target that has none.
func TestWithoutOptionalInterfaces(t *testing.T) {
	provisioningtest.Run(t, func(*testing.T) provisioningtest.Host {
		h := newApp(false).host(func(t provisioning.Target) provisioning.Target { return struct{ provisioning.Target }{t} })
		h.SignIn, h.JoinByHand, h.Password, h.Token, h.Invited, h.Duty = nil, nil, nil, nil, nil, nil
		return h
	})
}

// odd is a Target whose methods are replaced one by one.
type odd struct {
	target
	byEmail    func(tenantID, email string) (provisioning.AccountState, error)
	accounts   func(tenantID string, ids []string) ([]provisioning.AccountState, error)
	owners     func(tenantID string) ([]string, error)
	create     func(tenantID string, p provisioning.Profile) (string, error)
	profile    func(tenantID, id string, p provisioning.Profile) error
	setActive  func(tenantID, id string, active bool) error
	setOrgRole func(tenantID, id, role string) error
	teams      func(tenantID string, ids []string) ([]provisioning.Team, error)
	createTeam func(tenantID, name string) (string, error)
	rename     func(tenantID, id, name string) error
	setMember  func(tenantID, team, id, role string) error
	remove     func(tenantID, team, id string) error
	setMembers func(tenantID string, changes []provisioning.MemberChange) error
	createMany func(tenantID string, profiles []provisioning.Profile) ([]string, error)
	del        func(tenantID, id string) (bool, error)
	root       func(tenantID string) (string, error)
	oddMore
}

func (o *odd) RootAccount(ctx context.Context, tx store.Store, tenantID string) (string, error) {
	if o.root != nil {
		return o.root(tenantID)
	}
	return o.target.RootAccount(ctx, tx, tenantID)
}

func (o *odd) AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (provisioning.AccountState, error) {
	if o.byEmail != nil {
		return o.byEmail(tenantID, email)
	}
	return o.target.AccountByEmail(ctx, tx, tenantID, email)
}

func (o *odd) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]provisioning.AccountState, error) {
	if o.accounts != nil {
		return o.accounts(tenantID, ids)
	}
	return o.target.Accounts(ctx, tx, tenantID, ids)
}

func (o *odd) Owners(ctx context.Context, tx store.Store, tenantID string) ([]string, error) {
	if o.owners != nil {
		return o.owners(tenantID)
	}
	return o.target.Owners(ctx, tx, tenantID)
}

func (o *odd) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p provisioning.Profile) (string, error) {
	if o.create != nil {
		return o.create(tenantID, p)
	}
	return o.target.CreateAccount(ctx, tx, tenantID, p)
}

func (o *odd) CreateAccounts(ctx context.Context, tx store.Store, tenantID string, profiles []provisioning.Profile) ([]string, error) {
	if o.createMany != nil {
		return o.createMany(tenantID, profiles)
	}
	return o.target.CreateAccounts(ctx, tx, tenantID, profiles)
}

func (o *odd) UpdateProfile(ctx context.Context, tx store.Store, tenantID, id string, p provisioning.Profile) error {
	if o.profile != nil {
		return o.profile(tenantID, id, p)
	}
	return o.target.UpdateProfile(ctx, tx, tenantID, id, p)
}

func (o *odd) SetActive(ctx context.Context, tx store.Store, tenantID, id string, active bool) error {
	if o.setActive != nil {
		return o.setActive(tenantID, id, active)
	}
	return o.target.SetActive(ctx, tx, tenantID, id, active)
}

func (o *odd) SetOrgRole(ctx context.Context, tx store.Store, tenantID, id, role string) error {
	if o.setOrgRole != nil {
		return o.setOrgRole(tenantID, id, role)
	}
	return o.target.SetOrgRole(ctx, tx, tenantID, id, role)
}

func (o *odd) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]provisioning.Team, error) {
	if o.teams != nil {
		return o.teams(tenantID, ids)
	}
	return o.target.Teams(ctx, tx, tenantID, ids)
}

func (o *odd) CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (string, error) {
	if o.createTeam != nil {
		return o.createTeam(tenantID, name)
	}
	return o.target.CreateTeam(ctx, tx, tenantID, name)
}

func (o *odd) RenameTeam(ctx context.Context, tx store.Store, tenantID, id, name string) error {
	if o.rename != nil {
		return o.rename(tenantID, id, name)
	}
	return o.target.RenameTeam(ctx, tx, tenantID, id, name)
}

func (o *odd) SetMember(ctx context.Context, tx store.Store, tenantID, team, id, role string) error {
	if o.setMember != nil {
		return o.setMember(tenantID, team, id, role)
	}
	return o.target.SetMember(ctx, tx, tenantID, team, id, role)
}

func (o *odd) SetMembers(ctx context.Context, tx store.Store, tenantID string, changes []provisioning.MemberChange) error {
	if o.setMembers != nil {
		return o.setMembers(tenantID, changes)
	}
	return o.target.SetMembers(ctx, tx, tenantID, changes)
}

func (o *odd) RemoveMember(ctx context.Context, tx store.Store, tenantID, team, id string) error {
	if o.remove != nil {
		return o.remove(tenantID, team, id)
	}
	return o.target.RemoveMember(ctx, tx, tenantID, team, id)
}

func (o *odd) DeleteTeamIfUnused(ctx context.Context, tx store.Store, tenantID, id string) (bool, error) {
	if o.del != nil {
		return o.del(tenantID, id)
	}
	return o.target.DeleteTeamIfUnused(ctx, tx, tenantID, id)
}

// locked runs fn on the app's data.
func (o *odd) locked(fn func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fn()
}

var ctx = context.Background()

// fault is a mistake in a host, and the check that finds it.
type fault struct {
	name      string
	check     string
	elsewhere bool
	spoil     func(o *odd)
}

// faults are hosts with one mistake each, and the check that must find it.
var faults = []fault{
	{"the root account is another each time", "accounts/root", false, func(o *odd) {
		n := 0
		o.root = func(tenantID string) (string, error) { n++; return strings.Repeat("root-"+tenantID, n), nil }
	}},
	{"a new account is an owner's", "accounts/create", false, func(o *odd) {
		o.create = func(tenantID string, p provisioning.Profile) (string, error) {
			id, err := o.target.CreateAccount(ctx, nil, tenantID, p)
			_ = o.target.SetOrgRole(ctx, nil, tenantID, id, "owner")
			return id, err
		}
	}},
	{"a new account waits for an invitation", "accounts/create", false, func(o *odd) {
		o.create = func(tenantID string, p provisioning.Profile) (string, error) {
			id, err := o.target.CreateAccount(ctx, nil, tenantID, p)
			_ = o.target.SetActive(ctx, nil, tenantID, id, false)
			return id, err
		}
	}},
	{"one account for everybody", "accounts/create two", false, func(o *odd) {
		o.create = func(tenantID string, p provisioning.Profile) (string, error) {
			if id := "root-" + tenantID; p.Email != "" {
				return id, o.target.UpdateProfile(ctx, nil, tenantID, id, p)
			}
			return "", errNoSuch
		}
	}},
	{"an account needs a name", "accounts/create with little", false, func(o *odd) {
		o.create = func(tenantID string, p provisioning.Profile) (string, error) {
			if p.DisplayName == "" {
				return "", errNoSuch
			}
			return o.target.CreateAccount(ctx, nil, tenantID, p)
		}
	}},
	{"addresses are compared by pattern", "accounts/odd text", false, func(o *odd) {
		o.byEmail = func(tenantID, email string) (provisioning.AccountState, error) {
			var out provisioning.AccountState
			err := store.ErrNotFound
			o.locked(func() {
				for _, acc := range o.app.accounts {
					if like(acc.Email, email) {
						out, err = o.state(acc), nil
					}
				}
			})
			return out, err
		}
	}},
	{"an address finds anybody", "accounts/by email", false, func(o *odd) {
		o.byEmail = func(tenantID, _ string) (provisioning.AccountState, error) {
			return provisioning.AccountState{ID: "root-" + tenantID, Email: "root@acme.example"}, nil
		}
	}},
	{"addresses are compared with their case", "accounts/case", false, func(o *odd) {
		o.byEmail = func(tenantID, email string) (provisioning.AccountState, error) {
			a, err := o.target.AccountByEmail(ctx, nil, tenantID, email)
			if err == nil && a.Email != email {
				return provisioning.AccountState{}, store.ErrNotFound
			}
			return a, err
		}
	}},
	{"nobody is an empty account", "accounts/absent", false, func(o *odd) {
		o.byEmail = func(tenantID, email string) (provisioning.AccountState, error) {
			a, _ := o.target.AccountByEmail(ctx, nil, tenantID, email)
			return a, nil
		}
	}},
	{"an unknown ID is an error", "accounts/list", false, func(o *odd) {
		o.accounts = func(tenantID string, ids []string) ([]provisioning.AccountState, error) {
			list, err := o.target.Accounts(ctx, nil, tenantID, ids)
			if len(list) < len(ids) {
				err = errNoSuch
			}
			return list, err
		}
	}},
	{"no IDs are all accounts", "accounts/list none", false, func(o *odd) {
		o.accounts = func(tenantID string, ids []string) ([]provisioning.AccountState, error) {
			if len(ids) == 0 {
				ids = []string{"root-" + tenantID}
			}
			return o.target.Accounts(ctx, nil, tenantID, ids)
		}
	}},
	{"too many IDs for one statement", "accounts/list many", false, func(o *odd) {
		o.accounts = func(tenantID string, ids []string) ([]provisioning.AccountState, error) {
			if len(ids) > 999 {
				return nil, errNoSuch
			}
			return o.target.Accounts(ctx, nil, tenantID, ids)
		}
	}},
	{"the address never changes", "profile/email", false, func(o *odd) {
		o.profile = func(string, string, provisioning.Profile) error { return nil }
	}},
	{"nothing to update is an error", "profile/twice", false, func(o *odd) {
		o.profile = func(tenantID, id string, p provisioning.Profile) error {
			list, _ := o.target.Accounts(ctx, nil, tenantID, []string{id})
			if len(list) == 1 && list[0].Email == p.Email {
				return errNoSuch
			}
			return o.target.UpdateProfile(ctx, nil, tenantID, id, p)
		}
	}},
	{"an address is required", "profile/little", false, func(o *odd) {
		o.profile = func(tenantID, id string, p provisioning.Profile) error {
			if p.Email == "" {
				return errNoSuch
			}
			return o.target.UpdateProfile(ctx, nil, tenantID, id, p)
		}
	}},
	{"an update brings access back", "profile/nothing else", false, func(o *odd) {
		o.profile = func(tenantID, id string, p provisioning.Profile) error {
			return o.change(tenantID, id, func(a *account) { a.Email, a.Active = p.Email, true })
		}
	}},
	{"access does not end", "access/suspend", false, func(o *odd) {
		o.setActive = func(string, string, bool) error { return nil }
	}},
	{"suspending forgets the role", "access/restore", false, func(o *odd) {
		o.setActive = func(tenantID, id string, active bool) error {
			return o.change(tenantID, id, func(a *account) { a.Active, a.OrgRole = active, "member" })
		}
	}},
	{"suspending forgets the teams", "access/restore", false, func(o *odd) {
		o.setActive = func(tenantID, id string, active bool) error {
			o.locked(func() {
				for k := range o.members {
					if k[1] == id && !active {
						delete(o.members, k)
					}
				}
			})
			return o.target.SetActive(ctx, nil, tenantID, id, active)
		}
	}},
	{"who is away stays in the teams", "access/change while away", false, func(o *odd) {
		o.remove = func(tenantID, team, id string) error {
			list, _ := o.target.Accounts(ctx, nil, tenantID, []string{id})
			if len(list) == 1 && !list[0].Active {
				return nil
			}
			return o.target.RemoveMember(ctx, nil, tenantID, team, id)
		}
	}},
	{"suspending twice is an error", "access/twice", false, func(o *odd) {
		o.setActive = func(tenantID, id string, active bool) error {
			list, _ := o.target.Accounts(ctx, nil, tenantID, []string{id})
			if len(list) == 1 && list[0].Active == active {
				return errNoSuch
			}
			return o.target.SetActive(ctx, nil, tenantID, id, active)
		}
	}},
	{"sessions live on", "access/sessions", false, func(o *odd) {
		o.setActive = func(tenantID, id string, active bool) error {
			return o.change(tenantID, id, func(a *account) { a.Active = active })
		}
	}},
	{"a suspended owner counts", "access/owners", false, func(o *odd) {
		o.owners = func(tenantID string) (ids []string, err error) {
			o.locked(func() {
				for id, a := range o.app.accounts {
					if a.tenant == tenantID && a.OrgRole == "owner" {
						ids = append(ids, id)
					}
				}
			})
			return ids, nil
		}
	}},
	{"roles are never lowered", "roles/set", false, func(o *odd) {
		o.setOrgRole = func(tenantID, id, role string) error {
			return o.change(tenantID, id, func(a *account) {
				if slices.Index(orgRoles, role) > slices.Index(orgRoles, a.OrgRole) {
					a.OrgRole = role
				}
			})
		}
	}},
	{"administrators count as owners", "roles/owners", false, func(o *odd) {
		o.owners = func(tenantID string) (ids []string, err error) {
			o.locked(func() {
				for id, a := range o.app.accounts {
					if a.tenant == tenantID && a.Active && a.OrgRole != "member" {
						ids = append(ids, id)
					}
				}
			})
			return ids, nil
		}
	}},
	{"an owner is raised in all teams", "roles/teams stay", false, func(o *odd) {
		o.setOrgRole = func(tenantID, id, role string) error {
			o.locked(func() {
				for k := range o.members {
					if k[1] == id && role == "owner" {
						o.members[k] = member{role: "administrator"}
					}
				}
			})
			return o.target.SetOrgRole(ctx, nil, tenantID, id, role)
		}
	}},
	{"a team is not listed", "teams/create", false, func(o *odd) {
		o.teams = func(tenantID string, ids []string) ([]provisioning.Team, error) {
			list, err := o.target.Teams(ctx, nil, tenantID, ids)
			if ids == nil {
				list = list[:min(1, len(list))]
			}
			return list, err
		}
	}},
	{"names are cut", "teams/name", false, func(o *odd) {
		o.createTeam = func(tenantID, name string) (string, error) {
			return o.target.CreateTeam(ctx, nil, tenantID, name[:min(len(name), 100)])
		}
	}},
	{"the old name is an error", "teams/rename", false, func(o *odd) {
		o.rename = func(tenantID, id, name string) error {
			list, _ := o.target.Teams(ctx, nil, tenantID, []string{id})
			if len(list) == 1 && list[0].Name == name {
				return errNoSuch
			}
			return o.target.RenameTeam(ctx, nil, tenantID, id, name)
		}
	}},
	{"an empty list is all teams", "teams/list", false, func(o *odd) {
		o.teams = func(tenantID string, ids []string) ([]provisioning.Team, error) {
			if len(ids) == 0 {
				ids = nil
			}
			return o.target.Teams(ctx, nil, tenantID, ids)
		}
	}},
	{"a member is in all teams", "members/add", false, func(o *odd) {
		o.setMember = func(tenantID, _, id, role string) error {
			o.locked(func() {
				for team, t := range o.app.teams {
					if t.tenant == tenantID {
						o.members[[2]string{team, id}] = member{role: role}
					}
				}
			})
			return nil
		}
	}},
	{"a member keeps the first role", "members/role", false, func(o *odd) {
		o.setMember = func(tenantID, team, id, role string) error {
			_, is := o.members[[2]string{team, id}]
			if is {
				return nil
			}
			return o.target.SetMember(ctx, nil, tenantID, team, id, role)
		}
	}},
	{"adding twice is an error", "members/twice", false, func(o *odd) {
		o.setMember = func(tenantID, team, id, role string) error {
			if o.members[[2]string{team, id}].role == role {
				return errNoSuch
			}
			return o.target.SetMember(ctx, nil, tenantID, team, id, role)
		}
	}},
	{"removing one removes all", "members/remove", false, func(o *odd) {
		o.remove = func(_, team, _ string) error {
			o.locked(func() {
				for k := range o.members {
					if k[0] == team {
						delete(o.members, k)
					}
				}
			})
			return nil
		}
	}},
	{"removing nobody is an error", "members/remove nobody", false, func(o *odd) {
		o.remove = func(tenantID, team, id string) error {
			if _, is := o.members[[2]string{team, id}]; !is {
				return errNoSuch
			}
			return o.target.RemoveMember(ctx, nil, tenantID, team, id)
		}
	}},
	{"a team's administrator is one of the organisation", "members/role stays", false, func(o *odd) {
		o.setMember = func(tenantID, team, id, role string) error {
			_ = o.target.SetOrgRole(ctx, nil, tenantID, id, role)
			return o.target.SetMember(ctx, nil, tenantID, team, id, role)
		}
	}},
	{"accounts are found in any tenant", "isolation/accounts", false, func(o *odd) {
		o.accounts = func(_ string, ids []string) (out []provisioning.AccountState, err error) {
			for _, tenantID := range []string{"acme", "globex"} {
				list, _ := o.target.Accounts(ctx, nil, tenantID, ids)
				out = append(out, list...)
			}
			return out, nil
		}
	}},
	{"an address tells another tenant's role", "isolation/by email", false, func(o *odd) {
		o.byEmail = func(tenantID, email string) (provisioning.AccountState, error) {
			a, err := o.target.AccountByEmail(ctx, nil, "globex", email)
			return a, err
		}
	}},
	{"owners of any tenant", "isolation/owners", false, func(o *odd) {
		o.owners = func(string) ([]string, error) {
			a, _ := o.target.Owners(ctx, nil, "acme")
			b, err := o.target.Owners(ctx, nil, "globex")
			return append(a, b...), err
		}
	}},
	{"one root for all tenants", "isolation/root", false, func(o *odd) { o.root = func(string) (string, error) { return "root-globex", nil } }},
	{"teams of any tenant", "isolation/teams", false, func(o *odd) {
		o.teams = func(_ string, ids []string) ([]provisioning.Team, error) {
			a, _ := o.target.Teams(ctx, nil, "acme", ids)
			b, err := o.target.Teams(ctx, nil, "globex", ids)
			return append(a, b...), err
		}
	}},
	{"names of teams are unique over all tenants", "isolation/names", false, func(o *odd) {
		o.createTeam = func(tenantID, name string) (string, error) {
			for _, t := range o.app.teams {
				if t.Name == name {
					return "", errNoSuch
				}
			}
			return o.target.CreateTeam(ctx, nil, tenantID, name)
		}
	}},
	{"a profile is written by ID alone", "isolation/UpdateProfile", false, func(o *odd) {
		o.profile = func(_, id string, p provisioning.Profile) error {
			return o.change(o.app.accounts[id].tenant, id, func(a *account) { a.Email = p.Email })
		}
	}},
	{"access ends by ID alone", "isolation/SetActive", false, func(o *odd) {
		o.setActive = func(_, id string, active bool) error {
			return o.target.SetActive(ctx, nil, o.app.accounts[id].tenant, id, active)
		}
	}},
	{"a role is given by ID alone", "isolation/SetOrgRole", false, func(o *odd) {
		o.setOrgRole = func(_, id, role string) error {
			return o.target.SetOrgRole(ctx, nil, o.app.accounts[id].tenant, id, role)
		}
	}},
	{"a team is renamed by ID alone", "isolation/RenameTeam", false, func(o *odd) {
		o.rename = func(_, id, name string) error { return o.target.RenameTeam(ctx, nil, o.app.teams[id].tenant, id, name) }
	}},
	{"a member is added by ID alone", "isolation/SetMember", false, func(o *odd) {
		o.setMember = func(_, team, id, role string) error {
			return o.target.SetMember(ctx, nil, o.app.teams[team].tenant, team, id, role)
		}
	}},
	{"a member is removed by ID alone", "isolation/RemoveMember", false, func(o *odd) {
		o.remove = func(_, team, id string) error {
			return o.target.RemoveMember(ctx, nil, o.app.teams[team].tenant, team, id)
		}
	}},
	{"many members are set by ID alone", "isolation/SetMembers", false, func(o *odd) {
		o.setMembers = func(_ string, changes []provisioning.MemberChange) error {
			for _, c := range changes {
				_ = o.target.SetMembers(ctx, nil, o.app.teams[c.TeamID].tenant, []provisioning.MemberChange{c})
			}
			return nil
		}
	}},
	{"a team is deleted by ID alone", "team deleter/isolation", false, func(o *odd) {
		o.del = func(_, id string) (bool, error) {
			return o.target.DeleteTeamIfUnused(ctx, nil, o.app.teams[id].tenant, id)
		}
	}},
	{"a team that is used is deleted", "team deleter/used", false, func(o *odd) {
		o.del = func(_, id string) (bool, error) {
			o.locked(func() { delete(o.app.teams, id) })
			return true, nil
		}
	}},
	{"no team is ever deleted", "team deleter/unused", false, func(o *odd) { o.del = func(string, string) (bool, error) { return false, nil } }},
	{"what was written is read later", "transactions/own writes", false, func(o *odd) {
		o.accounts = func(string, []string) ([]provisioning.AccountState, error) { return nil, nil }
	}},
	{"two at once lose one", "at once/members", false, func(o *odd) { o.setMember = slow(o) }},
	{"one account's changes at once lose one", "at once/one account", false, func(o *odd) {
		o.setOrgRole = func(string, string, string) error { return nil } // as if an older copy were written later
	}},
	{"accounts at once share an ID", "at once/accounts", false, func(o *odd) {
		o.create = func(tenantID string, p provisioning.Profile) (string, error) {
			id := "same"
			o.locked(func() {
				o.app.accounts[id] = account{AccountState: provisioning.AccountState{ID: id, Email: p.Email, Active: true, OrgRole: "member"}, tenant: tenantID}
			})
			return id, nil
		}
	}},
	{"many members are set without their roles", "many/members", false, func(o *odd) {
		o.setMembers = func(tenantID string, changes []provisioning.MemberChange) error {
			for i := range changes {
				changes[i].Role = "member"
			}
			return o.target.SetMembers(ctx, nil, tenantID, changes)
		}
	}},
	{"no members are an error", "many/members none", false, func(o *odd) {
		o.setMembers = func(tenantID string, changes []provisioning.MemberChange) error {
			if len(changes) == 0 {
				return errNoSuch
			}
			return o.target.SetMembers(ctx, nil, tenantID, changes)
		}
	}},
	{"IDs come in another order", "many/accounts", false, func(o *odd) {
		o.createMany = func(tenantID string, profiles []provisioning.Profile) ([]string, error) {
			ids, err := o.target.CreateAccounts(ctx, nil, tenantID, profiles)
			slices.Reverse(ids)
			return ids, err
		}
	}},
	{"only some of many members are set", "many/members of many", false, func(o *odd) {
		o.setMembers = func(tenantID string, changes []provisioning.MemberChange) error {
			return o.target.SetMembers(ctx, nil, tenantID, changes[:min(len(changes), 100)])
		}
	}},
	{"it is not told for whom an account was made", "elsewhere/account", true, func(o *odd) {
		o.byEmail = func(tenantID, email string) (provisioning.AccountState, error) {
			a, err := o.target.AccountByEmail(ctx, nil, tenantID, email)
			a.CreatedFor = ""
			return a, err
		}
	}},
	{"it is not told what SetMember made", "elsewhere/membership", true, func(o *odd) {
		o.accounts = func(tenantID string, ids []string) ([]provisioning.AccountState, error) {
			list, err := o.target.Accounts(ctx, nil, tenantID, ids)
			for i := range list {
				for k := range list[i].Teams {
					list[i].Teams[k].Provisioned = false
				}
			}
			return list, err
		}
	}},
	{"what is by hand is said to be given", "elsewhere/membership by hand", true, func(o *odd) {
		o.setMember = func(tenantID, team, id, role string) error {
			o.locked(func() { delete(o.members, [2]string{team, id}) })
			return o.target.SetMember(ctx, nil, tenantID, team, id, role)
		}
	}},
	{"the second role given hides the first", "elsewhere/role", true, func(o *odd) {
		o.setOrgRole = func(tenantID, id, role string) error {
			return o.change(tenantID, id, func(a *account) { a.OwnOrgRole, a.OrgRole = a.OrgRole, role })
		}
	}},
	{"it is not told for which group a team was made", "elsewhere/team", true, func(*odd) {}},
}

// like compares as SQL's like does.
func like(s, pattern string) bool {
	if pattern == "" {
		return s == ""
	}
	switch pattern[0] {
	case '%':
		return like(s, pattern[1:]) || s != "" && like(s[1:], pattern)
	case '_':
		return s != "" && like(s[1:], pattern[1:])
	}
	return s != "" && strings.EqualFold(s[:1], pattern[:1]) && like(s[1:], pattern[1:])
}

// slow is a SetMember that reads and writes a team's members in two steps, of which
// another comes between.
func slow(o *odd) func(tenantID, team, id, role string) error {
	var mu sync.Mutex
	n := 0
	return func(tenantID, team, id, role string) error {
		mu.Lock()
		n++
		lost := n == 2
		mu.Unlock()
		if lost {
			return nil
		}
		return o.target.SetMember(ctx, nil, tenantID, team, id, role)
	}
}

// TestPlantedFaults proves that the suite finds what it is there to find, by the rule that
// the fault breaks.
func TestPlantedFaults(t *testing.T) {
	rules := provisioningtest.Checks()
	found := map[string]bool{}
	for _, f := range slices.Concat(faults, optionalFaults) {
		t.Run(f.name, func(t *testing.T) {
			require.Contains(t, rules, f.check)
			open := func() provisioningtest.Host {
				a := newApp(f.elsewhere)
				return a.host(func(provisioning.Target) provisioning.Target {
					o := &odd{target: target{a}}
					f.spoil(o)
					return o
				})
			}
			failures, ran := provisioningtest.Failures(t.Context(), open, f.check)
			require.Positive(t, ran)
			text := failures[f.check]
			for _, part := range []string{"rule:     " + rules[f.check], "did:", "expected:", "got:"} {
				require.Contains(t, text, part)
			}
			t.Log(text)
		})
		found[f.check] = true
	}
	for _, f := range storeFaults {
		found[f] = true
	}
	for name := range rules {
		require.True(t, found[name], "a fault is planted for the check %s", name)
	}
}

// storeFaults are the checks that find a host outside of the transactions.
var storeFaults = []string{"transactions/undone", "transactions/undone creation", "transactions/part undone", "transactions/error of one", "many/members undone", "take over/InviteAccount queued", "fields/undone", "departures/delete undone", "team archiver/undone"}

// TestOutsideOfTransactions is a host that says its data is in our transactions, and it
// is not.
func TestOutsideOfTransactions(t *testing.T) {
	open := func() provisioningtest.Host {
		h := newApp(false).host(nil)
		h.Store = memory.New()
		return h
	}
	for _, check := range storeFaults {
		if check == "transactions/error of one" {
			continue
		}
		failures, _ := provisioningtest.Failures(t.Context(), open, check)
		require.Contains(t, failures[check], "rule:", check)
	}
}

// aborting is a transaction that no error leaves usable.
type aborting struct {
	store.Store
	failed *bool
}

func (a aborting) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return a.Store.InTx(ctx, func(tx store.Store) error {
		failed := a.failed
		if failed == nil {
			failed = new(bool)
		}
		err := fn(aborting{tx, failed})
		*failed = *failed || err != nil
		if *failed && err == nil {
			return errNoSuch
		}
		return err
	})
}

func TestAbortedTransactions(t *testing.T) {
	open := func() provisioningtest.Host {
		h := newApp(false).host(nil)
		h.Store = aborting{Store: h.Store}
		return h
	}
	failures, _ := provisioningtest.Failures(t.Context(), open, "transactions/error of one")
	require.Contains(t, failures["transactions/error of one"], "rule:")
}

// TestHangs is a host that waits for a lock of its own transaction: the check ends.
func TestHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	open := func() provisioningtest.Host {
		a := newApp(false)
		return a.host(func(provisioning.Target) provisioning.Target { return hanging{target{a}} })
	}
	failures, _ := provisioningtest.Failures(ctx, open, "members/add")
	require.Contains(t, failures["members/add"], "deadline exceeded")
}

type hanging struct{ target }

func (hanging) SetMember(ctx context.Context, _ store.Store, _, _, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestHostIsComplete(t *testing.T) {
	h := provisioningtest.Host{}
	require.Equal(t, "Target", h.Missing())
	h = newApp(false).host(nil)
	require.Empty(t, h.Missing())
	h.Other = h.Tenant
	require.Contains(t, h.Missing(), "Other")
}

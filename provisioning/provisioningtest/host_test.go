package provisioningtest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/provisioning/provisioningtest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// app is an application in memory that keeps the contract: the yardstick of the suite.
// Its data is undone with the transactions of its store, unless it is elsewhere.
type app struct {
	mu        sync.Mutex
	next      int
	accounts  map[string]account
	teams     map[string]team
	members   map[[2]string]member // team, account
	elsewhere bool
}

type account struct {
	provisioning.AccountState
	tenant   string
	sessions int
	more
}

type team struct {
	provisioning.Team
	tenant string
}

type member struct {
	role   string
	byHand bool
}

var errNoSuch = errors.New("app: no such account or team")

var (
	orgRoles  = []string{"member", "administrator", "owner"}
	teamRoles = []string{"member", "administrator"}
)

func newApp(elsewhere bool) *app {
	a := &app{accounts: map[string]account{}, teams: map[string]team{}, members: map[[2]string]member{}, elsewhere: elsewhere}
	for _, tenant := range []string{"acme", "globex"} {
		id := "root-" + tenant
		a.accounts[id] = account{AccountState: provisioning.AccountState{ID: id, Email: "root@" + tenant + ".example", Active: true, OrgRole: "owner"}, tenant: tenant}
	}
	return a
}

// host is the app to be checked, with its Target wrapped.
func (a *app) host(wrap func(provisioning.Target) provisioning.Target) provisioningtest.Host {
	var t provisioning.Target = target{a}
	st := store.Store(memory.New())
	if a.elsewhere {
		t = elsewhereTarget{target{a}}
	} else {
		st = undoing{st, a}
	}
	if wrap != nil {
		t = wrap(t)
	}
	return provisioningtest.Host{
		Target: t, Store: st, Tenant: "acme", Other: "globex", OrgRoles: orgRoles, TeamRoles: teamRoles,
		Elsewhere: a.elsewhere, SignIn: a.signIn, JoinByHand: a.joinByHand,
		Password: a.has(func(acc *account) { acc.password = true }, func(acc account) bool { return acc.password }),
		Token:    a.has(func(acc *account) { acc.token = true }, func(acc account) bool { return acc.token }),
		Invited: func(_ context.Context, _, id string) (bool, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.accounts[id].invited, nil
		},
		Duty: func(_ context.Context, tenantID, id string) error {
			return a.change(tenantID, id, func(acc *account) { acc.duty = true })
		},
	}
}

// undoing takes the app's data back with a transaction. One runs at a time.
type undoing struct {
	store.Store
	app *app
}

func (u undoing) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return u.Store.InTx(ctx, func(tx store.Store) (err error) {
		u.app.mu.Lock()
		accounts, teams, members := maps.Clone(u.app.accounts), maps.Clone(u.app.teams), maps.Clone(u.app.members)
		u.app.mu.Unlock()
		defer func() {
			if err != nil {
				u.app.mu.Lock()
				u.app.accounts, u.app.teams, u.app.members = accounts, teams, members
				u.app.mu.Unlock()
			}
		}()
		return fn(undoing{tx, u.app})
	})
}

func (a *app) signIn(_ context.Context, _, id string) (func(context.Context) (bool, error), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[id]
	acc.sessions++
	a.accounts[id] = acc
	return func(context.Context) (bool, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.accounts[id].sessions > 0, nil
	}, nil
}

func (a *app) joinByHand(_ context.Context, _, teamID, accountID, role string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.members[[2]string{teamID, accountID}] = member{role: role, byHand: true}
	return nil
}

// change runs fn on an account of the tenant.
func (a *app) change(tenantID, id string, fn func(*account)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc, ok := a.accounts[id]
	if !ok || acc.tenant != tenantID {
		return errNoSuch
	}
	fn(&acc)
	a.accounts[id] = acc
	return nil
}

// target is the app's Target.
type target struct{ *app }

func (t target) RootAccount(_ context.Context, _ store.Store, tenantID string) (string, error) {
	return "root-" + tenantID, nil
}

func (t target) state(acc account) provisioning.AccountState {
	s := acc.AccountState
	for k, m := range t.members {
		if k[1] == s.ID && t.teams[k[0]].tenant == acc.tenant {
			s.Teams = append(s.Teams, provisioning.Membership{TeamID: k[0], Role: m.role, Provisioned: t.elsewhere && !m.byHand})
		}
	}
	return s
}

func (t target) AccountByEmail(_ context.Context, _ store.Store, tenantID, email string) (provisioning.AccountState, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, acc := range t.accounts {
		if strings.EqualFold(acc.Email, email) {
			s := t.state(acc)
			if acc.tenant != tenantID {
				s.OrgRole, s.Teams = "", nil
			}
			return s, nil
		}
	}
	return provisioning.AccountState{}, fmt.Errorf("app: %s: %w", email, store.ErrNotFound)
}

func (t target) Accounts(_ context.Context, _ store.Store, tenantID string, ids []string) (out []provisioning.AccountState, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		if acc, ok := t.accounts[id]; ok && acc.tenant == tenantID {
			out = append(out, t.state(acc))
		}
	}
	return out, nil
}

func (t target) Owners(_ context.Context, _ store.Store, tenantID string) (ids []string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, acc := range t.accounts {
		if acc.tenant == tenantID && acc.Active && acc.OrgRole == "owner" {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (t target) CreateAccount(_ context.Context, _ store.Store, tenantID string, p provisioning.Profile) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	acc := account{AccountState: provisioning.AccountState{ID: fmt.Sprintf("u%d", t.next), Email: p.Email, Active: true, OrgRole: "member"}, tenant: tenantID}
	acc.keep(p)
	if t.elsewhere {
		acc.CreatedFor, acc.OwnOrgRole = p.SCIMUserID, "member"
	}
	t.accounts[acc.ID] = acc
	return acc.ID, nil
}

func (t target) CreateAccounts(ctx context.Context, tx store.Store, tenantID string, profiles []provisioning.Profile) (ids []string, err error) {
	for _, p := range profiles {
		id, err := t.CreateAccount(ctx, tx, tenantID, p)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (t target) UpdateProfile(_ context.Context, _ store.Store, tenantID, id string, p provisioning.Profile) error {
	return t.change(tenantID, id, func(acc *account) {
		if p.Email != "" {
			acc.Email = p.Email
		}
		acc.keep(p)
	})
}

func (t target) SetActive(_ context.Context, _ store.Store, tenantID, id string, active bool) error {
	return t.change(tenantID, id, func(acc *account) {
		acc.Active = active
		if !active {
			acc.sessions = 0
		}
	})
}

func (t target) SetOrgRole(_ context.Context, _ store.Store, tenantID, id, role string) error {
	return t.change(tenantID, id, func(acc *account) { acc.OrgRole = role })
}

func (t target) Teams(_ context.Context, _ store.Store, tenantID string, ids []string) (out []provisioning.Team, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, x := range t.teams {
		if x.tenant == tenantID && (ids == nil || slices.Contains(ids, id)) {
			out = append(out, x.Team)
		}
	}
	return out, nil
}

func (t target) CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (string, error) {
	return t.createTeam(tenantID, "", name)
}

func (t target) createTeam(tenantID, groupID, name string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	x := team{Team: provisioning.Team{ID: fmt.Sprintf("t%d", t.next), Name: name, CreatedFor: groupID}, tenant: tenantID}
	t.teams[x.ID] = x
	return x.ID, nil
}

func (t target) RenameTeam(_ context.Context, _ store.Store, tenantID, id, name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.teams[id]
	if !ok || x.tenant != tenantID {
		return errNoSuch
	}
	x.Name = name
	t.teams[id] = x
	return nil
}

func (t target) SetMember(_ context.Context, _ store.Store, tenantID, teamID, accountID, role string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teams[teamID].tenant != tenantID || t.accounts[accountID].tenant != tenantID {
		return errNoSuch
	}
	m := t.members[[2]string{teamID, accountID}]
	m.role = role
	t.members[[2]string{teamID, accountID}] = m
	return nil
}

func (t target) RemoveMember(_ context.Context, _ store.Store, tenantID, teamID, accountID string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teams[teamID].tenant == tenantID {
		delete(t.members, [2]string{teamID, accountID})
	}
	return nil
}

func (t target) SetMembers(ctx context.Context, tx store.Store, tenantID string, changes []provisioning.MemberChange) (err error) {
	for _, c := range changes {
		if c.Role == "" {
			err = errors.Join(err, t.RemoveMember(ctx, tx, tenantID, c.TeamID, c.AccountID))
		} else {
			err = errors.Join(err, t.SetMember(ctx, tx, tenantID, c.TeamID, c.AccountID, c.Role))
		}
	}
	return err
}

func (t target) DeleteTeamIfUnused(_ context.Context, _ store.Store, tenantID, id string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.members {
		if k[0] == id {
			return false, nil
		}
	}
	if t.teams[id].tenant != tenantID {
		return false, nil
	}
	delete(t.teams, id)
	return true, nil
}

// elsewhereTarget remembers for which group a team was made.
type elsewhereTarget struct{ target }

func (t elsewhereTarget) CreateGroupTeam(_ context.Context, _ store.Store, tenantID, groupID, name string) (string, error) {
	return t.createTeam(tenantID, groupID, name)
}

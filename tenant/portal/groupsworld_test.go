package portal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// teamHost is an application with accounts and teams, each team of one organisation.
type teamHost struct {
	mu       sync.Mutex
	next     int
	accounts map[string]*provisioning.AccountState
	teams    map[string]*provisioning.Team
	orgOf    map[string]string // of a team
	asked    func()            // before a call of Teams, if set
}

func newTeamHost() *teamHost {
	h := &teamHost{accounts: map[string]*provisioning.AccountState{}, teams: map[string]*provisioning.Team{}, orgOf: map[string]string{}}
	h.accounts["u-root"] = &provisioning.AccountState{ID: "u-root", Email: "root@acme.com", Active: true, OrgRole: "owner"}
	return h
}

func (h *teamHost) team(tenantID, id, name string) {
	h.teams[id], h.orgOf[id] = &provisioning.Team{ID: id, Name: name}, tenantID
}

func (h *teamHost) role(team, email string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.accounts {
		for _, m := range a.Teams {
			if a.Email == email && m.TeamID == team {
				return m.Role
			}
		}
	}
	return ""
}

func (h *teamHost) named(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.teams {
		if t.Name == name {
			return t.ID
		}
	}
	return ""
}

func (h *teamHost) RootAccount(context.Context, store.Store, string) (string, error) {
	return "u-root", nil
}

func (h *teamHost) AccountByEmail(_ context.Context, _ store.Store, _, email string) (provisioning.AccountState, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.accounts {
		if strings.EqualFold(a.Email, email) {
			return copyOf(a), nil
		}
	}
	return provisioning.AccountState{}, store.ErrNotFound
}

func copyOf(a *provisioning.AccountState) provisioning.AccountState {
	c := *a
	c.Teams = slices.Clone(a.Teams)
	return c
}

func (h *teamHost) Accounts(_ context.Context, _ store.Store, _ string, ids []string) (out []provisioning.AccountState, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if a := h.accounts[id]; a != nil {
			out = append(out, copyOf(a))
		}
	}
	return out, nil
}

func (h *teamHost) Owners(context.Context, store.Store, string) (out []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.accounts {
		if a.Active && a.OrgRole == "owner" {
			out = append(out, a.ID)
		}
	}
	return out, nil
}

func (h *teamHost) CreateAccount(_ context.Context, _ store.Store, _ string, p provisioning.Profile) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	id := fmt.Sprintf("u-%d", h.next)
	h.accounts[id] = &provisioning.AccountState{ID: id, Email: p.Email, Active: true, OrgRole: "member"}
	return id, nil
}

func (h *teamHost) UpdateProfile(_ context.Context, _ store.Store, _, id string, p provisioning.Profile) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts[id].Email = p.Email
	return nil
}

func (h *teamHost) SetActive(_ context.Context, _ store.Store, _, id string, active bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts[id].Active = active
	return nil
}

func (h *teamHost) SetOrgRole(_ context.Context, _ store.Store, _, id, role string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts[id].OrgRole = role
	return nil
}

func (h *teamHost) Teams(_ context.Context, _ store.Store, tenantID string, ids []string) (out []provisioning.Team, err error) {
	if h.asked != nil {
		h.asked()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if ids != nil {
		for _, id := range ids {
			if t := h.teams[id]; t != nil && h.orgOf[id] == tenantID {
				out = append(out, *t)
			}
		}
		return out, nil
	}
	for id, t := range h.teams {
		if h.orgOf[id] == tenantID {
			out = append(out, *t)
		}
	}
	return out, nil
}

func (h *teamHost) CreateTeam(_ context.Context, _ store.Store, tenantID, name string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	id := fmt.Sprintf("t-%d", h.next)
	h.team(tenantID, id, name)
	return id, nil
}

func (h *teamHost) RenameTeam(_ context.Context, _ store.Store, _, id, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.teams[id].Name = name
	return nil
}

func (h *teamHost) SetMember(_ context.Context, _ store.Store, _, team, id, role string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[id]
	a.Teams = append(slices.DeleteFunc(a.Teams, func(m provisioning.Membership) bool { return m.TeamID == team }), provisioning.Membership{TeamID: team, Role: role})
	return nil
}

func (h *teamHost) RemoveMember(_ context.Context, _ store.Store, _, team, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[id]
	a.Teams = slices.DeleteFunc(a.Teams, func(m provisioning.Membership) bool { return m.TeamID == team })
	return nil
}

// groupsWorld has an organisation with a directory: people and groups.
type groupsWorld struct {
	*world
	host   *teamHost
	engine *provisioning.Engine
	n      int
	ids    map[string]string
}

func newGroupsWorld(t testing.TB, change ...func(*provisioning.Config)) *groupsWorld {
	t.Helper()
	g := &groupsWorld{host: newTeamHost(), ids: map[string]string{}}
	g.world = newWorld(t, func(c *Config) {
		cfg := provisioning.Config{
			Store: c.Store.(store.Store), Target: g.host, Authorizer: tenant.AuthorizerFunc(func(ctx context.Context, a tenant.Actor, action tenant.Action, id string) error {
				return g.can(ctx, a, action, id)
			}),
			OrgRoles: []string{"member", "administrator", "owner"}, TeamRoles: []string{"member", "administrator"}, MaxProvisionableRole: "owner", Now: c.Now,
		}
		for _, fn := range change {
			fn(&cfg)
		}
		var err error
		g.engine, err = provisioning.New(cfg)
		require.NoError(t, err)
		c.Engine = g.engine
	})
	conn := g.activeConnection(t)
	_, err := g.tenants.EnableSCIM(t.Context(), who["owner"], org, conn.ID, store.SCIMPreferences{Wanted: true})
	require.NoError(t, err)
	return g
}

// id makes an ID that grows.
func (g *groupsWorld) id(name string) string {
	g.n++
	g.ids[name] = fmt.Sprintf("%08d", g.n)
	return g.ids[name]
}

func (g *groupsWorld) event(typ, kind, id string) store.Event {
	g.n++
	return store.Event{ID: fmt.Sprintf("ev%08d", g.n), Type: typ, At: g.clock(), Subject: store.EventSubject{Kind: kind, ID: id}}
}

// user provisions name@acme.com.
func (g *groupsWorld) user(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		id, now := g.id(name), g.clock()
		u := store.SCIMUser{Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, UserName: name + "@acme.com", Active: true, Body: fmt.Appendf(nil, `{"userName":"%[1]s@acme.com","emails":[{"value":"%[1]s@acme.com"}]}`, name)}
		_, err := g.store.CreateSCIMUser(t.Context(), org, u, g.event("scim.user.created", "scim_user", id))
		require.NoError(t, err)
	}
}

func (g *groupsWorld) group(t testing.TB, name string, members ...string) {
	t.Helper()
	id, now := g.id(name), g.clock()
	var list []store.Member
	for _, m := range members {
		list = append(list, store.Member{ID: g.ids[m], Kind: store.MemberUser})
	}
	_, err := g.store.CreateSCIMGroup(t.Context(), org, store.SCIMGroup{Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, DisplayName: name}, list, g.event("scim.group.created", "scim_group", id))
	require.NoError(t, err)
}

// settings are those in force.
func (g *groupsWorld) settings(t testing.TB) store.ProvisioningSettings {
	t.Helper()
	s, err := g.engine.Settings(t.Context(), who["owner"], org)
	require.NoError(t, err)
	return s
}

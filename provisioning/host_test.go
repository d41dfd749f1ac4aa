package provisioning

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

const org = "acme"

var (
	orgRoles  = []string{"member", "administrator", "owner"}
	teamRoles = []string{"member", "administrator"}
	owner     = tenant.Actor{Kind: tenant.ActorOwner, ID: "u-root", Email: "root@acme.example"}
)

// fakeHost is an application in memory. Its data is not in our transaction, unless a
// joined store takes it back.
type fakeHost struct {
	mu    sync.Mutex
	next  int
	root  string
	users map[string]*hostUser
	teams map[string]string            // ID → name
	in    map[string]map[string]string // team → account → role
	// fail, if set, is asked before every change.
	fail     func(op, id string) error
	failRoot func(tenantID string) error // the same for RootAccount
	// calls counts changes.
	calls int
	keep  bool              // remember CreatedFor, Provisioned and OwnOrgRole
	ours  map[string]bool   // team and account that SetMember made
	own   map[string]string // account → role before SetOrgRole
	made  map[string]string // team → group
	// archived teams, by ID.
	archived map[string]bool
}

type hostUser struct {
	ID, Email, Name, Role string
	Active                bool
	Sessions              int
	CreatedFor            string
	Phone                 string
}

func newFakeHost() *fakeHost {
	h := &fakeHost{
		users: map[string]*hostUser{}, teams: map[string]string{}, in: map[string]map[string]string{}, ours: map[string]bool{},
		own: map[string]string{}, made: map[string]string{}, archived: map[string]bool{},
	}
	h.root = h.addUser("u-root", "root@acme.example", "owner")
	return h
}

func (h *fakeHost) addUser(id, email, role string) string {
	h.users[id] = &hostUser{ID: id, Email: email, Role: role, Active: true, Sessions: 1}
	return id
}

func (h *fakeHost) addTeam(id, name string) string {
	h.teams[id] = name
	h.in[id] = map[string]string{}
	return id
}

func (h *fakeHost) clone() (users map[string]*hostUser, teams map[string]string, in map[string]map[string]string) {
	users, in = map[string]*hostUser{}, map[string]map[string]string{}
	for id, u := range h.users {
		c := *u
		users[id] = &c
	}
	for id, m := range h.in {
		in[id] = maps.Clone(m)
	}
	return users, maps.Clone(h.teams), in
}

// state is all that tests compare: accounts by e-mail, teams by name.
func (h *fakeHost) state() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, u := range h.users {
		out = append(out, fmt.Sprintf("%s %s active=%v", u.Email, u.Role, u.Active))
	}
	for id, name := range h.teams {
		for account, role := range h.in[id] {
			out = append(out, fmt.Sprintf("%s: %s %s", name, h.users[account].Email, role))
		}
		out = append(out, "team "+name)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func (h *fakeHost) byEmail(t testing.TB, email string) *hostUser {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.users {
		if strings.EqualFold(u.Email, email) {
			return u
		}
	}
	t.Fatalf("the host has no %s", email)
	return nil
}

func (h *fakeHost) role(team, account string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.in[team][account]
}

func (h *fakeHost) teamNamed(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, n := range h.teams {
		if n == name {
			return id
		}
	}
	return ""
}

func (h *fakeHost) change(op, id string, fn func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		if err := h.fail(op, id); err != nil {
			return err
		}
	}
	h.calls++
	fn()
	return nil
}

func (h *fakeHost) RootAccount(_ context.Context, _ store.Store, tenantID string) (string, error) {
	if h.failRoot != nil {
		if err := h.failRoot(tenantID); err != nil {
			return "", err
		}
	}
	return h.root, nil
}

func (h *fakeHost) stateOf(u *hostUser) AccountState {
	a := AccountState{ID: u.ID, Email: u.Email, Active: u.Active, OrgRole: u.Role, CreatedFor: u.CreatedFor, OwnOrgRole: h.own[u.ID]}
	for team, members := range h.in {
		if role, ok := members[u.ID]; ok {
			a.Teams = append(a.Teams, Membership{TeamID: team, Role: role, Provisioned: h.ours[team+u.ID]})
		}
	}
	return a
}

func (h *fakeHost) AccountByEmail(_ context.Context, _ store.Store, _, email string) (AccountState, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		if err := h.fail("AccountByEmail", email); err != nil {
			return AccountState{}, err
		}
	}
	for _, u := range h.users {
		if strings.EqualFold(u.Email, email) {
			return h.stateOf(u), nil
		}
	}
	return AccountState{}, store.ErrNotFound
}

func (h *fakeHost) Accounts(_ context.Context, _ store.Store, _ string, ids []string) ([]AccountState, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []AccountState
	for _, id := range ids {
		if u := h.users[id]; u != nil {
			out = append(out, h.stateOf(u))
		}
	}
	return out, nil
}

func (h *fakeHost) Owners(context.Context, store.Store, string) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, u := range h.users {
		if u.Active && u.Role == "owner" {
			out = append(out, u.ID)
		}
	}
	return out, nil
}

func (h *fakeHost) CreateAccount(_ context.Context, _ store.Store, _ string, p Profile) (id string, err error) {
	err = h.change("CreateAccount", p.Email, func() {
		h.next++
		id = fmt.Sprintf("u-%03d", h.next)
		u := &hostUser{ID: id, Email: p.Email, Name: p.DisplayName, Role: "member", Active: true, Phone: p.Phone}
		if h.keep {
			u.CreatedFor = p.SCIMUserID
		}
		h.users[id] = u
	})
	return id, err
}

func (h *fakeHost) UpdateProfile(_ context.Context, _ store.Store, _, id string, p Profile) error {
	return h.change("UpdateProfile", id, func() {
		h.users[id].Email = p.Email
		if !p.Keeps("displayName") {
			h.users[id].Name = p.DisplayName
		}
		if !p.KeepPhone {
			h.users[id].Phone = p.Phone
		}
	})
}

func (h *fakeHost) SetActive(_ context.Context, _ store.Store, _, id string, active bool) error {
	return h.change("SetActive", id, func() {
		h.users[id].Active = active
		if !active {
			h.users[id].Sessions = 0
		}
	})
}

func (h *fakeHost) SetOrgRole(_ context.Context, _ store.Store, _, id, role string) error {
	return h.change("SetOrgRole", id, func() {
		if h.keep && h.own[id] == "" {
			h.own[id] = h.users[id].Role
		}
		h.users[id].Role = role
	})
}

func (h *fakeHost) Teams(_ context.Context, _ store.Store, _ string, ids []string) ([]Team, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Team
	for id, name := range h.teams {
		if ids == nil || slices.Contains(ids, id) {
			out = append(out, Team{ID: id, Name: name, CreatedFor: h.made[id], Archived: h.archived[id]})
		}
	}
	return out, nil
}

func (h *fakeHost) CreateTeam(_ context.Context, _ store.Store, _, name string) (id string, err error) {
	err = h.change("CreateTeam", name, func() {
		h.next++
		id = h.addTeam(fmt.Sprintf("t-%03d", h.next), name)
	})
	return id, err
}

func (h *fakeHost) RenameTeam(_ context.Context, _ store.Store, _, id, name string) error {
	return h.change("RenameTeam", id, func() { h.teams[id] = name })
}

func (h *fakeHost) SetMember(_ context.Context, _ store.Store, _, team, account, role string) error {
	return h.change("SetMember", account, func() {
		if h.keep && h.in[team][account] == "" {
			h.ours[team+account] = true
		}
		h.in[team][account] = role
	})
}

func (h *fakeHost) RemoveMember(_ context.Context, _ store.Store, _, team, account string) error {
	return h.change("RemoveMember", account, func() {
		delete(h.in[team], account)
		delete(h.ours, team+account)
	})
}

// elsewhereHost is a host with data of its own, which remembers what it did for us.
type elsewhereHost struct{ *fakeHost }

func (h elsewhereHost) CreateGroupTeam(_ context.Context, _ store.Store, _, group, name string) (id string, err error) {
	err = h.change("CreateTeam", name, func() {
		h.next++
		id = h.addTeam(fmt.Sprintf("t-%03d", h.next), name)
		h.made[id] = group
	})
	return id, err
}

// deletingHost deletes teams that nobody is in.
type deletingHost struct{ *fakeHost }

func (h deletingHost) DeleteTeamIfUnused(_ context.Context, _ store.Store, _, id string) (deleted bool, err error) {
	err = h.change("DeleteTeam", id, func() {
		if deleted = len(h.in[id]) == 0; deleted {
			delete(h.teams, id)
			delete(h.in, id)
		}
	})
	return deleted, err
}

// archivingHost has an archive for teams, too.
type archivingHost struct{ deletingHost }

func (h archivingHost) SetTeamArchived(_ context.Context, _ store.Store, _, id string, archived bool) error {
	return h.change("SetTeamArchived", id, func() { h.archived[id] = archived })
}

// canAll makes the host one that deletes and archives teams, without waiting.
func canAll(c *Config) {
	c.Target, c.DeleteAfter = archivingHost{deletingHost{c.Target.(*fakeHost)}}, -1
}

// joined is a store whose transactions take the host's changes back, too, as one SQL
// database does. crash, if set, is asked before the outermost commit.
type joined struct {
	store.Store
	host  *fakeHost
	crash func() error
	depth int
}

var errCrash = errors.New("crash")

func (j *joined) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return j.Store.InTx(ctx, func(tx store.Store) (err error) {
		j.host.mu.Lock()
		users, teams, in := j.host.clone()
		archived := maps.Clone(j.host.archived)
		j.host.mu.Unlock()
		defer func() {
			if err != nil {
				j.host.mu.Lock()
				j.host.users, j.host.teams, j.host.in, j.host.archived = users, teams, in, archived
				j.host.mu.Unlock()
			}
		}()
		if err = fn(&joined{Store: tx, host: j.host, crash: j.crash, depth: j.depth + 1}); err == nil && j.crash != nil && j.depth == 0 {
			err = j.crash()
		}
		return err
	})
}

// world is a tenant with a directory, a host and an engine.
type world struct {
	testing.TB
	ctx   context.Context
	st    store.Store
	host  *fakeHost
	cfg   Config
	e     *Engine
	clock *clock
	ids   map[string]string // names of users and groups → IDs
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func allowAll(context.Context, tenant.Actor, tenant.Action, string) error { return nil }

func newWorld(t testing.TB, change ...func(*Config)) *world {
	host := newFakeHost()
	w := &world{
		TB: t, ctx: t.Context(), host: host, st: &joined{Store: memory.New(), host: host},
		clock: &clock{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}, ids: map[string]string{},
	}
	w.cfg = Config{
		Store: w.st, Target: host, Authorizer: tenant.AuthorizerFunc(allowAll),
		OrgRoles: orgRoles, TeamRoles: teamRoles, MaxProvisionableRole: "owner",
		Now: w.clock.Now,
	}
	for _, fn := range change {
		fn(&w.cfg)
	}
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	_, err = w.st.CreateConnection(w.ctx, org, store.Connection{
		Meta: w.meta("conn"), State: store.ConnectionActive, Name: "Okta", BreakGlass: []string{"glass@acme.example"},
	})
	require.NoError(t, err)
	_, err = w.st.CreateDirectory(w.ctx, org, store.Directory{Meta: w.meta("dir"), ConnectionID: w.ids["conn"], Enabled: true})
	require.NoError(t, err)
	_, err = w.st.CreateDomain(w.ctx, org, store.Domain{Meta: w.meta("domain"), ConnectionID: w.ids["conn"], Name: "acme.example", State: store.DomainVerified})
	require.NoError(t, err)
	return w
}

func (w *world) meta(name string) store.Meta {
	now := w.clock.Now()
	id := store.NewID(now)
	w.ids[name] = id
	return store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}
}

func (w *world) ev(typ, kind, id string, after []byte) store.Event {
	now := w.clock.Now()
	return store.Event{ID: store.NewID(now), Type: typ, At: now, Subject: store.EventSubject{Kind: kind, ID: id}, After: after}
}

func userBody(email string, active bool) []byte {
	b, _ := json.Marshal(map[string]any{
		"userName": email, "active": active, "displayName": strings.ToUpper(email[:1]) + strings.Split(email[1:], "@")[0],
		"emails": []map[string]any{{"value": email, "type": "work", "primary": true}},
	})
	return b
}

// user provisions name@acme.example.
func (w *world) user(names ...string) {
	for _, name := range names {
		m := w.meta(name)
		email := name + "@acme.example"
		u := store.SCIMUser{Meta: m, UserName: email, Active: true, Body: userBody(email, true)}
		_, err := w.st.CreateSCIMUser(w.ctx, org, u, w.ev("scim.user.created", subjectUser, m.ID, u.Body))
		require.NoError(w, err)
	}
}

// write changes a user's address and activity.
func (w *world) write(name, email string, active bool) {
	u, err := w.st.SCIMUser(w.ctx, org, w.ids[name])
	require.NoError(w, err)
	u.UserName, u.Active, u.Body = email, active, userBody(email, active)
	_, err = w.st.UpdateSCIMUser(w.ctx, org, u, w.ev("scim.user.updated", subjectUser, u.ID, u.Body))
	require.NoError(w, err)
}

func (w *world) active(name string, active bool) { w.write(name, name+"@acme.example", active) }

func (w *world) deleteUser(name string) {
	require.NoError(w, w.st.DeleteSCIMUser(w.ctx, org, w.ids[name], 0, w.ev("scim.user.deleted", subjectUser, w.ids[name], nil)))
}

func (w *world) group(name string, members ...string) {
	m := w.meta(name)
	var list []store.Member
	for _, name := range members {
		list = append(list, store.Member{ID: w.ids[name], Kind: store.MemberUser})
	}
	_, err := w.st.CreateSCIMGroup(w.ctx, org, store.SCIMGroup{Meta: m, DisplayName: name}, list, w.ev("scim.group.created", subjectGroup, m.ID, nil))
	require.NoError(w, err)
}

func (w *world) members(group string, add, remove []string) {
	var d store.MemberDelta
	for _, name := range add {
		d.Add = append(d.Add, store.Member{ID: w.ids[name], Kind: store.MemberUser})
	}
	for _, name := range remove {
		d.Remove = append(d.Remove, w.ids[name])
	}
	_, err := w.st.ChangeSCIMMembers(w.ctx, org, w.ids[group], d, w.clock.Now(), nil, w.ev("scim.group.members_changed", subjectGroup, w.ids[group], nil))
	require.NoError(w, err)
}

func (w *world) join(group string, names ...string)  { w.members(group, names, nil) }
func (w *world) leave(group string, names ...string) { w.members(group, nil, names) }

func (w *world) renameGroup(group, name string) {
	g, err := w.st.SCIMGroup(w.ctx, org, w.ids[group])
	require.NoError(w, err)
	g.DisplayName = name
	_, err = w.st.UpdateSCIMGroup(w.ctx, org, g, w.ev("scim.group.updated", subjectGroup, g.ID, []byte(`{}`)))
	require.NoError(w, err)
}

func (w *world) deleteGroup(group string) {
	require.NoError(w, w.st.DeleteSCIMGroup(w.ctx, org, w.ids[group], 0, w.ev("scim.group.deleted", subjectGroup, w.ids[group], nil)))
}

func (w *world) sync() int {
	w.Helper()
	n, err := w.e.Sync(w.ctx, org)
	require.NoError(w, err)
	return n
}

// set applies settings as the owner does, with a preview first.
func (w *world) set(s store.ProvisioningSettings) Plan {
	w.Helper()
	have, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(w, err)
	s.Version = have.Version
	preview, err := w.e.Preview(w.ctx, owner, org, s)
	require.NoError(w, err)
	done, err := w.e.Apply(w.ctx, owner, org, s, agree(preview))
	require.NoError(w, err)
	require.Equal(w, preview.Lines, done.Lines, "the plan that was applied is the one that was shown")
	return done
}

// agree confirms all that a plan asks.
func agree(p Plan) Confirm {
	c := Confirm{Hash: p.Hash}
	for _, q := range p.Confirmations {
		switch q.Code {
		case ConfirmTopRole:
			c.TopRole = true
		case ConfirmManyPeople:
			c.People = q.Number
		case ConfirmOwnAccess:
			c.OwnAccess = true
		}
	}
	return c
}

func (w *world) manual(rows ...store.MappingRow) Plan {
	w.Helper()
	return w.set(store.ProvisioningSettings{Mode: store.ModeManual, Rows: rows})
}

// row maps a group to a team and roles.
func (w *world) row(group, team, teamRole, orgRole string) store.MappingRow {
	return store.MappingRow{GroupID: w.ids[group], TeamID: team, TeamRole: teamRole, OrgRole: orgRole}
}

// account is the host's ID of a person.
func (w *world) account(name string) string {
	w.Helper()
	return w.host.byEmail(w, name+"@acme.example").ID
}

// stable checks that nothing is left to do.
func (w *world) stable() {
	w.Helper()
	before, calls := w.host.state(), w.host.calls
	w.sync()
	plan, err := w.e.Reconcile(w.ctx, org)
	require.NoError(w, err)
	require.True(w, plan.Empty(), "a second run changes nothing: %+v", plan.Lines)
	require.Equal(w, before, w.host.state())
	require.Equal(w, calls, w.host.calls)
}

func (w *world) codes(p Plan) []FindingCode {
	var out []FindingCode
	for _, f := range p.Findings {
		out = append(out, f.Code)
	}
	return out
}

func (w *world) events(prefix string) []store.Event {
	list, err := w.st.Events(w.ctx, org, store.EventQuery{TypePrefix: prefix})
	require.NoError(w, err)
	return list
}

func kinds(p Plan) []string {
	var out []string
	for _, l := range p.Lines {
		out = append(out, strings.TrimSpace(string(l.Kind)+" "+cmp.Or(l.Person, l.Team)))
	}
	return out
}

// authorizerOf refuses everything and notes what it was asked.
func authorizerOf(asked *[]tenant.Action) tenant.Authorizer {
	return tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
		*asked = append(*asked, a)
		return tenant.ErrForbidden
	})
}

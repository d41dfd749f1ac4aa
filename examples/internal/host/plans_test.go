package host_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// plans is an organisation with a directory on a database that host and library share.
type plans struct {
	*testing.T
	d     sharedDatabase
	e     *provisioning.Engine
	owner tenant.Actor

	mu      sync.Mutex
	now     time.Time
	notices []string
	users   map[string]string // name → SCIM ID
	groups  map[string]string
}

func (p *plans) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(time.Millisecond)
	return p.now
}

func (p *plans) later(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

func newPlans(t *testing.T, d sharedDatabase) *plans {
	p := &plans{
		T: t, d: d, owner: tenant.Actor{Kind: tenant.ActorOwner, ID: "u-root", Email: "root@acme.example"},
		now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), users: map[string]string{}, groups: map[string]string{},
	}
	require.NoError(t, d.db.AddOrg(t.Context(), host.Org{ID: "acme", Name: "Acme", RootUserID: "u-root"}))
	require.NoError(t, d.db.AddUser(t.Context(), nil, host.User{ID: "u-root", OrgID: "acme", Email: "root@acme.example", Source: store.SourceManual, Active: true, OrgRole: host.RoleOwner}, ""))
	require.NoError(t, d.db.AddTeam(t.Context(), nil, host.Team{ID: "t-ops", OrgID: "acme", Name: "Ops", Source: "manual"}))
	var err error
	p.e, err = provisioning.New(provisioning.Config{
		Store: d.st, Target: host.Target{DB: d.db}, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(), Now: p.clock,
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		Breaker:    provisioning.Breaker{People: 2, Percent: 10},
		Notifier: tenant.NotifierFunc(func(_ context.Context, _ store.Store, n tenant.Notice) error {
			p.notices = append(p.notices, n.Kind)
			return nil
		}),
	})
	require.NoError(t, err)
	m := p.meta()
	_, err = d.st.CreateDirectory(t.Context(), "acme", store.Directory{Meta: m, Enabled: true})
	require.NoError(t, err)
	return p
}

func (p *plans) meta() store.Meta {
	now := store.Time(p.clock())
	return store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}
}

func (p *plans) event(typ, kind, id string) store.Event {
	now := p.clock()
	return store.Event{ID: store.NewID(now), Type: typ, At: now, Subject: store.EventSubject{Kind: kind, ID: id}}
}

func (p *plans) user(names ...string) {
	for _, name := range names {
		m, email := p.meta(), name+"@acme.example"
		p.users[name] = m.ID
		body, err := json.Marshal(map[string]any{"userName": email, "active": true, "displayName": name, "emails": []map[string]any{{"value": email, "primary": true}}})
		require.NoError(p, err)
		_, err = p.d.st.CreateSCIMUser(p.Context(), "acme", store.SCIMUser{Meta: m, UserName: email, Active: true, Body: body}, p.event("scim.user.created", "scim_user", m.ID))
		require.NoError(p, err)
	}
}

func (p *plans) group(name string, members ...string) {
	m := p.meta()
	p.groups[name] = m.ID
	var list []store.Member
	for _, member := range members {
		list = append(list, store.Member{ID: p.users[member], Kind: store.MemberUser})
	}
	_, err := p.d.st.CreateSCIMGroup(p.Context(), "acme", store.SCIMGroup{Meta: m, DisplayName: name}, list, p.event("scim.group.created", "scim_group", m.ID))
	require.NoError(p, err)
}

func (p *plans) leave(group string, names ...string) {
	var delta store.MemberDelta
	for _, name := range names {
		delta.Remove = append(delta.Remove, p.users[name])
	}
	_, err := p.d.st.ChangeSCIMMembers(p.Context(), "acme", p.groups[group], delta, p.clock(), nil, p.event("scim.group.members_changed", "scim_group", p.groups[group]))
	require.NoError(p, err)
}

func (p *plans) sync() {
	for range 2 { // the second reads what the first wrote
		_, err := p.e.SyncAll(p.Context())
		require.NoError(p, err)
	}
}

// agree confirms all that a plan asks.
func agree(plan provisioning.Plan) provisioning.Confirm {
	c := provisioning.Confirm{Hash: plan.Hash, TopRole: true, OwnAccess: true}
	for _, q := range plan.Confirmations {
		c.People = max(c.People, q.Number)
	}
	return c
}

func (p *plans) set(change func(*store.ProvisioningSettings)) provisioning.Plan {
	s, err := p.e.Settings(p.Context(), p.owner, "acme")
	require.NoError(p, err)
	change(&s)
	plan, err := p.e.Preview(p.Context(), p.owner, "acme", s)
	require.NoError(p, err)
	plan, err = p.e.Apply(p.Context(), p.owner, "acme", s, agree(plan))
	require.NoError(p, err)
	require.Empty(p, plan.Failures)
	return plan
}

// members are the people of a team, with their roles.
func (p *plans) members(team string) string {
	list, err := p.d.db.Memberships(p.Context(), nil, "acme")
	require.NoError(p, err)
	var out []string
	for _, m := range list {
		if u, err := p.d.db.User(p.Context(), nil, "acme", m.UserID); err == nil && m.TeamID == team {
			out = append(out, u.Name+" "+m.Role)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// TestPlansOnDatabases: what is held is let through and undone, a deletion waits, drift is mended and
// notices go out once, in the transactions of a database.
func TestPlansOnDatabases(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			p := newPlans(t, open(t))
			p.user("ada", "ben", "cid", "dan")
			p.group("A", "ada", "ben", "cid", "dan")
			p.sync()
			p.set(func(s *store.ProvisioningSettings) {
				s.Mode, s.Rows = store.ModeManual, []store.MappingRow{{GroupID: p.groups["A"], TeamID: "t-ops", TeamRole: "member"}}
			})
			const all = "ada member, ben member, cid member, dan member"
			require.Equal(t, all, p.members("t-ops"))

			// The breaker holds; resuming does what was shown; the undo takes it back.
			p.leave("A", "ada", "ben", "cid")
			p.sync()
			require.Equal(t, all, p.members("t-ops"))
			require.Equal(t, []string{provisioning.NoticePaused}, p.notices)
			held, err := p.e.Held(t.Context(), p.owner, "acme")
			require.NoError(t, err)
			require.Equal(t, 3, held.Pause.People)
			require.Equal(t, 3, held.Plan.Totals.Leaves)
			done, err := p.e.Resume(t.Context(), p.owner, "acme", agree(held.Plan))
			require.NoError(t, err)
			require.Equal(t, "dan member", p.members("t-ops"))
			shown, err := p.e.PreviewUndo(t.Context(), p.owner, "acme", done.ID)
			require.NoError(t, err)
			undone, err := p.e.ApplyUndo(t.Context(), p.owner, "acme", done.ID, agree(shown))
			require.NoError(t, err)
			require.Equal(t, all, p.members("t-ops"))
			require.True(t, undone.Settings.Paused)
			list, err := p.e.Applied(t.Context(), p.owner, "acme", 0, 2)
			require.NoError(t, err)
			require.Equal(t, []string{undone.ID, done.ID}, []string{list[0].ID, list[1].ID})
			shown, err = p.e.PreviewUndo(t.Context(), p.owner, "acme", undone.ID)
			require.NoError(t, err)
			_, err = p.e.ApplyUndo(t.Context(), p.owner, "acme", undone.ID, agree(shown))
			require.NoError(t, err)
			require.Equal(t, "dan member", p.members("t-ops"))

			// Somebody changes the host's tables past the locks.
			ids, err := p.d.db.UserByEmail(t.Context(), nil, "acme", "dan@acme.example")
			require.NoError(t, err)
			require.NoError(t, p.d.db.DeleteMembership(t.Context(), nil, "t-ops", ids.ID))
			n, err := p.e.ReconcileDue(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, "dan member", p.members("t-ops"))
			report, err := p.e.LastReconcile(t.Context(), p.owner, "acme")
			require.NoError(t, err)
			require.Equal(t, 1, report.Drifted)
			require.Equal(t, "dan", report.Drift[0].Person)

			// A team whose group goes waits to be deleted.
			p.group("B", "dan")
			p.set(func(s *store.ProvisioningSettings) {
				*s = store.ProvisioningSettings{
					Meta: s.Meta, Mode: store.ModeAuto, Auto: store.AutoRule{FilterKind: "list", Filter: "B", TeamRole: "member"},
					Unmanaged: store.UnmanagedRule{Teams: store.TeamDelete, People: store.PeopleTake},
				}
			})
			require.NoError(t, p.d.st.DeleteSCIMGroup(t.Context(), "acme", p.groups["B"], 0, p.event("scim.group.deleted", "scim_group", p.groups["B"])))
			p.sync()
			deletions, err := p.e.PlannedDeletions(t.Context(), p.owner, "acme", 0, 0)
			require.NoError(t, err)
			require.Len(t, deletions, 1)
			teams, err := p.d.db.Teams(t.Context(), nil, "acme")
			require.NoError(t, err)
			require.Len(t, teams, 2)
			p.later(8 * day)
			p.sync()
			teams, err = p.d.db.Teams(t.Context(), nil, "acme")
			require.NoError(t, err)
			require.Len(t, teams, 1)
			require.Equal(t, []string{provisioning.NoticePaused}, p.notices)

			// A finding that stays is recorded once, whatever the database makes of its JSON.
			p.user("root")
			p.sync()
			_, err = p.e.Reconcile(t.Context(), "acme")
			require.NoError(t, err)
			found, err := p.d.st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: provisioning.EventFinding})
			require.NoError(t, err)
			require.Len(t, found, 1)
			p.sync()
			require.Equal(t, []string{provisioning.NoticePaused, provisioning.NoticeViolation}, p.notices)
		})
	}
}

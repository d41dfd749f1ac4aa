package provisioning_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// app is a host with accounts and teams in maps. It embeds the interface to leave out
// what the examples do not use; a host implements all of it.
type app struct {
	provisioning.Target
	accounts map[string]*provisioning.AccountState
	teams    map[string]string
}

func newApp() *app {
	return &app{
		accounts: map[string]*provisioning.AccountState{"u1": {ID: "u1", Email: "root@acme.example", Active: true, OrgRole: "owner"}},
		teams:    map[string]string{"t1": "On-call"},
	}
}

func (a *app) RootAccount(context.Context, store.Store, string) (string, error) { return "u1", nil }

func (a *app) AccountByEmail(_ context.Context, _ store.Store, _, email string) (provisioning.AccountState, error) {
	for _, acc := range a.accounts {
		if strings.EqualFold(acc.Email, email) {
			return *acc, nil
		}
	}
	return provisioning.AccountState{}, store.ErrNotFound
}

func (a *app) Accounts(_ context.Context, _ store.Store, _ string, ids []string) (out []provisioning.AccountState, err error) {
	for _, id := range ids {
		if acc := a.accounts[id]; acc != nil {
			out = append(out, *acc)
		}
	}
	return out, nil
}

func (a *app) Teams(_ context.Context, _ store.Store, _ string, ids []string) (out []provisioning.Team, err error) {
	for id, name := range a.teams {
		if ids == nil || slices.Contains(ids, id) {
			out = append(out, provisioning.Team{ID: id, Name: name})
		}
	}
	return out, nil
}

func (a *app) CreateAccount(_ context.Context, _ store.Store, _ string, p provisioning.Profile) (string, error) {
	id := fmt.Sprintf("u%d", len(a.accounts)+1)
	a.accounts[id] = &provisioning.AccountState{ID: id, Email: p.Email, Active: true, OrgRole: "member"}
	return id, nil
}

func (a *app) SetMember(_ context.Context, _ store.Store, _, team, account, role string) error {
	acc := a.accounts[account]
	acc.Teams = append(acc.Teams, provisioning.Membership{TeamID: team, Role: role})
	return nil
}

func ExampleNew() {
	ctx := context.Background()
	st, host := memory.New(), newApp()
	engine, err := provisioning.New(provisioning.Config{
		Store:  st,
		Target: host,
		Authorizer: tenant.AuthorizerFunc(func(_ context.Context, a tenant.Actor, _ tenant.Action, _ string) error {
			if a.Kind == tenant.ActorOwner {
				return nil
			}
			return tenant.ErrForbidden
		}),
		OrgRoles:  []string{"member", "administrator", "owner"},
		TeamRoles: []string{"member", "administrator"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// The SCIM package writes users, groups and events.
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	ada := store.SCIMUser{Meta: store.Meta{ID: "s1", CreatedAt: now, UpdatedAt: now}, UserName: "ada@acme.example", Active: true, Body: []byte(`{}`)}
	_, err = st.CreateSCIMUser(ctx, "acme", ada, store.Event{ID: "e1", Type: "scim.user.created", At: now, Subject: store.EventSubject{Kind: "scim_user", ID: "s1"}})
	if err != nil {
		fmt.Println(err)
	}
	sre := store.SCIMGroup{Meta: store.Meta{ID: "g1", CreatedAt: now, UpdatedAt: now}, DisplayName: "SRE"}
	_, err = st.CreateSCIMGroup(ctx, "acme", sre, []store.Member{{ID: "s1", Kind: store.MemberUser}},
		store.Event{ID: "e2", Type: "scim.group.created", At: now, Subject: store.EventSubject{Kind: "scim_group", ID: "g1"}})
	if err != nil {
		fmt.Println(err)
	}

	// A host lets engine.Run follow all tenants; here one round is enough.
	if _, err := engine.SyncAll(ctx); err != nil {
		fmt.Println(err)
	}

	// The owner maps the group to a team, looks at the plan and applies it.
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "u1"}
	settings, err := engine.Settings(ctx, owner, "acme")
	if err != nil {
		fmt.Println(err)
	}
	settings.Mode = store.ModeManual
	settings.Rows = []store.MappingRow{{GroupID: "g1", TeamID: "t1", TeamRole: "member"}}
	plan, err := engine.Preview(ctx, owner, "acme", settings)
	for _, line := range plan.Lines {
		fmt.Printf("%s: %s joins %s as %s (%s)\n", line.Kind, line.Person, line.Team, line.To, line.Reason)
	}
	if err != nil {
		fmt.Println(err)
	}
	_, err = engine.Apply(ctx, owner, "acme", settings, provisioning.Confirm{Hash: plan.Hash})
	fmt.Println(err, host.accounts["u2"].Teams[0].TeamID)
	// Output:
	// member.add: ada@acme.example joins On-call as member (in group “SRE”, row 1)
	// <nil> t1
}

// The policy is scim.Config's as it is. Whatever it refuses tells the directory's
// administrator why.
func ExampleNewPolicy() {
	policy, err := provisioning.NewPolicy(provisioning.PolicyConfig{
		Store:  memory.New(),
		Target: newApp(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = policy.Check(context.Background(), tenant.DirectoryWrite{
		TenantID: "acme", ResourceType: "User", After: json.RawMessage(`{"userName":"root@acme.example"}`),
	})
	var r *tenant.Refusal
	fmt.Println(errors.As(err, &r), r.Status, r.SCIMType)
	fmt.Println(r.Detail)
	// Output:
	// true 409 uniqueness
	// This account created the organisation and cannot be provisioned. Change its e-mail address in the application to provision this one.
}

func ExampleNewLocks() {
	ctx := context.Background()
	st := memory.New()
	locks, err := provisioning.NewLocks(provisioning.LocksConfig{Store: st})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = st.CreateDirectory(ctx, "acme", store.Directory{Meta: store.Meta{ID: "d1"}, Enabled: true})
	if err != nil {
		fmt.Println(err)
	}
	_, err = st.CreateSCIMUser(ctx, "acme", store.SCIMUser{Meta: store.Meta{ID: "s1"}, UserName: "ada@acme.example", Active: true})
	if err != nil {
		fmt.Println(err)
	}
	_, err = st.CreateAccount(ctx, "acme", store.Account{Meta: store.Meta{ID: "u2"}, Source: store.SourceSCIM, SCIMUserID: "s1", Active: true})
	if err != nil {
		fmt.Println(err)
	}

	ada := provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: "u2"}
	lock, err := locks.Check(ctx, "acme", ada, "email", provisioning.OpUpdate)
	fmt.Println(lock.Explain("en"), err)
	lock, err = locks.Check(ctx, "acme", ada, "avatar", provisioning.OpUpdate)
	fmt.Println(lock.Locked, err)
	// Output:
	// This user is managed by your identity provider. Change it in your identity provider; the next sync updates this page. <nil>
	// false <nil>
}

func ExampleNewManualMapper() {
	m := provisioning.NewManualMapper([]store.MappingRow{{GroupID: "g1", TeamID: "t1", TeamRole: "member"}})
	gives, err := m.MapGroups(context.Background(), "acme", []provisioning.Group{{ID: "g1", Name: "SRE"}, {ID: "g2", Name: "All"}})
	fmt.Println(len(gives), gives[0].TeamID, gives[0].Rule, err)
	// Output: 1 t1 row 1 <nil>
}

func ExampleNewAutoMapper() {
	m, err := provisioning.NewAutoMapper(store.AutoRule{FilterKind: "glob", Filter: "team-*", TeamRole: "member"})
	if err != nil {
		fmt.Println(err)
		return
	}
	gives, err := m.MapGroups(context.Background(), "acme", []provisioning.Group{{ID: "g1", Name: "team-a"}, {ID: "g2", Name: "All"}})
	fmt.Println(len(gives), gives[0].GroupID, gives[0].GroupTeam, err)

	_, err = provisioning.NewAutoMapper(store.AutoRule{FilterKind: "regex", Filter: "team-(", TeamRole: "member"})
	fmt.Println(err)
	// Output:
	// 1 g1 true <nil>
	// provisioning: filter, line 1, character 1: the expression does not compile: missing closing ) at "team-("
}

// groupsOf is a directory with groups of these names, whose IDs are g1, g2 and so on.
func groupsOf(st store.Store, names ...string) error {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for i, name := range names {
		id := fmt.Sprintf("g%d", i+1)
		g := store.SCIMGroup{Meta: store.Meta{ID: id, CreatedAt: at, UpdatedAt: at}, DisplayName: name}
		ev := store.Event{ID: "e" + id, Type: "scim.group.created", At: at, Subject: store.EventSubject{Kind: "scim_group", ID: id, Name: name}}
		if _, err := st.CreateSCIMGroup(context.Background(), "acme", g, nil, ev); err != nil {
			return err
		}
	}
	return nil
}

func engineOf(st store.Store) (*provisioning.Engine, error) {
	return provisioning.New(provisioning.Config{
		Store: st, Target: newApp(),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		OrgRoles:   []string{"member", "administrator", "owner"},
		TeamRoles:  []string{"member", "administrator"},
	})
}

// While an owner types a filter, the page shows what it selects.
func ExampleEngine_MatchGroups() {
	st := memory.New()
	engine, err := engineOf(st)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := groupsOf(st, "okta-SRE", "Everyone", "Okta-DB"); err != nil {
		fmt.Println(err)
	}
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "u1"}
	rule := store.AutoRule{
		FilterKind: "glob", Filter: "okta-*",
		Naming: store.TeamNaming{StripPrefix: "okta-", Template: "{group} team"},
	}
	m, err := engine.MatchGroups(context.Background(), owner, "acme", rule, provisioning.MatchQuery{Limit: 10})
	fmt.Printf("%d of %d groups\n", m.Matched, m.Total)
	for _, g := range m.Groups {
		fmt.Printf("%s: %s\n", g.Group, g.Team)
	}
	fmt.Println(err)
	// Output:
	// 2 of 3 groups
	// okta-SRE: SRE team
	// Okta-DB: DB team
	// <nil>
}

// A group that was deleted and made again has another ID; the preview proposes it.
func ExampleRelink() {
	saved := store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{{GroupID: "g1", TeamID: "t1", TeamRole: "member"}}}
	finding := provisioning.Finding{Code: provisioning.FindingGroupRecreated, OldGroupID: "g1", GroupID: "g9"}

	linked, places := provisioning.Relink(saved, finding.OldGroupID, finding.GroupID)
	fmt.Println(places, linked.Rows[0].GroupID) // preview and apply linked
	// Output: 1 g9
}

// An owner takes back roles in teams that were changed by hand.
func ExampleEngine_PreviewReset() {
	ctx := context.Background()
	engine, err := engineOf(memory.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "u1"}
	reset := provisioning.Reset{TeamRoles: true, TeamID: "t1"}
	plan, err := engine.PreviewReset(ctx, owner, "acme", reset)
	fmt.Println(len(plan.Lines), err) // nobody changed a role here
	_, err = engine.ApplyReset(ctx, owner, "acme", reset, provisioning.Confirm{Hash: plan.Hash})
	fmt.Println(err)
	// Output:
	// 0 <nil>
	// <nil>
}

package sqltest

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

const org = "acme"

var (
	orgRoles  = []string{"member", "administrator", "owner"}
	teamRoles = []string{"member", "administrator"}
	owner     = tenant.Actor{Kind: tenant.ActorOwner, ID: "root-acme"}
)

// replica is one program: a store, an application and an engine.
type replica struct {
	testing.TB
	ctx    context.Context
	st     store.Store
	app    *App
	engine *provisioning.Engine
	clock  time.Time
	ids    map[string]string
}

func openFile(tb testing.TB, file string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// onSQLite opens a program on files in dir; elsewhere keeps the application's tables in a
// file of their own.
func onSQLite(tb testing.TB, dir string, elsewhere bool) *replica {
	tb.Helper()
	db := openFile(tb, filepath.Join(dir, "store.db"))
	require.NoError(tb, sqlite.Migrate(tb.Context(), db))
	st, err := sqlite.New(tb.Context(), db)
	require.NoError(tb, err)
	app := &App{DB: db, Joined: sqlite.SQLTx}
	if elsewhere {
		app = &App{DB: openFile(tb, filepath.Join(dir, "app.db"))}
	}
	return newReplica(tb, st, app)
}

func onPostgres(tb testing.TB, dsn, elsewhere string) *replica {
	tb.Helper()
	open := func(dsn string) *sql.DB {
		db, err := sql.Open("pgx", dsn)
		require.NoError(tb, err)
		tb.Cleanup(func() { _ = db.Close() })
		return db
	}
	db := open(dsn)
	require.NoError(tb, postgres.Migrate(tb.Context(), db))
	st, err := postgres.New(tb.Context(), db)
	require.NoError(tb, err)
	app := &App{DB: db, Numbered: true, Joined: postgres.SQLTx}
	if elsewhere != "" {
		app = &App{DB: open(elsewhere), Numbered: true}
	}
	return newReplica(tb, st, app)
}

func newReplica(tb testing.TB, st store.Store, app *App) *replica {
	tb.Helper()
	require.NoError(tb, app.Migrate(tb.Context(), org, "globex"))
	r := &replica{TB: tb, ctx: tb.Context(), st: st, app: app, clock: time.Now().UTC().Truncate(time.Second), ids: map[string]string{}}
	var err error
	r.engine, err = provisioning.New(provisioning.Config{
		Store: st, Target: r.target(), OrgRoles: orgRoles, TeamRoles: teamRoles, MaxProvisionableRole: "owner",
		Breaker:    provisioning.Breaker{InsecureOff: true},
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
	})
	require.NoError(tb, err)
	return r
}

func (r *replica) target() provisioning.Target {
	if r.app.Joined == nil {
		return ElsewhereTarget{Target{r.app}}
	}
	return Target{r.app}
}

func (r *replica) meta(name string) store.Meta {
	r.clock = r.clock.Add(time.Millisecond)
	id := store.NewID(r.clock)
	r.ids[name] = id
	return store.Meta{ID: id, CreatedAt: r.clock, UpdatedAt: r.clock}
}

func (r *replica) event(typ, kind, id string) store.Event {
	r.clock = r.clock.Add(time.Millisecond)
	return store.Event{ID: store.NewID(r.clock), Type: typ, At: r.clock, Subject: store.EventSubject{Kind: kind, ID: id}}
}

func body(email string) []byte {
	b, _ := json.Marshal(map[string]any{"userName": email, "emails": []map[string]any{{"value": email, "primary": true}}})
	return b
}

func (r *replica) user(names ...string) {
	for _, name := range names {
		u := store.SCIMUser{Meta: r.meta(name), UserName: name + "@acme.example", Active: true, Body: body(name + "@acme.example")}
		_, err := r.st.CreateSCIMUser(r.ctx, org, u, r.event("scim.user.created", "scim_user", u.ID))
		require.NoError(r, err)
	}
}

func (r *replica) active(name string, active bool) {
	u, err := r.st.SCIMUser(r.ctx, org, r.ids[name])
	require.NoError(r, err)
	u.Active = active
	ev := r.event("scim.user.updated", "scim_user", u.ID)
	ev.After, _ = json.Marshal(map[string]bool{"active": active})
	_, err = r.st.UpdateSCIMUser(r.ctx, org, u, ev)
	require.NoError(r, err)
}

func (r *replica) group(name string, members ...string) {
	g := store.SCIMGroup{Meta: r.meta(name), DisplayName: name}
	var list []store.Member
	for _, m := range members {
		list = append(list, store.Member{ID: r.ids[m], Kind: store.MemberUser})
	}
	_, err := r.st.CreateSCIMGroup(r.ctx, org, g, list, r.event("scim.group.created", "scim_group", g.ID))
	require.NoError(r, err)
}

func (r *replica) members(group string, add, remove []string) {
	var d store.MemberDelta
	for _, name := range add {
		d.Add = append(d.Add, store.Member{ID: r.ids[name], Kind: store.MemberUser})
	}
	for _, name := range remove {
		d.Remove = append(d.Remove, r.ids[name])
	}
	ev := r.event("scim.group.members_changed", "scim_group", r.ids[group])
	_, err := r.st.ChangeSCIMMembers(r.ctx, org, r.ids[group], d, r.clock, nil, ev)
	require.NoError(r, err)
}

func (r *replica) renameGroup(group, name string) {
	g, err := r.st.SCIMGroup(r.ctx, org, r.ids[group])
	require.NoError(r, err)
	g.DisplayName = name
	_, err = r.st.UpdateSCIMGroup(r.ctx, org, g, r.event("scim.group.updated", "scim_group", g.ID))
	require.NoError(r, err)
}

func (r *replica) set(s store.ProvisioningSettings) provisioning.Plan {
	r.Helper()
	have, err := r.engine.Settings(r.ctx, owner, org)
	require.NoError(r, err)
	s.Version = have.Version
	plan, err := r.engine.Preview(r.ctx, owner, org, s)
	require.NoError(r, err)
	done, err := r.engine.Apply(r.ctx, owner, org, s, provisioning.Confirm{Hash: plan.Hash, TopRole: true})
	require.NoError(r, err)
	return done
}

func (r *replica) sync() {
	r.Helper()
	_, err := r.engine.Sync(r.ctx, org)
	require.NoError(r, err)
}

func (r *replica) state() string {
	r.Helper()
	s, err := r.app.State(r.ctx)
	require.NoError(r, err)
	return s
}

// told counts what the journal says was done.
func (r *replica) told() map[string]int {
	r.Helper()
	out := map[string]int{}
	for after := int64(0); ; {
		page, err := r.st.Events(r.ctx, org, store.EventQuery{TypePrefix: "provisioning.", After: after})
		require.NoError(r, err)
		for _, ev := range page {
			out[ev.Type]++
			after = ev.Seq
		}
		if len(page) < store.MaxLimit {
			return out
		}
	}
}

// stable checks that nothing is left to do.
func (r *replica) stable() {
	r.Helper()
	plan, err := r.engine.Reconcile(r.ctx, org)
	require.NoError(r, err)
	require.True(r, plan.Empty(), "%+v", plan.Lines)
}

// each runs fn on both databases, with the application's tables here and elsewhere. open
// opens one more program on the same data.
func each(t *testing.T, fn func(t *testing.T, open func() *replica)) {
	for _, elsewhere := range []bool{false, true} {
		where := map[bool]string{false: "here", true: "elsewhere"}[elsewhere]
		t.Run("sqlite/"+where, func(t *testing.T) {
			dir := t.TempDir()
			fn(t, func() *replica { return onSQLite(t, dir, elsewhere) })
		})
	}
	t.Run("postgres", func(t *testing.T) {
		server := pgtest.Start(t)
		for _, elsewhere := range []bool{false, true} {
			t.Run(map[bool]string{false: "here", true: "elsewhere"}[elsewhere], func(t *testing.T) {
				dsn, app := server.Schema(t), ""
				if elsewhere {
					app = server.Schema(t)
				}
				fn(t, func() *replica { return onPostgres(t, dsn, app) })
			})
		}
	})
}

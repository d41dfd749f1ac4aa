package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// crashTarget stops the program at one call of the host: before the host hears of it, or
// when it has done it. Nothing that the engine does afterwards counts.
type crashTarget struct {
	Target
	plan *crashPlan
}

type crashPlan struct {
	at, n int // the call to stop at, from 1; the calls so far
	after bool
	stop  context.CancelFunc
}

// errGone is what a call says in a program that is no more.
var errGone = errors.New("the program is gone")

func (p *crashPlan) call(fn func() error) error {
	p.n++
	if p.n > p.at && p.at > 0 {
		return errGone
	}
	if p.n < p.at || p.at == 0 {
		return fn()
	}
	if p.after {
		_ = fn() // done, and nobody hears of it
	}
	p.stop()
	return errGone
}

func crashing[T any](p *crashPlan, fn func() (T, error)) (out T, err error) {
	err = p.call(func() (err error) {
		out, err = fn()
		return err
	})
	return out, err
}

func (c crashTarget) RootAccount(ctx context.Context, tx store.Store, tenantID string) (string, error) {
	return crashing(c.plan, func() (string, error) { return c.Target.RootAccount(ctx, tx, tenantID) })
}

func (c crashTarget) AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (AccountState, error) {
	return crashing(c.plan, func() (AccountState, error) { return c.Target.AccountByEmail(ctx, tx, tenantID, email) })
}

func (c crashTarget) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]AccountState, error) {
	return crashing(c.plan, func() ([]AccountState, error) { return c.Target.Accounts(ctx, tx, tenantID, ids) })
}

func (c crashTarget) Owners(ctx context.Context, tx store.Store, tenantID string) ([]string, error) {
	return crashing(c.plan, func() ([]string, error) { return c.Target.Owners(ctx, tx, tenantID) })
}

func (c crashTarget) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p Profile) (string, error) {
	return crashing(c.plan, func() (string, error) { return c.Target.CreateAccount(ctx, tx, tenantID, p) })
}

func (c crashTarget) UpdateProfile(ctx context.Context, tx store.Store, tenantID, accountID string, p Profile) error {
	return c.plan.call(func() error { return c.Target.UpdateProfile(ctx, tx, tenantID, accountID, p) })
}

func (c crashTarget) SetActive(ctx context.Context, tx store.Store, tenantID, accountID string, active bool) error {
	return c.plan.call(func() error { return c.Target.SetActive(ctx, tx, tenantID, accountID, active) })
}

func (c crashTarget) SetOrgRole(ctx context.Context, tx store.Store, tenantID, accountID, role string) error {
	return c.plan.call(func() error { return c.Target.SetOrgRole(ctx, tx, tenantID, accountID, role) })
}

func (c crashTarget) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]Team, error) {
	return crashing(c.plan, func() ([]Team, error) { return c.Target.Teams(ctx, tx, tenantID, ids) })
}

func (c crashTarget) CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (string, error) {
	return crashing(c.plan, func() (string, error) { return c.Target.CreateTeam(ctx, tx, tenantID, name) })
}

func (c crashTarget) RenameTeam(ctx context.Context, tx store.Store, tenantID, teamID, name string) error {
	return c.plan.call(func() error { return c.Target.RenameTeam(ctx, tx, tenantID, teamID, name) })
}

func (c crashTarget) SetMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID, role string) error {
	return c.plan.call(func() error { return c.Target.SetMember(ctx, tx, tenantID, teamID, accountID, role) })
}

func (c crashTarget) RemoveMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID string) error {
	return c.plan.call(func() error { return c.Target.RemoveMember(ctx, tx, tenantID, teamID, accountID) })
}

func (c crashTarget) DeleteTeamIfUnused(ctx context.Context, tx store.Store, tenantID, teamID string) (bool, error) {
	return crashing(c.plan, func() (bool, error) { return c.Target.(TeamDeleter).DeleteTeamIfUnused(ctx, tx, tenantID, teamID) })
}

// elsewhereCrash adds what only a host elsewhere has.
type elsewhereCrash struct{ crashTarget }

func (c elsewhereCrash) CreateGroupTeam(ctx context.Context, tx store.Store, tenantID, groupID, name string) (string, error) {
	return crashing(c.plan, func() (string, error) {
		return c.Target.(GroupTeamCreator).CreateGroupTeam(ctx, tx, tenantID, groupID, name)
	})
}

// crashDeleter is a host elsewhere that deletes teams, too.
type crashDeleter struct{ elsewhereHost }

func (h crashDeleter) DeleteTeamIfUnused(ctx context.Context, tx store.Store, tenantID, id string) (bool, error) {
	return deletingHost{h.fakeHost}.DeleteTeamIfUnused(ctx, tx, tenantID, id)
}

// crashWorld is a world whose program may be stopped once, and is then started again.
type crashWorld struct {
	*world
	target Target
	plan   *crashPlan
	live   context.Context
	// late lets the directory go on after a crash, before the program runs again.
	late bool
}

func newCrashWorld(t *testing.T, elsewhere bool, at int, after bool) *crashWorld {
	c := &crashWorld{world: newWorld(t), plan: &crashPlan{at: at, after: after}}
	c.target = deletingHost{c.host}
	c.host.keep = elsewhere
	if elsewhere {
		c.st = c.st.(*joined).Store // nothing of the host's is taken back
		c.target = crashDeleter{elsewhereHost{c.host}}
	}
	c.start()
	return c
}

// start begins a program: one that will be stopped, or, after that, one that will not.
func (c *crashWorld) start() {
	cfg := c.cfg
	cfg.Store, cfg.Target = c.st, c.target
	c.live = c.ctx
	if c.plan.n <= c.plan.at || c.plan.at == 0 {
		inner := crashTarget{Target: c.target, plan: c.plan}
		cfg.Target = inner
		if _, ok := c.target.(GroupTeamCreator); ok {
			cfg.Target = elsewhereCrash{inner}
		}
		c.live, c.plan.stop = context.WithCancel(c.ctx)
		c.Cleanup(c.plan.stop)
	}
	var err error
	c.e, err = New(cfg)
	require.NoError(c, err)
}

// restart starts the program anew if it was stopped, and says whether it was.
func (c *crashWorld) restart() bool {
	if c.live.Err() == nil {
		return false
	}
	c.plan.n = c.plan.at + 1
	c.start()
	return true
}

func (c *crashWorld) sync() {
	c.Helper()
	_, err := c.e.Sync(c.live, org)
	if c.restart() {
		require.Error(c, err)
		if c.late {
			return
		}
		_, err = c.e.Sync(c.live, org)
	}
	require.NoError(c, err)
}

// set applies settings; an owner whose browser got no answer looks again.
func (c *crashWorld) set(s store.ProvisioningSettings) {
	c.Helper()
	try := func() error {
		have, err := c.e.Settings(c.live, owner, org)
		if err != nil {
			return err
		}
		s.Version = have.Version
		plan, err := c.e.Preview(c.live, owner, org, s)
		if err != nil {
			return err
		}
		_, err = c.e.Apply(c.live, owner, org, s, Confirm{Hash: plan.Hash, TopRole: true})
		return err
	}
	err := try()
	if c.restart() {
		require.Error(c, err)
		err = try()
	}
	require.NoError(c, err)
}

// crashStory has creates, adoptions, joins, leaves, roles, renames, deactivations,
// returns, deletions and changed settings. The number of calls of the host is the same
// each time.
func crashStory(c *crashWorld) {
	w := c.world
	w.host.addUser("u-old", "old@acme.example", "member")
	_, err := w.st.CreateAccount(w.ctx, org, store.Account{Meta: store.Meta{ID: "u-old"}, Source: store.SourceManual, Active: true, Convertible: true, Email: "old@acme.example"})
	require.NoError(w, err)
	hand := w.host.addTeam("t-hand", "By hand")
	w.host.in[hand]["u-old"] = "administrator"

	w.user("ada", "old")
	w.group("A", "ada", "old")
	w.group("B")
	c.set(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member", OrgRole: "administrator"}})
	c.sync()
	w.user("ben")
	w.join("A", "ben")
	w.join("B", "ben")
	c.sync()
	w.leave("A", "ada")
	w.join("B", "old")
	w.renameGroup("A", "A2")
	c.sync()
	w.active("ben", false)
	c.sync()
	w.active("ben", true)
	w.write("old", "older@acme.example", true)
	c.sync()
	c.set(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "administrator", OrgRole: "owner"}})
	w.deleteGroup("B")
	w.deleteUser("ben")
	c.sync()
	c.set(store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", hand, "member", "")}})
}

// told counts what the journal says, by kind, person and team, without IDs, which differ.
func (c *crashWorld) told() map[string]int {
	out := map[string]int{}
	for _, ev := range c.events(eventPrefix) {
		var l Line
		_ = json.Unmarshal(ev.After, &l)
		out[strings.Join([]string{ev.Type, ev.Code, l.Person, l.Team, l.From, l.To}, "|")]++
	}
	return out
}

func (c *crashWorld) ledger() []string {
	grants, err := c.st.AllGrants(c.ctx, org, store.GrantKey{}, 0)
	require.NoError(c, err)
	var out []string
	for _, g := range grants {
		out = append(out, fmt.Sprintf("%s %s %s %s %s", c.host.users[g.AccountID].Email, g.Kind, c.host.teams[g.ResourceID], g.Role, g.Previous))
	}
	slices.Sort(out)
	return out
}

// TestCrashAtEveryCall stops the program at every call of the host, before it and after
// it, and starts it again. The end is that of a program that was not stopped: nothing is
// lost, no account and no team is there twice, and nothing is told twice. That holds for a
// host whose rows are in our transaction, and for one elsewhere that remembers.
func TestCrashAtEveryCall(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprintf("elsewhere=%v", elsewhere), func(t *testing.T) {
			whole := newCrashWorld(t, elsewhere, 0, false)
			crashStory(whole)
			calls := whole.plan.n
			require.Greater(t, calls, 40)
			want, told, ledger := whole.host.state(), whole.told(), whole.ledger()
			for at := 1; at <= calls; at++ {
				for _, after := range []bool{false, true} {
					t.Run(fmt.Sprintf("call=%d,after=%v", at, after), func(t *testing.T) {
						c := newCrashWorld(t, elsewhere, at, after)
						crashStory(c)
						require.Greater(t, c.plan.n, c.plan.at, "it was stopped")
						require.Equal(t, want, c.host.state())
						require.Equal(t, ledger, c.ledger())
						if !elsewhere {
							require.Equal(t, told, c.told())
						}
						for what, n := range c.told() {
							require.LessOrEqual(t, n, max(told[what], 1), what)
						}
						c.stable()
					})
				}
			}
		})
	}
}

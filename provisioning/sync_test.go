package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var errHost = errors.New("host: no")

// mapped is a world with the group A mapped to the team t-ops.
func mapped(t testing.TB, change ...func(*Config)) *world {
	w := newWorld(t, change...)
	w.host.addTeam("t-ops", "Ops")
	w.group("A")
	w.sync()
	w.manual(w.row("A", "t-ops", "member", ""))
	return w
}

func TestTwoEnginesApplyOnce(t *testing.T) {
	w := mapped(t)
	// A host that nothing is undone in: what is done twice would show.
	w.st, w.host.keep = w.st.(*joined).Store, true
	w.cfg.Store = w.st
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	other, err := New(w.cfg)
	require.NoError(t, err)
	const people = 20
	var wg sync.WaitGroup
	for _, e := range []*Engine{w.e, other} {
		wg.Go(func() {
			for range people {
				_, err := e.Sync(t.Context(), org)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range people {
		name := fmt.Sprintf("p%02d", i)
		w.user(name)
		w.join("A", name)
	}
	wg.Wait()
	w.sync()
	require.Len(t, w.host.users, people+1)
	require.Len(t, w.events("provisioning.account.create"), people)
	require.Len(t, w.events("provisioning.member.add"), people)
	w.stable()
}

// TestCrashBeforeCommit stops at every commit, once with a host in our transaction and
// once with a host that keeps what it did.
func TestCrashBeforeCommit(t *testing.T) {
	for _, joins := range []bool{true, false} {
		t.Run(fmt.Sprintf("joined=%v", joins), func(t *testing.T) {
			crashes := 0
			w := mapped(t)
			w.host.keep = true
			j := w.st.(*joined)
			crashing := &crashStore{Store: j.Store, crash: func() bool { crashes++; return crashes%2 == 1 }}
			if joins {
				crashing.Store = j
			}
			cfg := w.cfg
			cfg.Store = crashing
			e, err := New(cfg)
			require.NoError(t, err)
			w.user("ada", "ben")
			w.join("A", "ada", "ben")
			for range 20 {
				if _, err := e.Sync(t.Context(), org); err == nil {
					break
				}
			}
			require.Greater(t, crashes, 1)
			w.leave("A", "ben")
			w.active("ada", false)
			for range 20 {
				if _, err := e.Sync(t.Context(), org); err == nil {
					break
				}
			}
			require.Len(t, w.host.users, 3, "no account twice")
			require.False(t, w.host.byEmail(t, "ada@acme.example").Active)
			require.Empty(t, w.host.role("t-ops", w.account("ben")))
			require.Len(t, w.events("provisioning.account.create"), 2)
			w.stable()
		})
	}
}

// crashStore loses the outermost transaction when crash says so.
type crashStore struct {
	store.Store
	crash func() bool
}

func (c *crashStore) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return c.Store.InTx(ctx, func(tx store.Store) error {
		if err := fn(tx); err != nil {
			return err
		}
		if c.crash() {
			return errCrash
		}
		return nil
	})
}

func TestRefusedPersonStopsNobody(t *testing.T) {
	w := mapped(t)
	refuse := true
	w.host.fail = func(op, id string) error {
		if refuse && op == "CreateAccount" && id == "bad@acme.example" {
			return errHost
		}
		return nil
	}
	w.user("bad", "ada")
	w.join("A", "bad", "ada")
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	failures := w.events(EventFailed)
	require.Len(t, failures, 1)
	require.Equal(t, w.ids["bad"], failures[0].Subject.ID)
	require.NotContains(t, failures[0].Message, errHost.Error(), "what the host said is for the log")

	w.sync()
	require.Len(t, w.events(EventFailed), 1, "not due yet")
	w.clock.add(2 * time.Second)
	w.sync()
	require.Len(t, w.events(EventFailed), 2)
	require.Equal(t, 2, attemptOf(w.events(EventFailed)[1]).Attempt)

	behind, err := w.st.TenantsBehind(t.Context(), retryReader, "", 0)
	require.NoError(t, err)
	require.Equal(t, []string{org}, behind, "open work is found again after a restart")

	refuse = false
	w.clock.add(time.Hour)
	restarted, err := New(w.cfg)
	require.NoError(t, err)
	_, err = restarted.SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, "member", w.host.role("t-ops", w.account("bad")))
	require.Len(t, w.events(EventRecovered), 1)
	_, err = restarted.SyncAll(t.Context())
	require.NoError(t, err)
	for _, r := range []string{reader, retryReader} {
		behind, err = w.st.TenantsBehind(t.Context(), r, "", 0)
		require.NoError(t, err)
		require.Empty(t, behind, r)
	}
	w.stable()
}

func TestRefusalUndoesThePersonAsAWhole(t *testing.T) {
	w := mapped(t)
	w.host.addTeam("t-dev", "Dev")
	w.manual(w.row("A", "t-dev", "member", ""), w.row("A", "t-ops", "member", ""))
	n := 0
	w.host.fail = func(op, _ string) error {
		if op == "SetMember" {
			if n++; n == 2 {
				return errHost
			}
		}
		return nil
	}
	w.user("ada")
	w.join("A", "ada")
	w.sync()
	require.Len(t, w.host.users, 1, "account and first team were undone")
	require.Len(t, w.events(EventFailed), 1)
	w.clock.add(time.Minute)
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	require.Equal(t, "member", w.host.role("t-dev", w.account("ada")))
}

func TestPoisonedReadIsParked(t *testing.T) {
	w := mapped(t)
	poison := true
	w.host.fail = func(op, id string) error {
		if poison && op == "AccountByEmail" && id == "bad@acme.example" {
			return errHost
		}
		return nil
	}
	w.user("bad", "ada")
	w.join("A", "ada")
	for range parkAfter {
		_, err := w.e.Sync(t.Context(), org)
		require.ErrorIs(t, err, errHost)
	}
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	require.NotEmpty(t, w.events(EventFailed))
	poison = false
	w.clock.add(time.Hour)
	w.sync()
	require.True(t, w.host.byEmail(t, "bad@acme.example").Active)
	w.stable()
}

func TestMapperThatFailsChangesNothing(t *testing.T) {
	bad := ""
	w := newWorld(t, func(c *Config) {
		c.Mapper = GroupMapperFunc(func(_ context.Context, _ string, groups []Group) ([]Give, error) {
			var out []Give
			for _, g := range groups {
				switch {
				case bad == "panic":
					panic("mapper")
				case bad == "error":
					return nil, errHost
				case bad == "foreign":
					return []Give{{GroupID: "nix"}}, nil
				}
				out = append(out, Give{GroupID: g.ID, TeamID: "t-ops", TeamRole: "member", Rule: "the host's rule"})
			}
			return out, nil
		})
	})
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("A", "ada", "ben")
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	for _, bad = range []string{"panic", "error", "foreign"} {
		w.renameGroup("A", "A "+bad)
		w.sync()
		require.Equal(t, "member", w.host.role("t-ops", w.account("ada")), bad)
	}
	w.active("ben", false)
	w.sync()
	require.False(t, w.host.byEmail(t, "ben@acme.example").Active, "access ends whatever the rules do")
	bad = ""
	w.clock.add(time.Hour)
	w.sync()
	require.NotEmpty(t, w.events(EventRecovered))
	w.stable()
}

func TestBreaker(t *testing.T) {
	w := mapped(t, func(c *Config) { c.Breaker = Breaker{People: 3, Percent: 20} })
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("p%d", i))
	}
	w.user(names...)
	w.join("A", names...)
	w.sync()
	w.leave("A", names[:2]...)
	w.sync()
	require.Len(t, w.host.in["t-ops"], 8, "a few may go")

	w.leave("A", names[2:6]...)
	w.active("p9", false)
	w.sync()
	require.Len(t, w.host.in["t-ops"], 8, "more within the window wait")
	require.False(t, w.host.byEmail(t, "p9@acme.example").Active, "access ends all the same")
	require.Len(t, w.events(EventBreaker), 1)
	require.Contains(t, w.events(EventBreaker)[0].Message, "6 of 10 people")

	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.True(t, s.Paused)
	s.Paused = false
	plan, err := w.e.Preview(t.Context(), owner, org, s)
	require.NoError(t, err)
	require.Equal(t, 4, plan.Totals.Leaves, "the preview shows what waits")
	w.set(s)
	require.Len(t, w.host.in["t-ops"], 4)
	w.leave("A", "p6")
	w.sync()
	require.Len(t, w.host.in["t-ops"], 3, "what an owner let through does not count again")
	w.stable()
}

func TestApplyRefusesWhatWasNotShown(t *testing.T) {
	w := mapped(t)
	w.user("ada", "ben")
	w.group("B", "ada")
	w.sync()
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	s.Rows = append(s.Rows, w.row("B", "t-ops", "member", ""))
	shown, err := w.e.Preview(t.Context(), owner, org, s)
	require.NoError(t, err)

	w.join("B", "ben")
	_, err = w.e.Apply(t.Context(), owner, org, s, Confirm{Hash: shown.Hash})
	var stale *StalePlanError
	require.ErrorAs(t, err, &stale)
	require.ErrorIs(t, err, store.ErrStale)
	require.Equal(t, 2, stale.Plan.Totals.Joins)
	require.Empty(t, w.host.in["t-ops"])

	_, err = w.e.Apply(t.Context(), owner, org, s, Confirm{Hash: stale.Plan.Hash})
	require.NoError(t, err)
	require.Len(t, w.host.in["t-ops"], 2)

	_, err = w.e.Apply(t.Context(), owner, org, s, Confirm{Hash: stale.Plan.Hash})
	require.ErrorIs(t, err, store.ErrStale, "the settings have another version now")
}

func TestAuthorizerIsAsked(t *testing.T) {
	var asked []tenant.Action
	w := newWorld(t, func(c *Config) {
		c.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, id string) error {
			require.Equal(t, org, id)
			asked = append(asked, a)
			return tenant.ErrForbidden
		})
	})
	_, err := w.e.Settings(t.Context(), owner, org)
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.Preview(t.Context(), owner, org, store.ProvisioningSettings{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.Apply(t.Context(), owner, org, store.ProvisioningSettings{}, Confirm{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.PlanConversion(t.Context(), owner, org, Conversion{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{}, "")
	require.ErrorIs(t, err, tenant.ErrForbidden)
	require.Equal(t, []tenant.Action{tenant.ActionViewMapping, tenant.ActionEditMapping, tenant.ActionApplyMapping, tenant.ActionManageSCIM, tenant.ActionManageSCIM}, asked)

	asked = nil
	_, err = w.e.Settings(t.Context(), tenant.Actor{Kind: tenant.ActorSetupLink, ID: "made up"}, org)
	require.ErrorIs(t, err, tenant.ErrForbidden)
	require.Empty(t, asked, "what a set-up link may do at most is checked before")
}

func TestRunFollowsTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := mapped(t, func(c *Config) { c.Now = time.Now })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.e.Run(ctx, time.Minute) }()
		synctest.Wait()
		w.user("ada")
		w.join("A", "ada")
		w.e.Wake()
		w.e.Wake()
		synctest.Wait()
		require.Equal(t, "member", w.host.role("t-ops", w.account("ada")), "at once")

		w.user("ben")
		time.Sleep(61 * time.Second)
		synctest.Wait()
		require.True(t, w.host.byEmail(t, "ben@acme.example").Active, "at the next look")
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestSyncAllGoesOnAfterAFailure(t *testing.T) {
	w := mapped(t)
	w.host.fail = func(op, id string) error {
		if op == "AccountByEmail" && strings.HasPrefix(id, "bad") {
			return errHost
		}
		return nil
	}
	w.user("bad")
	u := store.SCIMUser{Meta: w.meta("zoe"), UserName: "zoe@other.example", Active: true, Body: userBody("zoe@other.example", true)}
	_, err := w.st.CreateSCIMUser(t.Context(), "zzz", u, w.ev("scim.user.created", subjectUser, u.ID, u.Body))
	require.NoError(t, err)
	_, err = w.e.SyncAll(t.Context())
	require.ErrorIs(t, err, errHost)
	require.True(t, w.host.byEmail(t, "zoe@other.example").Active)
}

func TestNewChecksItsConfig(t *testing.T) {
	good := newWorld(t).cfg
	for name, change := range map[string]func(*Config){
		"Store":                func(c *Config) { c.Store = nil },
		"Target":               func(c *Config) { c.Target = nil },
		"Authorizer":           func(c *Config) { c.Authorizer = nil },
		"OrgRoles":             func(c *Config) { c.OrgRoles = nil },
		"TeamRoles":            func(c *Config) { c.TeamRoles = []string{"a", "a"} },
		"MaxProvisionableRole": func(c *Config) { c.MaxProvisionableRole = "boss" },
		"MaxTeamName":          func(c *Config) { c.MaxTeamName = -1 },
	} {
		cfg := good
		change(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, name)
	}
}

// TestSyncAllTakesTurns shows that a tenant with much to do does not keep another
// waiting until all of it is done.
func TestSyncAllTakesTurns(t *testing.T) {
	w := newWorld(t)
	var order []string
	for i := range 5 * batch {
		require.NoError(t, w.st.AppendEvents(t.Context(), "aaa-busy", store.Event{ID: fmt.Sprintf("e%d", i), Type: "scim.user.created", Subject: store.EventSubject{Kind: "scim_user", ID: fmt.Sprintf("gone%d", i)}}))
	}
	require.NoError(t, w.st.AppendEvents(t.Context(), "zzz-quiet", store.Event{ID: "q", Type: "scim.user.created", Subject: store.EventSubject{Kind: "scim_user", ID: "gone"}}))
	w.e.cfg.Store = orderStore{Store: w.st, saw: func(id string) { order = append(order, id) }}

	n, err := w.e.SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 5*batch+1, n)
	quiet := slices.Index(order, "zzz-quiet")
	require.Positive(t, quiet)
	require.Greater(t, len(order), quiet+3, "the busy tenant goes on after the quiet one: %v", order)
}

// orderStore tells of each transaction's tenant as it saves a position.
type orderStore struct {
	store.Store
	saw func(tenantID string)
}

func (s orderStore) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return s.Store.InTx(ctx, func(tx store.Store) error { return fn(orderStore{Store: tx, saw: s.saw}) })
}

func (s orderStore) SavePosition(ctx context.Context, tenantID, reader string, from, to int64) error {
	s.saw(tenantID)
	return s.Store.SavePosition(ctx, tenantID, reader, from, to)
}

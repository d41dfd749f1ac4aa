package provisioning

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// oddHost is a fakeHost that misbehaves in one method.
type oddHost struct {
	*fakeHost
	accountByEmail func(ctx context.Context, email string) (AccountState, error)
	accounts       func(ids []string) []AccountState
	createAccount  func(ctx context.Context, p Profile) (string, error)
	setMember      func(ctx context.Context, tx store.Store, team, account, role string) error
	allTeams       func(ids []string) []Team
	createTeam     func(name string) (string, error)
}

func (h *oddHost) AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (AccountState, error) {
	if h.accountByEmail != nil {
		return h.accountByEmail(ctx, email)
	}
	return h.fakeHost.AccountByEmail(ctx, tx, tenantID, email)
}

func (h *oddHost) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]AccountState, error) {
	if h.accounts != nil {
		return h.accounts(ids), nil
	}
	return h.fakeHost.Accounts(ctx, tx, tenantID, ids)
}

func (h *oddHost) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p Profile) (string, error) {
	if h.createAccount != nil {
		return h.createAccount(ctx, p)
	}
	return h.fakeHost.CreateAccount(ctx, tx, tenantID, p)
}

func (h *oddHost) SetMember(ctx context.Context, tx store.Store, tenantID, team, account, role string) error {
	if h.setMember != nil {
		return h.setMember(ctx, tx, team, account, role)
	}
	return h.fakeHost.SetMember(ctx, tx, tenantID, team, account, role)
}

func (h *oddHost) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]Team, error) {
	if h.allTeams != nil {
		return h.allTeams(ids), nil
	}
	return h.fakeHost.Teams(ctx, tx, tenantID, ids)
}

func (h *oddHost) CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (string, error) {
	if h.createTeam != nil {
		return h.createTeam(name)
	}
	return h.fakeHost.CreateTeam(ctx, tx, tenantID, name)
}

// oddWorld is a world whose host can be made to misbehave.
func oddWorld(t *testing.T, change ...func(*Config)) (*world, *oddHost) {
	odd := &oddHost{}
	w := mapped(t, append([]func(*Config){func(c *Config) {
		odd.fakeHost = c.Target.(*fakeHost)
		c.Target = odd
		c.CallTimeout = 300 * time.Millisecond
	}}, change...)...)
	return w, odd
}

// failures are what the owner sees.
func (w *world) failures() []OpenWork {
	w.Helper()
	page, err := w.e.Failures(w.ctx, owner, org, "", 0)
	require.NoError(w, err)
	return page.Items
}

// heal lets what was refused be tried again, and checks that nothing is left.
func (w *world) heal() {
	w.Helper()
	for range 5 {
		w.clock.add(2 * time.Hour)
		_, err := w.e.SyncAll(w.ctx)
		require.NoError(w, err)
	}
	require.Empty(w, w.failures())
	w.stable()
}

// TestTargetFaults plays hosts that misbehave for one person. Another person is served
// all the same, the owner sees whom it concerns, and after the fault all is as it should.
func TestTargetFaults(t *testing.T) {
	isBad := func(s string) bool { return strings.HasPrefix(s, "bad") }
	for name, tt := range map[string]struct {
		spoil func(w *world, h *oddHost)
		code  string
	}{
		"panics": {func(_ *world, h *oddHost) {
			h.createAccount = func(ctx context.Context, p Profile) (string, error) {
				if isBad(p.Email) {
					panic("nil pointer")
				}
				return h.fakeHost.CreateAccount(ctx, nil, org, p)
			}
		}, "target_failed"},
		"answers late": {func(_ *world, h *oddHost) {
			h.createAccount = func(ctx context.Context, p Profile) (string, error) {
				if isBad(p.Email) {
					<-ctx.Done() // as a database driver does
					return "", ctx.Err()
				}
				return h.fakeHost.CreateAccount(ctx, nil, org, p)
			}
		}, "target_timeout"},
		"fails half-way": {func(_ *world, h *oddHost) {
			h.setMember = func(ctx context.Context, tx store.Store, team, account, role string) error {
				if isBad(h.users[account].Email) {
					return errors.Join(h.fakeHost.SetMember(ctx, tx, org, team, account, role), errHost)
				}
				return h.fakeHost.SetMember(ctx, tx, org, team, account, role)
			}
		}, "target_failed"},
		"gives another's account": {func(_ *world, h *oddHost) {
			h.accountByEmail = func(ctx context.Context, email string) (AccountState, error) {
				if isBad(email) {
					email = "root@acme.example"
				}
				return h.fakeHost.AccountByEmail(ctx, nil, org, email)
			}
		}, "target_wrong_answer"},
		"gives an account without ID": {func(_ *world, h *oddHost) {
			h.accountByEmail = func(ctx context.Context, email string) (AccountState, error) {
				if isBad(email) {
					return AccountState{Email: email}, nil
				}
				return h.fakeHost.AccountByEmail(ctx, nil, org, email)
			}
		}, "target_wrong_answer"},
		"makes one account for two": {func(w *world, h *oddHost) {
			h.createAccount = func(ctx context.Context, p Profile) (string, error) {
				if isBad(p.Email) {
					return w.account("first"), nil
				}
				return h.fakeHost.CreateAccount(ctx, nil, org, p)
			}
		}, "target_wrong_answer"},
		"makes an account without ID": {func(_ *world, h *oddHost) {
			h.createAccount = func(ctx context.Context, p Profile) (string, error) {
				if isBad(p.Email) {
					return "", nil
				}
				return h.fakeHost.CreateAccount(ctx, nil, org, p)
			}
		}, "target_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			w, odd := oddWorld(t)
			w.user("first")
			w.sync()
			tt.spoil(w, odd)
			w.user("bad", "good")
			w.join("A", "bad", "good")
			w.sync()
			require.Equal(t, "member", w.host.role("t-ops", w.account("good")), "nobody else waits")
			require.Len(t, w.host.in["t-ops"], 1, "and nobody gets what is another's")
			require.Empty(t, w.host.role("t-ops", w.account("first")))
			open := w.failures()
			require.Len(t, open, 1)
			require.Equal(t, w.ids["bad"], open[0].SCIMUserID)
			require.Equal(t, "Bad", open[0].Name)
			require.Equal(t, tt.code, open[0].Code)
			require.Equal(t, 1, open[0].Attempts)
			require.NotContains(t, open[0].Message, "nil pointer")

			*odd = oddHost{fakeHost: odd.fakeHost}
			w.heal()
			require.Equal(t, "member", w.host.role("t-ops", w.account("bad")))
		})
	}
}

// TestAnswersAboutOthers plays hosts whose reading answers for others than asked, or
// twice: nothing of it is used.
func TestAnswersAboutOthers(t *testing.T) {
	for name, fault := range map[string]func(*oddHost){
		"an account that was not asked for": func(h *oddHost) {
			h.accounts = func([]string) []AccountState { return []AccountState{{ID: "u-root", OrgRole: "owner"}} }
		},
		"an account twice": func(h *oddHost) {
			h.accounts = func(ids []string) []AccountState { return []AccountState{{ID: ids[0]}, {ID: ids[0], Active: true}} }
		},
		"a team that was not asked for": func(h *oddHost) {
			h.allTeams = func([]string) []Team { return []Team{{ID: "t-foreign", Name: "Ops"}} }
		},
		"a team twice": func(h *oddHost) {
			h.allTeams = func([]string) []Team { return []Team{{ID: "t-ops"}, {ID: "t-ops"}} }
		},
		"a team without ID": func(h *oddHost) { h.allTeams = func([]string) []Team { return []Team{{Name: "Ops"}} } },
	} {
		t.Run(name, func(t *testing.T) {
			w, odd := oddWorld(t)
			w.user("ada")
			w.sync()
			fault(odd)
			before := w.host.state()
			w.join("A", "ada")
			for range parkAfter {
				_, err := w.e.Sync(t.Context(), org)
				var wrong *wrongAnswer
				require.ErrorAs(t, err, &wrong)
			}
			w.sync()
			require.Equal(t, before, w.host.state())
			require.Equal(t, "target_wrong_answer", w.failures()[0].Code)
			*odd = oddHost{fakeHost: odd.fakeHost}
			w.heal()
			require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
		})
	}
}

// TestLostTransaction is a host whose failure takes the whole transaction along, as a
// statement of PostgreSQL does that is given up half-way.
func TestLostTransaction(t *testing.T) {
	w, odd := oddWorld(t)
	j := w.st.(*joined)
	w.cfg.Store = &losingStore{Store: j, lost: new(atomic.Bool)}
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	odd.createAccount = func(ctx context.Context, p Profile) (string, error) {
		if strings.HasPrefix(p.Email, "bad") {
			w.cfg.Store.(*losingStore).lost.Store(true)
			return "", errHost
		}
		return odd.fakeHost.CreateAccount(ctx, nil, org, p)
	}
	w.user("bad")
	w.user("good")
	for range 2 * parkAfter {
		_, err = w.e.Sync(t.Context(), org)
	}
	require.NoError(t, err)
	require.True(t, w.host.byEmail(t, "good@acme.example").Active, "who comes behind is served")
	require.Equal(t, w.ids["bad"], w.failures()[0].SCIMUserID)
	w.clock.add(time.Hour)
	w.sync()
	require.Equal(t, 2, w.failures()[0].Attempts, "tried again, and lost again")
	odd.createAccount = nil
	w.heal()
}

// losingStore fails a transaction as a whole once lost is set in it.
type losingStore struct {
	store.Store
	lost  *atomic.Bool
	depth int
}

func (s *losingStore) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return s.Store.InTx(ctx, func(tx store.Store) error {
		if s.depth == 0 {
			s.lost.Store(false)
		}
		err := fn(&losingStore{Store: tx, lost: s.lost, depth: s.depth + 1})
		if s.lost.Load() {
			return errors.Join(hostErr("transaction", errHost), errCrash)
		}
		return err
	})
}

func TestMapperFaults(t *testing.T) {
	var answer atomic.Value // read by calls that were left behind, too
	type rules = func(ctx context.Context, groups []Group) ([]Give, error)
	good := func(_ context.Context, groups []Group) (out []Give, err error) {
		for _, g := range groups {
			out = append(out, Give{GroupID: g.ID, TeamID: "t-ops", TeamRole: "member"})
		}
		return out, nil
	}
	loop := make(chan struct{})
	var calls atomic.Int32
	for name, tt := range map[string]struct {
		answer func(ctx context.Context, groups []Group) ([]Give, error)
		code   string
		found  FindingCode
	}{
		"panics": {func(context.Context, []Group) ([]Give, error) { panic("mapper") }, "mapper_failed", FindingMapperFailed},
		"loops and heeds its ctx": {func(ctx context.Context, _ []Group) ([]Give, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "mapper_timeout", FindingMapperFailed},
		"loops for ever": {func(context.Context, []Group) ([]Give, error) { <-loop; return nil, nil }, "mapper_timeout", FindingMapperFailed},
		"gives of foreign groups": {func(context.Context, []Group) ([]Give, error) {
			return []Give{{GroupID: "foreign", TeamID: "t-ops", TeamRole: "member"}}, nil
		}, "mapper_failed", FindingMapperFailed},
		"changes its mind": {func(_ context.Context, groups []Group) ([]Give, error) {
			if calls.Add(1)%2 == 0 {
				return nil, nil
			}
			return []Give{{GroupID: groups[0].ID, OrgRole: "owner"}}, nil
		}, "mapper_unstable", FindingMapperUnstable},
		"looks at the order": {func(_ context.Context, groups []Group) ([]Give, error) {
			return []Give{{GroupID: groups[0].ID, TeamID: "t-ops", TeamRole: "member"}}, nil
		}, "mapper_unstable", FindingMapperUnstable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) {
				c.CallTimeout = 300 * time.Millisecond
				c.Mapper = GroupMapperFunc(func(ctx context.Context, _ string, groups []Group) ([]Give, error) {
					return answer.Load().(rules)(ctx, groups)
				})
			})
			w.host.addTeam("t-ops", "Ops")
			answer.Store(good)
			w.user("ada", "ben", "cem", "dan", "eva", "fay", "gil")
			w.group("A", "ada", "ben", "cem", "dan", "eva", "fay", "gil")
			w.group("B", "ada")
			w.sync()
			before := w.host.state()
			answer.Store(tt.answer)
			w.join("B", "ben", "cem", "dan", "eva", "fay", "gil")
			w.active("gil", false)
			begun := time.Now()
			w.sync()
			require.Less(t, time.Since(begun), 5*time.Second, "people do not wait one after the other")
			require.False(t, w.host.byEmail(t, "gil@acme.example").Active, "access ends all the same")
			require.Equal(t, strings.ReplaceAll(before, "gil@acme.example member active=true", "gil@acme.example member active=false"), w.host.state(), "nothing else changes")
			codes := map[string]bool{}
			for _, f := range w.failures() {
				codes[f.Code] = true
			}
			require.Equal(t, map[string]bool{tt.code: true}, codes)
			plan, err := w.e.Preview(t.Context(), owner, org, store.ProvisioningSettings{})
			require.NoError(t, err)
			require.Contains(t, w.codes(plan), tt.found)
			require.Empty(t, plan.Totals.Leaves)
			answer.Store(good)
			if name == "loops for ever" {
				close(loop)
				time.Sleep(10 * time.Millisecond) // those left behind give their places back
			}
			w.heal()
		})
	}
}

// TestMapperIsNotCalledForEver counts what a mapper that never returns costs.
func TestMapperIsNotCalledForEver(t *testing.T) {
	var running atomic.Int32
	stop := make(chan struct{})
	defer close(stop)
	w := newWorld(t, func(c *Config) {
		c.CallTimeout = time.Millisecond
		c.Mapper = GroupMapperFunc(func(context.Context, string, []Group) ([]Give, error) {
			running.Add(1)
			<-stop
			return nil, nil
		})
	})
	w.user("ada")
	for i := range 20 {
		w.group(fmt.Sprintf("G%d", i), "ada")
		w.clock.add(time.Hour)
		w.sync()
	}
	require.LessOrEqual(t, running.Load(), int32(maxLost)+1)
	require.Equal(t, "mapper_timeout", w.failures()[0].Code)
}

func TestFailuresAndRetry(t *testing.T) {
	w := mapped(t)
	refuse := true
	w.host.fail = func(op, id string) error {
		if refuse && op == "CreateAccount" && strings.HasPrefix(id, "bad") {
			return errHost
		}
		return nil
	}
	began := w.clock.Now()
	w.user("bad1", "bad2", "bad3", "good")
	w.sync()
	w.clock.add(2 * time.Second)
	w.sync()

	page, err := w.e.Failures(t.Context(), owner, org, "", 2)
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	require.True(t, page.More)
	rest, err := w.e.Failures(t.Context(), owner, org, page.Next, 2)
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	require.False(t, rest.More)
	f := page.Items[0]
	require.Equal(t, 2, f.Attempts)
	require.WithinDuration(t, began, f.Since, time.Second)
	require.True(t, f.LastAttempt.After(f.Since))
	require.True(t, f.NextAttempt.After(f.LastAttempt))
	_, err = w.e.Failures(t.Context(), owner, org, "x", 0)
	require.ErrorContains(t, err, `got "x"`)

	refuse = false
	r, err := w.e.Retry(t.Context(), owner, org, f.SCIMUserID, "nobody")
	require.NoError(t, err)
	require.Equal(t, RetryResult{Tried: 1, Recovered: 1}, r)
	require.Len(t, w.failures(), 2)
	refuse = true
	r, err = w.e.Retry(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, RetryResult{Tried: 2}, r)
	require.Equal(t, 3, w.failures()[0].Attempts, "it stays open and is counted")
	refuse = false
	r, err = w.e.Retry(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, RetryResult{Tried: 2, Recovered: 2}, r)
	require.Empty(t, w.failures())
	require.Len(t, w.events(EventRetried), 3)
	require.Equal(t, owner.ID, w.events(EventRetried)[0].Actor.ID)
	w.stable()

	none, err := w.e.Retry(t.Context(), owner, "other-tenant", f.SCIMUserID)
	require.NoError(t, err)
	require.Zero(t, none, "another tenant's work is not there")
}

func TestFailuresAskTheAuthorizer(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Authorizer = tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return tenant.ErrForbidden })
	})
	_, err := w.e.Failures(t.Context(), owner, org, "", 0)
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.Retry(t.Context(), owner, org)
	require.ErrorIs(t, err, tenant.ErrForbidden)
}

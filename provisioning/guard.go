package provisioning

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// defaultCallTimeout bounds one call of the host's side.
const defaultCallTimeout = 30 * time.Second

// wrongAnswer is an error of a host that answered with what it was not asked about. It
// concerns those asked about alone: the database is not at fault, and others go on.
type wrongAnswer struct{ err error }

func (e *wrongAnswer) Error() string { return e.err.Error() }
func (e *wrongAnswer) Unwrap() error { return e.err }

func wrong(format string, args ...any) error {
	return &wrongAnswer{fmt.Errorf(format, args...)}
}

// guard calls the host's code: with a deadline, and so that a panic is an error of the
// host and not the end of the program.
type guard struct {
	timeout time.Duration
	logger  *slog.Logger
}

// call runs fn, which is one call of the host's code. The transaction belongs to one
// goroutine, so a call cannot be left behind: one that ignores its ctx is waited for, and
// the log tells that it is late.
func (g guard) call(ctx context.Context, op string, fn func(ctx context.Context) error) (err error) {
	inner, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	stop := context.AfterFunc(inner, func() {
		if errors.Is(inner.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			g.logger.ErrorContext(ctx, "provisioning: the host's code is late and holds the transaction", "call", op, "limit", g.timeout)
		}
	})
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			g.logger.ErrorContext(ctx, "provisioning: the host's code panicked", "call", op, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	err = fn(inner)
	if err != nil && inner.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s: %w", g.timeout, err)
	}
	return err
}

// guardedTarget is the host's Target with each call guarded, and with answers that are
// about somebody else refused. Optional interfaces are looked for on the host's own.
type guardedTarget struct {
	host Target
	guard
}

var _ Target = guardedTarget{}

func (t guardedTarget) RootAccount(ctx context.Context, tx store.Store, tenantID string) (id string, err error) {
	err = t.call(ctx, "RootAccount", func(ctx context.Context) (err error) {
		id, err = t.host.RootAccount(ctx, tx, tenantID)
		return err
	})
	return id, err
}

func (t guardedTarget) AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (a AccountState, err error) {
	err = t.call(ctx, "AccountByEmail", func(ctx context.Context) (err error) {
		a, err = t.host.AccountByEmail(ctx, tx, tenantID, email)
		return err
	})
	switch {
	case err != nil:
		return AccountState{}, err
	case a.ID == "":
		return AccountState{}, wrong("expected the account of %s or an error, got one without an ID", email)
	case foldEmail(a.Email) != foldEmail(email):
		return AccountState{}, wrong("expected the account of %s, got %q with the address %q", email, a.ID, a.Email)
	}
	return a, nil
}

func (t guardedTarget) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) (list []AccountState, err error) {
	err = t.call(ctx, "Accounts", func(ctx context.Context) (err error) {
		list, err = t.host.Accounts(ctx, tx, tenantID, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, onlyAsked("accounts", ids, list, func(a AccountState) string { return a.ID })
}

// onlyAsked refuses an answer about others than those asked about, or twice about one.
func onlyAsked[T any](what string, ids []string, list []T, id func(T) string) error {
	open := set(ids)
	for _, item := range list {
		waits, asked := open[id(item)]
		switch {
		case !asked:
			return wrong("expected the %s asked for, got %q", what, id(item))
		case !waits:
			return wrong("expected each of the %s once, got %q twice", what, id(item))
		}
		open[id(item)] = false
	}
	return nil
}

func (t guardedTarget) Owners(ctx context.Context, tx store.Store, tenantID string) (ids []string, err error) {
	err = t.call(ctx, "Owners", func(ctx context.Context) (err error) {
		ids, err = t.host.Owners(ctx, tx, tenantID)
		return err
	})
	return ids, err
}

func (t guardedTarget) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p Profile) (id string, err error) {
	err = t.call(ctx, "CreateAccount", func(ctx context.Context) (err error) {
		id, err = t.host.CreateAccount(ctx, tx, tenantID, p)
		return err
	})
	return id, err
}

func (t guardedTarget) UpdateProfile(ctx context.Context, tx store.Store, tenantID, accountID string, p Profile) error {
	return t.call(ctx, "UpdateProfile", func(ctx context.Context) error {
		return t.host.UpdateProfile(ctx, tx, tenantID, accountID, p)
	})
}

func (t guardedTarget) SetActive(ctx context.Context, tx store.Store, tenantID, accountID string, active bool) error {
	return t.call(ctx, "SetActive", func(ctx context.Context) error {
		return t.host.SetActive(ctx, tx, tenantID, accountID, active)
	})
}

func (t guardedTarget) SetOrgRole(ctx context.Context, tx store.Store, tenantID, accountID, role string) error {
	return t.call(ctx, "SetOrgRole", func(ctx context.Context) error {
		return t.host.SetOrgRole(ctx, tx, tenantID, accountID, role)
	})
}

func (t guardedTarget) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) (list []Team, err error) {
	err = t.call(ctx, "Teams", func(ctx context.Context) (err error) {
		list, err = t.host.Teams(ctx, tx, tenantID, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	if ids == nil { // all of them: each once
		ids = make([]string, 0, len(list))
		for _, team := range list {
			if team.ID == "" {
				return nil, wrong("expected teams with IDs, got %q without one", team.Name)
			}
			ids = append(ids, team.ID)
		}
	}
	return list, onlyAsked("teams", ids, list, func(t Team) string { return t.ID })
}

func (t guardedTarget) CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (id string, err error) {
	err = t.call(ctx, "CreateTeam", func(ctx context.Context) (err error) {
		id, err = t.host.CreateTeam(ctx, tx, tenantID, name)
		return err
	})
	return id, err
}

func (t guardedTarget) RenameTeam(ctx context.Context, tx store.Store, tenantID, teamID, name string) error {
	return t.call(ctx, "RenameTeam", func(ctx context.Context) error {
		return t.host.RenameTeam(ctx, tx, tenantID, teamID, name)
	})
}

func (t guardedTarget) SetMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID, role string) error {
	return t.call(ctx, "SetMember", func(ctx context.Context) error {
		return t.host.SetMember(ctx, tx, tenantID, teamID, accountID, role)
	})
}

func (t guardedTarget) RemoveMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID string) error {
	return t.call(ctx, "RemoveMember", func(ctx context.Context) error {
		return t.host.RemoveMember(ctx, tx, tenantID, teamID, accountID)
	})
}

// deleteIfUnused deletes a team if the host is a TeamDeleter and nobody is in it.
func (e *Engine) deleteIfUnused(ctx context.Context, tx store.Store, tenantID, teamID string) (deleted bool, err error) {
	host, ok := e.cfg.Target.(TeamDeleter)
	if !ok {
		return false, nil
	}
	err = e.guard.call(ctx, "DeleteTeamIfUnused", func(ctx context.Context) (err error) {
		deleted, err = host.DeleteTeamIfUnused(ctx, tx, tenantID, teamID)
		return err
	})
	return deleted, hostErr("delete a team", err)
}

// archiveTeam takes a team out of use, or into it, if the host is a TeamArchiver.
func (e *Engine) archiveTeam(ctx context.Context, tx store.Store, tenantID, teamID string, archived bool) error {
	host, ok := e.cfg.Target.(TeamArchiver)
	if !ok {
		return nil
	}
	return hostErr("archive a team", e.guard.call(ctx, "SetTeamArchived", func(ctx context.Context) error {
		return host.SetTeamArchived(ctx, tx, tenantID, teamID, archived)
	}))
}

// errLate says that a mapper was given up.
var errLate = errors.New("the mapper did not answer in time")

// maxLost is how many calls of a host's mapper may be lost in loops before no more are
// begun.
const maxLost = 4

// guardedMapper holds a host's own mapper to its contract. Unlike a Target it has no
// transaction, so that a call which does not return is left behind in its goroutine, and
// few of them are: once maxLost are lost, the mapper is not called until one returns.
type guardedMapper struct {
	host GroupMapper
	guard
	lost chan struct{} // a place for each call that is lost
}

func newGuardedMapper(host GroupMapper, g guard) *guardedMapper {
	return &guardedMapper{host: host, guard: g, lost: make(chan struct{}, maxLost)}
}

// NeedsExternalID says what the host's mapper says.
func (m *guardedMapper) NeedsExternalID() bool {
	x, ok := m.host.(ExternalIDMapper)
	return ok && x.NeedsExternalID()
}

type mapperAnswer struct {
	gives []Give
	err   error
}

// MapGroups asks the host's mapper, with a deadline.
func (m *guardedMapper) MapGroups(ctx context.Context, tenantID string, groups []Group) ([]Give, error) {
	if len(m.lost) == maxLost {
		return nil, fmt.Errorf("%w before, %d times, and still runs", errLate, maxLost)
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	done := make(chan mapperAnswer, 1)
	go func() {
		var a mapperAnswer
		defer func() {
			if r := recover(); r != nil {
				m.logger.ErrorContext(ctx, "provisioning: the mapper panicked", "panic", r, "stack", string(debug.Stack()))
				a = mapperAnswer{err: fmt.Errorf("panic: %v", r)}
			}
			done <- a
		}()
		a.gives, a.err = m.host.MapGroups(ctx, tenantID, groups)
	}()
	select {
	case a := <-done:
		return a.gives, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-done: // both were ready, and an answer counts
		return a.gives, a.err
	default:
	}
	select {
	case m.lost <- struct{}{}:
		m.logger.ErrorContext(ctx, "provisioning: the mapper does not answer; left behind", "tenant", tenantID, "limit", m.timeout)
		go func() { // gives the place back if it returns after all
			<-done
			<-m.lost
		}()
	default:
	}
	return nil, errLate
}

// errUnstable says that a mapper gave two answers to one question.
var errUnstable = errors.New("the mapper answers otherwise when it is asked again with the same groups")

// same asks once more, with the groups in the reverse order, and refuses another answer:
// a preview would not show what the sync does.
func (m *guardedMapper) same(ctx context.Context, tenantID string, groups []Group, gives []Give) error {
	turned := slices.Clone(groups)
	slices.Reverse(turned)
	again, err := m.MapGroups(ctx, tenantID, turned)
	if err == nil && differs(gives, again) {
		err = errUnstable
	}
	return err
}

// mapFinding is the code of what kept a mapper's answer from being used.
func mapFinding(err error) FindingCode {
	if errors.Is(err, errUnstable) {
		return FindingMapperUnstable
	}
	return FindingMapperFailed
}

// lateMapper says that an answer was missing, and not only wrong: asking again for the
// next person would wait as long.
func lateMapper(err error) bool { return errors.Is(err, errLate) }

// differs says whether two answers of a mapper are not the same, in whatever order.
func differs(a, b []Give) bool {
	if len(a) != len(b) {
		return true
	}
	n := make(map[Give]int, len(a))
	for _, g := range a {
		n[g]++
	}
	for _, g := range b {
		if n[g]--; n[g] < 0 {
			return true
		}
	}
	return false
}

// opMap is the operation of a host's error that is the mapper's.
const opMap = "map groups"

// hostName shortens what a host calls something, for an error.
func hostName(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

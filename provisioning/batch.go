package provisioning

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// MemberSetter is an optional interface of a [Target]: many memberships in one call, for
// large plans. Without it they are set and ended one by one.
type MemberSetter interface {
	// SetMembers does for each change, in any order, what SetMember and RemoveMember do.
	// No two are of the same account and team. It does all or returns an error; then what
	// it did is undone and each is tried by itself, so that one of them does not stop the
	// others. [errors.ErrUnsupported] declines, and undoes nothing.
	SetMembers(ctx context.Context, tx store.Store, tenantID string, changes []MemberChange) error
}

// MemberChange is a membership that is to be, or to end.
type MemberChange struct {
	TeamID    string
	AccountID string
	// Role is the role in the team; empty ends the membership.
	Role string
}

// AccountsCreator is an optional interface of a [Target]: many accounts in one call, for
// large plans. Without it they are made one by one.
type AccountsCreator interface {
	// CreateAccounts does what CreateAccount does for each profile, and returns the IDs in
	// their order. Errors are those of [MemberSetter].
	CreateAccounts(ctx context.Context, tx store.Store, tenantID string, profiles []Profile) (accountIDs []string, err error)
}

const (
	// batchFrom is from how many people on a plan is done for many at once.
	batchFrom = 20
	// batchPeople is how many people one step is for. What the host refuses in it is done
	// again person by person, so it is no more than a database likes in one statement.
	batchPeople = 200
)

// bundle gathers what a step for many people has to do.
type bundle struct {
	made    map[*personPlan]string // accounts that CreateAccounts made
	members []MemberChange
	put     []store.Grant
	drop    []store.GrantKey
	events  []store.Event
}

// alone says that a person is a step by itself: the order counts where owners come and
// go, and a failure that is known needs no attempt.
func (a *applier) alone(p *personPlan) bool {
	if p.err != nil || p.later != nil {
		return true
	}
	top := a.e.roles.top()
	return p.org != nil && p.org.line != nil && (p.org.line.From == top || p.org.line.To == top)
}

// people does the people of a plan: many at once where that is the same, otherwise each
// by itself.
func (a *applier) people(ctx context.Context, tx store.Store, plan *Plan, people []*personPlan) error {
	if len(people) < batchFrom {
		return a.eachPerson(ctx, tx, plan, people)
	}
	for len(people) > 0 {
		n := 0
		for n < min(len(people), batchPeople) && !a.alone(people[n]) {
			n++
		}
		if n > 1 {
			done, err := a.many(ctx, tx, people[:n])
			if err != nil {
				return err
			}
			if done {
				people = people[n:]
				continue
			}
		}
		n = max(n, 1)
		if err := a.eachPerson(ctx, tx, plan, people[:n]); err != nil {
			return err
		}
		people = people[n:]
	}
	return nil
}

func (a *applier) eachPerson(ctx context.Context, tx store.Store, plan *Plan, people []*personPlan) error {
	for _, p := range people {
		f := Failure{SCIMUserID: p.scimUserID, AccountID: p.accountID}
		if err := a.step(ctx, tx, plan, f, p.profile.label(), func(tx store.Store) error { return a.person(ctx, tx, p) }); err != nil {
			return err
		}
		if err := a.later(ctx, tx, plan, f, p); err != nil {
			return err
		}
	}
	return nil
}

// many does several people in one step; false says that the host refused something, and
// that nothing of it was done.
func (a *applier) many(ctx context.Context, tx store.Store, people []*personPlan) (done bool, err error) {
	found := len(a.found)
	err = tx.InTx(ctx, func(tx store.Store) error {
		a.found = a.found[:found] // a transaction may run again
		b := &bundle{}
		if err := a.createMany(ctx, tx, people, b); err != nil {
			return err
		}
		for _, p := range people {
			if err := a.gather(ctx, tx, p, b); err != nil {
				return err
			}
		}
		if err := a.setMembers(ctx, tx, b.members); err != nil {
			return err
		}
		return a.write(ctx, tx, b)
	})
	var he *hostError
	if errors.As(err, &he) && ctx.Err() == nil {
		a.found = a.found[:found] // found again, person by person
		return false, nil
	}
	return err == nil, err
}

// createMany makes the accounts of those who need one, if the host makes many at once.
func (a *applier) createMany(ctx context.Context, tx store.Store, people []*personPlan, b *bundle) error {
	host, ok := a.e.cfg.Target.(AccountsCreator)
	if !ok {
		return nil
	}
	var who []*personPlan
	var profiles []Profile
	for _, p := range people {
		if p.accountID == "" && p.creates() {
			who, profiles = append(who, p), append(profiles, p.profile)
		}
	}
	if len(who) == 0 {
		return nil
	}
	var ids []string
	err := a.e.guard.call(ctx, "CreateAccounts", func(ctx context.Context) (err error) {
		ids, err = host.CreateAccounts(ctx, tx, a.tenantID, profiles)
		return err
	})
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return hostErr("create accounts", err)
	case len(ids) != len(who):
		return hostErr("create accounts", fmt.Errorf("expected %d IDs of new accounts, got %d", len(who), len(ids)))
	}
	b.made = make(map[*personPlan]string, len(who))
	seen := map[string]bool{"": true}
	for i, p := range who {
		if seen[ids[i]] {
			return hostErr("create accounts", fmt.Errorf("expected an ID of its own for each account, got %q", hostName(ids[i])))
		}
		seen[ids[i]] = true
		b.made[p] = ids[i]
	}
	return a.checkMade(ctx, tx, who, ids)
}

// checkMade asks the host about accounts that it says it made: one that is somebody
// else's would be given what is not theirs.
func (a *applier) checkMade(ctx context.Context, tx store.Store, people []*personPlan, ids []string) error {
	states, err := a.e.target.Accounts(ctx, tx, a.tenantID, ids)
	if err != nil {
		return hostErr("read new accounts", err)
	}
	made := make(map[string]AccountState, len(states))
	for _, st := range states {
		made[st.ID] = st
	}
	for i, p := range people {
		st, ok := made[ids[i]]
		switch {
		case !ok:
			return hostErr("create an account", wrong("expected the ID of a new account, got %q, which is none of the tenant's", hostName(ids[i])))
		case p.profile.Email != "" && foldEmail(st.Email) != foldEmail(p.profile.Email), st.CreatedFor != "" && st.CreatedFor != p.scimUserID:
			return hostErr("create an account", wrong("expected the ID of a new account of %s, got %q, which is that of %s", p.profile.label(), hostName(ids[i]), hostName(st.Email)))
		}
	}
	return nil
}

// setMembers changes memberships, at once if the host can.
func (a *applier) setMembers(ctx context.Context, tx store.Store, changes []MemberChange) error {
	if len(changes) == 0 {
		return nil
	}
	if host, ok := a.e.cfg.Target.(MemberSetter); ok {
		err := a.e.guard.call(ctx, "SetMembers", func(ctx context.Context) error {
			return host.SetMembers(ctx, tx, a.tenantID, changes)
		})
		if !errors.Is(err, errors.ErrUnsupported) {
			return hostErr("set memberships", err)
		}
	}
	return a.setEachMember(ctx, tx, changes)
}

func (a *applier) setEachMember(ctx context.Context, tx store.Store, changes []MemberChange) error {
	for _, c := range changes {
		if err := a.setMember(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) setMember(ctx context.Context, tx store.Store, c MemberChange) error {
	if c.Role == "" {
		return hostErr("remove a membership", a.e.target.RemoveMember(ctx, tx, a.tenantID, c.TeamID, c.AccountID))
	}
	return hostErr("set a membership", a.e.target.SetMember(ctx, tx, a.tenantID, c.TeamID, c.AccountID, c.Role))
}

// write brings ledger and journal up to what was done.
func (a *applier) write(ctx context.Context, tx store.Store, b *bundle) error {
	switch {
	case len(b.put)+len(b.drop) > 0:
		return tx.ChangeGrants(ctx, a.tenantID, b.put, b.drop, b.events...)
	case len(b.events) > 0:
		return tx.AppendEvents(ctx, a.tenantID, b.events...)
	}
	return nil
}

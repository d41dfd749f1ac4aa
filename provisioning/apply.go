package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// hostError is a failure of the host's side: of its Target or its mapper. It concerns
// one person or group, and is tried again.
type hostError struct {
	op  string
	err error
}

func (e *hostError) Error() string { return "provisioning: host: " + e.op + ": " + e.err.Error() }
func (e *hostError) Unwrap() error { return e.err }

func hostErr(op string, err error) error {
	if err == nil {
		return nil
	}
	return &hostError{op: op, err: err}
}

// apply does what the plan says within tx: teams first, then people, then the teams
// that lost their group. Each step is a transaction of its own within tx, so that a
// host's refusal undoes one step and not the rest.
func (e *Engine) apply(ctx context.Context, tx store.Store, plan *Plan) error {
	a := &applier{e: e, tenantID: plan.TenantID, made: map[string]string{}}
	last := func(t teamPlan) bool { return t.line.Kind.releases() }
	for _, t := range plan.teams {
		if !last(t) {
			if err := a.step(ctx, tx, plan, Failure{GroupID: t.line.GroupID}, t.line.Group, func(tx store.Store) error { return a.team(ctx, tx, t) }); err != nil {
				return err
			}
		}
	}
	for _, p := range plan.people {
		// By itself: what the host refuses for a person must not undo that something stays.
		if err := a.release(ctx, tx, p); err != nil {
			return err
		}
	}
	for _, p := range e.ownersFirst(plan.people) {
		f := Failure{SCIMUserID: p.scimUserID, AccountID: p.accountID}
		if err := a.step(ctx, tx, plan, f, p.profile.label(), func(tx store.Store) error { return a.person(ctx, tx, p) }); err != nil {
			return err
		}
	}
	for _, t := range plan.teams {
		if last(t) {
			if err := a.step(ctx, tx, plan, Failure{GroupID: t.line.GroupID}, t.line.Group, func(tx store.Store) error { return a.team(ctx, tx, t) }); err != nil {
				return err
			}
		}
	}
	plan.Findings = append(plan.Findings, a.found...)
	return e.recordFindings(ctx, tx, plan)
}

// applier carries what applying one plan found out.
type applier struct {
	e        *Engine
	tenantID string
	made     map[string]string // teams made, by group
	found    []Finding         // what came up while applying
}

// ownersFirst puts those who get the top role before the others: nobody loses it to
// somebody whom the host then refuses. Before them come those who go: they leave a seat.
func (e *Engine) ownersFirst(people []*personPlan) []*personPlan {
	rank := func(p *personPlan) int {
		if p.user == nil || !p.user.Active {
			return -1
		}
		if p.org != nil && p.org.line != nil && p.org.line.To == e.roles.top() {
			return 0
		}
		return 1
	}
	out := slices.Clone(people)
	slices.SortStableFunc(out, func(a, b *personPlan) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

// keepOwner asks once more, right before the top role is taken from somebody, whether
// another owner is there: the one whom the plan counted on may have been refused. If
// not, the role and what the ledger says about it stay.
func (a *applier) keepOwner(ctx context.Context, tx store.Store, p *personPlan) (*personPlan, error) {
	top := a.e.roles.top()
	if !p.activates || p.org == nil || p.org.line == nil || p.org.line.From != top || p.org.line.To == top {
		return p, nil
	}
	owners, err := a.e.cfg.Target.Owners(ctx, tx, a.tenantID)
	if err != nil {
		return p, hostErr("read the owners", err)
	}
	if len(owners) != 1 || owners[0] != p.accountID {
		return p, nil
	}
	kept := *p
	kept.lines = slices.DeleteFunc(slices.Clone(p.lines), func(l Line) bool { return l.Kind == OrgRoleSet })
	kept.put = slices.DeleteFunc(slices.Clone(p.put), func(g pendingGrant) bool { return g.Grant.Kind == store.GrantOrgRole })
	kept.drop = slices.DeleteFunc(slices.Clone(p.drop), func(k store.GrantKey) bool { return k.Kind == store.GrantOrgRole })
	a.found = append(a.found, lastOwner(p, top))
	return &kept, nil
}

// step runs one step; what the host refuses is undone and noted for another attempt.
func (a *applier) step(ctx context.Context, tx store.Store, plan *Plan, f Failure, name string, fn func(tx store.Store) error) error {
	err := tx.InTx(ctx, fn)
	if err == nil {
		return nil
	}
	var he *hostError
	if !errors.As(err, &he) || ctx.Err() != nil {
		return err
	}
	f.Err = err
	plan.Failures = append(plan.Failures, f)
	return a.e.noteFailure(ctx, tx, a.tenantID, f, name)
}

func (a *applier) team(ctx context.Context, tx store.Store, t teamPlan) error {
	target, line := a.e.cfg.Target, t.line
	var drop []store.GrantKey
	if t.drop != nil {
		drop = append(drop, *t.drop)
	}
	var put []store.Grant
	switch line.Kind {
	case TeamCreate:
		id, err := target.CreateTeam(ctx, tx, a.tenantID, line.Team)
		if err != nil {
			return hostErr("create a team", err)
		}
		if id == "" {
			return hostErr("create a team", errors.New("expected the ID of the new team, got none"))
		}
		line.TeamID = id
	case TeamAdopt:
		if ar, ok := target.(TeamArchiver); ok && t.restore {
			if err := ar.SetTeamArchived(ctx, tx, a.tenantID, line.TeamID, false); err != nil {
				return hostErr("take a team out of the archive", err)
			}
		}
	case TeamDeletePlanned:
		a.e.planDeletion(&line)
	case TeamArchive:
		if ar, ok := target.(TeamArchiver); ok {
			if err := ar.SetTeamArchived(ctx, tx, a.tenantID, line.TeamID, true); err != nil {
				return hostErr("archive a team", err)
			}
		}
	case TeamRename:
		if err := target.RenameTeam(ctx, tx, a.tenantID, line.TeamID, line.To); err != nil {
			return hostErr("rename a team", err)
		}
	case TeamDelete:
		if d, ok := target.(TeamDeleter); ok {
			deleted, err := d.DeleteTeamIfUnused(ctx, tx, a.tenantID, line.TeamID)
			if err != nil {
				return hostErr("delete a team", err)
			}
			if !deleted {
				line.Kind = TeamRelease // it is in use, so it stays
			}
		}
	}
	events := []store.Event{a.e.lineEvent(line)}
	if line.Kind == TeamAdopt {
		d, waits, err := deletionOf(ctx, tx, a.tenantID, line.TeamID)
		if err != nil {
			return err
		}
		if waits {
			events = append([]store.Event{a.e.cancelEvent(d, system, "a group has the team again")}, events...)
		}
	}
	if t.put != nil {
		g := *t.put
		g.ResourceID = line.TeamID
		put = append(put, g)
		a.made[line.GroupID] = line.TeamID
	}
	return tx.ChangeGrants(ctx, a.tenantID, put, drop, events...)
}

// release writes down what stays as if given by hand.
func (a *applier) release(ctx context.Context, tx store.Store, p *personPlan) error {
	if len(p.keptDrop) == 0 {
		return nil
	}
	events := make([]store.Event, len(p.kept))
	for i, line := range p.kept {
		events[i] = a.e.lineEvent(line)
	}
	return tx.ChangeGrants(ctx, a.tenantID, nil, p.keptDrop, events...)
}

func (a *applier) person(ctx context.Context, tx store.Store, p *personPlan) error {
	if p.err != nil {
		return p.err
	}
	p, err := a.keepOwner(ctx, tx, p)
	if err != nil {
		return err
	}
	accountID := p.accountID
	var events []store.Event
	for _, line := range p.lines {
		if line.AccountID == "" {
			line.AccountID = accountID
		}
		if line.TeamID == "" && line.GroupID != "" {
			id, ok := a.made[line.GroupID]
			if !ok {
				return hostErr("add a member", fmt.Errorf("the team of group %q is not made yet", line.GroupID))
			}
			line.TeamID = id
		}
		id, err := a.line(ctx, tx, p, line)
		if err != nil {
			return err
		}
		if id != "" {
			accountID, line.AccountID = id, id
		}
		if line.Kind != AccountUpdate && !line.Kind.Informative() {
			events = append(events, a.e.lineEvent(line))
		}
	}
	put := make([]store.Grant, len(p.put))
	for i, g := range p.put {
		put[i] = g.Grant
		put[i].AccountID = accountID
		if g.TeamOf != "" {
			id, ok := a.made[g.TeamOf]
			if !ok {
				return hostErr("add a member", fmt.Errorf("the team of group %q is not made yet", g.TeamOf))
			}
			put[i].ResourceID = id
		}
	}
	if len(put) == 0 && len(p.drop) == 0 {
		if len(events) == 0 {
			return nil
		}
		return tx.AppendEvents(ctx, a.tenantID, events...)
	}
	return tx.ChangeGrants(ctx, a.tenantID, put, p.drop, events...)
}

// line does one line for a person; it returns the account's ID if it was found out here.
func (a *applier) line(ctx context.Context, tx store.Store, p *personPlan, l Line) (accountID string, err error) {
	target := a.e.cfg.Target
	switch l.Kind {
	case AccountCreate:
		return a.create(ctx, tx, p)
	case AccountAdopt:
		return p.accountID, a.adopt(ctx, tx, p)
	case AccountUpdate:
		return "", a.update(ctx, tx, p)
	case AccountDeactivate, AccountReactivate:
		return "", a.setActive(ctx, tx, p, l.Kind == AccountReactivate)
	case AccountEndSessions:
		if err := target.SetActive(ctx, tx, a.tenantID, l.AccountID, false); err != nil {
			return "", hostErr("end sessions", err)
		}
		return "", hostErr("restore access", target.SetActive(ctx, tx, a.tenantID, l.AccountID, true))
	case MemberAdd, MemberRole:
		return "", hostErr("set a membership", target.SetMember(ctx, tx, a.tenantID, l.TeamID, l.AccountID, l.To))
	case MemberRemove:
		return "", hostErr("remove a membership", target.RemoveMember(ctx, tx, a.tenantID, l.TeamID, l.AccountID))
	case OrgRoleSet:
		return "", hostErr("set a role", target.SetOrgRole(ctx, tx, a.tenantID, l.AccountID, l.To))
	}
	return "", nil // the ledger alone
}

func (a *applier) create(ctx context.Context, tx store.Store, p *personPlan) (string, error) {
	id := p.accountID
	if id == "" {
		var err error
		if id, err = a.e.cfg.Target.CreateAccount(ctx, tx, a.tenantID, p.profile); err != nil {
			return "", hostErr("create an account", err)
		}
		if id == "" {
			return "", hostErr("create an account", errors.New("expected the ID of the new account, got none"))
		}
	}
	now := a.e.cfg.Now()
	rec := store.Account{
		Meta:   store.Meta{ID: id, CreatedAt: now, UpdatedAt: now},
		Source: store.SourceSCIM, SCIMUserID: p.scimUserID, Active: true, Email: p.profile.Email, ExternalID: p.profile.ExternalID,
	}
	_, err := tx.CreateAccount(ctx, a.tenantID, rec)
	return id, err
}

func (a *applier) update(ctx context.Context, tx store.Store, p *personPlan) error {
	if err := a.e.cfg.Target.UpdateProfile(ctx, tx, a.tenantID, p.accountID, p.profile); err != nil {
		return hostErr("update a profile", err)
	}
	pinned := *p.record
	pin(&pinned, p.profile.ExternalID)
	sameEmail := p.record.Email == p.profile.Email || p.profile.Email == ""
	if sameEmail && pinned.ExternalID == p.record.ExternalID {
		return nil
	}
	rec, err := tx.Account(ctx, a.tenantID, p.accountID)
	if err != nil {
		return err
	}
	if !sameEmail {
		rec.Email = p.profile.Email
	}
	rec.ExternalID, rec.UpdatedAt = pinned.ExternalID, a.e.cfg.Now()
	_, err = tx.UpdateAccount(ctx, a.tenantID, rec)
	return err
}

func (a *applier) setActive(ctx context.Context, tx store.Store, p *personPlan, active bool) error {
	rec := *p.record
	rec.Active, rec.UpdatedAt = active, a.e.cfg.Now()
	var events []store.Event
	if p.user == nil {
		rec.SCIMUserID = "" // the directory deleted the user; the account stays suspended
		events = a.detached(rec)
	}
	if _, err := tx.UpdateAccount(ctx, a.tenantID, rec, events...); err != nil {
		return err
	}
	if p.hostGone {
		return nil
	}
	return hostErr("set access", a.e.cfg.Target.SetActive(ctx, tx, a.tenantID, rec.ID, active))
}

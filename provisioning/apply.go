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
	if err := a.people(ctx, tx, plan, e.ownersFirst(plan.people)); err != nil {
		return err
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
	fields   *choices          // read when they are needed
}

// ownersFirst puts those who get the top role before the others: nobody loses it to
// somebody whom the host then refuses. Before them come those who go: they leave a seat.
func (e *Engine) ownersFirst(people []*personPlan) []*personPlan {
	rank := func(p *personPlan) int {
		if p.user == nil && !p.activates || p.user != nil && !p.user.Active {
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
	owners, err := a.e.target.Owners(ctx, tx, a.tenantID)
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

// later notes what of a person is still to be tried, though the plan was done.
func (a *applier) later(ctx context.Context, tx store.Store, plan *Plan, f Failure, p *personPlan) error {
	n := len(plan.Failures)
	if p.later == nil || n > 0 && plan.Failures[n-1].SCIMUserID == p.scimUserID {
		return nil
	}
	f.Err = p.later
	plan.Failures = append(plan.Failures, f)
	return a.e.noteFailure(ctx, tx, a.tenantID, f, p.profile.label())
}

func (a *applier) team(ctx context.Context, tx store.Store, t teamPlan) error {
	target, line := a.e.target, t.line
	var drop []store.GrantKey
	if t.drop != nil {
		drop = append(drop, *t.drop)
	}
	var put []store.Grant
	switch line.Kind {
	case TeamCreate:
		id, err := a.makeTeam(ctx, tx, t)
		if err != nil {
			return err
		}
		line.TeamID = id
	case TeamAdopt:
		if t.restore {
			if err := a.e.archiveTeam(ctx, tx, a.tenantID, line.TeamID, false); err != nil {
				return err
			}
		}
	case TeamDeletePlanned:
		a.e.planDeletion(&line)
	case TeamArchive:
		if err := a.e.archiveTeam(ctx, tx, a.tenantID, line.TeamID, true); err != nil {
			return err
		}
	case TeamRename:
		if err := target.RenameTeam(ctx, tx, a.tenantID, line.TeamID, line.To); err != nil {
			return hostErr("rename a team", err)
		}
	case TeamDelete:
		if _, ok := a.e.cfg.Target.(TeamDeleter); ok {
			deleted, err := a.e.deleteIfUnused(ctx, tx, a.tenantID, line.TeamID)
			if err != nil {
				return err
			}
			if !deleted {
				line.Kind = TeamRelease // it is in use, so it stays
			}
		}
	}
	events := []store.Event{a.e.lineEvent(line)}
	if line.Kind == TeamAdopt {
		d, waits, err := teamDeletions.of(ctx, tx, a.tenantID, line.TeamID)
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

// makeTeam makes a group's team, or finishes one that an attempt made whose transaction
// did not commit.
func (a *applier) makeTeam(ctx context.Context, tx store.Store, t teamPlan) (id string, err error) {
	if t.lost.ID != "" {
		if t.lost.Name != t.line.Team {
			err = hostErr("rename a team", a.e.target.RenameTeam(ctx, tx, a.tenantID, t.lost.ID, t.line.Team))
		}
		return t.lost.ID, err
	}
	if c, ok := a.e.cfg.Target.(GroupTeamCreator); ok {
		err = a.e.guard.call(ctx, "CreateGroupTeam", func(ctx context.Context) (err error) {
			id, err = c.CreateGroupTeam(ctx, tx, a.tenantID, t.line.GroupID, t.line.Team)
			return err
		})
	} else {
		id, err = a.e.target.CreateTeam(ctx, tx, a.tenantID, t.line.Team)
	}
	switch {
	case err != nil:
		return "", hostErr("create a team", err)
	case id == "":
		return "", hostErr("create a team", errors.New("expected the ID of the new team, got none"))
	}
	return id, nil
}

// person does one person's part as a step of its own.
func (a *applier) person(ctx context.Context, tx store.Store, p *personPlan) error {
	if p.err != nil {
		return p.err
	}
	p, err := a.keepOwner(ctx, tx, p)
	if err != nil {
		return err
	}
	b := &bundle{}
	if err := a.gather(ctx, tx, p, b); err != nil {
		return err
	}
	if err := a.setEachMember(ctx, tx, b.members); err != nil {
		return err
	}
	return a.write(ctx, tx, b)
}

// gather does what concerns the account, and gathers its memberships, and what ledger and
// journal will say.
func (a *applier) gather(ctx context.Context, tx store.Store, p *personPlan, b *bundle) error {
	accountID := p.accountID
	if id, ok := b.made[p]; ok {
		accountID = id
	}
	for _, line := range p.lines {
		if line.AccountID == "" {
			line.AccountID = accountID
		}
		if line.TeamID == "" && line.GroupID != "" {
			id, err := a.teamOf(line.GroupID)
			if err != nil {
				return err
			}
			line.TeamID = id
		}
		if line.Kind == AccountDeletePlanned {
			_, waits, err := accountDeletions.of(ctx, tx, a.tenantID, accountID)
			if err != nil {
				return err
			}
			if waits {
				continue // and its date stays
			}
			a.e.planDeletion(&line)
		}
		switch line.Kind {
		case MemberAdd, MemberRole:
			b.members = append(b.members, MemberChange{TeamID: line.TeamID, AccountID: line.AccountID, Role: line.To})
		case MemberRemove:
			b.members = append(b.members, MemberChange{TeamID: line.TeamID, AccountID: line.AccountID})
		default:
			id, err := a.line(ctx, tx, p, line)
			if err != nil {
				return err
			}
			if id != "" {
				accountID, line.AccountID = id, id
			}
		}
		if line.Kind != AccountUpdate && !line.Kind.Informative() {
			b.events = append(b.events, a.e.lineEvent(line))
		}
		if line.Kind == AccountReactivate || line.Kind == AccountAdopt {
			kept, err := a.keptAccount(ctx, tx, line.AccountID)
			if err != nil {
				return err
			}
			b.events = append(b.events, kept...)
		}
	}
	for _, g := range p.put {
		put := g.Grant
		put.AccountID = accountID
		if g.TeamOf != "" {
			id, err := a.teamOf(g.TeamOf)
			if err != nil {
				return err
			}
			put.ResourceID = id
		}
		b.put = append(b.put, put)
	}
	b.drop = append(b.drop, p.drop...)
	return nil
}

// teamOf returns the team that was made for a group.
func (a *applier) teamOf(groupID string) (string, error) {
	id, ok := a.made[groupID]
	if !ok {
		return "", hostErr("add a member", fmt.Errorf("the team of group %q is not made yet", groupID))
	}
	return id, nil
}

// line does one line for a person; it returns the account's ID if it was found out here.
func (a *applier) line(ctx context.Context, tx store.Store, p *personPlan, l Line) (accountID string, err error) {
	target := a.e.target
	switch l.Kind {
	case AccountCreate:
		return a.create(ctx, tx, p, l.AccountID)
	case AccountAdopt:
		return p.accountID, a.adopt(ctx, tx, p)
	case AccountUpdate:
		return "", a.update(ctx, tx, p)
	case AccountDeactivate:
		if err := a.handOver(ctx, tx, p); err != nil {
			return "", err
		}
		return "", a.setActive(ctx, tx, p, false)
	case AccountReactivate:
		return "", a.setActive(ctx, tx, p, true)
	case AccountEndSessions:
		if err := target.SetActive(ctx, tx, a.tenantID, l.AccountID, false); err != nil {
			return "", hostErr("end sessions", err)
		}
		return "", hostErr("restore access", target.SetActive(ctx, tx, a.tenantID, l.AccountID, true))
	case OrgRoleSet:
		return "", hostErr("set a role", target.SetOrgRole(ctx, tx, a.tenantID, l.AccountID, l.To))
	}
	return "", nil // the ledger alone
}

// create makes an account, unless id is that of one that was made a moment ago, or by an
// attempt whose transaction did not commit.
func (a *applier) create(ctx context.Context, tx store.Store, p *personPlan, id string) (string, error) {
	if id == "" {
		var err error
		if id, err = a.e.target.CreateAccount(ctx, tx, a.tenantID, p.profile); err != nil {
			return "", hostErr("create an account", err)
		}
		if id == "" {
			return "", hostErr("create an account", errors.New("expected the ID of the new account, got none"))
		}
		if err := a.checkMade(ctx, tx, []*personPlan{p}, []string{id}); err != nil {
			return "", err
		}
	}
	now := a.e.cfg.Now()
	rec := store.Account{
		Meta:   store.Meta{ID: id, CreatedAt: now, UpdatedAt: now},
		Source: store.SourceSCIM, SCIMUserID: p.scimUserID, Active: true, Email: p.profile.Email, ExternalID: p.profile.ExternalID,
	}
	given, err := a.firstFields(ctx, tx, p, &rec)
	if err != nil {
		return "", err
	}
	_, err = tx.CreateAccount(ctx, a.tenantID, rec)
	if errors.Is(err, store.ErrConflict) {
		return "", hostErr("create an account", fmt.Errorf("expected the ID of a new account, got %q, which is somebody's", hostName(id)))
	}
	if err != nil {
		return "", err
	}
	return id, a.giveExtra(ctx, tx, rec, given)
}

func (a *applier) update(ctx context.Context, tx store.Store, p *personPlan) error {
	profile, err := a.bringFields(ctx, tx, p)
	if err != nil {
		return err
	}
	if err := a.e.target.UpdateProfile(ctx, tx, a.tenantID, p.accountID, profile); err != nil {
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
	record := p.record
	if record == nil { // made a moment ago
		made, err := tx.Account(ctx, a.tenantID, p.accountID)
		if err != nil {
			return err
		}
		record = &made
	}
	rec := *record
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
	return hostErr("set access", a.e.target.SetActive(ctx, tx, a.tenantID, rec.ID, active))
}

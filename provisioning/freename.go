package provisioning

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// freesName says whether events tell of a name of a team that another group may wait for.
func freesName(events []store.Event) bool {
	return slices.ContainsFunc(events, func(ev store.Event) bool {
		return ev.Type == eventPrefix+string(TeamRename) || ev.Type == eventPrefix+string(TeamDelete)
	})
}

// settleNames looks again at groups that could not have the name of their team, now that
// a name is free: whichever group comes first, the end is the same. What it renames is an
// event again, so that a chain of groups comes to its end. A host that fails leaves it to
// the next reconcile.
func (e *Engine) settleNames(ctx context.Context, tx store.Store, tenantID string, plan *Plan) error {
	err := tx.InTx(ctx, func(tx store.Store) error {
		l, err := e.newLoader(ctx, tx, tenantID, nil)
		if err != nil {
			return err
		}
		c, err := l.waitingForName(ctx)
		if err != nil || c.empty() {
			return err
		}
		snap, err := l.load(ctx, c)
		if err != nil {
			return err
		}
		more := compute(snap)
		if more.Empty() {
			return nil // the findings are known
		}
		if err := e.apply(ctx, tx, &more); err != nil {
			return err
		}
		plan.Failures = append(plan.Failures, more.Failures...)
		return nil
	})
	var he *hostError
	if errors.As(err, &he) && ctx.Err() == nil {
		e.cfg.Logger.WarnContext(ctx, "provisioning: groups that wait for a team's name wait on", "tenant", tenantID, "error", err)
		return nil
	}
	return err
}

// waitingForName returns the groups that had a conflict of names lately.
func (l *loader) waitingForName(ctx context.Context) (*concern, error) {
	found, err := l.tx.Events(ctx, l.tenantID, store.EventQuery{TypePrefix: EventFinding, SubjectKind: subjectGroup, Newest: true, Limit: 200})
	if err != nil {
		return nil, err
	}
	c := newConcern()
	for _, ev := range found {
		switch FindingCode(ev.Code) {
		case FindingTeamNameTaken, FindingTeamNameShared, FindingGroupRecreated:
		default:
			continue
		}
		id := ev.Subject.ID
		if c.groups[id] {
			continue
		}
		if _, err := l.tx.SCIMGroup(ctx, l.tenantID, id); errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		held, err := l.tx.GrantsOfGroup(ctx, l.tenantID, id, store.GrantKey{}, 1)
		if err != nil {
			return nil, err
		}
		c.groups[id] = true
		if len(held) == 1 && held[0].Kind == store.GrantTeam {
			continue // its team may be renamed; the members have it
		}
		if err := l.addMembers(ctx, c, id); err != nil {
			return nil, err
		}
	}
	return c, nil
}

package provisioning

import (
	"bytes"
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// ErrSuperseded says that the settings were changed since the plan was applied: undo the
// later plans first, the newest of them at the beginning ([Engine.Applied]).
var ErrSuperseded = errors.New("provisioning: the settings were changed after this plan; undo the later plans first")

// The findings of an undo: what it leaves as it is.
const (
	// FindingChangedSince: the person, or the team, is not as the plan left it. The settings
	// apply to it as to everybody else.
	FindingChangedSince FindingCode = "changed_since"
	// FindingAccessStays: the plan gave or ended access as the directory says; that stays.
	FindingAccessStays FindingCode = "access_stays"
)

// PreviewUndo returns the plan that takes back a plan that was applied (Plan.ID,
// [Engine.Applied]): the settings become what they were, and memberships, roles, overrides
// and the ledger, too. It changes nothing. It comes from the same computation as every
// plan: what the directory changed since is done as the old settings say, owners are
// protected, and every line has its reason.
//
// Left as they are, each with a finding: people and teams that somebody changed since, and
// accounts, which follow the directory. A team that the plan made is deleted if nobody uses it,
// where the host can ([TeamDeleter]), and becomes an ordinary one otherwise. If a breaker
// paused provisioning since, it stays paused. An undo is a plan like others: it can be undone.
//
// The error matches [store.ErrNotFound] if the tenant applied no such plan, and
// [ErrSuperseded] if the settings were changed since. The actor needs
// [tenant.ActionEditMapping].
func (e *Engine) PreviewUndo(ctx context.Context, actor tenant.Actor, tenantID, planID string) (Plan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return Plan{}, err
	}
	var plan Plan
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		plan, err = e.planUndo(ctx, tx, actor, tenantID, planID)
		return err
	})
	return plan, err
}

// ApplyUndo does what [Engine.PreviewUndo] showed, as [Engine.Apply] does for settings. The actor
// needs [tenant.ActionApplyMapping].
func (e *Engine) ApplyUndo(ctx context.Context, actor tenant.Actor, tenantID, planID string, c Confirm) (Plan, error) {
	return e.applyShown(ctx, actor, tenantID, c, func(tx store.Store) (Plan, error) {
		return e.planUndo(ctx, tx, actor, tenantID, planID)
	})
}

func (e *Engine) planUndo(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID, planID string) (Plan, error) {
	r, err := readApplied(ctx, tx, tenantID, planID)
	if err != nil {
		return Plan{}, err
	}
	stored, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return Plan{}, err
	}
	if !sameRules(stored, r.after) {
		return Plan{}, ErrSuperseded
	}
	s := r.before
	s.Meta, s.Overrides = stored.Meta, stored.Overrides
	if stored.Paused != r.after.Paused { // the breaker, or somebody, since
		s.Paused, s.Pause = stored.Paused, stored.Pause
	}
	// The old settings were sound when they were saved: what dangles by now shows as findings.
	l, err := e.newLoader(ctx, tx, tenantID, &s)
	if err != nil {
		return Plan{}, err
	}
	l.was = &stored
	snap, err := l.loadEverybody(ctx)
	if err != nil {
		return Plan{}, err
	}
	_, canDelete := e.cfg.Target.(TeamDeleter)
	_, canArchive := e.cfg.Target.(TeamArchiver)
	rewind(snap, r, canDelete, canArchive)
	plan := e.whole(compute(snap), snap)
	plan.UndoOf = planID
	plan.seal()
	e.askConfirmations(&plan, actor)
	return plan, nil
}

// sameRules compares settings but for their version, the pause and lifted locks.
func sameRules(a, b store.ProvisioningSettings) bool {
	strip := func(s store.ProvisioningSettings) []byte {
		s.Meta, s.Paused, s.Pause, s.Overrides = store.Meta{}, false, store.ProvisioningPause{}, nil
		return asJSON(s)
	}
	return bytes.Equal(strip(a), strip(b))
}

package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TaskReconcile is the name of [Engine.ReconcileTask].
const TaskReconcile = "provisioning_reconcile"

const (
	// maxDrift bounds the lines that a report keeps.
	maxDrift = 50
	// reconcileEvery is how often each tenant is compared, if Config says nothing.
	reconcileEvery = 24 * time.Hour
	// reconcileLook is how often the task looks for tenants that are due.
	reconcileLook = 5 * time.Minute
	// reconcileReader never moves: all tenants with a journal are behind it.
	reconcileReader = "provisioning.reconcile"
)

// ReconcileReport says what comparing everybody in a tenant found.
type ReconcileReport struct {
	At time.Time `json:"at"`
	// Took is in nanoseconds.
	Took time.Duration `json:"took"`
	// Users are the provisioned users that were compared.
	Users int `json:"users"`
	// Drifted counts what differed from the rules and was mended: somebody had changed
	// the application's data past the locks, or restored a copy. Roles changed by hand where
	// that is allowed (D1) are no drift, nor is what the journal or open work would
	// have done anyway.
	Drifted int `json:"drifted"`
	// Drift are the first 50 lines of it.
	Drift []Line `json:"drift,omitempty"`
	// Failures counts what the host refused; it is tried again.
	Failures int    `json:"failures"`
	Totals   Totals `json:"totals"`
	// Paused says that provisioning was paused before, or by what would have been taken
	// from too many people ([Breaker]): then nothing but ended access was mended.
	Paused bool `json:"paused,omitempty"`
}

// Reconcile compares everybody in the tenant with the rules and mends what differs:
// after a restore, or when somebody changed the host's tables past the locks. What the
// journal has not told yet is done before ([Engine.Sync]). The breaker holds it like a
// sync. It is recorded as [EventReconciled], see [Engine.LastReconcile]. It asks no
// authorizer: it is the host's own maintenance.
func (e *Engine) Reconcile(ctx context.Context, tenantID string) (Plan, error) {
	start := e.cfg.Now()
	if err := e.endOverrides(ctx, tenantID); err != nil {
		return Plan{}, err
	}
	if _, err := e.Sync(ctx, tenantID); err != nil {
		if ctx.Err() != nil {
			return Plan{}, err
		}
		// Whatever stands in the way there, comparing everybody may mend it.
		e.cfg.Logger.WarnContext(ctx, "provisioning: reconciling a tenant whose journal could not be followed", "tenant", tenantID, "error", err)
	}
	e.settleFields(ctx, tenantID)
	open, err := e.openSubjects(ctx, tenantID)
	if err != nil {
		return Plan{}, err
	}
	var plan Plan
	err = e.inTenant(ctx, tenantID, func(tx store.Store) (err error) {
		if plan, err = e.reconcile(ctx, tx, tenantID); err != nil {
			return err
		}
		report := e.report(plan, open, start)
		ev := e.event(EventReconciled, system, store.EventSubject{Kind: "provisioning"})
		ev.After = asJSON(report)
		if ev.Message = "Everybody is as the rules say."; report.Drifted > 0 {
			ev.Message = fmt.Sprintf("%d differences from the rules were mended.", report.Drifted)
		}
		return tx.AppendEvents(ctx, tenantID, ev)
	})
	return plan, err
}

// reconcile compares and mends within tx.
func (e *Engine) reconcile(ctx context.Context, tx store.Store, tenantID string) (Plan, error) {
	s, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return Plan{}, err
	}
	// The settings are not checked again: what the host or the directory changed since shows
	// as findings.
	snap, err := e.loadEverybody(ctx, tx, tenantID, s)
	if err != nil {
		return Plan{}, err
	}
	plan := e.computeAll(snap)
	tripped, err := e.trip(ctx, tx, snap, plan)
	if err != nil {
		return Plan{}, err
	}
	if tripped {
		plan = e.computeAll(snap)
	}
	return plan, e.apply(ctx, tx, &plan)
}

// openSubjects are those whose work is open, by kind and ID.
func (e *Engine) openSubjects(ctx context.Context, tenantID string) (map[string]bool, error) {
	from, end, err := e.workStretch(ctx, tenantID)
	if err != nil || from >= end {
		return map[string]bool{}, err
	}
	open, err := e.openWork(ctx, tenantID, from, end+1)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, ev := range open {
		out[ev.Subject.Kind+ev.Subject.ID] = true
	}
	return out, nil
}

// report makes the report of a plan that was applied.
func (e *Engine) report(p Plan, open map[string]bool, start time.Time) ReconcileReport {
	r := ReconcileReport{
		At: store.Time(start), Took: max(0, e.cfg.Now().Sub(start)), Users: p.users,
		Failures: len(p.Failures), Totals: p.Totals, Paused: p.Settings.Paused,
	}
	for _, f := range p.Failures {
		s := f.subject("")
		open[s.Kind+s.ID] = true
	}
	for _, l := range p.Lines {
		if l.Kind.Informative() || l.Person != "" && (open[subjectUser+l.SCIMUserID] || open[subjectAccount+l.AccountID]) ||
			l.Person == "" && open[subjectGroup+l.GroupID] {
			continue
		}
		if r.Drifted++; len(r.Drift) < maxDrift {
			r.Drift = append(r.Drift, l)
		}
	}
	return r
}

// LastReconcile returns the report of the last time that everybody was compared. The
// error matches [store.ErrNotFound] if that was never. The actor needs
// [tenant.ActionViewMapping].
func (e *Engine) LastReconcile(ctx context.Context, actor tenant.Actor, tenantID string) (ReconcileReport, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return ReconcileReport{}, err
	}
	ev, ok, err := e.lastReconciled(ctx, tenantID)
	switch {
	case err != nil:
		return ReconcileReport{}, err
	case !ok:
		return ReconcileReport{}, fmt.Errorf("provisioning: the tenant was never reconciled: %w", store.ErrNotFound)
	}
	return readReport(ev)
}

func readReport(ev store.Event) (r ReconcileReport, err error) {
	if err := json.Unmarshal(ev.After, &r); err != nil {
		return r, fmt.Errorf("provisioning: reading the report of a reconcile: %w", err)
	}
	return r, nil
}

func (e *Engine) lastReconciled(ctx context.Context, tenantID string) (store.Event, bool, error) {
	last, err := e.cfg.Store.Events(ctx, tenantID, store.EventQuery{TypePrefix: EventReconciled, Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return store.Event{}, false, err
	}
	return last[0], true, nil
}

// ReconcileTask is the task for [tenant.RunnerConfig] that calls [Engine.ReconcileDue].
func (e *Engine) ReconcileTask() tenant.Task {
	return tenant.Task{Name: TaskReconcile, Run: e.ReconcileDue, Every: reconcileLook}
}

// ReconcileDue reconciles each tenant that was not for Config.ReconcileEvery, give or take
// a tenth, so that tenants do not all come at one time, and returns how many that
// were. It goes on after a tenant that fails, and with ctx it stops between two tenants; what is
// left is due the next time. The error joins those of the first hundred.
func (e *Engine) ReconcileDue(ctx context.Context) (int, error) {
	n := 0
	var errs []error
	for after := ""; ; {
		ids, err := e.cfg.Store.TenantsBehind(ctx, reconcileReader, after, store.MaxLimit)
		if err != nil {
			return n, errors.Join(append(errs, err)...)
		}
		for _, id := range ids {
			did, err := e.reconcileIfDue(ctx, id)
			if ctx.Err() != nil {
				return n, errors.Join(append(errs, ctx.Err())...)
			}
			if did {
				n++
			}
			if err != nil && len(errs) < 100 {
				errs = append(errs, fmt.Errorf("provisioning: reconciling tenant %s: %w", id, err))
			}
		}
		if len(ids) < store.MaxLimit {
			return n, errors.Join(errs...)
		}
		after = ids[len(ids)-1]
	}
}

// reconcileIfDue reconciles a tenant that has a directory, if it is time.
func (e *Engine) reconcileIfDue(ctx context.Context, tenantID string) (bool, error) {
	last, ok, err := e.lastReconciled(ctx, tenantID)
	if err != nil || ok && !e.reconcileDue(tenantID, last) {
		return false, err
	}
	if list, err := e.cfg.Store.Directories(ctx, tenantID); err != nil || len(list) == 0 {
		return false, err
	}
	if _, err := e.Reconcile(ctx, tenantID); err != nil {
		return false, err
	}
	return true, nil
}

// reconcileDue says whether the last time is long enough ago. A clock that jumped back
// makes it due, too: what lies in the future says nothing.
func (e *Engine) reconcileDue(tenantID string, last store.Event) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenantID + last.ID)) // a hash takes every write
	every := e.cfg.ReconcileEvery
	spread := every/10 - time.Duration(h.Sum32()%1000)*every/5000
	ago := e.cfg.Now().Sub(last.At)
	return ago < -time.Minute || ago >= every+spread
}

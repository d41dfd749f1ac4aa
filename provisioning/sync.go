package provisioning

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// reader is the name under which the position in the journal is saved.
const reader = "provisioning"

// batch is how many events one transaction handles. Fewer transactions catch up
// faster; what a batch does is computed once for all of its events.
const batch = 100

// A tenant whose transaction failed waits longer each time.
const (
	firstBackoff = time.Second
	maxBackoff   = 5 * time.Minute
	// parkAfter is after how many failures at one place in the journal the host's part of
	// it is set aside for a later attempt, so that the events behind it go on.
	parkAfter = 3
)

type backoff struct {
	failures int
	until    time.Time
}

// Sync handles all events of the tenant's journal after the saved position and tries
// again what the host refused before and is due. It returns how many events of others
// it handled. The position moves in the transaction that does the work: after a crash
// the work is done once more from the start, and of several engines one does it.
//
// A person or group that the host refuses does not stop the others: it is set aside,
// recorded as [EventFailed], tried again after 1 second and then less and less often
// (at most every hour), and reported as [EventRecovered] in the end. An error means that the
// transaction as a whole failed and nothing moved; call Sync again later.
func (e *Engine) Sync(ctx context.Context, tenantID string) (n int, err error) {
	failures := e.failures(tenantID)
	for {
		k, more, err := e.turn(ctx, tenantID, failures)
		n += k
		if err != nil || !more {
			return n, err
		}
		failures = 0
	}
}

// turn handles one batch of a tenant's events, or tries again what is due when there
// are none; more says that events may follow. failures is how often the transaction at
// this place in the journal failed before.
func (e *Engine) turn(ctx context.Context, tenantID string, failures int) (n int, more bool, err error) {
	for lost := 0; ; lost++ {
		n, more, err = e.step(ctx, tenantID, failures)
		if errors.Is(err, store.ErrStale) && lost < 100 {
			continue // another engine was faster
		}
		if err == nil && !more {
			err = errors.Join(e.retry(ctx, tenantID), e.deleteDue(ctx, tenantID), e.deleteAccountsDue(ctx, tenantID))
			e.announce(ctx, tenantID)
		}
		if err != nil || !more {
			e.note(tenantID, err)
		}
		return n, more, err
	}
}

// step handles one batch; more says that events may follow.
func (e *Engine) step(ctx context.Context, tenantID string, failures int) (handled int, more bool, err error) {
	limit := batch
	if failures > 0 {
		limit = 1 // find the one that fails
	}
	var plan Plan
	settle := false // a choice for fields may be another
	err = e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		handled, more, plan, settle = 0, false, Plan{}, false
		from, err := tx.Position(ctx, tenantID, reader)
		if err != nil {
			return err
		}
		events, err := tx.Events(ctx, tenantID, store.EventQuery{After: from, Limit: limit})
		if err != nil || len(events) == 0 {
			return err
		}
		more = true
		for _, ev := range events {
			if !strings.HasPrefix(ev.Type, eventPrefix) {
				handled++
			}
			settle = settle || movesChoices(ev)
		}
		// First of all, so that another engine's transaction waits here.
		if err := tx.SavePosition(ctx, tenantID, reader, from, events[len(events)-1].Seq); err != nil {
			return err
		}
		if handled == 0 && !freesName(events) && !slices.ContainsFunc(events, followed) {
			return nil
		}
		l, err := e.newLoader(ctx, tx, tenantID, nil)
		if err != nil {
			return err
		}
		c := newConcern()
		for _, ev := range events {
			if err := l.addEvent(ctx, c, ev); err != nil {
				return err
			}
		}
		switch {
		case failures < parkAfter:
			plan, err = e.work(ctx, tx, l, c)
		case failures == parkAfter:
			err = e.workOrPark(ctx, tx, l, c, &plan)
		default: // it took the whole transaction along, as a statement that is given up does
			return e.park(ctx, tx, l.tenantID, c, &plan, hostErr("work", errParked))
		}
		if err != nil || !freesName(events) {
			return err
		}
		return e.settleNames(ctx, tx, tenantID, &plan)
	})
	if err != nil {
		return 0, false, err
	}
	if settle {
		e.settleFields(ctx, tenantID)
	}
	for _, f := range plan.Failures {
		e.cfg.Logger.WarnContext(ctx, "provisioning: the host refused; tried again later",
			"tenant", tenantID, "scim_user", f.SCIMUserID, "account", f.AccountID, "group", f.GroupID, "error", f.Err)
	}
	return handled, more, nil
}

// work plans and applies for those concerned.
func (e *Engine) work(ctx context.Context, tx store.Store, l *loader, c *concern) (Plan, error) {
	if c.empty() {
		return Plan{}, nil
	}
	snap, err := l.load(ctx, c)
	if err != nil {
		return Plan{}, err
	}
	plan := compute(snap)
	tripped, err := e.trip(ctx, tx, snap, plan)
	if err != nil {
		return Plan{}, err
	}
	if tripped {
		plan = compute(snap)
	}
	if err := e.apply(ctx, tx, &plan); err != nil || !plan.makesOwner(e.roles) {
		return plan, err
	}
	return plan, e.releaseOwners(ctx, tx, l, &plan)
}

// makesOwner says whether somebody got the top role.
func (p Plan) makesOwner(r roleOrder) bool {
	return slices.ContainsFunc(p.Lines, func(l Line) bool { return l.Kind == OrgRoleSet && l.To == r.top() })
}

// releaseOwners looks again at those who kept the top role because they were the last
// to have it, now that there is another owner: whoever comes first, the end is the same.
func (e *Engine) releaseOwners(ctx context.Context, tx store.Store, l *loader, plan *Plan) error {
	found, err := tx.Events(ctx, l.tenantID, store.EventQuery{TypePrefix: EventFinding, Newest: true, Limit: 200})
	if err != nil {
		return err
	}
	c := newConcern()
	for _, ev := range found {
		if ev.Code == string(FindingLastOwner) {
			c.accounts[ev.Subject.ID] = true
		}
	}
	if c.empty() {
		return nil
	}
	snap, err := l.load(ctx, c)
	if err != nil {
		return err
	}
	more := compute(snap)
	if err := e.apply(ctx, tx, &more); err != nil {
		return err
	}
	plan.Failures = append(plan.Failures, more.Failures...)
	return nil
}

// workOrPark is work that sets everybody concerned aside if the host fails already
// while the snapshot is read.
func (e *Engine) workOrPark(ctx context.Context, tx store.Store, l *loader, c *concern, plan *Plan) error {
	err := tx.InTx(ctx, func(inner store.Store) (err error) {
		l.tx = inner
		*plan, err = e.work(ctx, inner, l, c)
		return err
	})
	var he *hostError
	if !errors.As(err, &he) || ctx.Err() != nil {
		return err
	}
	return e.park(ctx, tx, l.tenantID, c, plan, err)
}

// errParked is the cause of a failure whose own went with its transaction.
var errParked = errors.New("set aside after several failures")

// park sets everybody concerned aside because of cause.
func (e *Engine) park(ctx context.Context, tx store.Store, tenantID string, c *concern, plan *Plan, cause error) error {
	*plan = Plan{}
	park := func(f Failure, name string) error {
		f.Err = cause
		plan.Failures = append(plan.Failures, f)
		return e.noteFailure(ctx, tx, tenantID, f, name)
	}
	for _, id := range sortedKeys(c.users) {
		if err := park(Failure{SCIMUserID: id}, ""); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(c.accounts) {
		if err := park(Failure{AccountID: id}, ""); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(c.groups) {
		if err := park(Failure{GroupID: id}, ""); err != nil {
			return err
		}
	}
	return nil
}

// SyncAll does what [Engine.Sync] does for every tenant that has something to do, in
// turns, so that a tenant with much to do does not keep the others waiting. It goes on
// after a tenant that fails, and returns the errors joined.
func (e *Engine) SyncAll(ctx context.Context) (n int, err error) { return e.syncAll(ctx, false) }

func (e *Engine) syncAll(ctx context.Context, respectBackoff bool) (n int, err error) {
	var errs []error
	failed, worked := map[string]bool{}, map[string]bool{}
	for again := true; again && ctx.Err() == nil; {
		again = false
		tenants, err := e.behind(ctx)
		if err != nil {
			return n, errors.Join(append(errs, err)...)
		}
		for _, id := range tenants {
			if failed[id] || respectBackoff && e.waiting(id) {
				continue
			}
			failures := 0
			if !worked[id] {
				failures = e.failures(id)
			}
			k, more, err := e.turn(ctx, id, failures)
			n += k
			again, worked[id] = again || more, true
			if ctx.Err() != nil {
				return n, errors.Join(append(errs, err)...)
			}
			if err != nil {
				failed[id] = true
				e.cfg.Logger.ErrorContext(ctx, "provisioning: sync failed; nothing moved, tried again later", "tenant", id, "error", err)
				errs = append(errs, err)
			}
		}
	}
	return n, errors.Join(errs...)
}

// behind lists the tenants that have events to handle or something to try again.
func (e *Engine) behind(ctx context.Context) ([]string, error) {
	found := map[string]bool{}
	names := []string{reader, retryReader}
	if e.deletes() {
		names = append(names, deleteReader)
	}
	if _, can := e.cfg.Target.(AccountDeleter); can {
		names = append(names, accountDeleteReader)
	}
	if e.cfg.Notifier != nil {
		names = append(names, noticeReader)
	}
	for _, name := range names {
		for after := ""; ; {
			ids, err := e.cfg.Store.TenantsBehind(ctx, name, after, store.MaxLimit)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				found[id] = true
			}
			if len(ids) < store.MaxLimit {
				break
			}
			after = ids[len(ids)-1]
		}
	}
	return sortedKeys(found), nil
}

// Run follows all tenants until ctx ends, and returns ctx.Err(). It looks every
// interval (zero means 10 seconds) and at once after [Engine.Wake]. The caller owns the goroutine;
// several replicas may run it at the same time. A tenant that fails waits longer each
// time (1 second to 5 minutes) while the others go on.
func (e *Engine) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		interval = 10 * time.Second
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		// Errors were logged where they happened; the next round tries again.
		_, _ = e.syncAll(ctx, true)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-e.wake:
		}
	}
}

// Wake lets Run look at once: call it after a directory's write. It never blocks, and
// does nothing while a look is due already.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) failures(tenantID string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.backoff[tenantID].failures
}

// waits says whether it is too early. A time further ahead than anything ever waits was set
// before the clock jumped back, and is over.
func (e *Engine) waits(until time.Time, most time.Duration) bool {
	left := until.Sub(e.cfg.Now())
	return left > 0 && left <= most
}

func (e *Engine) waiting(tenantID string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waits(e.backoff[tenantID].until, maxBackoff)
}

// note keeps count of a tenant's failures in a row.
func (e *Engine) note(tenantID string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		delete(e.backoff, tenantID)
		return
	}
	b := e.backoff[tenantID]
	b.until = e.cfg.Now().Add(delay(b.failures, maxBackoff))
	b.failures++
	e.backoff[tenantID] = b
}

// delay doubles from a second on.
func delay(failures int, most time.Duration) time.Duration {
	return min(most, firstBackoff<<min(failures, 20))
}

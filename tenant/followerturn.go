package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// round looks at all tenants that are behind, several at a time, until none has more.
func (l *followed) round(ctx context.Context, respectBackoff bool) (total int, err error) {
	b := behind{
		store: l.cfg.Store, reader: l.reader, workers: l.cfg.Workers, work: l.turn,
		unread: func(err error) {
			l.cfg.Logger.ErrorContext(ctx, "tenant: the journal can't be read; a follower waits", "follower", l.Name, "error", err)
		},
	}
	if respectBackoff {
		b.skip = l.waiting
	}
	return b.round(ctx)
}

// errNotOurs says that another replica has the tenant.
var errNotOurs = errors.New("tenant: another replica has this tenant")

// heldLease is a lease on a tenant's events.
type heldLease struct {
	store     store.LeaseStore
	tenantID  string
	name      string
	holder    string
	now       func() time.Time
	ttl       time.Duration
	until     time.Time
	forAtMost time.Duration // what is done under it at a time
}

// hold takes the lease, or renews it if what comes next could outlast it.
func (h *heldLease) hold(ctx context.Context) error {
	now := h.now()
	if now.Add(h.forAtMost + h.ttl/2).Before(h.until) {
		return nil
	}
	l, err := h.store.AcquireLease(ctx, h.tenantID, h.name, h.holder, now, now.Add(h.forAtMost+h.ttl))
	if errors.Is(err, store.ErrConflict) {
		return errNotOurs
	}
	h.until = l.Until
	return err
}

// release hands it back, whatever ended.
func (h *heldLease) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	_ = h.store.ReleaseLease(ctx, h.tenantID, h.name, h.holder) // it ends by itself
}

// turn tells of a tenant's events for a while; more says that some are left.
func (l *followed) turn(ctx context.Context, tenantID string) (n int, more bool, err error) {
	lease := &heldLease{
		store: l.cfg.Store, tenantID: tenantID, name: l.reader, holder: l.cfg.Holder, now: l.cfg.Now, ttl: l.cfg.LeaseTTL, forAtMost: l.Timeout,
	}
	// The lease keeps other replicas out, not this one's other calls, which have the same holder.
	if _, busy := l.busy.LoadOrStore(tenantID, true); busy {
		return 0, false, nil
	}
	defer l.busy.Delete(tenantID)
	begun := l.cfg.Now()
	for more = true; more; {
		if err = lease.hold(ctx); err != nil {
			break
		}
		var k int
		k, more, err = l.step(ctx, tenantID)
		n += k
		if err != nil || l.cfg.Now().Sub(begun) > followTurn {
			break
		}
	}
	if !errors.Is(err, errNotOurs) {
		lease.release(ctx)
	}
	if errors.Is(err, errNotOurs) || errors.Is(err, store.ErrStale) { // somebody else goes on
		return n, false, nil
	}
	return n, more, err
}

// step handles one batch.
func (l *followed) step(ctx context.Context, tenantID string) (n int, more bool, err error) {
	st, state := l.cfg.Store, l.stateOf(tenantID)
	from, err := l.position(ctx, tenantID)
	if err != nil {
		return 0, false, err
	}
	limit := l.Batch
	if from < state.single {
		limit = 1
	}
	events, err := st.Events(ctx, tenantID, store.EventQuery{After: from, Limit: limit})
	if err != nil || len(events) == 0 {
		return 0, false, err
	}
	to := events[len(events)-1].Seq
	wanted := events[:0:0]
	for _, e := range events {
		if l.wanted.has(e.Type) && !isFollowerEvent(e.Type) {
			wanted = append(wanted, e)
		}
	}
	if len(wanted) > 0 {
		if err := l.handle(ctx, tenantID, wanted); err != nil {
			return l.failed(ctx, tenantID, from, to, wanted, state, err)
		}
	}
	if err := st.SavePosition(ctx, tenantID, l.reader, from, to); err != nil {
		return 0, false, err
	}
	l.passed(tenantID, to, state)
	return len(wanted), true, nil
}

// passed forgets the failures of what lies behind.
func (l *followed) passed(tenantID string, to int64, state followState) {
	if to >= state.single {
		state.single = 0
	}
	l.setState(tenantID, followState{single: state.single})
}

func isFollowerEvent(typ string) bool {
	return typ == EventFollowerParked || typ == EventFollowerRecovered
}

// handle calls the host within its time.
func (l *followed) handle(ctx context.Context, tenantID string, events []store.Event) error {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	return guarded(func() error { return l.Handle(ctx, tenantID, events) })
}

// failed counts a failure, or parks the event.
func (l *followed) failed(ctx context.Context, tenantID string, from, to int64, events []store.Event, state followState, cause error) (int, bool, error) {
	if ctx.Err() != nil {
		return 0, false, ctx.Err() // we stop; that is nobody's failure
	}
	if len(events) > 1 {
		state.single = to
		l.setState(tenantID, state)
		return 0, true, nil // at once, one by one
	}
	ev := events[0]
	state.failures++
	state.until = l.cfg.Now().Add(l.delay(state.failures))
	l.setState(tenantID, state)
	parked := !l.NeverPark && state.failures >= l.MaxAttempts
	l.cfg.Logger.ErrorContext(ctx, "tenant: a follower failed", "follower", l.Name, "tenant", tenantID, "event", ev.ID, "type", ev.Type,
		"attempt", state.failures, "parked", parked, "error", cause)
	if !parked {
		return 0, false, fmt.Errorf("tenant: follower %s of %s at event %s: %w", l.Name, tenantID, ev.ID, cause)
	}
	err := l.cfg.Store.InTx(ctx, func(tx store.Store) error {
		if err := tx.SavePosition(ctx, tenantID, l.reader, from, to); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, tenantID, l.event(EventFollowerParked, ev, state.failures))
	})
	if err != nil {
		return 0, false, err
	}
	l.passed(tenantID, to, state)
	return 0, true, nil
}

// event tells that an event was parked, or handled after all. The error itself goes to the log.
func (l *followed) event(typ string, about store.Event, attempts int) store.Event {
	now := store.Time(l.cfg.Now())
	e := store.Event{
		ID: store.NewID(now), Type: typ, At: now, Actor: Actor{Kind: ActorSystem, ID: "followers", Name: "Followers"}.event(),
		Subject: store.EventSubject{Kind: subjectFollower, ID: l.Name}, CorrelationID: about.CorrelationID,
	}
	if typ == EventFollowerParked {
		e.Code, e.Message = "follower_failed", "A part of the application could not take over this change."
	}
	//nolint:errchkjson // numbers and strings always marshal
	e.After, _ = json.Marshal(ParkedEvent{Seq: about.Seq, EventID: about.ID, Type: about.Type, Attempts: attempts})
	return e
}

// position is how far the follower has come, where it begins if it is new.
func (l *followed) position(ctx context.Context, tenantID string) (int64, error) {
	st := l.cfg.Store
	at, err := st.Position(ctx, tenantID, l.reader)
	if err != nil || at != 0 || l.Start == FollowFromBeginning {
		return at, err
	}
	born, err := l.born(ctx)
	if err != nil {
		return 0, err
	}
	if at, err = seqBefore(ctx, st, tenantID, born); err != nil || at == 0 {
		return 0, err
	}
	return at, st.SavePosition(ctx, tenantID, l.reader, 0, at)
}

// born is when the follower first looked, on whichever replica.
func (l *followed) born(ctx context.Context) (time.Time, error) {
	st, mark := l.cfg.Store, store.MarkPrefix+l.reader
	for {
		at, err := st.Position(ctx, followersTenant, mark)
		if err != nil || at != 0 {
			return time.UnixMicro(at), err
		}
		err = st.SavePosition(ctx, followersTenant, mark, 0, l.cfg.Now().UnixMicro())
		if err != nil && !errors.Is(err, store.ErrStale) {
			return time.Time{}, err
		}
	}
}

// clockSlack is how far the clocks of those who write one tenant's events may differ for [seqBefore] to find the first event
// of a time.
const clockSlack = time.Minute

// seqBefore returns the Seq after which the first event comes that was written at the time or later; zero if that is the
// first of all. It halves the journal until it is there: owners ask for times of any age, of journals of any length.
func seqBefore(ctx context.Context, st store.Journal, tenantID string, at time.Time) (int64, error) {
	page := func(after int64, limit int) ([]store.Event, error) {
		events, err := st.Events(ctx, tenantID, store.EventQuery{After: after, Limit: limit})
		return events, wrapped("reading the journal", err)
	}
	newest, err := st.Events(ctx, tenantID, store.EventQuery{Newest: true, Limit: 1})
	if err != nil || len(newest) == 0 {
		return 0, wrapped("reading the journal", err)
	}
	early := at.Add(-clockSlack)
	if newest[0].At.Before(early) {
		return newest[0].Seq, nil
	}
	// What is up to before is too early; what comes right after end is not, or there is nothing.
	before, end := int64(0), newest[0].Seq
	for before < end {
		middle := before + (end-before)/2
		events, err := page(middle, 1)
		if err != nil {
			return 0, err
		}
		if len(events) > 0 && events[0].At.Before(early) {
			before = events[0].Seq
		} else {
			end = middle
		}
	}
	for {
		events, err := page(before, store.MaxLimit)
		if err != nil {
			return 0, err
		}
		for _, e := range events {
			if !e.At.Before(at) {
				return before, nil
			}
			before = e.Seq
		}
		if len(events) < store.MaxLimit {
			return before, nil
		}
	}
}

func (l *followed) stateOf(tenantID string) followState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state[tenantID]
}

func (l *followed) setState(tenantID string, s followState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == (followState{}) {
		delete(l.state, tenantID)
		return
	}
	l.state[tenantID] = s
}

func (l *followed) waiting(tenantID string) bool {
	return l.cfg.Now().Before(l.stateOf(tenantID).until)
}

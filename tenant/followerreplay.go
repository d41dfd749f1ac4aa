package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// ParkedEvent is an event that a follower was not able to handle.
type ParkedEvent struct {
	// Seq is the event's place in the tenant's journal, EventID and Type are its own.
	Seq     int64  `json:"seq"`
	EventID string `json:"eventId"`
	Type    string `json:"type"`
	// Attempts is how often it failed.
	Attempts int `json:"attempts"`
	// At is when it was parked.
	At time.Time `json:"-"`
}

// maxParked bounds how much of the journal [Followers.Parked] reads at a time.
const maxParked = 10 * store.MaxLimit

// Parked returns the events of a tenant that the follower parked and that were not handled since, newest first, at most
// [store.MaxLimit]. It asks no authorizer: it is for the host's staff. [store.ErrNotFound] if no follower has the name.
func (f *Followers) Parked(ctx context.Context, follower, tenantID string) ([]ParkedEvent, error) {
	l, err := f.line(follower)
	if err != nil {
		return nil, err
	}
	var out []ParkedEvent
	seen := map[string]bool{}
	q := store.EventQuery{SubjectKind: subjectFollower, SubjectID: l.Name, TypePrefix: followerPrefix, Newest: true}
	for read := 0; read < maxParked; {
		events, err := l.cfg.Store.Events(ctx, tenantID, q)
		if err != nil {
			return nil, fmt.Errorf("tenant: reading the journal: %w", err)
		}
		for _, e := range events {
			var p ParkedEvent
			if q.Before = e.Seq; json.Unmarshal(e.After, &p) != nil || seen[p.EventID] {
				continue
			}
			seen[p.EventID] = true
			if p.At = e.At; e.Type == EventFollowerParked && len(out) < store.MaxLimit {
				out = append(out, p)
			}
		}
		if len(events) < store.MaxLimit {
			break
		}
		read += len(events)
	}
	return out, nil
}

// Retry gives the follower one event of a tenant's once more, wherever the follower is, and records [EventFollowerRecovered]
// when it is handled. The error is the follower's, or matches [store.ErrNotFound] if there is no such follower or event, or
// [store.ErrConflict] while another replica tells the follower of this tenant's events.
func (f *Followers) Retry(ctx context.Context, follower, tenantID string, seq int64) error {
	l, err := f.line(follower)
	if err != nil {
		return err
	}
	lease := &heldLease{
		store: l.cfg.Store, tenantID: tenantID, name: l.reader, holder: "retry." + store.NewID(l.cfg.Now()), now: l.cfg.Now, ttl: l.cfg.LeaseTTL, forAtMost: l.Timeout,
	}
	if err := lease.hold(ctx); err != nil {
		if errors.Is(err, errNotOurs) {
			return conflict(ErrorCodeState, "The follower %s is being told of this organisation's events. Try again in a moment.", l.Name)
		}
		return err
	}
	defer lease.release(ctx)
	events, err := l.cfg.Store.Events(ctx, tenantID, store.EventQuery{After: seq - 1, Limit: 1})
	if err != nil {
		return fmt.Errorf("tenant: reading the journal: %w", err)
	}
	if len(events) == 0 || events[0].Seq != seq {
		return fmt.Errorf("tenant: the journal has no event %d: %w", seq, store.ErrNotFound)
	}
	if err := l.handle(ctx, tenantID, events); err != nil {
		return fmt.Errorf("tenant: follower %s of %s at event %s: %w", l.Name, tenantID, events[0].ID, err)
	}
	return l.cfg.Store.AppendEvents(ctx, tenantID, l.event(EventFollowerRecovered, events[0], 0))
}

// Replay lets a follower begin again after the given Seq of a tenant's journal; zero is its beginning. What it has handled
// since comes again, with the same IDs. A Seq that lies in front of it would pass events over and is refused, matching
// [store.ErrConflict]. [store.ErrNotFound] if no follower has the name.
func (f *Followers) Replay(ctx context.Context, follower, tenantID string, after int64) error {
	l, err := f.line(follower)
	if err != nil {
		return err
	}
	if after < 0 {
		after = 0
	}
	for try := 1; ; try++ {
		err := l.replay(ctx, tenantID, after)
		if !errors.Is(err, store.ErrStale) || try == linkTries {
			return err
		}
	}
}

func (l *followed) replay(ctx context.Context, tenantID string, after int64) error {
	from, err := l.position(ctx, tenantID)
	if err != nil {
		return err
	}
	if after > from {
		return conflict(ErrorCodeState, "The follower %s is at %d in this organisation's journal: going on after %d would pass events over.", l.Name, from, after)
	}
	if after == 0 && l.Start == FollowFromNow {
		after = -1 // before everything, and not the 0 of a follower that is new
	}
	if err := l.cfg.Store.SavePosition(ctx, tenantID, l.reader, from, after); err != nil {
		return err
	}
	l.setState(tenantID, followState{})
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// ReplaySince is [Followers.Replay] from a time on, by the clock of whoever wrote the events.
func (f *Followers) ReplaySince(ctx context.Context, follower, tenantID string, at time.Time) error {
	l, err := f.line(follower)
	if err != nil {
		return err
	}
	after, err := seqBefore(ctx, l.cfg.Store, tenantID, at)
	if err != nil {
		return err
	}
	at0, err := l.position(ctx, tenantID)
	if err != nil {
		return err
	}
	return f.Replay(ctx, follower, tenantID, min(after, max(at0, 0)))
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"
)

// EventHook is told of events in the transaction that appends them.
type EventHook interface {
	// OnEvents is called with the events of one write, after the write and before its transaction commits, on every
	// replica that writes. tx is the transaction: what the hook writes through it, or into the host's own tables with
	// SQLTx of an adapter, is committed with the events or not at all. Events that the hook appends through tx are told
	// to nobody.
	//
	// The events have no Seq yet, which the journal gives at the commit; Members is set. They are copies.
	//
	// A hook cannot refuse. When it returns an error or panics, what it did itself is undone, the write goes on, and an
	// [EventHookFailed] in the same transaction names the events that it missed: otherwise a mistake in a hook would keep
	// a directory from taking somebody's access away. To refuse is the business of policies.
	//
	// The transaction waits for the hook, and may be run again by the store, so a hook is short and has no effects outside
	// of tx. Whatever calls others over the network follows the journal instead, after the commit.
	OnEvents(ctx context.Context, tx Store, tenantID string, events []Event) error
}

// EventHookFunc is a function as an [EventHook].
type EventHookFunc func(ctx context.Context, tx Store, tenantID string, events []Event) error

// OnEvents calls f.
func (f EventHookFunc) OnEvents(ctx context.Context, tx Store, tenantID string, events []Event) error {
	return f(ctx, tx, tenantID, events)
}

// EventHookFailed is the type of the event that tells of a hook's failure. Its subject is the first event that the hook
// missed, of the kind "event"; After has the IDs of all of them as {"events": […]}. The error itself goes to the log.
const EventHookFailed = "event_hook.failed"

// EventHookConfig configures [WithEventHook].
type EventHookConfig struct {
	// Hook is told of the events. With nil there is none, and the store is returned as it is.
	Hook EventHook
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures of the hook. Nil discards them.
	Logger *slog.Logger
}

// WithEventHook returns st with a hook: each write that appends events calls it in the same transaction, whoever writes,
// in nested transactions too. Give the returned store to every package, instead of st; what writes through st itself is
// not told. A store on a transaction of the host's (WithTx of an adapter) is wrapped by itself.
//
// The returned store has the optional interfaces of this package if st has [SCIMCounter], [SCIMResourceStore],
// [SetupLinkStore], [WebhookStore] and [PeopleReader], as the adapters here do; if one of these is missing it has none of
// them. [SignInStore] it has if st has it. Other methods of st are found with [Unwrap].
func WithEventHook(st Store, cfg EventHookConfig) Store {
	if cfg.Hook == nil {
		return st
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return hookOn(st, &cfg, false)
}

// Unwrap returns the store beneath wrappers that have a method Unwrap() Store, such as that of [WithEventHook]; a store
// without one is returned as it is.
func Unwrap(st Store) Store {
	for {
		w, ok := st.(interface{ Unwrap() Store })
		if !ok {
			return st
		}
		st = w.Unwrap()
	}
}

// hooked is a store with a hook. Methods that append nothing are those of the store beneath.
type hooked struct {
	Store
	cfg *EventHookConfig
	// inTx says that the store beneath is a transaction already.
	inTx bool
	// self is the store that callers see.
	self Store
}

// hookedOptional adds the optional interfaces.
type hookedOptional struct {
	*hooked
	SCIMCounter
	SCIMResourceStore
	SetupLinkStore
	WebhookStore
	PeopleReader
}

func hookOn(st Store, cfg *EventHookConfig, inTx bool) Store {
	h := &hooked{Store: st, cfg: cfg, inTx: inTx}
	h.self = h
	counter, a := st.(SCIMCounter)
	resources, b := st.(SCIMResourceStore)
	links, c := st.(SetupLinkStore)
	webhooks, d := st.(WebhookStore)
	people, e := st.(PeopleReader)
	if a && b && c && d && e {
		h.self = &hookedOptional{h, counter, resources, links, webhooks, people}
	}
	return h.self
}

// Unwrap returns the store beneath, see [Unwrap].
func (h *hooked) Unwrap() Store { return h.Store }

// InTx implements Store.
func (h *hooked) InTx(ctx context.Context, fn func(tx Store) error) error {
	return h.Store.InTx(ctx, func(tx Store) error { return fn(hookOn(tx, h.cfg, true)) })
}

// SignInStoreOf implements SignInStore.
func (h *hooked) SignInStoreOf() Store {
	if _, ok := signInStore(h.Store); ok {
		return h.self
	}
	return nil // the store beneath lends nothing
}

// UseAttempt implements SignInStore.
func (h *hooked) UseAttempt(ctx context.Context, tenantID string, t Token, connectionID string) (Connection, error) {
	return UseAttempt(ctx, h.Store, tenantID, t, connectionID)
}

// FindSignIn implements SignInStore.
func (h *hooked) FindSignIn(ctx context.Context, tenantID string, q SignInQuery) (SignIn, error) {
	return FindSignIn(ctx, h.Store, tenantID, q)
}

// InTxThen implements SignInStore.
func (h *hooked) InTxThen(ctx context.Context, fn func(tx Store) (last func(tx Store) error, err error)) error {
	return InTxThen(ctx, h.Store, func(tx Store) (func(tx Store) error, error) {
		last, err := fn(hookOn(tx, h.cfg, true))
		if err != nil || last == nil {
			return nil, err
		}
		// Where fn wrote nothing, last is outside of any transaction.
		return func(tx Store) error { return last(hookOn(tx, h.cfg, false)) }, nil
	})
}

// write runs a call that appends events, and tells the hook, in one transaction.
func (h *hooked) write(ctx context.Context, tenantID string, events []Event, call func(tx Store) ([]Event, error)) error {
	if len(events) == 0 {
		_, err := call(h.Store)
		return err
	}
	both := func(tx Store) error {
		appended, err := call(tx)
		if err != nil {
			return err
		}
		return h.tell(ctx, tx, tenantID, appended)
	}
	if h.inTx {
		return both(h.Store)
	}
	return h.Store.InTx(ctx, both)
}

// written is write for a call that returns something.
func written[T any](ctx context.Context, h *hooked, tenantID string, events []Event, call func(tx Store) (T, error)) (T, error) {
	var out T
	err := h.write(ctx, tenantID, events, func(tx Store) (_ []Event, err error) {
		out, err = call(tx)
		return events, err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return out, nil
}

// did is write for a call that returns an error alone.
func (h *hooked) did(ctx context.Context, tenantID string, events []Event, call func(tx Store) error) error {
	return h.write(ctx, tenantID, events, func(tx Store) ([]Event, error) { return events, call(tx) })
}

// tell calls the hook, and records that it failed.
func (h *hooked) tell(ctx context.Context, tx Store, tenantID string, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	var failed error
	err := tx.InTx(ctx, func(tx Store) error {
		failed = h.call(ctx, tx, tenantID, copiesOf(events))
		return failed
	})
	switch {
	case err == nil:
		return nil
	case failed == nil || ctx.Err() != nil: // the transaction's own failure, or nobody waits any more
		return err
	}
	h.cfg.Logger.ErrorContext(ctx, "store: the event hook failed; the write goes on", "tenant", tenantID, "event", events[0].ID, "type", events[0].Type, "error", failed)
	return tx.AppendEvents(ctx, tenantID, h.failure(events))
}

// call makes a panic of the hook an error.
func (h *hooked) call(ctx context.Context, tx Store, tenantID string, events []Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h.cfg.Hook.OnEvents(ctx, tx, tenantID, events)
}

func (h *hooked) failure(events []Event) Event {
	var missed struct {
		Events []string `json:"events"`
	}
	for i := range events {
		missed.Events = append(missed.Events, events[i].ID)
	}
	now := Time(h.cfg.Now())
	first := &events[0]
	e := Event{
		ID: NewID(now), Type: EventHookFailed, At: now, Actor: EventActor{Kind: "system", ID: "event-hook", Name: "Event hook"},
		Subject: EventSubject{Kind: "event", ID: first.ID, Name: first.Type}, Code: "event_hook_failed",
		Message: "The application could not take over this change in the same transaction.", CorrelationID: first.CorrelationID,
	}
	e.After, _ = json.Marshal(missed) //nolint:errchkjson // strings always marshal
	return e
}

func copiesOf(events []Event) []Event {
	out := slices.Clone(events)
	for i := range out {
		out[i].Seq, out[i].At = 0, Time(out[i].At)
		out[i].Before, out[i].After = slices.Clone(out[i].Before), slices.Clone(out[i].After)
	}
	return out
}

// withChange returns the events as the store appends them: the last one has the change of members.
func withChange(events []Event, added, removed []string) []Event {
	if len(events) == 0 || len(added)+len(removed) == 0 {
		return events
	}
	events = slices.Clone(events)
	events[len(events)-1].Members = &MemberChange{Added: slices.Clone(added), Removed: slices.Clone(removed)}
	return events
}

// CreateSCIMGroup implements SCIMGroupStore.
func (h *hooked) CreateSCIMGroup(ctx context.Context, tenantID string, g SCIMGroup, members []Member, events ...Event) (out SCIMGroup, err error) {
	err = h.write(ctx, tenantID, events, func(tx Store) ([]Event, error) {
		if out, err = tx.CreateSCIMGroup(ctx, tenantID, g, members, events...); err != nil {
			out = SCIMGroup{}
			return nil, err
		}
		var added []string
		seen := make(map[string]bool, len(members))
		for _, m := range members {
			if !seen[m.ID] {
				seen[m.ID] = true
				added = append(added, m.ID)
			}
		}
		return withChange(events, added, nil), nil
	})
	return out, err
}

// ChangeSCIMMembers implements SCIMGroupStore. A delta that changes nothing appends no event.
func (h *hooked) ChangeSCIMMembers(ctx context.Context, tenantID, groupID string, d MemberDelta, at time.Time, ifVersion *GroupVersion, events ...Event) (out MemberChange, err error) {
	err = h.write(ctx, tenantID, events, func(tx Store) ([]Event, error) {
		out, err = tx.ChangeSCIMMembers(ctx, tenantID, groupID, d, at, ifVersion, events...)
		if err != nil || out.Empty() {
			return nil, err
		}
		return withChange(events, out.Added, out.Removed), nil
	})
	if err != nil {
		return MemberChange{}, err
	}
	return out, nil
}

// errNoOptional can't be met: hookedOptional is made for stores that have all of them, whose transactions have them too.
var errNoOptional = fmt.Errorf("store: the transaction lacks an optional interface of its store: %w", errors.ErrUnsupported)

package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The types of the events about locks that somebody lifted.
const (
	EventOverridden    = eventPrefix + "lock.overridden"     // Message says why
	EventOverrideEnded = eventPrefix + "lock.override_ended" // Code is an OverrideEnded… constant
)

// The codes of [EventOverrideEnded].
const (
	OverrideEndedRevoked = "revoked" // somebody ended it
	OverrideEndedExpired = "expired" // its time was over
)

// MaxOverride is how long a lock may be lifted at once. It can be lifted again.
const MaxOverride = 90 * 24 * time.Hour

// maxOverrides bounds the overrides of a tenant: whoever needs more switches the directory off.
const maxOverrides = 500

// OverrideRequest lifts a lock.
type OverrideRequest struct {
	// Resource is what is locked, Field the one field to be free; empty means all of it, deleting
	// included.
	Resource Resource
	Field    string
	// Reason is for the other owners, 1 to 500 characters.
	Reason string
	// Until is when it ends, [MaxOverride] from now at most.
	Until time.Time
}

// OverrideError says what of an [OverrideRequest] is wrong.
type OverrideError struct {
	// Field is "resource", "field", "reason" or "until"; empty for the whole.
	Field string
	// Code is "resource_invalid", "reason_invalid", "until_invalid", "not_locked" (nothing is to be
	// lifted), or "too_many" overrides.
	Code    string
	Message string
}

// Error returns code and message.
func (e *OverrideError) Error() string { return "provisioning: override: " + e.Code + ": " + e.Message }

// Override lifts a lock for a time, when the provider does not know the user any more, does not
// sync, or cannot wait for. The other owners see it: it is in the explanation of the lock, in
// [Locks.Overrides] and in the journal. The actor, an owner or the host's staff, needs
// [tenant.ActionOverrideLock]; without LocksConfig.Authorizer nobody has it. If the same is
// lifted already, reason, time and who are those of this call, and the ID stays. The error is an
// [OverrideError] if the request is not one.
//
// While it lasts, a sync leaves what was changed by hand:
//
//   - A field of a user: the directory's updates leave it (Profile.Keep; [FieldSetter] is not called
//     for it). Of a whole user: they wait. [Fields.Set] may change it.
//   - A membership: who was taken out by hand is not put in again. A membership that the directory
//     takes back is taken back all the same.
//   - A team: its name, or that it was deleted.
//   - A role in the organisation that was changed by hand stays, for as long as an owner does not
//     take it back ([Engine.PreviewReset]), as roles in teams do (D1).
//   - Access that the directory ends is ended, whatever was lifted.
//
// When it is revoked, the next sync brings what the directory says; when it ends by itself, the
// next [Engine.Reconcile] does, or what the directory writes before. A field is then what it would
// be had its lock never been lifted: what was entered meanwhile is gone, confirmed or not, and
// what the host wrote into its own tables is replaced. That is the directory's value, or the
// person's own where that counted before ([FieldValue]); a field beside the [Profile] that neither of them
// ever had a value of stays as the host has it.
func (l *Locks) Override(ctx context.Context, actor tenant.Actor, tenantID string, req OverrideRequest) (store.LockOverride, error) {
	if err := l.mayOverride(ctx, actor, tenantID); err != nil {
		return store.LockOverride{}, err
	}
	now := l.cfg.Now()
	req.Resource, req.Reason = req.Resource.plain(), strings.TrimSpace(req.Reason)
	if err := req.check(now); err != nil {
		return store.LockOverride{}, err
	}
	var out store.LockOverride
	err := l.changeOverrides(ctx, tenantID, func(tx store.Store, list []store.LockOverride) ([]store.LockOverride, []store.Event, error) {
		if err := l.mustBeLocked(ctx, tx, tenantID, req); err != nil {
			return nil, nil, err
		}
		out = store.LockOverride{
			ID: store.NewID(now), Kind: string(req.Resource.Kind), AccountID: req.Resource.AccountID, TeamID: req.Resource.TeamID,
			Field: req.Field, Reason: req.Reason, By: eventActor(actor), At: store.Time(now), Until: store.Time(req.Until),
		}
		ev := overrideEvent(EventOverridden, actor, out, now)
		i := slices.IndexFunc(list, func(o store.LockOverride) bool {
			return overriddenResource(o) == req.Resource && strings.EqualFold(o.Field, req.Field)
		})
		switch {
		case i >= 0:
			out.ID, ev.Before = list[i].ID, asJSON(list[i])
			list[i] = out
		case len(list) >= maxOverrides:
			return nil, nil, &OverrideError{Code: "too_many", Message: fmt.Sprintf("expected at most %d locks that are lifted; revoke some, or switch the directory off", maxOverrides)}
		default:
			list = append(list, out)
		}
		ev.After = asJSON(out)
		return list, []store.Event{ev}, nil
	})
	if err != nil {
		return store.LockOverride{}, err
	}
	return out, nil
}

// RevokeOverride ends an override before its time; the next sync brings what the directory says.
// The error matches [store.ErrNotFound] if the tenant has none with this ID, or none any more. The
// actor needs [tenant.ActionOverrideLock].
func (l *Locks) RevokeOverride(ctx context.Context, actor tenant.Actor, tenantID, id string) error {
	if err := l.mayOverride(ctx, actor, tenantID); err != nil {
		return err
	}
	return l.changeOverrides(ctx, tenantID, func(_ store.Store, list []store.LockOverride) ([]store.LockOverride, []store.Event, error) {
		i := slices.IndexFunc(list, func(o store.LockOverride) bool { return o.ID == id })
		if i < 0 {
			return nil, nil, errNotFound("provisioning: there is no such override, or it has ended")
		}
		ev := overrideEvent(EventOverrideEnded, actor, list[i], l.cfg.Now())
		ev.Code, ev.Before = OverrideEndedRevoked, asJSON(list[i])
		return slices.Delete(list, i, i+1), []store.Event{ev}, nil
	})
}

// Overrides lists the locks that are lifted now, newest first, 500 at most. The actor needs
// [tenant.ActionViewUsers].
func (l *Locks) Overrides(ctx context.Context, actor tenant.Actor, tenantID string) ([]store.LockOverride, error) {
	if err := l.may(ctx, actor, tenant.ActionViewUsers, tenantID); err != nil {
		return nil, err
	}
	s, err := settingsOf(ctx, l.cfg.Store, tenantID)
	if err != nil {
		return nil, err
	}
	live, _ := liveOverrides(s.Overrides, l.cfg.Now())
	slices.SortFunc(live, func(a, b store.LockOverride) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return live, nil
}

func (l *Locks) mayOverride(ctx context.Context, actor tenant.Actor, tenantID string) error {
	return l.may(ctx, actor, tenant.ActionOverrideLock, tenantID)
}

func (l *Locks) may(ctx context.Context, actor tenant.Actor, action tenant.Action, tenantID string) error {
	if l.cfg.Authorizer == nil {
		return fmt.Errorf("provisioning: LocksConfig.Authorizer is not set: %w", tenant.ErrForbidden)
	}
	return tenant.Allow(ctx, l.cfg.Authorizer, actor, action, tenantID)
}

func (r OverrideRequest) check(now time.Time) error {
	bad := func(field, code, message string, args ...any) error {
		return &OverrideError{Field: field, Code: code, Message: fmt.Sprintf(message, args...)}
	}
	account, team := r.Resource.AccountID, r.Resource.TeamID
	needsAccount, needsTeam := r.Resource.Kind != ResourceTeam, r.Resource.Kind == ResourceTeam || r.Resource.Kind == ResourceMembership
	switch {
	case Change{Resource: r.Resource, Op: OpUpdate}.check() != nil:
		return bad("resource", "resource_invalid", "expected a resource of kind user, team, membership or org_role, got %q", short(string(r.Resource.Kind)))
	case needsAccount && account == "" || needsTeam && team == "" || !plausibleID(account) || !plausibleID(team):
		return bad("resource", "resource_invalid", "expected the ID of what is locked")
	case !plausibleID(r.Field):
		return bad("field", "resource_invalid", "expected the name of a field, or none")
	case r.Reason == "":
		return bad("reason", "reason_invalid", "expected a reason for the other owners, got none")
	case r.Until.IsZero() || r.Until.Before(now.Add(time.Minute)):
		return bad("until", "until_invalid", "expected a time that is at least a minute from now")
	case r.Until.After(now.Add(MaxOverride)):
		return bad("until", "until_invalid", "expected a time within %d days from now; it can be lifted again then", int(MaxOverride/(24*time.Hour)))
	}
	if problem, ok := errors.AsType[*SettingsError](checkReason(r.Reason)); ok {
		return bad("reason", "reason_invalid", "%s", problem.Fields[0].Message)
	}
	return nil
}

// mustBeLocked refuses to lift what is free: it would look as if it had been needed.
func (l *Locks) mustBeLocked(ctx context.Context, tx store.Store, tenantID string, req OverrideRequest) error {
	var changes []Change
	for _, op := range [...]Op{OpUpdate, OpDelete, OpCreate} {
		if req.Field == "" || op == OpUpdate {
			changes = append(changes, Change{Resource: req.Resource, Field: req.Field, Op: op})
		}
	}
	list, err := l.checkAll(ctx, tx, tenantID, changes, false)
	if err != nil {
		return err
	}
	for _, lock := range list {
		if lock.Locked || lock.Lifted == LiftedOverride {
			return nil
		}
	}
	message := "no directory locks it: it can be changed as it is"
	if text := list[0].Explain(""); text != "" {
		message = text
	}
	return &OverrideError{Field: "resource", Code: "not_locked", Message: message}
}

// changeOverrides changes the tenant's overrides, of which those are gone whose time is over.
func (l *Locks) changeOverrides(ctx context.Context, tenantID string, change func(tx store.Store, list []store.LockOverride) ([]store.LockOverride, []store.Event, error)) error {
	for attempt := 1; ; attempt++ {
		err := l.cfg.Store.InTx(ctx, func(tx store.Store) error {
			if err := HoldTx(ctx, tx, tenantID); err != nil {
				return err
			}
			return putOverrides(ctx, tx, tenantID, l.cfg.Now(), change)
		})
		if !errors.Is(err, store.ErrStale) || attempt == 20 {
			return err
		}
	}
}

// putOverrides stores what change makes of the overrides that are left.
func putOverrides(ctx context.Context, tx store.Store, tenantID string, now time.Time, change func(tx store.Store, list []store.LockOverride) ([]store.LockOverride, []store.Event, error)) error {
	s, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	before := s.Overrides
	live, events := liveOverrides(before, now)
	if change != nil {
		next, more, err := change(tx, live)
		if err != nil {
			return err
		}
		live, events = next, append(events, more...)
	}
	if len(events) == 0 {
		return nil
	}
	var gone []store.LockOverride
	for _, o := range before {
		if !slices.ContainsFunc(live, func(l store.LockOverride) bool { return l.ID == o.ID }) {
			gone = append(gone, o)
		}
	}
	if err := markEnded(ctx, tx, tenantID, gone, now); err != nil {
		return err
	}
	s.Overrides, s.UpdatedAt = live, now
	if s.CreatedAt.IsZero() {
		s.CreatedAt = now
	}
	_, err = tx.PutProvisioningSettings(ctx, tenantID, s, events...)
	return err
}

// liveOverrides leaves out those whose time is over, and tells of them.
func liveOverrides(list []store.LockOverride, now time.Time) (live []store.LockOverride, ended []store.Event) {
	for _, o := range list {
		if o.Until.After(now) {
			live = append(live, o)
			continue
		}
		ev := overrideEvent(EventOverrideEnded, tenant.Actor{Kind: tenant.ActorSystem, ID: system.ID, Name: system.Name}, o, now)
		ev.Code, ev.Before = OverrideEndedExpired, asJSON(o)
		ended = append(ended, ev)
	}
	return live, ended
}

func overrideEvent(typ string, actor tenant.Actor, o store.LockOverride, now time.Time) store.Event {
	subject := store.EventSubject{Kind: subjectAccount, ID: o.AccountID}
	if o.AccountID == "" {
		subject = store.EventSubject{Kind: subjectTeam, ID: o.TeamID}
	}
	return store.Event{
		ID: store.NewID(now), Type: typ, At: now, Actor: eventActor(actor), Origin: actor.Origin.Event(), Subject: subject, Message: o.Reason,
	}
}

package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	defaultDrillAfter = 90 * day

	breakGlassUsed    = "break_glass.used"
	breakGlassDrilled = "break_glass.drilled"
	// breakGlassSecondFactor is no try: it says nothing about whether the address works.
	breakGlassSecondFactor = "break_glass.second_factor_missing"
	breakGlassChanged      = "connection.break_glass_changed"

	drillReminder = "break_glass_drill" // kind of the token that remembers a notice
	drillPage     = 100                 // events that are read at a time
)

// DrillBreakGlass records that a break-glass address was tried: that somebody could sign in with it without the provider. It is
// an event "break_glass.drilled". If Config.LocalCredentials knows that it can't have worked, that is a [*ValidationError] with
// the code break_glass_unusable; an address that the connection does not list has the code break_glass_unlisted. A use
// ([BreakGlass]) counts as well and needs no recording.
func (s *Service) DrillBreakGlass(ctx context.Context, actor Actor, tenantID, id, email string) error {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionEditConnection); err != nil {
		return err
	}
	c, _, err := s.load(ctx, s.store, tenantID, id)
	if err != nil {
		return err
	}
	address, err := NormalizeEmail(email)
	if err != nil || !slices.Contains(c.BreakGlass, address) {
		f := errorFinding(FieldBreakGlass, CodeBreakGlassUnlisted, "%s is not one of the connection's break-glass addresses.", shown(email)).got(shown(email))
		f.Expected = shown(strings.Join(c.BreakGlass, ", "))
		return &ValidationError{Findings: []Finding{f}}
	}
	if s.cfg.LocalCredentials != nil {
		works, err := s.cfg.LocalCredentials.HasLocalCredential(ctx, tenantID, address)
		if err != nil {
			return fmt.Errorf("tenant: looking for a break-glass account's credential: %w", err)
		}
		if !works {
			return &ValidationError{Findings: []Finding{errorFinding(FieldBreakGlass, CodeBreakGlassUnusable,
				"%s can't sign in without the provider. Give it an account with a password and a second factor.", shown(address)).got(shown(address))}}
		}
	}
	e, err := s.event(actor, change{kind: kindConnection, id: id, name: c.Name, what: breakGlassDrilled, after: breakGlassTry{address}, message: address + " was tried."})
	if err != nil {
		return err
	}
	if err := s.store.AppendEvents(ctx, tenantID, e); err != nil {
		return fmt.Errorf("tenant: recording a drill: %w", err)
	}
	return nil
}

// breakGlassTry is what the event of a use or a drill tells.
type breakGlassTry struct {
	Email string `json:"email"`
}

// RemindOfDrills hands the Notifier a notice for each break-glass address of an active and enforced connection that nobody
// has used or drilled for Config.DrillAfter, or since the connection was activated or the address listed, and returns how
// many it took: one for each address and period, on whichever replica. A use or a drill begins a new period.
//
// The host schedules it, about once a day, on any replica; [Runner] does. The error joins those of the connections that
// failed, of which a hundred are told; the others were done. It asks no authorizer: it is the host's own maintenance.
func (s *Service) RemindOfDrills(ctx context.Context) (int, error) {
	if s.cfg.Notifier == nil {
		return 0, errors.New("tenant: Config.Notifier is required for RemindOfDrills: it hands notices on")
	}
	sent := 0
	var failed []error
	for after := (store.Ref{}); ; {
		refs, err := s.store.ConnectionsByState(ctx, store.ConnectionActive, after, reminderPage)
		if err != nil {
			return sent, errors.Join(append(failed, fmt.Errorf("tenant: reading connections: %w", err))...)
		}
		for _, ref := range refs {
			n, err := s.remindOfDrills(ctx, ref)
			sent += n
			if ctx.Err() != nil {
				return sent, errors.Join(append(failed, ctx.Err())...)
			}
			if err != nil && len(failed) < maxErrors {
				failed = append(failed, fmt.Errorf("tenant: drill reminder for connection %s of %s: %w", ref.ID, ref.TenantID, err))
			}
		}
		if len(refs) < reminderPage {
			return sent, errors.Join(failed...)
		}
		after = refs[len(refs)-1]
	}
}

// remindOfDrills does one connection.
func (s *Service) remindOfDrills(ctx context.Context, ref store.Ref) (sent int, err error) {
	c, err := s.store.Connection(ctx, ref.TenantID, ref.ID)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	c.TenantID = ref.TenantID
	if err != nil || !s.drills(c) {
		return 0, err
	}
	var failed []error
	for _, email := range c.BreakGlass {
		did, err := s.remindOfDrill(ctx, c, email)
		if err != nil {
			failed = append(failed, err)
		}
		if did {
			sent++
		}
	}
	return sent, errors.Join(failed...)
}

// drills says whether the connection's addresses are needed: elsewhere people sign in without the provider anyway.
func (s *Service) drills(c store.Connection) bool {
	return c.State == store.ConnectionActive && c.Enforced && s.now().Sub(c.ActivatedAt) >= s.cfg.DrillAfter
}

// remindOfDrill does one address. All is read again in the transaction: somebody may just have tried it.
func (s *Service) remindOfDrill(ctx context.Context, seen store.Connection, email string) (sent bool, err error) {
	if last, err := s.lastTried(ctx, s.store, seen, email); err != nil || s.now().Sub(last) < s.cfg.DrillAfter { // nearly always so: no transaction
		return false, err
	}
	err = s.store.InTx(ctx, func(tx store.Store) error {
		sent = false
		c, err := tx.Connection(ctx, seen.TenantID, seen.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c.TenantID = seen.TenantID
		if !s.drills(c) || !slices.Contains(c.BreakGlass, email) {
			return nil
		}
		last, err := s.lastTried(ctx, tx, c, email)
		if err != nil {
			return err
		}
		period := int64(s.now().Sub(last) / s.cfg.DrillAfter)
		if period < 1 {
			return nil
		}
		key := noticeID(c.TenantID, c.ID, email, store.FormatTime(last), s.cfg.DrillAfter.String(), fmt.Sprint(period))
		// It is remembered until the next period has begun, and longer, since clocks differ.
		until := last.Add(time.Duration(period+2) * s.cfg.DrillAfter)
		err = tx.PutToken(ctx, c.TenantID, store.Token{Kind: drillReminder, Key: key, ExpiresAt: store.Time(until)})
		if errors.Is(err, store.ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		n := Notice{
			ID: key, Kind: NoticeBreakGlassDrill, TenantID: c.TenantID, ConnectionID: c.ID, ConnectionName: c.Name, Emails: []string{email}, Since: last,
			Message: fmt.Sprintf("Nobody has signed in with the break-glass address %s since %s. Try whether it works, so that it does when the provider fails.",
				email, last.UTC().Format("2 January 2006")),
		}
		if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
			return hostFailed(err)
		}
		e, err := s.event(Actor{Kind: ActorSystem, Name: "reminders"}, change{
			kind: kindConnection, id: c.ID, name: c.Name, what: "connection.drill_reminded", code: n.Kind, message: n.Message,
		})
		if err != nil {
			return err
		}
		sent = true
		return tx.AppendEvents(ctx, c.TenantID, e)
	})
	return sent && err == nil, err
}

// lastTried is when the address was used, drilled or listed last, or the connection activated, as the journal has it. It reads
// back no further than it must.
func (s *Service) lastTried(ctx context.Context, st store.Store, c store.Connection, email string) (time.Time, error) {
	last := c.ActivatedAt
	for _, prefix := range []string{"break_glass.", breakGlassChanged} {
		at, err := s.lastEvent(ctx, st, c, prefix, last, func(e store.Event) bool { return triedBy(e, email) })
		if err != nil {
			return time.Time{}, err
		}
		last = at
	}
	return store.Time(last), nil
}

// lastEvent is the time of the newest event about the connection that counts, or since where there is none after it.
func (s *Service) lastEvent(ctx context.Context, st store.Store, c store.Connection, prefix string, since time.Time, counts func(store.Event) bool) (time.Time, error) {
	for before := int64(0); ; {
		events, err := st.Events(ctx, c.TenantID, store.EventQuery{
			Newest: true, Before: before, SubjectKind: kindConnection, SubjectID: c.ID, TypePrefix: prefix, Limit: drillPage,
		})
		if err != nil {
			return time.Time{}, fmt.Errorf("tenant: reading the journal: %w", err)
		}
		for _, e := range events {
			if !e.At.After(since) {
				return since, nil
			}
			if counts(e) {
				return e.At, nil
			}
			before = e.Seq
		}
		if len(events) < drillPage {
			return since, nil
		}
	}
}

// triedBy says whether by the event the address was used, drilled or listed.
func triedBy(e store.Event, email string) bool {
	switch e.Type {
	case breakGlassUsed:
		return e.Actor.Name == email
	case breakGlassDrilled:
		var try breakGlassTry
		return json.Unmarshal(e.After, &try) == nil && try.Email == email
	case breakGlassChanged:
		var before, after store.Connection
		return json.Unmarshal(e.Before, &before) == nil && json.Unmarshal(e.After, &after) == nil &&
			!slices.Contains(before.BreakGlass, email) && slices.Contains(after.BreakGlass, email)
	}
	return false
}

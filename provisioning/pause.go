package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The values of [store.ProvisioningPause].Code.
const (
	PauseByHand  = "by_hand"
	PauseBreaker = "breaker"
)

// maxReason is the longest reason that a person gives, in characters.
const maxReason = 500

// ErrNotPaused says that there is nothing to resume.
var ErrNotPaused = errors.New("provisioning: it is not paused")

// Cause is a reason in a plan, with how many people lose something for it.
type Cause struct {
	Reason string `json:"reason"`
	People int    `json:"people"`
}

// Held is what waits while provisioning is paused.
type Held struct {
	// Paused is false if nothing is held; the rest is empty then.
	Paused bool                    `json:"paused"`
	Pause  store.ProvisioningPause `json:"pause,omitzero"`
	// Plan is what [Engine.Resume] does; it wants Plan.Hash.
	Plan Plan `json:"plan"`
	// Causes say why people lose something in it, those of most people first, ten at most.
	Causes []Cause `json:"causes,omitempty"`
}

// Held shows what waits while provisioning is paused: since when, why, and what resuming
// would do to whom. It is computed from what the directory says now. Nothing of it has to be
// discarded: while it is paused nothing happens, what the directory takes back is gone
// from the plan, and other settings give another plan ([Engine.Preview] with Paused off).
// The actor needs [tenant.ActionEditMapping].
func (e *Engine) Held(ctx context.Context, actor tenant.Actor, tenantID string) (Held, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return Held{}, err
	}
	var held Held
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		held = Held{}
		s, err := settingsOf(ctx, tx, tenantID)
		if err != nil || !s.Paused {
			return err
		}
		held.Paused, held.Pause = true, s.Pause
		s.Paused = false
		if held.Plan, err = e.planAll(ctx, tx, actor, tenantID, s); err != nil {
			return err
		}
		held.Causes = held.Plan.Causes(10)
		return nil
	})
	return held, err
}

// Pause holds back all that gives or takes access, except deprovisioning, until
// [Engine.Resume]. The reason, 1 to 500 characters, is shown to the other owners. If it
// is paused already, who and why become those of this call. It depends on no other
// setting. The error is a [SettingsError] if the reason is not one. The actor needs
// [tenant.ActionApplyMapping].
func (e *Engine) Pause(ctx context.Context, actor tenant.Actor, tenantID, reason string) (store.ProvisioningSettings, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return store.ProvisioningSettings{}, err
	}
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return store.ProvisioningSettings{}, badReason("expected a reason for the other owners, got none")
	}
	if err := checkReason(reason); err != nil {
		return store.ProvisioningSettings{}, err
	}
	var s store.ProvisioningSettings
	err := e.inTenant(ctx, tenantID, func(tx store.Store) error {
		before, err := settingsOf(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		next := before
		next.UpdatedAt = e.cfg.Now()
		if next.CreatedAt.IsZero() {
			next.CreatedAt = next.UpdatedAt
		}
		next.Paused, next.Pause = true, store.ProvisioningPause{Code: PauseByHand, Reason: reason}
		e.signPause(&next, store.ProvisioningSettings{}, actor)
		s, err = tx.PutProvisioningSettings(ctx, tenantID, next, e.pauseEvents(next, store.ProvisioningSettings{}, actor)...)
		return err
	})
	return s, err
}

// Resume ends the pause and does what [Engine.Held] showed, like [Engine.Apply] with
// Paused off. The error is [ErrNotPaused] if it is not paused. The actor needs
// [tenant.ActionApplyMapping].
func (e *Engine) Resume(ctx context.Context, actor tenant.Actor, tenantID string, c Confirm) (Plan, error) {
	return e.applyShown(ctx, actor, tenantID, c, func(tx store.Store) (Plan, error) {
		s, err := settingsOf(ctx, tx, tenantID)
		if err != nil {
			return Plan{}, err
		}
		if !s.Paused {
			return Plan{}, ErrNotPaused
		}
		s.Paused = false
		return e.planAll(ctx, tx, actor, tenantID, s)
	})
}

// pauseOf is what settings that are to be tried say about their pause: a caller chooses the
// switch and a reason, the rest is ours.
func pauseOf(s, stored store.ProvisioningSettings) (store.ProvisioningPause, error) {
	switch {
	case !s.Paused:
		return store.ProvisioningPause{}, nil
	case stored.Paused:
		return stored.Pause, nil
	}
	return store.ProvisioningPause{Code: PauseByHand, Reason: s.Pause.Reason}, checkReason(s.Pause.Reason)
}

// signPause completes a pause that begins.
func (e *Engine) signPause(next *store.ProvisioningSettings, before store.ProvisioningSettings, actor tenant.Actor) {
	if next.Paused && !before.Paused {
		next.Pause.By, next.Pause.At = eventActor(actor), store.Time(e.cfg.Now())
	}
}

// pauseEvents tell that a pause began or ended.
func (e *Engine) pauseEvents(next, before store.ProvisioningSettings, actor tenant.Actor) []store.Event {
	if next.Paused == before.Paused {
		return nil
	}
	ev := e.event(EventPaused, eventActor(actor), store.EventSubject{Kind: subjectSettings})
	ev.Origin = actor.Origin.Event()
	ev.After, ev.Message = asJSON(next.Pause), next.Pause.Reason
	if before.Paused {
		ev.Type, ev.Before, ev.After, ev.Message = EventResumed, asJSON(before.Pause), nil, ""
	}
	return []store.Event{ev}
}

func checkReason(reason string) error {
	if n := utf8.RuneCountInString(reason); n > maxReason {
		return badReason(fmt.Sprintf("expected at most %d characters, got %d", maxReason, n))
	}
	if !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) && r != '\u200d'
	}) {
		return badReason("expected text without control characters")
	}
	return nil
}

func badReason(message string) error {
	return &SettingsError{Fields: []FieldError{{Field: "pause.reason", Code: "reason_invalid", Message: message}}}
}

// Causes returns the reasons for which people lose something, those of most people
// first, and at most as many as asked for.
func (p *Plan) Causes(most int) []Cause {
	count := map[string]int{}
	for _, pp := range p.people {
		seen := map[string]bool{}
		for l := range pp.does() {
			if l.takes(p.roles) && !seen[l.Reason] {
				seen[l.Reason] = true
				count[l.Reason]++
			}
		}
	}
	out := make([]Cause, 0, len(count))
	for reason, n := range count {
		out = append(out, Cause{reason, n})
	}
	slices.SortFunc(out, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Reason, b.Reason))
	})
	return out[:min(most, len(out))]
}

// causeText is the end of a sentence.
func causeText(causes []Cause) string {
	parts := make([]string, len(causes))
	for i, c := range causes {
		parts[i] = fmt.Sprintf("%s (%d)", c.Reason, c.People)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

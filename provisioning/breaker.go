package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Breaker says how many people may lose access by changes of groups before
// provisioning pauses and asks. It trips when, within Window, more people than both
// limits allow would leave teams or lose roles. The tenant is then paused
// ([store.ProvisioningSettings].Paused): the directory's writes are still accepted, what
// they would give or take waits, and the preview shows it; applying with Paused off
// lets it through.
//
// Deactivating and deleting users is never held back, however many they are: ending
// access always works.
//
// A plan that a person applies is not held, but wants the number of people confirmed if
// it goes beyond both limits ([ConfirmManyPeople]).
type Breaker struct {
	// Window is the time in which people are counted. Zero means 10 minutes.
	Window time.Duration
	// People may always lose access. Zero means 50.
	People int
	// Percent of the provisioned users may, where that is more. Zero means 10.
	Percent int
	// InsecureOff lets every change through.
	InsecureOff bool
}

func (b Breaker) withDefaults() Breaker {
	if b.Window <= 0 {
		b.Window = 10 * time.Minute
	}
	if b.People <= 0 {
		b.People = 50
	}
	if b.Percent <= 0 {
		b.Percent = 10
	}
	return b
}

// losers are the active people from whom a plan takes something.
func losers(p Plan, r roleOrder) map[string]bool {
	out := map[string]bool{}
	for _, pp := range p.people {
		if !pp.activates {
			continue
		}
		for l := range pp.does() {
			if l.Kind == MemberRemove || l.Kind == OrgRoleSet && higher(r.org, l.From, l.To) != l.To {
				out[pp.accountID] = true
			}
		}
	}
	return out
}

// trip pauses the tenant if the plan, with what was taken shortly before, goes too far.
// The snapshot then has the new settings.
func (e *Engine) trip(ctx context.Context, tx store.Store, s *snapshot, p Plan) (bool, error) {
	people := losers(p, e.roles)
	if e.cfg.Breaker.InsecureOff || s.settings.Paused || len(people) == 0 {
		return false, nil
	}
	if err := e.addRecentLosers(ctx, tx, s.tenantID, people); err != nil {
		return false, err
	}
	if len(people) <= e.cfg.Breaker.People {
		return false, nil
	}
	users, err := countPeople(ctx, tx, s.tenantID, s.settings.Authority)
	if err != nil {
		return false, err
	}
	if limit := users * e.cfg.Breaker.Percent / 100; len(people) <= limit {
		return false, nil
	}
	now := e.cfg.Now()
	s.settings.Paused = true
	s.settings.UpdatedAt = now
	if s.settings.CreatedAt.IsZero() {
		s.settings.CreatedAt = now
	}
	ev := e.event(EventBreaker, system, store.EventSubject{Kind: subjectSettings})
	ev.Code = "mass_change"
	s.settings.Pause = store.ProvisioningPause{
		Code: PauseBreaker, By: system, At: store.Time(now), People: len(people), Of: users,
		Reason: "Too many people were to lose access" + causeText(p.Causes(3)) + ".",
	}
	ev.Message = fmt.Sprintf("Changes of groups would take access from %d of %d people within %s. Provisioning is paused; look at the preview and resume it if this is meant. Deactivations go through.", len(people), users, e.cfg.Breaker.Window)
	s.settings, err = tx.PutProvisioningSettings(ctx, s.tenantID, s.settings, ev)
	return err == nil, err
}

// breakerReader names the place in the journal before which no removal counts any more,
// so that counting reads what happened within the window and not the whole journal.
// It is a mark: what it stands in front of holds back no retention.
const breakerReader = store.MarkPrefix + "provisioning.breaker"

// addRecentLosers adds who lost something within the window, since the settings were
// last applied.
func (e *Engine) addRecentLosers(ctx context.Context, tx store.Store, tenantID string, people map[string]bool) error {
	since := e.cfg.Now().Add(-e.cfg.Breaker.Window)
	from, err := tx.Position(ctx, tenantID, breakerReader)
	if err != nil {
		return err
	}
	to, err := tx.Position(ctx, tenantID, reader) // what is handled now is not in the journal yet
	if err != nil {
		return err
	}
	for _, kind := range []LineKind{MemberRemove, OrgRoleSet} {
		first, err := e.addLosersOf(ctx, tx, tenantID, kind, from, since, people)
		if err != nil {
			return err
		}
		if first > 0 {
			to = min(to, first-1)
		}
	}
	return moveMark(ctx, tx, tenantID, from, to)
}

// addLosersOf adds who lost something by lines of one kind, newest first, and returns the
// place of the oldest one that counts; zero if none does.
func (e *Engine) addLosersOf(ctx context.Context, tx store.Store, tenantID string, kind LineKind, from int64, since time.Time, people map[string]bool) (first int64, err error) {
	q := store.EventQuery{TypePrefix: eventPrefix + string(kind), Newest: true, After: from}
	for {
		page, err := tx.Events(ctx, tenantID, q)
		if err != nil {
			return 0, err
		}
		for _, ev := range page {
			if ev.At.Before(since) {
				return first, nil
			}
			if kind == OrgRoleSet && !e.lowered(ev) {
				continue
			}
			people[ev.Subject.ID] = true
			first = ev.Seq
		}
		if len(page) < store.MaxLimit {
			return first, nil
		}
		q.Before = page[len(page)-1].Seq
	}
}

// lowered says whether the event of a role tells of a lower one than before.
func (e *Engine) lowered(ev store.Event) bool {
	var l Line
	return json.Unmarshal(ev.After, &l) == nil && higher(e.roles.org, l.From, l.To) != l.To
}

// forgetLosers starts counting anew: an owner has seen and applied what was to be done.
func forgetLosers(ctx context.Context, tx store.Store, tenantID string) error {
	from, err := tx.Position(ctx, tenantID, breakerReader)
	if err != nil {
		return err
	}
	last, err := tx.Events(ctx, tenantID, store.EventQuery{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return err
	}
	return moveMark(ctx, tx, tenantID, from, last[0].Seq)
}

func moveMark(ctx context.Context, tx store.Store, tenantID string, from, to int64) error {
	if to <= from {
		return nil
	}
	return tx.SavePosition(ctx, tenantID, breakerReader, from, to)
}

// countUsers counts provisioned users.
func countUsers(ctx context.Context, tx store.Store, tenantID string) (int, error) {
	if c, ok := tx.(store.SCIMCounter); ok {
		n, err := c.CountSCIMUsers(ctx, tenantID, nil)
		if err == nil || !errors.Is(err, errors.ErrUnsupported) {
			return n, err
		}
	}
	n := 0
	for _, err := range pages(func(after string) (store.Page[store.SCIMUser], error) {
		return tx.SCIMUsers(ctx, tenantID, store.Query{After: after, WithoutBody: true})
	}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

package provisioning

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The kinds of notices that Config.Notifier gets, beside those of package tenant.
const (
	// NoticePaused: too many people were to lose access, and provisioning paused ([Engine.Held]).
	NoticePaused = "provisioning_paused"
	// NoticeViolation: a rule would have broken what protects somebody, or the last owner went
	// (see [FindingCode.Violation]).
	NoticeViolation = "provisioning_violation"
	// NoticeNoSeat: people wait for a seat ([SeatCounter]).
	NoticeNoSeat = "provisioning_no_seat"
	// NoticeStuck: the application refuses something for more than an hour.
	NoticeStuck = "provisioning_stuck"
)

const (
	noticeReader = "provisioning.notices"
	subjectNote  = "provisioning_notice"
	// repeatNotice is how long the same is told once.
	repeatNotice = 7 * 24 * time.Hour
	// stuckAttempts take more than an hour.
	stuckAttempts = 13
)

// notice is what one or several events come to.
type notice struct {
	kind, key, message string
	since              time.Time
	people             map[string]bool // where one notice is about several
}

// announce hands on what the journal tells that a person should look at, each once. A
// notifier that fails holds up nothing else; it is tried again with growing pauses.
func (e *Engine) announce(ctx context.Context, tenantID string) {
	if e.cfg.Notifier == nil || e.noticeWaits(tenantID) {
		return
	}
	err := e.announceNew(ctx, tenantID)
	if err != nil && ctx.Err() == nil {
		e.cfg.Logger.WarnContext(ctx, "provisioning: notices could not be handed on; tried again later", "tenant", tenantID, "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		delete(e.notices, tenantID)
		return
	}
	b := e.notices[tenantID]
	b.until = e.cfg.Now().Add(delay(b.failures, maxRetry))
	b.failures++
	e.notices[tenantID] = b
}

func (e *Engine) noticeWaits(tenantID string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waits(e.notices[tenantID].until, maxRetry)
}

func (e *Engine) announceNew(ctx context.Context, tenantID string) error {
	st := e.cfg.Store
	end, err := st.Position(ctx, tenantID, reader)
	if err != nil {
		return err
	}
	from, err := st.Position(ctx, tenantID, noticeReader)
	if err != nil || from >= end {
		return err
	}
	events, err := newsOf(ctx, st, tenantID, from, end)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range e.noticesOf(events) {
		if err := e.tell(ctx, tenantID, n); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...) // those that went out are remembered
	}
	if err := st.SavePosition(ctx, tenantID, noticeReader, from, end); err != nil && !errors.Is(err, store.ErrStale) { // another engine moved it
		return err
	}
	return nil
}

// newsOf reads the events that may be worth a notice, in order.
func newsOf(ctx context.Context, st store.Store, tenantID string, from, end int64) ([]store.Event, error) {
	var out []store.Event
	for _, prefix := range []string{EventBreaker, EventFinding, EventFailed} {
		for after := from; ; {
			page, err := st.Events(ctx, tenantID, store.EventQuery{After: after, Before: end + 1, TypePrefix: prefix})
			if err != nil {
				return nil, err
			}
			out = append(out, page...)
			if len(page) < store.MaxLimit {
				break
			}
			after = page[len(page)-1].Seq
		}
	}
	slices.SortFunc(out, func(a, b store.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, nil
}

// noticesOf gathers notices: violations and pauses one by one, the others one of a kind.
func (e *Engine) noticesOf(events []store.Event) []*notice {
	var out []*notice
	several := map[string]*notice{}
	add := func(n *notice) { out = append(out, n) }
	gather := func(kind string, ev store.Event) {
		n := several[kind]
		if n == nil {
			n = &notice{kind: kind, key: kind, since: ev.At, people: map[string]bool{}}
			several[kind] = n
			add(n)
		}
		n.people[ev.Subject.Kind+ev.Subject.ID] = true
	}
	for _, ev := range events {
		if e.cfg.Now().Sub(ev.At) > repeatNotice {
			continue // nobody can do anything about it any more
		}
		switch {
		case ev.Type == EventBreaker:
			add(&notice{kind: NoticePaused, key: ev.ID, since: ev.At, message: ev.Message})
		case ev.Type == EventFinding && FindingCode(ev.Code).Violation():
			message := ev.Message
			if ev.Subject.Name != "" {
				message = ev.Subject.Name + ": " + message
			}
			add(&notice{kind: NoticeViolation, key: strings.Join([]string{ev.Code, ev.Subject.Kind, ev.Subject.ID}, "\x00"), since: ev.At, message: message})
		case ev.Type == EventFinding && (ev.Code == string(FindingHandOver) || ev.Code == string(FindingHandOverFailed)):
			add(&notice{kind: NoticeHandOver, key: keyOf(ev.Subject.ID + "\x00" + ev.Message), since: ev.At, message: ev.Subject.Name + ": " + ev.Message})
		case ev.Type == EventFailed && ev.Code == string(FindingNoSeat):
			gather(NoticeNoSeat, ev)
		case ev.Type == EventFailed && attemptOf(ev).Attempt >= stuckAttempts:
			gather(NoticeStuck, ev)
		}
	}
	for kind, n := range several {
		n.message = fmt.Sprintf("The application refuses to take over changes for %d people or groups, for more than an hour. It is tried again.", len(n.people))
		if kind == NoticeNoSeat {
			n.message = fmt.Sprintf("All seats of the organisation's plan are taken: %d people wait for one.", len(n.people))
		}
	}
	return out
}

// tell hands one notice on, unless the same was told lately.
func (e *Engine) tell(ctx context.Context, tenantID string, n *notice) error {
	sum := sha256.Sum256([]byte(tenantID + "\x00" + n.kind + "\x00" + n.key))
	key := hex.EncodeToString(sum[:16])
	return e.inTenant(ctx, tenantID, func(tx store.Store) error {
		subject := store.EventSubject{Kind: subjectNote, ID: key}
		last, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: subject.Kind, SubjectID: subject.ID, Newest: true, Limit: 1})
		if err != nil {
			return err
		}
		now := e.cfg.Now()
		if len(last) > 0 && now.Sub(last[0].At).Abs() < repeatNotice {
			return nil
		}
		err = tx.InTx(ctx, func(tx store.Store) error {
			return e.guard.call(ctx, "Notify", func(ctx context.Context) error {
				return e.cfg.Notifier.Notify(ctx, tx, tenant.Notice{
					ID: key + "." + store.FormatTime(n.since), Kind: n.kind, TenantID: tenantID, Since: n.since, Message: n.message,
				})
			})
		})
		if err != nil {
			return hostErr("notify", err)
		}
		ev := e.event(EventNotified, system, subject)
		ev.Code, ev.Message = n.kind, n.message
		return tx.AppendEvents(ctx, tenantID, ev)
	})
}

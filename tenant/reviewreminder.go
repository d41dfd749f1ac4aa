package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	reviewReminder = "review_reminder" // kind of the token that remembers a notice
	reviewReminded = "connection.review_reminded"
)

// RemindOfReviews hands on a notice for each request that waits too long (R47): to Config.StaffNotifier one that staff have
// not answered for Config.RemindStaffAfter, and to Config.Notifier one that its owners have not submitted again for
// Config.RemindOwnersAfter since staff asked. It returns how many were taken. Each threshold gives one notice for each time
// that the request was submitted or asked about, on whichever replica; where several were passed at once, the longest alone
// does, and none that passed more than 90 days ago. Of a side whose Notifier is nil nobody is reminded, nor of requests of organisations that the host does not have any more.
//
// The host schedules it, about once an hour, on any replica; [Runner] does. The error joins those of the requests that
// failed, of which a hundred are told; the others were done. It asks no authorizer: it is the host's own maintenance.
func (s *Service) RemindOfReviews(ctx context.Context) (int, error) {
	if s.cfg.Notifier == nil && s.cfg.StaffNotifier == nil {
		return 0, errors.New("tenant: Config.StaffNotifier or Config.Notifier is required for RemindOfReviews: they hand notices on")
	}
	sent := 0
	var failed []error
	for _, state := range []store.ConnectionState{store.ConnectionSubmitted, store.ConnectionNeedsInformation} {
		for after := (store.Ref{}); ; {
			refs, err := s.store.ConnectionsByState(ctx, state, after, reminderPage)
			if err != nil {
				return sent, errors.Join(append(failed, fmt.Errorf("tenant: reading connections: %w", err))...)
			}
			for _, ref := range refs {
				did, err := s.remindOfReview(ctx, ref)
				if did {
					sent++
				}
				if ctx.Err() != nil {
					return sent, errors.Join(append(failed, ctx.Err())...)
				}
				if err != nil && len(failed) < maxErrors {
					failed = append(failed, fmt.Errorf("tenant: review reminder for connection %s of %s: %w", ref.ID, ref.TenantID, err))
				}
			}
			if len(refs) < reminderPage {
				break
			}
			after = refs[len(refs)-1]
		}
	}
	return sent, errors.Join(failed...)
}

// remindOfReview does one request. All is read again in the transaction: somebody may just have answered.
func (s *Service) remindOfReview(ctx context.Context, ref store.Ref) (sent bool, err error) {
	c, err := s.store.Connection(ctx, ref.TenantID, ref.ID)
	if isNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(s.waitsReached(c)) == 0 { // mostly so: no transaction
		return false, nil
	}
	if _, err := s.organisation(ctx, ref.TenantID); isNotFound(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	err = s.store.InTx(ctx, func(tx store.Store) error {
		sent = false
		c, err := tx.Connection(ctx, ref.TenantID, ref.ID)
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		c.TenantID = ref.TenantID
		l, err := s.lifecycle(ctx, tx, ref.TenantID)
		if err != nil {
			return err
		}
		if l.State == store.ServiceRemoving || l.State == store.ServiceRemoved { // there is nothing to answer
			return nil
		}
		reached := s.waitsReached(c)
		for i, after := range reached {
			_, since := waiting(c)
			err := tx.PutToken(ctx, ref.TenantID, store.Token{
				Kind: reviewReminder, Key: waitKey(c, after), ExpiresAt: store.Time(since.Add(after + reminderKept + day)), // longer, since clocks differ
			})
			if errors.Is(err, store.ErrConflict) {
				continue
			}
			if err != nil {
				return err
			}
			sent = i == len(reached)-1 // those before it are passed over
		}
		if !sent {
			return nil
		}
		n, to := s.waitNotice(c, reached[len(reached)-1])
		if err := to.Notify(ctx, tx, n); err != nil {
			return hostFailed(err)
		}
		e, err := s.event(Actor{Kind: ActorSystem, Name: "reminders"}, change{
			kind: kindConnection, id: c.ID, name: c.Name, what: reviewReminded, code: n.Kind, message: n.Message,
		})
		if err != nil {
			return err
		}
		return tx.AppendEvents(ctx, ref.TenantID, e)
	})
	return sent && err == nil, err
}

// waitsReached are the thresholds that a request has waited for, the shortest first, if there is somebody to remind. Those
// of which the reminder may be forgotten already are left out.
func (s *Service) waitsReached(c store.Connection) []time.Duration {
	side, since := waiting(c)
	var steps []time.Duration
	switch {
	case side == ReviewStaff && s.cfg.StaffNotifier != nil:
		steps = s.cfg.RemindStaffAfter
	case side == ReviewOwner && s.cfg.Notifier != nil:
		steps = s.cfg.RemindOwnersAfter
	}
	if since.IsZero() {
		return nil
	}
	waited := s.now().Sub(since)
	var out []time.Duration
	for _, after := range steps {
		if waited >= after && waited < after+reminderKept {
			out = append(out, after)
		}
	}
	return out
}

// waitNotice is the notice of a threshold, and who hands it on.
func (s *Service) waitNotice(c store.Connection, after time.Duration) (Notice, Notifier) {
	side, since := waiting(c)
	n := Notice{
		ID: waitKey(c, after), Kind: NoticeAnswerMissing, TenantID: c.TenantID, ConnectionID: c.ID, ConnectionName: c.Name, Since: since, After: after,
	}
	when := since.UTC().Format(dueFormat)
	if side == ReviewOwner {
		n.Message = "Our team asked you something about your request on " + when + " and waits for your answer. Answer it, and submit the request again."
		return n, s.cfg.Notifier
	}
	n.Kind, n.AnswerBy = NoticeReviewWaits, s.answerBy(c)
	due := n.AnswerBy.UTC().Format(dueFormat)
	switch {
	case n.AnswerBy.IsZero():
		n.Message = "A request has been waiting for review since " + when + "."
	case s.now().Before(n.AnswerBy):
		n.Message = "A request has been waiting for review since " + when + ". Its owner was told to expect an answer by " + due + "."
	default:
		n.Message = "A request has been waiting for review since " + when + ". Its owner should have had an answer by " + due + "."
	}
	return n, s.cfg.StaffNotifier
}

// waitKey names a notice: a threshold of one submission or question.
func waitKey(c store.Connection, after time.Duration) string {
	side, since := waiting(c)
	return noticeID(c.TenantID, c.ID, "review", string(side), store.FormatTime(since), after.String())
}

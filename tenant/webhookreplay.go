package tenant

import (
	"context"
	"errors"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// WebhookReplay says from where a webhook is sent again: after a Seq, or from a time on.
type WebhookReplay struct {
	// After is the Seq after which it begins; zero, without Since, is the beginning of the journal.
	After int64
	// Since, if set, is the time from which it begins, by the clock of whoever wrote the events. After must be zero then.
	Since time.Time
}

// ReplayWebhook sends events again that a webhook has had, in order, with the same IDs, before those that are new. What lies
// in front of the webhook can't be passed over. The actor needs [ActionManageWebhooks].
func (s *Service) ReplayWebhook(ctx context.Context, actor Actor, tenantID, id string, version int64, r WebhookReplay) (Webhook, error) {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return Webhook{}, err
	}
	if r.After < 0 || r.After > 0 && !r.Since.IsZero() {
		f := errorFinding(FieldWebhookReplay, CodeNumberInvalid, "Give either the event after which to begin, or the time from which.")
		f.Expected = "a number of an event, or a time"
		return Webhook{}, refuse([]Finding{f})
	}
	return s.changeWebhook(ctx, actor, tenantID, id, version, func(tx store.Store, w *store.Webhook) (_ string, err error) {
		after := r.After
		if !r.Since.IsZero() {
			if after, err = seqBefore(ctx, tx, tenantID, r.Since); err != nil {
				return "", err
			}
			after = min(after, w.Position)
		}
		if after > w.Position {
			return "", conflict(ErrorCodeState, "This webhook has been sent the events up to %d. To begin after %d would leave some out.", w.Position, after)
		}
		w.Position, w.Failures, w.NextAt, w.FailingSince = after, 0, time.Time{}, time.Time{}
		if !w.Enabled {
			return "webhook.replayed", nil // sent once it is enabled
		}
		return "webhook.replayed", pullBack(ctx, tx, tenantID, after)
	})
}

// WebhookTestType is the type of what [Service.TestWebhook] sends.
const WebhookTestType = "webhook.test"

// TestWebhook sends a made-up event at once, whatever types are chosen, also to a webhook that is disabled, and returns how
// that went; see WebhookAttempt.Code. It changes nothing about what waits to be sent. The actor needs [ActionManageWebhooks].
func (s *Service) TestWebhook(ctx context.Context, actor Actor, tenantID, id string) (WebhookAttempt, error) {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return WebhookAttempt{}, err
	}
	w, err := s.webhook(ctx, s.store, tenantID, id)
	if err != nil {
		return WebhookAttempt{}, err
	}
	now := s.time()
	e := store.Event{
		ID: store.NewID(now), Type: WebhookTestType, At: now, Actor: actor.event(), Subject: store.EventSubject{Kind: kindWebhook, ID: id, Name: hostOf(w.URL)},
		Message: "This is a test.",
	}
	told, err := s.webhookEvent(actor, "webhook.tested", nil, &w)
	if err != nil {
		return WebhookAttempt{}, err
	}
	// First: that somebody had us send something stands in the journal whatever becomes of it.
	if err := s.store.AppendEvents(ctx, tenantID, told); err != nil {
		return WebhookAttempt{}, wrapped("writing the journal", err)
	}
	secrets, err := s.openWebhookSecrets(tenantID, w)
	a := answer{code: WebhookCodeSecret, err: err}
	if err == nil {
		a = post(ctx, s.cfg.Webhooks.Client, s.cfg.Webhooks.Timeout, s.now, w.URL, tenantID, e, secrets)
	}
	if ctx.Err() != nil {
		return WebhookAttempt{}, ctx.Err()
	}
	entry := noted(&store.Webhook{}, e, now, 1, a)
	return entry, s.logAttempt(ctx, tenantID, id, entry)
}

// logAttempt puts a test into a webhook's log. A delivery that is written meanwhile is kept.
func (s *Service) logAttempt(ctx context.Context, tenantID, id string, entry store.WebhookAttempt) error {
	in, err := webhooks(s.store)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		w, err := s.webhook(ctx, s.store, tenantID, id)
		if isNotFound(err) { // deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		w.Log = append([]store.WebhookAttempt{entry}, w.Log...)
		w.Log = w.Log[:min(len(w.Log), keptAttempts)]
		_, err = in.UpdateWebhook(ctx, tenantID, w)
		if err == nil || !errors.Is(err, store.ErrStale) || try == linkTries {
			return wrapped("writing the webhook", err)
		}
	}
}

package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// NewWebhook is what an owner chooses for a webhook.
type NewWebhook struct {
	// URL is the address: https, reachable from the Internet.
	URL string
	// Description is for people: at most 200 characters, or none.
	Description string
	// Types are the types of events to send, or beginnings that end in ".*" such as "scim.user.*". Empty means all of
	// [Service.WebhookTypes], those of later versions too.
	Types []string
}

// CreatedWebhook is a webhook with a new secret.
type CreatedWebhook struct {
	Webhook
	// Secret signs what is sent, see [VerifyWebhook]. It is returned this once.
	Secret Secret
}

const (
	// DefaultWebhookOverlap is how long the old secret signs too where [Service.RotateWebhookSecret] is told nothing.
	DefaultWebhookOverlap = day
	// MaxWebhookOverlap is the longest.
	MaxWebhookOverlap = 7 * day
)

// CreateWebhook makes a webhook for what happens from now on. Its secret is returned this once. The actor needs
// [ActionManageWebhooks].
//
// A store without [store.WebhookStore] gives an error matching [errors.ErrUnsupported], here and in all that follows.
func (s *Service) CreateWebhook(ctx context.Context, actor Actor, tenantID string, n NewWebhook) (CreatedWebhook, error) {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return CreatedWebhook{}, err
	}
	w := store.Webhook{Revision: 1, Enabled: true}
	if err := s.setWebhook(&w, n); err != nil {
		return CreatedWebhook{}, err
	}
	if _, err := s.organisation(ctx, tenantID); err != nil {
		return CreatedWebhook{}, err
	}
	now := s.time()
	w.Meta = store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}
	secret, err := s.addWebhookSecret(tenantID, &w, 0)
	if err != nil {
		return CreatedWebhook{}, err
	}
	for try := 1; ; try++ {
		var out store.Webhook
		err := s.store.InTx(ctx, func(tx store.Store) (err error) {
			out, err = s.createWebhook(ctx, tx, actor, tenantID, w)
			return err
		})
		if errors.Is(err, store.ErrStale) && try < linkTries {
			continue
		}
		if err != nil {
			return CreatedWebhook{}, written("creating the webhook", err)
		}
		return CreatedWebhook{Webhook: viewOfWebhook(tenantID, out, now), Secret: secret}, nil
	}
}

func (s *Service) createWebhook(ctx context.Context, tx store.Store, actor Actor, tenantID string, w store.Webhook) (store.Webhook, error) {
	if err := s.holdInService(ctx, tx, tenantID); err != nil {
		return w, err
	}
	all, err := s.allWebhooks(ctx, tx, tenantID)
	if err != nil {
		return w, err
	}
	if len(all) >= s.cfg.Webhooks.Max {
		return w, conflict(ErrorCodeTooMany, "There are %d webhooks already. Delete one that is not needed any more.", s.cfg.Webhooks.Max)
	}
	if w.Position, err = lastSeq(ctx, tx, tenantID); err != nil {
		return w, err
	}
	if err := pullBack(ctx, tx, tenantID, w.Position); err != nil {
		return w, err
	}
	e, err := s.webhookEvent(actor, "webhook.created", nil, &w)
	if err != nil {
		return w, err
	}
	in, err := webhooks(tx)
	if err != nil {
		return w, err
	}
	return in.CreateWebhook(ctx, tenantID, w, e)
}

// setWebhook checks what an owner chose, all of it at once.
func (s *Service) setWebhook(w *store.Webhook, n NewWebhook) error {
	address, findings := s.parseWebhookURL(n.URL)
	types, more := s.parseWebhookTypes(n.Types)
	findings = append(findings, more...)
	description := strings.Join(strings.Fields(n.Description), " ")
	if r := []rune(description); len(r) > maxDescription || len(r) <= 100 && description != shown(description) {
		f := errorFinding(FieldWebhookDescription, CodeTooLong, "The description must have at most %d ordinary characters.", maxDescription).got(shown(description))
		f.Expected = fmt.Sprintf("at most %d ordinary characters", maxDescription)
		findings = append(findings, f)
	}
	if err := refuse(findings); err != nil {
		return err
	}
	w.URL, w.Types, w.Description = address, types, description
	return nil
}

// lastSeq is the place of the newest event.
func lastSeq(ctx context.Context, st store.Journal, tenantID string) (int64, error) {
	last, err := st.Events(ctx, tenantID, store.EventQuery{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return 0, wrapped("reading the journal", err)
	}
	return last[0].Seq, nil
}

// pullBack sees to it that the tenant is looked at for what comes after a place in its journal. It writes, so that whoever
// moves the same position on meanwhile is told apart ([store.ErrStale]).
func pullBack(ctx context.Context, tx store.Journal, tenantID string, to int64) error {
	at, err := tx.Position(ctx, tenantID, webhookReader)
	if err != nil {
		return err
	}
	return tx.SavePosition(ctx, tenantID, webhookReader, at, min(at, to))
}

// Webhooks returns the tenant's webhooks, oldest first. The actor needs [ActionViewWebhooks].
func (s *Service) Webhooks(ctx context.Context, actor Actor, tenantID string) ([]Webhook, error) {
	if err := s.allow(ctx, actor, ActionViewWebhooks, tenantID); err != nil {
		return nil, err
	}
	all, err := s.allWebhooks(ctx, s.store, tenantID)
	if err != nil {
		return nil, err
	}
	out := make([]Webhook, 0, len(all))
	for _, w := range all {
		out = append(out, viewOfWebhook(tenantID, w, s.time()))
	}
	return out, nil
}

// WebhookLog returns a webhook with its last 20 attempts, newest first. The actor needs [ActionViewWebhooks].
func (s *Service) WebhookLog(ctx context.Context, actor Actor, tenantID, id string) (Webhook, []WebhookAttempt, error) {
	if err := s.allow(ctx, actor, ActionViewWebhooks, tenantID); err != nil {
		return Webhook{}, nil, err
	}
	w, err := s.webhook(ctx, s.store, tenantID, id)
	if err != nil {
		return Webhook{}, nil, err
	}
	return viewOfWebhook(tenantID, w, s.time()), slices.Clone(w.Log), nil
}

func (s *Service) webhook(ctx context.Context, st store.Store, tenantID, id string) (store.Webhook, error) {
	in, err := webhooks(st)
	if err != nil {
		return store.Webhook{}, err
	}
	w, err := in.Webhook(ctx, tenantID, id)
	return w, wrapped("reading the webhook", err)
}

// EditWebhook changes a webhook's address, description and types. version is the one that the actor saw. What waits to be
// sent again is sent to the new address at once. The actor needs [ActionManageWebhooks].
func (s *Service) EditWebhook(ctx context.Context, actor Actor, tenantID, id string, version int64, n NewWebhook) (Webhook, error) {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return Webhook{}, err
	}
	var chosen store.Webhook
	if err := s.setWebhook(&chosen, n); err != nil {
		return Webhook{}, err
	}
	return s.changeWebhook(ctx, actor, tenantID, id, version, func(_ store.Store, w *store.Webhook) (string, error) {
		if w.URL != chosen.URL {
			w.Failures, w.NextAt, w.FailingSince = 0, time.Time{}, time.Time{}
		}
		w.URL, w.Types, w.Description = chosen.URL, chosen.Types, chosen.Description
		return "webhook.changed", nil
	})
}

// RotateWebhookSecret gives a webhook a new secret, which is returned this once. The one before signs too for the overlap
// (zero means a day, at most 7 days), so that the receiver has time to take the new one; with an overlap below zero it ends
// at once. An older one that was still good ends. The actor needs [ActionManageWebhooks].
func (s *Service) RotateWebhookSecret(ctx context.Context, actor Actor, tenantID, id string, version int64, overlap time.Duration) (CreatedWebhook, error) {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return CreatedWebhook{}, err
	}
	if overlap == 0 {
		overlap = DefaultWebhookOverlap
	}
	if overlap > MaxWebhookOverlap {
		f := errorFinding(FieldWebhookOverlap, CodeDurationInvalid, "The old secret can be used for at most %s more.", MaxWebhookOverlap).got(overlap.String())
		f.Expected = "at most " + MaxWebhookOverlap.String()
		return CreatedWebhook{}, refuse([]Finding{f})
	}
	var secret Secret
	w, err := s.changeWebhook(ctx, actor, tenantID, id, version, func(_ store.Store, w *store.Webhook) (_ string, err error) {
		secret, err = s.addWebhookSecret(tenantID, w, overlap)
		w.NextAt = time.Time{} // the one before may have been why it failed
		return "webhook.secret_rotated", err
	})
	if err != nil {
		return CreatedWebhook{}, err
	}
	return CreatedWebhook{Webhook: w, Secret: secret}, nil
}

// addWebhookSecret makes a new secret the first, and lets the one before end.
func (s *Service) addWebhookSecret(tenantID string, w *store.Webhook, overlap time.Duration) (Secret, error) {
	secret, err := NewWebhookSecret()
	if err != nil {
		return Secret{}, err
	}
	now := s.time()
	fresh := store.WebhookSecret{ID: store.NewID(now), CreatedAt: now}
	if fresh.Sealed, err = s.sealWebhookSecret(tenantID, w.ID, fresh.ID, secret); err != nil {
		return Secret{}, err
	}
	secrets := []store.WebhookSecret{fresh}
	if overlap > 0 && len(w.Secrets) > 0 {
		before := w.Secrets[0]
		before.ExpiresAt = store.Time(now.Add(overlap))
		secrets = append(secrets, before)
	}
	w.Secrets = secrets
	return secret, nil
}

func (s *Service) sealWebhookSecret(tenantID, id, secretID string, secret Secret) ([]byte, error) {
	sealed, err := s.keys.Seal([]byte(secret.Reveal()), FieldAAD(tenantID, id, "webhook_secret."+secretID))
	return sealed, wrapped("sealing the webhook's secret", err)
}

// openWebhookSecrets are those that sign now, newest first.
func (s *Service) openWebhookSecrets(tenantID string, w store.Webhook) ([]Secret, error) {
	var out []Secret
	for _, sec := range liveSecrets(w, s.now()) {
		plain, err := s.keys.Open(sec.Sealed, FieldAAD(tenantID, w.ID, "webhook_secret."+sec.ID))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSecretUnreadable, err)
		}
		out = append(out, NewSecret(string(plain)))
	}
	return out, nil
}

// DisableWebhook stops a webhook. Disabling twice changes nothing and succeeds. The actor needs [ActionManageWebhooks].
func (s *Service) DisableWebhook(ctx context.Context, actor Actor, tenantID, id string, version int64) (Webhook, error) {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return Webhook{}, err
	}
	return s.changeWebhook(ctx, actor, tenantID, id, version, func(_ store.Store, w *store.Webhook) (string, error) {
		if !w.Enabled {
			return "", nil
		}
		s.disable(w, "")
		return "webhook.disabled", nil
	})
}

// disable switches a webhook off.
func (s *Service) disable(w *store.Webhook, code string) {
	w.Enabled, w.DisabledAt, w.DisabledCode = false, s.time(), code
	w.Failures, w.NextAt, w.FailingSince = 0, time.Time{}, time.Time{}
}

// EnableWebhook lets a webhook be sent again. With missed it begins where it was, so that what happened meanwhile is sent
// too, in order; otherwise with what happens from now on. Enabling twice changes nothing and succeeds. The actor needs
// [ActionManageWebhooks].
func (s *Service) EnableWebhook(ctx context.Context, actor Actor, tenantID, id string, version int64, missed bool) (Webhook, error) {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return Webhook{}, err
	}
	return s.changeWebhook(ctx, actor, tenantID, id, version, func(tx store.Store, w *store.Webhook) (_ string, err error) {
		if w.Enabled {
			return "", nil
		}
		if err := s.holdLifecycle(ctx, tx, tenantID, notRemoving); err != nil {
			return "", err
		}
		if !missed {
			if w.Position, err = lastSeq(ctx, tx, tenantID); err != nil {
				return "", err
			}
		}
		w.Enabled, w.DisabledAt, w.DisabledCode = true, time.Time{}, ""
		return "webhook.enabled", pullBack(ctx, tx, tenantID, w.Position)
	})
}

// DeleteWebhook removes a webhook with its log. The actor needs [ActionManageWebhooks].
func (s *Service) DeleteWebhook(ctx context.Context, actor Actor, tenantID, id string, version int64) error {
	if err := s.allow(ctx, actor, ActionManageWebhooks, tenantID); err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := s.store.InTx(ctx, func(tx store.Store) error {
			w, err := s.webhook(ctx, tx, tenantID, id)
			if err != nil {
				return err
			}
			if w.Revision != version {
				return stale()
			}
			e, err := s.webhookEvent(actor, "webhook.deleted", &w, nil)
			if err != nil {
				return err
			}
			in, err := webhooks(tx)
			if err != nil {
				return err
			}
			return in.DeleteWebhook(ctx, tenantID, id, w.Version, e)
		})
		if _, final := errors.AsType[*Error](err); final || !errors.Is(err, store.ErrStale) || try == linkTries {
			return written("deleting the webhook", err)
		}
	}
}

// changeWebhook changes a webhook in one transaction with its event. edit names the event, or changes nothing and names none.
// Deliveries that are written meanwhile are kept: the change is made again on what they left.
func (s *Service) changeWebhook(ctx context.Context, actor Actor, tenantID, id string, version int64, edit func(tx store.Store, w *store.Webhook) (string, error)) (Webhook, error) {
	var out store.Webhook
	for try := 1; ; try++ {
		err := s.store.InTx(ctx, func(tx store.Store) error {
			before, err := s.webhook(ctx, tx, tenantID, id)
			if err != nil {
				return err
			}
			if before.Revision != version {
				return stale()
			}
			out = before
			what, err := edit(tx, &out)
			if err != nil || what == "" {
				return err
			}
			out.Revision, out.UpdatedAt = before.Revision+1, s.time()
			out, err = s.putWebhook(ctx, tx, actor, tenantID, what, "", before, out)
			return err
		})
		if _, final := errors.AsType[*Error](err); final || !errors.Is(err, store.ErrStale) || try == linkTries {
			if err != nil {
				return Webhook{}, written("writing the webhook", err)
			}
			return viewOfWebhook(tenantID, out, s.time()), nil
		}
	}
}

// putWebhook writes a webhook with its event.
func (s *Service) putWebhook(ctx context.Context, tx store.Store, actor Actor, tenantID, what, message string, before, after store.Webhook) (store.Webhook, error) {
	e, err := s.webhookEvent(actor, what, &before, &after)
	if err != nil {
		return after, err
	}
	e.Code, e.Message = after.DisabledCode, message
	in, err := webhooks(tx)
	if err != nil {
		return after, err
	}
	return in.UpdateWebhook(ctx, tenantID, after, e)
}

// journalledWebhook is what events tell of a webhook: of the address, whose rest may be a secret, where it leads.
type journalledWebhook struct {
	Origin       string   `json:"origin"`
	Description  string   `json:"description,omitempty"`
	Types        []string `json:"types,omitempty"`
	Enabled      bool     `json:"enabled"`
	DisabledCode string   `json:"disabledCode,omitempty"`
	Position     int64    `json:"position"`
}

func (s *Service) webhookEvent(actor Actor, what string, before, after *store.Webhook) (store.Event, error) {
	c := change{kind: kindWebhook, what: what}
	told := func(w *store.Webhook) any {
		if w == nil {
			return nil
		}
		c.id, c.name = w.ID, hostOf(w.URL)
		return journalledWebhook{c.name, w.Description, w.Types, w.Enabled, w.DisabledCode, w.Position}
	}
	c.before, c.after = told(before), told(after)
	return s.event(actor, c)
}

package tenant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// WebhookSenderConfig configures [NewWebhookSender].
type WebhookSenderConfig struct {
	// Service is whose tenants' webhooks are sent. Required. How they are sent is its Config.Webhooks.
	Service *Service
	// Host are addresses of the host's own, to which the events of all tenants are sent.
	Host []HostWebhook
	// Workers is how many tenants are worked on at the same time. Zero means 8.
	Workers int
	// Holder names this replica in leases; it must be unique among them. Empty means a random name.
	Holder string
	// LeaseTTL is how long after a replica died another one takes over what it was sending. Zero means a minute; less than a
	// second is refused.
	LeaseTTL time.Duration
	// Logger hears of failures. Nil means the Service's.
	Logger *slog.Logger
}

const defaultWebhookWorkers = 8

// WebhookSender sends tenants' webhooks, and the host's.
//
//	w, err := tenant.NewWebhookSender(tenant.WebhookSenderConfig{Service: svc})
//	r, err := tenant.NewRunner(tenant.RunnerConfig{Service: svc, Tasks: []tenant.Task{w.Task()}})
//
// Requests have the form of Standard Webhooks 1.0.0: a POST with a [WebhookBody], signed with HMAC-SHA256 (v1) with each
// secret that is good. Any answer of the class 2xx, in time, means that the receiver has it. Everything else is tried again
// as Config.Webhooks.Schedule says, or later if the receiver asks so (Retry-After); no redirect is followed, and answers are
// not kept.
//
// Events go to each address in the order of the tenant's journal, each at least once: one that fails holds the later ones
// of this address back, and no others. After a crash an event comes again, with the same ID. Of several replicas one at a
// time sends to an address. A webhook that fails for Config.Webhooks.DisableAfter, or answers 410, is disabled; that stands
// in the journal, and the owners are told ([NoticeWebhookDisabled]). What it missed is sent when it is enabled again, or is
// replayed, as long as the journal has it.
//
// A WebhookSender is safe for concurrent use, and keeps nothing that another replica needs.
type WebhookSender struct {
	s       *Service
	cfg     WebhookSenderConfig
	hosts   *Followers // nil without addresses of the host
	wake    chan struct{}
	holding sync.Map // tenants that this sender is working on
}

// NewWebhookSender checks cfg and returns a sender. It starts nothing: see [WebhookSender.Run] and [WebhookSender.Task].
func NewWebhookSender(cfg WebhookSenderConfig) (*WebhookSender, error) {
	switch {
	case cfg.Service == nil:
		return nil, errors.New("tenant: WebhookSenderConfig.Service is required: make one with New")
	case cfg.Workers < 0:
		return nil, errors.New("tenant: WebhookSenderConfig.Workers must not be negative")
	case cfg.LeaseTTL != 0 && cfg.LeaseTTL < time.Second:
		return nil, errors.New("tenant: WebhookSenderConfig.LeaseTTL must be at least a second")
	}
	if cfg.Workers == 0 {
		cfg.Workers = defaultWebhookWorkers
	}
	if cfg.LeaseTTL == 0 {
		cfg.LeaseTTL = time.Minute
	}
	if cfg.Holder == "" {
		cfg.Holder = rand.Text()
	}
	if cfg.Logger == nil {
		cfg.Logger = cfg.Service.log
	}
	w := &WebhookSender{s: cfg.Service, cfg: cfg, wake: make(chan struct{}, 1)}
	var err error
	w.hosts, err = w.hostFollowers()
	return w, err
}

// Task is the sender's work for a [Runner], named "webhooks".
func (w *WebhookSender) Task() Task {
	return Task{Name: "webhooks", Loop: func(ctx context.Context) error { return w.Run(ctx, 0) }}
}

// Run sends until ctx ends, and returns ctx.Err(). It looks every interval (zero means 10 seconds) and at once after
// [WebhookSender.Wake]. The caller owns the goroutine; every replica may run one.
func (w *WebhookSender) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		interval = defaultFollowEvery
	}
	var running sync.WaitGroup
	defer running.Wait()
	if w.hosts != nil {
		running.Go(func() { _ = w.hosts.Run(ctx, interval) })
	}
	// Errors were logged where they happened; the next round tries again.
	lookEvery(ctx, interval, w.wake, func() { _, _ = w.tenants(ctx) })
	return ctx.Err()
}

// Wake lets Run look at once: call it after a write. It never blocks.
func (w *WebhookSender) Wake() {
	if w.hosts != nil {
		w.hosts.Wake()
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// SendAll sends what is due once, of all tenants, and returns how many events were delivered. It is for hosts whose scheduler
// starts a process now and then, and for tests. An error is a failure of the store; what a receiver fails at is in the log of
// its webhook, and errors of the host's own addresses are joined.
func (w *WebhookSender) SendAll(ctx context.Context) (int, error) {
	n, err := w.tenants(ctx)
	if w.hosts != nil {
		k, hostErr := w.hosts.SyncAll(ctx)
		n, err = n+k, errors.Join(err, hostErr)
	}
	return n, err
}

// tenants works on all tenants with events that were not sent, until none has more that is due.
func (w *WebhookSender) tenants(ctx context.Context) (int, error) {
	if _, err := webhooks(w.s.store); err != nil {
		return 0, nil //nolint:nilerr // a store that keeps none
	}
	b := behind{
		store: w.s.store, reader: webhookReader, workers: w.cfg.Workers,
		work: func(ctx context.Context, tenantID string) (n int, more bool, err error) {
			n, more, err = w.tenant(ctx, tenantID)
			if ctx.Err() != nil {
				err = nil // we stop; that is nobody's failure
			}
			return n, more, err
		},
		unread: func(err error) {
			w.cfg.Logger.ErrorContext(ctx, "tenant: the journal can't be read; no webhook is sent", "error", err)
		},
		failed: func(tenantID string, err error) {
			w.cfg.Logger.ErrorContext(ctx, "tenant: webhooks could not be sent; tried again later", "tenant", tenantID, "error", err)
		},
	}
	return b.round(ctx)
}

// tenant sends to all webhooks of a tenant for a while; more says that something is left that is due.
func (w *WebhookSender) tenant(ctx context.Context, tenantID string) (n int, more bool, err error) {
	all, err := w.s.allWebhooks(ctx, w.s.store, tenantID)
	if err != nil {
		return 0, false, err
	}
	var mu sync.Mutex
	var errs []error
	var sending sync.WaitGroup
	for _, hook := range all {
		if !hook.Enabled || w.s.now().Before(hook.NextAt) {
			continue
		}
		sending.Go(func() {
			k, left, err := w.hook(ctx, tenantID, hook)
			mu.Lock()
			defer mu.Unlock()
			n += k
			more = more || left
			errs = append(errs, err)
		})
	}
	sending.Wait()
	if err := errors.Join(errs...); err != nil {
		return n, false, err
	}
	if n == 0 {
		at, err := w.s.store.Position(ctx, tenantID, webhookReader)
		if err != nil || slices.ContainsFunc(all, func(h store.Webhook) bool { return h.Enabled && h.Position <= at }) {
			return 0, more, err // one that waits holds the place: nothing is written until it is due
		}
	}
	err = w.advance(ctx, tenantID)
	return n, more, err
}

// advance moves the tenant's place up to the webhook that is behind all others.
func (w *WebhookSender) advance(ctx context.Context, tenantID string) error {
	err := w.s.store.InTx(ctx, func(tx store.Store) error {
		at, err := tx.Position(ctx, tenantID, webhookReader)
		if err != nil {
			return err
		}
		// First of all: whoever makes or replays a webhook meanwhile waits here.
		if err := tx.SavePosition(ctx, tenantID, webhookReader, at, at); err != nil {
			return err
		}
		to, err := lastSeq(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		all, err := w.s.allWebhooks(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		for _, hook := range all {
			if hook.Enabled {
				to = min(to, hook.Position)
			}
		}
		if to == at {
			return nil
		}
		return tx.SavePosition(ctx, tenantID, webhookReader, at, to)
	})
	if errors.Is(err, store.ErrStale) { // somebody was faster; the next look moves it
		return nil
	}
	return err
}

// hook sends to one webhook for a while.
func (w *WebhookSender) hook(ctx context.Context, tenantID string, hook store.Webhook) (n int, more bool, err error) {
	events, err := w.s.store.Events(ctx, tenantID, store.EventQuery{After: hook.Position, Limit: 1})
	if err != nil || len(events) == 0 { // most often: no lease is needed
		return 0, false, err
	}
	lease := &heldLease{
		store: w.s.store, tenantID: tenantID, name: "webhook." + hook.ID, holder: w.cfg.Holder, now: w.s.now, ttl: w.cfg.LeaseTTL,
		forAtMost: w.s.cfg.Webhooks.Timeout,
	}
	// Two goroutines of one sender have the same holder.
	key := tenantID + "/" + hook.ID
	if _, busy := w.holding.LoadOrStore(key, true); busy {
		return 0, false, nil
	}
	defer w.holding.Delete(key)
	begun := w.s.now()
	for more = true; more && err == nil; {
		if w.s.now().Sub(begun) > followTurn {
			break
		}
		var k int
		err = guarded(func() (err error) { // what the host has plugged in may panic, and this is no goroutine of its own
			k, more, err = w.page(ctx, lease, tenantID, hook.ID)
			return err
		})
		n += k
	}
	switch {
	case errors.Is(err, errNotOurs), errors.Is(err, store.ErrNotFound): // another replica goes on, or it was deleted
		return n, false, nil
	default:
		lease.release(ctx)
		return n, more && err == nil, err
	}
}

// page sends what is in the next page of the journal; more says that another may follow.
func (w *WebhookSender) page(ctx context.Context, lease *heldLease, tenantID, id string) (n int, more bool, err error) {
	if err := lease.hold(ctx); err != nil {
		return 0, false, err
	}
	hook, err := w.s.webhook(ctx, w.s.store, tenantID, id)
	if err != nil || !hook.Enabled || w.s.now().Before(hook.NextAt) {
		return 0, false, err
	}
	events, err := w.s.store.Events(ctx, tenantID, store.EventQuery{After: hook.Position, Limit: defaultFollowBatch})
	if err != nil || len(events) == 0 {
		return 0, false, err
	}
	begun, passed := w.s.now(), hook.Position
	for _, e := range events {
		if !typeFilter(hook.Types).has(e.Type) || !w.s.publicType(e.Type) {
			passed = e.Seq
			continue
		}
		if err := lease.hold(ctx); err != nil {
			return n, false, err
		}
		after, ok, err := w.deliver(ctx, tenantID, hook, e)
		if err != nil || !ok {
			return n, false, err
		}
		n, passed = n+1, e.Seq
		if after.Revision != hook.Revision || w.s.now().Sub(begun) > followTurn {
			return n, true, nil // what people changed meanwhile holds from the next page on
		}
		hook = after
	}
	if passed == hook.Position {
		return n, true, nil
	}
	in, err := webhooks(w.s.store)
	if err != nil {
		return n, false, err
	}
	hook.Position = passed
	if _, err = in.UpdateWebhook(ctx, tenantID, hook); errors.Is(err, store.ErrStale) {
		err = nil // somebody may have chosen other types: what was passed over is looked at again
	}
	return n, true, wrapped("writing the webhook", err)
}

// deliver sends one event, and notes what became of it; ok says that the next one may follow.
func (w *WebhookSender) deliver(ctx context.Context, tenantID string, hook store.Webhook, e store.Event) (after store.Webhook, ok bool, err error) {
	s, c := w.s, w.s.cfg.Webhooks
	secrets, err := s.openWebhookSecrets(tenantID, hook)
	at := s.time()
	a := answer{code: WebhookCodeSecret, err: err}
	if err == nil {
		a = post(ctx, c.Client, c.Timeout, s.now, hook.URL, tenantID, e, secrets)
	}
	if ctx.Err() != nil {
		return hook, false, ctx.Err() // we stop; that is nobody's failure
	}
	if a.ok() {
		return s.deliveryChange(ctx, tenantID, hook.ID, hook.Position, func(h *store.Webhook) {
			noted(h, e, at, h.Failures+1, a)
			h.Position, h.Failures, h.NextAt, h.FailingSince = e.Seq, 0, time.Time{}, time.Time{}
		})
	}
	w.cfg.Logger.WarnContext(ctx, "tenant: a webhook failed", "tenant", tenantID, "webhook", hook.ID, "event", e.ID, "attempt", hook.Failures+1, "code", a.code, "status", a.status, "error", a.err)
	end := a.code == WebhookCodeGone || !hook.FailingSince.IsZero() && !at.Before(hook.FailingSince.Add(c.DisableAfter))
	moved := false
	after, _, err = s.deliveryChange(ctx, tenantID, hook.ID, hook.Position, func(h *store.Webhook) {
		noted(h, e, at, h.Failures+1, a)
		if moved = h.URL != hook.URL; moved {
			return // that was the address before; the new one has not failed
		}
		h.Failures++
		if h.FailingSince.IsZero() {
			h.FailingSince = at
		}
		h.NextAt = store.Time(s.now().Add(max(schedulePause(c.Schedule, int(h.Failures)), a.wait)))
	})
	if err == nil && end && !moved {
		err = w.giveUp(ctx, tenantID, hook.ID, a.code)
	}
	return after, false, err
}

// deliveryChange writes what became of a delivery, unless the webhook was disabled, deleted or moved to another place
// meanwhile. It makes no event and is no revision: owners' changes meet it and go on.
func (s *Service) deliveryChange(ctx context.Context, tenantID, id string, from int64, change func(w *store.Webhook)) (store.Webhook, bool, error) {
	in, err := webhooks(s.store)
	if err != nil {
		return store.Webhook{}, false, err
	}
	for try := 1; ; try++ {
		h, err := s.webhook(ctx, s.store, tenantID, id)
		if err != nil || !h.Enabled || h.Position != from {
			return h, false, err
		}
		change(&h)
		switch out, err := in.UpdateWebhook(ctx, tenantID, h); {
		case err == nil:
			return out, true, nil
		case !errors.Is(err, store.ErrStale) || try == linkTries:
			return h, false, wrapped("writing the webhook", err)
		}
	}
}

// giveUp disables a webhook, and tells the owners in the same transaction.
func (w *WebhookSender) giveUp(ctx context.Context, tenantID, id, code string) error {
	s := w.s
	for try := 1; ; try++ {
		err := s.store.InTx(ctx, func(tx store.Store) error {
			before, err := s.webhook(ctx, tx, tenantID, id)
			if err != nil || !before.Enabled || before.Failures == 0 {
				return err // somebody did something about it
			}
			after := before
			n := Notice{
				Kind: NoticeWebhookDisabled, TenantID: tenantID, WebhookID: id, WebhookOrigin: hostOf(before.URL), Since: before.FailingSince,
				ID:      noticeID(tenantID, id, store.FormatTime(before.FailingSince)),
				Message: fmt.Sprintf("Events have not been sent to %s since %s, because it fails. Nothing more is sent there until you enable it again; what it missed can be sent then.", hostOf(before.URL), before.FailingSince.UTC().Format("2 January 2006, 15:04 UTC")),
			}
			why := WebhookCodeFailing
			if code == WebhookCodeGone {
				why, n.Message = code, fmt.Sprintf("Nothing more is sent to %s, because it answered that it wants no events any more (410).", hostOf(before.URL))
			}
			s.disable(&after, why)
			after.Revision, after.UpdatedAt = before.Revision+1, s.time()
			if s.cfg.Notifier != nil {
				if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
					return err
				}
			}
			_, err = s.putWebhook(ctx, tx, Actor{Kind: ActorSystem, Name: "webhooks"}, tenantID, "webhook.disabled", n.Message, before, after)
			return err
		})
		if !errors.Is(err, store.ErrStale) || try == linkTries {
			return wrapped("disabling the webhook", err)
		}
	}
}

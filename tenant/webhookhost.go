package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// HostWebhook is an address of the host's own to which the events of all tenants are sent, in the form of tenants' webhooks.
// It is never disabled: while it fails it is tried as Config.Webhooks.Schedule says, each tenant's events wait in order, and
// the log tells.
type HostWebhook struct {
	// Name tells it apart: how far it has come is kept under it. As Follower.Name, with at most 50 characters.
	Name string
	// URL is the address: https, or http. It is the host's own and may be private.
	URL string
	// Secrets sign what is sent, all of them: one, or two while it is being replaced. See [NewWebhookSecret].
	Secrets []Secret
	// Types are the types of events that are sent, or beginnings of them that end in ".*"; empty means all, internal ones
	// and those in no list too.
	Types []string
	// Start is where a new one begins.
	Start FollowStart
	// Client sends. Nil means one with usual bounds that follows no redirect.
	Client *http.Client
}

const maxHostWebhookName = 50

// hostFollowers are the host's addresses as followers.
func (w *WebhookSender) hostFollowers() (*Followers, error) {
	if len(w.cfg.Host) == 0 {
		return nil, nil
	}
	c := w.s.cfg.Webhooks
	var all []Follower
	for _, h := range w.cfg.Host {
		if !taskName.MatchString(h.Name) || len(h.Name) > maxHostWebhookName {
			return nil, fmt.Errorf("tenant: HostWebhook.Name %q must be 1 to %d lower-case letters, digits, underscores, dots and dashes", h.Name, maxHostWebhookName)
		}
		u, err := url.Parse(h.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			return nil, fmt.Errorf("tenant: host webhook %s: URL must be one such as https://hooks.example.com/tenantgate", h.Name)
		}
		if len(h.Secrets) == 0 {
			return nil, fmt.Errorf("tenant: host webhook %s: Secrets is required: make one with NewWebhookSecret", h.Name)
		}
		for _, sec := range h.Secrets {
			if _, err := webhookKey(sec); err != nil {
				return nil, fmt.Errorf("tenant: host webhook %s: %w", h.Name, err)
			}
		}
		client := h.Client
		if client == nil {
			client = &http.Client{Timeout: c.Timeout}
		}
		all = append(all, Follower{
			Name: "webhook." + h.Name, Types: h.Types, Start: h.Start, Batch: 1, NeverPark: true, Timeout: c.Timeout + 5*time.Second,
			Handle: func(ctx context.Context, tenantID string, events []store.Event) error {
				for _, e := range events {
					if a := post(ctx, client, c.Timeout, w.s.now, h.URL, tenantID, e, h.Secrets); !a.ok() {
						return fmt.Errorf("tenant: host webhook %s: %s (status %d): %w", h.Name, a.code, a.status, orNil(a.err))
					}
				}
				return nil
			},
			delay: func(failures int) time.Duration { return schedulePause(c.Schedule, failures) },
		})
	}
	return NewFollowers(FollowersConfig{
		Store: w.s.store, Followers: all, Workers: w.cfg.Workers, Holder: w.cfg.Holder, LeaseTTL: w.cfg.LeaseTTL, Now: w.s.now, Logger: w.cfg.Logger,
	})
}

// errAnswered is what stands for an answer that is no failure of the connection.
var errAnswered = errors.New("tenant: the receiver answered")

func orNil(err error) error {
	if err == nil {
		return errAnswered
	}
	return err
}

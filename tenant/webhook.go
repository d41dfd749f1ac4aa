package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// WebhookConfig says how webhooks go; the zero value is fit for use. They are sent by a [WebhookSender].
type WebhookConfig struct {
	// EventTypes are the types that webhooks may send beside [EventTypes]: scim.EventTypes(), oidc.EventTypes(),
	// provisioning.EventTypes(), and the host's own. What is in no list is sent to no tenant.
	EventTypes []EventType
	// Max is how many webhooks a tenant may have. Zero means 10, more than 100 is refused.
	Max int
	// AllowPorts admits ports other than 443.
	AllowPorts bool
	// Timeout bounds an attempt, reading the answer included. Zero means 20 seconds; more than a minute is refused.
	Timeout time.Duration
	// Schedule is how long to wait after the first failure, the second and so on; the last is repeated. Each is varied by a
	// tenth. Nil means that of Standard Webhooks: 5 seconds, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours.
	Schedule []time.Duration
	// DisableAfter is for how long a webhook may fail before it is switched off. Zero means 5 days; less than an hour is
	// refused.
	DisableAfter time.Duration
	// Client sends. Nil means one of [NewOutboundClient], which reaches no private address and follows no redirect; a client
	// of the host's own has to see to both itself.
	Client *http.Client
}

const (
	defaultMaxWebhooks    = 10
	maxMaxWebhooks        = 100
	defaultWebhookTimeout = 20 * time.Second
	defaultDisableAfter   = 5 * day
	maxWebhookAnswer      = 64 << 10 // bytes; nobody reads more than it takes to use the connection again
	maxDescription        = 200
	maxWebhookURL         = 2048
	keptAttempts          = 20

	kindWebhook = "webhook"
	// webhookReader is how far all enabled webhooks of a tenant have come.
	webhookReader = "webhooks"
)

// standardSchedule are the pauses of the example in Standard Webhooks 1.0.0, "Deliverability and reliability".
func standardSchedule() []time.Duration {
	const h = time.Hour
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h}
}

// complete checks the configuration and fills in what is not given.
func (c WebhookConfig) complete(loopback bool) (WebhookConfig, error) {
	switch {
	case c.Max < 0 || c.Max > maxMaxWebhooks:
		return c, fmt.Errorf("tenant: Config.Webhooks.Max must be 0 to %d", maxMaxWebhooks)
	case c.Timeout < 0 || c.Timeout > time.Minute:
		return c, errors.New("tenant: Config.Webhooks.Timeout must be between zero and a minute")
	case c.DisableAfter != 0 && c.DisableAfter < time.Hour:
		return c, errors.New("tenant: Config.Webhooks.DisableAfter must be at least an hour")
	case c.Schedule != nil && len(c.Schedule) == 0 || slices.ContainsFunc(c.Schedule, func(d time.Duration) bool { return d <= 0 }):
		return c, errors.New("tenant: Config.Webhooks.Schedule must have durations greater than zero")
	}
	if c.Max == 0 {
		c.Max = defaultMaxWebhooks
	}
	if c.Timeout == 0 {
		c.Timeout = defaultWebhookTimeout
	}
	if c.DisableAfter == 0 {
		c.DisableAfter = defaultDisableAfter
	}
	if c.Schedule == nil {
		c.Schedule = standardSchedule()
	}
	if c.Client == nil {
		c.Client = NewOutboundClient(OutboundConfig{Timeout: c.Timeout, MaxBodyBytes: maxWebhookAnswer, InsecureAllowLoopback: loopback})
	}
	known := map[string]bool{}
	for _, t := range append(EventTypes(), c.EventTypes...) {
		if !typePattern.MatchString(t.Type) || t.Description == "" {
			return c, fmt.Errorf("tenant: Config.Webhooks.EventTypes: the type %q needs a dotted name and a description", t.Type)
		}
		if known[t.Type] {
			return c, fmt.Errorf("tenant: Config.Webhooks.EventTypes has the type %s twice, or it is one of tenant.EventTypes", t.Type)
		}
		known[t.Type] = true
	}
	return c, nil
}

// WebhookTypes returns the types of events that tenants' webhooks can send, in alphabetical order: for a page, or for the
// documentation of the host's own interface.
func (s *Service) WebhookTypes() []EventType {
	all := slices.DeleteFunc(append(EventTypes(), s.cfg.Webhooks.EventTypes...), func(t EventType) bool { return t.Internal })
	slices.SortFunc(all, func(a, b EventType) int { return strings.Compare(a.Type, b.Type) })
	return all
}

// public says whether a tenant's webhook may send a type: those alone that a list has.
func (s *Service) publicType(typ string) bool {
	if strings.HasSuffix(typ, "*") { // the lists may have beginnings too
		return false
	}
	return slices.ContainsFunc(s.webhookTypes, func(t EventType) bool { return typeMatches(t.Type, typ) })
}

// WebhookState says whether a webhook is sent.
type WebhookState string

// The states of a webhook.
const (
	WebhookEnabled  WebhookState = "enabled"
	WebhookFailing  WebhookState = "failing" // enabled, and the last attempt failed; later events wait behind it
	WebhookDisabled WebhookState = "disabled"
)

// Webhook is an address of a tenant's to which its events are sent, signed, in the order of the tenant's journal.
type Webhook struct {
	ID       string
	TenantID string
	// Version is what a change names, so that nobody overwrites what they have not seen.
	Version     int64
	URL         string
	Description string
	// Types are the types of events that are sent, or beginnings that end in ".*"; empty means all of [Service.WebhookTypes].
	Types []string
	State WebhookState
	// DisabledAt and DisabledCode tell since when it is disabled, and why if nobody did it: one of the WebhookCode…
	// constants.
	DisabledAt   time.Time
	DisabledCode string
	// Secrets are those that sign, without their values, newest first.
	Secrets []WebhookSecretInfo
	// Position is the Seq up to which events were sent or passed over.
	Position int64
	// Failures is how often the event that follows was sent in vain, NextAt when it is sent again, FailingSince since when.
	Failures             int
	NextAt, FailingSince time.Time
	CreatedAt, UpdatedAt time.Time
}

// WebhookSecretInfo tells of a secret without its value.
type WebhookSecretInfo struct {
	ID        string
	CreatedAt time.Time
	// ExpiresAt is when it signs no more; zero for the newest.
	ExpiresAt time.Time
}

// WebhookAttempt is an event that was sent, or could not be. What was answered beyond the status is not kept.
type WebhookAttempt = store.WebhookAttempt

// The codes of failed attempts.
const (
	WebhookCodeStatus      = "status"      // the answer was no 2xx
	WebhookCodeRedirect    = "redirect"    // the answer was a redirect, which is not followed
	WebhookCodeGone        = "gone"        // 410: the receiver wants no more; the webhook is disabled
	WebhookCodeTimeout     = "timeout"     // no answer in time
	WebhookCodeBlocked     = "blocked"     // the address is private or reserved
	WebhookCodeUnreachable = "unreachable" // no connection, or no TLS
	WebhookCodeSecret      = "secret"      // the secret can't be opened: rotate it
	// WebhookCodeFailing is why a webhook is disabled that failed for Config.Webhooks.DisableAfter.
	WebhookCodeFailing = "failing"
)

// viewOfWebhook is what callers see.
func viewOfWebhook(tenantID string, w store.Webhook, now time.Time) Webhook {
	out := Webhook{
		ID: w.ID, TenantID: tenantID, Version: w.Revision, URL: w.URL, Description: w.Description, Types: slices.Clone(w.Types), State: WebhookEnabled,
		DisabledAt: w.DisabledAt, DisabledCode: w.DisabledCode, Position: w.Position, Failures: int(w.Failures), NextAt: w.NextAt,
		FailingSince: w.FailingSince, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt,
	}
	switch {
	case !w.Enabled:
		out.State = WebhookDisabled
	case w.Failures > 0:
		out.State = WebhookFailing
	}
	for _, sec := range liveSecrets(w, now) {
		out.Secrets = append(out.Secrets, WebhookSecretInfo{ID: sec.ID, CreatedAt: sec.CreatedAt, ExpiresAt: sec.ExpiresAt})
	}
	return out
}

// liveSecrets are those that have not expired.
func liveSecrets(w store.Webhook, now time.Time) []store.WebhookSecret {
	return slices.DeleteFunc(slices.Clone(w.Secrets), func(sec store.WebhookSecret) bool {
		return !sec.ExpiresAt.IsZero() && !sec.ExpiresAt.After(now)
	})
}

// webhooks is the part of a store that keeps webhooks.
func webhooks(st store.Store) (store.WebhookStore, error) {
	out, ok := st.(store.WebhookStore)
	if !ok {
		return nil, fmt.Errorf("tenant: the store keeps no webhooks, see store.WebhookStore: %w", errors.ErrUnsupported)
	}
	return out, nil
}

// parseWebhookURL reads an address that an owner gives.
func (s *Service) parseWebhookURL(raw string) (string, []Finding) {
	v := strings.TrimSpace(raw)
	say := func(code, format string, args ...any) (string, []Finding) {
		f := errorFinding(FieldWebhookURL, code, format, args...).got(shown(v))
		f.Expected = "https://hooks.example.com/path"
		return "", []Finding{f}
	}
	if v == "" {
		return say(CodeRequired, "Give the address that events are sent to.")
	}
	u, err := url.Parse(v)
	bad := len(v) > maxWebhookURL || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' })
	if bad || err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || strings.Contains(v, "#") {
		return say(CodeURLInvalid, "This is not an address that events can be sent to: expected one with https://, without a user, a fragment and blanks.")
	}
	loopbackAllowed := s.cfg.InsecureAllowLoopback
	host, addr, err := authorityHost(u.Hostname(), loopbackAllowed)
	if err != nil {
		return say(CodeURLInvalid, "%s is not a host name.", shown(u.Hostname()))
	}
	loopback := loopbackAllowed && (host == localhost || addr.IsValid() && isLoopback(addr))
	switch {
	case addr.IsValid() && !loopback && !publicAddress(addr):
		return say(CodeURLPrivate, "This address is private or reserved. Events are sent to addresses on the Internet alone.")
	case !strings.EqualFold(u.Scheme, "https") && (!strings.EqualFold(u.Scheme, "http") || !loopback):
		return say(CodeURLNotHTTPS, "The address must start with https://.")
	case u.Port() != "" && u.Port() != "443" && !s.cfg.Webhooks.AllowPorts && !loopback:
		return say(CodeURLPort, "The address must not name a port other than 443.")
	}
	if addr.Is6() {
		host = "[" + host + "]"
	}
	if p := u.Port(); p != "" && p != "443" {
		host += ":" + p
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), host
	return u.String(), nil
}

// parseWebhookTypes checks the types that an owner chose.
func (s *Service) parseWebhookTypes(types []string) ([]string, []Finding) {
	if len(types) > maxTypePatterns {
		f := errorFinding(FieldWebhookTypes, CodeTooMany, "Choose at most %d types, or beginnings such as scim.user.*.", maxTypePatterns)
		f.Got, f.Expected = fmt.Sprint(len(types)), fmt.Sprintf("at most %d", maxTypePatterns)
		return nil, []Finding{f}
	}
	var findings []Finding
	out := make([]string, 0, len(types))
	for _, t := range types {
		if !s.knownPattern(t) {
			f := errorFinding(FieldWebhookTypes, CodeEventTypeUnknown, "%s is no type of events, and no beginning of one.", shown(t)).got(shown(t))
			f.Expected = "a type such as scim.user.created, or a beginning such as scim.user.*"
			if findings = append(findings, f); len(findings) == 10 {
				break
			}
			continue
		}
		out = append(out, t)
	}
	slices.Sort(out)
	return slices.Compact(out), findings
}

func (s *Service) knownPattern(p string) bool {
	if len(p) > maxTypePattern || !typePattern.MatchString(p) {
		return false
	}
	return s.publicType(p) || slices.ContainsFunc(s.webhookTypes, func(t EventType) bool { return typeMatches(p, t.Type) })
}

// allWebhooks reads a tenant's.
func (s *Service) allWebhooks(ctx context.Context, st store.Store, tenantID string) ([]store.Webhook, error) {
	in, err := webhooks(st)
	if err != nil {
		return nil, err
	}
	all, err := in.Webhooks(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("tenant: reading webhooks: %w", err)
	}
	return all, nil
}

package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// The types of the events about providers. All but the last come with an [Alarm].
const (
	EventConnectionFailing   = "oidc.connection.failing"   // the provider refuses the application itself: the secret has expired, for example
	EventConnectionRecovered = "oidc.connection.recovered" // somebody could sign in again
	EventProviderDrifted     = "oidc.provider.drifted"     // the provider's document has changed, or can't be used any more
	EventProviderReturned    = "oidc.provider.returned"    // the document is in order again
	EventProviderKept        = "oidc.provider.kept"        // a document is kept for the first time; no alarm
)

// CodeMetadataChanged is the code of [EventProviderDrifted] for a document that is in order and names other endpoints
// or abilities than before; it is used from now on. Any other code is one of package tenant's about the provider, and
// sign-in goes on with the document that was kept.
const CodeMetadataChanged = "metadata_changed"

// Alarm is something that the owners of a tenant, or the host's staff, should hear of.
type Alarm struct {
	// Event is the type of the journal's event: one of the Event… constants.
	Event string
	// Code says what it is about, such as CodeSecretExpired.
	Code           string
	TenantID       string
	ConnectionID   string
	ConnectionName string
	// Message is our own sentence for the person who gets the alarm.
	Message string
	At      time.Time
}

// AlarmHook takes alarms.
type AlarmHook interface {
	// OnAlarm is called after the event has been written, once for each change of state, on whichever replica made it. It
	// runs within a sign-in or in Handler.Run, for a few seconds at most: hand the alarm on to your own queue. An error is logged and changes nothing. A process that
	// ends at the wrong moment loses the call, never the event: read the journal where every alarm counts.
	OnAlarm(ctx context.Context, a Alarm) error
}

// AlarmFunc is a function as an [AlarmHook].
type AlarmFunc func(ctx context.Context, a Alarm) error

// OnAlarm calls f.
func (f AlarmFunc) OnAlarm(ctx context.Context, a Alarm) error { return f(ctx, a) }

// alarm calls the host.
func (h *Handler) alarm(ctx context.Context, a Alarm) {
	if h.cfg.OnAlarm == nil {
		return
	}
	if err := h.callAlarm(ctx, a); err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "oidc: the application took no alarm",
			slog.String("event", a.Event), slog.String("tenant", a.TenantID), slog.String("connection", a.ConnectionID), slog.Any("error", err))
	}
}

// callAlarm makes a panic an error: alarms are also raised where nobody else would catch it.
func (h *Handler) callAlarm(ctx context.Context, a Alarm) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("oidc: OnAlarm panicked: %v", p)
		}
	}()
	return h.cfg.OnAlarm.OnAlarm(ctx, a)
}

// news is a change of a connection's state that an event and an alarm tell of.
type news struct {
	event, code, message string
	before, after        any  // of the event; nil for none
	quiet                bool // no alarm
}

// observation changes what a connection's record says of its provider. No news means that there is nothing to write.
// It may be called more than once, each time with the record as it is then.
type observation func(c *store.Connection, now time.Time) []news

const (
	noteTimeout = 5 * time.Second
	noteTries   = 5
)

// note writes an observation that was made with c, unless the configuration has changed since, and raises its alarms. Of
// several replicas that see the same at once one writes. A failure is logged: it must not fail a sign-in.
func (h *Handler) note(ctx context.Context, c store.Connection, observe observation) {
	if seen := c; len(observe(&seen, store.Time(h.now()))) == 0 {
		return // nothing new, which is nearly always so
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	var raised []Alarm
	err := store.ErrStale
	for try := 0; errors.Is(err, store.ErrStale) && try < noteTries; try++ {
		err = h.cfg.Store.InTx(ctx, func(tx store.Store) error {
			raised = nil
			found, err := h.write(ctx, tx, c, observe)
			raised = found
			return err
		})
	}
	if err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "oidc: what a sign-in showed about the provider could not be recorded",
			slog.String("tenant", c.TenantID), slog.String("connection", c.ID), slog.Any("error", err))
		return
	}
	for _, a := range raised {
		h.alarm(ctx, a)
	}
}

// write brings an observation into the record as it is now.
func (h *Handler) write(ctx context.Context, tx store.Store, c store.Connection, observe observation) ([]Alarm, error) {
	now, err := tx.Connection(ctx, c.TenantID, c.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if now.State == store.ConnectionDeleted || now.ConfigVersion != c.ConfigVersion || now.Issuer != c.Issuer || !now.SecretSetAt.Equal(c.SecretSetAt) {
		return nil, nil // it says nothing about the configuration that there is now
	}
	at := store.Time(h.now())
	all := observe(&now, at)
	if len(all) == 0 {
		return nil, nil
	}
	var events []store.Event
	var alarms []Alarm
	for _, n := range all {
		e := store.Event{
			ID: store.NewID(at), Type: n.event, At: at, Code: n.code, Message: n.message,
			Actor: store.EventActor{Kind: "system"}, Subject: store.EventSubject{Kind: "connection", ID: c.ID, Name: now.Name},
		}
		if n.before != nil {
			e.Before, _ = json.Marshal(n.before) //nolint:errchkjson // strings and booleans
		}
		if n.after != nil {
			e.After, _ = json.Marshal(n.after) //nolint:errchkjson // strings and booleans
		}
		events = append(events, e)
		if n.quiet {
			continue
		}
		alarms = append(alarms, Alarm{
			Event: n.event, Code: n.code, TenantID: c.TenantID, ConnectionID: c.ID, ConnectionName: now.Name, Message: n.message, At: at,
		})
	}
	now.UpdatedAt = at
	if _, err := tx.UpdateConnection(ctx, c.TenantID, now, events...); err != nil {
		return nil, err
	}
	return alarms, nil
}

package tenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	eventsErased   = "journal.erased"
	retentionPage  = 500 // events in a transaction
	minKeepEvents  = 30 * day
	retentionActor = "retention"
	// anyJournal is a reader that never reads, and so is behind with every tenant that has a journal.
	anyJournal = store.MarkPrefix + "tenant.retention"
)

// checkRetention holds Config.KeepEvents to what the journal is needed for.
func (cfg *Config) checkRetention() error {
	switch keep := cfg.KeepEvents; {
	case keep == 0:
	case keep < minKeepEvents:
		return fmt.Errorf("tenant: Config.KeepEvents is %s, expected at least 30 days, or zero to keep events for good", keep)
	case cfg.Notifier != nil && keep < cfg.DrillAfter:
		return fmt.Errorf("tenant: Config.KeepEvents is %s, expected at least Config.DrillAfter (%s): the journal tells when break-glass addresses were tried", keep, cfg.DrillAfter)
	}
	return nil
}

// erasedEvents is what the event "journal.erased" tells.
type erasedEvents struct {
	Events  int       `json:"events"`
	From    time.Time `json:"from"` // of the first
	To      time.Time `json:"to"`   // of the last
	Through int64     `json:"through"`
	Keep    string    `json:"keep"` // the policy
}

// EraseOldEvents erases what is older than Config.KeepEvents from the journals of all tenants, removed ones too, and returns
// how many events there were. It goes from the oldest to the first that is younger, in pages, and stops in front of what a
// reader has not handled that has saved a position (package oidc's Revoker, package provisioning's Engine, a host's own); a
// warning in the log names a tenant where that is so. A reader that is out of use keeps everything: move its position with
// store.Journal.SavePosition. Each page leaves an event "journal.erased" that says how many were erased, of
// which time and by which policy. One such event is not erased before something else is.
//
// Without Config.KeepEvents it does nothing. The host schedules it, about once a day, on any replica; [Runner] does. It may
// stop anywhere. The error joins those of the tenants that failed, of which a hundred are told; the others were done.
func (s *Service) EraseOldEvents(ctx context.Context) (int, error) {
	if s.cfg.KeepEvents == 0 {
		return 0, nil
	}
	n, held, heldTenant := 0, 0, ""
	var failed []error
	defer func() {
		if held > 0 {
			s.log.LogAttrs(ctx, slog.LevelWarn, "tenant: old events stay because a reader of the journal has not handled them", slog.Int("tenants", held), slog.String("tenant", heldTenant))
		}
	}()
	for after := ""; ; {
		tenants, err := s.store.TenantsBehind(ctx, anyJournal, after, store.MaxLimit)
		if err != nil {
			return n, errors.Join(append(failed, wrapped("reading tenants", err))...)
		}
		for _, id := range tenants {
			erased, behind, err := s.eraseOldEvents(ctx, id)
			n += erased
			if ctx.Err() != nil {
				return n, errors.Join(append(failed, ctx.Err())...)
			}
			if err != nil && len(failed) < maxErrors {
				failed = append(failed, fmt.Errorf("tenant: erasing old events of %s: %w", id, err))
			}
			if behind {
				held, heldTenant = held+1, id
			}
		}
		if len(tenants) < store.MaxLimit {
			return n, errors.Join(failed...)
		}
		after = tenants[len(tenants)-1]
	}
}

// eraseOldEvents does one tenant. behind says that a reader held it up.
func (s *Service) eraseOldEvents(ctx context.Context, tenantID string) (n int, behind bool, err error) {
	for limit := 1; ; limit = retentionPage { // most have nothing to erase: one event tells
		old, err := s.store.Events(ctx, tenantID, store.EventQuery{Limit: limit})
		if err != nil {
			return n, false, err
		}
		read := len(old)
		for i := range old {
			if !old[i].At.Before(s.now().Add(-s.cfg.KeepEvents)) {
				old = old[:i]
				break
			}
		}
		switch {
		case len(old) == 0:
			return n, false, nil
		case limit == 1:
			continue
		case len(old) == 1 && old[0].Type == eventsErased:
			return n, false, nil
		}
		erased, err := s.erasePage(ctx, tenantID, old)
		n += erased
		if err != nil || erased < len(old) {
			return n, erased < len(old), err
		}
		if read < retentionPage || len(old) < read {
			return n, false, nil
		}
	}
}

// erasePage erases events, the oldest of the journal, as far as its readers have come, and leaves a trace.
func (s *Service) erasePage(ctx context.Context, tenantID string, old []store.Event) (n int, err error) {
	err = s.store.InTx(ctx, func(tx store.Store) error {
		n, err = tx.EraseEvents(ctx, tenantID, old[len(old)-1].Seq, len(old))
		if err != nil || n == 0 {
			return err
		}
		last := old[len(old)-1]
		if n < len(old) { // up to what is left, whoever erased the others
			left, err := tx.Events(ctx, tenantID, store.EventQuery{Limit: 1})
			if err != nil {
				return err
			}
			for i := range old {
				if len(left) == 0 || old[i].Seq < left[0].Seq {
					last = old[i]
				}
			}
		}
		e, err := s.event(Actor{Kind: ActorSystem, Name: retentionActor}, change{
			kind: "journal", what: eventsErased, after: erasedEvents{Events: n, From: old[0].At, To: last.At, Through: last.Seq, Keep: s.cfg.KeepEvents.String()},
			message: fmt.Sprintf("%d events up to %s were erased, as the retention policy says.", n, last.At.UTC().Format(dueFormat)),
		})
		if err != nil {
			return err
		}
		return tx.AppendEvents(ctx, tenantID, e)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

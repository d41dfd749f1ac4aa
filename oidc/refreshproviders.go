package oidc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	refreshPage     = 100 // connections that are read at a time
	refreshParallel = 4   // providers that are asked at a time
)

// RefreshReport counts what [Handler.RefreshProviders] found.
type RefreshReport struct {
	// Connections is how many active connections were looked at.
	Connections int
	// Unusable is how many of them have a provider whose document can't be had or fails the checks.
	Unusable int
	// Changed is how many got another document, or their first.
	Changed int
}

// RefreshProviders reads the documents of all active connections' providers, keeps them, and raises an [Alarm] where one
// has changed or can't be used any more (R21, R34). [Handler.Run] does it once a day; a host that does not run that
// schedules it, on any replica. Several at once do no harm. A few providers are asked at a time, each for ten seconds at
// most, and one that does not answer stops none of the others.
//
// An error is the store's, or that of a context that ended; the report then counts what was done before.
func (h *Handler) RefreshProviders(ctx context.Context) (RefreshReport, error) {
	var report RefreshReport
	for after := (store.Ref{}); ; {
		refs, err := h.cfg.Store.ConnectionsByState(ctx, store.ConnectionActive, after, refreshPage)
		if err != nil {
			return report, fmt.Errorf("oidc: reading the active connections: %w", err)
		}
		if err := h.refreshAll(ctx, refs, &report); err != nil {
			return report, err
		}
		if len(refs) < refreshPage {
			return report, nil
		}
		after = refs[len(refs)-1]
	}
}

// refreshAll works on a page of connections and returns when all of it is done.
func (h *Handler) refreshAll(ctx context.Context, refs []store.Ref, report *RefreshReport) error {
	var mu sync.Mutex // guards report and errs
	var errs []error
	var workers sync.WaitGroup
	slots := make(chan struct{}, refreshParallel)
	for _, ref := range refs {
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			usable, changed, err := h.refreshProvider(ctx, ref)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, store.ErrNotFound): // gone since
				return
			case err != nil:
				errs = append(errs, err)
				return
			}
			report.Connections++
			if !usable {
				report.Unusable++
			}
			if changed {
				report.Changed++
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// refreshProvider reads one connection's document anew and keeps it.
func (h *Handler) refreshProvider(ctx context.Context, ref store.Ref) (usable, changed bool, err error) {
	c, err := h.activeConnection(ctx, ref.TenantID, ref.ID)
	if err != nil {
		return false, false, err
	}
	// Customers of one provider share its document; only the first of them asks for it.
	if _, _, err := h.providers.docs.refresh(ctx, c.Authority, schedule); err != nil && ctx.Err() != nil {
		return false, false, fmt.Errorf("oidc: refreshing providers: %w", ctx.Err())
	}
	m, d := h.providers.present(ctx, c)
	if err := ctx.Err(); err != nil {
		return false, false, fmt.Errorf("oidc: refreshing providers: %w", err)
	}
	h.note(ctx, c, func(c *store.Connection, now time.Time) []news {
		changed = false
		switch {
		case d != nil && c.Metadata == nil:
			return nil // sign-in fails, and the sign-in's own refusal says why
		case d != nil:
			return drifted(c, d, now)
		case c.Metadata == nil:
			c.Metadata, changed = m.snapshot(), true
			return []news{{event: EventProviderKept, quiet: true, message: "The provider's metadata is kept, to fall back on."}}
		}
		found := noteDocument(c, m, true, now)
		changed = len(found) > 0 && found[0].event == EventProviderDrifted
		return found
	})
	return d == nil, changed, nil
}

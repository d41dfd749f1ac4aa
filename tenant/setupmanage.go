package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// SetupLinkPage is a part of a tenant's set-up links, oldest first.
type SetupLinkPage struct {
	Links []SetupLink
	// Next is the after of the page that follows, empty when there is none.
	Next string
}

// SetupLinks returns the tenant's links, ended ones too, after the one with the given ID (empty: from the oldest), up to limit
// (zero, or more than [store.MaxLimit], means that many). Ended ones are kept for 90 days, or until others need their place.
func (s *Service) SetupLinks(ctx context.Context, actor Actor, tenantID, after string, limit int) (SetupLinkPage, error) {
	if err := s.allow(ctx, actor, ActionViewSetupLinks, tenantID); err != nil {
		return SetupLinkPage{}, err
	}
	st, err := setupLinks(s.store)
	if err != nil {
		return SetupLinkPage{}, err
	}
	page, err := st.SetupLinks(ctx, tenantID, store.Query{After: after, Limit: limit})
	if err != nil {
		return SetupLinkPage{}, fmt.Errorf("tenant: reading set-up links: %w", err)
	}
	out := SetupLinkPage{Links: make([]SetupLink, 0, len(page.Items)), Next: page.Next}
	if !page.More {
		out.Next = ""
	}
	for _, l := range page.Items {
		out.Links = append(out.Links, viewOfLink(tenantID, l, s.time()))
	}
	return out, nil
}

// RevokeSetupLink ends a link at once, also for whoever has it open. One that has ended otherwise is marked as revoked too;
// revoking twice changes nothing and succeeds.
func (s *Service) RevokeSetupLink(ctx context.Context, actor Actor, tenantID, id string) (SetupLink, error) {
	if err := s.allow(ctx, actor, ActionManageSetupLinks, tenantID); err != nil {
		return SetupLink{}, err
	}
	l, err := s.changeLink(ctx, actor, tenantID, id, func(_ store.Store, l *store.SetupLink) (string, error) {
		if !l.RevokedAt.IsZero() {
			return "", nil
		}
		l.RevokedAt = s.time()
		return "setup_link.revoked", nil
	})
	if err != nil {
		return SetupLink{}, err
	}
	return viewOfLink(tenantID, l, s.time()), nil
}

// changeLink changes a link in one transaction with its event. edit names the event, or changes nothing and names none; when
// somebody else was faster it sees the link anew.
func (s *Service) changeLink(ctx context.Context, actor Actor, tenantID, id string, edit func(tx store.Store, l *store.SetupLink) (string, error)) (store.SetupLink, error) {
	var out store.SetupLink
	for try := 1; ; try++ {
		err := s.store.InTx(ctx, func(tx store.Store) (err error) {
			out, err = s.changeLinkIn(ctx, tx, actor, tenantID, id, edit)
			return err
		})
		if !errors.Is(err, store.ErrStale) || try == linkTries {
			return out, err
		}
	}
}

func (s *Service) changeLinkIn(ctx context.Context, tx store.Store, actor Actor, tenantID, id string, edit func(tx store.Store, l *store.SetupLink) (string, error)) (store.SetupLink, error) {
	st, err := setupLinks(tx)
	if err != nil {
		return store.SetupLink{}, err
	}
	before, err := st.SetupLink(ctx, tenantID, id)
	if err != nil {
		return store.SetupLink{}, fmt.Errorf("tenant: reading the set-up link: %w", err)
	}
	after := before
	what, err := edit(tx, &after)
	if err != nil || what == "" {
		return before, err
	}
	e, err := s.event(actor, change{kind: kindSetupLink, id: id, name: after.Name, what: what, before: journalledLink(before), after: journalledLink(after)})
	if err != nil {
		return store.SetupLink{}, err
	}
	after.UpdatedAt = s.time()
	after, err = st.UpdateSetupLink(ctx, tenantID, after, e)
	return after, written("writing the set-up link", err)
}

// DeleteEndedSetupLinks removes the links of all tenants that ended more than 90 days ago, and returns how many. [Runner] does
// it; a host without one schedules it, about once a day, on any replica. The error joins those of the tenants that failed, of
// which a hundred are told; the others were done. It asks no authorizer: it is the host's own maintenance.
func (s *Service) DeleteEndedSetupLinks(ctx context.Context) (int, error) {
	st, err := setupLinks(s.store)
	if err != nil {
		return 0, err
	}
	n := 0
	var failed []error
	for after := ""; ; {
		tenants, err := st.TenantsWithSetupLinks(ctx, after, store.MaxLimit)
		if err != nil {
			return n, errors.Join(append(failed, fmt.Errorf("tenant: reading tenants: %w", err))...)
		}
		for _, tenantID := range tenants {
			deleted, err := s.deleteEndedLinks(ctx, st, tenantID)
			n += deleted
			if ctx.Err() != nil {
				return n, errors.Join(append(failed, ctx.Err())...)
			}
			if err != nil && len(failed) < maxErrors {
				failed = append(failed, fmt.Errorf("tenant: set-up links of %s: %w", tenantID, err))
			}
		}
		if len(tenants) < store.MaxLimit {
			return n, errors.Join(failed...)
		}
		after = tenants[len(tenants)-1]
	}
}

func (s *Service) deleteEndedLinks(ctx context.Context, st store.SetupLinkStore, tenantID string) (n int, err error) {
	old := s.time().Add(-setupLinkKept)
	for after := ""; ; {
		page, err := st.SetupLinks(ctx, tenantID, store.Query{After: after})
		if err != nil {
			return n, err
		}
		for _, l := range page.Items {
			if !endOfLink(l).Before(old) {
				continue
			}
			switch err := s.forgetLink(ctx, st, tenantID, l); {
			case err == nil:
				n++
			case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrStale): // another replica was faster
			default:
				return n, err
			}
		}
		if !page.More {
			return n, nil
		}
		after = page.Next
	}
}

// endOfLink is when a link ended, or will.
func endOfLink(l store.SetupLink) time.Time {
	end := l.ExpiresAt
	for _, t := range []time.Time{l.RevokedAt, l.CompletedAt} {
		if !t.IsZero() && t.Before(end) {
			end = t
		}
	}
	return end
}

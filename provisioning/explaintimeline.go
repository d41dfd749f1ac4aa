package provisioning

import (
	"cmp"
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TimelinePage is a part of what happened to a person, newest first.
type TimelinePage struct {
	Events []store.Event `json:"events,omitempty"`
	// Next is before for the page that follows; zero on the last one.
	Next int64 `json:"next,omitempty"`
}

// Timeline returns what the journal says about the account and about its provisioned user,
// newest first: sign-ins, the directory's writes, what provisioning did and why, changes by
// hand. before is TimelinePage.Next of the page before, zero for the newest; limit is the most
// events to return, zero means 100, more than [store.MaxLimit] means that. That the members of a
// group changed is an event of the group; what came of it for the person is here.
//
// The error matches [store.ErrNotFound] if the tenant has no such account. The actor needs
// [tenant.ActionViewUsers].
func (e *Engine) Timeline(ctx context.Context, actor tenant.Actor, tenantID, accountID string, before int64, limit int) (TimelinePage, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewUsers, tenantID); err != nil {
		return TimelinePage{}, err
	}
	if limit <= 0 {
		limit = 100
	}
	limit, before = min(limit, store.MaxLimit), max(before, 0)
	var all []store.Event
	more := false
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		all, more = nil, false
		_, x, err := e.explained(ctx, tx, tenantID, accountID)
		if err != nil {
			return err
		}
		for _, s := range []store.EventSubject{{Kind: subjectAccount, ID: accountID}, {Kind: subjectUser, ID: x.scimUserID}} {
			if s.ID == "" {
				continue
			}
			list, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: s.Kind, SubjectID: s.ID, Newest: true, Before: before, Limit: limit})
			if err != nil {
				return err
			}
			all, more = append(all, list...), more || len(list) == limit
		}
		return nil
	})
	if err != nil {
		return TimelinePage{}, err
	}
	slices.SortFunc(all, func(a, b store.Event) int { return cmp.Compare(b.Seq, a.Seq) })
	if len(all) > limit {
		all, more = all[:limit], true
	}
	page := TimelinePage{Events: all}
	if more && len(all) > 0 {
		page.Next = all[len(all)-1].Seq
	}
	return page, nil
}

package provisioning

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// GroupExplanation is what a group gives, and a page of what it gave to whom.
type GroupExplanation struct {
	GroupID string `json:"groupId"`
	Group   string `json:"group"`
	// Gives is what the rules give to those who are in this group alone.
	Gives []Give `json:"gives,omitempty"`
	// Given are lines of the ledger: what people have from this group, ordered by account,
	// kind and resource. The first may be the group's own team, which has no account.
	Given []store.Grant `json:"given,omitempty"`
	// Next is after for the page that follows; nil on the last one.
	Next *store.GrantKey `json:"next,omitempty"`
}

// ExplainGroup tells what a group gives by the rules, and to whom it gave what. after is
// GroupExplanation.Next of the page before, zero for the first; limit is the most lines to
// return, zero means 100, more than [store.MaxLimit] means that.
//
// The error matches [store.ErrNotFound] if the tenant's directory has no such group. The actor
// needs [tenant.ActionViewMapping] and, since the lines name people, [tenant.ActionViewUsers].
func (e *Engine) ExplainGroup(ctx context.Context, actor tenant.Actor, tenantID, groupID string, after store.GrantKey, limit int) (GroupExplanation, error) {
	for _, action := range []tenant.Action{tenant.ActionViewMapping, tenant.ActionViewUsers} {
		if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, action, tenantID); err != nil {
			return GroupExplanation{}, err
		}
	}
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, store.MaxLimit)
	var out GroupExplanation
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		l, err := e.newLoader(ctx, tx, tenantID, nil)
		if err != nil {
			return err
		}
		g, err := tx.SCIMGroup(ctx, tenantID, groupID)
		if err != nil {
			return fmt.Errorf("provisioning: the group to explain: %w", err)
		}
		state := groupState{name: g.DisplayName, externalID: g.ExternalID, exists: true}
		out = GroupExplanation{GroupID: g.ID, Group: g.DisplayName}
		if out.Gives, err = mapGroups(ctx, l.mapper, tenantID, []Group{l.group(g.ID, state)}); err != nil {
			return err
		}
		out.Gives = ofGroups(l.settings.Authority, out.Gives)
		if out.Given, err = tx.GrantsOfGroup(ctx, tenantID, groupID, after, limit); err != nil {
			return err
		}
		if len(out.Given) == limit {
			next := out.Given[limit-1].Key()
			out.Next = &next
		}
		return nil
	})
	if err != nil {
		return GroupExplanation{}, err
	}
	return out, nil
}

package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// endsOverride says whether an event brings back what the directory says.
func endsOverride(ev store.Event) bool { return ev.Type == EventOverrideEnded }

// followed says whether a sync does something about an event of our own.
func followed(ev store.Event) bool { return endsOverride(ev) || ev.Type == EventClaims }

// endOverrides takes out the overrides whose time is over, with an event for each, which a sync
// follows.
func (e *Engine) endOverrides(ctx context.Context, tenantID string) error {
	s, err := settingsOf(ctx, e.cfg.Store, tenantID)
	if err != nil {
		return err
	}
	if _, ended := liveOverrides(s.Overrides, e.cfg.Now()); len(ended) == 0 {
		return nil
	}
	return e.inTenant(ctx, tenantID, func(tx store.Store) error {
		return putOverrides(ctx, tx, tenantID, e.cfg.Now(), nil)
	})
}

// addOverridden adds whom the end of an override touches.
func (l *loader) addOverridden(ctx context.Context, c *concern, ev store.Event) error {
	var o store.LockOverride
	if err := json.Unmarshal(ev.Before, &o); err != nil {
		return nil //nolint:nilerr // it names nobody
	}
	if o.AccountID == "" {
		after := store.GrantKey{Kind: store.GrantTeam, ResourceID: o.TeamID}
		list, err := l.tx.AllGrants(ctx, l.tenantID, after, 1)
		if err != nil || len(list) == 0 || list[0].AccountID != "" || list[0].Kind != store.GrantTeam || list[0].ResourceID != o.TeamID {
			return err
		}
		c.groups[list[0].GroupID] = true
		if err := l.addMembers(ctx, c, list[0].GroupID); err != nil {
			return err
		}
		return l.addHolders(ctx, c, list[0].GroupID)
	}
	a, err := l.tx.Account(ctx, l.tenantID, o.AccountID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case a.SCIMUserID != "":
		c.addUser(a.SCIMUserID, userConcern{updated: ResourceKind(o.Kind) == ResourceUser})
	default:
		c.accounts[a.ID] = true
	}
	return nil
}

// overridden says whether somebody lifted the lock of the resource, or of the field of it.
func (s *snapshot) overridden(r Resource, field string) bool {
	return slices.ContainsFunc(s.overrides, func(o store.LockOverride) bool {
		return overrides(o, Change{Resource: r, Field: field})
	})
}

// keepsOutOf says whether a person who was taken out of a team by hand stays out of it.
func (s *snapshot) keepsOutOf(accountID, teamID string) bool {
	return accountID != "" && s.overridden(Resource{Kind: ResourceMembership, AccountID: accountID, TeamID: teamID}, "")
}

// keepFields leaves the fields of a user whose lock somebody lifted; false leaves the whole user.
func (p *planner) keepFields(pp *personPlan, x *person) bool {
	l := liftedOf(p.s.overrides, x.record.ID, p.s.fields.phone)
	if l.whole() {
		return false
	}
	pp.profile.Keep = l.keep()
	if l.of("email") != nil {
		pp.profile.Email = x.host.Email
	}
	pp.profile.KeepPhone = pp.profile.KeepPhone || l.of(tenant.FieldPhone) != nil
	return true
}

package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/tenant"
)

// What everybody who runs the quick start knows.
const (
	// DemoPassword is everybody's password.
	DemoPassword = "correct horse battery"
	// StaffOrg is the product's own organisation; its people review requests.
	StaffOrg = "oncall-staff"
	// StaffEmail is the reviewer.
	StaffEmail = "review@oncall.example"
)

// Actor is the user as tenantgate sees who acts.
func Actor(u User) tenant.Actor {
	a := tenant.Actor{Kind: tenant.ActorUser, ID: u.ID, Email: u.Email, Name: u.Name}
	switch {
	case u.OrgID == StaffOrg:
		a.Kind = tenant.ActorStaff
	case u.OrgRole == RoleOwner:
		a.Kind = tenant.ActorOwner
	}
	return a
}

// Can implements tenant.Authorizer: owners manage their own organisation, the staff
// reviews. It reads the role anew each time, so that an owner who was demoted while a
// page was open is refused.
func (d *DB) Can(ctx context.Context, actor tenant.Actor, action tenant.Action, tenantID string) error {
	if actor.Kind == tenant.ActorSetupLink {
		return d.canLink(ctx, actor, tenantID)
	}
	if staff, err := d.User(ctx, nil, StaffOrg, actor.ID); err == nil {
		return canStaff(staff, action)
	} else if !errors.Is(err, ErrNoUser) {
		return err
	}
	switch action {
	case tenant.ActionReview, tenant.ActionVerifyDomain, tenant.ActionSuspendTenant, tenant.ActionRemoveTenant:
		return fmt.Errorf("the staff's alone: %w", tenant.ErrForbidden)
	}
	return d.isOwner(ctx, tenantID, actor.ID)
}

func (d *DB) isOwner(ctx context.Context, orgID, userID string) error {
	u, err := d.User(ctx, nil, orgID, userID)
	switch {
	case errors.Is(err, ErrNoUser), err == nil && !u.Active:
		return fmt.Errorf("not of this organisation: %w", tenant.ErrForbidden)
	case err != nil:
		return err
	case u.OrgRole != RoleOwner:
		return fmt.Errorf("a %s can't do this: %w", u.OrgRole, tenant.ErrForbidden)
	}
	return nil
}

func canStaff(u User, action tenant.Action) error {
	switch action {
	case tenant.ActionReview, tenant.ActionVerifyDomain, tenant.ActionViewConnection, tenant.ActionViewAudit,
		tenant.ActionSuspendTenant, tenant.ActionRemoveTenant, tenant.ActionExportTenant, tenant.ActionOverrideLock:
		if u.Active {
			return nil
		}
	}
	return fmt.Errorf("the staff can't do this: %w", tenant.ErrForbidden)
}

package provisioning

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var _ tenant.Releaser = (*Releaser)(nil)

// Releaser is the [tenant.Releaser] of hosts that provision with an [Engine]: when a tenant's sign-on is removed, it takes
// back what groups gave, or leaves it, and ends the access of those whom the directory sent away at the last moment.
type Releaser struct{ e *Engine }

// Releaser returns the releaser for tenant.Config. It needs the engine's configuration alone: the engine need not run.
func (e *Engine) Releaser() *Releaser { return &Releaser{e} }

// Release implements [tenant.Releaser]. What groups gave is taken back as a sync would: a team that somebody joined by hand,
// and the role that somebody had before or was given by hand since, stay. The root account, break-glass owners and the last
// owner lose no role. A team that automatic mode made stays as an ordinary one.
func (r *Releaser) Release(ctx context.Context, tx store.Store, x tenant.Release) error {
	if err := lockTenant(ctx, tx, x.TenantID); err != nil { // a sync may be at the same account
		return err
	}
	if x.AccountID == "" {
		return nil
	}
	target := r.e.target
	states, err := target.Accounts(ctx, tx, x.TenantID, []string{x.AccountID})
	if err != nil {
		return hostErr("read an account", err)
	}
	i := slices.IndexFunc(states, func(a AccountState) bool { return a.ID == x.AccountID })
	if i < 0 {
		return nil // the host deleted it
	}
	if x.Take {
		if err := r.take(ctx, tx, x, states[i]); err != nil {
			return err
		}
	}
	if !x.EndAccess {
		return nil
	}
	if err := target.SetActive(ctx, tx, x.TenantID, x.AccountID, false); err != nil {
		return hostErr("end access", err)
	}
	line := Line{Kind: AccountDeactivate, AccountID: x.AccountID, Person: states[i].Email, Reason: "The directory deactivated or deleted the user."}
	return tx.AppendEvents(ctx, x.TenantID, r.e.lineEvent(line))
}

func (r *Releaser) take(ctx context.Context, tx store.Store, x tenant.Release, a AccountState) error {
	teams, role, err := r.taken(ctx, tx, x.TenantID, x.Grants, a)
	if err != nil {
		return err
	}
	for _, m := range teams {
		if err := r.e.target.RemoveMember(ctx, tx, x.TenantID, m.TeamID, x.AccountID); err != nil {
			return hostErr("remove a membership", err)
		}
	}
	if role == "" {
		return nil
	}
	return hostErr("set a role", r.e.target.SetOrgRole(ctx, tx, x.TenantID, a.ID, role))
}

// taken says what of an account is taken back of what groups gave: memberships, and the role
// that it had before; empty if the role stays.
func (r *Releaser) taken(ctx context.Context, tx store.Store, tenantID string, grants []store.Grant, a AccountState) (teams []Membership, orgRole string, err error) {
	teams = onlyGiven(grants, a.Teams)
	before, given, role := "", false, ""
	for _, g := range grants {
		if g.Kind == store.GrantOrgRole {
			before, given, role = g.Previous, true, higher(r.e.roles.org, role, g.Role)
		}
	}
	if role = higher(r.e.roles.org, role, before); !given || a.OrgRole != role { // changed by hand since
		return teams, "", nil
	}
	keeps, err := r.keepsRole(ctx, tx, tenantID, a)
	if err != nil || keeps {
		return teams, "", err
	}
	if before == "" {
		before = r.e.roles.lowest()
	}
	if before == a.OrgRole {
		return teams, "", nil
	}
	return teams, before, nil
}

// keepsRole says whether an owner is one whom no rule demotes.
func (r *Releaser) keepsRole(ctx context.Context, tx store.Store, tenantID string, a AccountState) (bool, error) {
	root, err := r.e.target.RootAccount(ctx, tx, tenantID)
	if err != nil {
		return false, hostErr("read the root account", err)
	}
	if a.ID == root {
		return true, nil
	}
	if a.OrgRole != r.e.roles.top() {
		return false, nil
	}
	glass, err := breakGlassOf(ctx, tx, tenantID)
	if err != nil {
		return false, err
	}
	if glass[foldEmail(a.Email)] {
		return true, nil
	}
	owners, err := r.e.target.Owners(ctx, tx, tenantID)
	if err != nil {
		return false, hostErr("read the owners", err)
	}
	others := slices.DeleteFunc(slices.Clone(owners), func(id string) bool { return id == a.ID })
	return len(others) == 0, nil
}

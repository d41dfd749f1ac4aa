package provisioning

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// EventReset tells that an owner took back roles changed by hand; After is the [Reset].
const EventReset = eventPrefix + "overrides.reset"

// Reset names roles that were changed by hand since a group gave them (the lines of
// kind [MemberOverride] and [OrgRoleOverride]) and shall be what the mapping gives again
// (D1, R87). The other fields narrow it down; empty means any. A role that somebody had
// before a group came is no change by hand, and stays.
type Reset struct {
	// TeamRoles and OrgRoles say which roles; at least one of them.
	TeamRoles bool `json:"teamRoles,omitempty"`
	OrgRoles  bool `json:"orgRoles,omitempty"`
	// AccountID is one person.
	AccountID string `json:"accountId,omitempty"`
	// TeamID is one team; it leaves roles in the organisation alone.
	TeamID string `json:"teamId,omitempty"`
	// GroupID is what one group gave.
	GroupID string `json:"groupId,omitempty"`
}

// teamRole says whether the role in a team is to be taken back; lines are the ledger's.
func (r *Reset) teamRole(accountID, teamID string, lines []store.Grant) bool {
	return r != nil && r.TeamRoles && (r.TeamID == "" || r.TeamID == teamID) && r.covers(accountID, lines)
}

// orgRole says so for the role in the organisation.
func (r *Reset) orgRole(accountID string, lines []store.Grant) bool {
	return r != nil && r.OrgRoles && r.TeamID == "" && r.covers(accountID, lines)
}

func (r *Reset) covers(accountID string, lines []store.Grant) bool {
	return (r.AccountID == "" || r.AccountID == accountID) &&
		(r.GroupID == "" || slices.ContainsFunc(lines, func(g store.Grant) bool { return g.GroupID == r.GroupID }))
}

// check refuses a reset that names nothing, or what the tenant does not have. met says that
// its person is there.
func (r Reset) check(s *snapshot, met bool) error {
	errs := &SettingsError{}
	if !r.TeamRoles && !r.OrgRoles {
		errs.add("reset", "reset_empty", "expected the roles in teams, those in the organisation, or both, got none")
	}
	if r.TeamID != "" && r.OrgRoles {
		errs.add("reset.teamId", "reset_invalid", "a team has no roles in the organisation; expected one of the two")
	}
	if _, ok := s.teams[r.TeamID]; r.TeamID != "" && !ok {
		errs.add("reset.teamId", "team_not_found", "there is no such team")
	}
	if r.GroupID != "" && !s.groups[r.GroupID].exists {
		errs.add("reset.groupId", "group_not_found", "the directory has no such group")
	}
	if r.AccountID != "" && !met {
		errs.add("reset.accountId", "account_not_found", "no provisioned user has such an account")
	}
	if len(errs.Fields) > 0 {
		return errs
	}
	return nil
}

// PreviewReset returns the plan that takes back what r names, with the settings as they
// are, and changes nothing. Whatever else is due shows in it, too, as a sync would do it.
// The error is a [SettingsError] if r names nothing or something that the tenant does not
// have. The actor needs [tenant.ActionEditMapping].
func (e *Engine) PreviewReset(ctx context.Context, actor tenant.Actor, tenantID string, r Reset) (Plan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return Plan{}, err
	}
	var plan Plan
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		plan, err = e.planReset(ctx, tx, actor, tenantID, r)
		return err
	})
	return plan, err
}

// ApplyReset does what [Engine.PreviewReset] showed, as [Engine.Apply] does for settings.
// The actor needs [tenant.ActionApplyMapping].
func (e *Engine) ApplyReset(ctx context.Context, actor tenant.Actor, tenantID string, r Reset, c Confirm) (Plan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return Plan{}, err
	}
	var plan Plan
	err := e.inTenant(ctx, tenantID, func(tx store.Store) (err error) {
		if plan, err = e.planReset(ctx, tx, actor, tenantID, r); err != nil {
			return err
		}
		if plan.Hash != c.Hash {
			return &StalePlanError{Plan: plan}
		}
		if err := plan.confirmed(c); err != nil {
			return err
		}
		if err := e.apply(ctx, tx, &plan); err != nil {
			return err
		}
		ev := e.event(EventReset, eventActor(actor), store.EventSubject{Kind: "provisioning_settings"})
		ev.Origin = actor.Origin.Event()
		ev.After = asJSON(r)
		ev.Message = fmt.Sprintf("Roles changed by hand were taken back: %d changes.", plan.Totals.RolesRaised+plan.Totals.RolesLowered)
		return tx.AppendEvents(ctx, tenantID, ev)
	})
	if err != nil {
		return Plan{}, err
	}
	return plan, nil
}

func (e *Engine) planReset(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID string, r Reset) (Plan, error) {
	s, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return Plan{}, err
	}
	plan, err := e.planEverybody(ctx, tx, tenantID, s, func(l *loader) { l.reset = &r })
	// The settings were confirmed when they were saved; only who becomes an owner now counts.
	plan.GivesTopRole = plan.GivesTopRole && plan.makesOwner(e.roles)
	e.askConfirmations(&plan, actor)
	return plan, err
}

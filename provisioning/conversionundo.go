package provisioning

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// EventConversionUndone is the type of the event by which an account is as if no directory
// was to have it.
const EventConversionUndone = eventPrefix + "conversion.undone"

// PlanConversionUndo says what taking conversions back does to these accounts, by e-mail
// address or by the host's ID. Its lines have the code "ready", or "not_found", "duplicate" or
// "not_converted". It changes nothing. The actor needs [tenant.ActionManageSCIM].
func (e *Engine) PlanConversionUndo(ctx context.Context, actor tenant.Actor, tenantID string, entries []string) (ConversionPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return ConversionPlan{}, err
	}
	var plan ConversionPlan
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		plan, _, err = e.planConversionUndo(ctx, tx, tenantID, entries)
		return err
	})
	return plan, err
}

// UndoConversion takes approvals back. An account that the directory has not taken over waits
// for it no more. One that it has taken over is an account by hand again: what groups gave is
// taken back as a sync would (who joined by hand stays, the role before comes back), nothing of
// it is locked, and the person gets a way to sign in if the Target is an [AccountInviter].
// Name and address stay as they are, and an account that the directory suspended
// stays suspended until somebody restores it. The directory's user has no account then: it is a
// conflict to decide about ([Engine.Conflicts]).
//
// It changes nothing and returns a [StaleConversionError] if the plan is another by now.
// The actor needs [tenant.ActionManageSCIM].
func (e *Engine) UndoConversion(ctx context.Context, actor tenant.Actor, tenantID string, entries []string, hash string) (ConversionPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return ConversionPlan{}, err
	}
	var plan ConversionPlan
	err := e.inTenant(ctx, tenantID, func(tx store.Store) (err error) {
		var undo []undoing
		if plan, undo, err = e.planConversionUndo(ctx, tx, tenantID, entries); err != nil {
			return err
		}
		if plan.Hash != hash {
			return &StaleConversionError{Plan: plan}
		}
		for _, u := range undo {
			if err := e.undoConversion(ctx, tx, actor, tenantID, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return ConversionPlan{}, err
	}
	return plan, nil
}

// undoing is one account to give back.
type undoing struct {
	rec    store.Account
	host   AccountState
	grants []store.Grant
}

func (e *Engine) planConversionUndo(ctx context.Context, tx store.Store, tenantID string, entries []string) (ConversionPlan, []undoing, error) {
	plan := ConversionPlan{TenantID: tenantID}
	if len(entries) > maxConversion {
		return plan, nil, ErrTooManyConversions
	}
	c, err := e.newConverter(ctx, tx, tenantID)
	if err != nil {
		return plan, nil, err
	}
	var undo []undoing
	h := sha256.New()
	h.Write([]byte("undo " + tenantID))
	for _, entry := range entries {
		if entry = trimEntry(entry); entry == "" {
			continue
		}
		l, u, err := c.undoLine(ctx, entry)
		if err != nil {
			return plan, nil, err
		}
		if l.Code == "ready" {
			plan.Ready++
			undo = append(undo, u)
		}
		plan.Lines = append(plan.Lines, l)
		h.Write(asJSON([]any{l, l.accountID}))
	}
	plan.Hash = hex.EncodeToString(h.Sum(nil)[:16])
	return plan, undo, nil
}

func (c *converter) undoLine(ctx context.Context, entry string) (ConversionLine, undoing, error) {
	l, u := ConversionLine{Entry: clip(entry)}, undoing{}
	say := func(code, message string) (ConversionLine, undoing, error) {
		l.Code, l.Message = code, message
		return l, u, nil
	}
	if len(entry) > maxEntry {
		return say("not_found", noSuchAccount)
	}
	var err error
	var member bool
	u.host, member, err = c.find(ctx, entry)
	if notFound(err) || err == nil && !member && !c.domains.has(u.host.Email) {
		return say("not_found", noSuchAccount)
	}
	if err != nil {
		return l, u, err
	}
	l.accountID, l.Email = u.host.ID, u.host.Email
	if member {
		l.AccountID = u.host.ID
	}
	rec, err := c.record(ctx, u.host.ID)
	if err != nil {
		return l, u, err
	}
	converted := rec != nil && rec.Source == store.SourceConverted
	switch {
	case c.seen[u.host.ID]:
		return say("duplicate", "The account is in the list twice.")
	case !converted && (rec == nil || !rec.Convertible):
		return say("not_converted", "The account was not approved for a directory.")
	}
	c.seen[u.host.ID], u.rec = true, *rec
	if !converted {
		return say("ready", "The account waits for the directory no more.")
	}
	l.SCIMUserID = rec.SCIMUserID
	if u.grants, err = c.tx.Grants(ctx, c.tenantID, u.host.ID); err != nil {
		return l, u, err
	}
	if l.Changes, err = c.givenBack(ctx, u); err != nil {
		return l, u, err
	}
	if !rec.Active {
		return say("ready", "The account is one by hand again. It stays suspended, as the directory left it.")
	}
	return say("ready", "The account is one by hand again, with what it had.")
}

// givenBack says what is taken of what groups gave.
func (c *converter) givenBack(ctx context.Context, u undoing) ([]Line, error) {
	const reason = "the conversion is taken back"
	teams, role, err := c.e.Releaser().taken(ctx, c.tx, c.tenantID, u.grants, u.host)
	if err != nil {
		return nil, err
	}
	var lines []Line
	for _, m := range teams {
		lines = append(lines, Line{Kind: MemberRemove, AccountID: u.host.ID, Person: u.host.Email, TeamID: m.TeamID, From: m.Role, Reason: reason})
	}
	if role != "" {
		lines = append(lines, Line{Kind: OrgRoleSet, AccountID: u.host.ID, Person: u.host.Email, From: u.host.OrgRole, To: role, Reason: reason})
	}
	return lines, nil
}

func (e *Engine) undoConversion(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID string, u undoing) error {
	rec, adopted := u.rec, u.rec.Source == store.SourceConverted
	ev := e.event(EventConversionUndone, eventActor(actor), store.EventSubject{Kind: subjectAccount, ID: rec.ID, Name: rec.Email})
	ev.Origin = actor.Origin.Event()
	events := []store.Event{ev}
	if rec.Conversion.Address != "" {
		events = append(events, e.tieEvent(EventTied, subjectAddress, rec.Conversion.Address, rec.Conversion.Address, ""))
	}
	if adopted {
		// By hand, wherever it came from: as one that came by sign-in the directory would have it back at once.
		rec.Source, rec.SCIMUserID = store.SourceManual, ""
		if err := e.Releaser().take(ctx, tx, tenant.Release{TenantID: tenantID, AccountID: rec.ID, Grants: u.grants}, u.host); err != nil {
			return err
		}
		drop := make([]store.GrantKey, len(u.grants))
		for i, g := range u.grants {
			drop[i] = g.Key()
		}
		if err := tx.ChangeGrants(ctx, tenantID, nil, drop); err != nil {
			return err
		}
		if t, ok := e.cfg.Target.(AccountInviter); ok && rec.Active && rec.Conversion.PasswordEnded {
			if err := e.guard.call(ctx, "InviteAccount", func(ctx context.Context) error { return t.InviteAccount(ctx, tx, tenantID, rec.ID) }); err != nil {
				return hostErr("invite somebody", err)
			}
		}
	}
	rec.Convertible, rec.Conversion, rec.ExternalID, rec.UpdatedAt = false, store.AccountConversion{}, "", e.cfg.Now()
	_, err := tx.UpdateAccount(ctx, tenantID, rec, events...)
	return err
}

// onlyGiven are the memberships that only groups gave.
func onlyGiven(grants []store.Grant, teams []Membership) []Membership {
	var out []Membership
	for _, m := range teams {
		given, byHand := false, false
		for _, g := range grants {
			if g.Kind == store.GrantMembership && g.ResourceID == m.TeamID {
				given, byHand = true, byHand || g.Previous == previousManual
			}
		}
		if given && !byHand {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Membership) int { return cmp.Compare(a.TeamID, b.TeamID) })
	return out
}

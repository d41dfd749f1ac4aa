package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	subjectPlan = "provisioning_plan"
	// undoPart bounds the record that one event of a plan keeps, in bytes.
	undoPart = 64 << 10
)

// AppliedPlan is a plan that somebody applied.
type AppliedPlan struct {
	// ID is what [Engine.PreviewUndo] takes.
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// By is who applied it.
	By     store.EventActor `json:"by"`
	Totals Totals           `json:"totals"`
	// UndoOf is the plan that this one took back, if it is an undo.
	UndoOf string `json:"undoOf,omitempty"`
	// Seq is its place in the list, for the page that follows.
	Seq int64 `json:"seq"`
}

// appliedHead is what the event of an applied plan says in After.
type appliedHead struct {
	Totals Totals `json:"totals"`
	UndoOf string `json:"undoOf,omitempty"`
	Parts  int    `json:"parts"`
}

// appliedPart is what one event of its record says in After.
type appliedPart struct {
	Teams  []appliedTeam   `json:"teams,omitempty"`
	People []appliedPerson `json:"people,omitempty"`
}

// appliedTeam is what a plan did to one group's team.
type appliedTeam struct {
	Kind    LineKind `json:"kind"`
	TeamID  string   `json:"teamId"`
	GroupID string   `json:"groupId"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	// Before and After are the ledger's line of the group's team; nil if there was none.
	Before *ledgerLine `json:"before,omitempty"`
	After  *ledgerLine `json:"after,omitempty"`
	// Restored says that it took the team out of the archive.
	Restored bool `json:"restored,omitempty"`
}

// appliedPerson is what a plan did to one person.
type appliedPerson struct {
	AccountID  string `json:"accountId"`
	SCIMUserID string `json:"scimUserId,omitempty"`
	Person     string `json:"person,omitempty"`
	// Teams are the memberships that changed.
	Teams []appliedRole `json:"teams,omitempty"`
	// Org is the role in the organisation, if that changed.
	Org *appliedRole `json:"org,omitempty"`
	// Before and After are those lines of the ledger that changed.
	Before []ledgerLine `json:"before,omitempty"`
	After  []ledgerLine `json:"after,omitempty"`
	// Access says that the account was made, or its access changed, which no undo takes back.
	Access bool `json:"access,omitempty"`
}

// appliedRole is a role before and after; empty means no member.
type appliedRole struct {
	TeamID string `json:"teamId,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// ledgerLine is a line of the ledger, but for whose it is.
type ledgerLine struct {
	Kind       store.GrantKind `json:"kind"`
	ResourceID string          `json:"resourceId,omitempty"`
	GroupID    string          `json:"groupId"`
	Role       string          `json:"role,omitempty"`
	Previous   string          `json:"previous,omitempty"`
}

func lineOfGrant(g store.Grant) ledgerLine {
	return ledgerLine{g.Kind, g.ResourceID, g.GroupID, g.Role, g.Previous}
}

func (l ledgerLine) grant(accountID string) store.Grant {
	return store.Grant{AccountID: accountID, Kind: l.Kind, ResourceID: l.ResourceID, GroupID: l.GroupID, Role: l.Role, Previous: l.Previous}
}

// recordApplied writes down what an applied plan did, so that it can be taken back.
func (e *Engine) recordApplied(ctx context.Context, tx store.Store, actor tenant.Actor, plan *Plan) error {
	r := recorder{tx: tx, tenantID: plan.TenantID, plan: plan, refused: map[string]bool{}}
	for _, f := range plan.Failures {
		s := f.subject("")
		r.refused[s.Kind+s.ID] = true
	}
	if err := r.record(ctx); err != nil {
		return err
	}
	subject := store.EventSubject{Kind: subjectPlan, ID: plan.ID}
	head := e.event(EventApplied, eventActor(actor), subject)
	head.Origin = actor.Origin.Event()
	head.After = asJSON(appliedHead{Totals: plan.Totals, UndoOf: plan.UndoOf, Parts: len(r.parts)})
	events := []store.Event{head}
	for _, part := range r.parts {
		ev := e.event(EventUndoRecord, eventActor(actor), subject)
		ev.After = asJSON(part)
		events = append(events, ev)
	}
	for chunk := range slices.Chunk(events, 100) {
		if err := tx.AppendEvents(ctx, plan.TenantID, chunk...); err != nil {
			return err
		}
	}
	return nil
}

// recorder gathers what a plan did, in parts of bounded size.
type recorder struct {
	tx       store.Store
	tenantID string
	plan     *Plan
	refused  map[string]bool
	made     map[string]string // teams that were made, by group
	parts    []appliedPart
	size     int
}

func (r *recorder) part(size int) *appliedPart {
	if len(r.parts) == 0 || r.size+size > undoPart {
		r.parts, r.size = append(r.parts, appliedPart{}), 0
	}
	r.size += size
	return &r.parts[len(r.parts)-1]
}

func (r *recorder) record(ctx context.Context) error {
	owned, err := r.tx.Grants(ctx, r.tenantID, "")
	if err != nil {
		return err
	}
	r.made = map[string]string{}
	for _, g := range owned {
		if g.Kind == store.GrantTeam {
			r.made[g.GroupID] = g.ResourceID
		}
	}
	for _, t := range r.plan.teams {
		if r.refused[subjectGroup+t.line.GroupID] {
			continue
		}
		a := r.team(t)
		part := r.part(len(asJSON(a)))
		part.Teams = append(part.Teams, a)
	}
	for _, pp := range r.plan.people {
		if pp.err != nil || r.refused[subjectUser+pp.scimUserID] || r.refused[subjectAccount+pp.accountID] {
			continue
		}
		a, err := r.person(ctx, pp)
		if err != nil {
			return err
		}
		if a.AccountID == "" {
			continue
		}
		part := r.part(len(asJSON(a)))
		part.People = append(part.People, a)
	}
	return nil
}

func (r *recorder) team(t teamPlan) appliedTeam {
	a := appliedTeam{Kind: t.line.Kind, TeamID: t.line.TeamID, GroupID: t.line.GroupID, From: t.line.From, To: t.line.To, Restored: t.restore}
	if t.was != nil {
		l := lineOfGrant(*t.was)
		a.Before = &l
	}
	if t.put != nil {
		l := lineOfGrant(*t.put)
		l.ResourceID = r.made[t.line.GroupID]
		a.TeamID, a.After = l.ResourceID, &l
	}
	if t.line.Kind == TeamRename {
		a.After = a.Before
	}
	return a
}

func (r *recorder) person(ctx context.Context, pp *personPlan) (appliedPerson, error) {
	a := appliedPerson{AccountID: pp.accountID, SCIMUserID: pp.scimUserID, Person: pp.label()}
	if a.AccountID == "" { // it was made
		rec, err := r.tx.AccountOfSCIMUser(ctx, r.tenantID, pp.scimUserID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return a, err
		}
		a.AccountID = rec.ID
	}
	for l := range pp.does() {
		team := l.TeamID
		if team == "" && l.GroupID != "" {
			team = r.made[l.GroupID]
		}
		switch l.Kind {
		case MemberAdd, MemberRole, MemberRemove:
			a.Teams = append(a.Teams, appliedRole{team, l.From, l.To})
		case OrgRoleSet:
			a.Org = &appliedRole{From: l.From, To: l.To}
		case AccountCreate, AccountAdopt, AccountDeactivate, AccountReactivate:
			a.Access = true
		}
	}
	touched := map[store.GrantKey]bool{}
	for g := range pp.puts() {
		put := g.Grant
		put.AccountID = a.AccountID
		if g.TeamOf != "" {
			put.ResourceID = r.made[g.TeamOf]
		}
		touched[put.Key()] = true
		a.After = append(a.After, lineOfGrant(put))
	}
	for _, k := range append(slices.Clone(pp.drop), pp.keptDrop...) {
		touched[k] = true
	}
	for _, g := range pp.grants {
		if touched[g.Key()] {
			a.Before = append(a.Before, lineOfGrant(g))
		}
	}
	return a, nil
}

// Applied lists up to limit plans (zero means 20, at most [store.MaxLimit]) that somebody
// applied, newest first, from the first whose Seq is smaller than before; zero means the
// newest. The actor needs [tenant.ActionViewMapping].
func (e *Engine) Applied(ctx context.Context, actor tenant.Actor, tenantID string, before int64, limit int) ([]AppliedPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 20
	}
	events, err := e.cfg.Store.Events(ctx, tenantID, store.EventQuery{TypePrefix: EventApplied, SubjectKind: subjectPlan, Newest: true, Before: max(0, before), Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]AppliedPlan, 0, len(events))
	for _, ev := range events {
		var h appliedHead
		if err := json.Unmarshal(ev.After, &h); err != nil {
			return nil, fmt.Errorf("provisioning: reading an applied plan: %w", err)
		}
		out = append(out, AppliedPlan{ID: ev.Subject.ID, At: ev.At, By: ev.Actor, Totals: h.Totals, UndoOf: h.UndoOf, Seq: ev.Seq})
	}
	return out, nil
}

// appliedRecord is all that is known of an applied plan.
type appliedRecord struct {
	AppliedPlan
	parts         []appliedPart
	before, after store.ProvisioningSettings
}

// readApplied reads the record of a plan; ErrNotFound if the tenant has applied none of this ID.
func readApplied(ctx context.Context, tx store.Store, tenantID, id string) (appliedRecord, error) {
	none := fmt.Errorf("provisioning: no plan with this ID was applied: %w", store.ErrNotFound)
	if id == "" {
		return appliedRecord{}, none
	}
	var r appliedRecord
	var head *appliedHead
	for after := int64(0); ; {
		page, err := tx.Events(ctx, tenantID, store.EventQuery{After: after, SubjectKind: subjectPlan, SubjectID: id, TypePrefix: eventPrefix})
		if err != nil {
			return r, err
		}
		for _, ev := range page {
			switch ev.Type {
			case EventApplied:
				head = &appliedHead{}
				if err := json.Unmarshal(ev.After, head); err != nil {
					return r, fmt.Errorf("provisioning: reading an applied plan: %w", err)
				}
				r.AppliedPlan = AppliedPlan{ID: id, At: ev.At, By: ev.Actor, Totals: head.Totals, UndoOf: head.UndoOf, Seq: ev.Seq}
			case EventUndoRecord:
				var part appliedPart
				if err := json.Unmarshal(ev.After, &part); err != nil {
					return r, fmt.Errorf("provisioning: reading what a plan did: %w", err)
				}
				r.parts = append(r.parts, part)
			}
		}
		if len(page) < store.MaxLimit {
			break
		}
		after = page[len(page)-1].Seq
	}
	switch {
	case head == nil:
		return r, none
	case len(r.parts) != head.Parts:
		return r, fmt.Errorf("provisioning: expected %d parts of what the plan did, got %d", head.Parts, len(r.parts))
	}
	set, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: subjectSettings, SubjectID: id, TypePrefix: EventSettings, Limit: 1})
	if err != nil {
		return r, err
	}
	if len(set) == 0 {
		return r, none
	}
	if err := errors.Join(json.Unmarshal(set[0].Before, &r.before), json.Unmarshal(set[0].After, &r.after)); err != nil {
		return r, fmt.Errorf("provisioning: reading the settings of an applied plan: %w", err)
	}
	return r, nil
}

package provisioning

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	keptKind = "mapping_plan"
	// keptLife is how long a plan can be looked at.
	keptLife = time.Hour
	// keptPage is how many entries a page of a kept plan has, keptPages how many pages of a tab are kept.
	keptPage  = 50
	keptPages = 200
)

// ErrKeptPlanGone says that a kept plan is not there any more, or never was. It matches [store.ErrNotFound].
var ErrKeptPlanGone = errNotFound("provisioning: this preview is not kept any more; make a new one")

// KeptPlan is a plan to look at, page by page, on any replica, without computing it anew for each
// page.
type KeptPlan struct {
	ID string `json:"id"`
	// At is when it was computed, Until how long it is kept: for an hour.
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
	// Plan is its summary: no lines, findings and groups, and of the settings no rows and no decisions.
	Plan Plan `json:"plan"`
	// Counts says how many entries each tab has, Kept how many of them can be looked at: the first ten
	// thousand.
	Counts map[Tab]int `json:"counts"`
	Kept   map[Tab]int `json:"kept"`
	// Empty says that the plan changes nothing but the settings.
	Empty bool `json:"empty"`
}

// StaleKeptPlanError is a [StalePlanError] of a kept plan: the new one is kept, too.
type StaleKeptPlanError struct {
	// Now is the plan to look at instead.
	Now KeptPlan
}

// Error says what to do.
func (e *StaleKeptPlanError) Error() string { return (&StalePlanError{}).Error() }

// Is makes the error match store.ErrStale.
func (e *StaleKeptPlanError) Is(target error) bool { return target == store.ErrStale }

// KeepPlan keeps a plan that the engine computed for this tenant for an hour: of [Engine.Preview],
// [Engine.PreviewUndo] or [Engine.Held]. It takes the place of [Engine.PreviewPage] where a plan takes long to
// compute. The actor needs [tenant.ActionEditMapping].
func (e *Engine) KeepPlan(ctx context.Context, actor tenant.Actor, tenantID string, plan Plan) (KeptPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return KeptPlan{}, err
	}
	if plan.TenantID != tenantID || plan.Hash == "" {
		return KeptPlan{}, errors.New("provisioning: expected a plan that was computed for this tenant")
	}
	now := e.cfg.Now()
	k := KeptPlan{ID: rand.Text(), At: store.Time(now), Until: store.Time(now.Add(keptLife)), Plan: plan.Summary(), Kept: map[Tab]int{}, Counts: plan.Counts(), Empty: plan.Empty()}
	for t, n := range k.Counts {
		k.Kept[t] = min(n, keptPage*keptPages)
	}
	settings := k.Plan.Settings
	k.Plan.Settings = settingsHead(settings)
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		put := func(part string, value any) error {
			return putNote(ctx, tx, tenantID, keptKind, k.ID+part, value, k.Until)
		}
		if err := put(keptSettingsPart, keptSettings{Version: settings.Version, Settings: settings}); err != nil {
			return err
		}
		for _, t := range Tabs() {
			n := 0
			for page := range plan.pagesOf(t) {
				if err := put(keptPart(t, n), page); err != nil {
					return err
				}
				if n++; n == keptPages {
					break
				}
			}
		}
		return put("", k)
	})
	return k, err
}

// keptSettings are the settings of a kept plan, with their version, which is no part of their JSON.
type keptSettings struct {
	Version  int64                      `json:"version"`
	Settings store.ProvisioningSettings `json:"settings"`
}

const keptSettingsPart = ".settings"

// keptPart names a page within the notes of a plan.
func keptPart(t Tab, n int) string { return "." + string(t) + "." + strconv.Itoa(n) }

// settingsHead is what a page needs to know of settings without their lists.
func settingsHead(s store.ProvisioningSettings) store.ProvisioningSettings {
	s.Rows, s.Overrides, s.Auto.Adopt, s.Auto.Skip, s.Auto.Names = nil, nil, nil, nil, nil
	return s
}

// pagesOf yields a tab in pages of the size that is kept, going through the plan once.
func (p *Plan) pagesOf(t Tab) func(yield func(PlanPage) bool) {
	return func(yield func(PlanPage) bool) {
		page, n, on := PlanPage{Tab: t}, 0, true
		add := func(fn func()) {
			if !on {
				return
			}
			fn()
			if n++; n == keptPage {
				on = yield(page)
				page, n = PlanPage{Tab: t}, 0
			}
		}
		p.walk(t, tabWalk{
			group:   func(g GroupOutcome) { add(func() { page.Groups = append(page.Groups, g) }) },
			line:    func(l Line) { add(func() { page.Lines = append(page.Lines, l) }) },
			rights:  func(r RightsChange) { add(func() { page.Rights = append(page.Rights, r) }) },
			finding: func(f Finding) { add(func() { page.Findings = append(page.Findings, f) }) },
		})
		if on && n > 0 {
			yield(page)
		}
	}
}

// KeptPlan returns a plan that was kept. The error matches [ErrKeptPlanGone]. The actor needs
// [tenant.ActionEditMapping].
func (e *Engine) KeptPlan(ctx context.Context, actor tenant.Actor, tenantID, id string) (KeptPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return KeptPlan{}, err
	}
	var k KeptPlan
	return k, e.readKept(ctx, tenantID, id, "", &k)
}

// KeptPage returns a page of a plan that was kept. Pages have 50 entries: q.After is rounded down to
// where one begins, and q.Limit is not looked at. The error matches [ErrKeptPlanGone] or [ErrPage]. The
// actor needs [tenant.ActionEditMapping].
func (e *Engine) KeptPage(ctx context.Context, actor tenant.Actor, tenantID, id string, q PageQuery) (PlanPage, error) {
	k, err := e.KeptPlan(ctx, actor, tenantID, id)
	if err != nil {
		return PlanPage{}, err
	}
	if !slices.Contains(Tabs(), q.Tab) || q.After < 0 {
		return PlanPage{}, fmt.Errorf("%w: expected a tab (%s) and no negative place, got %q and %d", ErrPage, joinTabs(), clip(string(q.Tab)), q.After)
	}
	page := PlanPage{Tab: q.Tab}
	first := q.After / keptPage * keptPage
	if first < k.Kept[q.Tab] {
		if err := e.readKept(ctx, tenantID, id, keptPart(q.Tab, first/keptPage), &page); err != nil {
			return PlanPage{}, err
		}
	}
	if page.Total = k.Counts[q.Tab]; first+keptPage < k.Kept[q.Tab] {
		page.Next = first + keptPage
	}
	return page, nil
}

func (e *Engine) readKept(ctx context.Context, tenantID, id, part string, value any) error {
	if !plausibleID(id) || id == "" || strings.Contains(id, ".") {
		return ErrKeptPlanGone
	}
	err := readNote(ctx, e.cfg.Store, tenantID, keptKind, id+part, value, e.cfg.Now())
	if errors.Is(err, store.ErrNotFound) {
		return ErrKeptPlanGone
	}
	return err
}

// ApplyKept does what a kept plan shows: [Engine.Apply], or [Engine.ApplyUndo] for one that takes another
// back. c.Hash is the plan's hash if it is empty. If the plan is not what would be done any more, the error is a
// [StaleKeptPlanError]. The draft of which the plan was the preview is in force then, and gone. The
// actor needs [tenant.ActionApplyMapping] and [tenant.ActionEditMapping].
func (e *Engine) ApplyKept(ctx context.Context, actor tenant.Actor, tenantID, id string, c Confirm) (Plan, error) {
	k, err := e.KeptPlan(ctx, actor, tenantID, id)
	if err != nil {
		return Plan{}, err
	}
	var s keptSettings
	if err := e.readKept(ctx, tenantID, id, keptSettingsPart, &s); err != nil {
		return Plan{}, err
	}
	s.Settings.Version = s.Version
	c.Hash = cmp.Or(c.Hash, k.Plan.Hash)
	var plan Plan
	if k.Plan.UndoOf != "" {
		plan, err = e.ApplyUndo(ctx, actor, tenantID, k.Plan.UndoOf, c)
	} else {
		plan, err = e.Apply(ctx, actor, tenantID, s.Settings, c)
	}
	if stale, ok := errors.AsType[*StalePlanError](err); ok {
		return Plan{}, e.keepStale(ctx, actor, tenantID, id, stale.Plan)
	}
	if err != nil {
		return Plan{}, err
	}
	draft, err := e.Draft(ctx, actor, tenantID)
	if err == nil && draft.Revision > 0 && !draft.Changed {
		err = e.dropDraft(ctx, actor, tenantID)
	}
	if err != nil { // what was applied is in force all the same
		e.cfg.Logger.WarnContext(ctx, "provisioning: a draft that was applied could not be removed", "tenant", tenantID, "error", err)
	}
	return plan, nil
}

// keepStale keeps the plan that is the present one instead of the one of the ID, and of the draft, too, if that was its preview.
func (e *Engine) keepStale(ctx context.Context, actor tenant.Actor, tenantID, id string, plan Plan) error {
	now, err := e.KeepPlan(ctx, actor, tenantID, plan)
	if err != nil {
		return err
	}
	draft, err := e.Draft(ctx, actor, tenantID)
	if err == nil && draft.Revision > 0 && draft.Preview == id {
		err = e.notePreview(ctx, actor, tenantID, draft.Revision, now.ID)
	}
	if err != nil {
		return err
	}
	return &StaleKeptPlanError{Now: now}
}

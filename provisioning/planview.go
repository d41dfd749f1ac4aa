package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Tab is a part of a plan as pages show it.
type Tab string

// The tabs.
const (
	TabGroups    Tab = "groups"    // what each group comes to (R94)
	TabTeams     Tab = "teams"     // lines about teams
	TabPeople    Tab = "people"    // lines about accounts, joining and leaving
	TabRoles     Tab = "roles"     // lines about roles
	TabRights    Tab = "rights"    // effective rights in teams, see RightsChange
	TabConflicts Tab = "conflicts" // findings that ask for a choice
	TabWarnings  Tab = "warnings"  // the other findings, those that protect somebody first
)

// Tabs lists all tabs in the order in which pages show them.
func Tabs() []Tab {
	return []Tab{TabGroups, TabTeams, TabPeople, TabRoles, TabRights, TabConflicts, TabWarnings}
}

// ErrPage says that a page was asked for that no plan has.
var ErrPage = errors.New("provisioning: no such page of a plan")

// PageQuery names a page of a plan.
type PageQuery struct {
	Tab Tab
	// After is how many entries to leave out: PlanPage.Next of the page before.
	After int
	// Limit is the most entries to return; zero means 100, more than [store.MaxLimit] means that.
	Limit int
}

// PlanPage is a part of one tab of a plan.
type PlanPage struct {
	Tab Tab `json:"tab"`
	// Total is how many entries the tab has.
	Total int `json:"total"`
	// Next is After for the page that follows; zero on the last one.
	Next int `json:"next,omitempty"`
	// One of these has the entries.
	Groups   []GroupOutcome `json:"groups,omitempty"`
	Lines    []Line         `json:"lines,omitempty"`
	Rights   []RightsChange `json:"rights,omitempty"`
	Findings []Finding      `json:"findings,omitempty"`
}

// tab is where the line is shown.
func (k LineKind) tab() Tab {
	switch {
	case strings.HasPrefix(string(k), "team."):
		return TabTeams
	case strings.HasPrefix(string(k), "org_role."), k == MemberRole, k == MemberOverride:
		return TabRoles
	}
	return TabPeople
}

// Page returns a part of a tab, so that a plan for very many people is shown bit by bit.
// The order is the same for two plans of one hash. The error matches [ErrPage].
func (p Plan) Page(q PageQuery) (PlanPage, error) {
	if !slices.Contains(Tabs(), q.Tab) {
		return PlanPage{}, fmt.Errorf("%w: expected a tab (%s), got %q", ErrPage, joinTabs(), clip(string(q.Tab)))
	}
	if q.After < 0 || q.Limit < 0 {
		return PlanPage{}, fmt.Errorf("%w: expected no negative numbers, got after %d and limit %d", ErrPage, q.After, q.Limit)
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, store.MaxLimit)
	page := PlanPage{Tab: q.Tab}
	take := func() bool { // says whether the next entry is one of the page
		page.Total++
		return page.Total > q.After && page.Total-q.After <= q.Limit
	}
	p.walk(q.Tab, tabWalk{
		group: func(g GroupOutcome) {
			if take() {
				page.Groups = append(page.Groups, g)
			}
		},
		line: func(l Line) {
			if take() {
				page.Lines = append(page.Lines, l)
			}
		},
		rights: func(r RightsChange) {
			if take() {
				page.Rights = append(page.Rights, r)
			}
		},
		finding: func(f Finding) {
			if take() {
				page.Findings = append(page.Findings, f)
			}
		},
	})
	if page.Total-q.After > q.Limit {
		page.Next = q.After + q.Limit
	}
	return page, nil
}

// tabWalk gets the entries of a tab.
type tabWalk struct {
	group   func(GroupOutcome)
	line    func(Line)
	rights  func(RightsChange)
	finding func(Finding)
}

// walk goes through a tab in order.
func (p *Plan) walk(t Tab, to tabWalk) {
	switch t {
	case TabGroups:
		for _, g := range p.Groups {
			to.group(g)
		}
	case TabTeams, TabPeople, TabRoles:
		for _, l := range p.Lines {
			if l.Kind.tab() == t {
				to.line(l)
			}
		}
	case TabRights:
		for _, pp := range p.people {
			p.rights(pp, func(r RightsChange) bool {
				to.rights(r)
				return true
			})
		}
	case TabConflicts:
		for _, f := range p.Findings {
			if f.Code.Conflict() {
				to.finding(f)
			}
		}
	case TabWarnings:
		for _, red := range []bool{true, false} {
			for _, f := range p.Findings {
				if !f.Code.Conflict() && f.Code.Violation() == red {
					to.finding(f)
				}
			}
		}
	}
}

// Counts returns how many entries each tab has.
func (p Plan) Counts() map[Tab]int {
	out := map[Tab]int{}
	for _, t := range Tabs() {
		n := 0
		p.walk(t, tabWalk{func(GroupOutcome) { n++ }, func(Line) { n++ }, func(RightsChange) { n++ }, func(Finding) { n++ }})
		out[t] = n
	}
	return out
}

// Summary is the plan without its lines, findings and groups: what a page shows above the tabs,
// and what a host hands on as JSON while it fetches the rest with [Engine.PreviewPage].
func (p Plan) Summary() Plan {
	p.Lines, p.Findings, p.Groups, p.teams, p.people = nil, nil, nil, nil, nil
	return p
}

// PreviewPage is a page of what [Engine.Preview] shows for these settings. Any replica
// answers it, since the plan is computed anew: hash is the hash of the plan that was
// shown, and a [StalePlanError] says that it is another by now; an empty hash takes
// whatever the plan is. The actor needs [tenant.ActionEditMapping].
func (e *Engine) PreviewPage(ctx context.Context, actor tenant.Actor, tenantID string, s store.ProvisioningSettings, hash string, q PageQuery) (PlanPage, error) {
	plan, err := e.Preview(ctx, actor, tenantID, s)
	if err != nil {
		return PlanPage{}, err
	}
	if hash != "" && plan.Hash != hash {
		return PlanPage{}, &StalePlanError{Plan: plan}
	}
	return plan.Page(q)
}

func joinTabs() string {
	parts := make([]string, 0, len(Tabs()))
	for _, t := range Tabs() {
		parts = append(parts, string(t))
	}
	return strings.Join(parts, ", ")
}

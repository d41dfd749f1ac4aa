package provisioning

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// MatchQuery is a page of [Engine.MatchGroups].
type MatchQuery struct {
	// After is GroupMatches.Next of the page before; empty means from the start.
	After string
	// Limit is the most groups to return. Zero means 20, more than [store.MaxLimit] means
	// that.
	Limit int
}

// GroupMatch is a group that passes a filter.
type GroupMatch struct {
	GroupID string `json:"groupId"`
	Group   string `json:"group"`
	// Team is the name that the rule gives to the group's team; empty if nothing of the
	// group's name can name one.
	Team string `json:"team,omitempty"`
	// Decision is as in [GroupOutcome]; a group that is skipped passes the filter all the same.
	Decision string `json:"decision,omitempty"`
}

// GroupMatches is what a filter selects.
type GroupMatches struct {
	// Total counts the directory's groups, Matched those that pass.
	Total   int `json:"total"`
	Matched int `json:"matched"`
	// Groups are a page of those that pass, in order of their IDs.
	Groups []GroupMatch `json:"groups,omitempty"`
	// Next is the After of the page that follows; empty if there is none.
	Next string `json:"next,omitempty"`
	// Warnings say that nothing passes, or very much.
	Warnings []Finding `json:"warnings,omitempty"`
}

// MatchGroups says which groups pass the filter of a rule and how their teams would be
// called, while an owner still writes it: teams and people are not looked at. It reads all of
// the directory's groups, page by page. The error is a [SettingsError] that says where the
// rule is wrong; its roles need not be chosen yet. The actor needs
// [tenant.ActionViewMapping].
func (e *Engine) MatchGroups(ctx context.Context, actor tenant.Actor, tenantID string, rule store.AutoRule, q MatchQuery) (GroupMatches, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return GroupMatches{}, err
	}
	errs := &SettingsError{}
	e.checkRule(rule, errs)
	if len(errs.Fields) > 0 {
		return GroupMatches{}, errs
	}
	m, err := NewAutoMapper(rule)
	if err != nil {
		return GroupMatches{}, err
	}
	limit := min(q.Limit, store.MaxLimit)
	if limit <= 0 {
		limit = 20
	}
	var out GroupMatches
	for g, err := range pages(func(after string) (store.Page[store.SCIMGroup], error) {
		return e.cfg.Store.SCIMGroups(ctx, tenantID, store.Query{After: after, WithoutBody: true, ReadOnly: true})
	}) {
		if err != nil {
			return GroupMatches{}, err
		}
		out.Total++
		if !m.filter.match(Group{ID: g.ID, Name: g.DisplayName, ExternalID: g.ExternalID}) {
			continue
		}
		out.Matched++
		switch {
		case g.ID <= q.After:
		case len(out.Groups) == limit:
			out.Next = out.Groups[limit-1].GroupID
		default:
			out.Groups = append(out.Groups, e.groupMatch(m, g))
		}
	}
	out.Warnings = filterFindings(out.Total, out.Matched, e.cfg.ManyGroups)
	return out, nil
}

func (e *Engine) groupMatch(m *AutoMapper, g store.SCIMGroup) GroupMatch {
	name, chosen := m.names[g.ID]
	if !chosen {
		name = nameBy(m.rule.Naming, g.DisplayName)
	}
	return GroupMatch{GroupID: g.ID, Group: label(g.DisplayName), Team: teamName(name, e.cfg.MaxTeamName), Decision: m.decision(g.ID)}
}

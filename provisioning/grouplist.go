package provisioning

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Choices are what an owner may choose from.
type Choices struct {
	// OwnMapper says that the host decides for all tenants (Config.Mapper): mode and rows have no effect.
	OwnMapper bool `json:"ownMapper,omitempty"`
	// OrgRoles are the roles in the organisation that groups may give, lowest first, TeamRoles those in a team.
	OrgRoles  []string `json:"orgRoles"`
	TeamRoles []string `json:"teamRoles"`
	// TopRole is the highest role in the organisation; giving it wants a confirmation.
	TopRole string `json:"topRole"`
	// TeamPolicies and AccountPolicies are those that the host can follow.
	TeamPolicies    []store.TeamPolicy    `json:"teamPolicies"`
	AccountPolicies []store.AccountPolicy `json:"accountPolicies"`
	// MaxRows bounds a mapping.
	MaxRows int `json:"maxRows"`
}

// Choices returns what settings may be made of with this engine's configuration.
func (e *Engine) Choices() Choices {
	c := Choices{
		OwnMapper: e.mapper != nil, TeamRoles: slices.Clone(e.roles.team), TopRole: e.roles.top(), MaxRows: maxRows,
		TeamPolicies: []store.TeamPolicy{store.TeamKeep}, AccountPolicies: []store.AccountPolicy{"", store.AccountSuspend},
	}
	for _, r := range e.roles.org {
		if e.roles.provisionable(r) {
			c.OrgRoles = append(c.OrgRoles, r)
		}
	}
	if _, can := e.cfg.Target.(TeamArchiver); can {
		c.TeamPolicies = append(c.TeamPolicies, store.TeamArchive)
	}
	if _, can := e.cfg.Target.(TeamDeleter); can {
		c.TeamPolicies = append(c.TeamPolicies, store.TeamDelete)
	}
	if _, can := e.cfg.Target.(AccountDeleter); can {
		c.AccountPolicies = append(c.AccountPolicies, store.AccountDelete)
	}
	return c
}

// GroupQuery selects groups of the directory.
type GroupQuery struct {
	// Search is a part of the name, in any case, or the whole ID or externalId. Empty means all.
	Search string
	// IDs, if set, are the groups to return, at most [store.MaxLimit] of them; Search, After and Limit are not
	// looked at then.
	IDs []string
	// After is GroupList.Next of the page before.
	After string
	// Limit is the most groups to return. Zero means 25, more than 200 means that.
	Limit int
}

// GroupInfo is a group of the directory.
type GroupInfo struct {
	ID string `json:"id"`
	// Name is without characters that cannot be seen.
	Name       string `json:"name"`
	ExternalID string `json:"externalId,omitempty"`
	// Members are the users in it, AtLeast that there are more.
	Members int  `json:"members"`
	AtLeast bool `json:"atLeast,omitempty"`
	// ChangedAt is when its name or its members changed last.
	ChangedAt time.Time `json:"changedAt"`
}

// GroupList is a page of groups, in order of their IDs.
type GroupList struct {
	Groups []GroupInfo `json:"groups"`
	// Next is the After of the page that follows; empty if there is none.
	Next string `json:"next,omitempty"`
	// Total counts the directory's groups; -1 if the store cannot.
	Total int `json:"total"`
}

// Groups returns a page of the directory's groups (R83). Of what a search leaves out it reads no more than
// the names. The actor needs [tenant.ActionViewMapping].
func (e *Engine) Groups(ctx context.Context, actor tenant.Actor, tenantID string, q GroupQuery) (GroupList, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return GroupList{}, err
	}
	list := GroupList{Groups: []GroupInfo{}, Total: -1}
	limit := min(cmp.Or(max(q.Limit, 0), 25), 200)
	query := store.Query{WithoutBody: true, ReadOnly: true, After: q.After}
	switch {
	case q.IDs != nil:
		if q.IDs = slices.DeleteFunc(slices.Clone(q.IDs), func(id string) bool { return !plausibleID(id) }); len(q.IDs) == 0 {
			return list, nil
		}
		query.After, query.Filter, limit, q.Search = "", store.In{Attr: store.AttrID, Values: q.IDs}, store.MaxLimit, ""
	case q.Search == "":
		query.Limit = limit + 1
	}
	fold := store.Fold(strings.TrimSpace(q.Search))
	for g, err := range pages(func(after string) (store.Page[store.SCIMGroup], error) {
		query.After = cmp.Or(after, query.After)
		return e.cfg.Store.SCIMGroups(ctx, tenantID, query)
	}) {
		if err != nil {
			return GroupList{}, err
		}
		if q.IDs != nil && !slices.Contains(q.IDs, g.ID) || fold != "" && !strings.Contains(store.Fold(g.DisplayName), fold) && g.ID != q.Search && g.ExternalID != q.Search {
			continue
		}
		if len(list.Groups) == limit {
			list.Next = list.Groups[limit-1].ID
			break
		}
		info, err := e.groupInfo(ctx, tenantID, g)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted just now
		}
		if err != nil {
			return GroupList{}, err
		}
		list.Groups = append(list.Groups, info)
	}
	if counter, ok := e.cfg.Store.(store.SCIMCounter); ok {
		n, err := counter.CountSCIMGroups(ctx, tenantID, nil)
		if err != nil {
			return GroupList{}, err
		}
		list.Total = n
	}
	return list, nil
}

func (e *Engine) groupInfo(ctx context.Context, tenantID string, g store.SCIMGroup) (info GroupInfo, err error) {
	info = GroupInfo{ID: g.ID, Name: cmp.Or(label(g.DisplayName), g.ID), ExternalID: label(g.ExternalID), ChangedAt: g.UpdatedAt}
	if g.MembersUpdatedAt.After(info.ChangedAt) {
		info.ChangedAt = g.MembersUpdatedAt
	}
	if counter, ok := e.cfg.Store.(store.SCIMCounter); ok {
		info.Members, err = counter.CountSCIMUsers(ctx, tenantID, store.Compare{Attr: store.AttrGroup, Op: store.Eq, Value: g.ID})
		return info, err
	}
	members, err := e.cfg.Store.SCIMMembers(ctx, tenantID, g.ID, "", store.MaxLimit)
	for _, m := range members {
		if m.Kind == store.MemberUser {
			info.Members++
		}
	}
	info.AtLeast = len(members) == store.MaxLimit
	return info, err
}

// TeamQuery selects teams of the host.
type TeamQuery struct {
	// Search is a part of the name, in any case. Empty means all.
	Search string
	// IDs, if set, are the teams to return, archived ones, too; Search is not looked at then.
	IDs []string
	// Limit is the most teams to return. Zero means 100, more than [store.MaxLimit] means that.
	Limit int
}

// TeamList are teams in order of their names.
type TeamList struct {
	Teams []Team `json:"teams"`
	// Total counts those that match.
	Total int `json:"total"`
}

// Teams returns teams of the host to which groups may be mapped (R85): without IDs those that are not
// archived. The actor needs [tenant.ActionViewMapping].
func (e *Engine) Teams(ctx context.Context, actor tenant.Actor, tenantID string, q TeamQuery) (TeamList, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return TeamList{}, err
	}
	ids := q.IDs
	if ids != nil {
		if ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" || !plausibleID(id) }); len(ids) == 0 {
			return TeamList{Teams: []Team{}}, nil
		}
	}
	var all []Team
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		all, err = e.target.Teams(ctx, tx, tenantID, ids)
		return hostErr("read teams", err)
	})
	if err != nil {
		return TeamList{}, err
	}
	list, fold := TeamList{Teams: []Team{}}, foldName(q.Search)
	for _, t := range all {
		if q.IDs == nil && (t.Archived || fold != "" && !strings.Contains(foldName(t.Name), fold)) {
			continue
		}
		t.Name = cmp.Or(label(t.Name), t.ID)
		list.Teams = append(list.Teams, t)
	}
	slices.SortFunc(list.Teams, func(a, b Team) int {
		return cmp.Or(cmp.Compare(foldName(a.Name), foldName(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	if list.Total = len(list.Teams); q.IDs == nil {
		list.Teams = list.Teams[:min(list.Total, min(cmp.Or(max(q.Limit, 0), 100), store.MaxLimit))]
	}
	return list, nil
}

// MatchRows returns which rows, counting from 0, name a group or a team in whose name the text is, in any
// case, or whose ID it is. The actor needs [tenant.ActionViewMapping].
func (e *Engine) MatchRows(ctx context.Context, actor tenant.Actor, tenantID string, rows []store.MappingRow, search string) ([]int, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return nil, err
	}
	search = strings.TrimSpace(search)
	fold, groups, teams := store.Fold(search), map[string]bool{}, map[string]bool{}
	for g, err := range pages(func(after string) (store.Page[store.SCIMGroup], error) {
		return e.cfg.Store.SCIMGroups(ctx, tenantID, store.Query{After: after, WithoutBody: true, ReadOnly: true})
	}) {
		if err != nil {
			return nil, err
		}
		if strings.Contains(store.Fold(g.DisplayName), fold) {
			groups[g.ID] = true
		}
	}
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		all, err := e.target.Teams(ctx, tx, tenantID, nil)
		for _, t := range all {
			if strings.Contains(store.Fold(t.Name), fold) {
				teams[t.ID] = true
			}
		}
		return hostErr("read teams", err)
	})
	if err != nil {
		return nil, err
	}
	out := []int{}
	for i, r := range rows {
		if groups[r.GroupID] || r.TeamID != "" && teams[r.TeamID] || r.GroupID == search || r.TeamID == search && search != "" {
			out = append(out, i)
		}
	}
	return out, nil
}

// ReconcileNow is [Engine.Reconcile] as a person asks for it. The actor needs [tenant.ActionApplyMapping].
func (e *Engine) ReconcileNow(ctx context.Context, actor tenant.Actor, tenantID string) (ReconcileReport, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return ReconcileReport{}, err
	}
	if _, err := e.Reconcile(ctx, tenantID); err != nil {
		return ReconcileReport{}, err
	}
	ev, _, err := e.lastReconciled(ctx, tenantID)
	if err != nil {
		return ReconcileReport{}, err
	}
	return readReport(ev)
}

package provisioning

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The bounds of an explanation of a team.
const (
	teamMembers = 100 // on a page, where nothing else is asked for
	// ledgerPages is how many pages of the ledger one call reads for members.
	ledgerPages = 20
	// maxTeamEvents is how many events it has.
	maxTeamEvents = 20
)

// TeamMemberLister is an optional interface of a [Target]: with it [Engine.ExplainTeam] tells of
// members by hand, too. Without it, of those to whom provisioning gave the membership.
type TeamMemberLister interface {
	// TeamMembers returns up to limit IDs of accounts in the team, in ascending order (bytes), the first
	// after the given one; empty means from the start.
	TeamMembers(ctx context.Context, tx store.Store, tenantID, teamID, after string, limit int) ([]string, error)
}

// TeamExplanation is where a team comes from, what puts people into it, and a page of who is in it and
// why, as [Engine.ExplainTeam] returns it.
type TeamExplanation struct {
	TeamID string `json:"teamId"`
	Team   string `json:"team"`
	// Archived says that the application archived it.
	Archived bool `json:"archived,omitempty"`
	// Source is "group:" and the ID of the group whose team it is, or "manual". Group is that group's
	// name, empty where the directory does not have it any more.
	Source Source `json:"source"`
	Group  string `json:"group,omitempty"`
	// Adopted says that the team was there before the group took it over.
	Adopted bool `json:"adopted,omitempty"`
	// Rules are those that put people into the team now, in order.
	Rules []TeamRule `json:"rules,omitempty"`
	// Members are a page of the members, in order of their accounts.
	Members []TeamMember `json:"members,omitempty"`
	// Next is after for the page that follows; empty on the last one. A page may have fewer members
	// than asked for, or none, and another follow it.
	Next string `json:"next,omitempty"`
	// ByHandUnknown says that the application does not list members by hand ([TeamMemberLister]).
	ByHandUnknown bool `json:"byHandUnknown,omitempty"`
	// Lock says whether the team itself may be changed by hand.
	Lock Lock `json:"lock,omitzero"`
	// DeleteAt is when the team is to be deleted; zero if it is not.
	DeleteAt time.Time `json:"deleteAt,omitzero"`
	// Events are the newest that are about the team itself, newest first, at most 20;
	// [Engine.TeamTimeline] has the others. That people came and went is in their own timelines.
	Events []store.Event `json:"events,omitempty"`
}

// TeamRule is a rule that puts people into a team.
type TeamRule struct {
	// Source is the group, or the value, that it is about; Name is what that is called, empty where the
	// directory has no such group.
	Source Source `json:"source"`
	Name   string `json:"name,omitempty"`
	// Rule is "row 2", "value row 1" or "automatic mode", Role the role that members get.
	Rule string `json:"rule"`
	Role string `json:"role"`
}

// TeamMember is somebody in a team, and why.
type TeamMember struct {
	AccountID string `json:"accountId"`
	Person    string `json:"person"`
	// Active says that the account has access.
	Active bool `json:"active"`
	// Right has the role and all that gives it. Its Role is empty where the application does not have
	// the membership although it was given: the next sync mends that.
	Right ExplainedRight `json:"right"`
}

// ExplainTeam tells where a team comes from, which rules put people into it, and who is in it for which
// reason. after is TeamExplanation.Next of the page before, empty for the first; limit is the most
// members to return, zero means 100, and more than that means that. Everything is read at once for a page,
// and no more of it for a large team than for a small one; without a [TeamMemberLister] members are looked for
// in the ledger, as much of it as a page of 20 reads has.
//
// A host's own mapper (Config.Mapper) decides about groups only when it is asked, so that Rules has none of its.
//
// The error matches [store.ErrNotFound] if the application has no such team in the tenant. The actor needs
// [tenant.ActionViewMapping] and, since members are people, [tenant.ActionViewUsers].
func (e *Engine) ExplainTeam(ctx context.Context, actor tenant.Actor, tenantID, teamID, after string, limit int) (TeamExplanation, error) {
	if err := e.allowTeam(ctx, actor, tenantID); err != nil {
		return TeamExplanation{}, err
	}
	if limit <= 0 || limit > teamMembers {
		limit = teamMembers
	}
	var out TeamExplanation
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		out, err = e.explainTeam(ctx, tx, tenantID, teamID, after, limit)
		return err
	})
	if err != nil {
		return TeamExplanation{}, err
	}
	return out, nil
}

// TeamTimeline returns what the journal says about a team, newest first, also of one that is gone. before is
// TimelinePage.Next of the page before, zero for the newest; limit is the most events to return, zero means
// 100, more than [store.MaxLimit] means that. The actor needs what [Engine.ExplainTeam] asks for.
func (e *Engine) TeamTimeline(ctx context.Context, actor tenant.Actor, tenantID, teamID string, before int64, limit int) (TimelinePage, error) {
	if err := e.allowTeam(ctx, actor, tenantID); err != nil {
		return TimelinePage{}, err
	}
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, store.MaxLimit)
	if teamID == "" || !plausibleID(teamID) {
		return TimelinePage{}, nil
	}
	list, err := teamEvents(ctx, e.cfg.Store, tenantID, teamID, max(before, 0), limit)
	if err != nil {
		return TimelinePage{}, err
	}
	page := TimelinePage{Events: list}
	if len(list) == limit {
		page.Next = list[limit-1].Seq
	}
	return page, nil
}

func (e *Engine) allowTeam(ctx context.Context, actor tenant.Actor, tenantID string) error {
	for _, action := range []tenant.Action{tenant.ActionViewMapping, tenant.ActionViewUsers} {
		if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, action, tenantID); err != nil {
			return err
		}
	}
	return nil
}

func teamEvents(ctx context.Context, tx store.Store, tenantID, teamID string, before int64, limit int) ([]store.Event, error) {
	return tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: subjectTeam, SubjectID: teamID, Newest: true, Before: before, Limit: limit})
}

func (e *Engine) explainTeam(ctx context.Context, tx store.Store, tenantID, teamID, after string, limit int) (TeamExplanation, error) {
	missing := fmt.Errorf("provisioning: the organisation has no team %s: %w", quoted(clip(teamID), ""), store.ErrNotFound)
	if teamID == "" || !plausibleID(teamID) {
		return TeamExplanation{}, missing
	}
	teams, err := e.target.Teams(ctx, tx, tenantID, []string{teamID})
	if err != nil {
		return TeamExplanation{}, hostErr("read teams", err)
	}
	if len(teams) == 0 {
		return TeamExplanation{}, missing
	}
	out := TeamExplanation{TeamID: teamID, Team: teams[0].Name, Archived: teams[0].Archived, Source: SourceManual}
	l, err := e.newLoader(ctx, tx, tenantID, nil)
	if err != nil {
		return TeamExplanation{}, err
	}
	if err := out.rules(ctx, l); err != nil {
		return TeamExplanation{}, err
	}
	if err := out.members(ctx, l, after, limit); err != nil {
		return TeamExplanation{}, err
	}
	if err := out.locks(ctx, l); err != nil {
		return TeamExplanation{}, err
	}
	d, waits, err := teamDeletions.of(ctx, tx, tenantID, teamID)
	if err != nil {
		return TeamExplanation{}, err
	}
	if waits {
		out.DeleteAt = d.DueAt
	}
	out.Events, err = teamEvents(ctx, tx, tenantID, teamID, 0, maxTeamEvents)
	return out, err
}

// rules finds the group that has the team, and the rules that name it.
func (x *TeamExplanation) rules(ctx context.Context, l *loader) error {
	// The line after the team's first possible one is its own, or another's.
	own, err := l.tx.AllGrants(ctx, l.tenantID, store.GrantKey{Kind: store.GrantTeam, ResourceID: x.TeamID}, 1)
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	ofGroup := ""
	if len(own) == 1 && own[0].AccountID == "" && own[0].Kind == store.GrantTeam && own[0].ResourceID == x.TeamID {
		ofGroup = own[0].GroupID
		x.Source, x.Adopted, ids[ofGroup] = GroupSource(ofGroup), own[0].Previous != "", true
	}
	var gives []Give
	if m, ok := l.mapper.(*ManualMapper); ok {
		gives = m.teamGives(x.TeamID)
	}
	gives = ofGroups(l.settings.Authority, gives)
	for _, g := range gives {
		ids[g.GroupID] = true
	}
	names := map[string]Group{}
	for chunk := range slices.Chunk(sortedKeys(ids), store.MaxLimit) {
		refs, err := store.GroupsWithIDs(ctx, l.tx, l.tenantID, chunk)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			names[ref.ID] = Group{ID: ref.ID, Name: ref.DisplayName}
		}
	}
	if g, exists := names[ofGroup]; exists {
		x.Group = g.Name
		if _, auto := l.mapper.(*AutoMapper); auto {
			if err := l.loadGroupFor(ctx, &g); err != nil {
				return err
			}
			of, err := mapGroups(ctx, l.mapper, l.tenantID, []Group{g})
			if err != nil {
				return err
			}
			gives = append(gives, ofGroups(l.settings.Authority, of)...)
		}
	}
	for _, g := range gives {
		if g.TeamID == x.TeamID || g.GroupTeam {
			x.Rules = append(x.Rules, TeamRule{Source: GroupSource(g.GroupID), Name: names[g.GroupID].Name, Rule: g.Rule, Role: g.TeamRole})
		}
	}
	var values []Give
	for _, list := range l.authority.byValue {
		for _, g := range list {
			if g.TeamID == x.TeamID {
				values = append(values, g)
			}
		}
	}
	slices.SortFunc(values, func(a, b Give) int { return cmp.Compare(a.Rank, b.Rank) })
	for _, g := range values {
		_, v, _ := valueIn(g.GroupID)
		x.Rules = append(x.Rules, TeamRule{Source: GroupSource(g.GroupID), Name: v, Rule: g.Rule, Role: g.TeamRole})
	}
	return nil
}

// loadGroupFor reads the group's externalId where the mapper looks at it.
func (l *loader) loadGroupFor(ctx context.Context, g *Group) error {
	if !l.external {
		return nil
	}
	have, err := l.tx.SCIMGroup(ctx, l.tenantID, g.ID)
	g.ExternalID = have.ExternalID
	return err
}

// teamGives is what rows give in one team.
func (m *ManualMapper) teamGives(teamID string) (out []Give) {
	for i, r := range m.rows {
		if r.TeamID == teamID {
			out = append(out, m.give(i))
		}
	}
	return out
}

// members reads a page of those who are in the team.
func (x *TeamExplanation) members(ctx context.Context, l *loader, after string, limit int) error {
	ids, err := x.memberIDs(ctx, l, after, limit)
	if err != nil || len(ids) == 0 {
		return err
	}
	c := newConcern()
	c.inOneRead = true
	c.accounts = set(ids)
	snap, err := l.load(ctx, c)
	if err != nil {
		return err
	}
	for i := range snap.people {
		p := &snap.people[i]
		m := TeamMember{AccountID: p.accountID(), Right: ExplainedRight{TeamID: x.TeamID, Team: x.Team}}
		if !slices.Contains(ids, m.AccountID) {
			continue
		}
		m.Person = cmp.Or(p.profile.label(), p.record.Email)
		var now standing
		if p.host != nil {
			m.Person, m.Active = cmp.Or(m.Person, p.host.Email), p.host.Active
			now = standing{active: p.host.Active, org: p.host.OrgRole}
			for _, in := range p.host.Teams {
				if in.TeamID == x.TeamID {
					m.Right.Role = in.Role
				}
			}
		}
		m.Person = cmp.Or(m.Person, m.AccountID)
		m.Right.sources(snap, p, store.GrantMembership, snap.roles.team)
		m.Right.Effective = now.in(snap.roles, m.Right.Role)
		if len(m.Right.Sources) > 0 { // else gone since it was listed
			x.Members = append(x.Members, m)
		}
	}
	slices.SortFunc(x.Members, func(a, b TeamMember) int { return cmp.Compare(a.AccountID, b.AccountID) })
	changes := make([]Change, len(x.Members))
	for i, m := range x.Members {
		changes[i] = Change{Resource: Resource{Kind: ResourceMembership, AccountID: m.AccountID, TeamID: x.TeamID}, Op: OpDelete}
	}
	all, err := l.e.lockedAmong(ctx, l.tx, l.tenantID, changes)
	if err != nil {
		return err
	}
	for i := range x.Members {
		x.Members[i].Right.Locked = all[i].Locked
	}
	return nil
}

// locks says what may not be changed by hand, of the team and of each membership, as Locks does.
func (x *TeamExplanation) locks(ctx context.Context, l *loader) error {
	locks, err := NewLocks(LocksConfig{Store: l.tx, Now: l.e.cfg.Now, Entitlements: l.e.cfg.Entitlements})
	if err != nil {
		return err
	}
	if x.Lock, err = locks.CheckTx(ctx, l.tx, l.tenantID, Resource{Kind: ResourceTeam, TeamID: x.TeamID}, "", OpUpdate); err != nil {
		return err
	}
	changes := make([]Change, len(x.Members))
	for i, m := range x.Members {
		changes[i] = Change{Resource: Resource{Kind: ResourceMembership, AccountID: m.AccountID, TeamID: x.TeamID}, Op: OpDelete}
	}
	r := &lockReader{locks: locks, tx: l.tx, tenantID: l.tenantID, now: l.e.cfg.Now(), nameless: true}
	all, err := r.read(ctx, changes)
	if err != nil {
		return err
	}
	for i := range x.Members {
		x.Members[i].Right.Locked = all[i].Locked
	}
	return nil
}

// memberIDs lists a page of the members' accounts, in order.
func (x *TeamExplanation) memberIDs(ctx context.Context, l *loader, after string, limit int) ([]string, error) {
	lister, ok := l.e.cfg.Target.(TeamMemberLister)
	if !ok {
		x.ByHandUnknown = true
		return x.givenIDs(ctx, l, after, limit)
	}
	var ids []string
	err := l.e.guard.call(ctx, "TeamMembers", func(ctx context.Context) (err error) {
		ids, err = lister.TeamMembers(ctx, l.tx, l.tenantID, x.TeamID, after, limit)
		return err
	})
	if err != nil {
		return nil, hostErr("list the members of a team", err)
	}
	last := after
	for _, id := range ids {
		if id <= last || len(ids) > limit {
			return nil, hostErr("list the members of a team", wrong("expected at most %d accounts in ascending order after %q, got %d with %q after %q", limit, hostName(after), len(ids), hostName(id), hostName(last)))
		}
		last = id
	}
	if len(ids) == limit {
		x.Next = ids[limit-1]
	}
	return ids, nil
}

// givenIDs finds in the ledger to whom provisioning gave the membership.
func (x *TeamExplanation) givenIDs(ctx context.Context, l *loader, after string, limit int) (ids []string, err error) {
	from := store.GrantKey{}
	if after != "" {
		from = store.GrantKey{AccountID: after, Kind: afterKinds}
	}
	done, at := "", after // accounts whose lines were all read, and the one at hand
	for pages := 0; pages < ledgerPages || done == ""; pages++ {
		page, err := l.tx.AllGrants(ctx, l.tenantID, from, store.MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, g := range page {
			if g.AccountID != at {
				done, at = at, g.AccountID
			}
			if g.Kind != store.GrantMembership || g.ResourceID != x.TeamID || len(ids) > 0 && ids[len(ids)-1] == at {
				continue
			}
			if ids = append(ids, at); len(ids) == limit {
				x.Next = at
				return ids, nil
			}
		}
		if len(page) < store.MaxLimit {
			return ids, nil
		}
		from = page[len(page)-1].Key()
	}
	if x.Next = done; len(ids) > 0 && ids[len(ids)-1] == at {
		x.Next = at
	}
	return ids, nil
}

// afterKinds comes after all kinds of grants.
const afterKinds store.GrantKind = "~"

// Sentences is the explanation for people: where the team comes from, its rules, its members.
func (x TeamExplanation) Sentences() []Sentence {
	var s sentences
	switch {
	case x.Source == SourceManual:
		s.say("team_by_hand", "Team “%s” was made in the application.", x.Team)
	case x.Group == "":
		s.say("team_group_gone", "Team “%s” belongs to a group that the directory deleted.", x.Team)
	case x.Adopted:
		s.say("team_adopted", "Team “%s” was made in the application, and group “%s” took it over.", x.Team, x.Group)
	default:
		s.say("team_of_group", "Team “%s” was made for group “%s”.", x.Team, x.Group)
	}
	if x.Archived {
		s.say("team_archived", "The team is archived; nobody joins.")
	}
	if !x.DeleteAt.IsZero() {
		s.say("team_delete", "The team is to be deleted at %s.", x.DeleteAt.UTC().Format(time.RFC3339))
	}
	if len(x.Rules) == 0 {
		s.say("team_no_rule", "No rule puts people into it.")
	}
	for _, r := range x.Rules {
		switch who := r.Source.named(); {
		case who != "":
			s.say("team_value_rule", "Who has %s becomes %s, by %s.", who, r.Role, r.Rule)
		case r.Name == "":
			s.say("team_rule_dangles", "The group of %s is not there any more.", r.Rule)
		default:
			s.say("team_rule", "Who is in group “%s” becomes %s, by %s.", r.Name, r.Role, r.Rule)
		}
	}
	for _, m := range x.Members {
		s.say("member", "%s is a member.", m.Person)
		m.Right.sayIn(&s, "team “"+x.Team+"”")
		if !m.Active {
			s.say("member_inactive", "%s has no access.", m.Person)
		}
	}
	if x.ByHandUnknown {
		s.say("team_by_hand_unknown", "Members by hand are not listed here.")
	}
	if x.Lock.Locked {
		s.say("team_locked", "%s", x.Lock.Reason)
	}
	return s
}

// Text is the explanation in English, a sentence a line.
func (x TeamExplanation) Text() string {
	var b strings.Builder
	for _, s := range x.Sentences() {
		b.WriteString(s.Text)
		b.WriteByte('\n')
	}
	return b.String()
}

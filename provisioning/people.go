package provisioning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// previousManual marks what was there before a group gave it.
const previousManual = "manual"

// planPerson plans one person; nil if there is nothing to say.
func (p *planner) planPerson(x *person) *personPlan {
	pp := &personPlan{
		scimUserID: x.scimUserID, accountID: x.accountID(), profile: x.profile,
		record: x.record, user: x.user,
		hostGone: x.record != nil && x.host == nil,
	}
	if x.record != nil && x.record.ID == p.s.rootID {
		p.findFor(pp, FindingRootUser, "This account created the organisation: directories and groups leave it alone.")
		return nil
	}
	if x.mapErr != nil {
		p.findFor(pp, FindingMapperFailed, "The rules could not be read for this person; what groups gave stays as it is.")
		// What the directory says about access counts all the same.
		if x.user != nil && x.user.Active {
			pp.err = x.mapErr
			return pp
		}
	}
	host := x.host
	switch active := x.user != nil && x.user.Active; {
	case !active && x.record == nil:
		return nil // never had an account
	case !active:
		p.depart(pp, x)
	case x.record == nil:
		if host = p.arrive(pp, x); host == nil {
			return nil
		}
	default:
		if !p.stay(pp, x) {
			return nil
		}
	}
	if host == nil {
		host = &AccountState{ID: pp.accountID} // gone at the host: only the ledger is left
	}
	wanted := p.wanted(x)
	if x.mapErr == nil || x.user == nil {
		p.planMemberships(pp, x, host, wanted)
		p.planOrgRole(pp, x, host, wanted)
	}
	return pp
}

func (p *planner) line(pp *personPlan, l Line) { pp.lines = append(pp.lines, p.lineFor(pp, l)) }

// lineFor completes a line with whom it is for.
func (p *planner) lineFor(pp *personPlan, l Line) Line {
	l.AccountID, l.SCIMUserID, l.Person = pp.accountID, pp.scimUserID, pp.profile.label()
	if l.Person == "" && pp.record != nil {
		l.Person = pp.record.Email
	}
	return l
}

func (p *planner) findFor(pp *personPlan, code FindingCode, message string) {
	p.find(Finding{Code: code, AccountID: pp.accountID, SCIMUserID: pp.scimUserID, Person: pp.profile.label(), Message: message})
}

// depart ends access: whatever is paused, only root user and break-glass owners stay.
func (p *planner) depart(pp *personPlan, x *person) {
	if x.host != nil && x.host.OrgRole == p.s.roles.top() && (p.s.breakGlass[foldEmail(x.host.Email)] || p.s.breakGlass[foldEmail(x.record.Email)]) {
		pp.activates = x.host.Active
		if x.record.Active {
			p.findFor(pp, FindingBreakGlass, "This owner is on the break-glass list and keeps access although the directory ended it. Take the address off the list first.")
		}
		return
	}
	reason := "the directory set the user inactive"
	if x.user == nil {
		reason = "the directory deleted the user"
	}
	if x.record.Active || x.user == nil && x.record.SCIMUserID != "" {
		p.line(pp, Line{Kind: AccountDeactivate, Reason: reason})
	}
}

// arrive gives a provisioned user an account, new or taken over. It returns what the
// host says, or will say, about it; nil if there will be none.
func (p *planner) arrive(pp *personPlan, x *person) *AccountState {
	pp.activates = true
	m, r := x.match, x.matchRecord
	switch {
	case m == nil:
		if p.hold() {
			return nil
		}
		p.line(pp, Line{Kind: AccountCreate, Reason: "the directory provisioned the user"})
		return &AccountState{Active: true, OrgRole: p.s.roles.lowest()}
	case m.ID == p.s.rootID:
		p.findFor(pp, FindingRootUser, rootRefusal)
		return nil
	case r == nil && m.CreatedFor != "" && m.CreatedFor == x.scimUserID:
		// Made by an attempt whose transaction did not commit.
		pp.accountID = m.ID
		p.line(pp, Line{Kind: AccountCreate, Reason: "the directory provisioned the user"})
		return m
	case r != nil && r.SCIMUserID != "":
		p.findFor(pp, FindingAccountTaken, "The account of this address belongs to another user of the directory.")
		return nil
	case !adoptable(r):
		p.findFor(pp, FindingAccountExists, accountExists)
		return nil
	}
	if p.hold() {
		return nil
	}
	pp.accountID, pp.record = m.ID, r
	reason := "the directory provisioned the user again"
	switch {
	case r.Convertible:
		reason = "the account was approved for conversion"
	case r.Source == store.SourceOIDC:
		reason = "the account came by signing in with the same identity provider"
	}
	p.line(pp, Line{Kind: AccountAdopt, Reason: reason})
	return m
}

// adoptable says whether a directory may take over an account that no provisioned user
// has: approved, or come through the same identity provider before.
func adoptable(r *store.Account) bool {
	if r == nil || r.SCIMUserID != "" {
		return false
	}
	switch r.Source {
	case store.SourceSCIM, store.SourceConverted, store.SourceOIDC:
		return true
	}
	return r.Convertible
}

// stay plans the account of a user who is active and has one; false leaves it alone.
func (p *planner) stay(pp *personPlan, x *person) bool {
	if x.host == nil {
		p.findFor(pp, FindingAccountMissing, "The application no longer has the account of this user. Delete and provision the user again.")
		return false
	}
	pp.activates = x.host.Active
	switch {
	case !x.record.Active:
		if p.hold() {
			return false
		}
		pp.activates = true
		p.line(pp, Line{Kind: AccountReactivate, Reason: "the directory set the user active"})
	case x.sawInactive:
		p.line(pp, Line{Kind: AccountEndSessions, Reason: "the directory ended and restored access"})
	}
	if x.updated {
		p.line(pp, Line{Kind: AccountUpdate, Reason: "the directory wrote the user"})
	}
	return true
}

// want is what rules give one person in one team, or in the organisation.
type want struct {
	team  teamRef
	given []wantedRole // in order of the groups' IDs, one for each
}

// wantedRole is the highest role that one group gives.
type wantedRole struct {
	role string
	by   Give
}

func (w *want) give(g Give, role string, order []string) {
	i, ok := slices.BinarySearchFunc(w.given, g.GroupID, func(r wantedRole, id string) int { return cmp.Compare(r.by.GroupID, id) })
	switch {
	case !ok:
		w.given = slices.Insert(w.given, i, wantedRole{role, g})
	case higher(order, w.given[i].role, role) != w.given[i].role:
		w.given[i] = wantedRole{role, g}
	}
}

// of returns the role that a group gives.
func (w *want) of(groupID string) (role string, ok bool) {
	for _, r := range w.given {
		if r.by.GroupID == groupID {
			return r.role, true
		}
	}
	return "", false
}

// best is the highest role and what gives it; of several the first by the group's ID.
func (w *want) best(order []string) (best wantedRole) {
	for i, r := range w.given {
		if i == 0 || higher(order, best.role, r.role) != best.role {
			best = r
		}
	}
	return best
}

// wanted gathers what the rules give, by team; the empty key is the organisation.
func (p *planner) wanted(x *person) map[string]*want {
	out := map[string]*want{}
	at := func(key string, ref teamRef) *want {
		if out[key] == nil {
			out[key] = &want{team: ref}
		}
		return out[key]
	}
	for _, g := range x.gives {
		if ref, ok := p.teamOf(g); ok {
			if slices.Contains(p.s.roles.team, g.TeamRole) {
				at(ref.key(), ref).give(g, g.TeamRole, p.s.roles.team)
			} else {
				p.badRole(g, FindingRoleUnknown, fmt.Sprintf("gives the team role %q, which does not exist", g.TeamRole))
			}
		}
		switch {
		case g.OrgRole == "":
		case !slices.Contains(p.s.roles.org, g.OrgRole):
			p.badRole(g, FindingRoleUnknown, fmt.Sprintf("gives the role %q, which does not exist", g.OrgRole))
		case !p.s.roles.provisionable(g.OrgRole):
			p.badRole(g, FindingRoleAboveMax, fmt.Sprintf("gives the role %s; groups may give %s at most", g.OrgRole, p.s.roles.most))
		default:
			at("", teamRef{}).give(g, g.OrgRole, p.s.roles.org)
		}
	}
	return out
}

func (p *planner) badRole(g Give, code FindingCode, message string) {
	p.find(Finding{Code: code, GroupID: g.GroupID, Group: p.s.groupName(g.GroupID), Message: fmt.Sprintf("%s, %s.", upperFirst(p.s.inGroup(g)), message)})
}

// teamOf finds the team that a give names; a team that is missing is reported once.
func (p *planner) teamOf(g Give) (teamRef, bool) {
	if g.GroupTeam {
		ref, ok := p.refs[g.GroupID]
		return ref, ok // without one, the group's conflict was reported
	}
	if g.TeamID == "" {
		return teamRef{}, false
	}
	if t, ok := p.s.teams[g.TeamID]; ok {
		return teamRef{id: t.ID, name: t.Name}, true
	}
	if !p.missing[g.TeamID] {
		p.missing[g.TeamID] = true
		p.find(Finding{Code: FindingTeamMissing, TeamID: g.TeamID, GroupID: g.GroupID, Group: p.s.groupName(g.GroupID), Message: fmt.Sprintf("%s names a team that does not exist any more.", upperFirst(g.Rule))})
	}
	return teamRef{}, false
}

// planMemberships compares team by team what rules give with what the ledger says was
// given and with what the host has.
func (p *planner) planMemberships(pp *personPlan, x *person, host *AccountState, wanted map[string]*want) {
	given := map[string][]store.Grant{}
	for _, g := range x.grants {
		if g.Kind == store.GrantMembership {
			given[g.ResourceID] = append(given[g.ResourceID], g)
		}
	}
	keys := map[string]bool{}
	for k := range wanted {
		if k != "" {
			keys[k] = true
		}
	}
	for k := range given {
		keys[k] = true
	}
	for _, key := range sortedKeys(keys) {
		m := membershipPlan{p: p, pp: pp, x: x, lines: given[key], want: wanted[key]}
		if m.want == nil {
			m.want = &want{team: teamRef{id: key, name: p.s.teams[key].Name}}
		}
		for _, t := range host.Teams {
			if t.TeamID == m.want.team.id {
				m.has, m.role, m.ours = true, t.Role, t.Provisioned
			}
		}
		m.plan()
	}
}

// membershipPlan is one person in one team.
type membershipPlan struct {
	p     *planner
	pp    *personPlan
	x     *person
	lines []store.Grant // the ledger's
	want  *want
	has   bool
	role  string
	ours  bool // the host says that SetMember made it
}

func (m *membershipPlan) plan() {
	if _, exists := m.p.s.teams[m.want.team.id]; m.want.team.id != "" && !exists {
		m.drop(false) // the team is gone and its members with it
		return
	}
	switch {
	case len(m.want.given) == 0:
		m.end()
	case len(m.lines) == 0:
		m.begin()
	default:
		m.keep()
	}
}

// gaining says whether something may be given now: not to somebody inactive.
func (m *membershipPlan) gaining() bool { return m.pp.activates && !m.p.hold() }

func (m *membershipPlan) line(kind LineKind, from, to, reason string) {
	m.p.line(m.pp, Line{Kind: kind, TeamID: m.want.team.id, Team: m.want.team.name, GroupID: m.want.team.group, From: from, To: to, Reason: reason})
}

func (m *membershipPlan) begin() {
	if !m.gaining() {
		return
	}
	best := m.want.best(m.p.s.roles.team)
	reason := m.p.s.inGroup(best.by)
	if m.has && m.ours {
		// Made by an attempt whose transaction did not commit.
		m.line(MemberAdd, "", best.role, reason)
		m.put("")
		return
	}
	if m.has {
		// The role that somebody gave by hand stays as it is (D1).
		m.line(MemberLink, "", "", reason+"; was a member before")
		m.put(previousManual)
		return
	}
	m.line(MemberAdd, "", best.role, reason)
	m.put("")
}

func (m *membershipPlan) keep() {
	order := m.p.s.roles.team
	before := m.lines[0].Previous
	given := ""
	for _, g := range m.lines {
		given = higher(order, given, g.Role)
	}
	best := m.want.best(order)
	changed := m.ledgerDiffers()
	switch override := before == previousManual || m.role != given; {
	case !m.has:
		// Removed past the lock, or never arrived: mended.
		if !m.gaining() {
			return
		}
		m.line(MemberAdd, "", best.role, m.p.s.inGroup(best.by))
		before = ""
	case override:
		if before != previousManual && m.role != best.role {
			m.line(MemberOverride, best.role, m.role, fmt.Sprintf("changed by hand; %s gives %s", m.p.s.inGroup(best.by), best.role))
		}
	case best.role != given:
		if m.p.hold() {
			return
		}
		m.line(MemberRole, given, best.role, m.p.s.inGroup(best.by))
	}
	if changed && m.p.s.settings.Paused && m.x.user != nil && m.x.user.Active {
		return // the ledger follows when provisioning is resumed
	}
	if changed || !m.has {
		m.put(before)
		m.drop(true)
	}
}

func (m *membershipPlan) ledgerDiffers() bool {
	if len(m.lines) != len(m.want.given) {
		return true
	}
	for _, g := range m.lines {
		if role, ok := m.want.of(g.GroupID); !ok || role != g.Role {
			return true
		}
	}
	return false
}

func (m *membershipPlan) end() {
	if m.pp.activates && m.p.hold() {
		return
	}
	reason := m.p.s.leftGroup(m.lines[0].GroupID, m.x.user)
	switch {
	case m.lines[0].Previous == previousManual:
		m.line(MemberRelease, "", "", reason+"; stays a member by hand")
	case m.has:
		m.line(MemberRemove, m.role, "", reason)
	}
	m.drop(false)
}

// put writes the ledger's lines of all groups that give the membership.
func (m *membershipPlan) put(previous string) {
	for _, w := range m.want.given {
		g := store.Grant{
			AccountID: m.pp.accountID, Kind: store.GrantMembership, ResourceID: m.want.team.id,
			GroupID: w.by.GroupID, Role: w.role, Previous: previous,
		}
		if slices.Contains(m.lines, g) {
			continue
		}
		pending := pendingGrant{Grant: g}
		if g.ResourceID == "" {
			pending.TeamOf = m.want.team.group
		}
		m.pp.put = append(m.pp.put, pending)
	}
}

// drop removes the ledger's lines, those of groups that still give it only if keep is not set.
func (m *membershipPlan) drop(keep bool) {
	for _, g := range m.lines {
		if _, ok := m.want.of(g.GroupID); !ok || !keep {
			m.pp.drop = append(m.pp.drop, g.Key())
		}
	}
}

// planOrgRole does the same for the role in the organisation. A role that was there
// before counts as given, too, so that a sync never lowers it.
func (p *planner) planOrgRole(pp *personPlan, x *person, host *AccountState, wanted map[string]*want) {
	order := p.s.roles.org
	w := wanted[""]
	if w == nil {
		w = &want{}
	}
	base, expected := host.OrgRole, host.OrgRole
	var lines []store.Grant
	for _, g := range x.grants {
		if g.Kind == store.GrantOrgRole {
			lines = append(lines, g)
		}
	}
	if len(lines) > 0 {
		base = lines[0].Previous
		expected = base
		for _, g := range lines {
			expected = higher(order, expected, g.Role)
		}
	}
	step := &orgStep{}
	best := w.best(order)
	target := higher(order, base, best.role)
	for _, r := range w.given {
		g := store.Grant{AccountID: pp.accountID, Kind: store.GrantOrgRole, GroupID: r.by.GroupID, Role: r.role, Previous: base}
		if !slices.Contains(lines, g) {
			step.put = append(step.put, pendingGrant{Grant: g})
		}
	}
	for _, g := range lines {
		if _, ok := w.of(g.GroupID); !ok {
			step.drop = append(step.drop, g.Key())
		}
	}
	active := x.user != nil && x.user.Active
	switch {
	case target != host.OrgRole && host.OrgRole != expected:
		if pp.activates {
			p.line(pp, Line{Kind: OrgRoleOverride, From: target, To: host.OrgRole, Reason: "changed by hand; the groups give " + quoted(best.role, "none")})
		}
	case target != host.OrgRole && (active || len(lines) > 0) && !pp.hostGone:
		l := p.lineFor(pp, Line{Kind: OrgRoleSet, From: host.OrgRole, To: target})
		if len(w.given) > 0 {
			l.Reason = p.s.inGroup(best.by)
		} else {
			l.Reason = p.s.leftGroup(lines[0].GroupID, x.user)
		}
		step.line = &l
	}
	if step.line == nil && len(step.put) == 0 && len(step.drop) == 0 {
		return
	}
	raises := step.line != nil && higher(order, step.line.From, step.line.To) == step.line.To
	if !active && (raises || len(step.put) > 0) {
		return // given on return
	}
	if active && p.hold() {
		return
	}
	pp.org = step
}

func upperFirst(s string) string {
	if s == "" {
		return "A rule"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

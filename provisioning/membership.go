package provisioning

import (
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// previousManual marks in the ledger what was there before a group gave it.
const previousManual = "manual"

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
	for k := range x.lostTeams {
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
	if t := m.p.s.teams[m.want.team.id]; t.Archived && len(m.want.given) > 0 && !m.p.restored[t.ID] {
		m.p.findArchived(t, m.want.given[0].by.GroupID)
		return // who is in it stays, and nobody joins
	}
	switch {
	case len(m.want.given) == 0 && len(m.lines) == 0:
		m.undo()
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

func (m *membershipPlan) line(kind LineKind, from, to, reason string, by Source) {
	m.p.line(m.pp, m.lineOf(kind, from, to, reason, by))
}

func (m *membershipPlan) lineOf(kind LineKind, from, to, reason string, by Source) Line {
	return Line{Kind: kind, TeamID: m.want.team.id, Team: m.want.team.name, GroupID: m.want.team.group, From: from, To: to, Source: by, Reason: reason}
}

func (m *membershipPlan) begin() {
	if !m.gaining() {
		return
	}
	best := m.want.best(m.p.s.roles.team)
	reason, by := m.p.s.inGroup(best.by), GroupSource(best.by.GroupID)
	if m.has && m.ours {
		// Made by an attempt whose transaction did not commit.
		m.line(MemberAdd, "", best.role, reason, by)
		m.put("")
		return
	}
	if !m.has && m.p.s.keepsOutOf(m.pp.accountID, m.want.team.id) {
		return
	}
	if m.has {
		// The role that somebody gave by hand stays as it is (D1).
		m.line(MemberLink, "", "", reason+"; was a member before", by)
		m.put(previousManual)
		return
	}
	m.line(MemberAdd, "", best.role, reason, by)
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
	by := GroupSource(best.by.GroupID)
	changed := m.ledgerDiffers()
	switch override := before == previousManual || m.role != given; {
	case !m.has:
		// Removed past the lock, or never arrived: mended.
		if !m.gaining() || m.p.s.keepsOutOf(m.pp.accountID, m.want.team.id) {
			return
		}
		m.line(MemberAdd, "", best.role, m.p.s.inGroup(best.by), by)
		before = ""
	case override:
		switch {
		case before == previousManual || m.role == best.role:
		case m.p.s.reset.teamRole(m.pp.accountID, m.want.team.id, m.lines) && m.gaining():
			m.line(MemberRole, m.role, best.role, "an owner takes back the change by hand; "+m.p.s.inGroup(best.by), by)
		default:
			m.line(MemberOverride, best.role, m.role, fmt.Sprintf("changed by hand; %s gives %s", m.p.s.inGroup(best.by), best.role), SourceOverride)
		}
	case best.role != given:
		if m.p.hold() {
			return
		}
		m.line(MemberRole, given, best.role, m.p.s.inGroup(best.by), by)
	}
	if changed && m.p.s.settings.Paused && m.x.present() {
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
	for _, g := range m.lines {
		if m.p.keeps(m.x, g.GroupID) {
			m.release(g.GroupID)
			return
		}
	}
	if m.pp.activates && m.p.hold() {
		return
	}
	reason := m.p.s.leftGroup(m.lines[0].GroupID, m.x)
	switch {
	case m.lines[0].Previous == previousManual:
		m.line(MemberRelease, "", "", reason+"; stays a member by hand", SourceManual)
	case m.has:
		m.line(MemberRemove, m.role, "", reason, GroupSource(m.lines[0].GroupID))
	}
	m.drop(false)
}

// undo takes what an attempt gave whose transaction did not commit, and nothing gives now.
func (m *membershipPlan) undo() {
	if m.has && !(m.pp.activates && m.p.hold()) {
		m.line(MemberRemove, m.role, "", "given by a change that did not come to its end", SourceManual)
	}
}

// release leaves a membership that a change of the settings stops to give.
func (m *membershipPlan) release(groupID string) {
	if m.has {
		l := m.lineOf(MemberRelease, "", "", m.p.s.fellOut(groupID)+"; stays a member by hand", SourceManual)
		m.pp.kept = append(m.pp.kept, m.p.lineFor(m.pp, l))
	}
	for _, g := range m.lines {
		m.pp.keptDrop = append(m.pp.keptDrop, g.Key())
	}
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

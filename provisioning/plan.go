package provisioning

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// LineKind says what a line of a plan does. An event of the type "provisioning." and
// this kind tells that it was done.
type LineKind string

// The kinds of lines.
const (
	TeamCreate  LineKind = "team.create"  // a team is made for a group
	TeamAdopt   LineKind = "team.adopt"   // a group takes over a team that exists
	TeamRename  LineKind = "team.rename"  // a team follows its group's name
	TeamRelease LineKind = "team.release" // a team has no group any more and becomes ordinary
	TeamArchive LineKind = "team.archive" // the same, and it is archived
	TeamDelete  LineKind = "team.delete"  // the same, and it is deleted if it is unused
	// TeamDeletePlanned: the same, after a while ([Engine.PlannedDeletions]).
	TeamDeletePlanned LineKind = "team.delete_planned"

	AccountCreate      LineKind = "account.create"       // a provisioned user gets an account
	AccountAdopt       LineKind = "account.adopt"        // a provisioned user takes over an account
	AccountUpdate      LineKind = "account.update"       // the profile is brought
	AccountDeactivate  LineKind = "account.deactivate"   // access ends
	AccountReactivate  LineKind = "account.reactivate"   // access comes back
	AccountEndSessions LineKind = "account.end_sessions" // it had ended meanwhile: sessions do

	MemberAdd      LineKind = "member.add"      // somebody joins a team
	MemberLink     LineKind = "member.link"     // a member by hand is now also one by group
	MemberRemove   LineKind = "member.remove"   // somebody leaves a team
	MemberRelease  LineKind = "member.release"  // a member is no longer one by group, and stays one by hand
	MemberRole     LineKind = "member.role"     // a role in a team changes
	MemberOverride LineKind = "member.override" // a role in a team was changed by hand and stays

	OrgRoleSet      LineKind = "org_role.set"      // a role in the organisation changes
	OrgRoleRelease  LineKind = "org_role.release"  // it came from a group, and stays as if given by hand
	OrgRoleOverride LineKind = "org_role.override" // it was changed by hand and stays
)

// Informative says that a line explains what stays, and does nothing.
func (k LineKind) Informative() bool { return k == MemberOverride || k == OrgRoleOverride }

// Line is one thing that a plan does, and why.
type Line struct {
	Kind LineKind `json:"kind"`
	// AccountID, SCIMUserID and Person say for whom; all empty on lines about teams.
	// AccountID is empty for an account that is still to be made.
	AccountID  string `json:"accountId,omitempty"`
	SCIMUserID string `json:"scimUserId,omitempty"`
	Person     string `json:"person,omitempty"`
	// TeamID is empty for a team that is still to be made.
	TeamID string `json:"teamId,omitempty"`
	Team   string `json:"team,omitempty"`
	// GroupID is the group whose team it is.
	GroupID string `json:"groupId,omitempty"`
	Group   string `json:"group,omitempty"`
	// From and To are roles, or names of teams.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Source says where the membership or role that the line is about comes from afterwards;
	// on lines that take it, where it came from.
	Source Source `json:"source,omitempty"`
	// DueAt is when a team is deleted, on the event of a planned deletion.
	DueAt time.Time `json:"dueAt,omitzero"`
	// Reason tells a person why.
	Reason string `json:"reason,omitempty"`
}

// FindingCode names what keeps a plan from doing something. Codes are stable.
type FindingCode string

// The codes of findings.
const (
	// FindingTeamNameTaken: the host has a team of the group's name; adopt it, rename one
	// of the two, or skip the group.
	FindingTeamNameTaken FindingCode = "team_name_taken"
	// FindingTeamNameShared: another group has a team of the same name.
	FindingTeamNameShared FindingCode = "team_name_shared"
	// FindingTeamNameEmpty: nothing of the group's name can name a team.
	FindingTeamNameEmpty FindingCode = "team_name_empty"
	// FindingTeamArchived: a rule names a team that the host archived; who is in it stays,
	// and nobody joins.
	FindingTeamArchived FindingCode = "team_archived"
	// FindingTeamMissing: a rule names a team that the host does not have.
	FindingTeamMissing FindingCode = "team_missing"
	// FindingGroupMissing: a rule names a group that the directory does not have.
	FindingGroupMissing FindingCode = "group_missing"
	// FindingGroupRecreated: the directory deleted the group OldGroupID, to which a row or a
	// team belonged, and GroupID is one that it made again: by the same externalId, or the
	// same name. [Relink] the rows, or let the new group adopt the team.
	FindingGroupRecreated FindingCode = "group_recreated"
	// FindingNoGroups: the directory has no groups yet.
	FindingNoGroups FindingCode = "no_groups"
	// FindingFilterNothing: no group passes the filter.
	FindingFilterNothing FindingCode = "filter_matches_nothing"
	// FindingFilterMany: more groups pass the filter than Config.ManyGroups.
	FindingFilterMany FindingCode = "filter_matches_many"
	// FindingNestedGroup: a group that gives something contains groups, whose people are
	// not in it as far as provisioning goes.
	FindingNestedGroup FindingCode = "nested_group"
	// FindingAccountExists: the host has an account of this address that nobody approved
	// to be taken over.
	FindingAccountExists FindingCode = "account_exists"
	// FindingAccountTaken: the account of this address belongs to another provisioned user.
	FindingAccountTaken FindingCode = "account_taken"
	// FindingAccountMissing: the host no longer has the account of a provisioned user.
	FindingAccountMissing FindingCode = "account_missing"
	// FindingRootUser: the account created the organisation; directories leave it alone.
	FindingRootUser FindingCode = "root_user"
	// FindingBreakGlass: an owner on the break-glass list keeps role and access.
	FindingBreakGlass FindingCode = "break_glass"
	// FindingLastOwner: the last owner keeps the role.
	FindingLastOwner FindingCode = "last_owner"
	// FindingNoOwner: the last active owner's access ended, as deprovisioning always goes through.
	FindingNoOwner FindingCode = "no_owner"
	// FindingRoleUnknown: a rule gives a role that the host does not declare.
	FindingRoleUnknown FindingCode = "role_unknown"
	// FindingRoleAboveMax: a rule gives a role above Config.MaxProvisionableRole.
	FindingRoleAboveMax FindingCode = "role_above_max"
	// FindingMapperFailed: the mapper had an error; nothing changes for whom it concerns.
	FindingMapperFailed FindingCode = "mapper_failed"
	// FindingMapperUnstable: the mapper gave two answers about the same groups; nothing
	// changes for whom it concerns.
	FindingMapperUnstable FindingCode = "mapper_unstable"
	// FindingPaused: changes wait until provisioning is resumed.
	FindingPaused FindingCode = "paused"
)

// Conflict says that the finding asks for a choice by a person.
func (c FindingCode) Conflict() bool {
	switch c {
	case FindingTeamNameTaken, FindingTeamNameShared, FindingTeamNameEmpty, FindingGroupRecreated, FindingAccountExists, FindingAccountTaken:
		return true
	}
	return false
}

// Violation says that the finding protects somebody from a rule.
func (c FindingCode) Violation() bool {
	switch c {
	case FindingRootUser, FindingBreakGlass, FindingLastOwner, FindingNoOwner:
		return true
	}
	return false
}

// ofPreview says that the finding explains a preview and is not worth an event.
func (c FindingCode) ofPreview() bool {
	switch c {
	case FindingPaused, FindingNoGroups, FindingFilterNothing, FindingFilterMany, FindingNestedGroup:
		return true
	}
	return false
}

// Finding is something that a plan leaves undone, or did with a warning.
type Finding struct {
	Code       FindingCode `json:"code"`
	AccountID  string      `json:"accountId,omitempty"`
	SCIMUserID string      `json:"scimUserId,omitempty"`
	Person     string      `json:"person,omitempty"`
	TeamID     string      `json:"teamId,omitempty"`
	GroupID    string      `json:"groupId,omitempty"`
	Group      string      `json:"group,omitempty"`
	// OldGroupID is set on group_recreated.
	OldGroupID string `json:"oldGroupId,omitempty"`
	Message    string `json:"message"`
}

// Totals count what a plan does.
type Totals struct {
	TeamsCreated int `json:"teamsCreated"`
	TeamsAdopted int `json:"teamsAdopted"`
	TeamsRenamed int `json:"teamsRenamed"`
	// TeamsReleased are those that lose their group, archived and deleted ones included.
	TeamsReleased int `json:"teamsReleased"`
	// TeamsUnchanged are teams of groups that stay as they are.
	TeamsUnchanged      int `json:"teamsUnchanged"`
	AccountsCreated     int `json:"accountsCreated"`
	AccountsAdopted     int `json:"accountsAdopted"`
	AccountsDeactivated int `json:"accountsDeactivated"`
	AccountsReactivated int `json:"accountsReactivated"`
	Joins               int `json:"joins"`
	Leaves              int `json:"leaves"`
	// Kept are memberships and roles that no rule gives any more and that stay.
	Kept         int `json:"kept"`
	RolesRaised  int `json:"rolesRaised"`
	RolesLowered int `json:"rolesLowered"`
	Overrides    int `json:"overrides"`
	// RightsChanged are the people whose effective rights in teams change ([RightsChange]).
	RightsChanged int `json:"rightsChanged"`
	// PeopleLosing are those who lose a team, a role or their access.
	PeopleLosing int `json:"peopleLosing"`
	// Seats is nil if the host does not count them ([SeatCounter]).
	Seats      *SeatPlan `json:"seats,omitempty"`
	Conflicts  int       `json:"conflicts"`
	Violations int       `json:"violations"`
	Warnings   int       `json:"warnings"`
}

// GroupOutcome says what a group comes to, for the table of groups in a preview.
type GroupOutcome struct {
	GroupID string `json:"groupId"`
	Group   string `json:"group"`
	// Outcome is "mapped" (rules give something), "create", "adopt", "exists",
	// "conflict" or "none" (filtered out, skipped, unmapped).
	Outcome string `json:"outcome"`
	// Decision is what the owner decided for this group in automatic mode: "adopt",
	// "rename", "adopt, rename" or "skip"; empty if nothing.
	Decision string `json:"decision,omitempty"`
	TeamID   string `json:"teamId,omitempty"`
	Team     string `json:"team,omitempty"`
}

// Failure is something of a plan that the host refused; it is tried again later.
type Failure struct {
	SCIMUserID string `json:"scimUserId,omitempty"`
	AccountID  string `json:"accountId,omitempty"`
	GroupID    string `json:"groupId,omitempty"`
	// Err is the host's error, for logs.
	Err error `json:"-"`
}

// Plan is what provisioning will do, or did, with reasons. The preview and the sync
// come from the same computation.
type Plan struct {
	TenantID string `json:"tenantId"`
	// ID is set by Apply: [Engine.PreviewUndo] takes it.
	ID string `json:"id,omitempty"`
	// UndoOf is the ID of the plan that this one takes back.
	UndoOf string `json:"undoOf,omitempty"`
	// Settings are those that the plan follows.
	Settings store.ProvisioningSettings `json:"settings"`
	Groups   []GroupOutcome             `json:"groups,omitempty"`
	Lines    []Line                     `json:"lines,omitempty"`
	Findings []Finding                  `json:"findings,omitempty"`
	Totals   Totals                     `json:"totals"`
	// GivesTopRole says that the rules make owners.
	GivesTopRole bool `json:"givesTopRole,omitempty"`
	// Confirmations are what Apply wants to be told, beside the hash.
	Confirmations []Confirmation `json:"confirmations,omitempty"`
	// Hash stands for all that the plan would do. Apply quotes it; two plans with one
	// hash do the same.
	Hash string `json:"hash"`
	// Failures is set by Apply: what the host refused.
	Failures []Failure `json:"failures,omitempty"`

	teams  []teamPlan
	people []*personPlan
	users  int // provisioned users that were looked at
	roles  roleOrder
	// teamNames are the teams that were read.
	teamNames map[string]Team
}

// Empty says that the plan changes nothing.
func (p Plan) Empty() bool { return len(p.teams) == 0 && len(p.people) == 0 }

// StalePlanError says that what Apply would do now is not what was previewed: the
// directory, the host's teams or the settings changed. It matches [store.ErrStale].
type StalePlanError struct {
	// Plan is the present one, to be shown and quoted instead.
	Plan Plan
}

// Error says what to do.
func (e *StalePlanError) Error() string {
	return "provisioning: the directory or the settings changed since this preview; look at the new one and apply that"
}

// Is makes the error match store.ErrStale.
func (e *StalePlanError) Is(target error) bool { return target == store.ErrStale }

// teamPlan is what happens to one group's team.
type teamPlan struct {
	line Line
	lost Team // made already, by an attempt whose transaction did not commit
	put  *store.Grant
	drop *store.GrantKey
	was  *store.Grant // the ledger's line, as it was read
	// restore takes an adopted team out of the archive.
	restore bool
}

// personPlan is what happens to one person, in the order of applying.
type personPlan struct {
	scimUserID string
	accountID  string // empty until it is made
	profile    Profile
	record     *store.Account // as it was read; nil if there is none
	// lines and put are what is done, and what the ledger gets, until they are packed: see does
	// and puts.
	lines  []Line
	put    []pendingGrant
	packed packed
	drop   []store.GrantKey
	// kept is what a change of the settings leaves as if given by hand: lines and ledger. The
	// host has no part in it.
	kept     []Line
	keptDrop []store.GrantKey
	// err is the mapper's; the person is left as is.
	err error
	// later is the mapper's, too: what the plan says is done, the rest is tried again.
	later error

	user      *store.SCIMUser
	heard     []heard
	before    *AccountState // the host's; nil if there is no account yet
	grants    []store.Grant // the ledger's, as they were read
	org       *orgStep
	activates bool // the account will be usable afterwards
	hostGone  bool // the host does not have the account any more
	// breakGlass says that an account which is taken over is on the break-glass list.
	breakGlass bool
}

// idle says that there is nothing to do nor to tell.
func (p *personPlan) idle() bool {
	return p.count() == 0 && len(p.keptDrop) == 0 && len(p.put)+len(p.packed.put) == 0 && len(p.drop) == 0 && p.err == nil && p.later == nil && p.org == nil
}

// acts says that something is to be done: a person with nothing but an explanation is
// not touched.
func (p *personPlan) acts() bool {
	return len(p.put)+len(p.packed.put) > 0 || len(p.drop) > 0 || len(p.keptDrop) > 0 || p.err != nil || p.later != nil ||
		p.some(func(l Line) bool { return !l.Kind.Informative() })
}

// pendingGrant is a line for the ledger; teamOf names the group whose team is still to
// be made.
type pendingGrant struct {
	Grant  store.Grant
	TeamOf string `json:",omitempty"`
}

// orgStep is a change of the organisation role, until it is known whether it breaks a
// rule.
type orgStep struct {
	line *Line // nil if only the ledger changes
	put  []pendingGrant
	drop []store.GrantKey
}

// seal sets the hash over all that has an effect.
func (p *Plan) seal() {
	type person struct {
		User, Account string
		Put           []pendingGrant   `json:",omitempty"`
		Drop          []store.GrantKey `json:",omitempty"`
		Kept          []store.GrantKey `json:",omitempty"`
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	// The encoder cannot fail: these are plain data, and a hash takes every write. It holds what
	// it writes in memory, so that the lines go to it one by one.
	head := asJSON([]any{p.TenantID, p.UndoOf, p.Settings.Version, p.Settings, p.Groups})
	h.Write(head[:len(head)-1])
	if p.Lines == nil {
		h.Write([]byte(",null"))
	} else {
		p.sealLines(h)
	}
	h.Write([]byte(","))
	h.Write(asJSON(p.Findings))
	h.Write([]byte("]\n"))
	for _, x := range p.people {
		_ = enc.Encode(person{x.scimUserID, x.accountID, slices.Collect(x.puts()), x.drop, x.keptDrop})
	}
	p.Hash = hex.EncodeToString(h.Sum(nil)[:16])
}

// sealLines writes the lines as a list.
func (p *Plan) sealLines(h io.Writer) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	between := ",["
	for i := range p.Lines {
		buf.Reset()
		buf.WriteString(between)
		_ = enc.Encode(&p.Lines[i])
		_, _ = h.Write(buf.Bytes()[:buf.Len()-1]) // without the end of the line
		between = ","
	}
	if len(p.Lines) == 0 {
		_, _ = h.Write([]byte(between))
	}
	_, _ = h.Write([]byte("]"))
}

// count fills the totals.
func (p *Plan) count(r roleOrder) {
	t := &p.Totals
	for _, l := range p.Lines {
		switch l.Kind {
		case TeamCreate:
			t.TeamsCreated++
		case TeamAdopt:
			t.TeamsAdopted++
		case TeamRename:
			t.TeamsRenamed++
		case TeamRelease, TeamArchive, TeamDelete, TeamDeletePlanned:
			t.TeamsReleased++
		case AccountCreate:
			t.AccountsCreated++
		case AccountAdopt:
			t.AccountsAdopted++
		case AccountDeactivate:
			t.AccountsDeactivated++
		case AccountReactivate:
			t.AccountsReactivated++
		case MemberAdd:
			t.Joins++
		case MemberRemove:
			t.Leaves++
		case MemberRelease, OrgRoleRelease:
			t.Kept++
		case MemberRole, OrgRoleSet:
			order := r.team
			if l.Kind == OrgRoleSet {
				order = r.org
			}
			if higher(order, l.From, l.To) == l.To {
				t.RolesRaised++
			} else {
				t.RolesLowered++
			}
		case MemberOverride, OrgRoleOverride:
			t.Overrides++
		}
	}
	for _, pp := range p.people {
		if pp.some(func(l Line) bool { return l.takes(r) }) {
			t.PeopleLosing++
		}
		if p.changesRights(pp) {
			t.RightsChanged++
		}
	}
	for _, g := range p.Groups {
		if g.Outcome == "exists" {
			t.TeamsUnchanged++
		}
	}
	for _, f := range p.Findings {
		switch {
		case f.Code.Conflict():
			t.Conflicts++
		case f.Code.Violation():
			t.Violations++
		default:
			t.Warnings++
		}
	}
}

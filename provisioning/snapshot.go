package provisioning

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// snapshot is all that a plan is computed from: what the directory, the settings, the
// ledger and the host say about the people and groups concerned. It was read in one
// transaction, and holds what the mapper answered, so that planning is a pure function.
type snapshot struct {
	tenantID string
	settings store.ProvisioningSettings
	roles    roleOrder
	// maxTeamName is the longest name of a team in characters.
	maxTeamName int
	// canDelete and canArchive say what the host can do with teams.
	canDelete, canArchive bool
	// fell are groups that a change of the settings stops to cover.
	fell map[string]bool
	// former are groups that the directory deleted, by the team that each had last.
	former map[string]string
	// again are groups in place of deleted ones that rows name, by the ID of those.
	again map[string]string
	// nested are groups that are in others, by the outer one.
	nested map[string]string
	// reset is what an owner takes back of changes by hand.
	reset *Reset
	// deleteAfter is how long a deletion waits; zero means not at all.
	deleteAfter time.Duration
	// rootID is the account that no directory may touch.
	rootID string
	// keepPhone is the tenant's preference (R56).
	keepPhone bool
	// fields are the tenant's choices where [Config].Fields is set.
	fields choices
	// breakGlass are folded addresses.
	breakGlass map[string]bool
	// owners are the active accounts with the top role; read only if somebody concerned
	// is an owner.
	owners map[string]bool
	// seats are the organisation's; nil if they are not counted or nobody needs one.
	seats    *Seats
	seatsErr error

	// groups are those concerned, with one entry also for each that does not exist any
	// more but stands in a ledger line read.
	groups map[string]groupState
	// looked are the groups whose own teams are to be planned, in order.
	looked []string
	// teams are the host's, by ID: those concerned, or all of them where a team is to be
	// named.
	teams  map[string]Team
	people []person
	// overrides are the locks that are lifted now.
	overrides []store.LockOverride
	// deleteAccounts says that accounts of people who went are deleted after a while.
	deleteAccounts bool
	// undo is set where a plan that was applied is taken back.
	undo *rewinding
}

// groupState is what is known of one group.
type groupState struct {
	name       string
	externalID string // where it was read
	exists     bool
	value      bool   // a value of roles or claims stands here, and no group
	decision   string // the owner's, in automatic mode
	// team is the ledger's line of the group's own team.
	team *store.Grant
	// lostTeam is one that the host made for the group in a transaction that did not commit.
	lostTeam Team
	// own is what the mapper answered for this group alone.
	own    []Give
	mapErr error
}

// person is what is known of one person: a provisioned user, or an account that
// groups gave something to before its user went.
type person struct {
	scimUserID string
	user       *store.SCIMUser // nil if the directory deleted it
	profile    Profile
	heard      []heard        // what the directory says about fields, where [Config].Fields is set
	record     *store.Account // nil if there is no account yet
	host       *AccountState  // nil if there is none, or the host does not have it any more
	// match is the host's account of the same address, where record is nil, and
	// matchRecord what we know of it.
	match       *AccountState
	matchRecord *store.Account
	// ambiguous says that two accounts could be meant.
	ambiguous bool
	grants    []store.Grant
	groups    []string // by ID
	// values are those of roles and claims that count, by valueID. roles is what the directory says,
	// where it decides and could be read; unread says what could not be read; heardClaim that the
	// provider said something in the claim that counts.
	values     []string
	roles      []string
	rolesRead  bool
	heardClaim bool
	unread     string
	gives      []*Give // shared by all to whom the same is given
	mapErr     error
	// lostTeams and lostRole say what the host gave in transactions that did not commit:
	// memberships by team, and the role in the organisation.
	lostTeams map[string]bool
	lostRole  bool
	hostErr   error // the host's answer about the person was none
	// actual is what the person really has, where an undo shows it as it was.
	actual *actual
	// updated says that the directory wrote the user; sawInactive that it was inactive
	// or deleted meanwhile.
	updated     bool
	sawInactive bool
}

func (p *person) key() string {
	if p.scimUserID != "" {
		return p.scimUserID
	}
	return p.record.ID
}

func (p *person) accountID() string {
	if p.record == nil {
		return ""
	}
	return p.record.ID
}

func (s *snapshot) groupName(id string) string {
	return cmp.Or(label(s.groups[id].name), id)
}

// inGroup is the reason for what a rule gives.
func (s *snapshot) inGroup(g Give) string {
	if g.GroupID == store.GrantedByDefault {
		return "no group gives a role: the default"
	}
	reason := fmt.Sprintf("in group “%s”", s.groupName(g.GroupID))
	if a, v, ok := valueIn(g.GroupID); ok {
		reason = "has " + valueName(a, v)
	}
	if g.Rule != "" {
		reason += ", " + g.Rule
	}
	return reason
}

// leftGroup is the reason for taking away what a group gave.
func (s *snapshot) leftGroup(id string, x *person) string {
	a, v, isValue := valueIn(id)
	switch g := s.groups[id]; {
	case x.user == nil && !x.independent():
		return "the directory deleted the user"
	case isValue && slices.Contains(x.values, id):
		return valueName(a, v) + " does not give it any more"
	case isValue && !hears(s.settings.Authority, a):
		return authorityName(a) + " do not decide any more"
	case isValue:
		return "does not have " + valueName(a, v) + " any more"
	case id == store.GrantedByDefault:
		return "the settings have another default role, or none"
	case !g.exists:
		return fmt.Sprintf("the directory deleted the group %s", quoted(label(g.name), id))
	default:
		return fmt.Sprintf("group “%s” does not give it any more", s.groupName(id))
	}
}

func quoted(name, id string) string {
	if name != "" {
		return "“" + name + "”"
	}
	return id
}

package store

import (
	"context"
	"time"
)

// ProvisioningMode says how groups become teams and roles.
type ProvisioningMode string

// The modes.
const (
	ModeNone   ProvisioningMode = "none"
	ModeManual ProvisioningMode = "manual"
	ModeAuto   ProvisioningMode = "auto"
)

// ProvisioningSettings is a tenant's choice of how its groups become teams and
// roles. A tenant has at most one; the record's ID is empty.
type ProvisioningSettings struct {
	Meta
	Mode ProvisioningMode `json:"mode"`
	// Rows are the manual mode's mapping, in the owner's order (see RoleRule).
	Rows []MappingRow `json:"rows,omitempty"`
	// Auto is the automatic mode's rule.
	Auto AutoRule `json:"auto,omitzero"`
	// RoleRule says which role somebody has to whom several rows give one.
	RoleRule RoleRule `json:"roleRule,omitempty"`
	// Authority says who decides about roles and teams: groups, unless it is declared otherwise.
	Authority RoleAuthority `json:"authority,omitzero"`
	// DefaultOrgRole is the role in the organisation of provisioned users to whom nothing
	// gives one, in every mode. Empty leaves them the host's lowest role, or the one that
	// they had.
	DefaultOrgRole string `json:"defaultOrgRole,omitempty"`
	// Unmanaged says what becomes of what the rules stop to cover.
	Unmanaged UnmanagedRule `json:"unmanaged,omitzero"`
	// OnDeprovision says what becomes of the account of somebody whom the directory set inactive
	// or deleted.
	OnDeprovision AccountPolicy `json:"onDeprovision,omitempty"`
	// Paused holds back everything that gives or takes access, except deprovisioning.
	Paused bool `json:"paused,omitempty"`
	// Pause tells why, while Paused is set.
	Pause ProvisioningPause `json:"pause,omitzero"`
	// Overrides are the locks that somebody lifted for a time, each ID once.
	Overrides []LockOverride `json:"overrides,omitempty"`
}

// LockOverride lifts the lock of something that a directory manages, for a time.
type LockOverride struct {
	ID string `json:"id"`
	// Kind is "user", "team", "membership" or "org_role"; AccountID and TeamID name the one.
	Kind      string `json:"kind"`
	AccountID string `json:"accountId,omitempty"`
	TeamID    string `json:"teamId,omitempty"`
	// Field is the one field that is free; empty means all of them.
	Field string `json:"field,omitempty"`
	// Reason is what the person wrote who lifted it.
	Reason string     `json:"reason"`
	By     EventActor `json:"by"`
	At     time.Time  `json:"at"`
	// Until is when it ends.
	Until time.Time `json:"until"`
}

// ProvisioningPause says why provisioning is paused, since when and by whom.
type ProvisioningPause struct {
	// Code is "by_hand", or "breaker" if too many people were to lose access.
	Code string `json:"code,omitempty"`
	// Reason is what the person wrote, or our own sentence.
	Reason string     `json:"reason,omitempty"`
	By     EventActor `json:"by,omitzero"`
	At     time.Time  `json:"at,omitzero"`
	// People were to lose access, Of so many provisioned ones; zero if paused by hand.
	People int `json:"people,omitempty"`
	Of     int `json:"of,omitempty"`
}

// RoleRule chooses between the roles that several rows give to one person, in one team
// or in the organisation.
type RoleRule string

// The rules.
const (
	RoleHighest  RoleRule = ""      // the highest by the host's order
	RoleFirstRow RoleRule = "first" // that of the first row, as the owner ordered them
)

// AccountPolicy is what happens to an account whose access the directory ended. Access ends
// at once in any case.
type AccountPolicy string

// The policies for accounts. Empty means the host's choice.
const (
	AccountSuspend AccountPolicy = "suspend" // it stays, without access
	AccountDelete  AccountPolicy = "delete"  // it is deleted after a while, if the host can
)

// UnmanagedRule says what becomes of teams and people that provisioning managed and
// does not any more.
type UnmanagedRule struct {
	// Teams is about the teams of automatic mode whose group was deleted, does not pass the
	// filter any more, is skipped, or lost its team by a change of the mode.
	Teams TeamPolicy `json:"teams,omitempty"`
	// People is about the memberships and roles of people who still are in their group,
	// when the mode changes, the filter is narrowed or the group is skipped.
	People PeoplePolicy `json:"people,omitempty"`
}

// TeamPolicy is what happens to a team that loses its group.
type TeamPolicy string

// The policies for teams. A team that the host had before a group adopted it is always
// kept.
const (
	TeamKeep    TeamPolicy = ""        // it becomes an ordinary team
	TeamArchive TeamPolicy = "archive" // it is archived, if the host can
	TeamDelete  TeamPolicy = "delete"  // it is deleted if it is unused, if the host can
)

// PeoplePolicy is what happens to memberships and roles that settings stop to give.
type PeoplePolicy string

// The policies for people.
const (
	PeopleKeep PeoplePolicy = ""     // they stay, as if given by hand
	PeopleTake PeoplePolicy = "take" // they are taken back
)

// MappingRow gives the members of a group a team, a role in it, a role in the
// organisation, or several of these.
type MappingRow struct {
	// GroupID is the SCIM group, by ID and never by name.
	GroupID string `json:"groupId"`
	// TeamID is the host's team; empty gives no team.
	TeamID string `json:"teamId,omitempty"`
	// TeamRole is the role in the team, one of the host's.
	TeamRole string `json:"teamRole,omitempty"`
	// OrgRole is the role in the organisation; empty gives none.
	OrgRole string `json:"orgRole,omitempty"`
}

// AutoRule makes a team of each group that passes the filter.
type AutoRule struct {
	// FilterKind is "" or "all", "list", "glob" or "regex"; Filter is what the kind
	// takes, several entries on lines of their own.
	FilterKind string `json:"filterKind,omitempty"`
	Filter     string `json:"filter,omitempty"`
	// FilterExternalID lets a group pass by its externalId, too, and not by its name alone.
	FilterExternalID bool `json:"filterExternalId,omitempty"`
	// CaseSensitive makes the filter tell upper from lower case.
	CaseSensitive bool `json:"caseSensitive,omitempty"`
	// Naming makes a team's name of a group's.
	Naming TeamNaming `json:"naming,omitzero"`
	// OnRename says what a group's new name does to its team.
	OnRename RenamePolicy `json:"onRename,omitempty"`
	// TeamRole is the role that members get in the team.
	TeamRole string `json:"teamRole,omitempty"`
	// OrgRole is the role that members get in the organisation; empty gives none.
	OrgRole string `json:"orgRole,omitempty"`
	// Adopt are the groups (SCIM IDs) that take over the existing team of the same name.
	Adopt []string `json:"adopt,omitempty"`
	// Skip are the groups (SCIM IDs) that get no team though they pass the filter.
	Skip []string `json:"skip,omitempty"`
	// Names are the names that the owner chose for the teams of single groups, instead of
	// what Naming makes of the group's name.
	Names []GroupTeamName `json:"names,omitempty"`
}

// TeamNaming makes a team's name of a group's: what is stripped first, then what is put
// around it. What would leave nothing of the name is not stripped.
type TeamNaming struct {
	// StripPrefix and StripSuffix are taken off, whatever their case.
	StripPrefix string `json:"stripPrefix,omitempty"`
	StripSuffix string `json:"stripSuffix,omitempty"`
	// Template has "{group}" once, where the rest goes. Empty means "{group}".
	Template string `json:"template,omitempty"`
}

// GroupTeamName is the name that an owner chose for the team of a group.
type GroupTeamName struct {
	// GroupID is the SCIM group.
	GroupID string `json:"groupId"`
	// Name is the team's name, as it is.
	Name string `json:"name"`
}

// RenamePolicy says what a group's new name does to the group's team.
type RenamePolicy string

// The policies for a renamed group.
const (
	RenameTeam     RenamePolicy = ""     // the team is renamed, too
	RenameKeepTeam RenamePolicy = "keep" // the team keeps its name, unless the owner chooses one
)

// GrantKind is what a grant gave.
type GrantKind string

// The kinds of grants.
const (
	// GrantTeam is a team that was made, or adopted, for a group. It has no account.
	GrantTeam GrantKind = "team"
	// GrantMembership is an account's membership in a team.
	GrantMembership GrantKind = "membership"
	// GrantOrgRole is an account's role in the organisation.
	GrantOrgRole GrantKind = "org_role"
)

// GrantedByDefault stands in [Grant].GroupID for the default role of the settings. No
// group has this ID.
const GrantedByDefault = "default"

// What begins so in [Grant].GroupID is no group, but a value of the SCIM attribute roles or of a
// claim ([ValueRow]), which follows. No group has such an ID.
const (
	GrantedByRole  = "role:"
	GrantedByClaim = "claim:"
)

// Grant is a line of the ledger: what a group gave to an account. Only what stands
// here is ever taken away again.
type Grant struct {
	// AccountID is the host's user ID, empty for GrantTeam.
	AccountID string
	Kind      GrantKind
	// ResourceID is the host's team ID, empty for GrantOrgRole.
	ResourceID string
	// GroupID is the SCIM group that gave it; [GrantedByDefault] for the settings' default
	// role, [GrantedByRole] or [GrantedByClaim] with a value for what that gave. The four fields up to here are the key.
	GroupID string
	// Role is what was given in the team or the organisation.
	Role string
	// Previous is what was there before, so that taking the grant away restores it: the
	// account's role, or for a team and a membership "manual" if it existed already.
	Previous string
}

// GrantKey names a line of the ledger.
type GrantKey struct {
	AccountID  string
	Kind       GrantKind
	ResourceID string
	GroupID    string
}

// Key returns the key of the line.
func (g Grant) Key() GrantKey {
	return GrantKey{AccountID: g.AccountID, Kind: g.Kind, ResourceID: g.ResourceID, GroupID: g.GroupID}
}

// ProvisioningStore keeps the settings and the ledger of what was given.
type ProvisioningStore interface {
	// ProvisioningSettings returns the tenant's settings, or ErrNotFound if it has made
	// none.
	ProvisioningSettings(ctx context.Context, tenantID string) (ProvisioningSettings, error)

	// PutProvisioningSettings stores the settings; Version is the one read, zero for
	// the first. ErrStale if it is not the stored one.
	PutProvisioningSettings(ctx context.Context, tenantID string, s ProvisioningSettings, events ...Event) (ProvisioningSettings, error)

	// Grants returns the ledger's lines of an account, ordered by kind, resource and
	// group. The empty account has the lines of GrantTeam.
	Grants(ctx context.Context, tenantID, accountID string) ([]Grant, error)

	// GrantsOfGroup returns up to limit lines (at most MaxLimit) that a group gave,
	// ordered by account, kind and resource, from the first after the given key.
	GrantsOfGroup(ctx context.Context, tenantID, groupID string, after GrantKey, limit int) ([]Grant, error)

	// AllGrants returns up to limit lines (at most MaxLimit) ordered by account, kind,
	// resource and group, from the first after the given key.
	AllGrants(ctx context.Context, tenantID string, after GrantKey, limit int) ([]Grant, error)

	// ChangeGrants stores and removes lines in one transaction. Putting a line that
	// exists replaces its Role and Previous; removing one that does not is no error.
	ChangeGrants(ctx context.Context, tenantID string, put []Grant, remove []GrantKey, events ...Event) error
}

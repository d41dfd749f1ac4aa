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
	// Rows are the manual mode's mapping.
	Rows []MappingRow `json:"rows,omitempty"`
	// Auto is the automatic mode's rule.
	Auto AutoRule `json:"auto,omitzero"`
	// Paused holds back everything that gives or takes access, except deprovisioning.
	Paused bool `json:"paused,omitempty"`
	// Pause tells why, while Paused is set.
	Pause ProvisioningPause `json:"pause,omitzero"`
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
	// TeamRole is the role that members get in the team.
	TeamRole string `json:"teamRole,omitempty"`
	// OrgRole is the role that members get in the organisation; empty gives none.
	OrgRole string `json:"orgRole,omitempty"`
	// Adopt are the groups (SCIM IDs) that take over the existing team of the same name.
	Adopt []string `json:"adopt,omitempty"`
	// Skip are the groups (SCIM IDs) that get no team though they pass the filter.
	Skip []string `json:"skip,omitempty"`
}

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

// Grant is a line of the ledger: what a group gave to an account. Only what stands
// here is ever taken away again.
type Grant struct {
	// AccountID is the host's user ID, empty for GrantTeam.
	AccountID string
	Kind      GrantKind
	// ResourceID is the host's team ID, empty for GrantOrgRole.
	ResourceID string
	// GroupID is the SCIM group that gave it. The four fields up to here are the key.
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

package store

import "time"

// RoleAuthority declares, for each of what provisioning gives, the one source that decides
// about it. Two sources never decide about the same: what another source says is not heard.
type RoleAuthority struct {
	// OrgRole decides about the role in the organisation, Teams about memberships of teams
	// and the roles in them.
	OrgRole AuthoritySource `json:"orgRole,omitempty"`
	Teams   AuthoritySource `json:"teams,omitempty"`
	// Claim is the claim of the ID token that counts for AuthorityClaims, such as "groups" or
	// "roles": the member of that name, or else, where the name has dots, what they lead to
	// ("realm_access.roles"). It may be set before AuthorityClaims is declared: claims are
	// then kept, and a preview has something to go by.
	Claim string `json:"claim,omitempty"`
	// ConnectionID is the one connection whose claims are heard. Empty means each of the
	// tenant's.
	ConnectionID string `json:"connectionId,omitempty"`
	// Rows say what values give, in the owner's order (see RoleRule).
	Rows []ValueRow `json:"rows,omitempty"`
}

// AuthoritySource is a source of roles and memberships.
type AuthoritySource string

// The sources.
const (
	AuthorityGroups AuthoritySource = ""            // the directory's groups, by the tenant's mode
	AuthorityRoles  AuthoritySource = "scim_roles"  // the attribute roles of provisioned users
	AuthorityClaims AuthoritySource = "oidc_claims" // a claim of the identity provider at sign-in
)

// ValueRow gives everybody who has a value a team, a role in it, a role in the
// organisation, or several of these.
type ValueRow struct {
	// Source is where the value stands: AuthorityRoles or AuthorityClaims.
	Source AuthoritySource `json:"source"`
	// Value is compared byte by byte.
	Value string `json:"value"`
	// TeamID is the host's team; empty gives no team.
	TeamID string `json:"teamId,omitempty"`
	// TeamRole is the role in the team, one of the host's.
	TeamRole string `json:"teamRole,omitempty"`
	// OrgRole is the role in the organisation; empty gives none.
	OrgRole string `json:"orgRole,omitempty"`
}

// AccountClaim is what the identity provider said in one claim when the person of an account
// signed in.
type AccountClaim struct {
	// Name is the claim's, as [RoleAuthority].Claim has it.
	Name         string `json:"name"`
	ConnectionID string `json:"connectionId"`
	// Values are those of the last sign-in at which the claim could be read, in order, each once.
	Values []string `json:"values,omitempty"`
	// ReadAt is when Values became what they are; zero if the claim never could be read.
	ReadAt time.Time `json:"readAt,omitzero"`
	// State is how the claim came since At.
	State ClaimState `json:"state,omitempty"`
	At    time.Time  `json:"at"`
}

// ClaimState says how a claim came at the last sign-in. Only one that was read changes values:
// absent is not empty.
type ClaimState string

// The states.
const (
	ClaimRead      ClaimState = ""          // all of it was read; it may be an empty list
	ClaimAbsent    ClaimState = "absent"    // the token has no such claim
	ClaimOverage   ClaimState = "overage"   // the provider refers to another place for it
	ClaimTruncated ClaimState = "truncated" // it has more than is read
	ClaimMalformed ClaimState = "malformed" // it is no text and no list of texts
)

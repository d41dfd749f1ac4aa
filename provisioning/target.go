package provisioning

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// Target is the host's side: its accounts, teams, memberships and roles. The host
// implements it on its own tables.
//
// Every method gets the transaction in which tenantgate writes its own records. A
// host on the same SQL database takes the *sql.Tx out of tx (the SQL adapters tell
// how), so that its rows and ours commit together. A host that keeps its data
// elsewhere makes its methods idempotent, since a transaction that did not commit is
// run again, and remembers what it did for us ([AccountState.CreatedFor],
// [AccountState.OwnOrgRole], [Membership.Provisioned], [GroupTeamCreator]). Within these
// methods use tx, never the store behind it.
//
// An error undoes what was done for this one person or group; the others go on, and
// this one is tried again later. A panic counts as an error. So does an answer about
// somebody else than asked. A method must not return an error for something
// that is already as asked: adding a member again, removing nobody.
//
// Each call has a deadline in its ctx (Config.CallTimeout). A call that heeds it fails as
// with any other error; one that does not holds up this tenant, and the log says so.
//
// Package provisioningtest checks a host's Target against what is said here.
//
// Only accounts and teams of the given tenant may be read or changed.
type Target interface {
	// RootAccount returns the ID of the account that created the organisation, which
	// no directory may provision; empty if there is none.
	RootAccount(ctx context.Context, tx store.Store, tenantID string) (string, error)

	// AccountByEmail returns the account with this e-mail address, compared without
	// regard to case, be it in the tenant or not yet. The error matches
	// [store.ErrNotFound] if there is none.
	AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (AccountState, error)

	// Accounts returns the accounts with these IDs (at most [store.MaxLimit]), in any
	// order; those that the tenant does not have are absent.
	Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]AccountState, error)

	// Owners returns the IDs of the active accounts that have the highest organisation
	// role.
	Owners(ctx context.Context, tx store.Store, tenantID string) ([]string, error)

	// CreateAccount makes an account without a password, with the lowest organisation
	// role and no team, and returns its ID.
	CreateAccount(ctx context.Context, tx store.Store, tenantID string, p Profile) (accountID string, err error)

	// UpdateProfile brings what the directory says about a person. Empty fields were
	// not sent, or cleared; a host keeps of them what it needs.
	UpdateProfile(ctx context.Context, tx store.Store, tenantID, accountID string, p Profile) error

	// SetActive ends or restores an account's access. Ending it ends sessions and API
	// tokens at once and suspends the account with all its memberships, which stay
	// stored; restoring it brings them back. Calls with the present state still end
	// sessions.
	SetActive(ctx context.Context, tx store.Store, tenantID, accountID string, active bool) error

	// SetOrgRole gives the account this role in the organisation.
	SetOrgRole(ctx context.Context, tx store.Store, tenantID, accountID, role string) error

	// Teams returns the teams with these IDs, or all of the tenant's teams if ids is
	// nil, in any order; those that the tenant does not have are absent.
	Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]Team, error)

	// CreateTeam makes a team of this name and returns its ID. The host keeps the name
	// as it is given.
	CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (teamID string, err error)

	// RenameTeam gives the team another name.
	RenameTeam(ctx context.Context, tx store.Store, tenantID, teamID, name string) error

	// SetMember makes the account a member of the team with this role, or changes the
	// role of the member that it is.
	SetMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID, role string) error

	// RemoveMember ends the account's membership in the team.
	RemoveMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID string) error
}

// GroupTeamCreator is an optional interface of a [Target] whose data is not in our
// transaction. Without it, a team whose transaction did not commit looks like one by hand,
// and the group's owner is asked whether to adopt it.
type GroupTeamCreator interface {
	// CreateGroupTeam is called instead of CreateTeam. The host remembers the group with the
	// team, and says it in Team.CreatedFor.
	CreateGroupTeam(ctx context.Context, tx store.Store, tenantID, groupID, name string) (teamID string, err error)
}

// TeamDeleter is an optional interface of a [Target]: owners may choose that a team
// which automatic mode made is deleted when it loses its group ([store.TeamDelete]).
type TeamDeleter interface {
	// DeleteTeamIfUnused deletes the team unless somebody is a member of it or something
	// of the host's depends on it, and says whether it did.
	DeleteTeamIfUnused(ctx context.Context, tx store.Store, tenantID, teamID string) (deleted bool, err error)
}

// TeamArchiver is an optional interface of a [Target]: owners may choose that a team
// which automatic mode made is archived when it loses its group ([store.TeamArchive]).
// A host that has archived teams of its own says so in [Team.Archived] in any case.
type TeamArchiver interface {
	// SetTeamArchived puts the team into the archive, or takes it out. Its members stay
	// stored.
	SetTeamArchived(ctx context.Context, tx store.Store, tenantID, teamID string, archived bool) error
}

// AccountState is what the host says about one of its accounts.
type AccountState struct {
	ID     string
	Email  string
	Active bool
	// OrgRole is the role in the organisation, empty if the account has none, or is no
	// member of the tenant.
	OrgRole string
	// Teams are all memberships in the tenant's teams, by hand or by group.
	Teams []Membership
	// CreatedFor is Profile.SCIMUserID of the CreateAccount call that made the account,
	// if the host keeps it. Only hosts whose data is not in our transaction need to.
	CreatedFor string
	// OwnOrgRole is the role that the account would have without the calls of SetOrgRole,
	// if the host keeps it: what it had before the first of them, or was given by hand
	// since. Only hosts whose data is not in our transaction need to: without it, a role
	// whose transaction did not commit looks like one by hand, and stays.
	OwnOrgRole string
}

// Membership is an account's place in a team.
type Membership struct {
	TeamID string
	Role   string
	// Provisioned says that SetMember made the membership, and nobody by hand, if the host
	// keeps it. Only hosts whose data is not in our transaction need to: without it, a
	// membership whose transaction did not commit looks like one by hand, and stays.
	Provisioned bool
}

// Team is one of the host's teams.
type Team struct {
	ID   string
	Name string
	// CreatedFor is the group for which CreateGroupTeam made the team, if the host keeps it
	// (see [GroupTeamCreator]).
	CreatedFor string
	// Archived says that the team is out of use, if the host has such teams. No row may
	// name it; who is in it already stays until the group ends the membership, and nobody
	// joins before it is in use again.
	Archived bool
}

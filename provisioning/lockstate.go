package provisioning

import (
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// The codes of a [Lock].
const (
	// CodeResourceLocked: a directory manages it. HTTP 409.
	CodeResourceLocked = "resource_locked"
	// CodeFieldLocked: it is a field that the tenant may leave to its people, and did not
	// (R57). HTTP 403.
	CodeFieldLocked = "field_locked"
)

// LockVariant says what is locked by what; explanations differ by it.
type LockVariant string

// The variants.
const (
	LockedUser       LockVariant = "user"       // a user, by the directory
	LockedField      LockVariant = "field"      // the phone number or another field, by the tenant's choice
	LockedTeam       LockVariant = "team"       // a team of automatic mode, by its group
	LockedMembers    LockVariant = "members"    // who is in such a team
	LockedMembership LockVariant = "membership" // a membership, by the groups that gave it
	LockedOrgRole    LockVariant = "org_role"   // a role in the organisation, by the groups that gave it
)

// ofPerson says that the lock is about one person.
func (v LockVariant) ofPerson() bool { return v != LockedTeam && v != LockedMembers }

// byGroup says that groups are the reason.
func (v LockVariant) byGroup() bool { return v != LockedUser && v != LockedField }

// LockLift says why what a directory manages may be changed by hand all the same. [Locks] has
// the table.
type LockLift string

// The reasons.
const (
	LiftedDirectoryOff LockLift = "directory_disabled"
	LiftedPlan         LockLift = "plan_required"
	LiftedConnection   LockLift = "connection_suspended"
	LiftedSuspended    LockLift = "tenant_suspended"
	LiftedRemoved      LockLift = "tenant_removed"
	LiftedUserGone     LockLift = "user_gone"
	LiftedOverride     LockLift = "override"
)

// LockNote is something about the sync that somebody should know who meets a lock.
type LockNote string

// The notes.
const (
	NoteSyncPaused LockNote = "sync_paused" // what groups give and take waits
	NoteSyncStale  LockNote = "sync_stale"  // the directory has been silent for long
)

// Lock says whether something may be changed by hand, and if not, why and what to do.
// The zero value is "not locked", and no directory has to do with it.
type Lock struct {
	Locked bool `json:"locked"`
	// Code is CodeResourceLocked or CodeFieldLocked; empty if nothing is locked.
	Code string `json:"code,omitempty"`
	// Reason says why in English, HowToChange what to do instead. [Lock.Explain] has all of it, in
	// the reader's language.
	Reason      string `json:"reason,omitempty"`
	HowToChange string `json:"howToChange,omitempty"`
	// Variant is what is, or was, locked by what. Op is what was to be done.
	Variant LockVariant `json:"variant,omitempty"`
	// Field is the SCIM attribute that the tenant has a choice about, with LockedField: "phoneNumbers"
	// for the phone number.
	Field string `json:"field,omitempty"`
	Op    Op     `json:"op,omitempty"`
	// Lifted says why nothing is locked although a directory manages it; Locked is false then.
	Lifted LockLift `json:"lifted,omitempty"`
	// Override is what somebody lifted, with LiftedOverride.
	Override *store.LockOverride `json:"override,omitempty"`
	// Source is what the owner calls the directory's provider, empty if that has no name; Groups are
	// the names of the groups that gave it, but for those that were deleted.
	Source string   `json:"source,omitempty"`
	Groups []string `json:"groups,omitempty"`
	// Values are those of the attribute roles, or of a claim, that gave it.
	Values []string `json:"values,omitempty"`
	// Since is when the directory took it over; zero if that is not known.
	Since time.Time `json:"since,omitzero"`
	// LastSync is when a directory was heard of last; zero if it never was.
	LastSync time.Time `json:"lastSync,omitzero"`
	// Notes are about the sync.
	Notes []LockNote `json:"notes,omitempty"`
	// At is when it was asked; zero if nothing is locked or lifted.
	At time.Time `json:"at,omitzero"`

	texts LockTexts
}

// Err is the lock as a [LockedError], which matches [ErrLocked]; nil if nothing is locked.
func (l Lock) Err() error {
	if !l.Locked {
		return nil
	}
	return &LockedError{Refused: []Refused{{Lock: l}}}
}

// worded fills in the English texts.
func (l Lock) worded() Lock {
	w := words{lang: "en"}
	l.Reason, l.HowToChange = l.reason(w), l.howToChange(w)
	return l
}

package store

import (
	"context"
	"time"
)

// SCIMGroup is a group of a tenant's directory (RFC 7643 section 4.2). Its members
// are rows of their own: they are read by page and changed by difference, so that
// neither costs more in a large group.
type SCIMGroup struct {
	Meta
	// DisplayName need not be unique.
	DisplayName string
	// ExternalID is the directory's own identifier, empty if it sent none.
	ExternalID string
	// MembersVersion grows with each change of the group's members, and only then.
	// Version does not. It is zero for a group that never had members. The store sets it.
	MembersVersion int64
	// MembersUpdatedAt is when the members last changed; zero if they never did. The
	// store sets it.
	MembersUpdatedAt time.Time
	// Body is the resource as JSON without id, meta and members.
	Body []byte
	// Keys are the values by which the group can be found beside the columns, and
	// those that no other group of the tenant may have.
	Keys []Key
}

// Values returns what conditions on attr compare with, in normalized form. It does
// not know AttrMember, which is no value of the group's record.
func (g SCIMGroup) Values(attr Attr) []string {
	switch attr {
	case AttrID:
		return []string{g.ID}
	case AttrDisplayName:
		return []string{Fold(g.DisplayName)}
	case AttrExternalID:
		return nonEmpty(g.ExternalID)
	default:
		return metaOrKeys(g.Meta, g.Keys, attr)
	}
}

// MemberKind says what a member is.
type MemberKind string

// The kinds of members. A member that the directory does not provision, or not yet,
// is kept as unknown and counts from the day its user arrives.
const (
	MemberUser    MemberKind = "User"
	MemberGroup   MemberKind = "Group"
	MemberUnknown MemberKind = ""
)

// Member is one direct member of a group.
type Member struct {
	// ID is the member's "value": the ID of a user or a group of this tenant, or
	// whatever the directory sent.
	ID   string
	Kind MemberKind
}

// MemberDelta is a change of a group's members. An ID must not be in both Add and
// Remove, nor twice in one of them.
type MemberDelta struct {
	// Add makes these members; those that are members already stay as they are.
	Add []Member
	// Remove ends these memberships; what is no member is passed over.
	Remove []string
	// Replace makes Add the whole set: everybody else is removed. Remove is then
	// ignored.
	Replace bool
}

// MemberChange is what a delta really changed.
type MemberChange struct {
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// Empty says that nothing changed.
func (c MemberChange) Empty() bool { return len(c.Added) == 0 && len(c.Removed) == 0 }

// GroupRef names a group.
type GroupRef struct {
	ID          string
	DisplayName string
}

// SCIMGroupStore keeps groups and their members.
type SCIMGroupStore interface {
	// SCIMGroup returns the group, or ErrNotFound.
	SCIMGroup(ctx context.Context, tenantID, id string) (SCIMGroup, error)

	// SCIMGroups returns a page of the tenant's groups.
	SCIMGroups(ctx context.Context, tenantID string, q Query) (Page[SCIMGroup], error)

	// CreateSCIMGroup stores a new group with its first members and returns it as
	// stored. ErrConflict if the tenant has a group with this ID or one of the Unique
	// Keys; of several concurrent creates with one of them exactly one succeeds. With
	// members, the last of events has its Members set.
	CreateSCIMGroup(ctx context.Context, tenantID string, g SCIMGroup, members []Member, events ...Event) (SCIMGroup, error)

	// UpdateSCIMGroup replaces the group's own attributes and returns it as stored;
	// members stay. ErrNotFound, ErrStale, or ErrConflict if another group has one of
	// the Unique Keys; checked in this order.
	UpdateSCIMGroup(ctx context.Context, tenantID string, g SCIMGroup, events ...Event) (SCIMGroup, error)

	// DeleteSCIMGroup removes the group, its memberships, and its own membership in
	// other groups. ErrNotFound; ErrStale if version is not zero and not the stored one.
	// The Unique Keys are free afterwards.
	DeleteSCIMGroup(ctx context.Context, tenantID, id string, version int64, events ...Event) error

	// ChangeSCIMMembers applies a delta and returns what changed. It costs rows for
	// the members named, whatever the size of the group (Replace reads it once).
	// Concurrent deltas all take effect. If nothing changed, no version moves and no
	// event is stored; otherwise the last of events is stored with its Members set to
	// the change, and MembersVersion and MembersUpdatedAt (from at) move. ErrNotFound
	// if the tenant has no such group; ErrStale if ifVersion is not nil and the group
	// has another Version or MembersVersion.
	ChangeSCIMMembers(ctx context.Context, tenantID, groupID string, d MemberDelta, at time.Time, ifVersion *GroupVersion, events ...Event) (MemberChange, error)

	// SCIMMembers returns up to limit members (at most MaxLimit) in ascending order
	// of their ID, from the first after the given ID. ErrNotFound if the tenant has
	// no such group.
	SCIMMembers(ctx context.Context, tenantID, groupID, after string, limit int) ([]Member, error)

	// SCIMGroupsOf returns the groups of which each ID is a direct member, in
	// ascending order of the groups' IDs; IDs without groups are absent. At most
	// MaxLimit IDs may be asked for at once.
	SCIMGroupsOf(ctx context.Context, tenantID string, memberIDs ...string) (map[string][]GroupRef, error)
}

// GroupVersion is what a caller read of a group before a conditional change.
type GroupVersion struct {
	Version        int64
	MembersVersion int64
}

// GroupVersion returns both versions of the group.
func (g SCIMGroup) GroupVersion() GroupVersion {
	return GroupVersion{Version: g.Version, MembersVersion: g.MembersVersion}
}

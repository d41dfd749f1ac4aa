package store

import (
	"context"
	"strconv"
)

// SCIMUser is a user that a tenant's directory provisions (RFC 7643 section 4.1).
type SCIMUser struct {
	Meta
	// UserName is unique within the tenant, compared by [Fold].
	UserName string
	// ExternalID is the directory's own identifier, empty if it sent none. It need
	// not be unique.
	ExternalID string
	// Active is the SCIM attribute: false means deprovisioned.
	Active bool
	// Body is the resource as JSON without id, meta, groups and secrets, ready to be
	// spliced into an answer. A store returns the bytes that it was given.
	Body []byte
	// Keys are the values by which the user can be found beside the columns, and
	// those that no other user of the tenant may have.
	Keys []Key
}

// Values returns what conditions on attr compare with, in normalized form. It does
// not know AttrGroup, which is no value of the user's record.
func (u SCIMUser) Values(attr Attr) []string {
	switch attr {
	case AttrID:
		return []string{u.ID}
	case AttrUserName:
		return []string{Fold(u.UserName)}
	case AttrExternalID:
		return nonEmpty(u.ExternalID)
	case AttrActive:
		return []string{strconv.FormatBool(u.Active)}
	default:
		return metaOrKeys(u.Meta, u.Keys, attr)
	}
}

// SCIMUserStore keeps the users that directories provision: in our tables, or in
// the host's own.
type SCIMUserStore interface {
	// SCIMUser returns the user, or ErrNotFound.
	SCIMUser(ctx context.Context, tenantID, id string) (SCIMUser, error)

	// SCIMUsers returns a page of the tenant's users. A tenant without users, known
	// or not, has an empty list.
	SCIMUsers(ctx context.Context, tenantID string, q Query) (Page[SCIMUser], error)

	// CreateSCIMUser stores a new user and returns it as stored. ErrConflict if the
	// tenant has a user with this ID, this UserName or one of the Unique Keys; of
	// several concurrent creates with one of them exactly one succeeds.
	CreateSCIMUser(ctx context.Context, tenantID string, u SCIMUser, events ...Event) (SCIMUser, error)

	// UpdateSCIMUser replaces the user whose ID and Version are given and returns it
	// as stored, with the next version. ErrNotFound, ErrStale, or ErrConflict if
	// another user has the UserName or one of the Unique Keys; checked in this order.
	UpdateSCIMUser(ctx context.Context, tenantID string, u SCIMUser, events ...Event) (SCIMUser, error)

	// DeleteSCIMUser removes the user, and with it the user's memberships in groups,
	// whose MembersVersion changes. ErrNotFound; ErrStale if version is not zero and
	// not the stored one. The user name and the Unique Keys are free afterwards.
	DeleteSCIMUser(ctx context.Context, tenantID, id string, version int64, events ...Event) error
}

// SCIMCounter is an optional interface of a [Store]: exact totals without a walk.
type SCIMCounter interface {
	// CountSCIMUsers returns the number of users that match filter; nil means all.
	// It returns an error matching errors.ErrUnsupported if it cannot count this
	// filter exactly; the caller then walks.
	CountSCIMUsers(ctx context.Context, tenantID string, filter Expr) (int, error)

	// CountSCIMGroups does the same for groups.
	CountSCIMGroups(ctx context.Context, tenantID string, filter Expr) (int, error)
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func metaOrKeys(m Meta, keys []Key, attr Attr) []string {
	switch attr {
	case AttrCreatedAt:
		return []string{FormatTime(m.CreatedAt)}
	case AttrUpdatedAt:
		return []string{FormatTime(m.UpdatedAt)}
	}
	var out []string
	for _, k := range keys {
		if k.Attr == attr {
			out = append(out, k.Value)
		}
	}
	return out
}

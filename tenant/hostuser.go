package tenant

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// UserState says whether a person of a tenant can use the host.
type UserState string

// The states of associated users.
const (
	UserActive    UserState = "active"
	UserSuspended UserState = "suspended" // the host or the directory ended the access; the account stays
	UserInvited   UserState = "invited"   // the host asked, and the person has not come yet
	UserPending   UserState = "pending"   // a directory provisioned the person, who has no account, yet or at all
)

// HostUser is one of the host's own accounts, or an invitation that nobody has accepted yet.
type HostUser struct {
	// ID is the host's ID of the user, the one that provisioning and sign-in get from it; for an invitation an ID that no user
	// has.
	ID    string
	Email string
	Name  string
	// Source is how the account came to be, if the host knows better than tenantgate's own records: usually
	// [store.SourceManual] or [store.SourceInvitation]. Empty means manual where there is no record.
	Source store.AccountSource
	// State is the host's own: [UserActive] (also if empty), [UserSuspended] or [UserInvited].
	State UserState
	// Root marks the account that created the organisation, which no directory may touch (R4).
	Root bool
}

// HostUsers is what a host tells of its own accounts, so that a tenant's list of users has those too that tenantgate never
// heard of: made by hand, or invited.
type HostUsers interface {
	// Users returns the organisation's users and open invitations whose IDs come after the given one in byte order (empty: from
	// the first), in ascending byte order of the ID, up to limit. Fewer than limit says that the list has ended. A database
	// whose texts sort by a language is asked to compare bytes (in PostgreSQL: collate "C").
	Users(ctx context.Context, tenantID, after string, limit int) ([]HostUser, error)
}

// HostUsersFunc is a function as [HostUsers].
type HostUsersFunc func(ctx context.Context, tenantID, after string, limit int) ([]HostUser, error)

// Users calls f.
func (f HostUsersFunc) Users(ctx context.Context, tenantID, after string, limit int) ([]HostUser, error) {
	return f(ctx, tenantID, after, limit)
}

// hostUsers asks the host, and holds it to its order: people would be missing from the list otherwise.
func (s *Service) hostUsers(ctx context.Context, tenantID, after string, limit int) ([]HostUser, error) {
	if s.cfg.Users == nil {
		return nil, nil
	}
	users, err := s.cfg.Users.Users(ctx, tenantID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("tenant: asking for the organisation's users: %w", err)
	}
	if len(users) > limit {
		return nil, fmt.Errorf("tenant: Config.Users returned %d users, expected at most %d", len(users), limit)
	}
	last := after
	for i := range users {
		if users[i].ID <= last {
			return nil, fmt.Errorf("tenant: Config.Users returned the ID %q after %q, expected ascending byte order", users[i].ID, last)
		}
		last = users[i].ID
	}
	return users, nil
}

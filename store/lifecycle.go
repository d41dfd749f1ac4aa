package store

import (
	"context"
	"time"
)

// ServiceState says whether a tenant's sign-on as a whole is in service.
type ServiceState string

// The states.
const (
	// ServiceOn is the state of a tenant that nobody suspended or removed.
	ServiceOn ServiceState = ""
	// ServiceSuspended: nobody signs in at the tenant's connections, and its directories can only take access away.
	ServiceSuspended ServiceState = "suspended"
	// ServiceRemoving: the tenant's records are being removed, page by page.
	ServiceRemoving ServiceState = "removing"
	// ServiceRemoved: nothing is left but what Lifecycle and the journal tell.
	ServiceRemoved ServiceState = "removed"
)

// Lifecycle is what is known of a tenant as a whole. A tenant has at most one; the record's ID is empty. It outlives the
// tenant's other records.
type Lifecycle struct {
	Meta
	State ServiceState `json:"state,omitempty"`
	// StateSince is when the tenant got into State; zero if it never was in another.
	StateSince time.Time `json:"stateSince,omitzero"`
	// Reason is what a person gave as the reason, for people to read.
	Reason string `json:"reason,omitempty"`
	// SSOLapsedAt is when the tenant's plan was first seen without sign-on though it was in use, SCIMLapsedAt the same for
	// provisioning; zero while the plan includes it.
	SSOLapsedAt  time.Time `json:"ssoLapsedAt,omitzero"`
	SCIMLapsedAt time.Time `json:"scimLapsedAt,omitzero"`
	// Work is what is left to do for the tenant as a whole, such as a removal, and was done so far. It is opaque to the
	// store, apart from being empty or not.
	Work []byte `json:"work,omitempty"`
}

// RecordKind names a kind of what a store keeps for a tenant, in [LifecycleStore].Holdings and Erase.
type RecordKind string

// The kinds. Resources of a type that the host registered have the kind KindResource and the type's name. Holdings may have
// kinds beside these, for what goes with records of these kinds: indexes, counters.
const (
	KindConnection RecordKind = "connection"
	KindDomain     RecordKind = "domain"
	KindDirectory  RecordKind = "directory"
	KindAPIKey     RecordKind = "api_key"
	KindIdentity   RecordKind = "identity"
	KindSetupLink  RecordKind = "setup_link"
	KindWebhook    RecordKind = "webhook"
	KindAccount    RecordKind = "account"
	KindSettings   RecordKind = "provisioning"
	KindResource   RecordKind = "resource:"
	KindLifecycle  RecordKind = "lifecycle"
	KindUser       RecordKind = "scim_user"
	KindGroup      RecordKind = "scim_group"
	// KindMember goes with groups.
	KindMember   RecordKind = "scim_member"
	KindGrant    RecordKind = "grant"
	KindToken    RecordKind = "token"
	KindLease    RecordKind = "lease"
	KindEvent    RecordKind = "event"
	KindPosition RecordKind = "position"
)

// LifecycleStore keeps what is known of tenants as a whole, and removes what is left of them.
type LifecycleStore interface {
	// Lifecycle returns what is known of the tenant, or ErrNotFound if nothing was ever written.
	Lifecycle(ctx context.Context, tenantID string) (Lifecycle, error)

	// PutLifecycle stores it; Version is the one read, zero for the first. ErrStale if it is not the stored one.
	PutLifecycle(ctx context.Context, tenantID string, l Lifecycle, events ...Event) (Lifecycle, error)

	// Holdings returns how many records of each kind the tenant has, of everything that the store keeps under its ID.
	// Kinds of which it has none are absent.
	Holdings(ctx context.Context, tenantID string) (map[RecordKind]int, error)

	// Erase removes up to limit records of the kind (at most MaxLimit; zero means that many), in no order but for events,
	// the oldest of which go first, and returns how many there were: less than limit when none is left. It makes no
	// event. What goes with a record goes with it; a kind that goes with others, and an unknown one, has none to erase.
	// A journal whose events were erased goes on where it was: Seq never starts anew.
	Erase(ctx context.Context, tenantID string, kind RecordKind, limit int) (int, error)

	// EraseEvents removes the oldest events of the tenant's journal, of those whose Seq is at most through, up to limit (at
	// most MaxLimit; zero means that many), and returns how many there were. It stops in front of the first event that a
	// reader has not handled which has saved a position for the tenant, unless the position is a mark ([MarkPrefix]). It makes
	// no event, and Seq goes on where it was. A reader that comes for the first time begins with what is left.
	EraseEvents(ctx context.Context, tenantID string, through int64, limit int) (int, error)
}

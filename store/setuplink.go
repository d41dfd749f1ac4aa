package store

import (
	"context"
	"time"
)

// SetupLink is a link with which somebody without an account of the host sets up a part
// of a tenant's sign-on. What it is opened with is not stored.
type SetupLink struct {
	Meta
	// Name and Email are those of the person whom the link is meant for, for people to read.
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	// Intents are what the link is for; Done those of them that were reached.
	Intents []string `json:"intents"`
	Done    []string `json:"done,omitempty"`
	// Hash is the SHA-256 of the link's token, unique within the tenant.
	Hash      []byte     `json:"hash"`
	CreatedBy EventActor `json:"createdBy"`
	// ExpiresAt ends the link: first the time until it must have been opened, afterwards that
	// until the work must be done, which is SessionTTL from the first opening.
	ExpiresAt  time.Time     `json:"expiresAt"`
	SessionTTL time.Duration `json:"sessionTtl"`
	// Opens counts how often it was opened, MaxOpens bounds it.
	Opens    int64 `json:"opens"`
	MaxOpens int64 `json:"maxOpens"`
	// OpenedAt and LastOpenedAt are the first and the last opening; zero before.
	OpenedAt     time.Time `json:"openedAt,omitzero"`
	LastOpenedAt time.Time `json:"lastOpenedAt,omitzero"`
	// BrowserHash is the SHA-256 of what the browser keeps that opened it first: empty before,
	// then unique within the tenant.
	BrowserHash []byte `json:"browserHash,omitempty"`
	// RevokedAt and CompletedAt are zero for a link that was not ended by somebody, or by its
	// work being done.
	RevokedAt   time.Time `json:"revokedAt,omitzero"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
	// LastUsedAt is set by MarkSetupLinkUsed alone; writes ignore it.
	LastUsedAt time.Time `json:"-"`
}

// SetupLinkStore is an optional interface of a [Store]: set-up links. Without it a host has none.
type SetupLinkStore interface {
	// SetupLink returns the link, or ErrNotFound.
	SetupLink(ctx context.Context, tenantID, id string) (SetupLink, error)

	// SetupLinkByHash returns the tenant's link with this Hash, in force or not, or
	// ErrNotFound.
	SetupLinkByHash(ctx context.Context, tenantID string, hash []byte) (SetupLink, error)

	// SetupLinkByBrowser returns the tenant's link with this BrowserHash, in force or not, or
	// ErrNotFound; the empty hash is nobody's.
	SetupLinkByBrowser(ctx context.Context, tenantID string, hash []byte) (SetupLink, error)

	// SetupLinks returns a page of the tenant's links, in force or not, in ascending order of
	// the ID. The filter is the caller's to apply.
	SetupLinks(ctx context.Context, tenantID string, q Query) (Page[SetupLink], error)

	// CreateSetupLink stores a new link. ErrConflict if the ID, the Hash or the BrowserHash is
	// taken.
	CreateSetupLink(ctx context.Context, tenantID string, l SetupLink, events ...Event) (SetupLink, error)

	// UpdateSetupLink replaces the link. ErrNotFound, ErrStale, ErrConflict.
	UpdateSetupLink(ctx context.Context, tenantID string, l SetupLink, events ...Event) (SetupLink, error)

	// MarkSetupLinkUsed sets LastUsedAt unless it is later already. It changes no version
	// and makes no event. ErrNotFound.
	MarkSetupLinkUsed(ctx context.Context, tenantID, id string, at time.Time) error

	// DeleteSetupLink removes the link. ErrNotFound; ErrStale if version is not zero and
	// not the stored one.
	DeleteSetupLink(ctx context.Context, tenantID, id string, version int64, events ...Event) error

	// TenantsWithSetupLinks returns the IDs of tenants that have a link, in force or not, in
	// byte order, from the first after the given one, up to limit (at most MaxLimit). Like
	// [Index] it looks across tenants, for the host's own clean-up.
	TenantsWithSetupLinks(ctx context.Context, after string, limit int) ([]string, error)
}

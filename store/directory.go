package store

import (
	"context"
	"time"
)

// Directory is a tenant's SCIM client: the switch that lets a directory provision,
// and the choices that go with it.
type Directory struct {
	Meta
	// ConnectionID is the connection through which provisioned users sign in.
	ConnectionID string `json:"connectionId"`
	// Enabled says that the SCIM endpoints answer.
	Enabled bool `json:"enabled"`
	// Preferences are the tenant's choices for provisioned users.
	Preferences SCIMPreferences `json:"preferences"`
	// LastRequestAt is when the directory was last heard of. It is set by MarkDirectoryUsed
	// alone; writes ignore it.
	LastRequestAt time.Time `json:"-"`
}

// DirectoryStore keeps SCIM directories.
type DirectoryStore interface {
	// Directory returns the directory, or ErrNotFound.
	Directory(ctx context.Context, tenantID, id string) (Directory, error)

	// Directories returns all directories of the tenant, in ascending order of the ID.
	Directories(ctx context.Context, tenantID string) ([]Directory, error)

	// CreateDirectory stores a new directory. ErrConflict if the ID is taken or the
	// connection has a directory already.
	CreateDirectory(ctx context.Context, tenantID string, d Directory, events ...Event) (Directory, error)

	// UpdateDirectory replaces the directory. ErrNotFound, ErrStale, ErrConflict.
	UpdateDirectory(ctx context.Context, tenantID string, d Directory, events ...Event) (Directory, error)

	// DeleteDirectory removes the directory. ErrNotFound; ErrStale if version is not
	// zero and not the stored one.
	DeleteDirectory(ctx context.Context, tenantID, id string, version int64, events ...Event) error

	// MarkDirectoryUsed sets LastRequestAt unless it is later already. It changes no version
	// and makes no event. ErrNotFound.
	MarkDirectoryUsed(ctx context.Context, tenantID, id string, at time.Time) error
}

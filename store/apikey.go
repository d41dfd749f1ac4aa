package store

import (
	"context"
	"time"
)

// APIKey is a key with which a directory speaks to the SCIM endpoints. The key
// itself is not stored, unless the host wants it sealed.
type APIKey struct {
	Meta
	// Name is unique among the tenant's keys that are not revoked, compared by [Fold].
	Name string `json:"name"`
	// Hash is the SHA-256 of the key, unique within the tenant.
	Hash []byte `json:"hash"`
	// SealedKey is the key, sealed for this tenant, record and field, where the host lets owners see keys again; else, and
	// once it is revoked, it is empty.
	SealedKey []byte `json:"sealedKey,omitempty"`
	// Hint is what may be shown: prefix and last characters.
	Hint string `json:"hint"`
	// Scopes are what the key may do.
	Scopes []string `json:"scopes"`
	// DirectoryID is the directory that the key speaks for.
	DirectoryID string     `json:"directoryId"`
	CreatedBy   EventActor `json:"createdBy"`
	// ExpiresAt is zero for a key that does not expire.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// RevokedAt is zero for a key that is in force.
	RevokedAt time.Time `json:"revokedAt,omitzero"`
	// Replaces is the key that this one is to replace, empty for none, or none any more; and
	// ReplacesExpiresAt what that one's expiry was before.
	Replaces          string    `json:"replaces,omitempty"`
	ReplacesExpiresAt time.Time `json:"replacesExpiresAt,omitzero"`
	// LastUsedAt is set by MarkAPIKeyUsed alone; writes ignore it.
	LastUsedAt time.Time `json:"-"`
}

// APIKeyStore keeps API keys.
type APIKeyStore interface {
	// APIKey returns the key, or ErrNotFound.
	APIKey(ctx context.Context, tenantID, id string) (APIKey, error)

	// APIKeyByHash returns the tenant's key with this hash, revoked or not, or
	// ErrNotFound.
	APIKeyByHash(ctx context.Context, tenantID string, hash []byte) (APIKey, error)

	// APIKeys returns all keys of the tenant, revoked ones too, in ascending order of
	// the ID.
	APIKeys(ctx context.Context, tenantID string) ([]APIKey, error)

	// CreateAPIKey stores a new key. ErrConflict if the ID, the hash, or the name of a
	// key in force is taken.
	CreateAPIKey(ctx context.Context, tenantID string, k APIKey, events ...Event) (APIKey, error)

	// UpdateAPIKey replaces the key. ErrNotFound, ErrStale, ErrConflict.
	UpdateAPIKey(ctx context.Context, tenantID string, k APIKey, events ...Event) (APIKey, error)

	// MarkAPIKeyUsed sets LastUsedAt unless it is later already. It changes no version
	// and makes no event. ErrNotFound.
	MarkAPIKeyUsed(ctx context.Context, tenantID, id string, at time.Time) error
}

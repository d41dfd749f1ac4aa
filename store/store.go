package store

import (
	"context"
	"time"
)

// Store is everything that tenantgate persists. The packages above ask for the
// part they use; a host passes the whole.
type Store interface {
	ConnectionStore
	DomainStore
	DirectoryStore
	APIKeyStore
	SCIMUserStore
	SCIMGroupStore
	IdentityStore
	AccountStore
	ProvisioningStore
	TokenStore
	LeaseStore
	Journal
	LifecycleStore
	Index

	// InTx runs fn in one transaction: all that fn does through tx is committed
	// when fn returns nil, and nothing of it when fn returns an error (which InTx
	// returns) or panics. Reads through tx see its own writes. tx must not be used
	// after fn has returned, nor by several goroutines.
	//
	// InTx of a tx runs fn as a part of it: an error undoes what fn did and leaves
	// the outer transaction usable. A store may run fn again when the database
	// asks for a retry, so fn must not have effects outside of tx.
	InTx(ctx context.Context, fn func(tx Store) error) error
}

// Meta is what every record carries.
type Meta struct {
	// ID is unique within the tenant and the kind of record, given by the caller
	// at creation ([NewID]) and never changed.
	ID string `json:"-"`
	// TenantID is set by the store on what it returns, and ignored on writes.
	TenantID string `json:"-"`
	// Version starts at 1 and grows with each update. The store sets it.
	Version int64 `json:"-"`
	// CreatedAt and UpdatedAt are set by the caller; an update keeps the stored
	// CreatedAt.
	CreatedAt time.Time `json:"-"`
	UpdatedAt time.Time `json:"-"`
}

// Ref names a record of some tenant.
type Ref struct {
	TenantID string
	ID       string
}

// Time brings t to the resolution that stores keep: UTC, microseconds.
func Time(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

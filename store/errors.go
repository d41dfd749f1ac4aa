package store

import "errors"

// Errors that callers branch on. Adapters wrap them; callers use errors.Is.
var (
	// ErrNotFound says that this tenant has no such record. A record of another
	// tenant answers the same.
	ErrNotFound = errors.New("store: not found")

	// ErrConflict says that another record already holds a value that must be
	// unique: an ID, a user name, a Unique Key, a verified domain, a used token, a held
	// lease.
	ErrConflict = errors.New("store: conflict")

	// ErrStale says that the record has another version than the caller read.
	ErrStale = errors.New("store: stale version")
)

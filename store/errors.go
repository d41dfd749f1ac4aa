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

	// ErrUnavailable says that the database can't do this just now: it is read-only, full,
	// shutting down or out of reach. Nothing was changed; the same may work later.
	ErrUnavailable = errors.New("store: unavailable")
)

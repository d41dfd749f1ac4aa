package provisioning

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrLocked is matched by every [LockedError].
var ErrLocked = errors.New("provisioning: locked")

// LockedError says what of a write is locked, so that nothing of it was done. [ProblemOf] answers it
// over HTTP.
type LockedError struct {
	// Refused has at least one.
	Refused []Refused
}

// Error is the first explanation in English, and how many more there are.
func (e *LockedError) Error() string {
	text := ErrLocked.Error()
	if len(e.Refused) > 0 {
		text += ": " + e.Refused[0].Lock.Explain("")
	}
	if n := len(e.Refused) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// Unwrap returns [ErrLocked].
func (e *LockedError) Unwrap() error { return ErrLocked }

// Status is the HTTP status: 409 Conflict for what a directory manages, 403 Forbidden if
// nothing is in the way but the tenant's choice about a field (R57).
func (e *LockedError) Status() int {
	for _, r := range e.Refused {
		if r.Lock.Code != CodeFieldLocked {
			return http.StatusConflict
		}
	}
	return http.StatusForbidden
}

// Code is CodeResourceLocked or CodeFieldLocked, as the status is 409 or 403.
func (e *LockedError) Code() string {
	if e.Status() == http.StatusForbidden {
		return CodeFieldLocked
	}
	return CodeResourceLocked
}

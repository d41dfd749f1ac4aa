package provisioning

import (
	"errors"
	"net/http"
	"time"
)

// The codes of [FieldRefusal], beside [CodeFieldLocked].
const (
	CodeFieldUnknown     = "field_unknown"      // not a field that the host declared
	CodeFieldNotManaged  = "field_not_managed"  // no directory provisions the account: the host changes it itself
	CodeFieldInvalid     = "field_invalid"      // too long, several lines
	CodePhoneInvalid     = "phone_invalid"      // no telephone number
	CodeOwnFieldOnly     = "own_field_only"     // only the person can confirm
	CodeNothingToConfirm = "nothing_to_confirm" // there is no value that waits
	CodeCodeWrong        = "code_wrong"
	CodeCodeExpired      = "code_expired"
	CodeTooManyAttempts  = "too_many_attempts" // of guessing this code: ask for another
	CodeResendTooSoon    = "resend_too_soon"
	CodeTooManyCodes     = "too_many_codes"  // for the account, the number or the tenant
	CodeCodeNotSent      = "code_not_sent"   // the sender failed; try again
	CodeNumberRefused    = "number_refused"  // the sender does not send there
	CodeConfirmChanged   = "confirm_changed" // the field was locked while the code was on its way
)

// FieldRefusal says why a field was not changed or confirmed. Find it with errors.As. One
// with the code "field_locked" or "confirm_changed" matches [ErrLocked] too.
type FieldRefusal struct {
	// Code is stable: a Code… constant.
	Code  string
	Field string
	// Message is for a person: what is wrong and what to do.
	Message string
	// RetryAfter is how long to wait; zero if that does not help, or is not needed.
	RetryAfter time.Duration
	// Lock explains CodeFieldLocked.
	Lock Lock
}

// Error returns code and message.
func (r *FieldRefusal) Error() string { return "provisioning: " + r.Code + ": " + r.Message }

// Is makes the error match ErrLocked where the field is locked.
func (r *FieldRefusal) Is(target error) bool {
	return target == ErrLocked && (r.Code == CodeFieldLocked || r.Code == CodeConfirmChanged)
}

// Status is the HTTP status that goes with the code: 403 for a locked field (R56).
func (r *FieldRefusal) Status() int {
	switch r.Code {
	case CodeFieldUnknown:
		return http.StatusNotFound
	case CodeFieldLocked, CodeOwnFieldOnly, CodeConfirmChanged:
		return http.StatusForbidden
	case CodeFieldNotManaged, CodeNothingToConfirm:
		return http.StatusConflict
	case CodeTooManyAttempts, CodeResendTooSoon, CodeTooManyCodes:
		return http.StatusTooManyRequests
	case CodeCodeNotSent:
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

func refuseField(code, field, message string) *FieldRefusal {
	return &FieldRefusal{Code: code, Field: field, Message: message}
}

// refusalOf returns the refusal that an error is, or nil.
func refusalOf(err error) *FieldRefusal {
	r, _ := errors.AsType[*FieldRefusal](err)
	return r
}

package tenant

import (
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// Error is a refusal that is not about one field's value: a state that does not fit,
// a right or a plan that is missing, a confirmation that is needed. It matches
// [ErrForbidden], [store.ErrConflict], [store.ErrStale] or [store.ErrNotFound] with
// errors.Is, which tells the HTTP status; Code tells the rest.
type Error struct {
	// Code is stable: an ErrorCode… constant.
	Code string
	// Message is for a person: what is wrong and what to do.
	Message string

	kind error
}

// Error returns code and message.
func (e *Error) Error() string { return "tenant: " + e.Code + ": " + e.Message }

// Unwrap returns the sentinel that the error matches.
func (e *Error) Unwrap() error { return e.kind }

// The codes of [Error].
const (
	ErrorCodeForbidden            = "forbidden"              // the authorizer refused
	ErrorCodePlanRequired         = "plan_required"          // the tenant's plan does not include it
	ErrorCodePlanUnknown          = "plan_unknown"           // what the plan includes could not be found out
	ErrorCodeTenantSuspended      = "tenant_suspended"       // the tenant's sign-on as a whole is suspended
	ErrorCodeTenantRemoved        = "tenant_removed"         // it is being removed, or was
	ErrorCodeConnectionSuspended  = "connection_suspended"   // the directory's connection is suspended
	ErrorCodeUnavailable          = "unavailable"            // the store can't do it just now; nothing was changed
	ErrorCodePlanStale            = "plan_stale"             // what a plan showed is not so any more
	ErrorCodeDeprovisioning       = "deprovisioning_pending" // somebody whom the directory took access from still has it
	ErrorCodeStale                = "stale"                  // changed by somebody else meanwhile
	ErrorCodeState                = "wrong_state"            // not possible in the state it is in
	ErrorCodeRequestPending       = "request_pending"        // a request is being reviewed
	ErrorCodeChangeNeedsReview    = "change_needs_review"    // in force: only a reviewed change, or staff, can
	ErrorCodeChangeOutdated       = "change_outdated"        // what it changes has changed itself
	ErrorCodeOwnRequest           = "own_request"            // nobody approves what they asked for
	ErrorCodeDomainTaken          = "domain_taken"           // another organisation holds it
	ErrorCodeDomainsUnverified    = "domains_unverified"     // a domain waits for its proof
	ErrorCodeTestRequired         = "test_required"          // no successful test sign-in with this configuration
	ErrorCodeConfirmationRequired = "confirmation_required"  // possible, but say that you mean it
	ErrorCodeSecondFactor         = "second_factor_required" // a break-glass address with the password alone
	ErrorCodeOIDCRequired         = "oidc_required"          // SCIM without an approved connection
	ErrorCodeSCIMRequired         = "scim_required"          // an API key without a directory
	ErrorCodeSCIMDisabled         = "scim_disabled"          // the directory is switched off
	ErrorCodeNameTaken            = "name_taken"
	ErrorCodeTooMany              = "too_many"
	ErrorCodeCookieRequired       = "cookie_required"      // a set-up link in a browser that keeps no cookies
	ErrorCodeSetupCompleted       = "setup_link_completed" // told to the browser that did the work
	ErrorCodeSecretUnreadable     = "secret_unreadable"    // the keyring cannot open a client secret or an API key
)

// ErrUnavailable says that something could not be found out just now, such as a tenant's plan. Hosts answer 503.
var ErrUnavailable = errors.New("tenant: unavailable")

// ErrSecretUnreadable says that a stored client secret or API key can't be opened,
// because its key is gone or the record was tampered with. The owner enters the secret
// again; an API key is replaced.
var ErrSecretUnreadable = errors.New("tenant: sealed secret unreadable")

// CodeOf returns the stable code of an error of this package: that of an [Error], the
// first refusal of a [ValidationError], or a code for a sentinel; "" for others,
// which are the host's or the store's own failures.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if v, ok := errors.AsType[*ValidationError](err); ok {
		for _, f := range v.Findings {
			if f.Severity == SeverityError {
				return f.Code
			}
		}
	}
	switch {
	case errors.Is(err, ErrBadAPIKey):
		return "api_key_invalid"
	case errors.Is(err, ErrBadSetupLink):
		return "setup_link_invalid"
	case errors.Is(err, ErrForbidden):
		return ErrorCodeForbidden
	case errors.Is(err, ErrSecretUnreadable):
		return ErrorCodeSecretUnreadable
	case errors.Is(err, store.ErrUnavailable):
		return ErrorCodeUnavailable
	case errors.Is(err, store.ErrNotFound):
		return "not_found"
	case errors.Is(err, store.ErrStale):
		return ErrorCodeStale
	case errors.Is(err, store.ErrConflict):
		return "conflict"
	}
	return ""
}

func conflict(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), kind: store.ErrConflict}
}

func forbidden(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), kind: ErrForbidden}
}

// stale tells a caller that somebody else changed the record.
func stale() error {
	return &Error{Code: ErrorCodeStale, Message: "Somebody else changed this meanwhile. Look at it again and repeat your change.", kind: store.ErrStale}
}

// written translates what a write answered: a stale version becomes an error that
// explains itself, others keep their cause.
func written(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrStale):
		if _, ok := errors.AsType[*Error](err); ok {
			return err
		}
		return stale()
	default:
		if e, ok := errors.AsType[*Error](err); ok {
			return e
		}
		return fmt.Errorf("tenant: %s: %w", what, err)
	}
}

package oidc

import (
	"errors"
	"net/http"

	"github.com/tenantgate/tenantgate/tenant"
)

// The three families of refusals. Every error that a sign-in can end with matches exactly one of them with
// errors.Is, and carries a stable code (see CodeOf).
var (
	// ErrRequest says that the browser's request can't be served: an unfinished sign-in that expired, was used or
	// was started in another browser, or parameters that make no sense. HTTP 400: start again.
	ErrRequest = errors.New("oidc: bad request")
	// ErrDenied says that this person may not sign in this way, or that what the provider asserted was refused.
	// HTTP 403: tell the user, trying again does not help.
	ErrDenied = errors.New("oidc: sign-in denied")
	// ErrUnavailable says that the provider, or our own store, could not be used just now, or is set up wrongly.
	// HTTP 503: try again, or tell the administrator.
	ErrUnavailable = errors.New("oidc: sign-in unavailable")
)

// The stable codes of refused sign-ins. They appear in error pages, problem+json answers, logs and the journal.
const (
	CodeRequestInvalid      = "request_invalid"          // 400: parameters missing, repeated or too long
	CodeFlowMissing         = "flow_missing"             // 400: no cookie of an unfinished sign-in for this answer
	CodeFlowExpired         = "flow_expired"             // 400: the sign-in was started too long ago
	CodeFlowUsed            = "flow_used"                // 400: this answer was already taken once
	CodeLogoutUsed          = "logout_used"              // 400: this logout token was already taken once
	CodeOtherRegion         = "other_region"             // 400: the sign-in was started in another region
	CodeFlowMismatch        = "flow_mismatch"            // 400: the answer arrived at another connection's address, or the connection was changed; 403: a refresh token of before the change
	CodeIssuerMixUp         = "issuer_mix_up"            // 400: RFC 9207: iss is missing, repeated or another provider's
	CodeIssuerUnknown       = "issuer_unknown"           // 400: third-party-initiated login names a provider we don't know
	CodeNoConnection        = "no_connection"            // 400: no sign-in is set up for this e-mail domain
	CodeConnectionOff       = "connection_off"           // 403: the connection is not active (any more)
	CodePlanRequired        = "plan_required"            // 403: the tenant's plan does not include sign-on any more
	CodeProviderDenied      = "provider_denied"          // 403: the provider answered with an error such as access_denied
	CodeUserNotAssigned     = "user_not_assigned"        // 403: the administrator has not assigned the person to the application at the provider
	CodeConsentMissing      = "consent_required"         // 403: nobody has consented to the application at the provider
	CodeInteractionRequired = "interaction_required"     // 403: the provider would have had to show a page, and was asked not to
	CodeCodeRejected        = "code_rejected"            // 403: the provider refused the authorization code
	CodeTokenInvalid        = "token_invalid"            // 403: the ID token failed a check; 400: a logout token
	CodeTokenEncrypted      = "token_encrypted"          // 403: encrypted tokens are not supported; 400: a logout token
	CodeUserinfoInvalid     = "userinfo_invalid"         // 403: the userinfo answer failed a check
	CodeEmailMissing        = "email_missing"            // 403: the provider sent no usable e-mail address
	CodeGuestUser           = "guest_user"               // 403: a guest of the tenant's directory, for whom it sent no e-mail address
	CodeEmailUnverified     = "email_unverified"         // 403: the provider does not vouch for the e-mail address
	CodeEmailDomain         = "email_domain_not_allowed" // 403: the address is in none of the tenant's domains
	CodeHostedDomain        = "hosted_domain_mismatch"   // 403: Google's hd claim is not one of the tenant's domains
	CodeAccountDisabled     = "account_disabled"         // 403: the application closed the account
	CodeUserInactive        = "user_inactive"            // 403: deactivated by the organisation
	CodeNotProvisioned      = "user_not_provisioned"     // 403: no account, and none is made at sign-in
	CodeOtherTenant         = "user_of_other_tenant"     // 403: the account belongs to another organisation
	CodeAlreadyLinked       = "account_already_linked"   // 403: the account is linked to another identity
	CodeAccountConflict     = "account_conflict"         // 403: externalId and e-mail address belong to two accounts
	CodeAddressTaken        = "address_taken"            // 403: an address that nobody proved is one of an account, or of another tenant
	CodeHostRefused         = "refused_by_application"   // 403: the host's OnLogin said no
	CodeAuthenticationOld   = "authentication_too_old"   // 403: the person authenticated before what max_age or prompt asked for
	CodeRefreshRejected     = "refresh_rejected"         // 403: the provider refused the refresh token, or it is none of ours
	CodeTestRefused         = "test_refused"             // 403: a test sign-in worked, but does not count, see RecordTests
	CodePlanUnknown         = "plan_unknown"             // 503: what the tenant's plan includes could not be found out
	CodeProviderDown        = "provider_unavailable"     // 503: the provider did not answer, or answered nonsense
	CodeProviderConfig      = "provider_misconfigured"   // 503: the provider's documents fail our checks
	CodeClientRejected      = "client_rejected"          // 503: the provider refused our client ID or secret
	CodeSecretExpired       = "client_secret_expired"    // 503: the provider says that our client secret has expired
	CodeInternal            = "internal"                 // 503: our own store or the host failed
	CodeSecretUnreadable    = "secret_unreadable"        // 503: the sealed client secret can't be opened
	CodeUserinfoEncrypted   = "userinfo_encrypted"       // 503: encrypted userinfo is not supported
	CodeAuthUnsupported     = "unsupported_auth_method"  // 503: no client authentication in common with the provider
)

// Denied is a refusal of the host's own, for [LoginHook] and [Accounts]: it matches ErrDenied and has CodeHostRefused. The
// reason goes to the log and the journal, which the tenant's administrators read; the person reads that this application
// refused the sign-in.
func Denied(reason string) error { return denied(CodeHostRefused, reason) }

// hostRefused keeps what the host said for the log.
func hostRefused(reason string, err error) error {
	e := denied(CodeHostRefused, reason)
	e.cause = err
	return e
}

// Error is a refused sign-in. It matches one of ErrRequest, ErrDenied and ErrUnavailable with errors.Is.
//
// Reason is our own sentence for administrators and logs: what was expected, what came. It never holds a token, a
// secret, or text that the provider sent.
type Error struct {
	Code   string
	Reason string

	family error
	cause  error
	// said is what the provider said. It is for the owner who tests a connection, and for nobody else.
	said providerSaid
	// why is the explanation of the provider's guide, nil if it has none; at is where the provider said it.
	why *tenant.GuideError
	at  tenant.ErrorPlace
	// region is where to start again, if in another one.
	region tenant.Region
}

// providerSaid is a provider's own error, cleaned and cut.
type providerSaid struct{ code, description string }

// quoting returns the refusal with what the provider said.
func (e *Error) quoting(code, description string) *Error {
	e.said = providerSaid{code: shownText(code, 100), description: shownText(description, 500)}
	return e
}

// Error implements error.
func (e *Error) Error() string {
	s := e.kind().Error() + ": " + e.Code
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Unwrap gives the family, and the cause where one is safe to inspect.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind()}
	}
	return []error{e.kind(), e.cause}
}

// kind is the family; of an Error that was not made here it is that of our own failures.
func (e *Error) kind() error {
	if e.family == nil {
		return ErrUnavailable
	}
	return e.family
}

// CodeOf returns the stable code of a refused sign-in, CodeInternal for any other error, and "" for nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// statusOf is the one table from error to HTTP status.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrRequest):
		return http.StatusBadRequest
	case errors.Is(err, ErrDenied):
		return http.StatusForbidden
	case errors.Is(err, ErrUnavailable):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

func badRequest(code, reason string) *Error {
	return &Error{Code: code, Reason: reason, family: ErrRequest}
}

func denied(code, reason string) *Error {
	return &Error{Code: code, Reason: reason, family: ErrDenied}
}

func unavailable(code, reason string, cause error) *Error {
	return &Error{Code: code, Reason: reason, family: ErrUnavailable, cause: cause}
}

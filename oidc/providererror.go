package oidc

import (
	"net/http"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// authorizationErrors are the codes of RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6, which alone
// are repeated in our words; a provider's own text never is.
var authorizationErrors = map[string]bool{
	"access_denied": true, "login_required": true, "interaction_required": true, "consent_required": true,
	"account_selection_required": true, "invalid_request": true, "unauthorized_client": true,
	"unsupported_response_type": true, "invalid_scope": true,
}

// setupErrors are those that no person who signs in can help.
var setupErrors = map[string]bool{
	"invalid_request": true, "unauthorized_client": true, "unsupported_response_type": true, "invalid_scope": true,
}

// providerKind is the kind of provider that a connection leads to; its guide explains its errors.
func providerKind(c store.Connection) string {
	if c.Provider != "" {
		return c.Provider
	}
	return tenant.DetectProvider(c.Authority)
}

// explained makes the refusal of an error that the guides know. Its words are the guide's: what the provider wrote goes
// nowhere, since whoever can write to the browser's address can write it.
func explained(why tenant.GuideError) *Error {
	reason := why.Name + ": " + why.What.Text + " " + why.Fix.Text
	var e *Error
	switch why.Kind {
	case tenant.ErrorKindNotAssigned:
		e = denied(CodeUserNotAssigned, reason)
	case tenant.ErrorKindConsent:
		e = denied(CodeConsentMissing, reason)
	case tenant.ErrorKindAccount, tenant.ErrorKindPolicy:
		e = denied(CodeProviderDenied, reason)
	case tenant.ErrorKindSecretExpired:
		e = unavailable(CodeSecretExpired, reason, nil)
	case tenant.ErrorKindClientRejected, tenant.ErrorKindClientAuth:
		e = unavailable(CodeClientRejected, reason, nil)
	default:
		e = unavailable(CodeProviderConfig, reason, nil)
	}
	e.why = &why
	return e
}

// providerError puts an error of the authorization endpoint into our words.
func providerError(c store.Connection, code, description string) error {
	return explainAuthorization(providerKind(c), code, description).quoting(code, description)
}

func explainAuthorization(provider, code, description string) *Error {
	if why, ok := tenant.Explain(provider, tenant.PlaceAuthorization, code, description); ok {
		return explained(why)
	}
	switch {
	case code == "temporarily_unavailable" || code == "server_error":
		return unavailable(CodeProviderDown, "the provider answered "+code, nil)
	case !authorizationErrors[code]:
		return denied(CodeProviderDenied, "the provider answered with an error of its own")
	case setupErrors[code]:
		return unavailable(CodeProviderConfig, "the provider answered "+code, nil)
	case code == "consent_required":
		return denied(CodeConsentMissing, "the provider answered consent_required")
	case code == "login_required" || code == "interaction_required" || code == "account_selection_required":
		return denied(CodeInteractionRequired, "the provider answered "+code+": it would have had to show a page")
	}
	return denied(CodeProviderDenied, "the provider answered "+code)
}

// tokenError puts an error of an endpoint that the client authenticates at into our words (RFC 6749 section 5.2).
func tokenError(req call, status int, doc object) error {
	code, _ := doc.str("error")
	description, _ := doc.str("error_description")
	e := explainToken(providerKind(req.conn), status, code, description, req.what).quoting(code, description)
	e.at = tenant.PlaceToken
	return e
}

func explainToken(provider string, status int, code, description, what string) *Error {
	if why, ok := tenant.Explain(provider, tenant.PlaceToken, code, description); ok {
		return explained(why)
	}
	switch {
	case code == "invalid_client" || code == "unauthorized_client" || code == "" && status == http.StatusUnauthorized:
		return unavailable(CodeClientRejected, "the provider refused the client ID, or its secret or key; has the secret expired?", nil)
	case code == "invalid_grant":
		return denied(CodeCodeRejected, "the provider refused the code")
	case code == "invalid_request" || code == "unsupported_grant_type" || code == "invalid_scope":
		return unavailable(CodeProviderConfig, what+" answered "+code, nil)
	default:
		return unavailable(CodeProviderDown, what+" answered with an error", nil)
	}
}

// clientRefused tells whether the provider refused the application itself.
func clientRefused(err error) bool {
	code := CodeOf(err)
	return code == CodeClientRejected || code == CodeSecretExpired
}

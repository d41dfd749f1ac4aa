package oidc

import (
	"net/http"
	"strings"
)

const maxErrorDescription = 4 << 10 // bytes that are looked at

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

// knownTexts are what providers write into error_description for the mistakes that administrators make most often. A
// match picks our own code and words; the text itself goes nowhere, since whoever can write to the browser's address
// can write it.
var knownTexts = []struct{ text, code, reason string }{
	// Entra, https://learn.microsoft.com/entra/identity-platform/reference-error-codes
	{"AADSTS50105", CodeUserNotAssigned, "Entra: the user is not assigned to the application; add them under Users and groups"},
	{"AADSTS65001", CodeConsentMissing, "Entra: nobody has consented to the application; grant admin consent under API permissions"},
	{"AADSTS65004", CodeConsentMissing, "Entra: the user declined to consent to the application"},
	{"AADSTS90094", CodeConsentMissing, "Entra: an administrator has to grant consent to the application"},
	{"AADSTS7000222", CodeSecretExpired, "Entra: the client secret has expired; make a new one and replace it here"},
	{"AADSTS7000215", CodeClientRejected, "Entra: the client secret is wrong; copy its Value, not its Secret ID"},
	{"AADSTS700016", CodeClientRejected, "Entra: the tenant has no application with this client ID"},
	// Okta
	{"User is not assigned to the client application", CodeUserNotAssigned, "Okta: the user is not assigned to the application; add them under Assignments"},
}

// known finds a description among the known ones.
func known(description string) (code, reason string, ok bool) {
	if len(description) > maxErrorDescription {
		description = description[:maxErrorDescription]
	}
	for _, k := range knownTexts {
		i := strings.Index(description, k.text)
		if i < 0 {
			continue
		}
		rest := description[i+len(k.text):]
		if rest != "" && rest[0] >= '0' && rest[0] <= '9' { // a longer number
			continue
		}
		return k.code, k.reason, true
	}
	return "", "", false
}

// providerError puts an error of the authorization endpoint into our words.
func providerError(code, description string) error {
	return explainAuthorization(code, description).quoting(code, description)
}

func explainAuthorization(code, description string) *Error {
	switch {
	case code == "temporarily_unavailable" || code == "server_error":
		return unavailable(CodeProviderDown, "the provider answered "+code, nil)
	case !authorizationErrors[code]:
		return denied(CodeProviderDenied, "the provider answered with an error of its own")
	case setupErrors[code]:
		return unavailable(CodeProviderConfig, "the provider answered "+code, nil)
	}
	switch ours, reason, ok := known(description); {
	case ok && (ours == CodeUserNotAssigned || ours == CodeConsentMissing):
		return denied(ours, reason)
	case code == "consent_required":
		return denied(CodeConsentMissing, "the provider answered consent_required")
	case code == "login_required" || code == "interaction_required" || code == "account_selection_required":
		return denied(CodeInteractionRequired, "the provider answered "+code+": it would have had to show a page")
	}
	return denied(CodeProviderDenied, "the provider answered "+code)
}

// tokenError puts an error of an endpoint that the client authenticates at into our words (RFC 6749 section 5.2).
func tokenError(status int, doc object, what string) error {
	code, _ := doc.str("error")
	description, _ := doc.str("error_description")
	return explainToken(status, code, description, what).quoting(code, description)
}

func explainToken(status int, code, description, what string) *Error {
	switch {
	case code == "invalid_client" || code == "unauthorized_client" || code == "" && status == http.StatusUnauthorized:
		if ours, reason, ok := known(description); ok && (ours == CodeSecretExpired || ours == CodeClientRejected) {
			return unavailable(ours, reason, nil)
		}
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

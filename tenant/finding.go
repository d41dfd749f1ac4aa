package tenant

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// Severity says what a finding means for what was asked.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // refused until it is changed
	SeverityWarning Severity = "warning" // accepted, worth a look
	SeverityOK      Severity = "ok"      // checked and in order
)

// Finding is one result of a check, the same for the Go API, JSON and HTML.
type Finding struct {
	// Field is the input that the finding is about: a Field… constant.
	Field string
	// Code is stable: a Code… constant.
	Code string
	// Message is for a person: what is wrong and what to do.
	Message string
	// Expected, Got and Suggestion are shown beside the message; each may be empty. None
	// of them ever holds a secret.
	Expected   string
	Got        string
	Suggestion string
	Severity   Severity
}

// The fields that findings name.
const (
	FieldDomains      = "domains"
	FieldAuthority    = "authority"
	FieldIssuer       = "issuer"
	FieldProvider     = "provider"
	FieldClientID     = "client_id"
	FieldClientSecret = "client_secret"
	FieldClientAuth   = "client_auth"
	FieldSecretExpiry = "secret_expires"
	FieldBreakGlass   = "break_glass"
	FieldScopes       = "additional_scopes"
	FieldJustInTime   = "just_in_time"

	FieldJustInTimeAnyDomain = "just_in_time_any_domain"
	FieldEmailVerifiedString = "email_verified_string"
	FieldEmailFallback       = "email_fallback"

	FieldKeyName   = "name"
	FieldKeyScopes = "scopes"
	FieldKeyExpiry = "expires"
	FieldMessage   = "message"

	FieldUserSource = "source"
	FieldUserState  = "state"
	FieldUserSearch = "search"
	FieldUserAfter  = "after"

	FieldAuditNetwork = "network"

	FieldLinkName       = "name"
	FieldLinkEmail      = "email"
	FieldLinkIntents    = "intents"
	FieldLinkOpenWithin = "open_within"
	FieldLinkSessionTTL = "session_ttl"
	FieldLinkMaxOpens   = "max_opens"

	FieldConnection = "name"
	FieldSCIMFields = "scim_fields"

	FieldWebhookURL         = "url"
	FieldWebhookDescription = "description"
	FieldWebhookTypes       = "types"
	FieldWebhookOverlap     = "overlap"
	FieldWebhookReplay      = "after"
)

// Codes of findings about input.
const (
	CodeRequired = "required"
	CodeTooMany  = "too_many"
	CodeTooLong  = "too_long"

	CodeDomainInvalid      = "domain_invalid"
	CodeDomainPublicSuffix = "domain_public_suffix"
	CodeDomainConsumer     = "domain_consumer"
	CodeDomainIsEmail      = "domain_is_email"
	CodeDomainTaken        = "domain_taken"

	CodeAuthorityInvalid     = "authority_invalid"
	CodeAuthorityNotHTTPS    = "authority_not_https"
	CodeAuthoritySAML        = "authority_looks_like_saml"
	CodeAuthorityMultiTenant = "authority_multi_tenant"
	CodeAuthorityOktaAdmin   = "authority_okta_admin"
	CodeAuthorityEndpoint    = "authority_is_endpoint"
	CodeAuthorityPort        = "authority_port"
	CodeAuthorityEntraV1     = "authority_entra_v1"

	// Codes of what does not fit the guide of the provider that the owner chose.
	CodeAuthorityOtherProvider = "authority_other_provider"
	CodeAuthorityPattern       = "authority_pattern"
	CodeAuthorityPlaceholder   = "authority_placeholder"

	CodeClientIDInvalid    = "client_id_invalid"
	CodeClientIDIsTenantID = "client_id_is_tenant_id"
	CodeClientIDFormat     = "client_id_format"
	CodeSecretInvalid      = "client_secret_invalid"
	CodeSecretLooksLikeID  = "client_secret_looks_like_id"
	CodeClientAuthInvalid  = "client_auth_invalid"

	CodeDateInvalid          = "date_invalid"
	CodeSecretExpiredAlready = "secret_expired_already"
	CodeSecretExpiryFar      = "secret_expiry_far"

	CodeEmailInvalid             = "email_invalid"
	CodeBreakGlassDomainMismatch = "break_glass_domain_mismatch"
	CodeBreakGlassEmpty          = "break_glass_empty"
	CodeBreakGlassUnlisted       = "break_glass_unlisted"
	CodeDomainMismatch           = "email_domain_not_allowed"

	CodeScopeInvalid       = "scope_invalid"
	CodeScopeUnknown       = "scope_unknown"
	CodeScopeOfflineAccess = "scope_offline_access"
	CodeScopeUnwanted      = "scope_unwanted"

	CodeNameInvalid  = "name_invalid"
	CodeFieldUnknown = "field_unknown" // a choice about a field that the host does not manage

	CodeFilterInvalid = "filter_invalid"
	CodeCursorInvalid = "cursor_invalid"

	CodeIntentInvalid   = "intent_invalid"
	CodeDurationInvalid = "duration_invalid"
	CodeNumberInvalid   = "number_invalid"

	CodeURLInvalid       = "url_invalid"
	CodeURLNotHTTPS      = "url_not_https"
	CodeURLPrivate       = "url_private"
	CodeURLPort          = "url_port"
	CodeEventTypeUnknown = "event_type_unknown"

	CodeJustInTimeOff       = "just_in_time_off"
	CodeJustInTimeAnyDomain = "just_in_time_any_domain"

	CodeEmailFallback        = "email_fallback"
	CodeEmailFallbackInvalid = "email_fallback_invalid"
	CodeEmailFallbackShared  = "email_fallback_shared"
)

// Codes of the prechecks of [Service.Enforcement].
const (
	CodeBreakGlassUnusable = "break_glass_unusable"
	CodeOwnerNotCovered    = "owner_not_covered"
	CodeSignInsRequired    = "sign_ins_required"
)

// Codes of findings about the provider (R34), made by a [ProviderChecker].
const (
	CodeDiscoveryNotFound     = "discovery_not_found"
	CodeDiscoveryTimeout      = "discovery_timeout"
	CodeDiscoveryInvalidJSON  = "discovery_invalid_json"
	CodeDiscoveryIncomplete   = "discovery_incomplete"
	CodeDiscoveryBlocked      = "discovery_blocked_address"
	CodeDiscoveryRedirect     = "discovery_redirect"
	CodeIssuerMismatch        = "issuer_mismatch"
	CodeUnsupportedAuthMethod = "unsupported_auth_method"
	CodeJWKSUnreachable       = "jwks_unreachable"
	CodeNoUsableKey           = "no_usable_key"
	CodeTLSError              = "tls_error"
)

// Codes of findings about a domain's proof, made by a [DomainValidator].
const (
	CodeDomainProven        = "domain_proven"
	CodeDomainRecordMissing = "domain_record_missing"
	CodeDomainValueDiffers  = "domain_value_differs"
	CodeDomainRecordAtApex  = "domain_record_at_apex"
	CodeDomainRecordDoubled = "domain_record_doubled"
	CodeDomainDNSError      = "domain_dns_error"
	CodeDomainDNSTimeout    = "domain_dns_timeout"
	CodeDomainFileMissing   = "domain_file_missing"
	CodeDomainFileDiffers   = "domain_file_differs"
	CodeDomainUnreachable   = "domain_unreachable"
	CodeDomainAwaitsStaff   = "domain_awaits_staff"

	CodeDomainSearchEnded = "domain_search_ended" // the background gave up looking for the proof
	CodeDomainLost        = "domain_lost"         // the proof of a proven domain is missing
	CodeDomainWithdrawn   = "domain_withdrawn"    // it counts as proven no longer
)

// ValidationError says that input was refused. HTTP answers 422 with its findings.
type ValidationError struct {
	// Findings holds at least one of [SeverityError], and warnings beside it.
	Findings []Finding
}

// Refusals are the findings that refuse: the first is what to show where there is room for one.
func (e *ValidationError) Refusals() []Finding {
	return slices.DeleteFunc(slices.Clone(e.Findings), func(f Finding) bool { return f.Severity != SeverityError })
}

// Error lists the refusals' fields and codes; messages are for people and stay in
// Findings.
func (e *ValidationError) Error() string {
	var parts []string
	for _, f := range e.Refusals() {
		parts = append(parts, f.Field+": "+f.Code)
	}
	return "tenant: input refused: " + strings.Join(parts, ", ")
}

// refuse returns a *ValidationError if the findings hold an error, else nil.
func refuse(findings []Finding) error {
	if hasError(findings) {
		return &ValidationError{Findings: findings}
	}
	return nil
}

func hasError(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == SeverityError })
}

func errorFinding(field, code, format string, args ...any) Finding {
	return Finding{Field: field, Code: code, Severity: SeverityError, Message: fmt.Sprintf(format, args...)}
}

func warning(field, code, format string, args ...any) Finding {
	return Finding{Field: field, Code: code, Severity: SeverityWarning, Message: fmt.Sprintf(format, args...)}
}

// suggest returns the finding with a suggestion.
func (f Finding) suggest(s string) Finding {
	f.Suggestion = s
	return f
}

func (f Finding) got(s string) Finding {
	f.Got = s
	return f
}

// result is the finding as a record keeps it.
func (f Finding) result() store.CheckResult {
	return store.CheckResult{
		Field: f.Field, Code: f.Code, Severity: string(f.Severity), Message: f.Message,
		Expected: f.Expected, Got: f.Got, Suggestion: f.Suggestion,
	}
}

func results(findings []Finding) []store.CheckResult {
	out := make([]store.CheckResult, len(findings))
	for i, f := range findings {
		out[i] = f.result()
	}
	return out
}

// shown makes what somebody typed, or a foreign server sent, fit to stand in a
// message: one line, bounded, without control characters.
func shown(s string) string { return clipped(s, 100) }

// clipped replaces characters that disturb a page or a log, and cuts what has more than most characters.
func clipped(s string, most int) string {
	if len(s) > most*utf8.UTFMax {
		s = s[:most*utf8.UTFMax] // more than most characters, of which the last may be broken
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

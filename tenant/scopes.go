package tenant

import "slices"

const (
	maxScopes      = 20
	maxScopeLength = 128 // bytes
)

// DefaultScopes are asked for at every sign-in; openid can't be removed.
func DefaultScopes() []string { return []string{"openid", "profile", "email"} }

// Scopes returns what a sign-in asks for: the defaults, then the additional ones that
// are not among them, in order.
func Scopes(additional []string) []string {
	scopes := DefaultScopes()
	for _, s := range additional {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// ParseScopes reads additional scopes (R53), separated by commas or white space, in the
// token grammar of RFC 6749 section 3.3. Order is kept, duplicates (compared with
// case) are dropped; naming a default scope again is no error.
func ParseScopes(texts ...string) ([]string, []Finding) {
	var scopes []string
	var findings []Finding
	entries, finding := splitList(FieldScopes, texts)
	if finding != nil {
		return nil, []Finding{*finding}
	}
	for _, entry := range entries {
		switch {
		case len(entry) > maxScopeLength || !isScopeToken(entry):
			findings = append(findings, errorFinding(FieldScopes, CodeScopeInvalid, "%s is not a scope. A scope has letters, digits and punctuation, but no quotes or backslashes, and at most %d characters.", shown(entry), maxScopeLength).got(shown(entry)))
		case !slices.Contains(scopes, entry):
			scopes = append(scopes, entry)
			if entry == "offline_access" {
				findings = append(findings, warning(FieldScopes, CodeScopeOfflineAccess, "offline_access asks the provider for a refresh token. Some providers refuse it, and it may need an administrator's consent.").got(entry))
			}
		}
		if len(scopes) > maxScopes || len(findings) > maxScopes {
			return nil, []Finding{errorFinding(FieldScopes, CodeTooMany, "At most %d additional scopes are possible.", maxScopes)}
		}
	}
	return scopes, findings
}

// isScopeToken reports whether s is a scope-token: %x21 / %x23-5B / %x5D-7E.
func isScopeToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

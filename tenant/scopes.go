package tenant

import "slices"

const (
	maxScopes      = 20
	maxScopeLength = 128 // bytes

	scopeOfflineAccess = "offline_access"
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
			if entry == scopeOfflineAccess {
				findings = append(findings, warning(FieldScopes, CodeScopeOfflineAccess, "offline_access asks the provider for a refresh token. Some providers refuse it, and it may need an administrator's consent.").got(entry))
			}
		}
		if len(scopes) > maxScopes || len(findings) > maxScopes {
			return nil, []Finding{errorFinding(FieldScopes, CodeTooMany, "At most %d additional scopes are possible.", maxScopes)}
		}
	}
	return scopes, findings
}

// CheckScopes warns of additional scopes that lead to trouble at this provider.
func (g Guide) CheckScopes(scopes []string) []Finding {
	var found []Finding
	for _, unwanted := range g.Scopes.Unwanted {
		if !slices.Contains(scopes, unwanted.Scope) {
			continue
		}
		code := CodeScopeUnwanted
		if unwanted.Scope == scopeOfflineAccess {
			code = CodeScopeOfflineAccess
		}
		found = append(found, warning(FieldScopes, code, "%s", unwanted.Note.Text).got(unwanted.Scope))
	}
	return found
}

// parseScopes reads scopes and warns as the provider's guide says, which speaks of offline_access itself.
func (g Guide) parseScopes(texts ...string) ([]string, []Finding) {
	scopes, found := ParseScopes(texts...)
	own := g.CheckScopes(scopes)
	found = slices.DeleteFunc(found, func(f Finding) bool {
		return f.Code == CodeScopeOfflineAccess && slices.ContainsFunc(own, func(o Finding) bool { return o.Code == f.Code })
	})
	return scopes, append(found, own...)
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

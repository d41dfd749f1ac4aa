package tenant

import (
	"strings"
)

const (
	maxClientID     = 256  // bytes
	maxClientSecret = 4096 // bytes
)

// The ways in which we authenticate at a provider's token endpoint.
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
	ClientAuthNone    = "none" // a public client, protected by PKCE alone
	// ClientPrivateKeyJWT needs no secret: the application signs with a key of its own.
	ClientPrivateKeyJWT = "private_key_jwt"
)

// ParseClientID reads the client ID that a provider gave (R35), trimmed. The authority,
// if known, tells which provider's classic mistakes to look for; those are warnings.
func ParseClientID(raw, authority string) (string, []Finding) {
	id := strings.TrimSpace(raw)
	switch {
	case id == "":
		return "", []Finding{errorFinding(FieldClientID, CodeRequired, "Give the client ID of your provider's application.")}
	case len(id) > maxClientID:
		return "", []Finding{errorFinding(FieldClientID, CodeClientIDInvalid, "The client ID has more than %d characters.", maxClientID).got(shown(id))}
	case !visibleASCII(id):
		return "", []Finding{errorFinding(FieldClientID, CodeClientIDInvalid, "The client ID has a space, a line break or another character that client IDs don't have. Copy it alone.").got(shown(id))}
	}
	f := warning(FieldClientID, CodeClientIDFormat, "").got(shown(id))
	switch DetectProvider(authority) {
	case ProviderEntra:
		if strings.EqualFold(id, entraTenant(authority)) {
			f.Code = CodeClientIDIsTenantID
			f.Message = "This is the directory (tenant) ID that the authority names. The client ID is called Application (client) ID."
			return id, []Finding{f}
		}
		if !guid.MatchString(id) {
			f.Message, f.Expected = "Entra's client IDs are GUIDs. Copy the Application (client) ID.", "00000000-0000-0000-0000-000000000000"
			return id, []Finding{f}
		}
	case ProviderGoogle:
		if !strings.HasSuffix(id, ".apps.googleusercontent.com") {
			f.Message, f.Expected = "Google's client IDs end in .apps.googleusercontent.com.", "….apps.googleusercontent.com"
			return id, []Finding{f}
		}
	case ProviderOkta:
		if !strings.HasPrefix(id, "0oa") {
			f.Message, f.Expected = "Okta's client IDs begin with 0oa.", "0oa…"
			return id, []Finding{f}
		}
	}
	return id, nil
}

// ParseClientSecret reads a client secret (R36), trimmed. What it finds never holds
// the secret.
func ParseClientSecret(raw Secret, clientID, authority string) (Secret, []Finding) {
	value := strings.TrimSpace(raw.Reveal())
	switch {
	case value == "":
		return Secret{}, []Finding{errorFinding(FieldClientSecret, CodeRequired, "Give the client secret of your provider's application.")}
	case len(value) > maxClientSecret:
		return Secret{}, []Finding{errorFinding(FieldClientSecret, CodeSecretInvalid, "The client secret has more than %d characters.", maxClientSecret)}
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) || strings.ContainsAny(value, " \u00a0\u2028\u2029"):
		return Secret{}, []Finding{errorFinding(FieldClientSecret, CodeSecretInvalid, "The client secret has a space or a line break inside. Copy it alone.")}
	case value == clientID:
		return NewSecret(value), []Finding{warning(FieldClientSecret, CodeSecretLooksLikeID, "This is the client ID. Copy the client secret.")}
	case DetectProvider(authority) == ProviderEntra && guid.MatchString(value):
		return NewSecret(value), []Finding{warning(FieldClientSecret, CodeSecretLooksLikeID, "This looks like the Secret ID. Entra shows two columns: copy the Value.")}
	}
	return NewSecret(value), nil
}

// parseClientAuth reads the way of authenticating; empty lets the provider's metadata
// decide.
func parseClientAuth(raw string) (string, []Finding) {
	switch v := strings.TrimSpace(raw); v {
	case "", ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientAuthNone:
		return v, nil
	default:
		f := errorFinding(FieldClientAuth, CodeClientAuthInvalid, "Choose how the client authenticates: with the secret in a header, in the body, with a signature, or without a secret.")
		f.Expected = strings.Join([]string{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientAuthNone}, ", ")
		return "", []Finding{f.got(shown(v))}
	}
}

// needsSecret says whether a way of authenticating uses the client secret. One that is
// not known yet does.
func needsSecret(clientAuth string) bool {
	return clientAuth != ClientAuthNone && clientAuth != ClientPrivateKeyJWT
}

func visibleASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

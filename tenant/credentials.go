package tenant

import (
	"slices"
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
// if known, tells which provider's classic mistakes to look for, by its [Guide]; those are warnings.
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
	guide := guideOf(DetectProvider(authority)).ClientID
	switch {
	case strings.EqualFold(id, entraTenant(authority)):
		return id, []Finding{warning(FieldClientID, CodeClientIDIsTenantID, "%s", guide.MistakenHint.Text).got(shown(id))}
	case !guide.Format.Fits(id):
		f := warning(FieldClientID, CodeClientIDFormat, "%s", guide.Hint.Text).got(shown(id))
		f.Expected = guide.Format.Expected
		return id, []Finding{f}
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
	}
	if guide := guideOf(DetectProvider(authority)).ClientSecret; !guide.Mistaken.IsZero() && guide.Mistaken.Fits(value) {
		return NewSecret(value), []Finding{warning(FieldClientSecret, CodeSecretLooksLikeID, "%s", guide.MistakenHint.Text)}
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

// CheckClientAuth warns of a way of authenticating that this provider does not have. Empty is left to the check of the
// provider.
func (g Guide) CheckClientAuth(method string) []Finding {
	if method == "" || slices.Contains(g.ClientAuth.Supported, method) {
		return nil
	}
	f := warning(FieldClientAuth, CodeUnsupportedAuthMethod, "%s has no such client authentication. %s", g.Name, g.ClientAuth.Note.Text).got(method)
	f.Expected = strings.Join(g.ClientAuth.Supported, ", ")
	return []Finding{f}
}

// RecommendedClientAuth is how a new connection at a kind of provider authenticates where the provider's metadata offers
// it, by its [Guide]: providers list ways that an application is not set up for (R22). Empty if there is none to prefer.
func RecommendedClientAuth(provider string) string { return guideOf(provider).ClientAuth.Recommended }

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

package oidc

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// tokenForm is what a kind of token looks like from outside. The same keys sign all kinds (RFC 8725 section 3.11).
type tokenForm struct {
	name     string
	maxBytes int
	types    []string // values of typ, in lower case; none at all is allowed too
}

var (
	idTokenForm     = tokenForm{name: "ID token", maxBytes: 128 << 10, types: []string{"jwt"}} // an Entra token with 200 groups has 10 KiB
	userinfoForm    = tokenForm{name: "userinfo response", maxBytes: 128 << 10, types: []string{"jwt"}}
	logoutTokenForm = tokenForm{name: "logout token", maxBytes: 16 << 10, types: []string{"jwt", "logout+jwt"}}
)

// unverified is a token that was taken apart. Nothing of it is proven.
type unverified struct {
	header     object
	alg, keyID string
	claims     object
	// input is what the signature is over, byte by byte as it came (RFC 7515 section 5.2).
	input     string
	signature []byte
}

// parseToken refuses what must never be looked at any further: wrong shape, and JSON that others read otherwise.
func parseToken(raw string, form tokenForm) (unverified, error) {
	bad := func(reason string) (unverified, error) {
		return unverified{}, denied(CodeTokenInvalid, fmt.Sprintf("the %s %s", form.name, reason))
	}
	if len(raw) > form.maxBytes {
		return bad(fmt.Sprintf("is larger than %d bytes", form.maxBytes))
	}
	parts := strings.Split(raw, ".")
	if len(parts) == 5 {
		return unverified{}, denied(CodeTokenEncrypted, "the "+form.name+" is encrypted; switch encryption off for this application at the provider")
	}
	if len(parts) != 3 || strings.IndexByte(raw, '\n') >= 0 || strings.IndexByte(raw, '\r') >= 0 { // which the decoder of base64 skips
		return bad("is not in JWS compact form")
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return bad("has a header that is not base64url")
	}
	t := unverified{input: raw[:len(parts[0])+1+len(parts[1])]}
	if t.header, err = parseObject(head); err != nil {
		return bad("has a header that is no JSON object")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return bad("has a payload that is not base64url")
	}
	if t.claims, err = parseObject(payload); err != nil {
		return bad("has a payload that is no JSON object with members of different names")
	}
	if t.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return bad("has a signature that is not base64url")
	}
	t.alg, _ = t.header.str("alg")
	if id, given := t.header.str("kid"); given || !t.header.has("kid") {
		t.keyID = id
	} else {
		return bad("has a kid that is no text")
	}
	return t, nil
}

// checkHeader refuses wrong types of tokens, wrong algorithms, and headers that bring their own keys or rules.
func (t unverified) checkHeader(alg string, form tokenForm) error {
	if t.alg != alg || alg == "" {
		return denied(CodeTokenInvalid, fmt.Sprintf("the %s is not signed with %s", form.name, alg))
	}
	if typ, given := t.header.str("typ"); t.header.has("typ") && (!given || !slices.Contains(form.types, strings.ToLower(typ))) {
		return denied(CodeTokenInvalid, "the token's typ says that it is no "+form.name)
	}
	for _, name := range []string{"crit", "b64", "jwk", "jku", "x5u"} {
		if t.header.has(name) {
			return denied(CodeTokenInvalid, "the "+form.name+"'s header has "+name+", which is not accepted")
		}
	}
	return nil
}

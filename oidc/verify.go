package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
)

const (
	maxIDTokenBytes = 128 << 10 // an Entra token with 200 groups has 10 KiB

	// DefaultClockSkew is how far a provider's clock may be off where Config.ClockSkew is zero.
	DefaultClockSkew = 30 * time.Second
	// MaxClockSkew is the most that Config.ClockSkew may allow.
	MaxClockSkew = 60 * time.Second
)

// verifier checks ID tokens (OpenID Connect Core section 3.1.3.7).
type verifier struct {
	keys *keyCache
	now  func() time.Time
	skew time.Duration
}

// expectation is what one ID token must say.
type expectation struct {
	issuer      string
	clientID    string
	jwksURI     string
	alg         string // the one algorithm pinned for the connection
	nonce       string // never empty at a sign-in
	accessToken string // for at_hash
	// trusts tells whether a further audience beside the client is trusted. Nil trusts none.
	trusts func(audience string) bool
}

// errUnavailableKeys marks that the key set could not be had: the provider's fault, not the token's.
var errUnavailableKeys = errors.New("the provider's keys could not be fetched")

// verify checks a raw ID token completely and returns its claims.
func (v *verifier) verify(ctx context.Context, raw string, want expectation) (*claimSet, error) {
	if want.nonce == "" || want.issuer == "" || want.clientID == "" {
		return nil, unavailable(CodeInternal, "the sign-in lacks what a token is compared with", nil)
	}
	if err := checkForm(raw, want.alg); err != nil {
		return nil, err
	}
	keys := &recordingKeys{pinned: pinned{cache: v.keys, url: want.jwksURI, alg: want.alg}}
	claims, err := v.guarded(ctx, raw, want, keys)
	if err != nil {
		if f, ok := errors.AsType[*failure](keys.err); ok {
			return nil, unavailable(CodeProviderDown, f.code+": "+f.reason, errUnavailableKeys)
		}
		return nil, denied(CodeTokenInvalid, reasonOf(err))
	}
	if err := v.times(claims); err != nil {
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	if err := checkParties(claims, want); err != nil {
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	if claims.atHash != "" {
		if err := checkAccessTokenHash(want.accessToken, claims.atHash, claims.alg); err != nil {
			return nil, denied(CodeTokenInvalid, "at_hash does not belong to the access token")
		}
	}
	return claims, nil
}

// recordingKeys remembers why keys could not be had, which the library's own error hides.
type recordingKeys struct {
	pinned
	err error
}

func (k *recordingKeys) VerifySignature(ctx context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	payload, err := k.pinned.VerifySignature(ctx, jws)
	k.err = err
	return payload, err
}

// guarded calls the library under recover: a panic in it must cost one sign-in, not a process.
func (v *verifier) guarded(ctx context.Context, raw string, want expectation, keys zoidc.KeySet) (set *claimSet, err error) {
	defer func() {
		if r := recover(); r != nil {
			set, err = nil, errors.New("the token could not be read")
		}
	}()
	claims, err := rp.VerifyIDToken[idClaims](ctx, raw, &rp.IDTokenVerifier{
		Issuer:            want.issuer,
		ClientID:          want.clientID,
		SupportedSignAlgs: []string{want.alg},
		KeySet:            keys,
		Nonce:             func(context.Context) string { return want.nonce },
		AZP:               zoidc.DefaultAZPVerifier(want.clientID),
	})
	if err != nil {
		return nil, err
	}
	return claims.set, nil
}

// checkForm refuses what must never reach the library: wrong shape, wrong type of token, wrong algorithm.
func checkForm(raw, alg string) error {
	if len(raw) > maxIDTokenBytes {
		return denied(CodeTokenInvalid, fmt.Sprintf("the ID token is larger than %d bytes", maxIDTokenBytes))
	}
	parts := strings.Split(raw, ".")
	if len(parts) == 5 {
		return denied(CodeTokenEncrypted, "the ID token is encrypted; switch encryption off for this application at the provider")
	}
	if len(parts) != 3 {
		return denied(CodeTokenInvalid, "expected an ID token in JWS compact form")
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return denied(CodeTokenInvalid, "the ID token's header is not base64url")
	}
	header, err := parseObject(head)
	if err != nil {
		return denied(CodeTokenInvalid, "the ID token's header is no JSON object")
	}
	if got, _ := header.str("alg"); got != alg {
		return denied(CodeTokenInvalid, fmt.Sprintf("expected an ID token signed with %s", alg))
	}
	// Other kinds of tokens are signed with the same keys: logout+jwt, at+jwt, secevent+jwt (RFC 8725 section 3.11).
	if typ, given := header.str("typ"); header.has("typ") && (!given || !strings.EqualFold(typ, "JWT")) {
		return denied(CodeTokenInvalid, "the token's typ says that it is no ID token")
	}
	for _, name := range []string{"crit", "b64", "jwk", "jku", "x5u"} {
		if header.has(name) {
			return denied(CodeTokenInvalid, "the ID token's header has "+name+", which is not accepted")
		}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return denied(CodeTokenInvalid, "the ID token's payload is not base64url")
	}
	if _, err := parseObject(payload); err != nil {
		return denied(CodeTokenInvalid, "the ID token's payload is no JSON object with members of different names")
	}
	return nil
}

// times checks exp, iat and nbf with the same allowance on both sides.
func (v *verifier) times(c *claimSet) error {
	now := v.now()
	switch {
	case c.expires.IsZero():
		return errors.New("exp is missing")
	case !now.Before(c.expires.Add(v.skew)):
		return errors.New("the ID token has expired; are the clocks right?")
	case c.issued.IsZero():
		return errors.New("iat is missing")
	case c.issued.After(now.Add(v.skew)):
		return errors.New("the ID token was issued in the future; are the clocks right?")
	case c.hasNotBefore && c.notBefore.After(now.Add(v.skew)):
		return errors.New("the ID token is not valid yet; are the clocks right?")
	}
	return nil
}

// checkParties checks who the token is about and who it is for, beyond what the library does.
func checkParties(c *claimSet, want expectation) error {
	switch {
	case len(c.subject) > maxSubjectBytes:
		return fmt.Errorf("sub is longer than %d bytes", maxSubjectBytes)
	case !utf8.ValidString(c.subject) || strings.ContainsRune(c.subject, 0) || strings.ContainsRune(c.subject, utf8.RuneError):
		return errors.New("sub is not valid text")
	case subtle.ConstantTimeCompare([]byte(c.nonce), []byte(want.nonce)) != 1:
		return errors.New("nonce differs")
	case c.issuer != want.issuer:
		return errors.New("iss differs")
	case !slices.Contains(c.audience, want.clientID):
		return errors.New("aud does not name this client")
	}
	for _, aud := range c.audience {
		if aud != want.clientID && (want.trusts == nil || !want.trusts(aud)) {
			return errors.New("aud names a further audience that is not trusted")
		}
	}
	return nil
}

func checkAccessTokenHash(accessToken, hash string, alg jose.SignatureAlgorithm) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("hash failed")
		}
	}()
	if accessToken == "" {
		return errors.New("no access token")
	}
	return rp.VerifyAccessToken(accessToken, hash, alg)
}

// reasonOf puts the library's refusals into our own words: its errors quote the token.
func reasonOf(err error) string {
	for _, r := range []struct {
		err    error
		reason string
	}{
		{zoidc.ErrSubjectMissing, "sub is missing"},
		{zoidc.ErrIssuerInvalid, "iss is not the issuer of this connection"},
		{zoidc.ErrAudience, "aud does not name this client"},
		{zoidc.ErrAzpMissing, "azp is missing although there are several audiences"},
		{zoidc.ErrAzpInvalid, "azp names another client"},
		{zoidc.ErrSignatureUnsupportedAlg, "the signature algorithm is not the one of this connection"},
		{zoidc.ErrSignatureInvalid, "the signature does not fit any key of the provider"},
		{zoidc.ErrExpired, "exp is missing"},
		{zoidc.ErrIatMissing, "iat is missing"},
		{zoidc.ErrNonceInvalid, "nonce is not the one that was sent"},
	} {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return "the ID token is malformed"
}

package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// DefaultClockSkew is how far a provider's clock may be off where Config.ClockSkew is zero.
	DefaultClockSkew = 30 * time.Second
	// MaxClockSkew is the most that Config.ClockSkew may allow.
	MaxClockSkew = 60 * time.Second
)

// verifier checks ID tokens (OpenID Connect Core section 3.1.3.7) and logout tokens (see verifyLogout).
type verifier struct {
	keys *keyCache
	now  func() time.Time
	skew time.Duration
}

// expectation is what one token must say.
type expectation struct {
	issuer      string
	clientID    string
	jwksURI     string
	alg         string // the one algorithm pinned for the connection
	nonce       string // never empty at a sign-in, empty for a logout token and a userinfo response
	accessToken string // for at_hash
	// refresh lets nonce be absent: an ID token that came for a refresh token need not have it (OpenID Connect Core
	// section 12.2).
	refresh bool
	// trusts tells whether a further audience beside the client is trusted. Nil trusts none.
	trusts func(audience string) bool
}

// errUnavailableKeys marks that the key set could not be had: the provider's fault, not the token's.
var errUnavailableKeys = errors.New("the provider's keys could not be fetched")

// verify checks a raw ID token completely and returns its claims.
func (v *verifier) verify(ctx context.Context, raw string, want expectation) (*claimSet, error) {
	if want.nonce == "" && !want.refresh || want.issuer == "" || want.clientID == "" {
		return nil, unavailable(CodeInternal, "the sign-in lacks what a token is compared with", nil)
	}
	t, err := parseToken(raw, idTokenForm)
	if err == nil {
		err = t.checkHeader(want.alg, idTokenForm)
	}
	if err != nil {
		return nil, err
	}
	if err := v.signed(ctx, t, want, signIn); err != nil {
		return nil, err
	}
	claims, err := readClaims(t.claims)
	if err != nil {
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	claims.keyID = t.keyID
	if err := v.times(claims); err != nil {
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	if err := checkParties(claims, want); err != nil {
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	if claims.atHash != "" && !isHashOf(want.accessToken, claims.atHash, want.alg) {
		return nil, denied(CodeTokenInvalid, "at_hash does not belong to the access token")
	}
	return claims, nil
}

// signed checks the signature, by the connection's algorithm and keys.
func (v *verifier) signed(ctx context.Context, t unverified, want expectation, by asker) error {
	err := pinned{cache: v.keys, url: want.jwksURI, alg: want.alg, asker: by}.verify(ctx, t)
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return unavailable(CodeProviderDown, f.code+": "+f.reason, errUnavailableKeys)
	}
	return denied(CodeTokenInvalid, "the signature does not fit any key of the provider")
}

// times checks exp, iat and nbf with the same allowance on both sides.
func (v *verifier) times(c *claimSet) error {
	now := v.now()
	switch {
	case c.expires.IsZero():
		return errors.New("exp is missing")
	case !now.Before(c.expires.Add(v.skew)):
		return errors.New("the token has expired; are the clocks right?")
	case c.issued.IsZero():
		return errors.New("iat is missing")
	case c.issued.After(now.Add(v.skew)):
		return errors.New("the token was issued in the future; are the clocks right?")
	case c.hasNotBefore && c.notBefore.After(now.Add(v.skew)):
		return errors.New("the token is not valid yet; are the clocks right?")
	}
	return nil
}

// checkParties checks who the token is about and who it is for.
func checkParties(c *claimSet, want expectation) error {
	optional := want.refresh && !c.obj.has("nonce")
	if !optional && subtle.ConstantTimeCompare([]byte(c.nonce), []byte(want.nonce)) != 1 {
		return errors.New("nonce is not the one that was sent")
	}
	if c.subject == "" {
		return errors.New("sub is missing")
	}
	if err := checkName("sub", c.subject); err != nil {
		return err
	}
	if err := checkAudience(c, want); err != nil {
		return err
	}
	switch {
	case c.azp == "" && len(c.audience) > 1:
		return errors.New("azp is missing although there are several audiences")
	case (c.azp != "" || c.obj.has("azp")) && c.azp != want.clientID:
		return errors.New("azp names another client")
	}
	return nil
}

// checkName checks a value that the provider names a person or a session with.
func checkName(claim, value string) error {
	switch {
	case len(value) > maxSubjectBytes:
		return fmt.Errorf("%s is longer than %d bytes", claim, maxSubjectBytes)
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0) || strings.ContainsRune(value, utf8.RuneError):
		return fmt.Errorf("%s is not valid text", claim)
	}
	return nil
}

// checkAudience checks who made the token and for whom.
func checkAudience(c *claimSet, want expectation) error {
	if c.issuer != want.issuer {
		return errors.New("iss differs")
	}
	if !slices.Contains(c.audience, want.clientID) {
		return errors.New("aud does not name this client")
	}
	for _, aud := range c.audience {
		if aud != want.clientID && (want.trusts == nil || !want.trusts(aud)) {
			return errors.New("aud names a further audience that is not trusted")
		}
	}
	return nil
}

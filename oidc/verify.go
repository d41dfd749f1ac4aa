package oidc

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
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
	keys := &recordingKeys{pinned: pinned{cache: v.keys, url: want.jwksURI, alg: want.alg}}
	claims, err := v.signed(ctx, raw, t, want, keys)
	if err != nil {
		if down := keys.unavailable(); down != nil {
			return nil, down
		}
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	if err := v.times(claims); err != nil {
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	if err := checkParties(claims, want); err != nil {
		return nil, denied(CodeTokenInvalid, err.Error())
	}
	if claims.atHash != "" {
		if err := checkAccessTokenHash(want.accessToken, claims.atHash, want.alg); err != nil {
			return nil, denied(CodeTokenInvalid, "at_hash does not belong to the access token")
		}
	}
	return claims, nil
}

// signed checks the signature and reads the claims that it is over.
func (v *verifier) signed(ctx context.Context, raw string, t unverified, want expectation, keys *recordingKeys) (*claimSet, error) {
	payload, err := guardedSignature(ctx, raw, want.alg, keys)
	if err != nil || !bytes.Equal(payload, t.payload) {
		return nil, errors.New("the signature does not fit any key of the provider")
	}
	claims, err := readClaims(t.claims)
	if err == nil {
		claims.keyID, _ = t.header.str("kid")
	}
	return claims, err
}

// guardedSignature returns the payload that was signed. It calls the library under recover: a panic in it must cost one
// sign-in, not a process.
func guardedSignature(ctx context.Context, raw, alg string, keys *recordingKeys) (payload []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			payload, err = nil, errors.New("the token could not be read")
		}
	}()
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return nil, err
	}
	return keys.VerifySignature(ctx, jws)
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

// unavailable is why the keys could not be had, nil if they could.
func (k *recordingKeys) unavailable() error {
	if f, ok := errors.AsType[*failure](k.err); ok {
		return unavailable(CodeProviderDown, f.code+": "+f.reason, errUnavailableKeys)
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

func checkAccessTokenHash(accessToken, hash, alg string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("hash failed")
		}
	}()
	if accessToken == "" {
		return errors.New("no access token")
	}
	return rp.VerifyAccessToken(accessToken, hash, jose.SignatureAlgorithm(alg))
}

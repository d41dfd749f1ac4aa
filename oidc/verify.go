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

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
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
	claims, err := v.guarded(ctx, raw, want, keys)
	if err != nil {
		if down := keys.unavailable(); down != nil {
			return nil, down
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

// unavailable is why the keys could not be had, nil if they could.
func (k *recordingKeys) unavailable() error {
	if f, ok := errors.AsType[*failure](k.err); ok {
		return unavailable(CodeProviderDown, f.code+": "+f.reason, errUnavailableKeys)
	}
	return nil
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
		Nonce:             nil, // checkParties does
		AZP:               zoidc.DefaultAZPVerifier(want.clientID),
	})
	if err != nil {
		return nil, err
	}
	return claims.set, nil
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

// checkParties checks who the token is about and who it is for, beyond what the library does.
func checkParties(c *claimSet, want expectation) error {
	optional := want.refresh && !c.obj.has("nonce")
	if !optional && subtle.ConstantTimeCompare([]byte(c.nonce), []byte(want.nonce)) != 1 {
		return errors.New("nonce is not the one that was sent")
	}
	if err := checkName("sub", c.subject); err != nil {
		return err
	}
	return checkAudience(c, want)
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
	} {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return "the ID token is malformed"
}

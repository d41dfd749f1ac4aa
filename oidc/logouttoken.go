package oidc

import (
	"context"
	"errors"
	"time"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	maxTokenID  = 1 << 10 // bytes of jti
	// maxLogoutAge ends a logout token's life whatever its exp says, and with it that of the row that remembers it.
	maxLogoutAge = 24 * time.Hour
)

// logoutClaims is what a logout token says: whose session, or which one, is over.
type logoutClaims struct {
	subject, sessionID, tokenID string
	// issued is the token's iat.
	issued time.Time
	// until is when the token can't be used any more, but for the clocks' difference.
	until time.Time
}

// verifyLogout checks a logout token completely (OpenID Connect Back-Channel Logout 1.0 section 2.6). Anybody may send
// one: the claims are looked at before keys are asked for. They are those that the signature is over.
func (v *verifier) verifyLogout(ctx context.Context, raw string, want expectation) (logoutClaims, error) {
	if want.issuer == "" || want.clientID == "" || want.nonce != "" {
		return logoutClaims{}, unavailable(CodeInternal, "the logout lacks what a token is compared with", nil)
	}
	t, err := parseToken(raw, logoutTokenForm)
	if err == nil {
		err = t.checkHeader(want.alg, logoutTokenForm)
	}
	if err != nil {
		return logoutClaims{}, err
	}
	claims, err := v.readLogout(t.claims, want)
	if err != nil {
		return logoutClaims{}, denied(CodeTokenInvalid, err.Error())
	}
	if err := v.signed(ctx, t, want, stranger); err != nil {
		return logoutClaims{}, err
	}
	return claims, nil
}

// readLogout reads the claims and checks all of them.
func (v *verifier) readLogout(obj object, want expectation) (logoutClaims, error) {
	set, err := readClaims(obj)
	if err != nil {
		return logoutClaims{}, err
	}
	if err := checkAudience(set, want); err != nil {
		return logoutClaims{}, err
	}
	if err := v.times(set); err != nil {
		return logoutClaims{}, err
	}
	if !v.now().Before(set.issued.Add(maxLogoutAge + v.skew)) {
		return logoutClaims{}, errors.New("the token was issued more than a day ago")
	}
	if obj.has("nonce") {
		return logoutClaims{}, errors.New("a logout token must not have a nonce; is this an ID token?")
	}
	if err := checkLogoutEvent(obj); err != nil {
		return logoutClaims{}, err
	}
	claims := logoutClaims{issued: set.issued, until: set.expires}
	if latest := set.issued.Add(maxLogoutAge); claims.until.After(latest) {
		claims.until = latest
	}
	var given bool
	if claims.tokenID, given = obj.str("jti"); !given || claims.tokenID == "" || len(claims.tokenID) > maxTokenID {
		return logoutClaims{}, errors.New("jti must be a short string")
	}
	return claims, claims.readWho(obj)
}

// readWho reads sub and sid, of which there is at least one.
func (c *logoutClaims) readWho(obj object) error {
	if !obj.has("sub") && !obj.has("sid") {
		return errors.New("neither sub nor sid is there")
	}
	for name, to := range map[string]*string{"sub": &c.subject, "sid": &c.sessionID} {
		if !obj.has(name) {
			continue
		}
		value, ok := obj.str(name)
		if !ok || value == "" {
			return errors.New(name + " must be a string that is not empty")
		}
		if err := checkName(name, value); err != nil {
			return err
		}
		*to = value
	}
	return nil
}

// checkLogoutEvent looks for the event whose value is an object, which may have members.
func checkLogoutEvent(obj object) error {
	events, err := parseObject(obj.get("events"))
	if err != nil {
		return errors.New("events must be a JSON object")
	}
	if _, err := parseObject(events.get(logoutEvent)); err != nil {
		return errors.New("events must have the back-channel logout event, whose value is a JSON object")
	}
	return nil
}

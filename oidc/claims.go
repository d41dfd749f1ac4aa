package oidc

import (
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// idClaims is what zitadel/oidc decodes an ID token into. It is a value with a pointer inside: a payload of null would
// make the library dereference a nil pointer before it has checked the signature. Decoding is our own (see object),
// because encoding/json matches names without case and lets the last of two members win.
//
// The time methods answer the library with values that always pass where the claim is there: its clock can't be set
// and its offset makes tokens expire early. verifier.times does these checks.
type idClaims struct{ set *claimSet }

type claimSet struct {
	obj      object
	audience []string
	alg      jose.SignatureAlgorithm

	issuer, subject, nonce, azp, atHash, acr string

	expires, issued, notBefore, authTime time.Time
	hasNotBefore                         bool
}

const (
	maxAudiences    = 16
	maxSubjectBytes = 255 // OpenID Connect Core section 2
)

// UnmarshalJSON implements json.Unmarshaler.
func (c *idClaims) UnmarshalJSON(data []byte) error {
	obj, err := parseObject(data)
	if err != nil {
		return err
	}
	c.set, err = readClaims(obj)
	return err
}

// readClaims reads the claims that all kinds of tokens have, as far as they are there.
func readClaims(obj object) (set *claimSet, err error) {
	set = &claimSet{obj: obj}
	if set.audience, err = audience(obj); err != nil {
		return nil, err
	}
	for name, to := range map[string]*string{
		"iss": &set.issuer, "sub": &set.subject, "nonce": &set.nonce, "azp": &set.azp, "at_hash": &set.atHash, "acr": &set.acr,
	} {
		s, ok := obj.str(name)
		if !ok && obj.has(name) && name != "acr" {
			return nil, errors.New(name + " must be a string")
		}
		*to = s
	}
	for name, to := range map[string]*time.Time{"exp": &set.expires, "iat": &set.issued, "nbf": &set.notBefore} {
		t, present, err := obj.date(name)
		if err != nil {
			return nil, err
		}
		*to = t
		if name == "nbf" {
			set.hasNotBefore = present
		}
	}
	if t, _, err := obj.date("auth_time"); err == nil {
		set.authTime = t
	}
	return set, nil
}

// audience reads aud: one string or an array of strings (RFC 7519 section 4.1.3).
func audience(obj object) ([]string, error) {
	if !obj.has("aud") {
		return nil, errors.New("aud is missing")
	}
	if s, ok := obj.str("aud"); ok {
		return []string{s}, nil
	}
	list, ok := obj.exactStrings("aud", maxAudiences)
	if !ok {
		return nil, errors.New("aud must be a string or a short array of strings")
	}
	return list, nil
}

func (c idClaims) GetIssuer() string                              { return c.set.issuer }
func (c idClaims) GetSubject() string                             { return c.set.subject }
func (c idClaims) GetAudience() []string                          { return c.set.audience }
func (c idClaims) GetNonce() string                               { return c.set.nonce }
func (c idClaims) GetAuthenticationContextClassReference() string { return c.set.acr }
func (c idClaims) GetAuthTime() time.Time                         { return c.set.authTime }
func (c idClaims) GetAuthorizedParty() string                     { return c.set.azp }
func (c idClaims) SetSignatureAlgorithm(a jose.SignatureAlgorithm) {
	c.set.alg = a
}

func (c idClaims) GetExpiration() time.Time {
	if c.set.expires.IsZero() {
		return time.Time{}
	}
	return time.Unix(1<<40, 0)
}

func (c idClaims) GetIssuedAt() time.Time {
	if c.set.issued.IsZero() {
		return time.Time{}
	}
	return time.Unix(1, 0)
}

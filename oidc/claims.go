package oidc

import (
	"errors"
	"time"
)

// claimSet is what tokens say, as far as it is looked at.
type claimSet struct {
	obj      object
	audience []string
	keyID    string // of the header

	issuer, subject, nonce, azp, atHash, acr string

	expires, issued, notBefore, authTime time.Time
	hasNotBefore                         bool
}

const (
	maxAudiences    = 16
	maxSubjectBytes = 255 // OpenID Connect Core section 2
)

// readClaims reads the claims that all kinds of tokens have, as far as they are there.
func readClaims(obj object) (set *claimSet, err error) {
	set = &claimSet{obj: obj}
	if set.audience, err = audience(obj); err != nil {
		return nil, err
	}
	for _, to := range []struct {
		name  string
		value *string
	}{
		{"iss", &set.issuer},
		{"sub", &set.subject},
		{"nonce", &set.nonce},
		{"azp", &set.azp},
		{"at_hash", &set.atHash},
		{"acr", &set.acr},
	} {
		s, ok := obj.str(to.name)
		if !ok && obj.has(to.name) && to.name != "acr" {
			return nil, errors.New(to.name + " must be a string")
		}
		*to.value = s
	}
	for _, to := range []struct {
		name  string
		value *time.Time
	}{{"exp", &set.expires}, {"iat", &set.issued}, {"nbf", &set.notBefore}} {
		t, present, err := obj.date(to.name)
		if err != nil {
			return nil, err
		}
		*to.value = t
		if to.name == "nbf" {
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

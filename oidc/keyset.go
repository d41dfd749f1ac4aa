package oidc

import (
	"context"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenantgate/tenantgate/tenant"
)

// keyCache holds the signature keys of all providers, by the address of the set: tenants that share a provider share
// its keys.
type keyCache struct {
	sets remote[[]publicKey]
}

const (
	keysFresh  = 10 * time.Minute // a key that the provider removed is refused after this at the latest
	keysUsable = time.Hour        // unless the provider does not answer at all
	keysPause  = 5 * time.Second

	defaultKeyBudget = 350_000 // keys and sets together: 100,000 sets of two keys, and some larger ones
)

func newKeyCache(out *outbound, now func() time.Time, timeout time.Duration, budget int) *keyCache {
	c := &keyCache{}
	c.sets = remote[[]publicKey]{
		fetch: func(ctx context.Context, url string) ([]publicKey, int, error) {
			body, err := out.get(ctx, url, maxKeySetBytes, tenant.CodeJWKSUnreachable)
			if err != nil {
				return nil, 0, err
			}
			keys, err := parseJWKS(body)
			if err != nil {
				return nil, 0, &failure{code: tenant.CodeNoUsableKey, reason: "the key set is invalid: " + err.Error()}
			}
			return keys, len(keys), nil
		},
		now: now, timeout: timeout, fresh: keysFresh, usable: keysUsable, pause: keysPause, budget: budget,
	}
	return c
}

// pinned is the key set of one connection as zitadel/oidc wants it (oidc.KeySet): one address and one algorithm.
type pinned struct {
	cache *keyCache
	url   string
	alg   string
	asker asker // who brought the token
}

var (
	errNoKey        = errors.New("no key of the provider verifies this signature")
	errManyTries    = errors.New("too many keys of the provider could have made this signature")
	errWrongAlg     = errors.New("the token is not signed with the algorithm of this connection")
	errNotOneSigner = errors.New("expected exactly one signature")
)

// maxTries bounds the signature checks of one token, in case a provider publishes many keys without IDs.
const maxTries = 16

// VerifySignature returns the payload that a key of the provider signed. When none did, the set may have changed
// since it was fetched, also under the same key ID: it is fetched again, at a limited rate.
func (p pinned) VerifySignature(ctx context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	if len(jws.Signatures) != 1 {
		return nil, errNotOneSigner
	}
	header := jws.Signatures[0].Header
	if header.Algorithm != p.alg {
		return nil, errWrongAlg
	}
	if len(header.KeyID) > maxKeyIDBytes {
		return nil, errNoKey
	}
	keys, err := p.cache.sets.get(ctx, p.url)
	if err != nil {
		return nil, err
	}
	payload, err := verifyWith(keys, header.KeyID, p.alg, jws)
	if err == nil {
		return payload, nil
	}
	fresh, asked, fetchErr := p.cache.sets.refresh(ctx, p.url, p.asker)
	if !asked || fetchErr != nil {
		return nil, err
	}
	return verifyWith(fresh, header.KeyID, p.alg, jws)
}

// verifyWith tries the keys that fit, those with the very ID first.
func verifyWith(keys []publicKey, id, alg string, jws *jose.JSONWebSignature) ([]byte, error) {
	tries := 0
	for _, exact := range []bool{true, false} {
		for _, k := range keys {
			if (id != "" && k.id == id) != exact || !k.fits(id, alg) {
				continue
			}
			if tries++; tries > maxTries {
				return nil, errManyTries
			}
			if payload, err := jws.Verify(k.key); err == nil {
				return payload, nil
			}
		}
	}
	return nil, errNoKey
}

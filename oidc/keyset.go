package oidc

import (
	"context"
	"errors"
	"time"

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

// pinned is the key set of one connection: one address and one algorithm.
type pinned struct {
	cache *keyCache
	url   string
	alg   string
	asker asker // who brought the token
}

var (
	errNoKey     = errors.New("no key of the provider verifies this signature")
	errManyTries = errors.New("too many keys of the provider could have made this signature")
	errWrongAlg  = errors.New("the token is not signed with the algorithm of this connection")
)

// maxTries bounds the signature checks of one token, in case a provider publishes many keys without IDs.
const maxTries = 16

// verify succeeds if a key of the provider made the token's signature. When none did, the set may have changed since it was
// fetched, also under the same key ID: it is fetched again, at a limited rate. It fails with a *failure if there are no keys.
func (p pinned) verify(ctx context.Context, t unverified) error {
	if t.alg != p.alg || p.alg == "" {
		return errWrongAlg
	}
	if len(t.keyID) > maxKeyIDBytes {
		return errNoKey
	}
	keys, err := p.cache.sets.get(ctx, p.url)
	if err != nil {
		return err
	}
	if err = verifyWith(keys, t); err == nil {
		return nil
	}
	fresh, asked, fetchErr := p.cache.sets.refresh(ctx, p.url, p.asker)
	if !asked || fetchErr != nil {
		return err
	}
	return verifyWith(fresh, t)
}

// verifyWith tries the keys that fit, those with the very ID first.
func verifyWith(keys []publicKey, t unverified) error {
	tries := 0
	for _, exact := range []bool{true, false} {
		for _, k := range keys {
			if (t.keyID != "" && k.id == t.keyID) != exact || !k.fits(t.keyID, t.alg) {
				continue
			}
			if tries++; tries > maxTries {
				return errManyTries
			}
			if verifies(t.alg, k.key, t.input, t.signature) {
				return nil
			}
		}
	}
	return errNoKey
}

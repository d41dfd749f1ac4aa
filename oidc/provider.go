package oidc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// providers knows the providers of all tenants: their metadata, by authority, and their keys.
type providers struct {
	out  *outbound
	docs remote[*metadata]
	keys *keyCache
}

const (
	metadataFresh  = time.Hour
	metadataUsable = 24 * time.Hour
	metadataPause  = 10 * time.Second

	defaultFetchTimeout   = 10 * time.Second
	defaultMetadataBudget = 100_000 // documents, about 1 KB each
)

func newProviders(out *outbound, now func() time.Time, timeout time.Duration) *providers {
	p := &providers{out: out, keys: newKeyCache(out, now, timeout, defaultKeyBudget)}
	p.docs = remote[*metadata]{
		fetch: func(ctx context.Context, authority string) (*metadata, int, error) {
			m, err := discover(ctx, out, authority)
			return m, 1, err
		},
		now: now, timeout: timeout, fresh: metadataFresh, usable: metadataUsable, background: true,
		pause: metadataPause, budget: 2 * defaultMetadataBudget,
	}
	return p
}

// discover fetches and parses an authority's document, without a cache and without checks.
func discover(ctx context.Context, out *outbound, authority string) (*metadata, error) {
	body, err := out.get(ctx, discoveryURL(authority), maxMetadataBytes, tenant.CodeDiscoveryNotFound)
	if err != nil {
		return nil, err
	}
	return parseMetadata(body)
}

// forConnection returns the checked metadata of a connection's provider. The issuer must be exactly the one that was
// found and shown when the connection was set up.
func (p *providers) forConnection(ctx context.Context, c store.Connection) (*metadata, error) {
	if c.Authority == "" || c.Issuer == "" {
		return nil, unavailable(CodeProviderConfig, "the connection has no authority or no issuer; run its check again", nil)
	}
	m, err := p.docs.get(ctx, c.Authority)
	if err != nil {
		if f, ok := errors.AsType[*failure](err); ok {
			return nil, unavailable(CodeProviderDown, f.code+": "+f.reason, err)
		}
		return nil, unavailable(CodeProviderDown, "the provider's metadata could not be read", err)
	}
	if m.issuer != c.Issuer {
		return nil, unavailable(CodeProviderConfig,
			fmt.Sprintf("%s: expected the issuer %s, the provider names %s", tenant.CodeIssuerMismatch, shown(c.Issuer), shown(m.issuer)), nil)
	}
	own := *m // check drops an unusable userinfo endpoint
	for _, f := range own.check(c.Authority, p.out) {
		if f.Severity == tenant.SeverityError {
			return nil, unavailable(CodeProviderConfig, f.Code+": "+f.Message, nil)
		}
	}
	return &own, nil
}

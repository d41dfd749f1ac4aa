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
	defaultMetadataBudget = 100_000 // documents, about 1 KB each; longer ones count for more
)

func newProviders(out *outbound, now func() time.Time, timeout time.Duration) *providers {
	p := &providers{out: out, keys: newKeyCache(out, now, timeout, defaultKeyBudget)}
	p.docs = remote[*metadata]{
		fetch: func(ctx context.Context, authority string) (*metadata, int, error) {
			m, err := discover(ctx, out, authority)
			if f, ok := errors.AsType[*failure](err); ok {
				f.at = now()
			}
			if m != nil {
				m.fetched = now()
				m.examine(authority, out)
			}
			return m, m.weight(), err
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

// forConnection returns the metadata of a connection's provider: the present document if it passes the checks, else the
// one that the connection keeps, with the reason in drift. The issuer must be exactly the one that was found and shown
// when the connection was set up.
func (p *providers) forConnection(ctx context.Context, c store.Connection) (*metadata, error) {
	if c.Authority == "" || c.Issuer == "" {
		return nil, unavailable(CodeProviderConfig, "the connection has no authority or no issuer; run its check again", nil)
	}
	m, d := p.present(ctx, c)
	if d == nil {
		return m, nil
	}
	if kept := p.kept(c); kept != nil && ctx.Err() == nil {
		kept.drift = d
		return kept, nil
	}
	return nil, d.err
}

// present returns the provider's present document, or why it can't be used.
func (p *providers) present(ctx context.Context, c store.Connection) (*metadata, *drift) {
	m, err := p.docs.get(ctx, c.Authority)
	if err != nil {
		if f, ok := errors.AsType[*failure](err); ok {
			return nil, &drift{code: f.code, at: f.at, err: unavailable(CodeProviderDown, f.code+": "+f.reason, err)}
		}
		return nil, &drift{code: tenant.CodeDiscoveryNotFound, at: p.docs.now(), err: unavailable(CodeProviderDown, "the provider's metadata could not be read", err)}
	}
	if m.issuer != c.Issuer {
		return nil, &drift{code: tenant.CodeIssuerMismatch, at: m.fetched, err: unavailable(CodeProviderConfig,
			fmt.Sprintf("%s: expected the issuer %s, the provider names %s", tenant.CodeIssuerMismatch, shown(c.Issuer), shown(m.issuer)), nil)}
	}
	if f := m.fault; f != nil {
		return nil, &drift{code: f.Code, at: m.fetched, err: unavailable(CodeProviderConfig, f.Code+": "+f.Message, nil)}
	}
	return m, nil
}

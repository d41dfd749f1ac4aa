package oidc

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// drift is why a provider's present document can't be used.
type drift struct {
	code string    // one of R34's
	at   time.Time // when the document, or its absence, was seen
	err  error     // of a connection that keeps no document
}

// snapshot is what a connection keeps of a document: what sign-in uses, in bounds.
func (m *metadata) snapshot() *store.ProviderMetadata {
	return &store.ProviderMetadata{
		FetchedAt: store.Time(m.fetched), Issuer: m.issuer,
		AuthorizationEndpoint: m.authorizationEndpoint, TokenEndpoint: m.tokenEndpoint, JWKSURI: m.jwksURI,
		UserinfoEndpoint: m.userinfoEndpoint, EndSessionEndpoint: m.endSessionEndpoint, PushedRequestEndpoint: m.pushedRequestEndpoint,
		PushRequired: m.pushRequired, IssInResponse: m.issInResponse,
		ResponseModes: listed(m.responseModes, "query", "form_post"),
		SigningAlgs:   listed(m.signingAlgs, signingAlgs...),
		AuthMethods:   listed(m.authMethods, authBasic, authPost, authPrivateKey, authNone),
		AssertionAlgs: listed(m.assertionAlgs, signingAlgs...),
		Scopes:        listed(m.scopes, "openid", "profile", "email", scopeOffline),
	}
}

// listed reduces a list to the values that we know. One that has none of them keeps its first: an empty list would say
// that the provider announces nothing.
func listed(list []string, known ...string) []string {
	const most = 64 // bytes
	var out []string
	for _, v := range list {
		if slices.Contains(known, v) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if len(out) == 0 && len(list) > 0 {
		out = []string{strings.ToValidUTF8(list[0][:min(most, len(list[0]))], "")}
	}
	slices.Sort(out)
	return out
}

// kept makes a document of what a connection keeps; nil if it keeps none that can be used.
func (p *providers) kept(c store.Connection) *metadata {
	k := c.Metadata
	if k == nil || k.Issuer != c.Issuer {
		return nil
	}
	m := &metadata{
		issuer: k.Issuer, authorizationEndpoint: k.AuthorizationEndpoint, tokenEndpoint: k.TokenEndpoint, jwksURI: k.JWKSURI,
		userinfoEndpoint: k.UserinfoEndpoint, endSessionEndpoint: k.EndSessionEndpoint,
		responseModes: k.ResponseModes, signingAlgs: k.SigningAlgs, authMethods: k.AuthMethods, assertionAlgs: k.AssertionAlgs,
		scopes: k.Scopes, pushRequired: k.PushRequired, issInResponse: k.IssInResponse,
		pushes: &pushState{}, fetched: k.FetchedAt,
	}
	if m.pushRequired { // what can go through the browser does, while nobody knows whether the endpoint is still there
		m.pushedRequestEndpoint = k.PushedRequestEndpoint
	}
	for _, f := range m.check(c.Authority, p.out) {
		if f.Severity == tenant.SeverityError {
			return nil
		}
	}
	return m
}

// isKnown tells that noteDocument has nothing to say of the document.
func (m *metadata) isKnown(kept *store.ProviderMetadata) bool {
	return kept == nil || m.drift == nil && !m.fetched.After(kept.FetchedAt)
}

// noteDocument keeps up with the provider's document (R21, R34). works says that a sign-in with it succeeded, or that
// none was tried; otherwise a changed document is not believed yet. What was seen before the record last changed, by a
// replica with an older copy, is no news.
func noteDocument(c *store.Connection, m *metadata, works bool, now time.Time) []news {
	switch {
	case c.Metadata == nil:
		return nil // kept by a check, or by RefreshProviders
	case m.drift != nil:
		return drifted(c, m.drift, now)
	case !works:
		return nil
	}
	if !m.fetched.After(c.Metadata.FetchedAt) {
		return nil
	}
	seen := m.snapshot()
	before := *c.Metadata
	before.FetchedAt = seen.FetchedAt
	switch {
	case !reflect.DeepEqual(before, *seen):
		c.Metadata, c.DriftSince, c.DriftCode = seen, time.Time{}, ""
		return []news{{
			event: EventProviderDrifted, code: CodeMetadataChanged, before: before, after: seen,
			message: "The provider's metadata names other endpoints or abilities than before. They are used from now on; make sure that the change was meant.",
		}}
	case c.DriftCode != "" && seen.FetchedAt.After(c.DriftSince):
		code := c.DriftCode
		c.Metadata, c.DriftSince, c.DriftCode = seen, time.Time{}, ""
		return []news{{event: EventProviderReturned, code: code, message: "The provider's metadata is in order again."}}
	}
	return nil
}

// drifted marks a connection whose provider's document can't be used any more. Sign-in goes on with the kept one.
func drifted(c *store.Connection, d *drift, now time.Time) []news {
	if c.DriftCode == d.code || !d.at.After(c.Metadata.FetchedAt) {
		return nil
	}
	c.DriftSince, c.DriftCode = now, d.code
	return []news{{
		event: EventProviderDrifted, code: d.code,
		message: "The provider's metadata can't be used: " + d.code + ". Sign-in goes on with what it said before; ask the provider's administrator.",
	}}
}

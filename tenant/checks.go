package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// RunChecks checks a connection's whole configuration now, the provider included, and
// keeps the findings in the record. Before the connection is active it also takes
// over what the provider states: issuer, signing algorithm, client authentication.
// Afterwards an issuer that changed is a finding, never taken over.
func (s *Service) RunChecks(ctx context.Context, actor Actor, tenantID, id string) (Connection, []Finding, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionEditConnection); err != nil {
		return Connection{}, nil, err
	}
	c, domains, err := s.load(ctx, s.store, tenantID, id)
	if err != nil {
		return Connection{}, nil, err
	}
	after, findings, err := s.checked(ctx, tenantID, c, domains)
	if err != nil {
		return Connection{}, nil, err
	}
	err = s.store.InTx(ctx, func(tx store.Store) error {
		saved, err := s.save(ctx, tx, actor, tenantID, c, after, "connection.checked", "")
		if err == nil {
			after = saved
		}
		return err
	})
	if err != nil {
		return Connection{}, nil, err
	}
	return viewOf(after, domains), findings, nil
}

// allowOrStaff allows who may do the action, and who reviews requests.
func (s *Service) allowOrStaff(ctx context.Context, actor Actor, tenantID string, action Action) error {
	err := s.allow(ctx, actor, action, tenantID)
	if errors.Is(err, ErrForbidden) {
		err = s.can(ctx, actor, ActionReview, tenantID)
	}
	return err
}

// checked inspects a connection and returns it with the outcome, not yet written.
func (s *Service) checked(ctx context.Context, tenantID string, c store.Connection, domains []store.Domain) (store.Connection, []Finding, error) {
	holder, err := s.secretHolder(ctx, s.store, tenantID, c)
	if err != nil {
		return store.Connection{}, nil, err
	}
	findings := s.inspect(tenantID, c, holder, domains)
	after := c
	if c.Authority != "" {
		report, err := s.cfg.ProviderChecker.CheckProvider(ctx, ProviderRequest{
			TenantID: tenantID, ConnectionID: c.ID, Authority: c.Authority, Provider: c.Provider,
			ClientID: c.ClientID, ClientAuth: c.ClientAuth, Scopes: Scopes(c.AdditionalScopes),
		})
		if err != nil {
			return store.Connection{}, nil, fmt.Errorf("tenant: checking the provider: %w", err)
		}
		findings = append(findings, report.Findings...)
		findings = append(findings, takeOver(&after, report)...)
		s.keepMetadata(&after, report)
	}
	after.Checks, after.CheckedAt = results(findings), s.time()
	return after, findings, nil
}

// keepMetadata keeps the provider's document to fall back on, as soon as it is in order
// and of the issuer that the connection has. A document that drifted is then in order
// again.
func (s *Service) keepMetadata(c *store.Connection, r ProviderReport) {
	if r.Metadata == nil || r.Issuer != c.Issuer || r.Metadata.Issuer != c.Issuer || hasError(r.Findings) {
		return
	}
	kept := *r.Metadata
	kept.FetchedAt = s.time()
	c.Metadata, c.DriftSince, c.DriftCode = &kept, time.Time{}, ""
}

// takeOver brings what the provider states into the record, unless people already
// sign in with what was reviewed.
func takeOver(c *store.Connection, r ProviderReport) []Finding {
	if r.Issuer == "" {
		if hasError(r.Findings) {
			return nil
		}
		return []Finding{errorFinding(FieldAuthority, CodeIssuerMismatch, "The provider states no issuer that fits this authority.")}
	}
	if c.State == store.ConnectionActive || c.State == store.ConnectionSuspended {
		if r.Issuer != c.Issuer {
			f := errorFinding(FieldAuthority, CodeIssuerMismatch, "The provider's issuer has changed since this connection was reviewed: expected %s, found %s.", shown(c.Issuer), shown(r.Issuer)).got(shown(r.Issuer))
			f.Expected = shown(c.Issuer)
			return []Finding{f}
		}
		return nil
	}
	old := *c
	c.Issuer, c.SharedIssuer = r.Issuer, r.SharedIssuer
	if r.SigningAlg != "" {
		c.SigningAlg = r.SigningAlg
	}
	if r.ClientAuth != "" {
		c.ClientAuth = r.ClientAuth
	}
	if signInChanged(old, *c) {
		c.ConfigVersion = old.ConfigVersion + 1
	}
	return nil
}

// inspect looks at what is stored: what is missing, and what does not fit together
// any more. holder is the record whose client secret counts.
func (s *Service) inspect(tenantID string, c, holder store.Connection, domains []store.Domain) []Finding {
	var all []Finding
	names := domainNames(domains)
	if len(names) == 0 {
		all = append(all, errorFinding(FieldDomains, CodeRequired, "Give at least one domain, such as acme.com."))
	}
	guide := guideOf(c.Provider)
	_, found := guide.ParseAuthority(c.Authority, s.authorityOptions())
	all = append(all, found...)
	_, found = ParseClientID(c.ClientID, c.Authority)
	all = append(all, found...)
	all = append(all, guide.CheckClientAuth(c.ClientAuth)...)
	all = append(all, s.inspectSecret(tenantID, c, holder)...)
	all = append(all, checkExpiry(c.SecretExpiresAt, s.time(), c.Authority, true)...)
	_, found = guide.parseScopes(c.AdditionalScopes...)
	all = append(all, found...)
	all = append(all, checkJustInTime(c.JustInTime, c.JustInTimeAnyDomain)...)
	all = append(all, checkEmailFallback(c.EmailFallback, c.Authority)...)
	if len(c.BreakGlass) == 0 {
		return append(all, warning(FieldBreakGlass, CodeBreakGlassEmpty, "Nobody could sign in if the provider fails. Give at least one break-glass address."))
	}
	_, found = ParseBreakGlass(names, c.BreakGlass...)
	return append(all, found...)
}

func (s *Service) inspectSecret(tenantID string, c, holder store.Connection) []Finding {
	if len(holder.SealedSecret) == 0 {
		if !needsSecret(c.ClientAuth) {
			return nil
		}
		return []Finding{errorFinding(FieldClientSecret, CodeRequired, "Give the client secret of your provider's application.")}
	}
	plain, err := s.keys.Open(holder.SealedSecret, FieldAAD(tenantID, holder.ID, secretField))
	if err != nil {
		return []Finding{errorFinding(FieldClientSecret, ErrorCodeSecretUnreadable, "The stored client secret can't be opened any more. Enter it again.")}
	}
	_, found := ParseClientSecret(NewSecret(string(plain)), c.ClientID, c.Authority)
	return found
}

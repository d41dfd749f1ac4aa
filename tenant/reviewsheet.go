package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// ReviewSheet is what the host's staff look at to decide about a request (R47).
type ReviewSheet struct {
	Request
	// Differences are what was not approved before: of a change, from the settings in force; of a request that was approved
	// once and came back, from those; of a first one all settings.
	Differences []Difference
	// SameClient are other active connections with the same issuer and client ID, of this tenant and of others: one company with two
	// organisations, or somebody who copied a configuration. Owners are never told.
	SameClient []store.Ref
	// DomainHistory are the journal's events about the domains, newest first, at most [store.MaxLimit].
	DomainHistory []store.Event
}

// maxSameClient bounds the connections that are compared: a shared issuer has any number.
const maxSameClient = 1000

// Review returns a connection for those who may review. It changes nothing.
func (s *Service) Review(ctx context.Context, actor Actor, tenantID, id string) (ReviewSheet, error) {
	if err := s.allow(ctx, actor, ActionReview, tenantID); err != nil {
		return ReviewSheet{}, err
	}
	c, domains, err := s.load(ctx, s.store, tenantID, id)
	if err != nil {
		return ReviewSheet{}, err
	}
	sheet := ReviewSheet{Request: Request{Connection: viewOf(c, domains), AnswerBy: s.answerBy(c)}}
	if sheet.Tenant, err = s.organisation(ctx, tenantID); err != nil {
		return ReviewSheet{}, err
	}
	if sheet.Differences, err = s.differences(ctx, tenantID, c, domains); err != nil {
		return ReviewSheet{}, err
	}
	if sheet.SameClient, err = s.sameClient(ctx, tenantID, c); err != nil {
		return ReviewSheet{}, err
	}
	sheet.DomainHistory, err = s.store.Events(ctx, tenantID, store.EventQuery{SubjectKind: kindDomain, Newest: true, Limit: store.MaxLimit})
	if err != nil {
		return ReviewSheet{}, fmt.Errorf("tenant: reading the journal: %w", err)
	}
	sheet.DomainHistory = slices.DeleteFunc(sheet.DomainHistory, func(e store.Event) bool {
		return !slices.ContainsFunc(domains, func(d store.Domain) bool { return d.Name == e.Subject.Name })
	})
	return sheet, nil
}

// differences compares with what was approved last.
func (s *Service) differences(ctx context.Context, tenantID string, c store.Connection, domains []store.Domain) ([]Difference, error) {
	var before store.ConnectionSettings
	hint := ""
	switch {
	case c.ChangeOf != "":
		base, has, err := s.load(ctx, s.store, tenantID, c.ChangeOf)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		before, hint = settingsOf(base, has), base.SecretHint
	case c.Approved != nil:
		before = *c.Approved
	}
	out := Differences(before, settingsOf(c, domains))
	if c.ChangeOf != "" && len(c.SealedSecret) > 0 {
		out = append(out, Difference{Field: FieldClientSecret, Before: []string{"…" + hint}, After: []string{"…" + c.SecretHint}})
	}
	return out, nil
}

// sameClient finds connections that use the same application of the same provider.
func (s *Service) sameClient(ctx context.Context, tenantID string, c store.Connection) ([]store.Ref, error) {
	if c.Issuer == "" || c.ClientID == "" {
		return nil, nil
	}
	refs, err := s.store.ConnectionsByIssuer(ctx, c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("tenant: looking for the issuer: %w", err)
	}
	var out []store.Ref
	for _, ref := range refs[:min(len(refs), maxSameClient)] {
		if ref.TenantID == tenantID && (ref.ID == c.ID || ref.ID == c.ChangeOf) {
			continue
		}
		other, err := s.store.Connection(ctx, ref.TenantID, ref.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tenant: reading a connection: %w", err)
		}
		if other.ClientID == c.ClientID {
			out = append(out, ref)
		}
	}
	return out, nil
}

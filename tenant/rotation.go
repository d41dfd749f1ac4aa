package tenant

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// ReplaceSecret stores a new client secret and its expiry (zero: unknown), in any
// state: owners do it themselves (D4), because secrets
// expire. A connection that is not active yet needs a new test sign-in afterwards.
func (s *Service) ReplaceSecret(ctx context.Context, actor Actor, tenantID, id string, version int64, secret Secret, expires time.Time) (Connection, []Finding, error) {
	if err := s.allow(ctx, actor, ActionReplaceSecret, tenantID); err != nil {
		return Connection{}, nil, err
	}
	var findings []Finding
	out, err := s.edit(ctx, actor, tenantID, id, version, "connection.secret_replaced", func(tx store.Store, c *store.Connection, _ []store.Domain) error {
		var value Secret
		value, findings = ParseClientSecret(secret, c.ClientID, c.Authority)
		expires := store.Time(expires)
		findings = append(findings, checkExpiry(expires, s.time(), c.Authority, false)...)
		if err := refuse(findings); err != nil {
			return err
		}
		if err := s.putSecret(tenantID, c, value, s.time()); err != nil {
			return err
		}
		c.SecretExpiresAt = expires
		c.ConfigVersion++
		return s.finishIntent(ctx, tx, actor, tenantID, IntentSecretRenewal)
	})
	if err != nil {
		return Connection{}, nil, err
	}
	return out, findings, nil
}

// SetSecretExpiry records when the client secret expires; zero means that it is not
// known. confirmed accepts an instant in the past.
func (s *Service) SetSecretExpiry(ctx context.Context, actor Actor, tenantID, id string, version int64, expires time.Time, confirmed bool) (Connection, []Finding, error) {
	if err := s.allow(ctx, actor, ActionReplaceSecret, tenantID); err != nil {
		return Connection{}, nil, err
	}
	var findings []Finding
	out, err := s.edit(ctx, actor, tenantID, id, version, "connection.secret_expiry_set", func(_ store.Store, c *store.Connection, _ []store.Domain) error {
		expires := store.Time(expires)
		findings = checkExpiry(expires, s.time(), c.Authority, confirmed)
		c.SecretExpiresAt = expires
		return refuse(findings)
	})
	if err != nil {
		return Connection{}, nil, err
	}
	return out, findings, nil
}

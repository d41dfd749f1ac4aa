package tenant

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// StageSecret keeps a new client secret and its expiry (zero: unknown) beside the one in force, so that nobody's sign-in
// depends on a secret that was never tried (R44). People go on signing in with the old one; test sign-ins use the new one,
// and the first that succeeds puts it in force and forgets the old one ([Service.RecordTestSignIn]). Staging another one
// replaces the one that waits. Owners do it themselves (D4).
//
// It is for connections that are active or suspended and authenticate with a secret; others have nobody who could be
// locked out, and get the code wrong_state: use [Service.ReplaceSecret], as also where the old secret is known to be dead.
func (s *Service) StageSecret(ctx context.Context, actor Actor, tenantID, id string, version int64, secret Secret, expires time.Time) (Connection, []Finding, error) {
	if err := s.allow(ctx, actor, ActionReplaceSecret, tenantID); err != nil {
		return Connection{}, nil, err
	}
	var findings []Finding
	out, err := s.edit(ctx, actor, tenantID, id, version, "connection.next_secret_set", func(_ store.Store, c *store.Connection, _ []store.Domain) error {
		inForce := c.State == store.ConnectionActive || c.State == store.ConnectionSuspended
		if !inForce || !needsSecret(c.ClientAuth) || len(c.SealedSecret) == 0 {
			return conflict(ErrorCodeState, "The connection is %s. A secret can wait beside the one in force while the connection is active or suspended; replace it at once instead.", c.State)
		}
		var value Secret
		value, findings = ParseClientSecret(secret, c.ClientID, c.Authority)
		expires := store.Time(expires)
		findings = append(findings, checkExpiry(expires, s.time(), c.Authority, false)...)
		if err := refuse(findings); err != nil {
			return err
		}
		sealed, err := s.sealSecret(tenantID, c.ID, value)
		if err != nil {
			return err
		}
		c.NextSecret = &store.NextSecret{Sealed: sealed, Hint: value.hint(), SetAt: laterThan(s.time(), *c), ExpiresAt: expires}
		return nil
	})
	if err != nil {
		return Connection{}, nil, err
	}
	return out, findings, nil
}

// DropNextSecret forgets the secret that waits, for example because its test failed. Without one that waits it gives the
// code wrong_state.
func (s *Service) DropNextSecret(ctx context.Context, actor Actor, tenantID, id string, version int64) (Connection, error) {
	if err := s.allow(ctx, actor, ActionReplaceSecret, tenantID); err != nil {
		return Connection{}, err
	}
	return s.edit(ctx, actor, tenantID, id, version, "connection.next_secret_dropped", func(_ store.Store, c *store.Connection, _ []store.Domain) error {
		if c.NextSecret == nil {
			return conflict(ErrorCodeState, "No client secret waits to be put in force.")
		}
		c.NextSecret = nil
		return nil
	})
}

// takeNextSecret puts the secret that waits in force, after it worked.
func (s *Service) takeNextSecret(ctx context.Context, tx store.Store, by Actor, tenantID string, c *store.Connection) error {
	*c = c.WithNextSecret()
	if now := s.time(); now.After(c.SecretSetAt) {
		c.SecretSetAt = now // from when sign-ins say something about it
	}
	c.ConfigVersion++
	c.FailingSince, c.FailingCode = time.Time{}, ""
	return s.finishIntent(ctx, tx, by, tenantID, IntentSecretRenewal)
}

// laterThan is now, or the first moment after the connection's secrets were set, where a clock stood still: a test names its
// secret by that moment.
func laterThan(now time.Time, c store.Connection) time.Time {
	for _, at := range []time.Time{c.SecretSetAt, c.WithNextSecret().SecretSetAt} {
		if !now.After(at) {
			now = at.Add(time.Microsecond)
		}
	}
	return now
}

package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// ResealSecrets seals a tenant's client secrets again that were sealed with a key other
// than the primary one, and returns how many. The host calls it for each tenant after
// a key rotation; when none is left anywhere, the old key can go. A secret that can't
// be opened is left as it is and reported in the error (matching
// [ErrSecretUnreadable]) after the others were done.
//
// It asks no authorizer: it is the host's own maintenance.
func (s *Service) ResealSecrets(ctx context.Context, tenantID string) (int, error) {
	connections, err := s.store.Connections(ctx, tenantID)
	if err != nil {
		return 0, fmt.Errorf("tenant: reading connections: %w", err)
	}
	done := 0
	var failed []error
	for _, c := range connections {
		if len(c.SealedSecret) == 0 || s.keys.Current(c.SealedSecret) {
			continue
		}
		switch err := s.reseal(ctx, tenantID, c); {
		case err == nil:
			done++
		case errors.Is(err, store.ErrStale): // changed meanwhile; the next run looks again
		default:
			failed = append(failed, fmt.Errorf("connection %s: %w", c.ID, err))
		}
	}
	return done, errors.Join(failed...)
}

// reseal changes the sealed form alone: the secret, and the test of it, stay the same.
func (s *Service) reseal(ctx context.Context, tenantID string, c store.Connection) error {
	secret, err := s.ClientSecret(ctx, c)
	if err != nil {
		return err
	}
	after := c
	if err := s.putSecret(tenantID, &after, secret, c.SecretSetAt); err != nil {
		return err
	}
	_, err = s.save(ctx, s.store, Actor{Kind: ActorSystem, Name: "key rotation"}, tenantID, c, after, "connection.secret_resealed", "")
	return err
}

package tenant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// ResealSecrets seals a tenant's client secrets, revealable API keys and secrets of webhooks again that were
// sealed with a key other than the primary one, and returns how many. API keys that are
// sealed although Config.RevealableAPIKeys is not set any more lose the sealed form, and
// count too. The host calls it for each tenant after a key rotation; when none is left anywhere, the old key can go. A secret that can't
// be opened is left as it is and reported in the error (matching
// [ErrSecretUnreadable]) after the others were done.
//
// It asks no authorizer: it is the host's own maintenance.
func (s *Service) ResealSecrets(ctx context.Context, tenantID string) (int, error) {
	connections, err := s.store.Connections(ctx, tenantID)
	if err != nil {
		return 0, fmt.Errorf("tenant: reading connections: %w", err)
	}
	apiKeys, err := s.store.APIKeys(ctx, tenantID)
	if err != nil {
		return 0, fmt.Errorf("tenant: reading API keys: %w", err)
	}
	done := 0
	var failed []error
	note := func(what, id string, err error) {
		switch {
		case err == nil:
			done++
		case errors.Is(err, store.ErrStale): // changed meanwhile; the next run looks again
		default:
			failed = append(failed, fmt.Errorf("%s %s: %w", what, id, err))
		}
	}
	for _, c := range connections {
		if s.outdated(c.SealedSecret) || c.NextSecret != nil && s.outdated(c.NextSecret.Sealed) {
			note("connection", c.ID, s.reseal(ctx, tenantID, c))
		}
	}
	for _, k := range apiKeys {
		if len(k.SealedKey) > 0 && (!s.cfg.RevealableAPIKeys || !s.keys.Current(k.SealedKey)) {
			note("API key", k.ID, s.resealKey(ctx, tenantID, k))
		}
	}
	if _, err := webhooks(s.store); err == nil {
		all, err := s.allWebhooks(ctx, s.store, tenantID)
		if err != nil {
			return done, errors.Join(append(failed, err)...)
		}
		for _, w := range all {
			if slices.ContainsFunc(w.Secrets, func(sec store.WebhookSecret) bool { return !s.keys.Current(sec.Sealed) }) {
				note("webhook", w.ID, s.resealWebhook(ctx, tenantID, w))
			}
		}
	}
	return done, errors.Join(failed...)
}

// ResealAllSecrets does [Service.ResealSecrets] for all tenants that have a connection, and returns how many secrets it sealed
// again. The host schedules it, about daily, on any replica; [Runner] does. The error joins those of the tenants that failed, of
// which a hundred are told; the others were done.
func (s *Service) ResealAllSecrets(ctx context.Context) (int, error) {
	done := 0
	var failed []error
	for after := ""; ; {
		tenants, err := s.store.Tenants(ctx, after, store.MaxLimit)
		if err != nil {
			return done, errors.Join(append(failed, fmt.Errorf("tenant: reading tenants: %w", err))...)
		}
		for _, id := range tenants {
			n, err := s.ResealSecrets(ctx, id)
			done += n
			if ctx.Err() != nil {
				return done, errors.Join(append(failed, ctx.Err())...)
			}
			if err != nil && len(failed) < maxErrors {
				failed = append(failed, fmt.Errorf("tenant: sealing secrets of %s again: %w", id, err))
			}
		}
		if len(tenants) < store.MaxLimit {
			return done, errors.Join(failed...)
		}
		after = tenants[len(tenants)-1]
	}
}

// keyRotation is who seals again.
func keyRotation() Actor { return Actor{Kind: ActorSystem, Name: "key rotation"} }

// outdated says that a secret was sealed with a key that is not the primary one.
func (s *Service) outdated(sealed []byte) bool { return len(sealed) > 0 && !s.keys.Current(sealed) }

// reseal changes the sealed form alone, also of a secret that waits: the secret, and the test of it, stay the same. A secret
// that no key opens keeps the other from nothing.
func (s *Service) reseal(ctx context.Context, tenantID string, c store.Connection) error {
	after := c
	again := func(sealed *[]byte) error {
		if !s.outdated(*sealed) {
			return nil
		}
		plain, err := s.keys.Open(*sealed, FieldAAD(tenantID, c.ID, secretField))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSecretUnreadable, err)
		}
		*sealed, err = s.sealSecret(tenantID, c.ID, NewSecret(string(plain)))
		return err
	}
	failed := again(&after.SealedSecret)
	if c.NextSecret != nil {
		next := *c.NextSecret
		failed = errors.Join(failed, again(&next.Sealed))
		after.NextSecret = &next
	}
	if failed != nil && !resealed(c, after) {
		return failed
	}
	_, err := s.save(ctx, s.store, keyRotation(), tenantID, c, after, "connection.secret_resealed", "")
	return errors.Join(failed, err)
}

// resealed says that one of a connection's secrets has a new form.
func resealed(before, after store.Connection) bool {
	return !bytes.Equal(before.SealedSecret, after.SealedSecret) || before.NextSecret != nil && !bytes.Equal(before.NextSecret.Sealed, after.NextSecret.Sealed)
}

// resealWebhook drops secrets that have expired, and seals the others again.
func (s *Service) resealWebhook(ctx context.Context, tenantID string, w store.Webhook) error {
	secrets, err := s.openWebhookSecrets(tenantID, w)
	if err != nil {
		return err
	}
	after := w
	after.Secrets = liveSecrets(w, s.now())
	if len(after.Secrets) != len(secrets) { // one expired in between
		return store.ErrStale
	}
	for i := range after.Secrets {
		if after.Secrets[i].Sealed, err = s.sealWebhookSecret(tenantID, w.ID, after.Secrets[i].ID, secrets[i]); err != nil {
			return err
		}
	}
	_, err = s.putWebhook(ctx, s.store, keyRotation(), tenantID, "webhook.secret_resealed", "", w, after)
	return err
}

func (s *Service) resealKey(ctx context.Context, tenantID string, k store.APIKey) error {
	after := k
	if !s.cfg.RevealableAPIKeys {
		after.SealedKey = nil
		_, err := s.saveKey(ctx, s.store, keyRotation(), tenantID, k, after, "api_key.sealed_form_deleted")
		return err
	}
	secret, err := s.openKey(tenantID, k)
	if err != nil {
		return err
	}
	if after.SealedKey, err = s.sealKey(tenantID, k.ID, secret); err != nil {
		return err
	}
	_, err = s.saveKey(ctx, s.store, keyRotation(), tenantID, k, after, "api_key.resealed")
	return err
}

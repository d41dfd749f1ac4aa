package tenant

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// keyField names the sealed key's place in its record.
const keyField = "api_key"

// RevealAPIKey shows a key again (R72), where Config.RevealableAPIKeys kept it; the journal says who looked. A key from before
// that option was set, and one that is not in force any more, gives a wrong_state error; one that the keyring can't open any
// more gives [ErrSecretUnreadable].
func (s *Service) RevealAPIKey(ctx context.Context, actor Actor, tenantID, id string) (Secret, error) {
	if err := s.allow(ctx, actor, ActionRevealAPIKey, tenantID); err != nil {
		return Secret{}, err
	}
	var out Secret
	err := s.store.InTx(ctx, func(tx store.Store) error {
		key, err := tx.APIKey(ctx, tenantID, id)
		switch {
		case err != nil:
			return fmt.Errorf("tenant: reading the API key: %w", err)
		case !authenticates(&key, s.time()):
			return conflict(ErrorCodeState, "The API key %s is not valid any more. Create a new one.", key.Name)
		case !s.cfg.RevealableAPIKeys || len(key.SealedKey) == 0:
			return conflict(ErrorCodeState, "The API key %s was shown when it was created, and not kept. Replace it if it is lost: both keys work until you complete the change.", key.Name)
		}
		if out, err = s.openKey(tenantID, key); err != nil {
			return err
		}
		e, err := s.event(actor, change{kind: kindAPIKey, id: id, name: key.Name, what: "api_key.revealed"})
		if err != nil {
			return err
		}
		return tx.AppendEvents(ctx, tenantID, e)
	})
	if err != nil {
		return Secret{}, err
	}
	return out, nil
}

// putKey puts what a key is recognised by into its record, and the key itself where the host wants that.
func (s *Service) putKey(tenantID string, k *store.APIKey, secret Secret) error {
	k.Hash, k.Hint = s.cfg.Regions.hashToken(secret.Reveal()), s.cfg.APIKeyPrefix+"…"+secret.hint()
	if !s.cfg.RevealableAPIKeys {
		return nil
	}
	var err error
	k.SealedKey, err = s.sealKey(tenantID, k.ID, secret)
	return err
}

func (s *Service) sealKey(tenantID, id string, secret Secret) ([]byte, error) {
	sealed, err := s.keys.Seal([]byte(secret.Reveal()), FieldAAD(tenantID, id, keyField))
	if err != nil {
		return nil, fmt.Errorf("tenant: sealing the API key: %w", err)
	}
	return sealed, nil
}

func (s *Service) openKey(tenantID string, k store.APIKey) (Secret, error) {
	plain, err := s.keys.Open(k.SealedKey, FieldAAD(tenantID, k.ID, keyField))
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %w", ErrSecretUnreadable, err)
	}
	return NewSecret(string(plain)), nil
}

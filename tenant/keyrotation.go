package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	// KeyRotation is how long a key and the one that replaces it are both valid, unless the rotation is completed or
	// cancelled before.
	KeyRotation = 14 * day

	oldKeySuffix = " (old)"
)

// StartKeyRotation makes a key that is to replace another one in force (R71): with its name, scopes, directory and as long
// a life. Both are valid until [Service.CompleteKeyRotation], at most for [KeyRotation], so that no sync fails while the
// owner takes the new one to the directory; the old one is called "… (old)" meanwhile. [Service.CancelKeyRotation] takes it
// back. The secret is returned as by [Service.CreateAPIKey]. version is that of the old key.
//
// A key that is not in force, or takes part in a rotation, gives wrong_state; another version, stale; where there are
// [MaxAPIKeys] in force, too_many; where a key is called "… (old)" already, name_taken; without an enabled directory,
// scim_required or [store.ErrNotFound]. Nothing has changed then.
func (s *Service) StartKeyRotation(ctx context.Context, actor Actor, tenantID, id string, version int64) (Secret, store.APIKey, error) {
	if err := s.allow(ctx, actor, ActionManageAPIKeys, tenantID); err != nil {
		return Secret{}, store.APIKey{}, err
	}
	if err := s.needSCIM(ctx, tenantID); err != nil {
		return Secret{}, store.APIKey{}, err
	}
	secret, err := newAPIKey(s.cfg.APIKeyPrefix)
	if err != nil {
		return Secret{}, store.APIKey{}, err
	}
	var out store.APIKey
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		old, all, err := s.keyAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		now := s.time()
		switch {
		case !authenticates(&old, now):
			return conflict(ErrorCodeState, "The API key %s is not valid any more. Create a new one.", old.Name)
		case rotating(old, all, now):
			return conflict(ErrorCodeState, "The API key %s is being replaced already. Complete or cancel that first.", old.Name)
		}
		fresh := store.APIKey{
			Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, Name: old.Name, Scopes: old.Scopes, DirectoryID: old.DirectoryID, CreatedBy: actor.event(),
			Replaces: old.ID, ReplacesExpiresAt: old.ExpiresAt,
		}
		if !old.ExpiresAt.IsZero() {
			fresh.ExpiresAt = store.Time(now.Add(old.ExpiresAt.Sub(old.CreatedAt)))
		}
		if err := s.putKey(tenantID, &fresh, secret); err != nil {
			return err
		}
		after := old
		after.Name = oldKeyName(old.Name)
		if end := store.Time(now.Add(KeyRotation)); old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
			after.ExpiresAt = end
		}
		if _, err := s.saveKey(ctx, tx, actor, tenantID, old, after, "api_key.rotation_started"); err != nil {
			return err
		}
		out, err = s.createAPIKey(ctx, tx, actor, tenantID, fresh)
		return err
	})
	if err != nil {
		return Secret{}, store.APIKey{}, err
	}
	return secret, public(out), nil
}

// CompleteKeyRotation revokes the key that this one replaces. Where the new one was never used, it needs confirm: the
// directory still has the old one. id and version are those of the new key; one that replaces none any more gives wrong_state.
func (s *Service) CompleteKeyRotation(ctx context.Context, actor Actor, tenantID, id string, version int64, confirm bool) (store.APIKey, error) {
	return s.endKeyRotation(ctx, actor, tenantID, id, version, func(tx store.Store, fresh, old store.APIKey) (store.APIKey, error) {
		if fresh.LastUsedAt.IsZero() && !confirm {
			return fresh, conflict(ErrorCodeConfirmationRequired, "The new key was not used yet: the directory still has the old one. Confirm to revoke it.")
		}
		after := old
		after.RevokedAt = s.time()
		if _, err := s.saveKey(ctx, tx, actor, tenantID, old, after, "api_key.revoked"); err != nil {
			return store.APIKey{}, err
		}
		done := fresh
		done.Replaces, done.ReplacesExpiresAt = "", time.Time{}
		return s.saveKey(ctx, tx, actor, tenantID, fresh, done, "api_key.rotation_completed")
	})
}

// CancelKeyRotation revokes the new key and gives the old one its name and expiry back. It is also what to do when the new
// key has leaked. id and version are those of the new key; one that replaces none any more gives wrong_state.
func (s *Service) CancelKeyRotation(ctx context.Context, actor Actor, tenantID, id string, version int64) (store.APIKey, error) {
	return s.endKeyRotation(ctx, actor, tenantID, id, version, func(tx store.Store, fresh, old store.APIKey) (store.APIKey, error) {
		done := fresh
		done.RevokedAt, done.Replaces, done.ReplacesExpiresAt = s.time(), "", time.Time{}
		// In this order: a name belongs to one key in force.
		if _, err := s.saveKey(ctx, tx, actor, tenantID, fresh, done, "api_key.rotation_cancelled"); err != nil {
			return store.APIKey{}, err
		}
		after := old
		after.Name, after.ExpiresAt = fresh.Name, fresh.ReplacesExpiresAt
		return s.saveKey(ctx, tx, actor, tenantID, old, after, "api_key.restored")
	})
}

// endKeyRotation finds both keys of a rotation that is under way and lets end do the rest. It returns the key that is left.
func (s *Service) endKeyRotation(ctx context.Context, actor Actor, tenantID, id string, version int64,
	end func(tx store.Store, fresh, old store.APIKey) (store.APIKey, error),
) (store.APIKey, error) {
	if err := s.allow(ctx, actor, ActionManageAPIKeys, tenantID); err != nil {
		return store.APIKey{}, err
	}
	var left store.APIKey
	err := s.store.InTx(ctx, func(tx store.Store) error {
		fresh, all, err := s.keyAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		old, ok := replaced(fresh, all, s.time())
		if !ok {
			return conflict(ErrorCodeState, "The API key %s is not replacing another one any more.", fresh.Name)
		}
		left, err = end(tx, fresh, old)
		return err
	})
	if err != nil {
		return store.APIKey{}, err
	}
	return public(left), nil
}

// replaced returns the key that a rotation under way replaces with this one.
func replaced(fresh store.APIKey, all []store.APIKey, now time.Time) (store.APIKey, bool) {
	i := slices.IndexFunc(all, func(k store.APIKey) bool { return k.ID == fresh.Replaces })
	if i < 0 || !authenticates(&all[i], now) || !authenticates(&fresh, now) {
		return store.APIKey{}, false
	}
	return all[i], true
}

// rotating tells whether the key takes part in a rotation under way, on either side.
func rotating(k store.APIKey, all []store.APIKey, now time.Time) bool {
	_, fresh := replaced(k, all, now)
	return fresh || slices.ContainsFunc(all, func(other store.APIKey) bool {
		_, ok := replaced(other, all, now)
		return ok && other.Replaces == k.ID
	})
}

// keyAt reads a key at the version that the caller saw, and all others of the tenant.
func (s *Service) keyAt(ctx context.Context, tx store.Store, tenantID, id string, version int64) (store.APIKey, []store.APIKey, error) {
	all, err := tx.APIKeys(ctx, tenantID)
	if err != nil {
		return store.APIKey{}, nil, fmt.Errorf("tenant: reading API keys: %w", err)
	}
	i := slices.IndexFunc(all, func(k store.APIKey) bool { return k.ID == id })
	switch {
	case i < 0:
		return store.APIKey{}, nil, fmt.Errorf("tenant: no such API key: %w", store.ErrNotFound)
	case all[i].Version != version:
		return store.APIKey{}, nil, stale()
	}
	return all[i], all, nil
}

// saveKey writes a changed key with its event.
func (s *Service) saveKey(ctx context.Context, tx store.Store, actor Actor, tenantID string, before, after store.APIKey, what string) (store.APIKey, error) {
	after.UpdatedAt = s.time()
	if !after.RevokedAt.IsZero() {
		after.SealedKey = nil // nobody needs it any more
	}
	e, err := s.event(actor, change{kind: kindAPIKey, id: after.ID, name: after.Name, what: what, before: public(before), after: public(after)})
	if err != nil {
		return store.APIKey{}, err
	}
	out, err := tx.UpdateAPIKey(ctx, tenantID, after, e)
	if errors.Is(err, store.ErrConflict) {
		return store.APIKey{}, conflict(ErrorCodeNameTaken, "There is an API key named %s already.", after.Name)
	}
	return out, written("writing the API key", err)
}

// oldKeyName leaves the name to the new key.
func oldKeyName(name string) string {
	r := []rune(name)
	return string(r[:min(len(r), maxName-len(oldKeySuffix))]) + oldKeySuffix
}

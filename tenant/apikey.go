package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Scopes of API keys.
const (
	// ScopeSCIMRead reads users and groups.
	ScopeSCIMRead = "scim:read"
	// ScopeSCIMWrite changes users and groups, and reads them.
	ScopeSCIMWrite = "scim:write"
)

const (
	// MaxAPIKeys is how many keys of a tenant may be in force at a time.
	MaxAPIKeys = 20

	kindAPIKey = "api_key"
	// usedResolution is how exact "last used" is: a write for every request would cost
	// more than the knowledge is worth. requestResolution is the same of directories.
	usedResolution    = time.Minute
	requestResolution = 5 * time.Minute
)

// NewAPIKey is what an owner chooses for a key.
type NewAPIKey struct {
	// Name tells keys apart: 1 to 100 characters, unique among those in force.
	Name string
	// Scopes are what the key may do. Empty means [ScopeSCIMRead] and [ScopeSCIMWrite].
	Scopes []string
	// ExpiresAt ends the key's life; zero means that it does not expire.
	ExpiresAt time.Time
	// DirectoryID is the directory that the key speaks for. Empty means the tenant's
	// only one.
	DirectoryID string
}

// CreateAPIKey makes a key. The secret is returned this once and stored as a hash
// alone, unless Config.RevealableAPIKeys says otherwise. Without an enabled directory there is nothing to speak for: scim_required.
func (s *Service) CreateAPIKey(ctx context.Context, actor Actor, tenantID string, n NewAPIKey) (Secret, store.APIKey, error) {
	if err := s.allow(ctx, actor, ActionManageAPIKeys, tenantID); err != nil {
		return Secret{}, store.APIKey{}, err
	}
	if err := s.needSCIM(ctx, tenantID); err != nil {
		return Secret{}, store.APIKey{}, err
	}
	now := s.time()
	key, findings := parseAPIKey(n, now)
	if err := refuse(findings); err != nil {
		return Secret{}, store.APIKey{}, err
	}
	secret, err := newAPIKey(s.cfg.APIKeyPrefix)
	if err != nil {
		return Secret{}, store.APIKey{}, err
	}
	key.Meta = store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}
	key.CreatedBy = actor.event()
	if err := s.putKey(tenantID, &key, secret); err != nil {
		return Secret{}, store.APIKey{}, err
	}
	var out store.APIKey
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		var err error
		out, err = s.createAPIKey(ctx, tx, actor, tenantID, key)
		return err
	})
	if err != nil {
		return Secret{}, store.APIKey{}, err
	}
	return secret, public(out), nil
}

func (s *Service) createAPIKey(ctx context.Context, tx store.Store, actor Actor, tenantID string, key store.APIKey) (store.APIKey, error) {
	var err error
	if key.DirectoryID, err = chooseDirectory(ctx, tx, tenantID, key.DirectoryID); err != nil {
		return store.APIKey{}, err
	}
	keys, err := tx.APIKeys(ctx, tenantID)
	if err != nil {
		return store.APIKey{}, fmt.Errorf("tenant: reading API keys: %w", err)
	}
	if len(inForce(keys, s.time())) >= MaxAPIKeys {
		return store.APIKey{}, conflict(ErrorCodeTooMany, "There are %d API keys already. Revoke one that is not used any more.", MaxAPIKeys)
	}
	e, err := s.event(actor, change{kind: kindAPIKey, id: key.ID, name: key.Name, what: "api_key.created", after: public(key)})
	if err != nil {
		return store.APIKey{}, err
	}
	out, err := tx.CreateAPIKey(ctx, tenantID, key, e)
	if errors.Is(err, store.ErrConflict) {
		return store.APIKey{}, conflict(ErrorCodeNameTaken, "There is an API key named %s already.", key.Name)
	}
	return out, written("creating the API key", err)
}

func parseAPIKey(n NewAPIKey, now time.Time) (store.APIKey, []Finding) {
	var findings []Finding
	k := store.APIKey{Name: strings.Join(strings.Fields(n.Name), " "), DirectoryID: n.DirectoryID, ExpiresAt: store.Time(n.ExpiresAt)}
	switch {
	case k.Name == "":
		findings = append(findings, errorFinding(FieldKeyName, CodeRequired, "Give the key a name, such as the directory's."))
	case len([]rune(k.Name)) > maxName || k.Name != shown(k.Name):
		findings = append(findings, errorFinding(FieldKeyName, CodeNameInvalid, "The name must have at most %d ordinary characters.", maxName))
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now) {
		findings = append(findings, errorFinding(FieldKeyExpiry, CodeDateInvalid, "The key would have expired already. Choose a later date, or none.").got(k.ExpiresAt.Format(time.RFC3339)))
	}
	if k.ExpiresAt.Year() > 2999 {
		findings = append(findings, errorFinding(FieldKeyExpiry, CodeDateInvalid, "Choose an earlier date, or none."))
	}
	all := []string{ScopeSCIMRead, ScopeSCIMWrite}
	for _, scope := range n.Scopes {
		if !slices.Contains(all, scope) {
			f := errorFinding(FieldKeyScopes, CodeScopeInvalid, "%s is not a scope of API keys.", shown(scope)).got(shown(scope))
			f.Expected = strings.Join(all, ", ")
			findings = append(findings, f)
		} else if !slices.Contains(k.Scopes, scope) {
			k.Scopes = append(k.Scopes, scope)
		}
	}
	if len(n.Scopes) == 0 {
		k.Scopes = all
	}
	return k, findings
}

// chooseDirectory finds the directory that a new key speaks for.
func chooseDirectory(ctx context.Context, tx store.Store, tenantID, id string) (string, error) {
	all, err := tx.Directories(ctx, tenantID)
	if err != nil {
		return "", fmt.Errorf("tenant: reading directories: %w", err)
	}
	all = slices.DeleteFunc(all, func(d store.Directory) bool { return !d.Enabled || id != "" && d.ID != id })
	switch {
	case len(all) == 1:
		return all[0].ID, nil
	case len(all) > 1:
		return "", conflict(ErrorCodeSCIMRequired, "There are several directories. Say which one the key is for.")
	case id != "":
		return "", fmt.Errorf("tenant: no such enabled directory: %w", store.ErrNotFound)
	}
	return "", conflict(ErrorCodeSCIMRequired, "Set up SCIM provisioning first. The key is for its directory.")
}

// inForce keeps the keys that authenticate.
func inForce(keys []store.APIKey, now time.Time) []store.APIKey {
	var out []store.APIKey
	for _, k := range keys {
		if authenticates(&k, now) {
			out = append(out, k)
		}
	}
	return out
}

func authenticates(k *store.APIKey, now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || k.ExpiresAt.After(now))
}

// APIKeys returns the tenant's keys, revoked and expired ones too, oldest first. None
// holds what it authenticates with.
func (s *Service) APIKeys(ctx context.Context, actor Actor, tenantID string) ([]store.APIKey, error) {
	if err := s.allow(ctx, actor, ActionViewAPIKeys, tenantID); err != nil {
		return nil, err
	}
	keys, err := s.store.APIKeys(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("tenant: reading API keys: %w", err)
	}
	for i := range keys {
		keys[i] = public(keys[i])
	}
	return keys, nil
}

// public is a key without what it could be used with.
func public(k store.APIKey) store.APIKey {
	k.Hash, k.SealedKey = nil, nil
	return k
}

// RevokeAPIKey ends a key at once. Revoking the last key of an enabled directory needs
// confirm: afterwards nobody is deprovisioned. Revoking a revoked key succeeds. A key that
// is replacing another one is revoked by [Service.CancelKeyRotation] alone; revoking the
// one that it replaces completes the rotation.
func (s *Service) RevokeAPIKey(ctx context.Context, actor Actor, tenantID, id string, version int64, confirm bool) (store.APIKey, error) {
	if err := s.allow(ctx, actor, ActionManageAPIKeys, tenantID); err != nil {
		return store.APIKey{}, err
	}
	var out store.APIKey
	err := s.store.InTx(ctx, func(tx store.Store) error {
		before, err := tx.APIKey(ctx, tenantID, id)
		if err != nil {
			return fmt.Errorf("tenant: reading the API key: %w", err)
		}
		if !before.RevokedAt.IsZero() {
			out = before
			return nil
		}
		if before.Version != version {
			return stale()
		}
		if err := s.mayRevoke(ctx, tx, tenantID, before, confirm); err != nil {
			return err
		}
		after := before
		after.RevokedAt = s.time()
		out, err = s.saveKey(ctx, tx, actor, tenantID, before, after, "api_key.revoked")
		return err
	})
	if err != nil {
		return store.APIKey{}, err
	}
	return public(out), nil
}

func (s *Service) mayRevoke(ctx context.Context, tx store.Store, tenantID string, key store.APIKey, confirm bool) error {
	keys, err := tx.APIKeys(ctx, tenantID)
	if err != nil {
		return fmt.Errorf("tenant: reading API keys: %w", err)
	}
	if _, ok := replaced(key, keys, s.time()); ok {
		return conflict(ErrorCodeState, "The API key %s is replacing another one, which would expire unseen. Cancel the rotation instead: that revokes this key, and keeps the other.", key.Name)
	}
	if confirm {
		return nil
	}
	d, err := tx.Directory(ctx, tenantID, key.DirectoryID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !d.Enabled {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tenant: reading the directory: %w", err)
	}
	left := slices.DeleteFunc(inForce(keys, s.time()), func(k store.APIKey) bool { return k.ID == key.ID || k.DirectoryID != key.DirectoryID })
	if len(left) == 0 && authenticates(&key, s.time()) {
		return conflict(ErrorCodeConfirmationRequired, "This is the last key of an active directory: without it, people who leave keep their access. Confirm to revoke it.")
	}
	return nil
}

// Principal is who presented a valid API key.
type Principal struct {
	TenantID string
	// KeyID and KeyName tell the key in the journal. They are no secrets.
	KeyID, KeyName string
	// DirectoryID is the directory that the key speaks for, ConnectionID the connection
	// through which its people sign in.
	DirectoryID, ConnectionID string
	Scopes                    []string
	Preferences               store.SCIMPreferences

	// Refusal says why the directory may give nobody access, as [CheckDirectory] does, at the
	// time CheckedAt; nil if nothing stood in the way. Without CheckedAt it is not known.
	Refusal   *Refusal
	CheckedAt time.Time
}

// AuthenticateAPIKey finds out who presents a key at a tenant's base URL. Whatever is
// wrong with it (malformed, unknown, another tenant's or region's, revoked, expired, no such
// tenant), the error matches [ErrBadAPIKey] and says nothing else, and the work done
// is the same, but for the tenant's own revoked or expired key: noting its use takes a
// transaction, and whoever notices has held the key. A good key of a directory that is switched off gives an error with the
// code scim_disabled, matching [ErrForbidden]. Other errors are the store's.
//
// It is one read of a [store.LookupStore], each time: a key that was revoked, or whose directory was switched off, is
// refused from then on by every replica. The same read tells whether connection or tenant are suspended.
//
// "Last used" is written at most once a minute for each key, "last request" at most once in five minutes for each directory. The first use of a key that was revoked or has expired is
// told to the owners, by the journal and by Config.Notifier: a directory still has it, or a thief (R66).
func (s *Service) AuthenticateAPIKey(ctx context.Context, tenantID, presented string) (Principal, error) {
	return s.AuthenticateAPIKeyFrom(ctx, tenantID, presented, Origin{})
}

// AuthenticateAPIKeyFrom is AuthenticateAPIKey of a request that came from there, which is told with the first use of a key
// that was revoked or has expired.
func (s *Service) AuthenticateAPIKeyFrom(ctx context.Context, tenantID, presented string, from Origin) (Principal, error) {
	// Every path hashes once and reads once, so that time tells nothing.
	wellFormed := len(presented) <= maxPresented && wellFormedAPIKey(s.cfg.APIKeyPrefix, presented) && CheckID(tenantID) == nil
	hash := s.cfg.Regions.hashToken(presented[:min(len(presented), maxPresented)])
	if !wellFormed {
		tenantID = "-" // a store is never asked with what can't be an ID
	}
	now := s.time()
	found, err := store.FindDirectory(ctx, s.store, tenantID, hash)
	key, d := found.Key, found.Directory
	switch {
	case err != nil:
		return Principal{}, fmt.Errorf("tenant: looking for the API key: %w", err)
	case key.ID == "", !wellFormed:
		return Principal{}, ErrBadAPIKey
	case !authenticates(&key, now):
		s.noteDeadKey(ctx, tenantID, key, from, now)
		return Principal{}, ErrBadAPIKey
	case d.ID == "":
		return Principal{}, ErrBadAPIKey
	case !d.Enabled:
		return Principal{}, forbidden(ErrorCodeSCIMDisabled, "SCIM provisioning is switched off for this organisation.")
	}
	if now.Sub(key.LastUsedAt) >= usedResolution {
		if err := s.store.MarkAPIKeyUsed(ctx, tenantID, key.ID, now); err != nil {
			s.log.WarnContext(ctx, "tenant: noting the use of an API key failed", "tenant", tenantID, "key", key.ID, "error", err)
		}
	}
	if now.Sub(d.LastRequestAt) >= requestResolution {
		if err := s.store.MarkDirectoryUsed(ctx, tenantID, d.ID, now); err != nil {
			s.log.WarnContext(ctx, "tenant: noting a request of a directory failed", "tenant", tenantID, "directory", d.ID, "error", err)
		}
	}
	return Principal{
		TenantID: tenantID, KeyID: key.ID, KeyName: key.Name, DirectoryID: d.ID, ConnectionID: d.ConnectionID,
		Scopes: slices.Clone(key.Scopes), Preferences: d.Preferences,
		Refusal: directoryRefusal(found.ServiceState, d.ConnectionID, found.ConnectionState), CheckedAt: now,
	}, nil
}

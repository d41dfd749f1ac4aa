package tenant

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// revealable is a tenant with two keys, the second replacing the first, at a host that keeps them.
func revealable(t *testing.T, ring *Keyring) (w *world, secrets [2]Secret, keys [2]store.APIKey) {
	t.Helper()
	w = newWorld(t, func(c *Config) { c.Keyring, c.RevealableAPIKeys = ring, true })
	w.active(t, "t1", acme())
	var err error
	secrets[0], keys[0], err = w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	secrets[1], keys[1], err = w.StartKeyRotation(t.Context(), owner, "t1", keys[0].ID, keys[0].Version)
	require.NoError(t, err)
	for _, k := range keys {
		require.Empty(t, k.SealedKey)
	}
	return w, secrets, keys
}

// TestRevealAPIKey: D2, R72.
func TestRevealAPIKey(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, secrets, keys := revealable(t, testRing(t, KeyringConfig{Keys: []Key{testKey("k", 1)}}))
	for i, k := range keys {
		got, err := w.RevealAPIKey(ctx, owner, "t1", k.ID)
		require.NoError(t, err)
		require.Equal(t, secrets[i].Reveal(), got.Reveal())
		events, err := w.store.Events(ctx, "t1", store.EventQuery{TypePrefix: "api_key.revealed"})
		require.NoError(t, err)
		require.Len(t, events, i+1)
		require.Equal(t, owner.ID, events[i].Actor.ID)
	}
	all, err := w.APIKeys(ctx, owner, "t1")
	require.NoError(t, err)
	for _, k := range all {
		require.Empty(t, k.SealedKey)
	}
	w.events(t, "t1", 0) // none holds a sealed key

	// A key that is revoked is gone, also for whoever reads the store.
	done, err := w.CompleteKeyRotation(ctx, owner, "t1", keys[1].ID, keys[1].Version, true)
	require.NoError(t, err)
	stored, err := w.store.APIKey(ctx, "t1", keys[0].ID)
	require.NoError(t, err)
	require.Empty(t, stored.SealedKey)
	w.refusedWith(t, "t1", ErrorCodeState, func() error { _, err := w.RevealAPIKey(ctx, owner, "t1", keys[0].ID); return err })
	_, err = w.RevealAPIKey(ctx, owner, "t1", done.ID)
	require.NoError(t, err)

	// A sealed key that was moved to another record opens nothing.
	_, other, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "Other"})
	require.NoError(t, err)
	stored, err = w.store.APIKey(ctx, "t1", done.ID)
	require.NoError(t, err)
	moved, err := w.store.APIKey(ctx, "t1", other.ID)
	require.NoError(t, err)
	moved.SealedKey = stored.SealedKey
	_, err = w.store.UpdateAPIKey(ctx, "t1", moved)
	require.NoError(t, err)
	w.refusedWith(t, "t1", ErrorCodeSecretUnreadable, func() error { _, err := w.RevealAPIKey(ctx, owner, "t1", other.ID); return err })
}

// TestKeysAreNotKeptByDefault: D2. The hash alone is stored.
func TestKeysAreNotKeptByDefault(t *testing.T) {
	t.Parallel()
	w, _, key := keyWorld(t, 0)
	stored, err := w.store.APIKey(t.Context(), "t1", key.ID)
	require.NoError(t, err)
	require.Empty(t, stored.SealedKey)
	w.refusedWith(t, "t1", ErrorCodeState, func() error { _, err := w.RevealAPIKey(t.Context(), owner, "t1", key.ID); return err })
}

// TestResealAPIKeys: sealed keys follow a rotation of the host's keys, and go when the host doesn't want them any more.
func TestResealAPIKeys(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	ring := testRing(t, KeyringConfig{Keys: []Key{testKey("old", 1)}})
	w, secrets, keys := revealable(t, ring)
	provide := func(keys ...Key) {
		t.Helper()
		require.NoError(t, ring.Reload(ctx, providerFunc(func() (KeyringConfig, error) { return KeyringConfig{Keys: keys}, nil })))
	}
	reseal := func(want int) {
		t.Helper()
		n, err := w.ResealSecrets(ctx, "t1")
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	reseal(0)
	provide(testKey("new", 2), testKey("old", 1))
	reseal(3) // the client secret too
	reseal(0)
	provide(testKey("new", 2))
	for i, k := range keys {
		got, err := w.RevealAPIKey(ctx, owner, "t1", k.ID)
		require.NoError(t, err)
		require.Equal(t, secrets[i].Reveal(), got.Reveal())
		require.True(t, w.accepts(t, secrets[i]))
	}

	provide(testKey("third", 3))
	n, err := w.ResealSecrets(ctx, "t1")
	require.ErrorIs(t, err, ErrSecretUnreadable)
	require.ErrorContains(t, err, "API key "+keys[1].ID)
	require.Zero(t, n)

	provide(testKey("new", 2))
	w.cfg.RevealableAPIKeys = false
	w.refusedWith(t, "t1", ErrorCodeState, func() error { _, err := w.RevealAPIKey(ctx, owner, "t1", keys[1].ID); return err })
	reseal(2)
	reseal(0)
	for i, k := range keys {
		stored, err := w.store.APIKey(ctx, "t1", k.ID)
		require.NoError(t, err)
		require.Empty(t, stored.SealedKey)
		require.True(t, w.accepts(t, secrets[i]), "it goes on working")
	}
}

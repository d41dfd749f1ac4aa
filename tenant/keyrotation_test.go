package tenant

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// keyWorld is a tenant with one key.
func keyWorld(t *testing.T, expires time.Duration) (*world, Secret, store.APIKey) {
	t.Helper()
	w := newWorld(t)
	w.active(t, "t1", acme())
	n := NewAPIKey{Name: "Okta", Scopes: []string{ScopeSCIMRead}}
	if expires > 0 {
		n.ExpiresAt = w.clock().Add(expires)
	}
	secret, key, err := w.CreateAPIKey(t.Context(), owner, "t1", n)
	require.NoError(t, err)
	return w, secret, key
}

func (w *world) accepts(t *testing.T, s Secret) bool {
	t.Helper()
	_, err := w.AuthenticateAPIKey(t.Context(), "t1", s.Reveal())
	if err != nil {
		require.Equal(t, ErrBadAPIKey, err)
	}
	return err == nil
}

func (w *world) key(t *testing.T, id string) store.APIKey {
	t.Helper()
	all, err := w.APIKeys(t.Context(), owner, "t1")
	require.NoError(t, err)
	for _, k := range all {
		if k.ID == id {
			return k
		}
	}
	require.FailNow(t, "no such key")
	return store.APIKey{}
}

// TestKeyRotation: R71. No sync fails between start and completion.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, oldSecret, old := keyWorld(t, 90*day)
	w.pass(30 * day)
	w.refusedWith(t, "t1", ErrorCodeStale, func() error {
		_, _, err := w.StartKeyRotation(ctx, owner, "t1", old.ID, old.Version+1)
		return err
	})
	secret, fresh, err := w.StartKeyRotation(ctx, owner, "t1", old.ID, old.Version)
	require.NoError(t, err)
	require.Nil(t, fresh.Hash)
	require.Equal(t, "Okta", fresh.Name)
	require.Equal(t, old.Scopes, fresh.Scopes)
	require.Equal(t, old.DirectoryID, fresh.DirectoryID)
	require.Equal(t, store.Time(w.clock().Add(90*day)), fresh.ExpiresAt, "as long a life as the old one's")
	before := w.key(t, old.ID)
	require.Equal(t, "Okta (old)", before.Name)
	require.Equal(t, store.Time(w.clock().Add(KeyRotation)), before.ExpiresAt)
	require.True(t, w.accepts(t, oldSecret))

	// Neither side takes part in a second rotation, and the new one isn't revoked under the old one's feet.
	for _, k := range []store.APIKey{before, fresh} {
		w.refusedWith(t, "t1", ErrorCodeState, func() error {
			_, _, err := w.StartKeyRotation(ctx, owner, "t1", k.ID, k.Version)
			return err
		})
	}
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := w.RevokeAPIKey(ctx, owner, "t1", fresh.ID, fresh.Version, true)
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := w.CompleteKeyRotation(ctx, owner, "t1", before.ID, before.Version, true)
		return err
	})

	// The directory has the old one as long as the new one was not seen.
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error {
		_, err := w.CompleteKeyRotation(ctx, owner, "t1", fresh.ID, fresh.Version, false)
		return err
	})
	require.True(t, w.accepts(t, secret))
	done, err := w.CompleteKeyRotation(ctx, owner, "t1", fresh.ID, fresh.Version, false)
	require.NoError(t, err)
	require.Equal(t, fresh.ID, done.ID)
	require.Empty(t, done.Replaces)
	require.Nil(t, done.Hash)
	require.False(t, w.accepts(t, oldSecret))
	require.True(t, w.accepts(t, secret))
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := w.CancelKeyRotation(ctx, owner, "t1", done.ID, done.Version)
		return err
	})
	types := w.events(t, "t1", 0)
	require.Contains(t, types, "api_key.rotation_started")
	require.Contains(t, types, "api_key.rotation_completed")

	// And the next one.
	_, _, err = w.StartKeyRotation(ctx, owner, "t1", done.ID, done.Version)
	require.NoError(t, err)
}

// TestKeyRotationCancelled: everything is as it was, whatever the old key's expiry.
func TestKeyRotationCancelled(t *testing.T) {
	t.Parallel()
	for _, life := range []time.Duration{0, 5 * day, 90 * day} {
		w, oldSecret, old := keyWorld(t, life)
		secret, fresh, err := w.StartKeyRotation(t.Context(), owner, "t1", old.ID, old.Version)
		require.NoError(t, err)
		require.Equal(t, life == 0, fresh.ExpiresAt.IsZero())
		w.refusedWith(t, "t1", ErrorCodeStale, func() error {
			_, err := w.CancelKeyRotation(t.Context(), owner, "t1", fresh.ID, fresh.Version+1)
			return err
		})
		back, err := w.CancelKeyRotation(t.Context(), owner, "t1", fresh.ID, fresh.Version)
		require.NoError(t, err)
		require.Equal(t, old.ID, back.ID)
		require.Equal(t, "Okta", back.Name)
		require.Equal(t, old.ExpiresAt, back.ExpiresAt)
		require.Nil(t, back.Hash)
		require.True(t, w.accepts(t, oldSecret))
		require.False(t, w.accepts(t, secret))
		_, _, err = w.StartKeyRotation(t.Context(), owner, "t1", back.ID, back.Version)
		require.NoError(t, err, "it can be tried again")
	}
}

// TestKeyRotationForgotten: after fourteen days the old key is gone and the new one is a key like any other.
func TestKeyRotationForgotten(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, oldSecret, old := keyWorld(t, 0)
	secret, fresh, err := w.StartKeyRotation(ctx, owner, "t1", old.ID, old.Version)
	require.NoError(t, err)
	w.pass(KeyRotation)
	require.False(t, w.accepts(t, oldSecret))
	require.True(t, w.accepts(t, secret))
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := w.CancelKeyRotation(ctx, owner, "t1", fresh.ID, fresh.Version)
		return err
	})
	dead := w.key(t, old.ID)
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, _, err := w.StartKeyRotation(ctx, owner, "t1", dead.ID, dead.Version)
		return err
	})
	_, err = w.RevokeAPIKey(ctx, owner, "t1", fresh.ID, fresh.Version, true)
	require.NoError(t, err)
}

// TestKeyRotationRefused: names and numbers of keys are bounded during a rotation too, and a refusal leaves nothing.
func TestKeyRotationRefused(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, secret, old := keyWorld(t, 0)
	create := func(name string) store.APIKey {
		t.Helper()
		_, k, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: name})
		require.NoError(t, err)
		return k
	}
	start := func() error {
		_, _, err := w.StartKeyRotation(ctx, owner, "t1", old.ID, old.Version)
		return err
	}
	taken := create("Okta (old)")
	w.refusedWith(t, "t1", ErrorCodeNameTaken, start)
	_, err := w.RevokeAPIKey(ctx, owner, "t1", taken.ID, taken.Version, true)
	require.NoError(t, err)
	for i := range MaxAPIKeys - 1 {
		create(strings.Repeat("x", i+1))
	}
	w.refusedWith(t, "t1", ErrorCodeTooMany, start)
	require.Equal(t, "Okta", w.key(t, old.ID).Name)
	require.True(t, w.accepts(t, secret))
	_, _, err = w.StartKeyRotation(ctx, owner, "t1", "unknown", 1)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// TestOldKeyName: the longest name still leaves room for the suffix.
func TestOldKeyName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Okta (old)", oldKeyName("Okta"))
	long := oldKeyName(strings.Repeat("ü", maxName))
	require.Len(t, []rune(long), maxName)
	require.True(t, strings.HasSuffix(long, "ü (old)"))
}

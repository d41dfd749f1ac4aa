package tenant

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

const nextSecret = "the-next-secret-7777"

// TestR44NextSecret: the new secret waits, and sign-ins go on with the old one until a test succeeded with the new one.
func TestR44NextSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	inForce := func() string {
		_, secret, err := w.SignInConnection(ctx, "t1", c.ID)
		require.NoError(t, err)
		return secret.Reveal()
	}
	from := len(w.events(t, "t1", 0))
	w.pass(time.Hour)
	expires := store.Time(w.clock().Add(90 * day))
	staged, findings, err := w.StageSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret(" "+nextSecret+" "), expires)
	require.NoError(t, err)
	require.Empty(t, findings)
	require.Equal(t, &store.NextSecret{Hint: "7777", SetAt: store.Time(w.clock()), ExpiresAt: expires}, staged.NextSecret, "shown without the secret")
	require.Equal(t, c.ConfigVersion, staged.ConfigVersion, "nothing changes for anybody yet")
	require.Equal(t, "6789", staged.SecretHint)
	require.Equal(t, testSecret, inForce())

	raw := w.stored(t, c.ID)
	next, err := w.ClientSecret(ctx, raw.WithNextSecret())
	require.NoError(t, err)
	require.Equal(t, nextSecret, next.Reveal(), "what a test uses")
	require.Equal(t, raw.WithNextSecret(), raw.WithNextSecret().WithNextSecret())

	// A test of the old one changes nothing about it, one of a third is of no use.
	w.pass(time.Hour)
	tried := TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "owner@acme.com", SecretSetAt: c.SecretSetAt}
	got, err := w.RecordTestSignIn(ctx, owner, "t1", c.ID, tried)
	require.NoError(t, err)
	require.NotNil(t, got.NextSecret)
	w.refusedWith(t, "t1", ErrorCodeStale, func() error {
		other := tried
		other.SecretSetAt = w.clock()
		_, err := w.RecordTestSignIn(ctx, owner, "t1", c.ID, other)
		return err
	})
	// One that comes back with an address that is none of the tenant's leaves everything as it was.
	tried.SecretSetAt = staged.NextSecret.SetAt
	w.refusedWith(t, "t1", CodeDomainMismatch, func() error {
		other := tried
		other.Email = "a@evil.example"
		_, err := w.RecordTestSignIn(ctx, owner, "t1", c.ID, other)
		return err
	})
	require.Equal(t, testSecret, inForce())

	got, err = w.RecordTestSignIn(ctx, owner, "t1", c.ID, tried)
	require.NoError(t, err)
	require.Nil(t, got.NextSecret)
	require.Equal(t, nextSecret, inForce())
	require.Equal(t, "7777", got.SecretHint)
	require.Equal(t, expires, got.SecretExpiresAt)
	require.Equal(t, store.ConnectionActive, got.State)
	require.Equal(t, c.ConfigVersion+1, got.ConfigVersion)
	require.Equal(t, got.ConfigVersion, got.TestedVersion)
	require.Equal(t, []string{"connection.next_secret_set", "connection.tested", "connection.next_secret_in_force"}, w.events(t, "t1", from))
	all, err := w.store.Events(ctx, "t1", store.EventQuery{})
	require.NoError(t, err)
	text, err := json.Marshal(all)
	require.NoError(t, err)
	require.NotContains(t, string(text), nextSecret)
	require.NotContains(t, string(text), `"sealed"`)
	require.NotContains(t, fmt.Sprintf("%+v", got), nextSecret)

	w.refusedWith(t, "t1", ErrorCodeStale, func() error { // the same test once more
		_, err := w.RecordTestSignIn(ctx, owner, "t1", c.ID, tried)
		return err
	})
}

// TestNextSecretRefused: bad input, and connections that nobody signs in at.
func TestNextSecretRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	stage := func(c Connection, secret string, expires time.Time) func() error {
		return func() error {
			_, _, err := w.StageSecret(ctx, owner, c.TenantID, c.ID, c.Version, NewSecret(secret), expires)
			return err
		}
	}
	d := w.draft(t, "t2", Draft{Domains: []string{"beta.com"}})
	w.refusedWith(t, "t2", ErrorCodeState, stage(d, nextSecret, time.Time{}))
	c := w.active(t, "t1", acme())
	w.refusedWith(t, "t1", CodeRequired, stage(c, " ", time.Time{}))
	w.refusedWith(t, "t1", CodeSecretInvalid, stage(c, "two words", time.Time{}))
	w.refusedWith(t, "t1", CodeSecretExpiredAlready, stage(c, nextSecret, w.clock().Add(-time.Hour)))
	w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
		_, _, err := w.StageSecret(ctx, stranger, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
		return err
	})
	drop := func() error {
		got, err := w.DropNextSecret(ctx, owner, "t1", c.ID, c.Version)
		if err == nil {
			c = got
		}
		return err
	}
	w.refusedWith(t, "t1", ErrorCodeState, drop)

	// Dropped, replaced by another that waits, or by one that counts at once: a test of it says nothing any more.
	var err error
	var setAt []time.Time
	for range 2 { // the clock stands still
		c, _, err = w.StageSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
		require.NoError(t, err)
		require.NotContains(t, append(setAt, c.SecretSetAt), c.NextSecret.SetAt)
		setAt = append(setAt, c.NextSecret.SetAt)
	}
	w.refusedWith(t, "t1", ErrorCodeStale, stage(Connection{Connection: store.Connection{Meta: store.Meta{TenantID: "t1", ID: c.ID, Version: c.Version - 1}}}, nextSecret, time.Time{}))
	test := func(at time.Time) func() error {
		return func() error {
			_, err := w.RecordTestSignIn(ctx, owner, "t1", c.ID, TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "owner@acme.com", SecretSetAt: at})
			return err
		}
	}
	w.refusedWith(t, "t1", ErrorCodeStale, test(setAt[0]))
	require.NoError(t, drop())
	w.refusedWith(t, "t1", ErrorCodeStale, test(setAt[1]))
	c, _, err = w.StageSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
	require.NoError(t, err)
	c, _, err = w.ReplaceSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret("at-once-secret-5555"), time.Time{})
	require.NoError(t, err)
	require.Nil(t, c.NextSecret)
	require.Nil(t, w.stored(t, c.ID).NextSecret)

	// It goes with the connection.
	c, _, err = w.StageSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
	require.NoError(t, err)
	c, err = w.Suspend(ctx, owner, "t1", c.ID, c.Version, "")
	require.NoError(t, err)
	require.NotNil(t, c.NextSecret)
	require.NoError(t, w.Delete(ctx, owner, "t1", c.ID, c.Version))
	require.Nil(t, w.stored(t, c.ID).NextSecret)
}

// TestNextSecretIsSealedAgain: a rotation of keys finds the secret that waits, also where the other can't be opened.
func TestNextSecretIsSealedAgain(t *testing.T) {
	t.Parallel()
	ring := testRing(t, KeyringConfig{Keys: []Key{testKey("old", 1)}})
	w := newWorld(t, func(c *Config) { c.Keyring = ring })
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	provide := func(keys ...Key) {
		require.NoError(t, ring.Reload(ctx, providerFunc(func() (KeyringConfig, error) { return KeyringConfig{Keys: keys}, nil })))
	}
	provide(testKey("new", 2), testKey("old", 1))
	n, err := w.ResealSecrets(ctx, "t1")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	provide(testKey("old", 1), testKey("new", 2)) // a replica that has not heard of it
	_, _, err = w.StageSecret(ctx, owner, "t1", c.ID, w.stored(t, c.ID).Version, NewSecret(nextSecret), time.Time{})
	require.NoError(t, err)

	provide(testKey("new", 2), testKey("old", 1))
	n, err = w.ResealSecrets(ctx, "t1")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = w.ResealSecrets(ctx, "t1")
	require.NoError(t, err)
	require.Zero(t, n)
	provide(testKey("new", 2))
	for want, c := range map[string]store.Connection{testSecret: w.stored(t, c.ID), nextSecret: w.stored(t, c.ID).WithNextSecret()} {
		secret, err := w.ClientSecret(ctx, c)
		require.NoError(t, err)
		require.Equal(t, want, secret.Reveal())
	}

	raw := w.stored(t, c.ID)
	raw.SealedSecret = []byte("of no key")
	_, err = w.store.UpdateConnection(ctx, "t1", raw)
	require.NoError(t, err)
	provide(testKey("third", 3), testKey("new", 2))
	_, err = w.ResealSecrets(ctx, "t1")
	require.ErrorIs(t, err, ErrSecretUnreadable)
	provide(testKey("third", 3))
	secret, err := w.ClientSecret(ctx, w.stored(t, c.ID).WithNextSecret())
	require.NoError(t, err)
	require.Equal(t, nextSecret, secret.Reveal())
}

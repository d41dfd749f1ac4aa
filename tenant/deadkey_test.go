package tenant

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestDeadKeys: R66. A revoked or expired key is refused like any other wrong one, and its first use is told.
func TestDeadKeys(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"revoked", "expired"} {
		box := &mailbox{}
		w := newWorld(t, func(c *Config) { c.Notifier = box })
		ctx := t.Context()
		w.active(t, "t1", acme())
		secret, key, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "Okta", ExpiresAt: w.clock().Add(time.Hour)})
		require.NoError(t, err)
		_, err = w.AuthenticateAPIKey(ctx, "t1", secret.Reveal())
		require.NoError(t, err)
		if how == "revoked" {
			_, err = w.RevokeAPIKey(ctx, owner, "t1", key.ID, key.Version, true)
			require.NoError(t, err)
		} else {
			w.pass(2 * time.Hour)
		}

		refused := func(tenantID string) {
			t.Helper()
			_, err := w.AuthenticateAPIKey(ctx, tenantID, secret.Reveal())
			require.Equal(t, ErrBadAPIKey, err)
		}
		told := func() int {
			t.Helper()
			events, err := w.store.Events(ctx, "t1", store.EventQuery{TypePrefix: "api_key.refused"})
			require.NoError(t, err)
			return len(events)
		}
		refused("t2") // another tenant's address: nobody's business
		require.Zero(t, told())
		box.fail = errors.New("mail server down")
		refused("t1")
		require.Zero(t, told(), "tried again the next time")
		box.fail = nil
		for range 3 {
			refused("t1")
		}
		require.Equal(t, 1, told())
		require.Len(t, box.calls, 2)
		n := box.calls[1]
		require.Equal(t, box.calls[0], n)
		require.Equal(t, NoticeDeadKeyUsed, n.Kind)
		require.Equal(t, "t1 "+key.ID+" Okta", n.TenantID+" "+n.KeyID+" "+n.KeyName)
		require.Contains(t, n.Message, how)
		require.NotContains(t, n.Message, secret.Reveal())
	}
}

// TestDeadKeyWithoutNotifier: the journal has it all the same.
func TestDeadKeyWithoutNotifier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.active(t, "t1", acme())
	secret, key, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	_, err = w.RevokeAPIKey(t.Context(), owner, "t1", key.ID, key.Version, true)
	require.NoError(t, err)
	_, err = w.AuthenticateAPIKey(t.Context(), "t1", secret.Reveal())
	require.ErrorIs(t, err, ErrBadAPIKey)
	events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: "api_key.refused"})
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, "api_key", events[0].Actor.Kind)
}

// TestDeadKeyOrigin: R51, R66. Whoever has a key that was revoked is told of with the address.
func TestDeadKeyOrigin(t *testing.T) {
	t.Parallel()
	box := &mailbox{}
	w := newWorld(t, func(c *Config) { c.Notifier = box })
	w.active(t, "t1", acme())
	secret, key, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	_, err = w.RevokeAPIKey(t.Context(), owner, "t1", key.ID, key.Version, true)
	require.NoError(t, err)
	from := Origin{IP: netip.MustParseAddr("203.0.113.9"), UserAgent: "curl"}
	_, err = w.AuthenticateAPIKeyFrom(t.Context(), "t1", secret.Reveal(), from)
	require.ErrorIs(t, err, ErrBadAPIKey)
	require.Contains(t, box.calls[0].Message, "The request came from 203.0.113.9.")
	events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: "api_key.refused"})
	require.NoError(t, err)
	require.Equal(t, from.Event(), events[0].Origin)
}

// TestDeadKeyNoticeFails: a notice that the host could not take is logged, whatever its error wraps, and tried again; one that
// was told before is no failure.
func TestDeadKeyNoticeFails(t *testing.T) {
	t.Parallel()
	box, log := &mailbox{fail: fmt.Errorf("host: queue: %w", store.ErrConflict)}, &bytes.Buffer{}
	w := newWorld(t, func(c *Config) { c.Notifier, c.Logger = box, slog.New(slog.NewTextHandler(log, nil)) })
	w.active(t, "t1", acme())
	secret, key, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	_, err = w.RevokeAPIKey(t.Context(), owner, "t1", key.ID, key.Version, true)
	require.NoError(t, err)
	require.False(t, w.accepts(t, secret))
	require.Contains(t, log.String(), "could not be told")
	require.NotContains(t, log.String(), secret.Reveal())
	box.fail = nil
	log.Reset()
	for range 2 {
		require.False(t, w.accepts(t, secret))
	}
	require.Len(t, box.calls, 2)
	require.Empty(t, log.String())
}

package tenant

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// enforced is a world with an enforced connection that has two break-glass addresses.
func enforced(t *testing.T, change ...func(*Config)) (*world, *mailbox, Connection) {
	t.Helper()
	box := &mailbox{}
	w := newWorld(t, append([]func(*Config){func(c *Config) { c.Notifier = box }}, change...)...)
	d := acme()
	d.Domains, d.BreakGlass = []string{"acme.com"}, []string{"admin@acme.com", "root@acme.com"}
	c := w.active(t, "t1", d)
	c, err := w.SetEnforced(t.Context(), owner, "t1", c.ID, c.Version, Activation{Enforced: true, Confirm: true})
	require.NoError(t, err)
	return w, box, c
}

func (w *world) drills(t *testing.T) int {
	t.Helper()
	n, err := w.RemindOfDrills(t.Context())
	require.NoError(t, err)
	return n
}

// TestDrillReminders: R45. An address that nobody has tried for 90 days is told, once a period; a try begins a new one.
func TestDrillReminders(t *testing.T) {
	t.Parallel()
	w, box, c := enforced(t)
	start := c.ActivatedAt
	w.pass(89 * day)
	require.Zero(t, w.drills(t))
	w.pass(day)
	require.Equal(t, 2, w.drills(t))
	require.Zero(t, w.drills(t), "once")
	require.Equal(t, Notice{
		ID: box.calls[0].ID, Kind: NoticeBreakGlassDrill, TenantID: "t1", ConnectionID: c.ID, ConnectionName: "Acme login",
		Emails: []string{"admin@acme.com"}, Since: start,
		Message: "Nobody has signed in with the break-glass address admin@acme.com since 24 November 2026. Try whether it works, so that it does when the provider fails.",
	}, box.calls[0])
	require.Equal(t, 2, w.of(t, "t1", "connection.drill_reminded"))

	// One is used, the other drilled a month later.
	list, err := NewBreakGlassList(BreakGlassConfig{Store: w.store, Now: w.clock})
	require.NoError(t, err)
	bypass, err := list.Decide(t.Context(), "t1", "admin@acme.com")
	require.NoError(t, err)
	require.True(t, bypass)
	w.pass(30 * day)
	require.NoError(t, w.DrillBreakGlass(t.Context(), owner, "t1", c.ID, "Root@ACME.com"))
	w.pass(59 * day)
	require.Zero(t, w.drills(t))
	w.pass(day)
	require.Equal(t, 1, w.drills(t))
	require.Equal(t, []string{"admin@acme.com"}, box.calls[2].Emails)
	w.pass(30 * day)
	require.Equal(t, 1, w.drills(t))
	require.Equal(t, []string{"root@acme.com"}, box.calls[3].Emails)

	// Nobody cares: once for each period, also where the background did not run for several.
	for range 60 {
		w.pass(day)
		w.drills(t)
	}
	require.Len(t, box.calls, 5)
	w.pass(400 * day)
	require.Equal(t, 2, w.drills(t))
	n, err := store.DeleteExpired(t.Context(), w.store, w.clock())
	require.NoError(t, err)
	require.Positive(t, n)
	require.Zero(t, w.drills(t), "what is cleaned up is of periods that are over")
}

// TestDrillReminderOfANewAddress: an address has its time from when it was listed.
func TestDrillReminderOfANewAddress(t *testing.T) {
	t.Parallel()
	w, box, c := enforced(t)
	w.pass(60 * day)
	_, err := w.SetBreakGlass(t.Context(), staff, "t1", c.ID, c.Version, false, "admin@acme.com", "new@acme.com")
	require.NoError(t, err)
	w.pass(31 * day)
	require.Equal(t, 1, w.drills(t))
	require.Equal(t, []string{"admin@acme.com"}, box.calls[0].Emails)
	w.pass(60 * day)
	require.Equal(t, 1, w.drills(t))
	require.Equal(t, []string{"new@acme.com"}, box.calls[1].Emails)
}

// TestWhoIsNotRemindedOfDrills: who signs in without the provider anyway.
func TestWhoIsNotRemindedOfDrills(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world, c Connection) error{
		"optional": func(w *world, c Connection) error {
			_, err := w.SetEnforced(t.Context(), owner, "t1", c.ID, c.Version, Activation{})
			return err
		},
		"suspended": func(w *world, c Connection) error {
			_, err := w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "")
			return err
		},
		"no address": func(w *world, c Connection) error {
			_, err := w.SetBreakGlass(t.Context(), staff, "t1", c.ID, c.Version, true)
			return err
		},
	} {
		w, box, c := enforced(t)
		require.NoError(t, change(w, c), name)
		w.pass(200 * day)
		require.Zero(t, w.drills(t), name)
		require.Empty(t, box.calls, name)
	}
}

// TestDrillRemindersFail: a host that fails is asked again, with the same ID.
func TestDrillRemindersFail(t *testing.T) {
	t.Parallel()
	w, box, _ := enforced(t, func(c *Config) { c.DrillAfter = 10 * day })
	w.pass(11 * day)
	for _, cause := range []error{errors.New("mail server down"), store.ErrConflict} {
		box.fail = cause
		n, err := w.RemindOfDrills(t.Context())
		require.ErrorIs(t, err, cause)
		require.Zero(t, n)
	}
	box.fail = nil
	require.Equal(t, 2, w.drills(t))
	require.Equal(t, box.calls[0].ID, box.calls[4].ID)

	var wg sync.WaitGroup
	w.pass(10 * day)
	for range 4 {
		wg.Go(func() {
			if _, err := w.RemindOfDrills(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, w.mails(t, "t1"), 4)

	cfg := w.cfg
	cfg.Notifier = nil
	s, err := New(cfg)
	require.NoError(t, err)
	_, err = s.RemindOfDrills(t.Context())
	require.ErrorContains(t, err, "Config.Notifier")
}

// TestDrillRefused: what is recorded as a drill can have been one.
func TestDrillRefused(t *testing.T) {
	t.Parallel()
	works, down := true, error(nil)
	w, _, c := enforced(t, func(c *Config) {
		c.LocalCredentials = LocalCredentialsFunc(func(context.Context, string, string) (bool, error) { return works, down })
	})
	for _, email := range []string{"", "other@acme.com", "not an address", "admin@acme.com.evil.org"} {
		w.refusedWith(t, "t1", CodeBreakGlassUnlisted, func() error { return w.DrillBreakGlass(t.Context(), owner, "t1", c.ID, email) })
	}
	works = false
	w.refusedWith(t, "t1", CodeBreakGlassUnusable, func() error { return w.DrillBreakGlass(t.Context(), owner, "t1", c.ID, "admin@acme.com") })
	down = errors.New("database down")
	require.ErrorIs(t, w.DrillBreakGlass(t.Context(), owner, "t1", c.ID, "admin@acme.com"), down)
	works, down = true, nil
	require.NoError(t, w.DrillBreakGlass(t.Context(), owner, "t1", c.ID, "admin@acme.com"))
	require.Equal(t, 1, w.of(t, "t1", "break_glass.drilled"))
}

package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// mailbox is a host that queues its mails in the transaction, as events of its own.
type mailbox struct {
	mu    sync.Mutex
	calls []Notice
	fail  error
}

const mailEvent = "host.mail"

var reviewNotices = []string{NoticeInformationAsked, NoticeMessage, NoticeApproved, NoticeRejected}

func (m *mailbox) Notify(ctx context.Context, tx store.Store, n Notice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Contains(reviewNotices, n.Kind) { // of the way to what a test is about
		return nil
	}
	m.calls = append(m.calls, n)
	if m.fail != nil {
		return m.fail
	}
	return tx.AppendEvents(ctx, n.TenantID, store.Event{ID: store.NewID(n.ExpiresAt), Type: mailEvent, Code: n.ID, Message: n.Before.String(), Actor: store.EventActor{Kind: "host"}})
}

// mails are the thresholds of the notices that were queued and committed.
func (w *world) mails(t testing.TB, tenantID string) []string {
	t.Helper()
	events, err := w.store.Events(t.Context(), tenantID, store.EventQuery{TypePrefix: mailEvent})
	require.NoError(t, err)
	var out []string
	for _, e := range events {
		out = append(out, e.Message)
	}
	return out
}

// expiring is a world with an active connection whose secret expires in 30 days.
func expiring(t *testing.T, change ...func(*Config)) (*world, *mailbox, Connection) {
	t.Helper()
	box := &mailbox{}
	w := newWorld(t, append([]func(*Config){func(c *Config) { c.Notifier = box }}, change...)...)
	d := acme()
	d.SecretExpiresAt = w.clock().Add(30 * day)
	return w, box, w.active(t, "t1", d)
}

func (w *world) reminded(t testing.TB) int {
	t.Helper()
	n, err := w.RemindOfExpiry(t.Context())
	require.NoError(t, err)
	return n
}

// TestReminders: R42. Two weeks before, and again as the day comes nearer, each once however often anybody looks.
func TestReminders(t *testing.T) {
	t.Parallel()
	w, box, c := expiring(t)
	for range 35 * 4 {
		w.reminded(t)
		w.pass(6 * time.Hour)
	}
	require.Equal(t, []string{"336h0m0s", "168h0m0s", "72h0m0s", "24h0m0s", "0s"}, w.mails(t, "t1"))
	require.Len(t, box.calls, 5)
	first, last := box.calls[0], box.calls[4]
	require.Equal(t, Notice{
		ID: first.ID, Kind: NoticeSecretExpires, TenantID: "t1", ConnectionID: c.ID, ConnectionName: "Acme login", ExpiresAt: c.SecretExpiresAt, Emails: []string{"admin@acme.com"},
		Before: 14 * day, Message: "The client secret expires on 24 December 2026, 12:00 UTC. Make a new one at your provider and replace it here before then.",
	}, first)
	require.Equal(t, NoticeSecretExpired, last.Kind)
	events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: "connection.secret_reminded"})
	require.NoError(t, err)
	require.Len(t, events, 5)
	require.Equal(t, NoticeSecretExpires, events[0].Code)
}

// TestReminderOfAReplacedSecret: the new secret has reminders of its own, the old one none any more.
func TestReminderOfAReplacedSecret(t *testing.T) {
	t.Parallel()
	w, _, c := expiring(t)
	w.pass(17 * day)
	require.Equal(t, 1, w.reminded(t))
	c, _, err := w.ReplaceSecret(t.Context(), owner, "t1", c.ID, c.Version, NewSecret("another-secret-value"), w.clock().Add(60*day))
	require.NoError(t, err)
	w.pass(20 * day)
	require.Zero(t, w.reminded(t))
	w.pass(30 * day)
	require.Equal(t, 1, w.reminded(t))
	// Its expiry is corrected: what was told about the other date says nothing about this one.
	c, err = w.Connection(t.Context(), owner, "t1", c.ID)
	require.NoError(t, err)
	_, _, err = w.SetSecretExpiry(t.Context(), owner, "t1", c.ID, c.Version, w.clock().Add(13*day), false)
	require.NoError(t, err)
	require.Equal(t, 1, w.reminded(t))
	require.Equal(t, []string{"336h0m0s", "336h0m0s", "336h0m0s"}, w.mails(t, "t1"))
}

// TestReminderAtOnce: an expiry that is entered late, and one that has passed, are told at once, and once.
func TestReminderAtOnce(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]string{5 * day: "168h0m0s", time.Hour: "24h0m0s", 14 * day: "336h0m0s", -time.Hour: "0s", -40 * day: "0s"} {
		w, _, c := expiring(t)
		_, _, err := w.SetSecretExpiry(t.Context(), owner, "t1", c.ID, c.Version, w.clock().Add(left), true)
		require.NoError(t, err)
		require.Equal(t, 1, w.reminded(t), left)
		require.Zero(t, w.reminded(t), left)
		require.Equal(t, []string{want}, w.mails(t, "t1"), left)
	}
}

// TestWhoIsNotReminded: of what nobody can or need do anything about.
func TestWhoIsNotReminded(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, w *world, c Connection){
		"no expiry": func(t *testing.T, w *world, c Connection) {
			_, _, err := w.SetSecretExpiry(t.Context(), owner, "t1", c.ID, c.Version, time.Time{}, false)
			require.NoError(t, err)
		},
		"suspended": func(t *testing.T, w *world, c Connection) {
			_, err := w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "")
			require.NoError(t, err)
		},
		"long ago": func(_ *testing.T, w *world, _ Connection) { w.pass(200 * day) },
	} {
		w, box, c := expiring(t)
		change(t, w, c)
		w.pass(20 * day)
		require.Zero(t, w.reminded(t), name)
		require.Empty(t, box.calls, name)
	}
}

// TestReminderFails: a host that fails is asked again, with the same ID, and nobody else waits for it.
func TestReminderFails(t *testing.T) {
	t.Parallel()
	w, box, _ := expiring(t)
	d := acme()
	d.Domains, d.SecretExpiresAt, d.BreakGlass = []string{"globex.example"}, w.clock().Add(30*day), nil
	w.active(t, "t2", d)
	w.pass(17 * day)
	box.fail = errors.New("mail server down")
	n, err := w.RemindOfExpiry(t.Context())
	require.ErrorIs(t, err, box.fail)
	require.ErrorContains(t, err, "t1")
	require.ErrorContains(t, err, "t2")
	require.Zero(t, n)
	require.Empty(t, w.mails(t, "t1"))
	box.fail = nil
	require.Equal(t, 2, w.reminded(t))
	require.Equal(t, box.calls[0].ID, box.calls[2].ID)
	require.NotEqual(t, box.calls[2].ID, box.calls[3].ID)
	require.Len(t, w.mails(t, "t1"), 1)
	require.Len(t, w.mails(t, "t2"), 1)
}

// TestRemindersOfManyReplicas: each notice is queued once, whoever gets there.
func TestRemindersOfManyReplicas(t *testing.T) {
	t.Parallel()
	w, _, _ := expiring(t)
	for range 35 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := w.RemindOfExpiry(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.pass(day)
	}
	require.Equal(t, []string{"336h0m0s", "168h0m0s", "72h0m0s", "24h0m0s", "0s"}, w.mails(t, "t1"))
}

// TestRemindBefore: the host's own thresholds.
func TestRemindBefore(t *testing.T) {
	t.Parallel()
	w, _, _ := expiring(t, func(c *Config) { c.RemindBefore = []time.Duration{day, 20 * day, day} })
	for range 40 {
		w.reminded(t)
		w.pass(day)
	}
	require.Equal(t, []string{"480h0m0s", "24h0m0s", "0s"}, w.mails(t, "t1"))

	w, _, _ = expiring(t, func(c *Config) { c.RemindBefore = []time.Duration{} })
	for range 40 {
		w.reminded(t)
		w.pass(day)
	}
	require.Equal(t, []string{"0s"}, w.mails(t, "t1"))

	cfg := w.cfg
	for _, bad := range [][]time.Duration{{0}, {-day}, make([]time.Duration, 30)} {
		cfg.RemindBefore = bad
		_, err := New(cfg)
		require.ErrorContains(t, err, "RemindBefore")
	}
	cfg.RemindBefore, cfg.Notifier = nil, nil
	s, err := New(cfg)
	require.NoError(t, err)
	_, err = s.RemindOfExpiry(t.Context())
	require.ErrorContains(t, err, "Config.Notifier")
}

// TestReminderFailsLikeAStore: what a host's Notifier answers is its failure, also where it wraps an error that would mean
// something of a store's.
func TestReminderFailsLikeAStore(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{store.ErrNotFound, store.ErrConflict, store.ErrStale} {
		w, box, c := expiring(t)
		_, _, err := w.SetSecretExpiry(t.Context(), owner, "t1", c.ID, c.Version, w.clock().Add(day), false)
		require.NoError(t, err)
		box.fail = fmt.Errorf("host: looking for the owners: %w", cause)
		n, err := w.RemindOfExpiry(t.Context())
		require.ErrorIs(t, err, box.fail)
		require.Zero(t, n)
		box.fail = nil
		require.Equal(t, 1, w.reminded(t), "tried again")
	}
}

// TestReminderPanics: a notifier that panics about one tenant is an error about it, and nobody else's notices wait.
func TestReminderPanics(t *testing.T) {
	box := &mailbox{}
	w := newWorld(t, func(c *Config) {
		c.Notifier = NotifierFunc(func(ctx context.Context, tx store.Store, n Notice) error {
			if n.TenantID == "t1" && n.Kind == NoticeSecretExpires {
				panic("no template")
			}
			return box.Notify(ctx, tx, n)
		})
	})
	for i, id := range []string{"t1", "t2"} {
		d := acme()
		d.Domains, d.BreakGlass = []string{fmt.Sprintf("acme%d.example", i)}, []string{fmt.Sprintf("admin@acme%d.example", i)}
		d.SecretExpiresAt = w.clock().Add(30 * day)
		w.active(t, id, d)
	}
	w.pass(20 * day)
	n, err := w.RemindOfExpiry(t.Context())
	require.ErrorContains(t, err, "no template")
	require.Equal(t, 1, n)
	require.Len(t, w.mails(t, "t2"), 1)
	require.Empty(t, w.mails(t, "t1"))
}

package tenant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// keeping is a world whose policy keeps events for 100 days.
func keeping(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return newWorld(t, append([]func(*Config){func(c *Config) { c.KeepEvents = 100 * day }}, change...)...)
}

func (w *world) happen(t *testing.T, tenantID string, n int, typ string) {
	t.Helper()
	var events []store.Event
	for range n {
		events = append(events, store.Event{ID: store.NewID(w.clock()), Type: typ, At: w.clock(), Actor: store.EventActor{Kind: "user"}})
	}
	require.NoError(t, w.store.AppendEvents(t.Context(), tenantID, events...))
}

func (w *world) eraseOld(t *testing.T) int {
	t.Helper()
	n, err := w.EraseOldEvents(t.Context())
	require.NoError(t, err)
	return n
}

// TestRetention: what is older than the policy says goes, of every tenant, in pages, and that it went is told.
func TestRetention(t *testing.T) {
	t.Parallel()
	w := keeping(t)
	w.happen(t, "t1", retentionPage+20, "old.one")
	w.happen(t, "t3", 1, "old.one")
	began := store.Time(w.clock())
	w.pass(50 * day)
	w.happen(t, "t1", 2, "young.one")
	w.happen(t, "t2", 2, "young.one")
	w.pass(50 * day)
	require.Zero(t, w.eraseOld(t), "a hundred days are not over")
	w.pass(time.Second)
	require.Equal(t, retentionPage+21, w.eraseOld(t))
	require.Zero(t, w.eraseOld(t), "once")
	require.Equal(t, []string{"young.one", "young.one", eventsErased, eventsErased}, w.events(t, "t1", 0))
	require.Equal(t, []string{"young.one", "young.one"}, w.events(t, "t2", 0))
	require.Equal(t, []string{eventsErased}, w.events(t, "t3", 0))

	page, err := w.Audit(t.Context(), owner, "t1", AuditQuery{TypePrefix: "journal."})
	require.NoError(t, err)
	require.Equal(t, store.EventActor{Kind: "system", Name: "retention"}, page.Entries[1].Actor)
	var told erasedEvents
	require.NoError(t, json.Unmarshal(page.Entries[1].After, &told))
	require.Equal(t, erasedEvents{Events: retentionPage, From: began, To: began, Through: told.Through, Keep: "2400h0m0s"}, told)
	require.Equal(t, "20 events up to 24 November 2026, 12:00 UTC were erased, as the retention policy says.", page.Entries[0].Message)

	// Of a quiet tenant the trace stays, and none is made of it; of others it goes with what came after it.
	w.pass(400 * day)
	require.Equal(t, 6, w.eraseOld(t))
	require.Equal(t, []string{eventsErased}, w.events(t, "t3", 0))
	require.Equal(t, []string{eventsErased}, w.events(t, "t1", 0))
	w.pass(400 * day)
	require.Zero(t, w.eraseOld(t))
}

// TestRetentionWaitsForReaders: nothing goes that a reader has still to handle.
func TestRetentionWaitsForReaders(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := keeping(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	w.happen(t, "t1", 5, "old.one")
	all, err := w.store.Events(t.Context(), "t1", store.EventQuery{})
	require.NoError(t, err)
	require.NoError(t, w.store.SavePosition(t.Context(), "t1", "webhooks", 0, all[1].Seq))
	require.NoError(t, w.store.SavePosition(t.Context(), "t1", store.MarkPrefix+"place", 0, 1))
	w.pass(101 * day)
	require.Equal(t, 2, w.eraseOld(t))
	require.Contains(t, log.String(), "tenants=1 tenant=t1")
	left, err := w.store.Events(t.Context(), "t1", store.EventQuery{})
	require.NoError(t, err)
	require.Equal(t, all[2:], left[:3])
	var told erasedEvents
	require.NoError(t, json.Unmarshal(left[3].After, &told))
	require.Equal(t, all[1].Seq, told.Through)
	require.Zero(t, w.eraseOld(t))

	require.NoError(t, w.store.SavePosition(t.Context(), "t1", "webhooks", all[1].Seq, left[3].Seq))
	log.Reset()
	require.Equal(t, 3, w.eraseOld(t))
	require.Empty(t, log.String())
}

func TestRetentionPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.happen(t, "t1", 1, "old.one")
	w.pass(10_000 * day)
	require.Zero(t, w.eraseOld(t), "without a policy everything is kept")
	base := w.cfg
	for _, tt := range []struct {
		keep time.Duration
		note Notifier
		ok   bool
	}{
		{-day, nil, false},
		{29 * day, nil, false},
		{30 * day, nil, true},
		{30 * day, &mailbox{}, false}, // the drills' 90 days
		{90 * day, &mailbox{}, true},
	} {
		cfg := base
		cfg.KeepEvents, cfg.Notifier = tt.keep, tt.note
		_, err := New(cfg)
		require.Equal(t, tt.ok, err == nil, "%v", err)
		if err != nil {
			require.ErrorContains(t, err, fmt.Sprint("Config.KeepEvents is ", tt.keep))
		}
	}
}

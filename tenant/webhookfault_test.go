package tenant

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// TestWebhookHostPanics: a panic of the host's, in what is sent side by side, is an error and not the end of the program.
func TestWebhookHostPanics(t *testing.T) {
	w, r, s, h := hookWorld(t, func(c *Config) {
		c.Notifier = NotifierFunc(func(context.Context, store.Store, Notice) error { panic("no mail server") })
	})
	r.answers(status(http.StatusGone))
	w.happens(t, "t1", "x.1")
	_, err := s.SendAll(t.Context())
	require.ErrorContains(t, err, "no mail server")
	require.NotEqual(t, WebhookDisabled, w.hook(t, h.ID).State, "who was to be told was not")
}

// TestWebhookLogTellsNoAddress: the rest of an address may be a secret; the log has where it leads alone.
func TestWebhookLogTellsNoAddress(t *testing.T) {
	var log bytes.Buffer
	w, r, _, h := hookWorld(t)
	const token = "T0K-xyz"
	_, err := w.EditWebhook(t.Context(), owner, "t1", h.ID, 1, NewWebhook{URL: r.URL + "/services/" + token + "?sig=" + token, Types: []string{"x.*"}})
	require.NoError(t, err)
	host, err := NewWebhookSecret()
	require.NoError(t, err)
	s := w.sender(t, WebhookSenderConfig{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Host:   []HostWebhook{{Name: "own", URL: r.URL + "/" + token, Secrets: []Secret{host}, Types: []string{"x.*"}}},
	})
	for _, answer := range []func(http.ResponseWriter, WebhookBody){
		func(rw http.ResponseWriter, _ WebhookBody) {
			rw.Header().Set("Location", "/elsewhere/"+token)
			rw.WriteHeader(http.StatusFound)
		},
		func(http.ResponseWriter, WebhookBody) { panic(http.ErrAbortHandler) },
	} {
		r.answers(answer)
		w.happens(t, "t1", "x.1")
		_, err = s.SendAll(t.Context())
		require.ErrorContains(t, err, "host webhook own")
		require.NotContains(t, err.Error(), token)
		w.pass(day)
	}
	require.Contains(t, log.String(), "a webhook failed")
	require.NotContains(t, log.String(), token)
}

// TestWebhookOldAddressFails: what the address before answers says nothing about the one that an owner gave meanwhile.
func TestWebhookOldAddressFails(t *testing.T) {
	for _, code := range []int{http.StatusGone, http.StatusInternalServerError} {
		box := &mailbox{}
		w, r, s, h := hookWorld(t, func(c *Config) { c.Notifier = box })
		fresh := newReceiver(t, w.clock)
		fresh.secrets = []Secret{h.Secret}
		r.answers(func(rw http.ResponseWriter, _ WebhookBody) {
			_, err := w.EditWebhook(context.Background(), owner, "t1", h.ID, 1, NewWebhook{URL: fresh.URL, Types: []string{"x.*"}})
			if err == nil {
				rw.WriteHeader(code)
			}
		})
		w.happens(t, "t1", "x.1")
		sends(t, s)
		now := w.hook(t, h.ID)
		require.Equal(t, WebhookEnabled, now.State)
		require.Zero(t, now.NextAt)
		require.Empty(t, box.calls)
		require.Equal(t, code, int(w.attempts(t, h.ID)[len(w.attempts(t, h.ID))-1].Status), "the log has it")
		sends(t, s)
		require.Equal(t, []string{"x.1"}, fresh.takes(), "the new address gets it at once")
	}
}

// eventCounter counts the events that are read; transactions are counted too.
type eventCounter struct {
	*memory.Store
	read int
}

type eventCounterTx struct {
	store.Store
	store.WebhookStore
	c *eventCounter
}

func (c *eventCounter) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	out, err := c.Store.Events(ctx, tenantID, q)
	c.read += len(out)
	return out, err
}

func (c *eventCounter) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return c.Store.InTx(ctx, func(tx store.Store) error {
		hooks, err := webhooks(tx)
		if err != nil {
			return err
		}
		return fn(eventCounterTx{tx, hooks, c})
	})
}

func (x eventCounterTx) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	out, err := x.Store.Events(ctx, tenantID, q)
	x.c.read += len(out)
	return out, err
}

// TestWebhookReplaySinceReadsLittle: to find a time in a long journal, little of it is read.
func TestWebhookReplaySinceReadsLittle(t *testing.T) {
	st := &eventCounter{Store: memory.New()}
	w := newWorld(t, func(c *Config) { c.Store, c.InsecureAllowLoopback, c.Webhooks.EventTypes = st, true, hostTypes })
	w.store = st
	r := newReceiver(t, w.clock)
	h, err := w.CreateWebhook(t.Context(), owner, "t1", NewWebhook{URL: r.URL, Types: []string{"x.*"}})
	require.NoError(t, err)
	const n = 20_000
	var since time.Time
	for i := range n {
		if i == n/4 {
			since = w.clock()
		}
		w.happens(t, "t1", "x.1")
		w.pass(time.Second)
	}
	sent, err := st.Webhook(t.Context(), "t1", h.ID)
	require.NoError(t, err)
	sent.Position, err = lastSeq(t.Context(), st, "t1")
	require.NoError(t, err)
	_, err = st.UpdateWebhook(t.Context(), "t1", sent)
	require.NoError(t, err)
	st.read = 0
	got, err := w.ReplayWebhook(t.Context(), owner, "t1", h.ID, 1, WebhookReplay{Since: since})
	require.NoError(t, err)
	events, err := st.Store.Events(t.Context(), "t1", store.EventQuery{After: got.Position, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, since, events[0].At)
	require.Less(t, st.read, 1500)
}

// readingStore does something before a page of the journal is read.
type readingStore struct {
	*memory.Store
	before func()
}

func (r *readingStore) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	if do := r.before; do != nil && q.Limit == defaultFollowBatch {
		r.before = nil
		do()
	}
	return r.Store.Events(ctx, tenantID, q)
}

// TestWebhookTypesChangedMeanwhile: what happened after an owner chose another type is sent, although a sender had read the
// choice before.
func TestWebhookTypesChangedMeanwhile(t *testing.T) {
	st := &readingStore{Store: memory.New()}
	w, r, s, h := hookWorld(t, func(c *Config) { c.Store = st })
	w.store = st
	st.before = func() {
		_, err := w.EditWebhook(t.Context(), owner, "t1", h.ID, 1, NewWebhook{URL: r.URL, Types: []string{"x.*", "y.z"}})
		require.NoError(t, err)
		w.happens(t, "t1", "y.z")
	}
	w.happens(t, "t1", "elsewhere")
	sends(t, s)
	require.Nil(t, st.before)
	require.Equal(t, []string{"y.z"}, r.takes())
}

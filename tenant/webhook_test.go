package tenant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// receiver is a server that gets webhooks. It verifies each, and answers as the test says.
type receiver struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	secrets []Secret
	clock   func() time.Time
	answer  func(w http.ResponseWriter, body WebhookBody) // nil answers 204
	got     []WebhookBody
	ids     []string
	headers []http.Header
	bad     []error
}

func newReceiver(t testing.TB, clock func() time.Time) *receiver {
	r := &receiver{t: t, clock: clock}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	id, err := VerifyWebhook(req.Header, raw, WebhookVerification{Secrets: r.secrets, Now: r.clock})
	var b WebhookBody
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := errors.Join(err, dec.Decode(&b)); err != nil {
		r.bad = append(r.bad, err)
	}
	r.got, r.ids, r.headers = append(r.got, b), append(r.ids, id), append(r.headers, req.Header.Clone())
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, b)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) answers(f func(w http.ResponseWriter, b WebhookBody)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// takes empties what came, and wants all of it to be good.
func (r *receiver) takes() []string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(r.t, r.bad)
	var out []string
	for _, b := range r.got {
		out = append(out, b.Type)
	}
	r.got, r.ids, r.headers = nil, nil, nil
	return out
}

func status(code int) func(http.ResponseWriter, WebhookBody) {
	return func(w http.ResponseWriter, _ WebhookBody) { w.WriteHeader(code) }
}

// hostTypes are a host's own.
var hostTypes = []EventType{{Type: "x.*", Subject: "thing", Description: "Something of the host's own."}, {Type: "y.z", Subject: "thing", Description: "Another."}}

// hookWorld is a world that can reach loopback, with a receiver and a webhook there for the types of the host alone.
func hookWorld(t testing.TB, change ...func(*Config)) (*world, *receiver, *WebhookSender, CreatedWebhook) {
	t.Helper()
	w := newWorld(t, append([]func(*Config){func(c *Config) {
		c.InsecureAllowLoopback, c.Webhooks.EventTypes = true, hostTypes
	}}, change...)...)
	r := newReceiver(t, w.clock)
	h, err := w.CreateWebhook(t.Context(), owner, "t1", NewWebhook{URL: r.URL + "/in?k=v", Types: []string{"x.*"}})
	require.NoError(t, err)
	r.secrets = []Secret{h.Secret}
	return w, r, w.sender(t, WebhookSenderConfig{}), h
}

func (w *world) sender(t testing.TB, cfg WebhookSenderConfig) *WebhookSender {
	t.Helper()
	cfg.Service = w.Service
	out, err := NewWebhookSender(cfg)
	require.NoError(t, err)
	return out
}

func (w *world) happens(t testing.TB, tenantID string, types ...string) {
	t.Helper()
	for _, typ := range types {
		now := w.clock()
		require.NoError(t, w.store.AppendEvents(t.Context(), tenantID, store.Event{ID: store.NewID(now), Type: typ, At: now, Actor: store.EventActor{Kind: "host"}}))
	}
}

func sends(t testing.TB, s *WebhookSender) int {
	t.Helper()
	n, err := s.SendAll(t.Context())
	require.NoError(t, err)
	return n
}

func (w *world) hook(t testing.TB, id string) Webhook {
	t.Helper()
	h, _, err := w.WebhookLog(t.Context(), owner, "t1", id)
	require.NoError(t, err)
	return h
}

func (w *world) attempts(t testing.TB, id string) []WebhookAttempt {
	t.Helper()
	_, log, err := w.WebhookLog(t.Context(), owner, "t1", id)
	require.NoError(t, err)
	return log
}

// TestWebhooks: an owner's webhook gets what was chosen, signed, in order, once; nobody else's events.
func TestWebhooks(t *testing.T) {
	w, r, s, h := hookWorld(t)
	w.happens(t, "t1", "x.1", "y.z", "x.2", "nobody.lists.this")
	w.happens(t, "t2", "x.9")
	require.Equal(t, 2, sends(t, s))
	r.mu.Lock()
	first, header, ids := r.got[0], r.headers[0], slices.Clone(r.ids)
	r.mu.Unlock()
	require.Equal(t, []string{"x.1", "x.2"}, r.takes())
	require.Equal(t, "application/json", header.Get("Content-Type"))
	require.Equal(t, ids[0], first.Data.EventID)
	require.Equal(t, "t1", first.Data.TenantID)
	require.Equal(t, 1, first.Data.Version)
	require.Positive(t, first.Data.Seq)
	require.Equal(t, w.clock(), first.Timestamp)
	require.Zero(t, sends(t, s), "nothing comes twice")
	require.Empty(t, r.takes())
	behind, err := w.store.TenantsBehind(t.Context(), webhookReader, "", 10)
	require.NoError(t, err)
	require.Empty(t, behind, "nobody is looked at for nothing")

	all, err := w.Webhooks(t.Context(), owner, "t1")
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, WebhookEnabled, all[0].State)
	log := w.attempts(t, h.ID)
	require.Len(t, log, 2)
	require.Equal(t, WebhookAttempt{EventID: ids[1], Type: "x.2", Seq: log[0].Seq, At: w.clock(), Attempt: 1, Status: 204}, log[0])
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/in\?k=v$`, all[0].URL)
	events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: "webhook."})
	require.NoError(t, err)
	data, err := json.Marshal(events)
	require.NoError(t, err)
	require.NotContains(t, string(data), "/in", "the rest of an address may be a secret")
	stored, err := w.store.(store.WebhookStore).Webhook(t.Context(), "t1", h.ID)
	require.NoError(t, err)
	require.NotContains(t, string(stored.Secrets[0].Sealed), h.Secret.Reveal()[len("whsec_"):])
}

// TestWebhookOfEverything: without a choice all public types are sent, and no internal ones.
func TestWebhookOfEverything(t *testing.T) {
	w, r, s, h := hookWorld(t)
	_, err := w.EditWebhook(t.Context(), owner, "t1", h.ID, h.Version, NewWebhook{URL: r.URL, Description: " all  of it "})
	require.NoError(t, err)
	w.happens(t, "t1", "y.z", EventFollowerParked, "nobody.lists.this", "scim.user.created")
	sends(t, s)
	require.Equal(t, []string{"webhook.created", "webhook.changed", "y.z"}, r.takes())
	require.Equal(t, "all of it", w.hook(t, h.ID).Description)
	for _, typ := range w.WebhookTypes() {
		require.False(t, typ.Internal)
		require.NotEmpty(t, typ.Description, typ.Type)
	}
}

// TestWebhookSchedule: a failing event is tried as Standard Webhooks recommends and holds the later ones back; after five
// days the webhook is disabled, once, and the owners are told; when it is enabled again nothing is missing.
func TestWebhookSchedule(t *testing.T) {
	box := &mailbox{}
	w, r, s, h := hookWorld(t, func(c *Config) { c.Notifier = box })
	other := newReceiver(t, w.clock)
	second, err := w.CreateWebhook(t.Context(), owner, "t1", NewWebhook{URL: other.URL, Types: []string{"x.*"}})
	require.NoError(t, err)
	other.secrets = []Secret{second.Secret}
	r.answers(status(500))
	w.happens(t, "t1", "x.1", "x.2")
	sends(t, s)
	require.Equal(t, []string{"x.1"}, r.takes())
	require.Equal(t, []string{"x.1", "x.2"}, other.takes(), "one address does not hold another back")
	require.Equal(t, WebhookFailing, w.hook(t, h.ID).State)
	start := w.clock()
	for i, pause := range standardSchedule() {
		w.pass(pause * 8 / 10)
		sends(t, s)
		require.Empty(t, r.takes(), "attempt %d is not due yet", i+2)
		w.pass(pause * 35 / 100)
		sends(t, s)
		require.Equal(t, []string{"x.1"}, r.takes(), "attempt %d", i+2)
	}
	log := w.attempts(t, h.ID)
	require.Len(t, log, 10)
	require.EqualValues(t, 10, log[0].Attempt)
	require.EqualValues(t, 500, log[0].Status)
	require.Equal(t, WebhookCodeStatus, log[0].Code)
	require.Equal(t, log[9].EventID, log[0].EventID, "the ID stays the same")
	require.Equal(t, start, w.hook(t, h.ID).FailingSince)
	require.Empty(t, box.calls)
	for w.hook(t, h.ID).State != WebhookDisabled {
		w.pass(27 * time.Hour)
		sends(t, s)
		require.Less(t, w.clock().Sub(start), 8*day)
	}
	require.GreaterOrEqual(t, w.clock().Sub(start), 5*day)
	require.Equal(t, WebhookCodeFailing, w.hook(t, h.ID).DisabledCode)
	require.Len(t, box.calls, 1)
	require.Equal(t, NoticeWebhookDisabled, box.calls[0].Kind)
	require.Equal(t, h.ID, box.calls[0].WebhookID)
	require.Equal(t, start, box.calls[0].Since)
	r.takes()
	w.happens(t, "t1", "x.3")
	w.pass(day)
	sends(t, s)
	require.Empty(t, r.takes())

	r.answers(nil)
	now, err := w.EnableWebhook(t.Context(), owner, "t1", h.ID, w.hook(t, h.ID).Version, true)
	require.NoError(t, err)
	require.Equal(t, WebhookEnabled, now.State)
	sends(t, s)
	require.Equal(t, []string{"x.1", "x.2", "x.3"}, r.takes())
	require.Contains(t, w.events(t, "t1", 0), "webhook.disabled")
	require.Len(t, box.calls, 1)
}

// TestWebhookAnswers: only 2xx is success, 410 ends it, and a receiver may ask to be left alone.
func TestWebhookAnswers(t *testing.T) {
	for _, code := range []int{200, 201, 299} {
		w, r, s, h := hookWorld(t)
		r.answers(status(code))
		w.happens(t, "t1", "x.1")
		require.Equal(t, 1, sends(t, s))
		require.Empty(t, w.attempts(t, h.ID)[0].Code)
	}
	for code, want := range map[int]string{304: WebhookCodeRedirect, 400: WebhookCodeStatus, 404: WebhookCodeStatus, 502: WebhookCodeStatus} {
		w, r, s, h := hookWorld(t)
		r.answers(status(code))
		w.happens(t, "t1", "x.1")
		require.Zero(t, sends(t, s))
		log := w.attempts(t, h.ID)
		require.Equal(t, want, log[0].Code, code)
		require.EqualValues(t, code, log[0].Status)
		require.Equal(t, WebhookFailing, w.hook(t, h.ID).State)
	}
	t.Run("410", func(t *testing.T) {
		w, r, s, h := hookWorld(t)
		r.answers(status(410))
		w.happens(t, "t1", "x.1", "x.2")
		require.Zero(t, sends(t, s))
		got := w.hook(t, h.ID)
		require.Equal(t, WebhookDisabled, got.State)
		require.Equal(t, WebhookCodeGone, got.DisabledCode)
		require.Equal(t, []string{"x.1"}, r.takes())
	})
	t.Run("redirect", func(t *testing.T) {
		w, r, s, h := hookWorld(t)
		r.answers(func(rw http.ResponseWriter, _ WebhookBody) {
			rw.Header().Set("Location", r.URL+"/elsewhere")
			rw.WriteHeader(http.StatusPermanentRedirect)
		})
		w.happens(t, "t1", "x.1")
		sends(t, s)
		require.Equal(t, []string{"x.1"}, r.takes(), "nobody went there")
		require.Equal(t, WebhookCodeRedirect, w.attempts(t, h.ID)[0].Code)
		require.EqualValues(t, 308, w.attempts(t, h.ID)[0].Status)
	})
	t.Run("retry after", func(t *testing.T) {
		w, r, s, h := hookWorld(t)
		r.answers(func(rw http.ResponseWriter, _ WebhookBody) {
			rw.Header().Set("Retry-After", "7200")
			rw.WriteHeader(http.StatusTooManyRequests)
		})
		w.happens(t, "t1", "x.1")
		sends(t, s)
		require.Equal(t, w.clock().Add(2*time.Hour), w.hook(t, h.ID).NextAt)
	})
	t.Run("an answer without end", func(t *testing.T) {
		w, r, s, _ := hookWorld(t)
		r.answers(func(rw http.ResponseWriter, _ WebhookBody) {
			_, _ = io.Copy(rw, io.LimitReader(zeros{}, 10<<20))
		})
		w.happens(t, "t1", "x.1")
		require.Equal(t, 1, sends(t, s), "the status is what counts")
	})
	t.Run("timeout", func(t *testing.T) {
		w, r, s, h := hookWorld(t, func(c *Config) { c.Webhooks.Timeout = 50 * time.Millisecond })
		done := make(chan struct{})
		defer close(done)
		r.answers(func(http.ResponseWriter, WebhookBody) { <-done })
		w.happens(t, "t1", "x.1")
		sends(t, s)
		require.Equal(t, WebhookCodeTimeout, w.attempts(t, h.ID)[0].Code)
	})
	t.Run("nobody there", func(t *testing.T) {
		w, r, s, h := hookWorld(t)
		r.Close()
		w.happens(t, "t1", "x.1")
		sends(t, s)
		require.Equal(t, WebhookCodeUnreachable, w.attempts(t, h.ID)[0].Code)
	})
	t.Run("a private address", func(t *testing.T) {
		w, _, s, h := hookWorld(t, func(c *Config) { c.Webhooks.Client = NewOutboundClient(OutboundConfig{}) })
		w.happens(t, "t1", "x.1")
		sends(t, s)
		require.Equal(t, WebhookCodeBlocked, w.attempts(t, h.ID)[0].Code)
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestWebhookSecretRotation: both secrets sign until the overlap ends.
func TestWebhookSecretRotation(t *testing.T) {
	w, r, s, h := hookWorld(t)
	signatures := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(strings.Fields(r.headers[0].Get(HeaderWebhookSignature)))
	}
	next, err := w.RotateWebhookSecret(t.Context(), owner, "t1", h.ID, h.Version, time.Hour)
	require.NoError(t, err)
	require.NotEqual(t, h.Secret.Reveal(), next.Secret.Reveal())
	require.Len(t, next.Secrets, 2)
	for _, secret := range []Secret{h.Secret, next.Secret} {
		r.secrets = []Secret{secret}
		w.happens(t, "t1", "x.1")
		require.Equal(t, 1, sends(t, s))
		require.Equal(t, 2, signatures())
		require.Equal(t, []string{"x.1"}, r.takes())
	}
	w.pass(time.Hour)
	w.happens(t, "t1", "x.2")
	require.Equal(t, 1, sends(t, s))
	require.Equal(t, 1, signatures())
	r.takes()
	require.Len(t, w.hook(t, h.ID).Secrets, 1)

	third, err := w.RotateWebhookSecret(t.Context(), owner, "t1", h.ID, next.Version, 0)
	require.NoError(t, err)
	fourth, err := w.RotateWebhookSecret(t.Context(), owner, "t1", h.ID, third.Version, -1)
	require.NoError(t, err)
	require.Len(t, fourth.Secrets, 1, "at once")
	w.refusedWith(t, "t1", CodeDurationInvalid, func() error {
		_, err := w.RotateWebhookSecret(t.Context(), owner, "t1", h.ID, fourth.Version, 8*day)
		return err
	})
	require.NotContains(t, fmt.Sprintf("%+v %#v", fourth, fourth), "whsec_")
}

// TestWebhookReplay: what was sent comes again from a place or a time on, with the same IDs.
func TestWebhookReplay(t *testing.T) {
	w, r, s, h := hookWorld(t)
	w.happens(t, "t1", "x.1", "x.2")
	sends(t, s)
	w.pass(time.Hour)
	w.happens(t, "t1", "x.3")
	sends(t, s)
	r.mu.Lock()
	ids, second := slices.Clone(r.ids), r.got[1]
	r.mu.Unlock()
	r.takes()
	replay := func(from WebhookReplay) {
		_, err := w.ReplayWebhook(t.Context(), owner, "t1", h.ID, w.hook(t, h.ID).Version, from)
		require.NoError(t, err)
		sends(t, s)
	}
	replay(WebhookReplay{After: second.Data.Seq - 1})
	r.mu.Lock()
	require.Equal(t, ids[1:], r.ids)
	r.mu.Unlock()
	require.Equal(t, []string{"x.2", "x.3"}, r.takes())
	replay(WebhookReplay{Since: w.clock().Add(-time.Minute)})
	require.Equal(t, []string{"x.3"}, r.takes())
	replay(WebhookReplay{})
	require.Equal(t, []string{"x.1", "x.2", "x.3"}, r.takes())

	version := w.hook(t, h.ID).Version
	for code, from := range map[string]WebhookReplay{ErrorCodeState: {After: 1 << 40}, CodeNumberInvalid: {After: 1, Since: w.clock()}} {
		w.refusedWith(t, "t1", code, func() error {
			_, err := w.ReplayWebhook(t.Context(), owner, "t1", h.ID, version, from)
			return err
		})
	}
	// A webhook that is disabled is replayed once it is enabled.
	off, err := w.DisableWebhook(t.Context(), owner, "t1", h.ID, version)
	require.NoError(t, err)
	replay(WebhookReplay{Since: w.clock().Add(-time.Minute)})
	require.Empty(t, r.takes())
	_, err = w.EnableWebhook(t.Context(), owner, "t1", h.ID, off.Version+1, true)
	require.NoError(t, err)
	sends(t, s)
	require.Equal(t, []string{"x.3"}, r.takes())
}

func TestWebhookEnableFromNow(t *testing.T) {
	w, r, s, h := hookWorld(t)
	off, err := w.DisableWebhook(t.Context(), owner, "t1", h.ID, h.Version)
	require.NoError(t, err)
	w.happens(t, "t1", "x.1")
	sends(t, s)
	on, err := w.EnableWebhook(t.Context(), owner, "t1", h.ID, off.Version, false)
	require.NoError(t, err)
	w.happens(t, "t1", "x.2")
	sends(t, s)
	require.Equal(t, []string{"x.2"}, r.takes())
	again, err := w.EnableWebhook(t.Context(), owner, "t1", h.ID, on.Version, true)
	require.NoError(t, err)
	require.Equal(t, on.Version, again.Version, "twice changes nothing")
}

func TestWebhookTest(t *testing.T) {
	w, r, s, h := hookWorld(t)
	got, err := w.TestWebhook(t.Context(), owner, "t1", h.ID)
	require.NoError(t, err)
	require.Empty(t, got.Code)
	require.EqualValues(t, 204, got.Status)
	require.Equal(t, []string{WebhookTestType}, r.takes())
	r.answers(status(503))
	got, err = w.TestWebhook(t.Context(), owner, "t1", h.ID)
	require.NoError(t, err)
	require.Equal(t, WebhookCodeStatus, got.Code)
	r.takes()
	r.answers(nil)
	require.Equal(t, WebhookEnabled, w.hook(t, h.ID).State, "a test holds nothing back")
	w.happens(t, "t1", numbered("x", 30)...)
	require.Equal(t, 30, sends(t, s))
	require.Len(t, w.attempts(t, h.ID), keptAttempts)
	require.Equal(t, "x.29", w.attempts(t, h.ID)[0].Type)
}

// crashingStore fails to note a delivery, as a process does that dies after it.
type crashingStore struct {
	store.Store
	store.WebhookStore
	crash bool
}

func (c *crashingStore) UpdateWebhook(ctx context.Context, tenantID string, h store.Webhook, ev ...store.Event) (store.Webhook, error) {
	if c.crash {
		return store.Webhook{}, errors.New("the process died")
	}
	return c.WebhookStore.UpdateWebhook(ctx, tenantID, h, ev...)
}

// TestWebhookCrash: a delivery that was not noted comes again, with the same ID, and nothing is left out.
func TestWebhookCrash(t *testing.T) {
	var st *crashingStore
	w, r, s, _ := hookWorld(t, func(c *Config) {
		st = &crashingStore{Store: c.Store, WebhookStore: c.Store.(store.WebhookStore)}
		c.Store = st
	})
	w.happens(t, "t1", "x.1", "x.2")
	st.crash = true
	_, err := s.SendAll(t.Context())
	require.ErrorContains(t, err, "died")
	st.crash = false
	require.Equal(t, 2, sends(t, w.sender(t, WebhookSenderConfig{})))
	r.mu.Lock()
	require.Len(t, r.ids, 3)
	require.Equal(t, r.ids[0], r.ids[1])
	r.mu.Unlock()
	require.Equal(t, []string{"x.1", "x.1", "x.2"}, r.takes())
}

// TestWebhookReplicas: several replicas, and people who edit meanwhile, send each event once and in order.
func TestWebhookReplicas(t *testing.T) {
	w, r, _, h := hookWorld(t)
	want := numbered("x", 150)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 3 {
		s := w.sender(t, WebhookSenderConfig{})
		running.Go(func() { _ = s.Run(ctx, 2*time.Millisecond) })
	}
	for i, typ := range want {
		w.happens(t, "t1", typ)
		if i%10 == 0 {
			_, err := w.EditWebhook(ctx, owner, "t1", h.ID, w.hook(t, h.ID).Version, NewWebhook{URL: r.URL, Types: []string{"x.*"}, Description: typ})
			require.NoError(t, err, "deliveries do not get in an owner's way")
		}
	}
	require.Eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.got) >= len(want) }, 20*time.Second, 5*time.Millisecond)
	stop()
	running.Wait()
	require.Equal(t, want, r.takes())
}

// TestWebhookRefusals: each has its field and code, and changes nothing.
func TestWebhookRefusals(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Webhooks.EventTypes = hostTypes })
	create := func(n NewWebhook) error {
		_, err := w.CreateWebhook(t.Context(), owner, "t1", n)
		return err
	}
	for raw, code := range map[string]string{
		"": CodeRequired, "hooks.example.com": CodeURLInvalid, "ftp://hooks.example.com": CodeURLNotHTTPS, "http://hooks.example.com": CodeURLNotHTTPS,
		"https://u:p@hooks.example.com": CodeURLInvalid, "https://hooks.example.com/#x": CodeURLInvalid, "https://hooks.example.com/a b": CodeURLInvalid,
		"https://10.0.0.1/x": CodeURLPrivate, "https://[::1]/x": CodeURLPrivate, "https://169.254.169.254/latest": CodeURLPrivate, "https://localhost/x": CodeURLInvalid,
		"https://hooks.example.com:8443/": CodeURLPort, "https://" + strings.Repeat("a", 3000): CodeURLInvalid, "https://hooks.example.com\\@evil.example": CodeURLInvalid,
		"javascript:alert(1)": CodeURLInvalid, "https://hooks.example.com/\x00": CodeURLInvalid, "https://hooks.example.com/\u202e": CodeURLInvalid,
	} {
		w.refusedWith(t, "t1", code, func() error { return create(NewWebhook{URL: raw}) })
	}
	good := "https://hooks.example.com/x"
	w.refusedWith(t, "t1", CodeEventTypeUnknown, func() error { return create(NewWebhook{URL: good, Types: []string{"x.1", "nobody.knows"}}) })
	w.refusedWith(t, "t1", CodeEventTypeUnknown, func() error { return create(NewWebhook{URL: good, Types: []string{"*"}}) })
	w.refusedWith(t, "t1", CodeEventTypeUnknown, func() error { return create(NewWebhook{URL: good, Types: []string{EventFollowerParked}}) })
	w.refusedWith(t, "t1", CodeTooMany, func() error { return create(NewWebhook{URL: good, Types: numbered("x", 101)}) })
	w.refusedWith(t, "t1", CodeTooLong, func() error { return create(NewWebhook{URL: good, Description: strings.Repeat("ä", 201)}) })
	w.refusedWith(t, "t1", CodeTooLong, func() error { return create(NewWebhook{URL: good, Description: "a\u202eb"}) })
	for range 10 {
		require.NoError(t, create(NewWebhook{URL: good, Types: []string{"connection.*", "y.z"}}))
	}
	w.refusedWith(t, "t1", ErrorCodeTooMany, func() error { return create(NewWebhook{URL: good}) })

	all, err := w.Webhooks(t.Context(), owner, "t1")
	require.NoError(t, err)
	h := all[0]
	calls := map[string]func(a Actor, tenantID string, version int64) error{
		"edit": func(a Actor, tenantID string, v int64) error {
			_, err := w.EditWebhook(t.Context(), a, tenantID, h.ID, v, NewWebhook{URL: good})
			return err
		},
		"rotate": func(a Actor, tenantID string, v int64) error {
			_, err := w.RotateWebhookSecret(t.Context(), a, tenantID, h.ID, v, 0)
			return err
		},
		"disable": func(a Actor, tenantID string, v int64) error {
			_, err := w.DisableWebhook(t.Context(), a, tenantID, h.ID, v)
			return err
		},
		"enable": func(a Actor, tenantID string, v int64) error {
			_, err := w.EnableWebhook(t.Context(), a, tenantID, h.ID, v, true)
			return err
		},
		"replay": func(a Actor, tenantID string, v int64) error {
			_, err := w.ReplayWebhook(t.Context(), a, tenantID, h.ID, v, WebhookReplay{})
			return err
		},
		"delete": func(a Actor, tenantID string, v int64) error {
			return w.DeleteWebhook(t.Context(), a, tenantID, h.ID, v)
		},
		"test": func(a Actor, tenantID string, v int64) error {
			_, err := w.TestWebhook(t.Context(), a, tenantID, h.ID)
			if v != h.Version && a.Kind == ActorOwner && tenantID == "t1" {
				return stale() // it has none
			}
			return err
		},
		"log": func(a Actor, tenantID string, v int64) error {
			_, _, err := w.WebhookLog(t.Context(), a, tenantID, h.ID)
			if v != h.Version && a.Kind == ActorOwner && tenantID == "t1" {
				return stale() // it has none
			}
			return err
		},
	}
	for name, call := range calls {
		if name != "test" {
			w.refusedWith(t, "t1", ErrorCodeStale, func() error { return call(owner, "t1", h.Version+1) })
		}
		w.refusedWith(t, "t2", "not_found", func() error { return call(owner, "t2", h.Version) })
		w.refusedWith(t, "t1", ErrorCodeForbidden, func() error { return call(stranger, "t1", h.Version) })
	}
	w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
		_, err := w.CreateWebhook(t.Context(), stranger, "t1", NewWebhook{URL: good})
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
		_, err := w.Webhooks(t.Context(), stranger, "t1")
		return err
	})
	require.NoError(t, calls["delete"](owner, "t1", h.Version))
	require.NoError(t, create(NewWebhook{URL: "HTTPS://Hooks.Example.com:443/X?a=1"}))
	all, err = w.Webhooks(t.Context(), owner, "t1")
	require.NoError(t, err)
	require.Equal(t, "https://hooks.example.com/X?a=1", all[9].URL)
}

// TestWebhookReseal: after a rotation of the keyring the secrets are sealed anew and stay the same.
func TestWebhookReseal(t *testing.T) {
	var ring *Keyring
	w, r, s, h := hookWorld(t, func(c *Config) { ring = c.Keyring })
	_, err := w.RotateWebhookSecret(t.Context(), owner, "t1", h.ID, h.Version, 0)
	require.NoError(t, err)
	require.NoError(t, ring.Reload(t.Context(), keysOf(KeyringConfig{
		Keys: []Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}, {ID: "k2", Bytes: bytes.Repeat([]byte{8}, 32)}}, Primary: "k2",
	})))
	n, err := w.ResealSecrets(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, ring.Reload(t.Context(), keysOf(KeyringConfig{Keys: []Key{{ID: "k2", Bytes: bytes.Repeat([]byte{8}, 32)}}})))
	w.happens(t, "t1", "x.1")
	require.Equal(t, 1, sends(t, s))
	require.Equal(t, []string{"x.1"}, r.takes())

	// A secret that can't be opened fails the delivery, and a rotation mends it.
	require.NoError(t, ring.Reload(t.Context(), keysOf(KeyringConfig{Keys: []Key{{ID: "k3", Bytes: bytes.Repeat([]byte{9}, 32)}}})))
	w.happens(t, "t1", "x.2")
	require.Zero(t, sends(t, s))
	require.Equal(t, WebhookCodeSecret, w.attempts(t, h.ID)[0].Code)
	next, err := w.RotateWebhookSecret(t.Context(), owner, "t1", h.ID, w.hook(t, h.ID).Version, -1)
	require.NoError(t, err)
	r.secrets = []Secret{next.Secret}
	require.Equal(t, 1, sends(t, s))
	require.Equal(t, []string{"x.2"}, r.takes())
}

// fixedKeys is a KeyProvider.
type fixedKeys struct{ cfg KeyringConfig }

func (k fixedKeys) Keys(context.Context) (KeyringConfig, error) { return k.cfg, nil }

func keysOf(cfg KeyringConfig) KeyProvider { return fixedKeys{cfg} }

// TestHostWebhook: the host's own address gets the events of all tenants, each tenant's in order.
func TestHostWebhook(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, w.clock)
	secret, err := NewWebhookSecret()
	require.NoError(t, err)
	r.secrets = []Secret{secret}
	var log bytes.Buffer
	s := w.sender(t, WebhookSenderConfig{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Host:   []HostWebhook{{Name: "events", URL: r.URL, Secrets: []Secret{secret}, Types: []string{"x.*"}}},
	})
	r.answers(func(rw http.ResponseWriter, b WebhookBody) {
		if b.Data.TenantID == "t1" {
			rw.WriteHeader(http.StatusGone)
		}
	})
	w.happens(t, "t1", "x.1", "x.2")
	w.happens(t, "t2", "x.7", "z", "x.8")
	_, err = s.SendAll(t.Context())
	require.ErrorContains(t, err, "gone")
	r.mu.Lock()
	of := map[string][]string{}
	for _, b := range r.got {
		of[b.Data.TenantID] = append(of[b.Data.TenantID], b.Type)
	}
	r.mu.Unlock()
	require.Equal(t, map[string][]string{"t1": {"x.1"}, "t2": {"x.7", "x.8"}}, of)
	require.Contains(t, log.String(), "a follower failed")
	r.takes()
	r.answers(nil)
	require.Equal(t, 2, sends(t, s))
	require.Equal(t, []string{"x.1", "x.2"}, r.takes(), "the host's own is never disabled")

	for want, h := range map[string]HostWebhook{
		"Name":                 {Name: "Bad", URL: r.URL, Secrets: []Secret{secret}},
		"URL must be":          {Name: "x", URL: "nowhere", Secrets: []Secret{secret}},
		"Secrets is required":  {Name: "x", URL: r.URL},
		"begins with whsec_":   {Name: "x", URL: r.URL, Secrets: []Secret{NewSecret("x")}},
		"neither a type":       {Name: "x", URL: r.URL, Secrets: []Secret{secret}, Types: []string{" "}},
		"has the name webhook": {Name: "events", URL: r.URL, Secrets: []Secret{secret}},
	} {
		_, err := NewWebhookSender(WebhookSenderConfig{Service: w.Service, Host: []HostWebhook{h, {Name: "events", URL: r.URL, Secrets: []Secret{secret}}}})
		require.ErrorContains(t, err, want)
	}
}

// TestWebhookBodyBounds: what is too long, or no JSON, is left out, and stops nothing.
func TestWebhookBodyBounds(t *testing.T) {
	w, r, s, _ := hookWorld(t)
	big, err := json.Marshal(strings.Repeat("a", MaxWebhookBody))
	require.NoError(t, err)
	now := w.clock()
	require.NoError(t, w.store.AppendEvents(t.Context(), "t1",
		store.Event{ID: store.NewID(now), Type: "x.big", At: now, After: big, Message: "why"},
		store.Event{ID: "an ID. with everything", Type: "x.odd", At: now, After: []byte("{no JSON"), Before: []byte(`{"a":1}`)}))
	require.Equal(t, 2, sends(t, s))
	r.mu.Lock()
	first, second, ids := r.got[0], r.got[1], r.ids
	r.mu.Unlock()
	require.True(t, first.Data.Truncated)
	require.Empty(t, first.Data.After)
	require.Equal(t, "why", first.Data.Message)
	require.False(t, second.Data.Truncated)
	require.Empty(t, second.Data.After)
	require.JSONEq(t, `{"a":1}`, string(second.Data.Before))
	require.Equal(t, "an ID. with everything", second.Data.EventID)
	require.Regexp(t, "^evt_[0-9a-f]{32}$", ids[1])
	require.Equal(t, []string{"x.big", "x.odd"}, r.takes())
}

// TestWebhookOfRemovedTenant: removal and export know webhooks, and neither tells a secret.
func TestWebhookOfRemovedTenant(t *testing.T) {
	w, _, _, h := hookWorld(t)
	var out bytes.Buffer
	end, err := w.ExportTenant(t.Context(), owner, "t1", &out)
	require.NoError(t, err)
	require.Equal(t, 1, end.Counts["webhook"])
	require.NotContains(t, out.String(), "sealed")
	stored, err := w.store.(store.WebhookStore).Webhook(t.Context(), "t1", h.ID)
	require.NoError(t, err)
	require.NotEmpty(t, stored.Secrets[0].Sealed)
	n, err := w.store.Erase(t.Context(), "t1", store.KindWebhook, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestWebhookConfigRefuses(t *testing.T) {
	for want, c := range map[string]WebhookConfig{
		"Max":          {Max: 101},
		"Timeout":      {Timeout: 2 * time.Minute},
		"DisableAfter": {DisableAfter: time.Minute},
		"Schedule":     {Schedule: []time.Duration{}},
		"twice":        {EventTypes: []EventType{{Type: "connection.created", Description: "x"}}},
		"a dotted":     {EventTypes: []EventType{{Type: "no type", Description: "x"}}},
	} {
		_, err := c.complete(false)
		require.ErrorContains(t, err, want)
	}
	for want, c := range map[string]WebhookSenderConfig{
		"Service is required": {}, "Workers": {Service: &Service{}, Workers: -1}, "LeaseTTL": {Service: &Service{}, LeaseTTL: 1},
	} {
		_, err := NewWebhookSender(c)
		require.ErrorContains(t, err, want)
	}
}

package tenant

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// longestRetryAfter is how long a receiver can ask us to wait.
const longestRetryAfter = 24 * time.Hour

// answer is how an attempt ended.
type answer struct {
	status int
	// code is empty if it went through.
	code string
	took time.Duration
	// wait is what the receiver asked for, zero for nothing.
	wait time.Duration
	err  error
}

func (a answer) ok() bool { return a.code == "" }

// post sends an event once.
func post(ctx context.Context, client *http.Client, timeout time.Duration, now func() time.Time, address, tenantID string, e store.Event, secrets []Secret) answer {
	begun := now()
	status, header, err := postOnce(ctx, client, timeout, begun, address, tenantID, e, secrets)
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = at.Err // logs don't tell the address, the rest of which may be a secret
	}
	a := answer{status: status, took: max(now().Sub(begun), 0), err: err}
	switch {
	case errors.Is(err, ErrBlockedAddress):
		a.code = WebhookCodeBlocked
	case errors.Is(err, ErrRedirect) || status >= 300 && status < 400:
		a.code = WebhookCodeRedirect
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		a.code = WebhookCodeTimeout
	case err != nil:
		a.code = WebhookCodeUnreachable
	case status == http.StatusGone:
		a.code = WebhookCodeGone
	case status < 200 || status > 299:
		a.code = WebhookCodeStatus
	}
	if a.code == WebhookCodeStatus {
		a.wait = retryAfter(header, now())
	}
	return a
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}

func postOnce(ctx context.Context, client *http.Client, timeout time.Duration, at time.Time, address, tenantID string, e store.Event, secrets []Secret) (int, http.Header, error) {
	body, err := webhookBody(tenantID, e)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tenantgate-webhooks/1")
	if err := signWebhook(req.Header, webhookIDOf(e), at, body, secrets); err != nil {
		return 0, nil, err
	}
	// A client of the host's may follow redirects; a webhook never does.
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return ErrRedirect }
	res, err := once.Do(req)
	if res != nil {
		defer func() { _ = res.Body.Close() }()
	}
	switch {
	case err != nil && res != nil: // a redirect
		return res.StatusCode, nil, err
	case err != nil:
		return 0, nil, err
	}
	// What it says is nobody's business; the status counts also when the body is too long or never ends.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxWebhookAnswer))
	return res.StatusCode, res.Header, nil
}

// retryAfter reads how long the receiver wants to be left alone (RFC 9110 section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(v, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestRetryAfter)
}

// schedulePause is how long to wait after that many failures in a row.
func schedulePause(schedule []time.Duration, failures int) time.Duration {
	return jittered(schedule[min(max(failures, 1), len(schedule))-1])
}

// noted puts an attempt at the front of the log.
func noted(w *store.Webhook, e store.Event, at time.Time, attempt int64, a answer) store.WebhookAttempt {
	entry := store.WebhookAttempt{
		EventID: webhookIDOf(e), Type: e.Type, Seq: e.Seq, At: at, Attempt: attempt, Took: a.took.Truncate(time.Microsecond), Status: int64(a.status), Code: a.code,
	}
	w.Log = slices.Insert(w.Log, 0, entry)
	w.Log = w.Log[:min(len(w.Log), keptAttempts)]
	return entry
}

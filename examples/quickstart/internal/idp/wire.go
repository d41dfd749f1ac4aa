package idp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Errors that end a push.
var (
	// ErrUnreachable says that no answer came.
	ErrUnreachable = errors.New("idp: the SCIM server can't be reached")
	// ErrUnauthorized says that the API key isn't accepted (401 or 403).
	ErrUnauthorized = errors.New("idp: the SCIM server refuses the API key")
	// ErrThrottled says that the server still answered 429 or 503 when the push had waited for it as often as it does, or wants it
	// to wait longer than Config.MaxRetryWait.
	ErrThrottled = errors.New("idp: the SCIM server asks to come back later")
)

const (
	maxAttempts = 5
	maxAnswer   = 4 << 20 // bytes of an answer that are read
	maxLogged   = 2 << 10 // bytes of a body that are logged
)

// wire sends requests to one base URL and writes them down.
type wire struct {
	client  *http.Client
	scim    scimSettings
	maxWait time.Duration
	now     func() time.Time
	report  *Report
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// refusal is an answer that a request didn't want. The push goes on after it.
type refusal struct {
	method, path, detail string
	status               int
}

func (r *refusal) Error() string {
	msg := fmt.Sprintf("%s %s was answered with %d", r.method, r.path, r.status)
	if r.detail != "" {
		msg += ": " + r.detail
	}
	return msg
}

// refusedWith tells whether err is a refusal with this status.
func refusedWith(err error, status int) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == status
}

// do sends a request until it isn't told to come back later. Any status other than 2xx is an error.
func (w *wire) do(ctx context.Context, method, path string, query url.Values, body any) (answer, error) {
	if len(query) > 0 {
		path += "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	}
	for attempt := 1; ; attempt++ {
		a, err := w.once(ctx, method, path, body)
		if err != nil {
			return a, err
		}
		switch {
		case a.status >= 200 && a.status < 300:
			return a, nil
		case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden && bodyDetail(a.body) == "":
			return a, fmt.Errorf("%w: %d %s", ErrUnauthorized, a.status, bodyDetail(a.body))
		case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable:
			if err := w.wait(ctx, a, attempt); err != nil {
				return a, err
			}
		default:
			return a, &refusal{method: method, path: path, status: a.status, detail: bodyDetail(a.body)}
		}
	}
}

// wait waits as long as the answer asks for.
func (w *wire) wait(ctx context.Context, a answer, attempt int) error {
	pause := w.retryAfter(a.header, attempt)
	if attempt >= maxAttempts {
		return fmt.Errorf("%w: %d after %d attempts", ErrThrottled, a.status, attempt)
	}
	if pause > w.maxWait {
		return fmt.Errorf("%w: in %v, longer than the %v that a push waits", ErrThrottled, pause, w.maxWait)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads Retry-After as seconds or as a date (RFC 9110 section 10.2.3). Without one the pauses grow.
func (w *wire) retryAfter(h http.Header, attempt int) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(w.now()), 0)
	}
	return min(time.Duration(attempt)*500*time.Millisecond, w.maxWait)
}

// once sends a request and writes the exchange down.
func (w *wire) once(ctx context.Context, method, path string, body any) (answer, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = encode(body); err != nil {
			return answer{}, fmt.Errorf("idp: encode a request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, w.scim.base+path, bytes.NewReader(sent))
	if err != nil {
		return answer{}, fmt.Errorf("idp: make a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+w.scim.token)
	req.Header.Set("Accept", "application/scim+json")
	if body != nil {
		req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	e := Exchange{At: w.now(), Method: method, Path: path, Sent: short(sent)}
	a, err := w.roundTrip(req)
	e.Took = w.now().Sub(e.At)
	e.Status, e.Got = a.status, short(a.body)
	if err != nil {
		e.Failure = err.Error()
	}
	w.report.add(e)
	if err != nil && ctx.Err() != nil {
		return a, ctx.Err()
	}
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return a, nil
}

func (w *wire) roundTrip(req *http.Request) (answer, error) {
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, err
}

// encode writes JSON as it is, without escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// quote writes a filter's string, which is a JSON string (RFC 7644 section 3.4.2.2).
func quote(s string) string {
	b, err := encode(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// bodyDetail is the detail of a SCIM error (RFC 7644 section 3.12).
func bodyDetail(body []byte) string {
	var e struct {
		Detail   string `json:"detail"`
		SCIMType string `json:"scimType"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	if e.SCIMType != "" && e.Detail != "" {
		return e.SCIMType + ": " + e.Detail
	}
	return e.Detail + e.SCIMType
}

// short is a body for the log. A long one is not indented: deep nesting would make it longer by its square.
func short(body []byte) string {
	var b bytes.Buffer
	text := string(body[:min(len(body), maxLogged+1)])
	if len(body) <= maxLogged && json.Indent(&b, body, "", "  ") == nil {
		text = b.String()
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxLogged {
		return text
	}
	cut := maxLogged
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "\n…"
}

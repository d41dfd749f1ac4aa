package scimtest

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
	"unicode"
)

const (
	maxAnswer   = 8 << 20 // bytes read of an answer
	maxReported = 4 << 10 // bytes of a body kept in a report
	maxTries    = 4
)

// request is what a step sends.
type request struct {
	method, path string
	body         any
	// auth is the Authorization header instead of the one with the token: empty but not nil for none.
	auth []string
}

// reply is what came back, or err.
type reply struct {
	exchange Exchange
	header   http.Header
	raw      []byte
	err      error
	note     string // why the request was not sent again
}

// client sends requests the way the provider does.
type client struct {
	base, token, agent string
	http               *http.Client
	timeout, maxWait   time.Duration
	hide               *strings.Replacer
}

func newClient(cfg *Config, agent string) *client {
	var h http.Client
	if cfg.HTTPClient != nil {
		h = *cfg.HTTPClient
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	const hidden = "[token]"
	return &client{
		base: cfg.BaseURL, token: cfg.Token, agent: agent, http: &h,
		timeout: cfg.RequestTimeout, maxWait: cfg.MaxRetryWait,
		hide: strings.NewReplacer(cfg.Token, hidden, url.QueryEscape(cfg.Token), hidden, inJSON(cfg.Token), hidden),
	}
}

// inJSON is how text looks within a JSON string.
func inJSON(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return string(raw[1 : len(raw)-1])
}

// send sends r, again when the server asks to come back later: all providers do.
func (c *client) send(ctx context.Context, r request) reply {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return reply{err: err}
		}
	}
	for try := 0; ; try++ {
		out := c.once(ctx, r, body)
		out.exchange.Retries = try
		if out.exchange.Status != http.StatusTooManyRequests && out.exchange.Status != http.StatusServiceUnavailable {
			return out
		}
		wait, told := retryAfter(out.header, try)
		switch {
		case wait > c.maxWait:
			out.note = fmt.Sprintf("; it asks to come back in %v, and %v is the most that is waited", wait, c.maxWait)
			return out
		case try == maxTries-1 && told:
			out.note = fmt.Sprintf("; it was sent %d times, each after the time that Retry-After asked for", maxTries)
			return out
		case try == maxTries-1:
			out.note = fmt.Sprintf("; it was sent %d times, and no Retry-After says when to come back", maxTries)
			return out
		case !sleep(ctx, wait):
			return out
		}
	}
}

// once sends r one time.
func (c *client) once(ctx context.Context, r request, body []byte) reply {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out := reply{exchange: Exchange{Method: r.method, Path: c.reported(r.path), Request: c.reported(string(body))}}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(body))
	if err != nil {
		return c.failed(out, err)
	}
	req.Header["Authorization"] = []string{"Bearer " + c.token}
	if r.auth != nil {
		req.Header["Authorization"] = r.auth
	}
	req.Header.Set("Accept", "application/scim+json, application/json")
	req.Header.Set("User-Agent", c.agent)
	if body != nil {
		req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.failed(out, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return c.failed(out, fmt.Errorf("status %d, then the body broke off: %w", res.StatusCode, err))
	case len(raw) > maxAnswer:
		return c.failed(out, fmt.Errorf("status %d with a body of more than %d bytes", res.StatusCode, maxAnswer))
	}
	out.exchange.Status, out.exchange.Response = res.StatusCode, c.reported(string(raw))
	out.header, out.raw = res.Header, raw
	return out
}

// failed is the reply when no whole answer came.
func (c *client) failed(out reply, err error) reply {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // method and address are in the exchange
	}
	out.err = errors.New(c.reported(err.Error()))
	out.exchange.Response = out.err.Error()
	return out
}

// reported is text as a report may have it: without the token, not too long, and nothing that moves a cursor. The
// token goes before the cut, so that no half of it stays.
func (c *client) reported(text string) string {
	text = cut(strings.ToValidUTF8(c.hide.Replace(text), "\uFFFD"), maxReported)
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, text)
}

// retryAfter reads Retry-After (RFC 9110 section 10.2.3). Without one the wait doubles from one second.
func retryAfter(h http.Header, try int) (wait time.Duration, told bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at)).Round(time.Second), true
	}
	return time.Second << try, false
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package scimtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxAnswer   = 16 << 20 // bytes read of an answer
	maxReported = 4 << 10  // bytes of a body kept in a report
	maxTries    = 4
)

// request is what a step sends.
type request struct {
	method, path string
	body         any
	token        string
}

// client sends requests the way the provider does.
type client struct {
	base, token string
	http        *http.Client
	timeout     time.Duration
	maxWait     time.Duration
}

func newClient(cfg *Config) *client {
	var h http.Client
	if cfg.HTTPClient != nil {
		h = *cfg.HTTPClient
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{base: cfg.BaseURL, token: cfg.Token, http: &h, timeout: cfg.Timeout, maxWait: cfg.MaxRetryWait}
}

// reply is what came back, or err.
type reply struct {
	exchange Exchange
	header   http.Header
	raw      []byte
	err      error
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
		out, wait := c.once(ctx, r, body)
		out.exchange.Retries = try
		if wait < 0 || try == maxTries-1 || !sleep(ctx, min(wait, c.maxWait)) {
			return out
		}
	}
}

// once sends r and tells how long to wait before it is sent again, less than 0 if it is not.
func (c *client) once(ctx context.Context, r request, body []byte) (out reply, wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out = reply{exchange: Exchange{Method: r.method, Path: r.path, Request: cut(body)}}
	fail := func(err error) (reply, time.Duration) {
		out.err, out.exchange.Response = err, err.Error()
		return out, -1
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(body))
	if err != nil {
		return fail(err)
	}
	token := c.token
	if r.token != "" {
		token = r.token
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/scim+json, application/json")
	req.Header.Set("User-Agent", "") // Entra may send none, so none may be needed
	if body != nil {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fail(fmt.Errorf("status %d, then the body broke off: %w", res.StatusCode, err))
	case len(raw) > maxAnswer:
		return fail(fmt.Errorf("status %d with a body of more than %d bytes", res.StatusCode, maxAnswer))
	}
	out.exchange.Status, out.exchange.Response, out.header, out.raw = res.StatusCode, cut(raw), res.Header, raw
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return out, -1
	}
	return out, retryAfter(res.Header)
}

// retryAfter reads Retry-After (RFC 9110 section 10.2.3); one second where there is none.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(v); err == nil && n >= 0 {
		return min(time.Duration(n), 3600) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return time.Second
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

func cut(body []byte) string {
	if len(body) <= maxReported {
		return string(body)
	}
	return fmt.Sprintf("%s … (%d bytes in all)", strings.ToValidUTF8(string(body[:maxReported]), ""), len(body))
}

package oidc

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	pushPause       = time.Minute // without pushing, after a provider that need not be pushed to did not take a request
	maxRequestURI   = 2048
	requestURIField = "request_uri"
)

// pushState remembers that a provider does not take pushed requests just now. It lives with the provider's document.
type pushState struct{ pausedUntil atomic.Int64 } // Unix nanoseconds

// push hands the parameters of an authorization request to the provider directly (RFC 9126) where it offers that, so
// that the browser carries a reference alone, which nobody can read or change. It returns what the browser carries.
//
// A provider that offers it without requiring it may not do so for every application. Then the parameters go through
// the browser, as they do at most providers: nothing that this package checks rests on them being hidden.
func (h *Handler) push(ctx context.Context, c store.Connection, m *metadata, a *attempt, params url.Values) (url.Values, error) {
	now := h.now()
	if m.pushedRequestEndpoint == "" || !m.pushRequired && now.UnixNano() < m.pushes.pausedUntil.Load() {
		return params, nil
	}
	requestURI, err := h.pushed(ctx, c, m, a, params)
	switch {
	case err == nil:
		return url.Values{"client_id": {c.ClientID}, requestURIField: {requestURI}}, nil
	case m.pushRequired:
		return nil, err
	default:
		m.pushes.pausedUntil.Store(now.Add(pushPause).UnixNano())
		return params, nil
	}
}

// pushed sends the request and returns its reference. A test tries the other way of sending the secret as well.
func (h *Handler) pushed(ctx context.Context, c store.Connection, m *metadata, a *attempt, params url.Values) (string, error) {
	method, err := h.authMethodOf(c, m)
	if err != nil {
		return "", err
	}
	req := call{conn: c, meta: m, method: method, endpoint: m.pushedRequestEndpoint, what: "the pushed authorization request endpoint", form: params}
	requestURI, err := h.pushOnce(ctx, req)
	if other := otherSecretMethod(method); a.Test != nil && other != "" && clientRefused(err) {
		req.method = other
		if again, secondErr := h.pushOnce(ctx, req); secondErr == nil {
			a.ClientAuth = other
			return again, nil
		}
	}
	return requestURI, err
}

func (h *Handler) pushOnce(ctx context.Context, req call) (string, error) {
	ans, err := h.post(ctx, req)
	if err != nil {
		return "", err
	}
	doc, err := parseObject(ans.body)
	if ans.status != http.StatusCreated && ans.status != http.StatusOK {
		return "", tokenError(req, ans.status, doc)
	}
	requestURI, _ := doc.str(requestURIField)
	if err != nil || requestURI == "" || len(requestURI) > maxRequestURI {
		return "", unavailable(CodeProviderDown, "the pushed authorization request endpoint gave no request_uri", nil)
	}
	return requestURI, nil
}

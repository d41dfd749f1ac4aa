package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// maxProblemLocks bounds the locks in an answer.
const maxProblemLocks = 50

// Problem is an answer of an API in the form of RFC 9457. Its type is about:blank: programs
// look at Code.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is for people.
	Detail string `json:"detail,omitempty"`
	// Code is stable.
	Code string `json:"code,omitempty"`
	// Locks are what is locked, each with what was to be done, 50 at most.
	Locks []ProblemLock `json:"locks,omitempty"`
}

// ProblemLock is one lock in a [Problem].
type ProblemLock struct {
	Change
	Index  int    `json:"index"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Lock   Lock   `json:"lock"`
}

// ProblemOf answers a [LockedError] that err is or wraps, for hosts that ask in a transaction of
// their own ([Locks.RequireTx]): 409 with the code "resource_locked", or 403 with "field_locked", and
// the explanation in the language ([Lock.Explain]). ok is false for other errors, which are
// the host's.
func ProblemOf(err error, lang string) (p Problem, ok bool) {
	locked, ok := errors.AsType[*LockedError](err)
	if !ok {
		return Problem{}, false
	}
	p = problem(locked.Status(), locked.Code(), "")
	var details []string
	for i, r := range locked.Refused {
		text := r.Lock.Explain(lang)
		if i < maxProblemLocks {
			p.Locks = append(p.Locks, ProblemLock{Change: r.Change, Index: r.Index, Code: r.Lock.Code, Detail: text, Lock: r.Lock})
		}
		if len(details) < 3 && (len(details) == 0 || details[len(details)-1] != text) {
			details = append(details, text)
		}
	}
	p.Detail = strings.Join(details, " ")
	return p, true
}

func problem(status int, code, detail string) Problem {
	return Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Write sends the problem as application/problem+json.
func (p Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	body, err := json.Marshal(p)
	if err != nil { // nothing in it can fail to encode
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // nobody is there to tell
}

// RequestError says that a request could not be understood. It is answered as its Status says.
type RequestError struct {
	Status  int // 400 or 413
	Message string
}

// Error returns the message.
func (e *RequestError) Error() string { return "provisioning: request: " + e.Message }

// failure is the one table from errors, other than locks, to answers.
func failure(ctx context.Context, logger *slog.Logger, err error) Problem {
	if bad, ok := errors.AsType[*RequestError](err); ok {
		code := "request_invalid"
		if bad.Status == http.StatusRequestEntityTooLarge {
			code = "request_too_large"
		}
		return problem(bad.Status, code, bad.Message)
	}
	switch {
	case errors.Is(err, tenant.ErrForbidden):
		return problem(http.StatusForbidden, "forbidden", "")
	case errors.Is(err, store.ErrNotFound):
		return problem(http.StatusNotFound, "not_found", "")
	case errors.Is(err, store.ErrStale), errors.Is(err, store.ErrUnavailable), errors.Is(err, tenant.ErrUnavailable):
		logger.WarnContext(ctx, "provisioning: whether something is locked could not be found out just now", "error", err)
		return problem(http.StatusServiceUnavailable, "unavailable", "Try again in a moment.")
	}
	logger.ErrorContext(ctx, "provisioning: whether something is locked could not be found out", "error", err)
	return problem(http.StatusInternalServerError, "internal", "")
}

// answer sends a failure.
func answer(w http.ResponseWriter, r *http.Request, logger *slog.Logger, err error) {
	p := failure(r.Context(), logger, err)
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	p.Write(w)
}

func badRequest(format string, args ...any) error {
	return &RequestError{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// langOf is what reads the language of a request.
func langOf(of func(*http.Request) string) func(http.ResponseWriter, *http.Request) string {
	return func(w http.ResponseWriter, r *http.Request) string {
		if of != nil {
			return of(r)
		}
		w.Header().Add("Vary", "Accept-Language")
		return r.Header.Get("Accept-Language")
	}
}

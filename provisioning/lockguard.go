package provisioning

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// GuardConfig configures [Locks.Guard]. Changes is required.
type GuardConfig struct {
	// Changes says in which tenant the request wants to change what; no change lets it through. It
	// wraps the handler of one route, so that Request.PathValue is set. [JSONFields] has the fields
	// of a JSON body. Its error is answered instead: a [RequestError] as it says, errors that
	// match tenant.ErrForbidden and store.ErrNotFound with 403 and 404, others with 500.
	Changes func(r *http.Request) (tenantID string, changes []Change, err error)
	// Lang is the reader's language, as [Lock.Explain] takes it. Nil means the header
	// Accept-Language.
	Lang func(r *http.Request) string
	// Refuse answers instead of the problem document of [ProblemOf]: a form again, for pages
	// in HTML.
	Refuse func(w http.ResponseWriter, r *http.Request, locked *LockedError)
	// Logger hears of what failed. Nil discards.
	Logger *slog.Logger
}

// Guard returns a middleware for routes of the host's API that refuses to change what is
// locked, before the handler runs: 409 with the code "resource_locked", or 403 with
// "field_locked", as application/problem+json with the explanation. GET, HEAD and OPTIONS
// pass. What can't be found out is refused, too.
//
// It looks outside of the handler's transaction. A handler that must not lose a race with a sync calls
// [Locks.RequireTx] in its own, and answers its error with [ProblemOf].
func (l *Locks) Guard(cfg GuardConfig) (func(http.Handler) http.Handler, error) {
	if cfg.Changes == nil {
		return nil, errors.New("provisioning: GuardConfig.Changes is required")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	lang := langOf(cfg.Lang)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.Method {
			case http.MethodGet, http.MethodHead, http.MethodOptions:
				next.ServeHTTP(w, r)
				return
			}
			err := l.guard(r, cfg)
			if err == nil {
				next.ServeHTTP(w, r)
				return
			}
			locked, ok := errors.AsType[*LockedError](err)
			if !ok {
				answer(w, r, cfg.Logger, err)
				return
			}
			if cfg.Refuse != nil {
				cfg.Refuse(w, r, locked)
				return
			}
			p, _ := ProblemOf(locked, lang(w, r))
			p.Write(w)
		})
	}, nil
}

func (l *Locks) guard(r *http.Request, cfg GuardConfig) error {
	tenantID, changes, err := cfg.Changes(r)
	if err != nil || len(changes) == 0 {
		return err
	}
	list, err := l.checkAll(r.Context(), l.cfg.Store, tenantID, changes, len(changes) == 1)
	if err != nil {
		return err
	}
	return refusedOf(changes, list)
}

// refusedOf returns a [LockedError] if something is locked.
func refusedOf(changes []Change, locks []Lock) error {
	var refused []Refused
	for i, lock := range locks {
		if lock.Locked {
			refused = append(refused, Refused{Change: changes[i], Lock: lock, Index: i})
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return &LockedError{Refused: refused}
}

// maxJSONFields bounds the members of a body.
const maxJSONFields = 500

// JSONFields returns the names of the members of a request's body, a JSON object, in order and
// each once, for GuardConfig.Changes. It reads up to limit bytes (zero means 1 MiB) and puts the body back
// for the handler. The error is a [RequestError] if it is larger, no JSON object, or has more than 500
// members; a body that is empty has none.
func JSONFields(r *http.Request, limit int64) ([]string, error) {
	if limit <= 0 {
		limit = 1 << 20
	}
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, &RequestError{Status: http.StatusRequestEntityTooLarge, Message: "the body is too large"}
		}
		return nil, badRequest("the body could not be read")
	}
	if int64(len(body)) > limit {
		return nil, &RequestError{Status: http.StatusRequestEntityTooLarge, Message: "the body is too large"}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	// Lenient where decoders of handlers may be: what they would take must be seen here.
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		return nil, badRequest("expected a JSON object")
	}
	var fields []string
	_, err = d.ReadToken()
	for err == nil && d.PeekKind() == '"' {
		var name jsontext.Token
		if name, err = d.ReadToken(); err != nil {
			break
		}
		if field := name.String(); !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
		if len(fields) > maxJSONFields {
			return nil, badRequest("expected at most %d members", maxJSONFields)
		}
		err = d.SkipValue()
	}
	if err == nil {
		_, err = d.ReadToken() // the end of the object
	}
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return fields, nil
		}
	}
	return nil, badRequest("expected a JSON object and nothing else")
}

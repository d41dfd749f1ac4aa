package provisioning

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
)

// LockHandlerConfig configures [Locks.Handler]. Tenant is required.
type LockHandlerConfig struct {
	// Tenant says in whose tenant the visitor looks. It is asked for every request and is the
	// only one who knows the visitor: an error that matches tenant.ErrForbidden or
	// store.ErrNotFound refuses with 403 or 404, another with 500.
	Tenant func(r *http.Request) (tenantID string, err error)
	// Lang is the reader's language, as [Lock.Explain] takes it. Nil means the header
	// Accept-Language.
	Lang func(r *http.Request) string
	// Logger hears of what failed. Nil discards.
	Logger *slog.Logger
}

// LockAnswer is what [Locks.Handler] answers in JSON.
type LockAnswer struct {
	Lock
	// Text is [Lock.Explain] in the reader's language.
	Text string `json:"text,omitempty"`
}

// Handler returns a handler for the host's own pages, to be mounted at a path of the
// host's choice. It answers GET and HEAD:
//
//	?kind=user&account=…&team=…&field=…&op=update  whether it is locked: a [LockAnswer] in JSON, or the
//	                                               icon in HTML ([LockIcon]) if Accept asks for text/html
//	&id=…                                          the icon's ID; "lock" if there is none
//	lock.css                                       the style sheet of the icon
//
// op is update if there is none. What it does not understand is answered with 400 and a problem
// document.
func (l *Locks) Handler(cfg LockHandlerConfig) (http.Handler, error) {
	if cfg.Tenant == nil {
		return nil, errors.New("provisioning: LockHandlerConfig.Tenant is required")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	lang := langOf(cfg.Lang)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(http.StatusMethodNotAllowed, "method_not_allowed", "").Write(w)
			return
		}
		if path.Base(r.URL.Path) == "lock.css" {
			w.Header().Set("Content-Type", "text/css; charset=utf-8")
			w.Header().Set("Cache-Control", "public, max-age=3600")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = w.Write(lockCSS) // nobody is there to tell
			return
		}
		lock, err := l.asked(r, cfg)
		if err != nil {
			answer(w, r, cfg.Logger, err)
			return
		}
		writeLock(w, r, lock, lang(w, r))
	}), nil
}

func (l *Locks) asked(r *http.Request, cfg LockHandlerConfig) (Lock, error) {
	tenantID, err := cfg.Tenant(r)
	if err != nil {
		return Lock{}, err
	}
	q := r.URL.Query()
	c := Change{
		Resource: Resource{Kind: ResourceKind(q.Get("kind")), AccountID: q.Get("account"), TeamID: q.Get("team")},
		Field:    q.Get("field"), Op: Op(q.Get("op")),
	}
	if c.Op == "" {
		c.Op = OpUpdate
	}
	if err := c.check(); err != nil {
		return Lock{}, badRequest("%s", strings.TrimPrefix(err.Error(), "provisioning: "))
	}
	if !plausibleID(c.Resource.AccountID) || !plausibleID(c.Resource.TeamID) || !plausibleID(c.Field) {
		return Lock{}, badRequest("expected account, team and field of at most 255 characters")
	}
	return l.Check(r.Context(), tenantID, c.Resource, c.Field, c.Op)
}

func writeLock(w http.ResponseWriter, r *http.Request, lock Lock, lang string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		id := strings.TrimPrefix(r.URL.Query().Get("id"), "lock-")
		if !plausibleID(id) || id == "" {
			id = "lock"
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, string(LockIcon(lock, id, lang))) // nobody is there to tell
		return
	}
	h.Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(LockAnswer{Lock: lock, Text: lock.Explain(lang)}) // nor here
}

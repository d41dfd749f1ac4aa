package scim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/scim/internal/filter"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const contentType = "application/scim+json"

// Values of headers that many answers have; nobody changes them.
var (
	scimType  = []string{contentType}
	plainType = []string{"application/json"}
	noStore   = []string{"no-store"}
)

// Handler serves SCIM 2.0 for all tenants: each has its base URL at
// {BaseURL}/{tenant}. Any replica may serve any request: what a handler remembers, the
// allowance of keys and the last requests, is its own. It may be used by several goroutines
// at once.
type Handler struct {
	cfg     Config
	prefix  string // path of BaseURL, escaped, without a slash at the end
	types   []*resourceType
	kinds   map[*resourceType]kind
	parser  *filter.Parser
	dialect dialect
	log     *slog.Logger
	secrets secrets
	limits  *limiters // of keys; nil without a rate limit
	guesses *limiters // of addresses that send wrong keys
	answers sync.Pool // of *answer
}

// NewHandler returns a handler, or an error that says what is missing or wrong
// in cfg.
func NewHandler(cfg Config) (*Handler, error) {
	prefix, err := cfg.fill()
	if err != nil {
		return nil, err
	}
	types, err := cfg.resourceTypes()
	if err != nil {
		return nil, err
	}
	h := &Handler{
		cfg: cfg, prefix: prefix, types: types, parser: cfg.parser(types),
		dialect: dialect{strict: cfg.Strict}, secrets: secretsOf(types), log: cfg.Logger, kinds: map[*resourceType]kind{},
	}
	for i, rt := range types {
		switch i {
		case 0:
			h.kinds[rt] = users{rt}
		case 1:
			h.kinds[rt] = groups{rt}
		default:
			h.kinds[rt] = resources{rt}
		}
	}
	if !cfg.InsecureNoRateLimit {
		h.limits = newLimiters(cfg.RequestsPerSecond, cfg.Burst)
		h.guesses = newLimiters(guessesPerSecond, guessesAtOnce)
	}
	return h, nil
}

// Mount returns the pattern and the handler for an http.ServeMux:
//
//	mux.Handle(h.Mount())
func (h *Handler) Mount() (pattern string, handler http.Handler) {
	return h.prefix + "/", h
}

// TenantBaseURL is the address that a tenant's owner enters at the identity
// provider.
func (h *Handler) TenantBaseURL(tenantID string) string {
	return h.cfg.BaseURL + "/" + url.PathEscape(tenantID)
}

// Requests returns the last requests of a tenant, the newest first, and apart from them
// the last that were refused or accepted with a warning. It has those of this replica
// since it started, and is empty with a [Config.RequestLog] of the host's own. It asks nobody: for owners there is
// [Handler.ReadRequests].
func (h *Handler) Requests(tenantID string) []Exchange {
	if l, ok := h.cfg.RequestLog.(*RecentRequests); ok {
		return l.Requests(tenantID)
	}
	return nil
}

// request is one request of a known principal.
type request struct {
	*http.Request
	tenant    string
	principal tenant.Principal
	token     string // the API key
	base      string // the tenant's base URL
	params    params
	rt        *resourceType // what the path names, if it does
	id        string
	trace     string              // correlation ID for journal and log
	body      []byte              // as it came, for the request log
	written   map[*attribute]bool // of those returned on request, which the body gives a value
	unknown   []string            // names of attributes that were ignored
	warnings  []Warning
	work      work
}

// reads reports whether the method changes nothing.
func (r *request) reads() bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Content-Type"] = mediaType(r)
	path, ok := splitPath(r.URL.EscapedPath(), h.prefix)
	if !ok {
		_ = h.fail(w, r, "", &Error{Status: http.StatusNotFound, Detail: "There is nothing at this address."})
		return
	}
	token := bearer(r, h.cfg.BareAuthorization)
	principal, err := h.authenticate(r, path[0], token)
	if err != nil {
		_ = h.fail(w, r, "", h.refuseGuessing(w, r, err))
		return
	}
	req := &request{
		Request: r, tenant: path[0], principal: principal, token: token,
		base: h.TenantBaseURL(path[0]), trace: requestID(r),
	}
	var refused *Error
	if h.cfg.RequestLog != nil {
		at, status := h.cfg.Now(), &statusWriter{ResponseWriter: w}
		w = status
		defer func() { h.logRequest(req, at, status.status, refused) }()
	}
	if err = h.allow(w, req.tenant, principal.KeyID, 1); err == nil {
		req.params, err = parseParams(r.URL.RawQuery)
	}
	if err == nil {
		err = h.route(w, req, path[1:])
		h.tellWarnings(req)
	}
	if err != nil {
		refused = h.fail(w, r, req.tenant, err)
	}
	// A fault of ours may come after the write.
	mayHaveWritten := refused == nil || refused.Status >= http.StatusInternalServerError
	if h.cfg.Written != nil && mayHaveWritten && !req.reads() {
		h.cfg.Written(req.tenant)
	}
}

// requestID takes over the ID that a proxy gave the request, if it looks like one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	odd := func(c rune) bool { return c <= ' ' || c > '~' }
	if len(id) > 64 || strings.IndexFunc(id, odd) >= 0 {
		return ""
	}
	return id
}

// splitPath cuts the path below the prefix into segments: the tenant first.
// Slashes at the end, and several in a row, don't count.
func splitPath(escaped, prefix string) ([]string, bool) {
	rest, ok := strings.CutPrefix(escaped, prefix+"/")
	if !ok {
		return nil, false
	}
	parts := make([]string, 0, 3)
	for p := range strings.SplitSeq(rest, "/") {
		s, err := url.PathUnescape(p)
		if err != nil || strings.ContainsAny(s, "/\\\x00") || s == ".." || s == "." || !utf8.ValidString(s) {
			return nil, false
		}
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "")
	}
	return parts, true
}

// fail writes an error as RFC 7644 section 3.12 has it, and returns what it wrote.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, tenantID string, err error) *Error {
	e, known := toError(err)
	gone := r.Context().Err()
	if !known && errors.Is(gone, context.DeadlineExceeded) {
		e = &Error{Status: http.StatusServiceUnavailable, Detail: "The request took longer than the application allows. Send it again."}
	}
	if !known && !errors.Is(gone, context.Canceled) { // a client that left needs no line
		h.log.ErrorContext(r.Context(), "scim: request failed", "tenant", tenantID, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	switch e.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="SCIM"`)
	case http.StatusServiceUnavailable:
		wait := "1"
		if refusal := (*tenant.Refusal)(nil); errors.Is(err, store.ErrUnavailable) || errors.As(err, &refusal) {
			wait = "30" // this takes longer than a busy moment
		}
		w.Header().Set("Retry-After", wait)
	}
	write(w, e.Status, e.appendJSON(nil))
	return e
}

// write sends a small answer.
func write(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Cache-Control"] = noStore
	if body != nil {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		header.Del("Content-Type")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone when it fails
}

// noContent answers without a body.
func noContent(w http.ResponseWriter, status int) {
	w.Header().Del("Content-Type")
	w.WriteHeader(status)
}

// mediaType is the content type of the answer: SCIM's own, unless the client takes plain
// JSON alone (RFC 7644 section 3.1).
func mediaType(r *http.Request) []string {
	const plain = "application/json"
	accept := r.Header["Accept"]
	if len(accept) == 0 || len(accept) == 1 && accept[0] == contentType {
		return scimType
	}
	takes := func(types ...string) bool {
		return slices.ContainsFunc(accept, func(line string) bool {
			line = strings.ToLower(line)
			return slices.ContainsFunc(types, func(t string) bool { return strings.Contains(line, t) })
		})
	}
	if takes(plain) && !takes(contentType, "application/*", "*/*") {
		return plainType
	}
	return scimType
}

// readBody reads a JSON object of at most limit bytes.
func (h *Handler) readBody(w http.ResponseWriter, r *request, limit int64) (map[string]any, error) {
	if own, ok := w.(*statusWriter); ok {
		w = own.ResponseWriter // the server's own closes the connection of a body that is too large
	}
	if ct := r.Header.Get("Content-Type"); ct != "" {
		mt, _, err := mime.ParseMediaType(ct)
		if err != nil || mt != contentType && mt != "application/json" {
			return nil, &Error{
				Status: http.StatusUnsupportedMediaType,
				Detail: "Send the body as application/scim+json or application/json.",
			}
		}
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Detail: "Send the body without a Content-Encoding."}
	}
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	data, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	if err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return nil, err
		}
		return nil, badRequest(TypeInvalidSyntax, "The body ended too early.")
	}
	r.body = data
	return decodeObject(data)
}

// readAll is io.ReadAll for what says how long it is. No client gets much memory for a
// length alone.
func readAll(from io.Reader, length int64) ([]byte, error) {
	const most = 64 << 10
	if length <= 0 || length > most {
		return io.ReadAll(from)
	}
	buf := bytes.NewBuffer(make([]byte, 0, length+bytes.MinRead))
	_, err := buf.ReadFrom(from)
	return buf.Bytes(), err
}

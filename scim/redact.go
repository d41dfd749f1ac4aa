package scim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	redacted = "REDACTED"
	// maxLoggedBody and maxLoggedPath bound what an Exchange holds, in bytes.
	maxLoggedBody = 4 << 10
	maxLoggedPath = 1 << 10
)

// logRequest tells the request log what came of a request.
func (h *Handler) logRequest(r *request, at time.Time, status int, err error) {
	e := Exchange{
		At: at, Took: h.cfg.Now().Sub(at), KeyID: r.principal.KeyID, KeyName: r.principal.KeyName,
		CorrelationID: r.trace, UserAgent: cut(r.UserAgent(), 200), Method: r.Method,
		Path: h.secrets.path(r.Request, h.prefix), Request: h.secrets.body(r.body), Status: status, Warnings: r.warnings,
	}
	if err != nil {
		e.Error, _ = toError(err)
	}
	h.cfg.RequestLog.LogRequest(r.Context(), r.tenant, e)
}

// secrets are the lower-case names of attributes that are never returned.
type secrets []string

func secretsOf(types []*resourceType) (out secrets) {
	for _, rt := range types {
		for _, c := range rt.containers() {
			for _, a := range c.attrs {
				if a.Returned == ReturnedNever {
					out = append(out, strings.ToLower(a.Name))
				}
				for _, s := range a.subs {
					if s.Returned == ReturnedNever {
						out = append(out, strings.ToLower(s.Name))
					}
				}
			}
		}
	}
	return uniqueStrings(out)
}

// in reports whether text may name a secret, plainly or by an escape.
func (s secrets) in(text string) bool {
	folded := strings.ToLower(text)
	if strings.Contains(folded, `\u`) {
		return true
	}
	for _, name := range s {
		if strings.Contains(folded, name) {
			return true
		}
	}
	return false
}

// named reports whether an attribute path ends with a secret's name.
func (s secrets) named(path string) bool {
	path = strings.ToLower(path)
	for _, name := range s {
		if rest, ok := strings.CutSuffix(path, name); ok && (rest == "" || strings.IndexByte(".:]", rest[len(rest)-1]) >= 0) {
			return true
		}
	}
	return false
}

// body is what is kept of a request's body.
func (s secrets) body(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	if text := strings.ToValidUTF8(string(raw), "\uFFFD"); !s.in(text) {
		return cut(text, maxLoggedBody)
	}
	doc, err := decodeObject(raw)
	if err != nil {
		return redacted + " (it names a secret and is no JSON)"
	}
	clean, err := json.Marshal(s.clean(doc))
	if err != nil {
		return redacted
	}
	return cut(string(clean), maxLoggedBody)
}

// clean replaces the values of secrets: members of that name, the value of an operation
// whose path speaks of one, and filters that compare with one.
func (s secrets) clean(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = s.clean(v[i])
		}
	case map[string]any:
		path, _ := member(v, "path")
		target, _ := path.(string)
		for key, e := range v {
			switch text, _ := e.(string); {
			case s.named(key),
				strings.EqualFold(key, "value") && s.in(target),
				strings.ContainsAny(text, `["`) && s.in(text):
				v[key] = redacted
			default:
				v[key] = s.clean(e)
			}
		}
	}
	return v
}

// path is the request's path below the tenant's base URL, with the query.
func (s secrets) path(r *http.Request, prefix string) string {
	path := strings.TrimPrefix(r.URL.EscapedPath(), prefix+"/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		path = path[i:]
	} else {
		path = "/"
	}
	if r.URL.RawQuery == "" {
		return cut(path, maxLoggedPath)
	}
	parts := strings.Split(r.URL.RawQuery, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(value); value != "" && (err != nil || !isParam(name) || s.in(plain)) {
			parts[i] = name + "=" + redacted
		}
	}
	return cut(path+"?"+strings.Join(parts, "&"), maxLoggedPath)
}

// cut shortens s to at most n bytes, between runes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return prefix(s, n) + "…"
}

// statusWriter remembers the status that was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the server's writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

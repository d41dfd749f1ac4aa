package scim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	redacted = "REDACTED"
	// maxLoggedBody and maxLoggedPath bound what an Exchange holds, in bytes.
	maxLoggedBody = 4 << 10
	maxLoggedPath = 1 << 10
	maxLoggedWord = 200
	// maxRedacted is up to which size a body that names a secret is taken apart to keep the
	// rest of it.
	maxRedacted = 64 << 10
)

// logRequest tells the request log what came of a request; refused is nil if it went well.
func (h *Handler) logRequest(r *request, at time.Time, status int, refused *Error) {
	// Parts of the request would keep the whole of it in memory.
	e := Exchange{
		At: at, Took: h.cfg.Now().Sub(at), DirectoryID: r.principal.DirectoryID, KeyID: r.principal.KeyID, KeyName: r.principal.KeyName,
		CorrelationID: cut(r.trace, maxLoggedWord), UserAgent: cut(r.UserAgent(), maxLoggedWord), Method: cut(r.Method, maxLoggedWord),
		Path: h.secrets.path(r.Request, h.prefix), Request: h.secrets.body(r.body), Status: status, Warnings: r.warnings,
	}
	if refused != nil {
		e.Error = refused
		if strings.Contains(e.Path+e.Request, redacted) {
			// What was wrong may repeat a part of what is not to be kept.
			e.Error = &Error{Status: refused.Status, Type: refused.Type, Detail: redacted}
		}
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

// inASCII is in for a text of ASCII alone.
func (s secrets) inASCII(text []byte) bool {
	if bytes.Contains(text, []byte(`\u`)) || bytes.Contains(text, []byte(`\U`)) {
		return true
	}
	for _, name := range s {
		first := []byte{name[0], name[0]}
		if name[0] >= 'a' && name[0] <= 'z' {
			first[1] -= 'a' - 'A'
		}
		for rest := text; len(rest) >= len(name); rest = rest[1:] {
			i := bytes.IndexAny(rest, string(first))
			if i < 0 || len(rest)-i < len(name) {
				break
			}
			if rest = rest[i:]; bytes.EqualFold(rest[:len(name)], []byte(name)) {
				return true
			}
		}
	}
	return false
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// named reports whether a part of an attribute path is a secret's name.
func (s secrets) named(path string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(path), notInName) {
		if slices.Contains(s, part) {
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
	if len(raw) > maxRedacted {
		if s.in(string(raw)) {
			return redacted + " (it may name a secret and is large)"
		}
		return cut(strings.ToValidUTF8(string(raw[:maxRedacted]), "\uFFFD"), maxLoggedBody)
	}
	if isASCII(raw) && !s.inASCII(raw) { // nearly always so: one copy, of what is kept
		if len(raw) <= maxLoggedBody {
			return string(raw)
		}
		return string(raw[:maxLoggedBody]) + "…"
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

// spells reports whether text is more than an attribute's name and speaks of a secret, as
// a filter does that compares with one.
func (s secrets) spells(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return notInName(c) && c != '.' && c != ':' }) && s.in(text)
}

// notInName reports whether a character ends an attribute's name.
func notInName(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '$'
}

// clean replaces the values of secrets: members of that name, the value of an operation
// whose path speaks of one, and texts that may compare with one.
func (s secrets) clean(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = s.clean(v[i])
		}
	case map[string]any:
		path, _ := member(v, "path")
		target, _ := path.(string)
		out := make(map[string]any, len(v))
		for key, e := range v {
			text, _ := e.(string)
			hide := s.named(key) || s.spells(key) || strings.EqualFold(key, "value") && s.in(target) || s.spells(text)
			if s.spells(key) {
				key = redacted
			}
			if out[key] = any(redacted); !hide {
				out[key] = s.clean(e)
			}
		}
		return out
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
		return strings.Clone(s)
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

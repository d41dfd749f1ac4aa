package scim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

type object = map[string]any

// middleware makes a good server a faulty one.
type middleware func(http.Handler) http.Handler

// match selects requests by method and the beginning of their path behind the base URL, "" for any.
func match(r *http.Request, method, path string) bool {
	return (method == "" || r.Method == method) && strings.HasPrefix(strings.TrimPrefix(r.URL.Path, base), path)
}

// sent changes the body of requests.
func sent(method, path string, change func(body object)) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if match(r, method, path) {
				body := object{}
				if json.NewDecoder(r.Body).Decode(&body) == nil {
					change(body)
					setBody(r, body)
				}
			}
			h.ServeHTTP(w, r)
		})
	}
}

func setBody(r *http.Request, body object) {
	raw, _ := json.Marshal(body)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
}

// operations changes the operations of PATCH requests.
func operations(path string, change func(ops []any) []any) middleware {
	return sent(http.MethodPatch, path, func(body object) {
		ops, _ := body["Operations"].([]any)
		if ops = change(ops); ops == nil {
			ops = []any{}
		}
		body["Operations"] = ops
	})
}

// each changes or, with nil, drops single operations.
func each(path string, change func(op object) object) middleware {
	return operations(path, func(ops []any) (out []any) {
		for _, o := range ops {
			if op := change(o.(object)); op != nil {
				out = append(out, op)
			}
		}
		return out
	})
}

// reply is an answer that can be changed.
type reply struct {
	r      *http.Request
	status int
	header http.Header
	body   object // of an answer that has one
}

// got changes answers.
func got(method, path string, change func(*reply)) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !match(r, method, path) {
				h.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			a := &reply{r: r, status: rec.Code, header: rec.Header()}
			raw := rec.Body.Bytes()
			if len(raw) > 0 {
				_ = json.Unmarshal(raw, &a.body)
			}
			change(a)
			for k, v := range a.header {
				if k != "Content-Length" {
					w.Header()[k] = v
				}
			}
			if a.body != nil {
				raw, _ = json.Marshal(a.body)
			}
			w.WriteHeader(a.status)
			if a.status != http.StatusNoContent {
				w.Write(raw)
			}
		})
	}
}

// resources changes or, with nil, drops resources of a list.
func resources(a *reply, change func(object) object) {
	list, _ := a.body["Resources"].([]any)
	kept := []any{}
	for _, e := range list {
		if m := change(e.(object)); m != nil {
			kept = append(kept, m)
		}
	}
	if total, ok := a.body["totalResults"].(float64); ok {
		a.body["totalResults"], a.body["Resources"] = total-float64(len(list)-len(kept)), kept
	}
}

// instead answers without asking the good server, where when says so.
func instead(when func(*http.Request) bool, status int, kind, body string, header ...string) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !when(r) {
				h.ServeHTTP(w, r)
				return
			}
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
}

// query changes what is asked for.
func query(method, path string, change func(url.Values)) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if match(r, method, path) {
				q := r.URL.Query()
				change(q)
				r.URL.RawQuery = q.Encode()
			}
			h.ServeHTTP(w, r)
		})
	}
}

// scimError is the body of an Error.
func scimError(status, scimType string) string {
	raw, _ := json.Marshal(object{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": status, "scimType": scimType, "detail": "No.",
	})
	return string(raw)
}

// both are two faults in one server.
func both(a, b middleware) middleware {
	return func(h http.Handler) http.Handler { return a(b(h)) }
}

// read asks h on behalf of a middleware.
func read(h http.Handler, r *http.Request, method, path string, body any) (int, object) {
	raw, _ := json.Marshal(body)
	q := httptest.NewRequest(method, "https://app.example.com"+base+path, bytes.NewReader(raw))
	q.Header = r.Header.Clone()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	var out object
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return w.Code, out
}

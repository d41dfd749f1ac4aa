package scim

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// route finds the endpoint below a tenant's base URL (RFC 7644 section 3.2).
func (h *Handler) route(w http.ResponseWriter, r *request, path []string) error {
	switch {
	case len(path) == 0:
		return h.methods(w, r, endpoint{"GET": h.searchAll})
	case len(path) == 1 && path[0] == ".search":
		return h.methods(w, r, endpoint{"POST": h.postSearchAll})
	case len(path) == 1 && path[0] == "Bulk":
		return h.methods(w, r, endpoint{"POST": h.bulk})
	case path[0] == "Me":
		return h.me(w, r, path)
	case len(path) == 1 && path[0] == "ServiceProviderConfig":
		return h.methods(w, r, endpoint{"GET": h.serviceProviderConfig})
	case path[0] == "ResourceTypes" && len(path) <= 2:
		return h.methods(w, r, endpoint{"GET": func(w http.ResponseWriter, r *request) error {
			return h.discovery(w, r, h.resourceTypeDocs(r), path[1:], "resource type")
		}})
	case path[0] == "Schemas" && len(path) <= 2:
		return h.methods(w, r, endpoint{"GET": func(w http.ResponseWriter, r *request) error {
			return h.discovery(w, r, h.schemaDocs(r), path[1:], "schema")
		}})
	}
	rt := h.typeAt("/" + path[0])
	switch {
	case rt == nil || len(path) > 2:
		return &Error{Status: http.StatusNotFound, Detail: "There is no such endpoint."}
	case len(path) == 1:
		return h.methods(w, r, endpoint{
			"GET":  func(w http.ResponseWriter, r *request) error { return h.list(w, r, rt) },
			"POST": func(w http.ResponseWriter, r *request) error { return h.post(w, r, rt) },
		})
	case path[1] == ".search":
		return h.methods(w, r, endpoint{
			"POST": func(w http.ResponseWriter, r *request) error { return h.postSearch(w, r, rt) },
		})
	}
	return h.methods(w, r, h.one(rt, path[1]))
}

// one is the endpoint of one resource.
func (h *Handler) one(rt *resourceType, id string) endpoint {
	return endpoint{
		"GET":    func(w http.ResponseWriter, r *request) error { return h.read(w, r, rt, id) },
		"PUT":    func(w http.ResponseWriter, r *request) error { return h.put(w, r, rt, id) },
		"PATCH":  func(w http.ResponseWriter, r *request) error { return h.patch(w, r, rt, id) },
		"DELETE": func(w http.ResponseWriter, r *request) error { return h.delete(w, r, rt, id) },
	}
}

// me serves the user that the principal stands for as if it had been asked for by its
// ID, and names its own address in Location (RFC 7644 section 3.11).
func (h *Handler) me(w http.ResponseWriter, r *request, path []string) error {
	if h.cfg.Me == nil || len(path) > 1 {
		return &Error{Status: http.StatusNotImplemented, Detail: "/Me is not served: an API key stands for a directory, not for a user."}
	}
	id, err := h.cfg.Me(r.Context(), r.tenant, r.principal)
	if errors.Is(err, store.ErrNotFound) {
		return &Error{Status: http.StatusNotFound, Detail: "This key stands for no user."}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", r.base+h.types[0].Endpoint+"/"+url.PathEscape(id))
	return h.methods(w, r, h.one(h.types[0], id))
}

// endpoint holds what an address does, by method.
type endpoint map[string]func(http.ResponseWriter, *request) error

// methods calls the one for the request's method; HEAD is GET without the body.
func (h *Handler) methods(w http.ResponseWriter, r *request, e endpoint) error {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if serve, ok := e[method]; ok {
		scope := ScopeWrite
		if method == http.MethodGet || strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/.search") {
			scope = ScopeRead
		}
		if !may(r.principal, scope) {
			return &Error{Status: http.StatusForbidden, Detail: "This API key lacks the scope " + scope + "."}
		}
		return serve(w, r)
	}
	w.Header().Set("Allow", e.allow())
	if r.Method == http.MethodOptions {
		noContent(w, http.StatusNoContent)
		return nil
	}
	return &Error{Status: http.StatusMethodNotAllowed, Detail: "This address takes " + e.allow() + "."}
}

func (e endpoint) allow() string {
	var out []string
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		if _, ok := e[m]; ok || m == "HEAD" && e["GET"] != nil {
			out = append(out, m)
		}
	}
	return strings.Join(append(out, "OPTIONS"), ", ")
}

func (h *Handler) typeAt(endpoint string) *resourceType {
	for _, rt := range h.types {
		if rt.Endpoint == endpoint {
			return rt
		}
	}
	return nil
}

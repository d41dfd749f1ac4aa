package scim

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// route finds the endpoint below a tenant's base URL (RFC 7644 section 3.2).
func (h *Handler) route(w http.ResponseWriter, r *request, path []string) error {
	switch {
	case len(path) == 0:
		return h.serve(w, r, &rootEndpoint)
	case path[0] == "Me":
		return h.me(w, r, path)
	case len(path) == 1 && path[0] == ".search":
		return h.serve(w, r, &rootSearchEndpoint)
	case len(path) == 1 && path[0] == "Bulk":
		return h.serve(w, r, &bulkEndpoint)
	case len(path) == 1 && path[0] == "ServiceProviderConfig":
		return h.serve(w, r, &configEndpoint)
	case path[0] == "ResourceTypes" && len(path) <= 2:
		r.id = strings.Join(path[1:], "")
		return h.serve(w, r, &resourceTypesEndpoint)
	case path[0] == "Schemas" && len(path) <= 2:
		r.id = strings.Join(path[1:], "")
		return h.serve(w, r, &schemasEndpoint)
	}
	r.rt = h.typeAt(path[0])
	switch {
	case r.rt == nil || len(path) > 2:
		return &Error{Status: http.StatusNotFound, Detail: "There is no such endpoint."}
	case len(path) == 1:
		return h.serve(w, r, &typeEndpoint)
	case path[1] == ".search":
		return h.serve(w, r, &searchEndpoint)
	}
	r.id = path[1]
	return h.serve(w, r, &resourceEndpoint)
}

// action answers a request whose resource type and ID, if it names some, are known.
type action func(*Handler, http.ResponseWriter, *request) error

// endpoint is what an address does, by method.
type endpoint struct {
	get, post, put, patch, delete action
	// reads is true if POST changes nothing.
	reads bool
}

var (
	rootEndpoint          = endpoint{get: (*Handler).searchAll}
	rootSearchEndpoint    = endpoint{post: (*Handler).postSearchAll, reads: true}
	bulkEndpoint          = endpoint{post: (*Handler).bulk}
	configEndpoint        = endpoint{get: (*Handler).serviceProviderConfig}
	resourceTypesEndpoint = endpoint{get: (*Handler).discoverResourceTypes}
	schemasEndpoint       = endpoint{get: (*Handler).discoverSchemas}
	typeEndpoint          = endpoint{get: (*Handler).list, post: (*Handler).post}
	searchEndpoint        = endpoint{post: (*Handler).postSearch, reads: true}
	resourceEndpoint      = endpoint{get: (*Handler).read, put: (*Handler).put, patch: (*Handler).patch, delete: (*Handler).delete}
)

// me serves the user that the principal stands for as if it had been asked for by its
// ID (RFC 7644 section 3.11).
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
	r.rt, r.id = h.types[0], id
	return h.serve(w, r, &resourceEndpoint)
}

// of is the action for a method; HEAD is GET without the body.
func (e *endpoint) of(method string) action {
	switch method {
	case http.MethodGet, http.MethodHead:
		return e.get
	case http.MethodPost:
		return e.post
	case http.MethodPut:
		return e.put
	case http.MethodPatch:
		return e.patch
	case http.MethodDelete:
		return e.delete
	}
	return nil
}

// serve calls the action for the request's method.
func (h *Handler) serve(w http.ResponseWriter, r *request, e *endpoint) error {
	if act := e.of(r.Method); act != nil {
		scope := ScopeWrite
		if r.reads() || e.reads {
			scope = ScopeRead
		}
		if !may(r.principal, scope) {
			return &Error{Status: http.StatusForbidden, Detail: "This API key lacks the scope " + scope + "."}
		}
		return act(h, w, r)
	}
	w.Header().Set("Allow", e.allow())
	if r.Method == http.MethodOptions {
		noContent(w, http.StatusNoContent)
		return nil
	}
	return &Error{Status: http.StatusMethodNotAllowed, Detail: "This address takes " + e.allow() + "."}
}

func (e *endpoint) allow() string {
	var out []string
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		if e.of(m) != nil {
			out = append(out, m)
		}
	}
	return strings.Join(append(out, "OPTIONS"), ", ")
}

func (h *Handler) typeAt(name string) *resourceType {
	for _, rt := range h.types {
		if rt.Endpoint[1:] == name {
			return rt
		}
	}
	return nil
}

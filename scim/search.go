package scim

import (
	"errors"
	"net/http"
)

// postSearch answers POST {endpoint}/.search (RFC 7644 section 3.4.3).
func (h *Handler) postSearch(w http.ResponseWriter, r *request) error {
	p, err := h.readSearch(w, r)
	if err != nil {
		return err
	}
	return h.search(w, r, p)
}

func (h *Handler) readSearch(w http.ResponseWriter, r *request) (params, error) {
	body, err := h.readBody(w, r, h.cfg.MaxBodyBytes)
	if err != nil {
		return params{}, err
	}
	return searchParams(body)
}

// postSearchAll answers POST /.search at the tenant's base URL.
func (h *Handler) postSearchAll(w http.ResponseWriter, r *request) error {
	p, err := h.readSearch(w, r)
	if err != nil {
		return err
	}
	return h.searchTypes(w, r, p)
}

// searchAll answers a query of the tenant's base URL (RFC 7644 section 3.4.2.1).
func (h *Handler) searchAll(w http.ResponseWriter, r *request) error {
	return h.searchTypes(w, r, r.params)
}

// searchTypes looks through all resource types, one after the other. A type
// that lacks an attribute of the filter has no matches.
func (h *Handler) searchTypes(w http.ResponseWriter, r *request, p params) error {
	if p.cursored || p.sortBy != "" {
		return badRequest(TypeInvalidValue, "Sorting and cursors need the endpoint of one resource type, such as /Users.")
	}
	var lists []*listing
	var refused error
	total, offset, size := 0, p.startIndex-1, h.size(p)
	for _, rt := range h.types {
		l, err := h.listing(r.Context(), r, rt, p)
		var e *Error
		if errors.As(err, &e) && e.Type == TypeInvalidFilter {
			refused = err
			continue
		}
		if err != nil {
			return err
		}
		if err := l.findWindow(r.Context(), max(offset-total, 0), size); err != nil {
			return err
		}
		total += l.total
		size -= len(l.records)
		lists = append(lists, l)
	}
	if len(lists) == 0 {
		return refused
	}
	return h.respondList(w, r, p, total, "", lists...)
}

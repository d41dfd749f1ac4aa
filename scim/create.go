package scim

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// post creates a resource (RFC 7644 section 3.3).
func (h *Handler) post(w http.ResponseWriter, r *request) error {
	body, err := h.readBody(w, r, h.cfg.MaxBodyBytes)
	if err != nil {
		return err
	}
	rec, err := h.create(r.Context(), r, r.rt, body)
	if err != nil {
		return err
	}
	return h.respond(w, r, http.StatusCreated, rec)
}

// create checks and stores a new resource.
func (h *Handler) create(ctx context.Context, r *request, rt *resourceType, body map[string]any) (record, error) {
	members, err := h.takeMembers(rt, body)
	if err != nil {
		return record{}, err
	}
	doc, err := h.receive(r, rt, body)
	if err != nil {
		return record{}, err
	}
	if err := rt.required(doc, true); err != nil {
		return record{}, err
	}
	rt.dropSecrets(doc)
	r.wrote(rt, doc)
	if h.isUser(rt) && doc["active"] == nil {
		doc["active"] = true
	}
	now := store.Time(h.cfg.Now())
	rec := record{Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}}
	k := h.kinds[rt]
	k.index(&rec, doc)
	if err := rec.indexable(); err != nil {
		return record{}, err
	}
	if err := h.storable(docWeight(doc)); err != nil {
		return record{}, err
	}
	rec.body = rt.encode(make([]byte, 0, docWeight(doc)*3/2+256), doc)
	if err := h.storable(len(rec.body)); err != nil {
		return record{}, err
	}
	err = h.permit(ctx, tenant.DirectoryWrite{
		TenantID: r.tenant, Principal: r.principal, Action: tenant.DirectoryCreate, ResourceType: rt.Name,
		After: rec.body, AddMembers: memberIDsOf(members),
	})
	if err != nil {
		return record{}, err
	}
	if members, err = h.memberKinds(ctx, r, members); err != nil {
		return record{}, err
	}
	return k.create(ctx, h.cfg.Store, r.tenant, rec, members, h.event(r, rt, "created", now, rec.ID, rec.name, nil, rec.body))
}

// storable refuses a resource that is too large to be read, changed and told about again
// and again.
func (h *Handler) storable(size int) error {
	if size <= h.cfg.MaxResourceBytes {
		return nil
	}
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Type: TypeTooMany,
		Detail: fmt.Sprintf("The resource would have %d bytes; at most %d are accepted.", size, h.cfg.MaxResourceBytes),
	}
}

func (h *Handler) isUser(rt *resourceType) bool { return rt == h.types[0] }

func (h *Handler) isGroup(rt *resourceType) bool { return rt == h.types[1] }

// dialectOf is the handler's dialect, which notes for the request log what it ignores.
func (h *Handler) dialectOf(r *request) dialect {
	d := h.dialect
	d.unknown = &r.unknown
	return d
}

// receive checks a client's resource and brings it to our form.
func (h *Handler) receive(r *request, rt *resourceType, body map[string]any) (map[string]any, error) {
	if v, ok := member(body, "schemas"); ok && !h.dialect.schemas(v, rt.core.urn) {
		return nil, badRequest(TypeInvalidSyntax, "schemas has to hold %q.", rt.core.urn)
	}
	return rt.canonical(body, h.dialectOf(r))
}

// takeMembers takes a group's members out of its body, for they are a relation.
func (h *Handler) takeMembers(rt *resourceType, body map[string]any) (members []store.Member, err error) {
	if !h.isGroup(rt) {
		return nil, nil
	}
	attr := rt.core.attr("members")
	seen := map[string]bool{}
	for key, v := range body {
		if !strings.EqualFold(key, attr.Name) {
			continue
		}
		delete(body, key)
		list, err := memberValues(attr, v, h.dialect)
		if err != nil {
			return nil, err
		}
		if len(list) > h.cfg.MaxMembers {
			return nil, tooManyMembers(h.cfg.MaxMembers)
		}
		for _, m := range list {
			if !seen[m.ID] {
				seen[m.ID] = true
				members = append(members, m)
			}
		}
	}
	return members, nil
}

func memberIDsOf(members []store.Member) []string {
	if len(members) == 0 {
		return nil
	}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	return ids
}

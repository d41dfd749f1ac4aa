package scim

import (
	"net/http"

	"github.com/tenantgate/tenantgate/tenant"
)

// patch changes a resource (RFC 7644 section 3.5.2).
func (h *Handler) patch(w http.ResponseWriter, r *request) error {
	body, err := h.readBody(w, r, h.cfg.MaxBodyBytes)
	if err != nil {
		return err
	}
	rec, err := h.modify(r, r.rt, r.id, body, r.precondition())
	if err != nil {
		return err
	}
	silent := h.cfg.PatchUserNoContent
	if h.isGroup(r.rt) {
		silent = !h.cfg.PatchGroupContent
	}
	// Who asked for more than was done is shown what the resource is now.
	if silent && !rec.partial && len(r.params.attributes) == 0 && len(r.params.excluded) == 0 {
		noContent(w, http.StatusNoContent)
		return nil
	}
	return h.respondFresh(w, r, rec)
}

func (h *Handler) modify(r *request, rt *resourceType, id string, body map[string]any, cond precondition) (record, error) {
	p, err := rt.parsePatch(body, h.parser, h.dialectOf(r), h.cfg.MaxOperations, h.cfg.MaxMembers, &r.work)
	if err != nil {
		// An unknown resource is the more telling answer.
		if _, e := h.get(r, rt, id); e != nil {
			return record{}, e
		}
		return record{}, err
	}
	return h.update(r, rt, id, tenant.DirectoryPatch, cond, p.needs(), func(doc map[string]any) (map[string]any, *memberOps, error) {
		next, err := p.apply(doc)
		if err == nil && rt.onRequest {
			r.wrote(rt, p.named(next))
		}
		return next, &p.members, err
	})
}

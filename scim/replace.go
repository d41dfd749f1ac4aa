package scim

import (
	"maps"
	"net/http"

	"github.com/tenantgate/tenantgate/tenant"
)

// put replaces a resource (RFC 7644 section 3.5.1).
func (h *Handler) put(w http.ResponseWriter, r *request) error {
	body, err := h.readBody(w, r, h.cfg.MaxBodyBytes)
	if err != nil {
		return err
	}
	rec, err := h.replace(r, r.rt, r.id, body, r.precondition())
	if err != nil {
		return err
	}
	return h.respondFresh(w, r, rec)
}

func (h *Handler) replace(r *request, rt *resourceType, id string, body map[string]any, cond precondition) (record, error) {
	members, err := h.takeMembers(rt, body)
	if err != nil {
		return record{}, err
	}
	doc, err := h.receive(r, rt, body)
	if err != nil {
		return record{}, err
	}
	if err := rt.required(doc, true); err != nil {
		if h.isUser(rt) && doc["active"] == false {
			return h.deactivate(r, rt, id, cond, err)
		}
		return record{}, err
	}
	r.wrote(rt, doc)
	var ops *memberOps
	if h.isGroup(rt) {
		ops = &memberOps{}
		ops.clear()
		for _, m := range members {
			ops.put(m)
		}
	}
	return h.update(r, rt, id, tenant.DirectoryReplace, cond, nil, func(have map[string]any) (map[string]any, *memberOps, error) {
		next := clone(doc).(map[string]any)
		return next, ops, rt.keepImmutable(have, next)
	})
}

// deactivate does of a replacement that is incomplete what takes access away, for a
// directory may not know yet of an attribute that has become required; refusal is the
// answer where that was done before.
func (h *Handler) deactivate(r *request, rt *resourceType, id string, cond precondition, refusal error) (record, error) {
	return h.update(r, rt, id, tenant.DirectoryReplace, cond, nil, func(have map[string]any) (map[string]any, *memberOps, error) {
		if have["active"] == false {
			return nil, nil, refusal
		}
		r.warn(WarningPartlyRefused, id)
		next := maps.Clone(have)
		next["active"] = false
		return next, nil, nil
	})
}

// keepImmutable carries immutable values over and refuses to change them.
func (rt *resourceType) keepImmutable(have, next map[string]any) error {
	for _, c := range rt.containers() {
		from, to := have, next
		if c.extension {
			from, _ = have[c.urn].(map[string]any)
			to, _ = next[c.urn].(map[string]any)
		}
		for _, a := range c.attrs {
			if to == nil {
				break
			}
			if a.Mutability == MutabilityImmutable && to[a.Name] == nil && from[a.Name] != nil {
				to[a.Name] = from[a.Name]
			}
			if err := keepsImmutable(a, from[a.Name], to[a.Name]); err != nil {
				return err
			}
		}
	}
	return nil
}

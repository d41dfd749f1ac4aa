package scim

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// read answers with one resource (RFC 7644 section 3.4.1).
func (h *Handler) read(w http.ResponseWriter, r *request) error {
	rec, err := h.get(r, r.rt, r.id)
	if err != nil {
		return err
	}
	cond := r.precondition()
	if len(cond.match) > 0 && !matchesTag(cond.match, rec.tag()) {
		return cond.holds(rec.tag())
	}
	if len(cond.noneMatch) > 0 && matchesTag(cond.noneMatch, rec.tag()) {
		w.Header().Set("ETag", rec.tag())
		noContent(w, http.StatusNotModified)
		return nil
	}
	return h.respond(w, r, http.StatusOK, rec)
}

// get loads a resource; without it the answer is 404.
func (h *Handler) get(r *request, rt *resourceType, id string) (record, error) {
	rec, err := h.kinds[rt].get(r.Context(), h.cfg.Store, r.tenant, id)
	if errors.Is(err, store.ErrNotFound) {
		return record{}, notFound(rt.Name, id)
	}
	return rec, err
}

// delete removes a resource (RFC 7644 section 3.6).
func (h *Handler) delete(w http.ResponseWriter, r *request) error {
	if err := h.remove(r, r.rt, r.id, r.precondition()); err != nil {
		return err
	}
	noContent(w, http.StatusNoContent)
	return nil
}

func (h *Handler) remove(r *request, rt *resourceType, id string, cond precondition) error {
	rec, err := h.get(r, rt, id)
	if err != nil {
		return err
	}
	if err := cond.holds(rec.tag()); err != nil {
		return err
	}
	err = h.permit(r.Context(), tenant.DirectoryWrite{
		TenantID: r.tenant, Principal: r.principal, Action: tenant.DirectoryDelete, ResourceType: rt.Name, ID: rec.ID,
		Before: rec.body, Deprovisioning: h.isUser(rt) || h.isGroup(rt),
	})
	if err != nil {
		return err
	}
	now := store.Time(h.cfg.Now())
	event := h.event(r, rt, "deleted", now, rec.ID, rec.name, rec.body, nil)
	if cond.given() {
		err = h.unchanged(r.Context(), r.tenant, rt, rec, now, func(st store.Store) error {
			return h.kinds[rt].delete(r.Context(), st, r.tenant, rec.ID, rec.Version, event)
		})
	} else {
		err = h.kinds[rt].delete(r.Context(), h.cfg.Store, r.tenant, rec.ID, 0, event)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound(rt.Name, id)
	case errors.Is(err, store.ErrStale):
		return &Error{Status: http.StatusPreconditionFailed, Detail: "The resource has changed since."}
	}
	return err
}

// unchanged runs fn, which compares a resource's version, so that a group's members are
// compared as well.
func (h *Handler) unchanged(ctx context.Context, tenantID string, rt *resourceType, rec record, at time.Time, fn func(store.Store) error) error {
	if !h.isGroup(rt) {
		return fn(h.cfg.Store)
	}
	return h.cfg.Store.InTx(ctx, func(tx store.Store) error {
		version := store.GroupVersion{Version: rec.Version, MembersVersion: rec.membersVersion}
		if _, err := tx.ChangeSCIMMembers(ctx, tenantID, rec.ID, store.MemberDelta{}, at, &version); err != nil {
			return err
		}
		return fn(tx)
	})
}

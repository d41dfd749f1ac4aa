package scim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// maxAttempts is how often an update is tried when others are faster. With n
// writers at once one of them wins each round.
const maxAttempts = 200

// maxAttemptTime bounds the same in time.
const maxAttemptTime = 10 * time.Second

// change computes the next document of a resource, and what happens to a
// group's members. It is called again when somebody else was faster.
type change func(doc map[string]any) (next map[string]any, members *memberOps, err error)

// update applies a change with compare-and-swap: a client's If-Match turns a
// lost race into 412, otherwise the change is computed anew.
// needs are the members of the document that fn looks into; the others it gets as they
// are stored. Nil needs all.
func (h *Handler) update(r *request, rt *resourceType, id string, action tenant.DirectoryAction, cond precondition, needs map[string]bool, fn change) (record, error) {
	began := time.Now()
	for attempt := 1; ; attempt++ {
		rec, err := h.updateOnce(r, rt, id, action, cond, needs, fn)
		switch {
		case !errors.Is(err, store.ErrStale):
			if errors.Is(err, store.ErrNotFound) {
				return rec, notFound(rt.Name, id)
			}
			return rec, err
		case cond.given():
			return rec, &Error{Status: http.StatusPreconditionFailed, Detail: "The resource has changed since."}
		case attempt == maxAttempts || time.Since(began) > maxAttemptTime:
			return rec, &Error{
				Status: http.StatusServiceUnavailable,
				Detail: "The resource was changed by many requests at once. Send this one again.",
			}
		}
		if err := pause(r.Context(), attempt); err != nil {
			return rec, err
		}
	}
}

// pause waits a random while, longer from attempt to attempt, at most 20 ms.
func pause(ctx context.Context, attempt int) error {
	t := time.NewTimer(rand.N(time.Duration(min(attempt, 20)) * time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (h *Handler) updateOnce(r *request, rt *resourceType, id string, action tenant.DirectoryAction, cond precondition, needs map[string]bool, fn change) (record, error) {
	ctx := r.Context()
	rec, err := h.get(r, rt, id)
	if err != nil {
		return rec, err
	}
	if err := cond.holds(rec.tag()); err != nil {
		return rec, err
	}
	doc, err := decodePart(rec.body, needs, true)
	if err != nil {
		return rec, err
	}
	next, ops, err := fn(doc)
	if err != nil {
		return rec, err
	}
	if h.isUser(rt) && next["active"] == nil {
		next["active"] = doc["active"] // leaving it out must not bring a user back
	}
	incomplete := rt.required(next, false)
	if incomplete != nil && rt.required(doc, false) != nil {
		incomplete = nil // it was so before: the definition has changed since
	}
	rt.dropSecrets(next)
	w := pendingWrite{r: r, rt: rt, action: action, before: rec, after: rec}
	if err := cmp.Or(incomplete, h.storable(docWeight(next))); err != nil {
		return rec, err
	}
	w.after.body = rt.encode(make([]byte, 0, len(rec.body)+256), next)
	if err := h.storable(len(w.after.body)); err != nil {
		return rec, err
	}
	w.after.UpdatedAt = store.Time(h.cfg.Now())
	h.kinds[rt].index(&w.after, next)
	if err := w.after.indexable(); err != nil {
		return rec, err
	}
	if w.delta, err = h.memberDelta(ctx, r.tenant, id, ops); err != nil {
		return rec, err
	}
	w.body = !bytes.Equal(w.after.body, rec.body)
	if !w.body && w.delta == nil {
		return rec, nil
	}
	if err := h.permitUpdate(ctx, &w, doc); err != nil {
		return rec, err
	}
	rec, err = h.store(ctx, &w, cond)
	if e := (*Error)(nil); w.alone != nil && errors.As(err, &e) && e.Type == TypeUniqueness {
		h.deactivateAlone(ctx, &w, doc, err)
		return h.store(ctx, &w, cond)
	}
	return rec, err
}

// pendingWrite is one update that is about to be stored.
type pendingWrite struct {
	r             *request
	rt            *resourceType
	action        tenant.DirectoryAction
	before, after record
	body          bool               // the resource itself changes
	delta         *store.MemberDelta // nil: members stay
	alone         []byte             // a user set inactive and nothing else; nil if the update does not
}

// permitUpdate asks the policy. If it refuses an update that would set a user
// inactive, or take members from a group, among other things, that is done and
// nothing else.
func (h *Handler) permitUpdate(ctx context.Context, w *pendingWrite, doc map[string]any) error {
	ask := tenant.DirectoryWrite{
		TenantID: w.r.tenant, Principal: w.r.principal, Action: w.action, ResourceType: w.rt.Name, ID: w.before.ID,
		Before: w.before.body, After: w.after.body,
	}
	if w.delta != nil {
		ask.AddMembers, ask.RemoveMembers, ask.ReplaceMembers = memberIDsOf(w.delta.Add), w.delta.Remove, w.delta.Replace
		ask.Deprovisioning = !w.body && len(w.delta.Add) == 0
	}
	if h.isUser(w.rt) && w.before.active && !w.after.active {
		doc["active"] = false
		w.alone = w.rt.encode(nil, doc)
		ask.Deprovisioning = bytes.Equal(w.alone, w.after.body)
	}
	err := h.permit(ctx, ask)
	switch {
	case err == nil:
	case w.delta != nil:
		return h.onlyRemove(ctx, w, err)
	case w.alone != nil:
		h.deactivateAlone(ctx, w, doc, err)
	default:
		return err
	}
	return nil
}

// deactivateAlone leaves of a refused update that the user, whose document is doc, is
// set inactive.
func (h *Handler) deactivateAlone(ctx context.Context, w *pendingWrite, doc map[string]any, refusal error) {
	h.log.WarnContext(ctx, "scim: an update was refused; the user was set inactive and the rest left out",
		"tenant", w.r.tenant, "id", w.before.ID, "error", refusal)
	w.r.warn(WarningPartlyRefused, w.before.ID)
	w.after.body, w.alone = w.alone, nil
	h.kinds[w.rt].index(&w.after, doc)
}

// onlyRemove leaves of a refused update of a group what takes members away; if
// nothing does, the refusal stands. Members that were gone before don't count, so
// that a request sent again hears the refusal.
func (h *Handler) onlyRemove(ctx context.Context, w *pendingWrite, refusal error) error {
	stays, goes := map[string]bool{}, map[string]bool{}
	for _, m := range w.delta.Add {
		stays[m.ID] = true
	}
	for _, id := range w.delta.Remove {
		goes[id] = true
	}
	var remove []string
	err := h.eachMember(ctx, w.r.tenant, w.before.ID, func(m store.Member) error {
		if goes[m.ID] || w.delta.Replace && !stays[m.ID] {
			remove = append(remove, m.ID)
		}
		return nil
	})
	if err != nil || len(remove) == 0 {
		return cmp.Or(err, refusal)
	}
	h.log.WarnContext(ctx, "scim: policy refused an update; members were removed and the rest left out",
		"tenant", w.r.tenant, "id", w.before.ID, "removed", len(remove), "error", refusal)
	w.r.warn(WarningPartlyRefused, w.before.ID)
	at := w.after.UpdatedAt
	w.after, w.body, w.delta = w.before, false, &store.MemberDelta{Remove: remove}
	w.after.UpdatedAt, w.after.partial = at, true
	return nil
}

// store writes resource and members, in one transaction when both change.
func (h *Handler) store(ctx context.Context, w *pendingWrite, cond precondition) (record, error) {
	k, now := h.kinds[w.rt], w.after.UpdatedAt
	updated := h.event(w.r, w.rt, "updated", now, w.after.ID, w.after.name, w.before.body, w.after.body)
	var err error
	if w.delta == nil {
		if !cond.given() {
			return k.update(ctx, h.cfg.Store, w.r.tenant, w.after, updated)
		}
		var out record
		err = h.unchanged(ctx, w.r.tenant, w.rt, w.before, now, func(st store.Store) (err error) {
			out, err = k.update(ctx, st, w.r.tenant, w.after, updated)
			return err
		})
		return out, err
	}
	if w.delta.Add, err = h.memberKinds(ctx, w.r, w.delta.Add); err != nil {
		return w.before, err
	}
	changed := h.event(w.r, w.rt, "members_changed", now, w.after.ID, w.after.name, nil, nil)
	version := store.GroupVersion{Version: w.before.Version, MembersVersion: w.before.membersVersion}
	var ifVersion *store.GroupVersion
	if cond.given() {
		ifVersion = &version
	}
	if !w.body {
		_, err := h.cfg.Store.ChangeSCIMMembers(ctx, w.r.tenant, w.after.ID, *w.delta, now, ifVersion, changed)
		return w.after, err
	}
	var out record
	err = h.cfg.Store.InTx(ctx, func(tx store.Store) error {
		if _, err := tx.ChangeSCIMMembers(ctx, w.r.tenant, w.after.ID, *w.delta, now, ifVersion, changed); err != nil {
			return err
		}
		var err error
		out, err = k.update(ctx, tx, w.r.tenant, w.after, updated)
		return err
	})
	return out, err
}

// wantMembers refuses a request that replaces somebody who is no member.
func (h *Handler) wantMembers(ctx context.Context, tenant, groupID string, ids []string) error {
	for chunk := range slices.Chunk(uniqueStrings(ids), store.MaxLimit) {
		groups, err := h.cfg.Store.SCIMGroupsOf(ctx, tenant, chunk...)
		if err != nil {
			return err
		}
		for _, id := range chunk {
			if !slices.ContainsFunc(groups[id], func(g store.GroupRef) bool { return g.ID == groupID }) {
				return noMember(id)
			}
		}
	}
	return nil
}

// memberDelta is what the operations come to, or nil. Filters on more than a
// member's value look at all members.
func (h *Handler) memberDelta(ctx context.Context, tenant, groupID string, ops *memberOps) (*store.MemberDelta, error) {
	if ops == nil {
		return nil, nil
	}
	if err := h.wantMembers(ctx, tenant, groupID, ops.present); err != nil {
		return nil, err
	}
	if !ops.touched() {
		return nil, nil
	}
	d := ops.delta()
	if len(ops.filters) > 0 {
		known := make(map[string]bool, len(d.Remove))
		for _, id := range d.Remove {
			known[id] = true
		}
		err := h.eachMember(ctx, tenant, groupID, func(m store.Member) error {
			_, added := ops.add[m.ID]
			if added || known[m.ID] {
				return nil
			}
			for _, f := range ops.filters {
				if f.holdsValue(memberDoc(m)) {
					d.Remove = append(d.Remove, m.ID)
					break
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if !d.Replace && len(d.Add) == 0 && len(d.Remove) == 0 {
		return nil, nil
	}
	return &d, nil
}

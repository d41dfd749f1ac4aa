package scim

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tenantgate/tenantgate/store"
)

// answer collects a JSON answer and sends it in one piece, or in pieces when it
// grows: a group may have any number of members.
type answer struct {
	w       http.ResponseWriter
	status  int
	buf     []byte
	started bool
}

// pieceBytes is how much is collected before a piece is sent.
const pieceBytes = 64 << 10

func (h *Handler) answer(w http.ResponseWriter, status int) *answer {
	a, ok := h.answers.Get().(*answer)
	if !ok {
		a = &answer{}
	}
	a.w, a.status, a.started = w, status, false
	return a
}

// spill sends what was collected once it is much.
func (a *answer) spill() error {
	if len(a.buf) < pieceBytes {
		return nil
	}
	if !a.started {
		a.started = true
		a.w.Header()["Cache-Control"] = noStore
		a.w.WriteHeader(a.status)
	}
	_, err := a.w.Write(a.buf)
	a.buf = a.buf[:0]
	return err
}

// finish sends the rest. An error after a piece was sent cuts the connection,
// so that the client can't take the piece for the whole.
func (h *Handler) finish(a *answer, err error) error {
	defer func() {
		if a.w, a.buf = nil, a.buf[:0]; cap(a.buf) <= 4*pieceBytes {
			h.answers.Put(a)
		}
	}()
	switch {
	case err != nil && a.started:
		panic(http.ErrAbortHandler)
	case err != nil:
		return err
	case a.started:
		_, _ = a.w.Write(a.buf)
		return nil
	}
	write(a.w, a.status, a.buf)
	return nil
}

// view is how one request sees the resources of a type.
type view struct {
	h     *Handler
	r     *request
	rt    *resourceType
	shown *projection
	base  string                      // of the resources' addresses, quoted for JSON but for the end
	refs  map[string][]store.GroupRef // groups of the users to be shown
}

func (h *Handler) view(r *request, rt *resourceType, p params) view {
	v := view{h: h, r: r, rt: rt, shown: rt.all}
	if len(p.attributes) > 0 || len(p.excluded) > 0 || len(r.written) > 0 {
		v.shown = rt.newProjection(h.parser, p.attributes, p.excluded)
		v.shown.written = r.written
	}
	return v
}

func (v *view) isUser() bool { return v.rt == v.h.types[0] }

func (v *view) isGroup() bool { return v.rt == v.h.types[1] }

// prepare loads the groups of users that are about to be shown.
func (v *view) prepare(ctx context.Context, records ...record) (err error) {
	if !v.isUser() || !v.shown.wants("groups") || len(records) == 0 {
		return nil
	}
	ids := make([]string, len(records))
	for i := range records {
		ids[i] = records[i].ID
	}
	v.refs, err = v.h.cfg.Store.SCIMGroupsOf(ctx, v.r.tenant, ids...)
	return err
}

// location is the resource's absolute address.
func (v *view) location(id string) string {
	return v.r.base + v.rt.Endpoint + "/" + url.PathEscape(id)
}

// append writes one resource. The stored body is spliced in as it is unless the
// client asked for a part of it.
func (v *view) append(ctx context.Context, a *answer, rec *record) error {
	if v.shown.plain() {
		a.buf = append(a.buf, `{"id":`...)
		a.buf = appendString(a.buf, rec.ID)
		if len(rec.body) > 2 {
			a.buf = append(a.buf, ',')
			a.buf = append(a.buf, rec.body[1:len(rec.body)-1]...)
		}
		if v.isUser() {
			a.buf = appendGroupRefs(a.buf, v.refs[rec.ID])
		}
		if err := v.appendMembers(ctx, a, rec); err != nil {
			return err
		}
		a.buf = v.appendMeta(a.buf, rec)
		a.buf = append(a.buf, '}')
		return a.spill()
	}
	doc, err := v.h.document(v.r, v.rt, rec)
	if err != nil {
		return err
	}
	if refs := v.refs[rec.ID]; len(refs) > 0 {
		doc["groups"] = groupDocs(refs)
	}
	a.buf = v.rt.encode(a.buf, v.shown.apply(doc))
	if v.isGroup() && v.shown.wants("members") {
		a.buf = a.buf[:len(a.buf)-1]
		if err := v.appendMembers(ctx, a, rec); err != nil {
			return err
		}
		a.buf = append(a.buf, '}')
	}
	return a.spill()
}

// document is the resource as filters and projections see it, without relations.
func (h *Handler) document(r *request, rt *resourceType, rec *record) (map[string]any, error) {
	doc, err := decodeStored(rec.body)
	if err != nil {
		return nil, err
	}
	doc["id"] = rec.ID
	doc["meta"] = map[string]any{
		"resourceType": rt.Name,
		"created":      store.FormatTime(rec.CreatedAt),
		"lastModified": store.FormatTime(rec.lastModified()),
		"location":     r.base + rt.Endpoint + "/" + url.PathEscape(rec.ID),
		"version":      rec.tag(),
	}
	return doc, nil
}

func (v *view) appendMeta(dst []byte, rec *record) []byte {
	dst = append(dst, `,"meta":{"resourceType":`...)
	dst = appendString(dst, v.rt.Name)
	dst = append(dst, `,"created":"`...)
	dst = rec.CreatedAt.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, `","lastModified":"`...)
	dst = rec.lastModified().UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, `","location":`...)
	dst = v.appendLocation(dst, rec.ID)
	dst = append(dst, `,"version":"W/\"`...)
	dst = rec.appendVersion(dst)
	return append(dst, `\""}`...)
}

// appendLocation appends the resource's address as a JSON string.
func (v *view) appendLocation(dst []byte, id string) []byte {
	if v.base == "" {
		quoted := appendString(nil, v.r.base+v.rt.Endpoint+"/")
		v.base = string(quoted[:len(quoted)-1])
	}
	dst = append(dst, v.base...)
	for i := range len(id) {
		if c := id[i]; c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			escaped := appendString(nil, url.PathEscape(id))
			return append(dst, escaped[1:]...)
		}
	}
	dst = append(dst, id...)
	return append(dst, '"')
}

// timeLayout is that of store.FormatTime.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func appendGroupRefs(dst []byte, refs []store.GroupRef) []byte {
	for i, g := range refs {
		if i == 0 {
			dst = append(dst, `,"groups":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"value":`...)
		dst = appendString(dst, g.ID)
		dst = append(dst, `,"$ref":`...)
		dst = appendString(dst, "/Groups/"+g.ID)
		dst = append(dst, `,"display":`...)
		dst = appendString(dst, g.DisplayName)
		dst = append(dst, `,"type":"direct"}`...)
	}
	if len(refs) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

func groupDocs(refs []store.GroupRef) []any {
	out := make([]any, len(refs))
	for i, g := range refs {
		out[i] = map[string]any{"value": g.ID, "$ref": "/Groups/" + g.ID, "display": g.DisplayName, "type": "direct"}
	}
	return out
}

// appendMembers streams a group's members from the store.
func (v *view) appendMembers(ctx context.Context, a *answer, rec *record) error {
	if !v.isGroup() || !v.shown.wants("members") || rec.membersVersion == 0 {
		return nil
	}
	attr := v.rt.core.attr("members")
	want, without := v.shown.want["members"], v.shown.without["members"]
	partial := v.shown.chosen && !want.whole || without != nil
	some := false
	err := v.h.eachMember(ctx, v.r.tenant, rec.ID, func(m store.Member) error {
		start := len(a.buf)
		if some {
			a.buf = append(a.buf, ',')
		} else {
			a.buf = append(a.buf, `,"members":[`...)
		}
		if partial {
			doc, _ := v.shown.keepSubs(memberAnswer(m), attr, want, without).(map[string]any)
			if len(doc) == 0 {
				a.buf = a.buf[:start]
				return nil
			}
			a.buf = appendObject(a.buf, attr.subs, doc)
		} else {
			a.buf = appendMember(a.buf, m)
		}
		some = true
		return a.spill()
	})
	if some {
		a.buf = append(a.buf, ']')
	}
	return err
}

func appendMember(dst []byte, m store.Member) []byte {
	dst = append(dst, `{"value":`...)
	dst = appendString(dst, m.ID)
	if m.Kind != store.MemberUnknown {
		dst = append(dst, `,"$ref":`...)
		dst = appendString(dst, memberRef(m))
		dst = append(dst, `,"type":"`...)
		dst = append(dst, m.Kind...)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// memberRef is the member's address relative to the tenant's base URL (RFC 7643 section
// 2.3.7), with the slash that every endpoint starts with.
func memberRef(m store.Member) string {
	return "/" + string(m.Kind) + "s/" + url.PathEscape(m.ID)
}

func memberAnswer(m store.Member) map[string]any {
	doc := memberDoc(m)
	if m.Kind != store.MemberUnknown {
		doc["$ref"] = memberRef(m)
	}
	return doc
}

// eachMember walks a group's members by page. A group that was deleted in the
// meantime has none.
func (h *Handler) eachMember(ctx context.Context, tenant, groupID string, fn func(store.Member) error) error {
	after := ""
	for {
		page, err := h.cfg.Store.SCIMMembers(ctx, tenant, groupID, after, store.MaxLimit)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, m := range page {
			if err := fn(m); err != nil {
				return err
			}
		}
		if len(page) < store.MaxLimit {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// respond answers a request with one resource.
func (h *Handler) respond(w http.ResponseWriter, r *request, status int, rec record) error {
	v := h.view(r, r.rt, r.params)
	if status != http.StatusCreated { // what is new is in no group yet
		if err := v.prepare(r.Context(), rec); err != nil {
			return err
		}
	}
	w.Header().Set("Location", v.location(rec.ID))
	w.Header().Set("ETag", rec.tag())
	a := h.answer(w, status)
	return h.finish(a, v.append(r.Context(), a, &rec))
}

// appendNumber appends a member with a number; name has its punctuation.
func appendNumber(dst []byte, name string, n int) []byte {
	dst = append(dst, name...)
	return strconv.AppendInt(dst, int64(n), 10)
}

// respondFresh answers with the resource after an update; a group is read
// again, because the store moves its members' version.
func (h *Handler) respondFresh(w http.ResponseWriter, r *request, rec record) error {
	if h.isGroup(r.rt) {
		var err error
		if rec, err = h.get(r, r.rt, rec.ID); err != nil {
			return err
		}
	}
	return h.respond(w, r, http.StatusOK, rec)
}

package scim

import (
	"net/http"
	"slices"
	"strings"
)

// await completes an operation, or leaves it to one that it still waits for.
func (b *bulkRun) await(op *bulkOp) {
	for _, id := range op.refs {
		if other := b.byID[id]; other.state != bulkDone {
			b.waiting[other] = append(b.waiting[other], op)
			return
		}
	}
	b.fix(op)
}

// fix completes a resource that was created without a reference to one that refers back
// to it. When that fails, the circle is taken back: an operation is done or it is not.
func (b *bulkRun) fix(op *bulkOp) {
	if op.err != nil {
		return
	}
	for _, id := range op.refs {
		if b.byID[id].err != nil {
			b.withdraw(op, unresolved(id))
			return
		}
	}
	data, _ := b.resolve("", op.data)
	rec, err := b.h.replace(b.r, op.rt, op.rec.ID, data.(map[string]any), precondition{})
	if err != nil {
		b.withdraw(op, err)
		return
	}
	op.rec = rec
}

// withdraw removes what an operation created, and what was created with a reference to it.
func (b *bulkRun) withdraw(op *bulkOp, err error) {
	if undo := b.h.remove(b.r, op.rt, op.rec.ID, precondition{}); undo != nil {
		b.h.log.ErrorContext(b.r.Context(), "scim: what a bulk operation left behind could not be removed",
			"tenant", b.r.tenant, "id", op.rec.ID, "error", undo)
	}
	op.rec = record{}
	b.failed(op, err)
	for _, other := range b.ops {
		if other.state == bulkDone && other.err == nil && other.method == http.MethodPost && slices.Contains(other.refs, op.bulkID) {
			b.withdraw(other, unresolved(op.bulkID))
		}
	}
}

// reference takes the bulkId out of "bulkId:…".
func reference(s string) (string, bool) {
	const prefix = "bulkId:"
	if len(s) <= len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// references lists the bulkIds that an operation names.
func (b *bulkRun) references(op *bulkOp) (out []string) {
	if id, ok := reference(op.id); ok {
		out = append(out, id)
	}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case string:
			if id, ok := b.referenceIn(key, v); ok {
				out = append(out, id)
			}
		case []any:
			for _, e := range v {
				walk(key, e)
			}
		case map[string]any:
			for _, k := range sortedKeys(v) {
				walk(k, v[k])
			}
		}
	}
	walk("", op.data)
	return uniqueStrings(out)
}

// referenceIn takes the bulkId out of a value. Where no reference belongs, text that
// looks like one to nothing is only text.
func (b *bulkRun) referenceIn(key, v string) (string, bool) {
	id, ok := reference(v)
	if ok && b.byID[id] == nil {
		switch strings.ToLower(key) {
		case "value", "$ref", "members", "manager":
		default:
			return "", false
		}
	}
	return id, ok
}

// resolve copies v with IDs in place of references. What isn't created yet is
// left out; circle reports that.
func (b *bulkRun) resolve(key string, v any) (out any, circle bool) {
	switch v := v.(type) {
	case string:
		if id, ok := b.referenceIn(key, v); ok {
			if b.byID[id] == nil || b.byID[id].rec.ID == "" {
				return nil, true
			}
			return b.byID[id].rec.ID, false
		}
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			r, c := b.resolve(key, e)
			if circle = circle || c; !c {
				list = append(list, r)
			}
		}
		return list, circle
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			r, c := b.resolve(k, e)
			if circle = circle || c; !c || present(r) {
				m[k] = r
			}
		}
		return m, circle
	}
	return v, false
}

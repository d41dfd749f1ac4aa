package scim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	urnBulkRequest  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	urnBulkResponse = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// bulkOp is one operation of a bulk request (RFC 7644 section 3.7) and what
// became of it.
type bulkOp struct {
	index   int
	method  string
	bulkID  string
	rt      *resourceType
	id      string // of the resource; empty for POST; may be a bulkId reference
	version string
	data    map[string]any
	refs    []string // bulkIds of other operations that it names

	state  bulkState
	status int
	err    *Error
	rec    record
}

type bulkState int

const (
	bulkWaiting bulkState = iota
	bulkRunning           // its references are being created
	bulkDone
)

// bulkRun carries a bulk request out: each operation stands alone, and
// references to other operations are resolved in both directions.
type bulkRun struct {
	h      *Handler
	r      *request
	ops    []*bulkOp
	byID   map[string]*bulkOp
	most   int // failOnErrors, or 0
	errors int
	// waiting are operations that were created without a reference that ran in a circle,
	// each with one that it still waits for.
	waiting map[*bulkOp][]*bulkOp
}

// bulk answers POST /Bulk.
func (h *Handler) bulk(w http.ResponseWriter, r *request) error {
	body, err := h.readBody(w, r, h.cfg.MaxBulkBytes)
	if err != nil {
		return err
	}
	if v, ok := member(body, "schemas"); ok {
		if err := wantSchema(v, urnBulkRequest); err != nil {
			return err
		}
	}
	raw, _ := member(body, "Operations")
	list, ok := raw.([]any)
	if !ok {
		return badRequest(TypeInvalidSyntax, "A bulk request needs an array named Operations.")
	}
	if len(list) > h.cfg.MaxBulkOperations {
		return &Error{
			Status: http.StatusRequestEntityTooLarge, Type: TypeTooMany,
			Detail: fmt.Sprintf("A bulk request may have at most %d operations; this one has %d.", h.cfg.MaxBulkOperations, len(list)),
		}
	}
	run := &bulkRun{h: h, r: r, byID: map[string]*bulkOp{}, waiting: map[*bulkOp][]*bulkOp{}}
	if v, ok := member(body, "failOnErrors"); ok && v != nil {
		n, isNumber := v.(json.Number)
		most, err := n.Int64()
		if !isNumber || err != nil || most < 0 {
			return badRequest(TypeInvalidValue, "failOnErrors has to be a whole number.")
		}
		run.most = int(min(most, maxCount))
	}
	for i, e := range list {
		op, err := run.read(i, e)
		if err != nil {
			return err
		}
		run.ops = append(run.ops, op)
	}
	for _, op := range run.ops {
		op.refs = run.references(op)
	}
	if err := h.allow(w, r.tenant, r.principal.KeyID, min(len(run.ops), h.cfg.Burst)-1); err != nil {
		return err
	}
	if err := run.all(); err != nil {
		return err
	}
	run.refresh()
	return run.respond(w)
}

// read makes one operation ready. What is wrong with it is its own failure.
func (b *bulkRun) read(i int, e any) (*bulkOp, error) {
	m, ok := e.(map[string]any)
	if !ok {
		return nil, badRequest(TypeInvalidSyntax, "Operation %d has to be an object.", i+1)
	}
	str := func(name string) string {
		v, _ := member(m, name)
		s, _ := v.(string)
		return s
	}
	op := &bulkOp{index: i, method: strings.ToUpper(str("method")), bulkID: str("bulkId"), version: str("version")}
	data, _ := member(m, "data")
	op.data, _ = data.(map[string]any)
	op.err = b.address(op, str("path"))
	switch {
	case op.err != nil:
	case op.method == http.MethodPost && op.bulkID == "":
		op.err = badRequest(TypeInvalidSyntax, "A POST in a bulk request needs a bulkId.")
	case op.method != http.MethodDelete && op.data == nil:
		op.err = badRequest(TypeInvalidSyntax, "The operation needs data.")
	}
	if op.bulkID != "" && op.method == http.MethodPost {
		if b.byID[op.bulkID] != nil {
			return nil, badRequest(TypeInvalidSyntax, "The bulkId %q is given twice.", clip(op.bulkID))
		}
		b.byID[op.bulkID] = op
	}
	return op, nil
}

// address finds the resource that a path names; nothing outside of the
// tenant's own resources can be named.
func (b *bulkRun) address(op *bulkOp, path string) *Error {
	want := 2
	switch op.method {
	case http.MethodPost:
		want = 1
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return badRequest(TypeInvalidSyntax, "method has to be POST, PUT, PATCH or DELETE, not %q.", clip(op.method))
	}
	parts, ok := splitPath(path, "")
	if ok && len(parts) == want {
		op.rt = b.h.typeAt(parts[0])
	}
	if op.rt == nil {
		return badRequest(TypeInvalidPath, "path has to be an endpoint such as /Users for POST, or /Users/ID, not %q.", clip(path))
	}
	if want == 2 {
		op.id = parts[1]
	}
	return nil
}

// all runs the operations in their order, until the client is gone or has seen enough
// errors.
func (b *bulkRun) all() error {
	for _, op := range b.ops {
		if b.most > 0 && b.errors >= b.most {
			return nil
		}
		if err := b.r.Context().Err(); err != nil {
			return err
		}
		b.run(op)
	}
	return nil
}

// run carries an operation out after those it refers to.
func (b *bulkRun) run(op *bulkOp) {
	if op.state != bulkWaiting {
		return
	}
	op.state = bulkRunning
	var err error
	circle := false
	if op.err != nil {
		err = op.err
	} else {
		circle, err = b.try(op)
	}
	op.state = bulkDone
	if err != nil {
		b.failed(op, err)
	}
	// What ran in a circle is whole before anything that comes later looks at it.
	if circle {
		b.await(op)
	}
	for _, other := range b.waiting[op] {
		b.await(other)
	}
	delete(b.waiting, op)
}

func (b *bulkRun) failed(op *bulkOp, err error) {
	b.errors++
	var known bool
	if op.err, known = toError(err); !known && b.r.Context().Err() == nil {
		b.h.log.ErrorContext(b.r.Context(), "scim: bulk operation failed", "tenant", b.r.tenant, "error", err)
	}
	op.status = op.err.Status
}

// try carries an operation out; circle says that references are missing which run in one.
func (b *bulkRun) try(op *bulkOp) (circle bool, err error) {
	for _, id := range op.refs {
		other := b.byID[id]
		if other == nil {
			return false, unresolved(id)
		}
		b.run(other)
		if other.state == bulkDone && other.err != nil {
			return false, unresolved(id)
		}
	}
	data, circle := b.resolve("", op.data)
	body, _ := data.(map[string]any)
	if circle {
		if op.method != http.MethodPost {
			return false, unresolved("of an operation that waits for this one")
		}
	}
	if id, ok := reference(op.id); ok {
		op.id = b.byID[id].rec.ID
	}
	cond := precondition{}
	if op.version != "" {
		cond.match = []string{op.version}
	}
	switch op.method {
	case http.MethodPost:
		op.status = http.StatusCreated
		op.rec, err = b.h.create(b.r.Context(), b.r, op.rt, body)
	case http.MethodPut:
		op.status = http.StatusOK
		op.rec, err = b.h.replace(b.r, op.rt, op.id, body, cond)
	case http.MethodPatch:
		op.status = http.StatusOK
		op.rec, err = b.h.modify(b.r, op.rt, op.id, body, cond)
	case http.MethodDelete:
		op.status = http.StatusNoContent
		err = b.h.remove(b.r, op.rt, op.id, cond)
	}
	return circle && err == nil, err
}

func unresolved(id string) *Error {
	return &Error{Status: http.StatusConflict, Type: TypeInvalidValue, Detail: fmt.Sprintf("The reference bulkId:%s can't be resolved.", clip(id))}
}

// refresh reads groups again, because the store moves their members' version.
func (b *bulkRun) refresh() {
	for _, op := range b.ops {
		if op.state != bulkDone || op.err != nil || op.rec.ID == "" || !b.h.isGroup(op.rt) {
			continue
		}
		if rec, err := b.h.get(b.r, op.rt, op.rec.ID); err == nil {
			op.rec = rec
		} else {
			op.rec.Version = 0 // deleted by a later operation
		}
	}
}

func (b *bulkRun) respond(w http.ResponseWriter) error {
	a := b.h.answer(w, http.StatusOK)
	a.buf = append(a.buf, `{"schemas":["`+urnBulkResponse+`"],"Operations":[`...)
	some := false
	for _, op := range b.ops {
		if op.state != bulkDone {
			continue
		}
		if some {
			a.buf = append(a.buf, ',')
		}
		some = true
		a.buf = b.append(a.buf, op)
	}
	a.buf = append(a.buf, "]}"...)
	return b.h.finish(a, nil)
}

func (b *bulkRun) append(dst []byte, op *bulkOp) []byte {
	dst = append(dst, `{"method":`...)
	dst = appendString(dst, clip(op.method))
	if op.bulkID != "" {
		dst = append(dst, `,"bulkId":`...)
		dst = appendString(dst, op.bulkID)
	}
	id := op.rec.ID
	if id == "" && op.method != http.MethodPost {
		id = op.id
	}
	if id != "" && op.rt != nil {
		dst = append(dst, `,"location":`...)
		dst = appendString(dst, b.r.base+op.rt.Endpoint+"/"+url.PathEscape(id))
	}
	if op.err == nil && op.rec.Version > 0 {
		dst = append(dst, `,"version":`...)
		dst = appendString(dst, op.rec.tag())
	}
	dst = append(dst, `,"status":"`...)
	dst = strconv.AppendInt(dst, int64(op.status), 10)
	dst = append(dst, '"')
	if op.err != nil {
		dst = append(dst, `,"response":`...)
		dst = op.err.appendJSON(dst)
	}
	return append(dst, '}')
}

package scim

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// record is a stored resource of any kind.
type record struct {
	store.Meta
	name       string // userName or displayName
	externalID string
	active     bool
	body       []byte
	keys       []store.Key
	// membersVersion and membersUpdated are set for groups.
	membersVersion int64
	membersUpdated time.Time
	// partial says that a policy refused a part of the update, which was left out.
	partial bool
}

// kind is how one resource type is stored. All methods take the store to work
// on, which may be a transaction.
type kind interface {
	get(ctx context.Context, st store.Store, tenant, id string) (record, error)
	page(ctx context.Context, st store.Store, tenant string, q store.Query) (store.Page[record], error)
	// count is the number of matches, or ok false when it takes a walk.
	count(ctx context.Context, st store.Store, tenant string, filter store.Expr) (n int, ok bool, err error)
	create(ctx context.Context, st store.Store, tenant string, r record, members []store.Member, e ...store.Event) (record, error)
	update(ctx context.Context, st store.Store, tenant string, r record, e ...store.Event) (record, error)
	delete(ctx context.Context, st store.Store, tenant, id string, version int64, e ...store.Event) error
	// index fills the columns and keys from the document.
	index(r *record, doc map[string]any)
	// event is the first part of the event types, and the subject's kind.
	event() (prefix, subject string)
}

// tag is the entity tag (RFC 7644 section 3.14). A group's moves with its
// members too.
func (r *record) tag() string {
	return string(append(r.appendVersion(append(make([]byte, 0, 24), `W/"`...)), '"'))
}

// appendVersion appends what the tag has between quotes.
func (r *record) appendVersion(dst []byte) []byte {
	dst = strconv.AppendInt(dst, r.Version, 10)
	if r.membersVersion > 0 {
		dst = strconv.AppendInt(append(dst, '.'), r.membersVersion, 10)
	}
	return dst
}

func (r *record) lastModified() time.Time {
	if r.membersUpdated.After(r.UpdatedAt) {
		return r.membersUpdated
	}
	return r.UpdatedAt
}

// maxIndexed bounds values by which a resource can be found, in bytes, because
// databases bound what an index holds.
const maxIndexed = 1024

// indexable refuses values that are too long to be found by.
func (r *record) indexable() error {
	long := func(name, v string) error {
		if len(v) <= maxIndexed {
			return nil
		}
		return badRequest(TypeInvalidValue, "%s has %d bytes; at most %d are accepted.", name, len(v), maxIndexed)
	}
	if err := cmp.Or(long("userName or displayName", r.name), long("externalId", r.externalID)); err != nil {
		return err
	}
	for _, k := range r.keys {
		if err := long(string(k.Attr), k.Value); err != nil {
			return err
		}
	}
	return nil
}

// pageOf turns a page of the store's records into ours.
func pageOf[T any](p store.Page[T], err error, to func(T) record) (store.Page[record], error) {
	out := store.Page[record]{More: p.More, Next: p.Next, Exact: p.Exact}
	if err != nil {
		return out, err
	}
	out.Items = make([]record, len(p.Items))
	for i, item := range p.Items {
		out.Items[i] = to(item)
	}
	return out, nil
}

// text is a string of the document, or "".
func text(doc map[string]any, name string) string {
	s, _ := doc[name].(string)
	return s
}

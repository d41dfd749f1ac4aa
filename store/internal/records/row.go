package records

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// Row is a set-up record as an adapter keeps it.
type Row struct {
	TenantID  string
	Kind      string
	ID        string
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
	// UsedAt is set by Backend.TouchRow alone.
	UsedAt time.Time
	Body   []byte
	// Unique are the values that no other row of the kind may have.
	Unique []Unique
	// Index are the values by which rows are found. A row that UpdateRow gets with a Head has neither until they are asked
	// for by WithValues.
	Index  []Index
	values func() ([]Unique, []Index)
	// Head is a beginning of Body that says all of Unique and Index: as long as a stored body begins so too, they are the
	// same, and an update need not look at them. Nil where there is no such thing.
	Head []byte
	// Decoded is where a backend that keeps rows in memory keeps what a row decodes to, unless it is there already.
	// Others don't look at it.
	Decoded *Decoded
}

// WithValues returns the row with Unique and Index.
func (r Row) WithValues() Row {
	if r.values != nil {
		r.Unique, r.Index = r.values()
		r.values = nil
	}
	return r
}

// WithValuesOf returns the row with Unique and Index of another that has the same Head.
func (r Row) WithValuesOf(other Row) Row {
	r.Unique, r.Index, r.values = other.Unique, other.Index, nil
	return r
}

// Decoded is what a row was decoded to before.
type Decoded struct{ value atomic.Value }

// Unique is a value that one row of a kind can have: in its tenant, or at all.
type Unique struct {
	Global bool
	Name   string
	Value  string
}

// Scope is the tenant within which the value is unique, empty for everywhere.
func (u Unique) Scope(tenantID string) string {
	if u.Global {
		return ""
	}
	return tenantID
}

// Index is a value by which several rows of a kind can be found.
type Index struct {
	Name  string
	Value string
}

// Place is a row's place in the order of an index.
type Place struct {
	Value string
	store.Ref
}

// Backend is what an adapter implements; [Setup] makes the typed contracts of it.
// Methods keep the rules of package store: ErrNotFound, ErrConflict, ErrStale, and
// events stored with the write or not at all.
type Backend interface {
	// Row returns a row, or ErrNotFound.
	Row(ctx context.Context, tenantID, kind, id string) (Row, error)
	// RowByUnique returns the tenant's row that has the value, or ErrNotFound.
	RowByUnique(ctx context.Context, tenantID, kind string, key Unique) (Row, error)
	// Rows returns up to limit rows (zero means all) in order of the ID, after the given
	// one.
	Rows(ctx context.Context, tenantID, kind, after string, limit int) ([]Row, error)
	// RowsByIndex returns the tenant's rows that have the value, in order of the ID.
	RowsByIndex(ctx context.Context, tenantID, kind string, key Index) ([]Row, error)
	// RowsByIDs returns the tenant's rows with these IDs, each once, in order of the ID.
	RowsByIDs(ctx context.Context, tenantID, kind string, ids []string) ([]Row, error)
	// RowsByIndexes returns the tenant's rows that have one of the values, each once, in
	// order of the ID.
	RowsByIndexes(ctx context.Context, tenantID, kind, name string, values []string) ([]Row, error)
	// RowsByUniques returns the tenant's rows that have one of the values, which are unique
	// within the tenant, each once, in order of the ID.
	RowsByUniques(ctx context.Context, tenantID, kind, name string, values []string) ([]Row, error)
	// InsertRow stores a row as version 1. ErrConflict.
	InsertRow(ctx context.Context, r Row, events []store.Event) error
	// UpdateRow replaces the row whose Version is given and returns its creation time. See Row.WithValues.
	// The stored version becomes Version+1. ErrNotFound, ErrStale, ErrConflict.
	UpdateRow(ctx context.Context, r Row, events []store.Event) (createdAt time.Time, err error)
	// DeleteRow removes a row. ErrNotFound; ErrStale if version is not zero and not the
	// stored one.
	DeleteRow(ctx context.Context, tenantID, kind, id string, version int64, events []store.Event) error
	// DeleteRowsByIndex removes the tenant's rows that have the value and returns how
	// many there were. Events are stored also if there were none.
	DeleteRowsByIndex(ctx context.Context, tenantID, kind string, key Index, events []store.Event) (int, error)
	// TouchRow sets UsedAt if it is earlier, without changing the version. ErrNotFound.
	TouchRow(ctx context.Context, tenantID, kind, id string, at time.Time) error

	// RefByUnique returns the row that has a globally unique value, or ErrNotFound.
	RefByUnique(ctx context.Context, kind string, key Unique) (store.Ref, error)
	// RefsByIndex returns up to limit rows (zero means all) of all tenants that have the value, ordered
	// by tenant and ID, after the given one.
	RefsByIndex(ctx context.Context, kind string, key Index, after store.Ref, limit int) ([]store.Ref, error)
	// RefsUpTo returns up to limit rows of all tenants that have a value of the index's name
	// up to this one, ordered by value, tenant and ID, after the given place.
	RefsUpTo(ctx context.Context, kind string, upTo Index, after Place, limit int) ([]Place, error)
	// TenantsWith returns up to limit tenants that have a row of the kind, in order,
	// after the given one.
	TenantsWith(ctx context.Context, kind, after string, limit int) ([]string, error)
}

// codec says how one type of record becomes a row.
type codec[T any] struct {
	kind string
	meta func(*T) *store.Meta
	// used is where a record tells when it was last touched; nil for kinds that never are.
	used func(*T) *time.Time
	// clone copies what is read often, so that it can be kept; nil for all else.
	clone func(T) T
	// stored returns what the record will be decoded to, of the caller's strings none, if that can be said without decoding it.
	// It is for kinds with clone that are written often.
	stored func(T) (T, bool)
	unique func(*T) []Unique
	index  func(*T) []Index
	// head returns a struct of the body's first members, if they are all that unique and index depend on. None of them
	// may be left out of the body when empty.
	head func(*T) any
}

func (c codec[T]) encode(tenantID string, v *T) (Row, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Row{}, fmt.Errorf("store: encode %s: %w", c.kind, err)
	}
	m := c.meta(v)
	r := Row{
		TenantID: tenantID, Kind: c.kind, ID: m.ID, Version: m.Version,
		CreatedAt: store.Time(m.CreatedAt), UpdatedAt: store.Time(m.UpdatedAt), Body: body,
		values: func() (u []Unique, i []Index) {
			if c.unique != nil {
				u = c.unique(v)
			}
			if c.index != nil {
				i = c.index(v)
			}
			return u, i
		},
	}
	if c.stored != nil {
		if s, ok := c.stored(*v); ok {
			r.Decoded = new(Decoded)
			r.Decoded.value.Store(s)
		}
	}
	if c.head != nil {
		head, err := json.Marshal(c.head(v))
		if err != nil {
			return Row{}, fmt.Errorf("store: encode %s: %w", c.kind, err)
		}
		if head = head[:len(head)-1]; bytes.HasPrefix(body, head) { // all but the closing brace
			r.Head = head
		}
	}
	return r, nil
}

func (c codec[T]) decode(r Row) (T, error) {
	v, err := c.content(r)
	if err != nil {
		return v, fmt.Errorf("store: decode %s %s: %w", c.kind, r.ID, err)
	}
	*c.meta(&v) = store.Meta{
		ID: r.ID, TenantID: r.TenantID, Version: r.Version,
		CreatedAt: store.Time(r.CreatedAt), UpdatedAt: store.Time(r.UpdatedAt),
	}
	if c.used != nil {
		*c.used(&v) = store.Time(r.UsedAt)
	}
	return v, nil
}

// content is what a row's body says.
func (c codec[T]) content(r Row) (T, error) {
	keep := c.clone != nil && r.Decoded != nil
	if keep {
		if v, ok := r.Decoded.value.Load().(T); ok {
			return c.clone(v), nil
		}
	}
	var v T
	if err := json.Unmarshal(r.Body, &v); err != nil {
		return v, err
	}
	truncateTimes(reflect.ValueOf(&v).Elem())
	if keep {
		r.Decoded.value.Store(c.clone(v))
	}
	return v, nil
}

func (c codec[T]) decodeAll(rows []Row, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, len(rows))
	for _, r := range rows {
		v, err := c.decode(r)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// get, by, create and update are the operations of every kind.

func (c codec[T]) get(ctx context.Context, b Backend, tenantID, id string) (T, error) {
	r, err := b.Row(ctx, tenantID, c.kind, id)
	if err != nil {
		var zero T
		return zero, err
	}
	return c.decode(r)
}

func (c codec[T]) by(ctx context.Context, b Backend, tenantID string, key Unique) (T, error) {
	r, err := b.RowByUnique(ctx, tenantID, c.kind, key)
	if err != nil {
		var zero T
		return zero, err
	}
	return c.decode(r)
}

func (c codec[T]) create(ctx context.Context, b Backend, tenantID string, v T, events []store.Event) (T, error) {
	r, err := c.encode(tenantID, &v)
	if err != nil {
		return v, err
	}
	if err := b.InsertRow(ctx, r.WithValues(), events); err != nil {
		var zero T
		return zero, err
	}
	r.Version = 1
	return c.decode(r)
}

func (c codec[T]) update(ctx context.Context, b Backend, tenantID string, v T, events []store.Event) (T, error) {
	r, err := c.encode(tenantID, &v)
	if err != nil {
		return v, err
	}
	if r.Head == nil {
		r = r.WithValues()
	}
	created, err := b.UpdateRow(ctx, r, events)
	if err != nil {
		var zero T
		return zero, err
	}
	r.Version, r.CreatedAt = r.Version+1, created
	return c.decode(r)
}

// joined makes one key of several values, of bounded length and without ambiguity.
func joined(parts ...string) string {
	b := make([]byte, 0, 256)
	for i, part := range parts {
		if b = append(append(append(b, "[,"[min(i, 1)], '"'), part...), '"'); !bare(part) {
			b, _ = json.Marshal(parts) // strings always marshal
			b = b[:len(b)-1]
			break
		}
	}
	sum := sha256.Sum256(append(b, ']'))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// bare says whether encoding/json writes a text as it is.
func bare(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// truncateTimes brings all times of a record that was just decoded to what stores
// keep; the record shares nothing with a caller yet.
func truncateTimes(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			*t = store.Time(*t)
			return
		}
		for i := range v.NumField() {
			truncateTimes(v.Field(i))
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k != reflect.Struct {
			return
		}
		for i := range v.Len() {
			truncateTimes(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			truncateTimes(v.Elem())
		}
	}
}

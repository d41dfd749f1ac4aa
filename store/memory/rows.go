package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

// rows keeps the set-up records; it implements records.Backend. Nobody but package
// records sees a row, and that changes none, so rows are no copies.
type rows struct{ s *Store }

func indexName(kind, name string) string { return kind + "\x00" + name }

func (b rows) Row(ctx context.Context, tenantID, kind, id string) (out records.Row, err error) {
	err = b.s.read(ctx, tenantID, func(t *tenant) error {
		r, ok := t.row(kind, id)
		if !ok {
			return notFound(kind, id)
		}
		out = r
		return nil
	})
	return out, err
}

func (t *tenant) row(kind, id string) (records.Row, bool) {
	if rows := t.records[kind]; rows != nil {
		return rows.get(id)
	}
	return records.Row{}, false
}

func (b rows) RowByUnique(ctx context.Context, tenantID, kind string, key records.Unique) (out records.Row, err error) {
	err = b.s.read(ctx, tenantID, func(t *tenant) error {
		r, ok := t.row(kind, t.unique[uniqueKey{kind, key.Name, key.Value}])
		if !ok {
			return notFound(kind, key.Name)
		}
		out = r
		return nil
	})
	return out, err
}

func (b rows) Rows(ctx context.Context, tenantID, kind, after string, limit int) (out []records.Row, err error) {
	err = b.s.read(ctx, tenantID, func(t *tenant) error {
		if t.records[kind] == nil {
			return nil
		}
		for _, r := range t.records[kind].after(after, 0) {
			if limit > 0 && len(out) == limit {
				break
			}
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

func (b rows) RowsByIndex(ctx context.Context, tenantID, kind string, key records.Index) (out []records.Row, err error) {
	err = b.s.read(ctx, tenantID, func(t *tenant) error {
		for id := range t.index[indexName(kind, key.Name)].ids(key.Value) {
			r, _ := t.row(kind, id)
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

func (b rows) RowsByIDs(ctx context.Context, tenantID, kind string, ids []string) ([]records.Row, error) {
	return b.collect(ctx, tenantID, kind, func(_ *tenant, found func(id string)) {
		for _, id := range ids {
			found(id)
		}
	})
}

func (b rows) RowsByIndexes(ctx context.Context, tenantID, kind, name string, values []string) ([]records.Row, error) {
	return b.collect(ctx, tenantID, kind, func(t *tenant, found func(id string)) {
		index := t.index[indexName(kind, name)]
		for _, v := range values {
			for id := range index.ids(v) {
				found(id)
			}
		}
	})
}

func (b rows) RowsByUniques(ctx context.Context, tenantID, kind, name string, values []string) ([]records.Row, error) {
	return b.collect(ctx, tenantID, kind, func(t *tenant, found func(id string)) {
		for _, v := range values {
			if id, ok := t.unique[uniqueKey{kind, name, v}]; ok {
				found(id)
			}
		}
	})
}

// collect returns the rows that look finds, each once, in order of the ID.
func (b rows) collect(ctx context.Context, tenantID, kind string, look func(t *tenant, found func(id string))) ([]records.Row, error) {
	ids := map[string]bool{}
	var out []records.Row
	err := b.s.read(ctx, tenantID, func(t *tenant) error {
		look(t, func(id string) { ids[id] = true })
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			if r, ok := t.row(kind, id); ok {
				out = append(out, r)
			}
		}
		return nil
	})
	return out, err
}

func (b rows) InsertRow(ctx context.Context, r records.Row, events []store.Event) error {
	return b.s.write(ctx, r.TenantID, events, func(t *tenant, log *undoLog) error {
		if _, taken := t.row(r.Kind, r.ID); taken {
			return conflict(r.Kind, r.ID)
		}
		r.Version = 1
		return b.put(t, log, r)
	})
}

func (b rows) UpdateRow(ctx context.Context, r records.Row, events []store.Event) (createdAt time.Time, err error) {
	err = b.s.write(ctx, r.TenantID, events, func(t *tenant, log *undoLog) error {
		old, ok := t.row(r.Kind, r.ID)
		switch {
		case !ok:
			return notFound(r.Kind, r.ID)
		case old.Version != r.Version:
			return stale(r.Kind, r.ID, old.Version, r.Version)
		}
		createdAt = old.CreatedAt
		r.Version, r.CreatedAt, r.UsedAt = old.Version+1, old.CreatedAt, old.UsedAt
		if r.Head != nil && bytes.HasPrefix(old.Body, r.Head) {
			r = r.WithValuesOf(old)
		} else {
			r = r.WithValues()
		}
		if slices.Equal(old.Unique, r.Unique) && slices.Equal(old.Index, r.Index) {
			t.records[r.Kind].put(log, r.ID, decodable(r))
			return nil
		}
		b.drop(t, log, old)
		return b.put(t, log, r)
	})
	return createdAt, err
}

func (b rows) DeleteRow(ctx context.Context, tenantID, kind, id string, version int64, events []store.Event) error {
	return b.s.write(ctx, tenantID, events, func(t *tenant, log *undoLog) error {
		old, ok := t.row(kind, id)
		switch {
		case !ok:
			return notFound(kind, id)
		case version != 0 && old.Version != version:
			return stale(kind, id, old.Version, version)
		}
		b.drop(t, log, old)
		return nil
	})
}

func (b rows) DeleteRowsByIndex(ctx context.Context, tenantID, kind string, key records.Index, events []store.Event) (n int, err error) {
	err = b.s.write(ctx, tenantID, events, func(t *tenant, log *undoLog) error {
		for _, id := range slices.Collect(t.index[indexName(kind, key.Name)].ids(key.Value)) {
			old, _ := t.row(kind, id)
			b.drop(t, log, old)
			n++
		}
		return nil
	})
	return n, err
}

func (b rows) TouchRow(ctx context.Context, tenantID, kind, id string, at time.Time) error {
	return b.s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		r, ok := t.row(kind, id)
		if !ok {
			return notFound(kind, id)
		}
		if r.UsedAt.Before(at) {
			r.UsedAt = at
			t.records[kind].put(log, id, r)
		}
		return nil
	})
}

// put stores a row with its unique and index values; the caller's transaction takes
// everything back if one of them is taken.
func (b rows) put(t *tenant, log *undoLog, r records.Row) error {
	if t.records[r.Kind] == nil {
		t.records[r.Kind] = newTable[records.Row]()
	}
	r = decodable(r)
	t.records[r.Kind].put(log, r.ID, r)
	for _, u := range r.Unique {
		key := uniqueKey{r.Kind, u.Name, u.Value}
		if u.Global {
			if _, taken := b.s.db.unique[key]; taken {
				return conflict(r.Kind+" "+u.Name, u.Value)
			}
			b.s.db.unique[key] = store.Ref{TenantID: r.TenantID, ID: r.ID}
			log.add(func() { delete(b.s.db.unique, key) })
			continue
		}
		if _, taken := t.unique[key]; taken {
			return conflict(r.Kind+" "+u.Name, u.Value)
		}
		t.unique[key] = r.ID
		log.add(func() { delete(t.unique, key) })
	}
	for _, i := range r.Index {
		name := indexName(r.Kind, i.Name)
		if t.index[name] == nil {
			t.index[name] = multi{}
		}
		t.index[name].add(log, i.Value, r.ID)
	}
	return nil
}

// decodable gives a row a place for what it decodes to.
func decodable(r records.Row) records.Row {
	if r.Decoded == nil {
		r.Decoded = new(records.Decoded)
	}
	return r
}

// drop removes a row with its unique and index values.
func (b rows) drop(t *tenant, log *undoLog, r records.Row) {
	t.records[r.Kind].remove(log, r.ID)
	for _, u := range r.Unique {
		key := uniqueKey{r.Kind, u.Name, u.Value}
		if u.Global {
			ref := b.s.db.unique[key]
			delete(b.s.db.unique, key)
			log.add(func() { b.s.db.unique[key] = ref })
			continue
		}
		delete(t.unique, key)
		log.add(func() { t.unique[key] = r.ID })
	}
	for _, i := range r.Index {
		t.index[indexName(r.Kind, i.Name)].remove(log, i.Value, r.ID)
	}
}

func (b rows) RefByUnique(ctx context.Context, kind string, key records.Unique) (ref store.Ref, err error) {
	err = b.s.read(ctx, "", func(*tenant) error {
		var ok bool
		if ref, ok = b.s.db.unique[uniqueKey{kind, key.Name, key.Value}]; !ok {
			return notFound(kind, key.Value)
		}
		return nil
	})
	return ref, err
}

func (b rows) RefsByIndex(ctx context.Context, kind string, key records.Index, after store.Ref, limit int) ([]store.Ref, error) {
	var out []store.Ref
	err := b.s.read(ctx, "", func(*tenant) error {
		for tenantID, t := range b.s.db.tenants {
			for id := range t.index[indexName(kind, key.Name)].ids(key.Value) {
				if ref := (store.Ref{TenantID: tenantID, ID: id}); compareRefs(ref, after) > 0 {
					out = append(out, ref)
				}
			}
		}
		return nil
	})
	slices.SortFunc(out, compareRefs)
	if limit > 0 {
		out = out[:min(len(out), limit)]
	}
	return out, err
}

func (b rows) RefsUpTo(ctx context.Context, kind string, upTo records.Index, after records.Place, limit int) ([]records.Place, error) {
	var out []records.Place
	err := b.s.read(ctx, "", func(*tenant) error {
		for tenantID, t := range b.s.db.tenants {
			index := t.index[indexName(kind, upTo.Name)]
			for value := range index {
				if value > upTo.Value || value < after.Value {
					continue
				}
				for id := range index.ids(value) {
					if p := (records.Place{Value: value, Ref: store.Ref{TenantID: tenantID, ID: id}}); comparePlaces(p, after) > 0 {
						out = append(out, p)
					}
				}
			}
		}
		return nil
	})
	slices.SortFunc(out, comparePlaces)
	if limit > 0 {
		out = out[:min(len(out), limit)]
	}
	return out, err
}

func comparePlaces(a, b records.Place) int {
	return cmp.Or(cmp.Compare(a.Value, b.Value), compareRefs(a.Ref, b.Ref))
}

func compareRefs(a, b store.Ref) int {
	return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.ID, b.ID))
}

func (b rows) TenantsWith(ctx context.Context, kind, after string, limit int) ([]string, error) {
	return b.s.tenantsWhere(ctx, after, limit, func(t *tenant) bool {
		return t.records[kind] != nil && t.records[kind].len() > 0
	})
}

package memory

import "iter"

// undoLog remembers how to take back what a transaction did.
type undoLog []func()

func (l *undoLog) add(f func()) { *l = append(*l, f) }

// rollback takes back everything since the log had n entries.
func (l *undoLog) rollback(n int) {
	for i := len(*l) - 1; i >= n; i-- {
		(*l)[i]()
	}
	clear((*l)[n:])
	*l = (*l)[:n]
}

// table is a map with its keys in order, whose changes can be taken back.
type table[V any] struct {
	rows map[string]V
	keys sorted
}

func newTable[V any]() *table[V] { return &table[V]{rows: map[string]V{}} }

func (t *table[V]) get(key string) (V, bool) {
	v, ok := t.rows[key]
	return v, ok
}

func (t *table[V]) len() int { return len(t.rows) }

func (t *table[V]) put(log *undoLog, key string, v V) {
	old, existed := t.rows[key]
	t.rows[key] = v
	if existed {
		log.add(func() { t.rows[key] = old })
		return
	}
	t.keys.insert(key)
	log.add(func() { delete(t.rows, key); t.keys.remove(key) })
}

func (t *table[V]) remove(log *undoLog, key string) {
	old, existed := t.rows[key]
	if !existed {
		return
	}
	delete(t.rows, key)
	t.keys.remove(key)
	log.add(func() { t.rows[key] = old; t.keys.insert(key) })
}

// after yields the rows whose keys are greater than key, without the first skip.
func (t *table[V]) after(key string, skip int) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for k := range t.keys.after(key, skip) {
			if !yield(k, t.rows[k]) {
				return
			}
		}
	}
}

// multi maps a value to the set of IDs that have it. Most values have one.
type multi map[string]idSet

// idSet is one ID, or several in order.
type idSet struct {
	one  string
	more *sorted
}

func (m multi) add(log *undoLog, value, id string) {
	set, some := m[value]
	switch {
	case !some:
		m[value] = idSet{one: id}
		log.add(func() { delete(m, value) })
	case set.more != nil:
		if set.more.insert(id) {
			log.add(func() { set.more.remove(id) })
		}
	case set.one != id:
		z := &sorted{}
		z.insert(set.one)
		z.insert(id)
		m[value] = idSet{more: z}
		log.add(func() { m[value] = set })
	}
}

func (m multi) remove(log *undoLog, value, id string) {
	set, some := m[value]
	switch {
	case !some:
	case set.more == nil:
		if set.one == id {
			delete(m, value)
			log.add(func() { m[value] = set })
		}
	case set.more.remove(id):
		if set.more.n == 0 {
			delete(m, value)
		}
		log.add(func() { set.more.insert(id); m[value] = set })
	}
}

// hasOther reports whether an ID other than this one has the value.
func (m multi) hasOther(value, id string) bool {
	set, some := m[value]
	return some && (set.more == nil && set.one != id || set.more != nil && (set.more.n > 1 || !set.more.has(id)))
}

// ids yields the IDs that have the value, in order.
func (m multi) ids(value string) iter.Seq[string] {
	set, some := m[value]
	switch {
	case !some:
		return func(func(string) bool) {}
	case set.more != nil:
		return set.more.after("", 0)
	}
	return func(yield func(string) bool) { yield(set.one) }
}

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

// multi maps a value to the set of IDs that have it.
type multi map[string]*table[struct{}]

func (m multi) add(log *undoLog, value, id string) {
	set := m[value]
	if set == nil {
		set = newTable[struct{}]()
		m[value] = set
		log.add(func() {
			if set.len() == 0 {
				delete(m, value)
			}
		})
	}
	set.put(log, id, struct{}{})
}

func (m multi) remove(log *undoLog, value, id string) {
	set := m[value]
	if set == nil {
		return
	}
	set.remove(log, id)
	if set.len() == 0 {
		delete(m, value)
		log.add(func() { m[value] = set })
	}
}

// ids yields the IDs that have the value, in order.
func (m multi) ids(value string) iter.Seq[string] {
	if set := m[value]; set != nil {
		return set.keys.after("", 0)
	}
	return func(func(string) bool) {}
}

package records

import (
	"bytes"
	"sync"
)

// memoSize bounds the rows of a Memo: one has a few KiB.
const memoSize = 1024

// Memo keeps what connections were decoded to, for backends that read their rows from elsewhere: a sign-in reads its connection
// twice, and decoding one takes longer than finding it. It goes by all of the row's body, which is read each time, so that it
// can't be out of date. It is safe for concurrent use.
type Memo struct {
	mu   sync.Mutex
	rows map[memoKey]memoRow
}

type memoKey struct{ tenantID, id string }

type memoRow struct {
	body    []byte
	decoded *Decoded
}

// NewMemo returns an empty Memo.
func NewMemo() *Memo { return &Memo{rows: make(map[memoKey]memoRow)} }

// Row gives the row, if it is a connection's, the place of what its body was decoded to before. The body must not be changed
// any more.
func (m *Memo) Row(r Row) Row {
	if r.Kind != kindConnection || r.ID == "" {
		return r
	}
	key := memoKey{r.TenantID, r.ID}
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept, ok := m.rows[key]; ok && bytes.Equal(kept.body, r.Body) {
		r.Decoded = kept.decoded
		return r
	}
	if len(m.rows) >= memoSize {
		for any := range m.rows { // in no order
			delete(m.rows, any)
			break
		}
	}
	r.Decoded = new(Decoded)
	m.rows[key] = memoRow{r.Body, r.Decoded}
	return r
}

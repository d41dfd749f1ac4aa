package scim

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// cursor is the place where a page ended (RFC 9865). It holds no secret and
// gives no access: the tenant always comes from the path and the key. It is
// bound to the query that it came from.
type cursor struct {
	After string `json:"a"`
	// Key is the value that After was sorted by, in a sorted list.
	Key *sortKey `json:"k,omitempty"`
	// Total is what the first page counted.
	Total int    `json:"t"`
	Query string `json:"q"`
}

// maxCursor bounds what a client may send, in bytes.
const maxCursor = 16 << 10

// fingerprint tells queries apart.
func (l *listing) fingerprint() string {
	parts := []string{l.view.r.tenant, l.view.rt.Name, l.p.filter, l.p.sortBy, strconv.FormatBool(l.p.descending)}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// start is the cursor that the client sent, or the first one.
func (l *listing) start() (cursor, error) {
	c := cursor{Query: l.fingerprint(), Total: -1}
	if l.p.cursor == "" {
		return c, nil
	}
	bad := badRequest(TypeInvalidCursor, "The cursor is none of ours for this query; start again with an empty one.")
	if len(l.p.cursor) > maxCursor {
		return c, bad
	}
	raw, err := base64.RawURLEncoding.DecodeString(l.p.cursor)
	var sent cursor
	if err != nil || json.Unmarshal(raw, &sent) != nil || sent.Query != c.Query || !plausibleID(sent.After) || (sent.Key != nil) != (l.by != nil) {
		return c, bad
	}
	return sent, nil
}

// plausibleID keeps what no store could have as an ID away from it.
func plausibleID(id string) bool {
	odd := func(c rune) bool { return c <= ' ' || c > '~' }
	return id != "" && len(id) <= 100 && strings.IndexFunc(id, odd) < 0
}

func (c cursor) encode() string {
	raw, err := json.Marshal(c)
	if err != nil {
		return "" // strings and numbers always marshal
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// findAfter finds the page behind the cursor. The total is counted for the
// first page and carried along.
func (l *listing) findAfter(ctx context.Context) error {
	c, err := l.start()
	if err != nil {
		return err
	}
	if l.total = c.Total; l.total < 0 {
		if err := l.findWindow(ctx, 0, 0); err != nil {
			return err
		}
	}
	size := l.view.h.size(l.p)
	if size == 0 {
		return nil
	}
	more := false
	q := store.Query{Filter: l.expr, After: c.After}
	if l.exact {
		q.Limit = min(size+1, store.MaxLimit) // the one that tells whether there is more
	}
	err = l.walk(ctx, q, func(rec record) bool {
		if len(l.records) == size {
			more = true
			return false
		}
		l.records = append(l.records, rec)
		return true
	})
	if more {
		l.next = cursor{After: l.records[size-1].ID, Total: l.total, Query: c.Query}.encode()
	}
	return err
}

package scim

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// cursor is the place where a page ended (RFC 9865). Clients get it sealed with a key that
// follows from their API key, so that every replica can open it and nobody makes one up; it
// is bound to the tenant, the region and the query that it came from.
type cursor struct {
	After string `json:"a"`
	// Key is the value that After was sorted by, in a sorted list.
	Key *sortKey `json:"k,omitempty"`
	// Total is what the first page counted.
	Total int `json:"t"`
}

// maxCursor bounds what a client may send, in bytes.
const maxCursor = 16 << 10

// query tells queries apart.
func (l *listing) query() []byte {
	parts := []string{l.view.r.tenant, l.view.rt.Name, l.p.filter, l.p.sortBy, strconv.FormatBool(l.p.descending)}
	if region := l.view.h.cfg.Regions.Binding(); region != "" {
		parts = append(parts, region)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return sum[:]
}

// aead seals the cursors of the request's API key.
func (r *request) aead() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(r.token), nil, "tenantgate scim cursor", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// start is the cursor that the client sent, or the first one.
func (l *listing) start() (cursor, error) {
	first := cursor{Total: -1}
	if l.p.cursor == "" {
		return first, nil
	}
	bad := badRequest(TypeInvalidCursor, "The cursor is none of ours for this query; start again with an empty one.")
	sealed, err := base64.RawURLEncoding.DecodeString(l.p.cursor)
	if err != nil || len(l.p.cursor) > maxCursor {
		return first, bad
	}
	aead, err := l.view.r.aead()
	if err != nil {
		return first, err
	}
	raw, err := aead.Open(nil, nil, sealed, l.query())
	var sent cursor
	if err != nil || json.Unmarshal(raw, &sent) != nil || !plausibleID(sent.After) || (sent.Key != nil) != (l.by != nil) {
		return first, bad
	}
	return sent, nil
}

// seal is the cursor as the client gets it.
func (l *listing) seal(c cursor) (string, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	aead, err := l.view.r.aead()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, raw, l.query())), nil
}

// plausibleID keeps what no store could have as an ID away from it.
func plausibleID(id string) bool {
	odd := func(c rune) bool { return c <= ' ' || c > '~' }
	return id != "" && len(id) <= 100 && strings.IndexFunc(id, odd) < 0
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
	if err == nil && more {
		l.next, err = l.seal(cursor{After: l.records[size-1].ID, Total: l.total})
	}
	return err
}

package sqlstore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// unique comes before a key that is unique. It is a zero written longer than need be,
// and so never the beginning of a key: lengths are written as short as they can be.
const unique = "\x80\x00"

// EncodeKeys writes keys as one column of the record, beside the rows by which the
// record is found: reading a record then costs no second look-up. A key is the lengths
// and texts of its attribute and value.
func EncodeKeys(keys []store.Key) []byte {
	n := 0
	for _, k := range keys {
		n += len(unique) + len(k.Attr) + len(k.Value) + 2*binary.MaxVarintLen16
	}
	b := make([]byte, 0, n)
	for _, k := range keys {
		if k.Unique {
			b = append(b, unique...)
		}
		b = binary.AppendUvarint(b, uint64(len(k.Attr)))
		b = append(b, k.Attr...)
		b = binary.AppendUvarint(b, uint64(len(k.Value)))
		b = append(b, k.Value...)
	}
	return b
}

// KeyRows makes rows of keys: each value once, in the form in which an index has it, and
// in an order, so that writers who meet wait for each other and don't deadlock.
func (d *Dialect) KeyRows(keys []store.Key) []store.Key {
	rows := slices.Clone(keys)
	for i := range rows {
		rows[i].Value = d.Indexed(rows[i].Value)
	}
	slices.SortFunc(rows, func(a, b store.Key) int {
		if c := cmp.Or(cmp.Compare(a.Attr, b.Attr), cmp.Compare(a.Value, b.Value)); c != 0 || a.Unique == b.Unique {
			return c
		}
		if a.Unique {
			return -1
		}
		return 1
	})
	return slices.CompactFunc(rows, func(a, b store.Key) bool { return a.Attr == b.Attr && a.Value == b.Value })
}

// AnyUnique says whether a write of the keys can meet another record.
func AnyUnique(keys []store.Key) bool {
	return slices.ContainsFunc(keys, func(k store.Key) bool { return k.Unique })
}

var errKeys = errors.New("the column of keys is damaged")

// DecodeKeys reads what EncodeKeys wrote. It makes one string and slices it.
func DecodeKeys(b []byte) ([]store.Key, error) {
	if len(b) == 0 {
		return nil, nil
	}
	s := string(b)
	keys := make([]store.Key, 0, 8)
	for at := 0; at < len(b); {
		sole := strings.HasPrefix(s[at:], unique)
		if sole {
			at += len(unique)
		}
		var parts [2]string
		for i := range parts {
			n, size := binary.Uvarint(b[at:])
			if size <= 0 || n > uint64(len(b)-at-size) {
				return nil, errKeys
			}
			parts[i] = s[at+size : at+size+int(n)]
			at += size + int(n)
		}
		keys = append(keys, store.Key{Attr: store.Attr(parts[0]), Value: parts[1], Unique: sole})
	}
	return keys, nil
}

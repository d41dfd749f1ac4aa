package sqlstore

import (
	"encoding/binary"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

// EncodeKeys writes keys as one column of the record, beside the rows by which the
// record is found: reading a record then costs no second look-up.
func EncodeKeys(keys []store.Key) []byte {
	n := 0
	for _, k := range keys {
		n += len(k.Attr) + len(k.Value) + 2*binary.MaxVarintLen16
	}
	b := make([]byte, 0, n)
	for _, k := range keys {
		b = binary.AppendUvarint(b, uint64(len(k.Attr)))
		b = append(b, k.Attr...)
		b = binary.AppendUvarint(b, uint64(len(k.Value)))
		b = append(b, k.Value...)
	}
	return b
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
		var parts [2]string
		for i := range parts {
			n, size := binary.Uvarint(b[at:])
			if size <= 0 || n > uint64(len(b)-at-size) {
				return nil, errKeys
			}
			parts[i] = s[at+size : at+size+int(n)]
			at += size + int(n)
		}
		keys = append(keys, store.Key{Attr: store.Attr(parts[0]), Value: parts[1]})
	}
	return keys, nil
}

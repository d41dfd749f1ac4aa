package sqlstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestKeys(t *testing.T) {
	for _, keys := range [][]store.Key{
		nil,
		{{Attr: "emails.value", Value: "a@b"}},
		{{Attr: "", Value: ""}, {Attr: "x", Value: "\x00\xff"}, {Attr: `emails[type eq "work"].value`, Value: string(make([]byte, 300))}},
		{{Attr: "a", Value: "1", Unique: true}, {Attr: "", Value: "", Unique: true}, {Attr: "a", Value: "2"}, {Attr: "b", Value: string(make([]byte, 300)), Unique: true}},
	} {
		got, err := DecodeKeys(EncodeKeys(keys))
		require.NoError(t, err)
		require.Equal(t, keys, got)
	}
	require.NotNil(t, EncodeKeys(nil), "the column is never NULL")
}

// TestKeysOfVersion1 reads what was written before keys could be unique, and writes keys
// that are not as they were: an update would otherwise find them changed.
func TestKeysOfVersion1(t *testing.T) {
	stored := []byte("\x0cemails.value\x03a@b" + "\x00\x00" + "\x00\x01x" + "\x05title\x00")
	keys := []store.Key{{Attr: "emails.value", Value: "a@b"}, {}, {Value: "x"}, {Attr: "title"}}
	got, err := DecodeKeys(stored)
	require.NoError(t, err)
	require.Equal(t, keys, got)
	require.Equal(t, stored, EncodeKeys(keys))
}

func TestDamagedKeys(t *testing.T) {
	for _, b := range []string{"\x01", "\x01a", "\x01a\x02b", unique, unique + "\x01a", unique + unique + "\x01a\x01", "\x01a\x01b" + unique} {
		_, err := DecodeKeys([]byte(b))
		require.ErrorIs(t, err, errKeys, "%q", b)
	}
}

func TestKeyRows(t *testing.T) {
	d := Dialect{MaxIndexed: 10}
	long := "012345678901234567890"
	given := []store.Key{
		{Attr: "b", Value: "1"},
		{Attr: "a", Value: "2", Unique: true},
		{Attr: "a", Value: "1"},
		{Attr: "b", Value: "1", Unique: true},
		{Attr: "a", Value: long},
		{Attr: "b", Value: "1"},
		{Attr: "a", Value: "2", Unique: true},
	}
	require.Equal(t, []store.Key{
		{Attr: "a", Value: d.Indexed(long)}, {Attr: "a", Value: "1"}, {Attr: "a", Value: "2", Unique: true}, {Attr: "b", Value: "1", Unique: true},
	}, d.KeyRows(given))
	require.Equal(t, long, given[4].Value, "the keys given stay as they are")
	require.Empty(t, d.KeyRows(nil))
	require.True(t, AnyUnique(given))
	require.False(t, AnyUnique(given[:1]))
}

func FuzzDecodeKeys(f *testing.F) {
	f.Add([]byte{})
	f.Add(EncodeKeys([]store.Key{{Attr: "emails.value", Value: "a@b"}, {Attr: "x"}, {Attr: "x", Value: "y", Unique: true}}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := DecodeKeys(b)
		if err != nil {
			return
		}
		again, err := DecodeKeys(EncodeKeys(keys))
		require.NoError(t, err)
		require.Equal(t, keys, again)
	})
}

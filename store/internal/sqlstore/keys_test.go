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
	} {
		got, err := DecodeKeys(EncodeKeys(keys))
		require.NoError(t, err)
		require.Equal(t, keys, got)
	}
	require.NotNil(t, EncodeKeys(nil), "the column is never NULL")
}

func FuzzDecodeKeys(f *testing.F) {
	f.Add([]byte{})
	f.Add(EncodeKeys([]store.Key{{Attr: "emails.value", Value: "a@b"}, {Attr: "x"}}))
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

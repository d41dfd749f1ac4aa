package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArray(t *testing.T) {
	require.Equal(t, `{}`, array(nil))
	require.Equal(t, `{"a","","NULL","{x,y}","q\"uote","back\\slash"}`, array([]string{"a", "", "NULL", "{x,y}", `q"uote`, `back\slash`}))
}

func TestStorable(t *testing.T) {
	for text, want := range map[string]bool{"": true, "é": true, "a\x00b": false, "a\xffb": false} {
		require.Equal(t, want, storable(text), "%q", text)
	}
}
